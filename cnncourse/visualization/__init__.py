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
    strongest_in_layers,
)
from cnncourse.visualization.deconvnet import RULES, project, project_by_hand, rectifier_backward, rectifying, unpool
from cnncourse.visualization.inceptionism import NO_PRIORS, ClassImage, Priors, amplify, class_image
from cnncourse.visualization.occlusion import (
    Occlusion,
    Panels,
    Savings,
    changed_through,
    four_panels,
    occlude,
    occlusion_map,
    savings,
    strongest_map,
)
from cnncourse.visualization.planted_cue import PlantedCues, plant, reader
from cnncourse.visualization.pointing import edges, hits, share_inside
from cnncourse.visualization.saliency import grad_cam, gradient, gradient_times_input, magnitude
from cnncourse.visualization.sanity import randomized_from_the_top, rank_correlation, sanity_check
from cnncourse.visualization.taps import evaluating, watching

__all__ = [
    "NO_PRIORS",
    "RULES",
    "ClassImage",
    "Occlusion",
    "Panels",
    "PlantedCues",
    "Priors",
    "Savings",
    "Strongest",
    "activity",
    "amplify",
    "changed_through",
    "class_image",
    "dead_filters",
    "edges",
    "evaluating",
    "feature_maps",
    "field_of",
    "first_filters",
    "four_panels",
    "grad_cam",
    "gradient",
    "gradient_times_input",
    "hits",
    "magnitude",
    "occlude",
    "occlusion_map",
    "patches",
    "plant",
    "project",
    "project_by_hand",
    "randomized_from_the_top",
    "rank_correlation",
    "reader",
    "rectifier_backward",
    "rectifying",
    "sanity_check",
    "savings",
    "share_inside",
    "strongest",
    "strongest_in_layers",
    "strongest_map",
    "unpool",
    "watching",
]
