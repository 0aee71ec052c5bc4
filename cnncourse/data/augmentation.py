"""More pictures than there are: random crops, mirror images and erased patches of a batch.

The label must survive: a mirrored cat is a cat, a mirrored 2 is no digit. (Krizhevsky et al. 2012, section 4.1)

Chapter: `models/alexnet`.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from cnncourse.workbench import checks


def random_crops(images: Tensor, padding: int, generator: torch.Generator, mode: str = "constant") -> Tensor:
    """Shift each image (N, C, H, W) by up to `padding` pixels in both directions; the size stays.

    `mode` is what stands beyond the border: ``"constant"`` zeros or ``"reflect"``.
    """
    checks.tensor("images", images, "N C H W")
    checks.whole_number("padding", padding, 0, "Use 0 to leave the images where they are.")
    number, _, height, width = images.shape
    padded = _pad(images, padding, mode)
    top = torch.randint(2 * padding + 1, (number, 1), generator=generator)
    left = torch.randint(2 * padding + 1, (number, 1), generator=generator)
    rows = (top + torch.arange(height))[:, :, None]  # (N, H, 1)
    columns = (left + torch.arange(width))[:, None, :]  # (N, 1, W)
    which = torch.arange(number)[:, None, None]
    return padded.permute(0, 2, 3, 1)[which, rows, columns].permute(0, 3, 1, 2)


def random_mirrors(images: Tensor, generator: torch.Generator) -> Tensor:
    """Mirror each image (N, C, H, W) left to right with probability ½."""
    checks.tensor("images", images, "N C H W")
    mirrored = torch.rand(len(images), generator=generator) < 0.5
    return torch.where(mirrored[:, None, None, None], images.flip(-1), images)


def random_erasures(images: Tensor, side: int, generator: torch.Generator) -> Tensor:
    """Paint a grey square of `side` pixels at a random place of each image (DeVries & Taylor 2017, "cutout")."""
    checks.tensor("images", images, "N C H W")
    checks.whole_number("side", side, 0, "Use 0 to erase nothing.")
    number, _, height, width = images.shape
    top = torch.randint(height, (number, 1), generator=generator) - side // 2
    left = torch.randint(width, (number, 1), generator=generator) - side // 2
    rows, columns = torch.arange(height), torch.arange(width)
    inside = ((rows >= top) & (rows < top + side))[:, :, None] & ((columns >= left) & (columns < left + side))[:, None]
    return images.masked_fill(inside[:, None], 128 if images.dtype == torch.uint8 else 0.5)


def crops_and_mirrors(padding: int, mode: str = "reflect", erased: int = 0) -> Callable[..., Tensor]:
    """An augmentation for natural pictures: `random_crops`, `random_mirrors`, then `random_erasures`."""

    def augment(images: Tensor, generator: torch.Generator) -> Tensor:
        moved = random_mirrors(random_crops(images, padding, generator, mode), generator)
        return random_erasures(moved, erased, generator) if erased else moved

    return augment


def crops(padding: int) -> Callable[..., Tensor]:
    """An augmentation for digits: `random_crops` alone."""

    def augment(images: Tensor, generator: torch.Generator) -> Tensor:
        return random_crops(images, padding, generator)

    return augment


def _pad(images: Tensor, padding: int, mode: str) -> Tensor:
    if mode == "reflect" and images.dtype == torch.uint8:
        return F.pad(images.float(), (padding,) * 4, mode=mode).to(torch.uint8)
    return F.pad(images, (padding,) * 4, mode=mode)
