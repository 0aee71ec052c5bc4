"""Boxes (x1, y1, x2, y2) as real intervals: how alike two are, and the targets to learn them.

IoU = |A ∩ B| / |A ∪ B|        tx = (Gx − Px)/Pw   ty = (Gy − Py)/Ph   tw = log(Gw/Pw)   th = log(Gh/Ph)
Paper: Girshick et al. 2014, appendix C, equations 1 to 4 and 6 to 9.

Chapter: `applications/boxes`.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from cnncourse.workbench import checks

FORMATS = ("xyxy", "xywh", "cxcywh")


def convert(boxes: Tensor, source: str, target: str) -> Tensor:
    """Write boxes (N, 4) in another format.

    ``"xyxy"`` holds two corners, ``"xywh"`` the upper left corner and the size, ``"cxcywh"`` the centre and the size.

    Raises
    ------
    TypeError, ValueError
        If the format is unknown, or the boxes are no finite floating point tensor (N, 4), or a size is negative.
    """
    for name, value in (("source", source), ("target", target)):
        if value not in FORMATS:
            raise ValueError(f"{name} is {value!r}; choose one of {', '.join(FORMATS)}")
    _numbers("boxes", boxes)
    first, last = boxes[:, :2], boxes[:, 2:]
    if source == "xyxy":
        corner, size = first, last - first
    else:
        corner, size = (first, last) if source == "xywh" else (first - last / 2, last)
    if not (size >= 0).all():
        raise ValueError(
            f"boxes hold a negative size in the format {source!r}; x2 must not lie before x1, nor y2 before y1"
        )
    if source == target:
        return boxes
    if target == "xyxy":
        return torch.cat([corner, corner + size], dim=1)
    return torch.cat([corner if target == "xywh" else corner + size / 2, size], dim=1)


def areas(boxes: Tensor) -> Tensor:
    """Areas (N,) of boxes (N, 4). A box with two equal corners has area 0; one pixel has area 1, for x2 = x1 + 1."""
    width, height = _sizes(_boxes("boxes", boxes)).unbind(dim=1)
    return width * height


def intersections(first: Tensor, second: Tensor) -> Tensor:
    """Area that each of `first` (N, 4) shares with each of `second` (M, 4), as (N, M); never negative."""
    _boxes("first", first)
    _boxes("second", second)
    checks.alike(first=first, second=second)
    start = torch.maximum(first[:, None, :2], second[None, :, :2])  # (N, M, 2)
    end = torch.minimum(first[:, None, 2:], second[None, :, 2:])
    return (end - start).clamp(min=0).prod(dim=2)


def iou(first: Tensor, second: Tensor) -> Tensor:
    """Intersection over union of each box of `first` with each of `second`.

    Parameters
    ----------
    first, second
        (N, 4) and (M, 4) as (x1, y1, x2, y2), floating point, of one dtype and on one device.

    Returns
    -------
    Tensor
        (N, M) in [0, 1]. A box without area overlaps nothing, not even itself: its row is 0.

    Raises
    ------
    TypeError, ValueError
        If a tensor is not as said, holds nan or infinity, or a box with reversed corners, which has no meaning here.
    """
    shared = intersections(first, second)
    union = areas(first)[:, None] + areas(second)[None] - shared
    return torch.where(shared > 0, shared / torch.where(shared > 0, union, 1), 0)


def iou_after_shift(share: float) -> float:
    """IoU of a box and its copy, moved along one axis by a share s of its side: (1 − s)/(1 + s)."""
    checks.fraction("share", share, "At 1 the copy only touches the box.")
    return (1 - share) / (1 + share)


def clip(boxes: Tensor, size: tuple[int, int]) -> Tensor:
    """Cut boxes (N, 4) at the border of an image of `size` (height, width); what lies outside keeps no area."""
    _boxes("boxes", boxes)
    height, width = checks.pair("size", size, 1, "Give (height, width) of the image.")
    return torch.minimum(boxes.clamp(min=0), boxes.new_tensor([width, height, width, height]))


def encode(boxes: Tensor, truth: Tensor) -> Tensor:
    """Targets (tx, ty, tw, th) that lead from each box to its truth: equations 6 to 9 of R-CNN's appendix.

    Parameters
    ----------
    boxes, truth
        (N, 4) each, row by row, of positive width and height.

    Returns
    -------
    Tensor
        (N, 4): moves in units of the box's size, and logarithms of the factors by which it grows.
    """
    size, wanted = _sizes(_solid("boxes", boxes)), _sizes(_solid("truth", truth, len(boxes)))
    checks.alike(boxes=boxes, truth=truth)
    move = (truth[:, :2] + wanted / 2 - boxes[:, :2] - size / 2) / size
    return torch.cat([move, (wanted / size).log()], dim=1)


def decode(boxes: Tensor, targets: Tensor, growth: float = math.inf) -> Tensor:
    """Apply targets to boxes: equations 1 to 4 of R-CNN's appendix, the inverse of `encode`.

    Parameters
    ----------
    boxes
        (N, 4), of positive width and height.
    targets
        (N, 4) of (tx, ty, tw, th), row by row. Gradients pass through.
    growth
        A side grows by this factor at most. A network that is not trained yet may ask for exp(100); detectors
        commonly allow 1000/16.
    """
    size = _sizes(_solid("boxes", boxes))
    _numbers("targets", targets, len(boxes))
    checks.alike(boxes=boxes, targets=targets)
    if isinstance(growth, bool) or not isinstance(growth, int | float) or not growth > 0:
        raise ValueError(f"growth is {growth!r}; it must be a positive number, for example 1000 / 16")
    centre = boxes[:, :2] + size / 2 + targets[:, :2] * size
    grown = size * targets[:, 2:].clamp(max=math.log(growth)).exp()
    return torch.cat([centre - grown / 2, centre + grown / 2], dim=1)


def _numbers(name: str, boxes: Tensor, number: int | None = None) -> Tensor:
    sizes = {"columns": 4} if number is None else {"columns": 4, "N": number}
    checks.tensor(name, boxes, "N columns", **sizes)
    if not boxes.is_floating_point():
        raise TypeError(f"{name} has dtype {boxes.dtype}; boxes are floating point. Convert them with `.float()`")
    if not boxes.isfinite().all():
        raise ValueError(f"{name} holds nan or infinity; look for a division by zero or an exponent that is too large")
    return boxes


def _boxes(name: str, boxes: Tensor, number: int | None = None) -> Tensor:
    reversed_ = (_numbers(name, boxes, number)[:, 2:] < boxes[:, :2]).any(dim=1)
    if reversed_.any():
        row = int(reversed_.nonzero()[0, 0])
        raise ValueError(
            f"{name}[{row}] is {boxes[row].tolist()}, with reversed corners; a box is (x1, y1, x2, y2) with "
            "x1 ≤ x2 and y1 ≤ y2. If yours are (x, y, width, height), use `convert`"
        )
    return boxes


def _solid(name: str, boxes: Tensor, number: int | None = None) -> Tensor:
    flat = (_sizes(_boxes(name, boxes, number)) <= 0).any(dim=1)
    if flat.any():
        row = int(flat.nonzero()[0, 0])
        raise ValueError(f"{name}[{row}] is {boxes[row].tolist()}, without area; it has no scale to measure moves in")
    return boxes


def _sizes(boxes: Tensor) -> Tensor:
    return boxes[:, 2:] - boxes[:, :2]
