"""R-CNN: guess where objects might be, and let a network look at each guess on its own.

Girshick et al. 2014, on the proposals of Uijlings et al. 2013.

Chapter: `applications/rcnn`.
"""

from cnncourse.applications.rcnn.box_regression import fit_ridge
from cnncourse.applications.rcnn.crop_network import CropNetwork
from cnncourse.applications.rcnn.detector import RCNN, STEPS, colours, load, logged
from cnncourse.applications.rcnn.graph_segmentation import segment
from cnncourse.applications.rcnn.grouping import KINDS, Hierarchy, group, similarities
from cnncourse.applications.rcnn.linear_svm import Machine, fit_machine, mine
from cnncourse.applications.rcnn.proposals import (
    FOR_SCENES,
    SEVERAL,
    SIMPLE,
    Strategy,
    best_overlaps,
    count_boxes,
    hierarchy,
    in_space,
    propose,
    recall,
)
from cnncourse.applications.rcnn.warping import warp, with_context

__all__ = [
    "FOR_SCENES",
    "KINDS",
    "RCNN",
    "SEVERAL",
    "SIMPLE",
    "STEPS",
    "CropNetwork",
    "Hierarchy",
    "Machine",
    "Strategy",
    "best_overlaps",
    "colours",
    "count_boxes",
    "fit_machine",
    "fit_ridge",
    "group",
    "hierarchy",
    "in_space",
    "load",
    "logged",
    "mine",
    "propose",
    "recall",
    "segment",
    "similarities",
    "warp",
    "with_context",
]
