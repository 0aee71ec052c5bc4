"""YOLO: one look, one grid; every cell says which boxes, how sure, and which class.

score = Pr(class | object) · confidence        outputs = S · S · (5B + C)
Paper: Redmon, Divvala, Girshick & Farhadi 2016.

Chapter: `applications/yolo`.
"""

from cnncourse.applications.yolo.detection import YoloDetector, detect, look, scored_boxes
from cnncourse.applications.yolo.grid import Cells, Targets, assign, corners, count_outputs, outputs_per_cell, split
from cnncourse.applications.yolo.loss import TERMS, loss_terms, responsible, yolo_loss
from cnncourse.applications.yolo.network import Yolo

__all__ = [
    "TERMS",
    "Cells",
    "Targets",
    "Yolo",
    "YoloDetector",
    "assign",
    "corners",
    "count_outputs",
    "detect",
    "load",
    "look",
    "loss_terms",
    "outputs_per_cell",
    "responsible",
    "scored_boxes",
    "split",
    "yolo_loss",
]


def load() -> YoloDetector:
    """The detector that comes with the course; call it with images (N, 3, H, W), prepared as `SceneSet` gives them."""
    from cnncourse.applications.yolo import train  # here, so that `python -m …yolo.train` imports it once

    return train.load()
