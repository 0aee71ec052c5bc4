"""Warping: whatever the shape of a box, the network sees it in one fixed size, with a little of what is around it.

a box of size s fills (side − 2·context) pixels; so `context` pixels of the crop on each side show its surroundings
Paper: Girshick et al. 2014, section 2.1 and appendix A.

Chapter: `applications/rcnn`.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from cnncourse.applications.boxes import areas
from cnncourse.workbench import checks


def with_context(boxes: Tensor, side: int = 24, context: int = 3) -> Tensor:
    """Boxes (N, 4), grown so that the old ones fill all but `context` pixels of a crop of `side` pixels."""
    areas(boxes)
    checks.whole_number("context", context, 0, "0 shows the box alone.")
    checks.whole_number("side", side, 2 * context + 1, "Something of the box must be left.")
    margin = (boxes[:, 2:] - boxes[:, :2]) * context / (side - 2 * context)
    return torch.cat([boxes[:, :2] - margin, boxes[:, 2:] + margin], dim=1)


def warp(images: Tensor, boxes: Tensor, side: int = 24, context: int = 3, picture: Tensor | None = None) -> Tensor:
    """Cut boxes out of images and stretch each to a square.

    Parameters
    ----------
    images
        (N, C, H, W), normalised: what lies outside of an image is 0, the mean.
    boxes
        (M, 4) in pixels, of positive width and height; they may reach over the border.
    side, context
        Size of the crops, and how many of its pixels on each side show the surroundings.
    picture
        Which image each box lies in, int64 (M,); without it all lie in the first.

    Returns
    -------
    Tensor
        (M, C, side, side), read bilinearly at the centres of the pixels; equal to the image where side = box.

    Raises
    ------
    TypeError, ValueError
        If a tensor is not as said, or a box has no area: nothing can be stretched to a square.
    """
    checks.tensor("images", images, "N C H W")
    if not images.is_floating_point() or 0 in images.shape:
        raise ValueError(f"images must be floating point and have pixels, but are {images.dtype} {tuple(images.shape)}")
    if not (areas(boxes) > 0).all():
        raise ValueError("a box has no area; nothing can be stretched to a square")
    wide = with_context(boxes, side, context).to(images)
    picture = torch.zeros(len(boxes), dtype=torch.int64) if picture is None else picture
    checks.tensor("picture", picture, "M", M=len(boxes))
    if picture.dtype != torch.int64 or not ((picture >= 0) & (picture < len(images))).all():
        raise ValueError(f"picture must hold int64 numbers of images, from 0 to {len(images) - 1}")
    if len(boxes) == 0:
        return images.new_zeros(0, images.shape[1], side, side)
    part = (torch.arange(side, device=images.device) + 0.5) / side  # centres of the crop's pixels
    x = wide[:, None, 0] + part * (wide[:, 2] - wide[:, 0])[:, None]  # (M, side)
    y = wide[:, None, 1] + part * (wide[:, 3] - wide[:, 1])[:, None]
    height, width = images.shape[2:]
    grid = torch.stack(
        [(2 * x / width - 1)[:, None].expand(-1, side, -1), (2 * y / height - 1)[:, :, None].expand(-1, -1, side)], -1
    )
    return F.grid_sample(images[picture.to(images.device)], grid, align_corners=False)  # zeros outside
