"""A colour for every class of the drawn scenes, so that a segmentation can be shown as a picture.

Chapter: `applications/fcn`.
"""

from __future__ import annotations

import torch
from torch import Tensor

from cnncourse.workbench import checks

# Ground, disc, square, triangle, cross, ring, star; apart from each other in hue and in lightness.
COLOURS = ("#23262b", "#4f9cf0", "#f08c1f", "#4bb878", "#e8e15a", "#b48be8", "#f2b8c6")


def coloured(segmentation: Tensor) -> Tensor:
    """The picture of a segmentation: float32 (3, H, W) in [0, 1] from classes (H, W).

    Raises
    ------
    TypeError, ValueError
        If this is no map of the seven classes.
    """
    checks.tensor("segmentation", segmentation, "H W")
    if segmentation.is_floating_point() or segmentation.is_complex():
        raise TypeError(f"segmentation holds {segmentation.dtype}; classes are whole numbers")
    labels = segmentation.long()
    if labels.numel() and not 0 <= int(labels.min()) <= int(labels.max()) < len(COLOURS):
        raise ValueError(f"segmentation holds classes from {int(labels.min())} to {int(labels.max())}; seven are known")
    table = torch.tensor([[int(colour[start : start + 2], 16) / 255 for start in (1, 3, 5)] for colour in COLOURS])
    return table[labels].permute(2, 0, 1)
