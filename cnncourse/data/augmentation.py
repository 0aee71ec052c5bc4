"""More pictures than there are: windows, crops, mirror images, shifted colours and erased patches of a batch.

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


def random_windows(images: Tensor, side: int, generator: torch.Generator) -> Tensor:
    """Cut a square of `side` pixels out of each image (N, C, H, W) at a random place."""
    height, width = _room(images, side)
    top = torch.randint(height, (len(images),), generator=generator).tolist()
    left = torch.randint(width, (len(images),), generator=generator).tolist()
    cut = images.new_empty(*images.shape[:2], side, side)
    for index, (y, x) in enumerate(zip(top, left, strict=True)):
        cut[index] = images[index, :, y : y + side, x : x + side]
    return cut


def ten_windows(images: Tensor, side: int) -> Tensor:
    """The four corners and the centre of each image, then their mirror images: (N, C, H, W) → (N, 10, C, side, side).

    What AlexNet looked at in the test; the ten answers are averaged.
    """
    height, width = (places - 1 for places in _room(images, side))
    corners = [(0, 0), (0, width), (height, 0), (height, width), (height // 2, width // 2)]
    five = torch.stack([images[:, :, y : y + side, x : x + side] for y, x in corners], dim=1)
    return torch.cat([five, five.flip(-1)], dim=1)


def different_windows(size: int, side: int) -> int:
    """Windows of `side` pixels that can be cut out of a square picture of `size` pixels, mirror images included."""
    checks.whole_number("side", side, 1, "Give the number of pixels.")
    checks.whole_number("size", size, side, "The picture must hold the window.")
    return 2 * (size - side + 1) ** 2


def principal_colours(images: Tensor) -> Tensor:
    """The directions in which the colours of images (N, 3, H, W) in [0, 1] vary, the strongest first, as rows (3, 3).

    Eigenvectors of the 3×3 covariance matrix of all pixels, each as long as the standard deviation along it, which is
    the root of its eigenvalue. The sign is such that the sum of a row is not negative.
    """
    _colours("images", images)
    pixels = images.permute(1, 0, 2, 3).flatten(1)
    if pixels.shape[1] < 2:
        raise ValueError(f"images have {pixels.shape[1]} pixels altogether; colours vary only among two and more")
    variances, directions = torch.linalg.eigh(pixels.cov())  # ascending; directions are columns
    rows = (directions * variances.clamp_min(0).sqrt()).flip(1).T
    return torch.where(rows.sum(dim=1, keepdim=True) < 0, -rows, rows)


def random_colours(images: Tensor, colours: Tensor, generator: torch.Generator, strength: float = 0.1) -> Tensor:
    """Add one random mixture of `principal_colours` to all pixels of each image (N, 3, H, W): another light.

    The three shares of the mixture are drawn from a normal distribution with standard deviation `strength`.
    """
    _colours("images", images)
    checks.tensor("colours", colours, "3 3")
    if isinstance(strength, bool) or not isinstance(strength, int | float) or not 0 <= strength < 1e3:
        raise ValueError(f"strength is {strength!r}; it must be a number that is not negative, such as 0.1")
    shares = strength * torch.randn(len(images), 3, generator=generator)
    shift = shares.to(images) @ colours.to(images)
    return images + shift[:, :, None, None]


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


def _room(images: Tensor, side: int) -> tuple[int, int]:
    """Rows and columns at which a window can start."""
    checks.tensor("images", images, "N C H W")
    checks.whole_number("side", side, 1, "Give the number of pixels.")
    height, width = images.shape[2:]
    if side > min(height, width):
        raise ValueError(f"side is {side}, but the images have {height}×{width} pixels; take a smaller window")
    return height - side + 1, width - side + 1


def _colours(name: str, images: Tensor) -> None:
    checks.tensor(name, images, "N C H W", C=3)
    if not images.is_floating_point():
        raise TypeError(f"{name} are {images.dtype}; convert them to floating point numbers in [0, 1]")
