"""Photographs of clothes in ten classes, free for every use (CC0): 3,068 to train on, 341 to validate, 372 to test.

The classes are uneven: 795 T-shirts and 112 skirts. A. Grigorev, "clothing-dataset-small".

Chapter: `models/resnet`.
"""

from __future__ import annotations

import zipfile

from cnncourse.data.labelled_images import LabelledImages
from cnncourse.data.photographs import Photographs, from_zip
from cnncourse.workbench import downloads

CLASSES = ("dress", "hat", "longsleeve", "outwear", "pants", "shirt", "shoes", "shorts", "skirt", "t-shirt")
MEAN, STD = (0.537, 0.465, 0.454), (0.248, 0.239, 0.228)
SPLITS = ("train", "validation", "test")
COMMIT = "11961516512414bf9f6c150a832cfd21b54a6b54"

SMALL_COPY = downloads.Resource(
    name="clothing/clothing_small_128.zip",
    checksum="sha256:0819f528997bc542134275016328f1c16d1b503abdce1ff9b7e5edf8e8bc9f0d",
    size=24_500_000,
    licence="CC0 1.0",
    source=f"alexeygrigorev/clothing-dataset-small at {COMMIT[:8]}, made smaller: shorter side 128 pixels",
)


def load(split: str = "train") -> Photographs:
    """The photographs of one split, whose shorter side has 128 pixels.

    Raises
    ------
    ValueError
        If there is no such split.
    FileNotFoundError
        If the file is not on this machine; it says where to put it.
    """
    if split not in SPLITS:
        raise ValueError(f"there is no split {split!r}; choose one of {', '.join(SPLITS)}")
    with zipfile.ZipFile(downloads.locate(SMALL_COPY)) as archive:
        names = sorted(name for name in archive.namelist() if name.startswith(f"{split}/") and name.endswith(".jpg"))
        return from_zip(archive, names, "", CLASSES, "clothing-dataset-small (CC0), shorter side 128 pixels")


def load_squares(split: str = "train", side: int = 112) -> LabelledImages:
    """The photographs of one split, cropped to squares of `side` pixels, uint8 (N, 3, side, side)."""
    return load(split).squares(side)
