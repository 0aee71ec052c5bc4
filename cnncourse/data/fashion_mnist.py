"""Fashion-MNIST: 70,000 grey pictures of clothes of 28×28 pixels, in MNIST's format (Xiao et al. 2017).

Chapter: `models/lenet`.
"""

from __future__ import annotations

import numpy as np
import torch

from cnncourse.data import idx
from cnncourse.data.labelled_images import LabelledImages
from cnncourse.workbench import downloads

CLASSES = (
    "T-shirt/top",
    "trouser",
    "pullover",
    "dress",
    "coat",
    "sandal",
    "shirt",
    "sneaker",
    "bag",
    "ankle boot",
)
MEAN, STD = (0.2860,), (0.3530,)
_COMMIT = "b2617bb6d3ffa2e429640350f613e3291e10b141"
_MIRRORS = (
    "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
    f"https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/{_COMMIT}/data/fashion/",
)
_FILES = {
    "train-images-idx3-ubyte.gz": ("md5:f4a8712d7a061bf5bd6d2ca38dc4d50a", 26_421_880),
    "train-labels-idx1-ubyte.gz": ("md5:9018921c3c673c538a1fc5bad174d6f9", 29_515),
    "t10k-images-idx3-ubyte.gz": ("md5:8181f5470baa50b63fa0f6fddb340f0a", 4_422_102),
    "t10k-labels-idx1-ubyte.gz": ("md5:15d484375f8d13e6eb1aabb0c3f46965", 5_148),
}
RESOURCES = {
    name: downloads.Resource(
        name=f"FashionMNIST/raw/{name}",
        checksum=checksum,
        gzipped=True,
        size=size,
        urls=tuple(mirror + name for mirror in _MIRRORS),
        licence="MIT",
        source="Zalando Research",
    )
    for name, (checksum, size) in _FILES.items()
}
SPRITE = downloads.Resource(
    name="FashionMNIST/fashion_sprite900.npz",
    checksum="sha256:b8812ec20e87aea65b09684bf36f849c3f2adaa9c03614b7f5092de6bd77b3b7",
    size=369_000,
    licence="MIT",
    source=f"doc/img/fashion-mnist-sprite.png of zalandoresearch/fashion-mnist at {_COMMIT[:8]}, cut into pictures",
)


def load(split: str = "train") -> LabelledImages:
    """The clothes, uint8 (60000, 1, 28, 28) for ``"train"`` and (10000, 1, 28, 28) for ``"test"``.

    Raises
    ------
    ValueError
        If there is no such split.
    FileNotFoundError
        If the files are neither on this machine nor can be fetched; see `cnncourse.workbench.downloads`.
    """
    images, labels = idx.load_split(RESOURCES, split)
    return LabelledImages(images, labels, CLASSES, "Fashion-MNIST, the official files")


def load_sprite() -> LabelledImages:
    """The 900 pictures of the data set's poster, 90 of each class, uint8 (900, 1, 28, 28).

    Raises
    ------
    FileNotFoundError
        If the file is not on this machine.
    """
    with np.load(downloads.locate(SPRITE), allow_pickle=False) as sprite:
        images, labels = torch.from_numpy(sprite["x"]), torch.from_numpy(sprite["y"]).long()
    return LabelledImages(images[:, None], labels, CLASSES, "the 900 pictures of Fashion-MNIST's poster")
