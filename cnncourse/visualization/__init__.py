"""Part III of the course, Visualizing CNNs: what a trained network reacts to, and what its pictures can claim."""

from cnncourse.visualization.activations import (
    Strongest,
    activity,
    dead_filters,
    feature_maps,
    field_of,
    first_filters,
    patches,
    strongest,
)
from cnncourse.visualization.taps import evaluating, watching

__all__ = [
    "Strongest",
    "activity",
    "dead_filters",
    "evaluating",
    "feature_maps",
    "field_of",
    "first_filters",
    "patches",
    "strongest",
    "watching",
]
