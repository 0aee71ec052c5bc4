"""Part IV of the course, Applications: what trained features are good for, and where in the picture things are."""

from cnncourse.applications.transfer import (
    Curve,
    LinearClassifier,
    Split,
    features,
    fit_linear,
    freeze,
    learning_curve,
    nearest_mean,
)

__all__ = [
    "Curve",
    "LinearClassifier",
    "Split",
    "features",
    "fit_linear",
    "freeze",
    "learning_curve",
    "nearest_mean",
]
