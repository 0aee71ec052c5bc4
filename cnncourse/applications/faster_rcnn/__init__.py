"""Faster R-CNN: one network proposes boxes, pools features inside them, classifies them and moves their sides.

loss = objectness + moves of anchors + classes + moves of proposals
Papers: Ren et al. 2015; Girshick 2015 (RoI pooling); He et al. 2017 (RoI align).

Chapter: `applications/faster_rcnn`.
"""

from cnncourse.applications.faster_rcnn.losses import (
    loss_box_reg,
    loss_classifier,
    loss_objectness,
    loss_rpn_box_reg,
    smooth_l1,
)
from cnncourse.applications.faster_rcnn.network import FasterRCNN, Proposals
from cnncourse.applications.faster_rcnn.regions import roi_align, roi_pool
from cnncourse.applications.faster_rcnn.sampling import label_regions, sample
from cnncourse.applications.faster_rcnn.train import joint_loss, load, log

__all__ = [
    "FasterRCNN",
    "Proposals",
    "joint_loss",
    "label_regions",
    "load",
    "log",
    "loss_box_reg",
    "loss_classifier",
    "loss_objectness",
    "loss_rpn_box_reg",
    "roi_align",
    "roi_pool",
    "sample",
    "smooth_l1",
]
