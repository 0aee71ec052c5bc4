"""Transfer: cut off a trained network's last layer, keep its features, learn new classes from few pictures.

Zeiler & Fergus 2014, section 5.2; Donahue et al. 2014; Yosinski et al. 2014.

Chapter: `applications/transfer`.
"""

from cnncourse.applications.transfer.at_hand import Task, at_hand, bundled
from cnncourse.applications.transfer.features import features, standardized, vectors
from cnncourse.applications.transfer.few_shot import (
    Contestant,
    Curve,
    Split,
    draw,
    from_scratch,
    learning_curve,
    on_features,
)
from cnncourse.applications.transfer.freezing import freeze, moved, snapshot
from cnncourse.applications.transfer.linear import LinearClassifier, fit_linear, nearest_mean

__all__ = [
    "Contestant",
    "Curve",
    "LinearClassifier",
    "Split",
    "Task",
    "at_hand",
    "bundled",
    "draw",
    "features",
    "fit_linear",
    "freeze",
    "from_scratch",
    "learning_curve",
    "moved",
    "nearest_mean",
    "on_features",
    "snapshot",
    "standardized",
    "vectors",
]
