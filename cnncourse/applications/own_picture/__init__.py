"""Try it with your own picture: a network in the page, confidence that means something, and pictures seen before.

softmax(z / T) with T from held-out photographs; log Σ exp z below a threshold means "unlike anything seen".

Chapter: `applications/own_picture`.
"""

from cnncourse.applications.own_picture.calibration import (
    answers,
    expected_calibration_error,
    fit_temperature,
    negative_log_likelihood,
    reliability,
    soften,
)
from cnncourse.applications.own_picture.hashing import (
    CHANGES,
    difference_hash,
    distances,
    hashes,
    mirrored,
    near_duplicates,
)
from cnncourse.applications.own_picture.leakage import Share, accuracy_after, standard_error
from cnncourse.applications.own_picture.log import logged, measured, share_right
from cnncourse.applications.own_picture.novelty import (
    SCORES,
    largest_logit,
    largest_probability,
    separation,
    share_accepted,
    threshold_for,
    total_evidence,
)

__all__ = [
    "CHANGES",
    "SCORES",
    "Share",
    "accuracy_after",
    "answers",
    "difference_hash",
    "distances",
    "expected_calibration_error",
    "fit_temperature",
    "hashes",
    "largest_logit",
    "largest_probability",
    "logged",
    "measured",
    "mirrored",
    "near_duplicates",
    "negative_log_likelihood",
    "reliability",
    "separation",
    "share_accepted",
    "share_right",
    "soften",
    "standard_error",
    "threshold_for",
    "total_evidence",
]
