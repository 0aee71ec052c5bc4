"""Anchors: boxes of a few shapes at every position of a map, and which of them answer for which object.

width = size / √ratio        height = size · √ratio        positive: IoU ≥ 0.7, or the best one of its object
Paper: Ren et al. 2015, section 3.1.

Chapter: `applications/boxes`.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from cnncourse.applications.boxes import areas, iou
from cnncourse.workbench import checks

BACKGROUND, BETWEEN = -1, -2


def anchor_shapes(sizes: Sequence[float], ratios: Sequence[float] = (0.5, 1.0, 2.0)) -> Tensor:
    """Anchors around the origin, one for each size and ratio, (sizes·ratios, 4), float32; ratios vary fastest.

    Parameters
    ----------
    sizes
        Side of the square of the same area, in pixels of the image.
    ratios
        Height over width.
    """
    side = _positive("sizes", sizes)[:, None]
    root = _positive("ratios", ratios).sqrt()[None]
    half = torch.stack([side / root, side * root], dim=2).flatten(0, 1) / 2  # (A, 2) as (width, height)
    return torch.cat([-half, half], dim=1).float()


def anchor_grid(
    size: tuple[int, int],
    stride: int,
    sizes: Sequence[float],
    ratios: Sequence[float] = (0.5, 1.0, 2.0),
    device: torch.device | str | None = None,
) -> Tensor:
    """The same anchors around the centre of every cell of a map.

    Parameters
    ----------
    size
        (height, width) of the map.
    stride
        Pixels of the image from one cell of the map to the next.
    sizes, ratios
        As in `anchor_shapes`.

    Returns
    -------
    Tensor
        (height · width · A, 4), float32: row by row, and all A anchors of a cell one after the other. Some reach over
        the border of the image.
    """
    height, width = checks.pair("size", size, 1, "Give (height, width) of the map.")
    checks.whole_number("stride", stride, 1, "It is the product of the strides of all layers before the map.")
    shapes = anchor_shapes(sizes, ratios).to(device)
    y = (torch.arange(height, device=device) + 0.5) * stride
    x = (torch.arange(width, device=device) + 0.5) * stride
    rows, columns = torch.meshgrid(y, x, indexing="ij")
    centres = torch.stack([columns, rows, columns, rows], dim=2)  # (H, W, 4)
    return (centres[:, :, None] + shapes).flatten(0, 2)


def match(anchors: Tensor, truth: Tensor, high: float = 0.7, low: float = 0.3, force_best: bool = True) -> Tensor:
    """Say for each anchor which object it answers for.

    Parameters
    ----------
    anchors, truth
        (N, 4) and (M, 4).
    high, low
        From IoU `high` an anchor is positive, below `low` with all objects it is background.
    force_best
        The best anchor of each object is positive too, however small the overlap, if there is any; of several that
        are equally good, all. If one anchor is the best of several objects, it takes the one that it overlaps most.

    Returns
    -------
    Tensor
        int64 (N,): index of the object, or `BACKGROUND` (−1), or `BETWEEN` (−2), which no loss counts.
    """
    checks.fraction("high", high, "The paper uses 0.7.")
    checks.fraction("low", low, "The paper uses 0.3.")
    if low > high:
        raise ValueError(f"low is {low} and high {high}; low must not be larger")
    overlaps = iou(anchors, truth)  # (N, M)
    if overlaps.shape[1] == 0:
        return torch.full((len(anchors),), BACKGROUND, dtype=torch.int64, device=anchors.device)
    best, objects = overlaps.max(dim=1)
    matches = torch.where(best >= high, objects, torch.where(best < low, BACKGROUND, BETWEEN))
    if force_best and len(anchors):
        record = overlaps.amax(dim=0)
        forced, forcing = torch.where((overlaps == record) & (record > 0), overlaps, -1.0).max(dim=1)
        matches = torch.where(forced > 0, forcing, matches)
    return matches


def inside(anchors: Tensor, size: tuple[int, int]) -> Tensor:
    """Which anchors (N, 4) lie wholly in an image of `size` (height, width), bool (N,)."""
    areas(anchors)  # complains about what is no box
    height, width = checks.pair("size", size, 1, "Give (height, width) of the image.")
    return (anchors[:, :2] >= 0).all(dim=1) & (anchors[:, 2] <= width) & (anchors[:, 3] <= height)


def count_anchors(size: tuple[int, int], shapes: int) -> int:
    """Anchors on a map of `size` (height, width) with `shapes` at each position."""
    height, width = checks.pair("size", size, 1, "Give (height, width) of the map.")
    return height * width * checks.whole_number("shapes", shapes, 1, "The paper uses 3 sizes times 3 ratios.")


def _positive(name: str, values: Sequence[float]) -> Tensor:
    numbers = list(values) if isinstance(values, Sequence) and not isinstance(values, str) else []
    fine = [isinstance(one, int | float) and not isinstance(one, bool) and 0 < one < float("inf") for one in numbers]
    if not numbers or not all(fine):
        raise ValueError(f"{name} is {values!r}; give positive numbers in a list, for example (0.5, 1, 2)")
    return torch.tensor(numbers, dtype=torch.float64)
