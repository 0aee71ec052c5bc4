"""MNIST: 70,000 handwritten digits of 28×28 pixels, 60,000 to train on and 10,000 to test.

Official idx files, whole or gzipped by anyone: the checksum is that of the decompressed bytes. (LeCun et al. 1998)

Chapter: `models/lenet`.
"""

from __future__ import annotations

import torch
from torch import Tensor

from cnncourse.data import idx
from cnncourse.data.labelled_images import LabelledImages
from cnncourse.workbench import downloads
from cnncourse.workbench.images import resize

CLASSES = tuple("0123456789")
MEAN, STD = (0.1307,), (0.3081,)
_FILES = {
    "train-images-idx3-ubyte.gz": (
        "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
        9_912_422,
    ),
    "train-labels-idx1-ubyte.gz": ("65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5", 28_881),
    "t10k-images-idx3-ubyte.gz": ("0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7", 1_648_877),
    "t10k-labels-idx1-ubyte.gz": ("ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2", 4_542),
}
RESOURCES = {
    name: downloads.Resource(
        name=f"MNIST/raw/{name}",
        checksum=f"sha256:{checksum}",
        gzipped=True,
        size=size,
        urls=(f"https://ossci-datasets.s3.amazonaws.com/mnist/{name}", f"http://yann.lecun.com/exdb/mnist/{name}"),
        licence="CC BY-SA 3.0, as usually cited",
        source="LeCun, Cortes and Burges",
    )
    for name, (checksum, size) in _FILES.items()
}


def load(split: str = "train") -> LabelledImages:
    """The digits, uint8 (60000, 1, 28, 28) for ``"train"`` and (10000, 1, 28, 28) for ``"test"``.

    Raises
    ------
    ValueError
        If there is no such split.
    FileNotFoundError
        If the files are neither on this machine nor can be fetched; see `cnncourse.workbench.downloads`.
    """
    images, labels = idx.load_split(RESOURCES, split)
    return LabelledImages(images, labels, CLASSES, "MNIST, the official files")


def load_or_bundled(split: str = "train") -> LabelledImages:
    """MNIST if it can be had, else the 1,797 digits that come with scikit-learn, enlarged to 28×28.

    `origin` says which of the two it is. One in five of the bundled digits is held out as ``"test"``.
    """
    try:
        return load(split)
    except FileNotFoundError:
        return _bundled(split)


def _bundled(split: str) -> LabelledImages:
    from sklearn.datasets import load_digits  # slow to import, and only needed here

    digits = load_digits()
    small = torch.from_numpy(digits.images).float()[:, None] / 16  # (1797, 1, 8, 8)
    framed = torch.nn.functional.pad(resize(small, (20, 20)), (4, 4, 4, 4))
    images: Tensor = (framed * 255).round().to(torch.uint8)
    labels = torch.from_numpy(digits.target).long()
    held_out = torch.arange(len(labels)) % 5 == 0
    chosen = held_out if split == "test" else ~held_out
    origin = "scikit-learn's digits, 8×8 enlarged to 28×28, because MNIST is not on this machine"
    return LabelledImages(images[chosen], labels[chosen], CLASSES, origin)
