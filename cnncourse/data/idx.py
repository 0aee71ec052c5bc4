"""The idx format of MNIST and its relatives: a magic number, the sizes, then the bytes.

Bytes 0–1 are zero, byte 2 says the type (8: unsigned byte), byte 3 the number of axes; sizes are 32-bit big endian.

Chapter: `models/lenet`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
from torch import Tensor

from cnncourse.workbench import downloads

_SPLITS = {"train": "train", "test": "t10k"}


def parse(content: bytes) -> Tensor:
    """Return the array in an idx file, uint8, with the file's own axes.

    Raises
    ------
    ValueError
        If the content is no idx file of bytes, or its length does not fit its sizes.
    """
    if len(content) < 4 or content[:3] != b"\0\0\x08":
        raise ValueError(f"not an idx file of bytes: it begins with {content[:4]!r}, expected 00 00 08")
    axes = content[3]
    start = 4 + 4 * axes
    sizes = [int.from_bytes(content[4 + 4 * axis : 8 + 4 * axis], "big") for axis in range(axes)]
    if len(content) != start + math.prod(sizes):
        raise ValueError(f"an idx file of sizes {sizes} has {start + math.prod(sizes)} bytes, this one {len(content)}")
    if len(content) == start:
        return torch.zeros(sizes, dtype=torch.uint8)
    return torch.frombuffer(bytearray(content), dtype=torch.uint8, offset=start).reshape(sizes)


def load_split(resources: Mapping[str, downloads.Resource], split: str) -> tuple[Tensor, Tensor]:
    """Images uint8 (N, 1, H, W) and labels int64 (N,) of one split of a data set with MNIST's four files."""
    if split not in _SPLITS:
        raise ValueError(f"there is no split {split!r}; choose one of {', '.join(_SPLITS)}")
    images = parse(downloads.read(resources[f"{_SPLITS[split]}-images-idx3-ubyte.gz"]))
    labels = parse(downloads.read(resources[f"{_SPLITS[split]}-labels-idx1-ubyte.gz"]))
    return images[:, None], labels.long()
