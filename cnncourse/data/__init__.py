"""What networks see: data sets in their official formats, and pictures that are drawn.

Each module loads one data set from this machine or from its official place, and says what it has loaded.
"""

from cnncourse.data import cifar10, fashion_mnist, ilsvrc, mnist
from cnncourse.data.labelled_images import LabelledImages, PreparedImages, channel_statistics

__all__ = [
    "LabelledImages",
    "PreparedImages",
    "channel_statistics",
    "cifar10",
    "fashion_mnist",
    "ilsvrc",
    "mnist",
]
