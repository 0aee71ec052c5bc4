"""Face verification: is this the same person? An embedding, a distance, and a threshold.

Taigman et al. 2014 (DeepFace); Hadsell et al. 2006 (contrastive loss); Schroff et al. 2015 (triplets).

Chapter: `applications/face_verification`.
"""

from cnncourse.applications.face_verification.audit import GroupAudit, Rate, audit, interval_over_people, wilson
from cnncourse.applications.face_verification.deepface import DeepFace, layer_rows
from cnncourse.applications.face_verification.embedding import FaceEmbedding, People, embed
from cnncourse.applications.face_verification.losses import (
    contrastive_loss,
    random_triplets,
    semi_hard_triplets,
    squared_distances,
    triplet_loss,
)
from cnncourse.applications.face_verification.pairs import Pairs, draw_pairs
from cnncourse.applications.face_verification.rates import (
    FoldAccuracy,
    Roc,
    accuracy_at,
    best_threshold,
    equal_error_rate,
    fold_accuracy,
    roc,
    tar_at_far,
)
from cnncourse.applications.face_verification.results import pretrained

__all__ = [
    "DeepFace",
    "FaceEmbedding",
    "FoldAccuracy",
    "GroupAudit",
    "Pairs",
    "People",
    "Rate",
    "Roc",
    "accuracy_at",
    "audit",
    "best_threshold",
    "contrastive_loss",
    "draw_pairs",
    "embed",
    "equal_error_rate",
    "fold_accuracy",
    "interval_over_people",
    "layer_rows",
    "pretrained",
    "random_triplets",
    "roc",
    "semi_hard_triplets",
    "squared_distances",
    "tar_at_far",
    "triplet_loss",
    "wilson",
]
