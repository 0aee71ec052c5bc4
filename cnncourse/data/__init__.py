"""What networks see: data sets in their official formats, and pictures that are drawn.

Each module loads one data set from this machine or from its official place, and says what it has loaded.
"""

from cnncourse.data import (
    caltech101,
    cifar10,
    clothing,
    faces,
    fashion_mnist,
    ilsvrc,
    mnist,
    orl_faces,
    scene_sets,
    scenes,
)
from cnncourse.data.faces import FaceSet
from cnncourse.data.labelled_images import LabelledImages, PreparedImages, channel_statistics
from cnncourse.data.photographs import Photographs
from cnncourse.data.scene_sets import SceneSet

__all__ = [
    "FaceSet",
    "LabelledImages",
    "Photographs",
    "PreparedImages",
    "SceneSet",
    "caltech101",
    "channel_statistics",
    "cifar10",
    "clothing",
    "faces",
    "fashion_mnist",
    "ilsvrc",
    "mnist",
    "orl_faces",
    "scene_sets",
    "scenes",
]
