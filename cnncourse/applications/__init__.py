"""Part IV of the course, Applications: what trained features are good for, and where in the picture things are."""

from cnncourse.applications.anchors import BACKGROUND, BETWEEN, anchor_grid, anchor_shapes, count_anchors, inside, match
from cnncourse.applications.average_precision import (
    Detections,
    Truth,
    class_average_precisions,
    judge,
    mean_average_precision,
    precision_recall,
)
from cnncourse.applications.boxes import (
    FORMATS,
    areas,
    clip,
    convert,
    decode,
    encode,
    intersections,
    iou,
    iou_after_shift,
)
from cnncourse.applications.evaluation import Evaluation, evaluate, truths
from cnncourse.applications.faster_rcnn import FasterRCNN, roi_align, roi_pool
from cnncourse.applications.imitation import imitate_detector
from cnncourse.applications.rcnn import RCNN, Hierarchy, Strategy, group, propose, segment, warp
from cnncourse.applications.suppression import non_maximum_suppression, soft_suppression
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
from cnncourse.applications.yolo import Yolo, YoloDetector, count_outputs, yolo_loss

__all__ = [
    "BACKGROUND",
    "BETWEEN",
    "FORMATS",
    "RCNN",
    "Curve",
    "Detections",
    "Evaluation",
    "FasterRCNN",
    "Hierarchy",
    "LinearClassifier",
    "Split",
    "Strategy",
    "Truth",
    "Yolo",
    "YoloDetector",
    "anchor_grid",
    "anchor_shapes",
    "areas",
    "class_average_precisions",
    "clip",
    "convert",
    "count_anchors",
    "count_outputs",
    "decode",
    "encode",
    "evaluate",
    "features",
    "fit_linear",
    "freeze",
    "group",
    "imitate_detector",
    "inside",
    "intersections",
    "iou",
    "iou_after_shift",
    "judge",
    "learning_curve",
    "match",
    "mean_average_precision",
    "nearest_mean",
    "non_maximum_suppression",
    "precision_recall",
    "propose",
    "roi_align",
    "roi_pool",
    "segment",
    "soft_suppression",
    "truths",
    "warp",
    "yolo_loss",
]
