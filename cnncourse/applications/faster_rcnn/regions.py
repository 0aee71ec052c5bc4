"""Features of a fixed size from a region of any size: by rounding and maxima, or by interpolation.

bin (i, j) of RoI pooling: maximum of whole cells        of RoI align: mean of bilinear samples, nothing rounded
Papers: Girshick 2015, section 2.1 (after He et al. 2014); He et al. 2017, section 3.

Chapter: `applications/faster_rcnn`.
"""

from __future__ import annotations

import torch
from torch import Tensor

from cnncourse.applications.boxes import areas
from cnncourse.workbench import checks


def roi_pool(features: Tensor, boxes: Tensor, owners: Tensor, stride: int, bins: int = 7) -> Tensor:
    """The maximum of every bin, after two roundings: the box to whole cells, then its bins to whole cells.

    Parameters
    ----------
    features
        (N, C, H, W), a map whose cell (i, j) covers the pixels from stride · (j, i) on.
    boxes
        (R, 4) as (x1, y1, x2, y2) in pixels of the image.
    owners
        int64 (R,): which of the N images each box lies in.
    stride
        Pixels from one cell to the next.
    bins
        Bins down and across.

    Returns
    -------
    Tensor
        (R, C, bins, bins). A bin without cells, outside the map, is 0. Gradients pass to the features alone.

    Notes
    -----
    A border at x pixels falls on the cell boundary round(x / stride), half up, and a box keeps at least one cell. Of
    `n` cells bin i gets those from ⌊i·n/bins⌋ to ⌈(i + 1)·n/bins⌉, so that neighbours may share one.
    """
    _check(features, boxes, owners, stride, bins)
    starts, ends = _whole_cells(boxes.detach(), stride)
    rows = _bin_members(starts[:, 1], ends[:, 1], features.shape[2], bins)  # (R, bins, H)
    columns = _bin_members(starts[:, 0], ends[:, 0], features.shape[3], bins)  # (R, bins, W)
    values = features[owners]  # (R, C, H, W)
    lowest = -torch.inf
    down = torch.stack([values.masked_fill(~rows[:, None, i, :, None], lowest).amax(2) for i in range(bins)], 2)
    across = torch.stack([down.masked_fill(~columns[:, None, None, j], lowest).amax(3) for j in range(bins)], 3)
    filled = rows.any(2)[:, :, None] & columns.any(2)[:, None]  # (R, bins, bins)
    return across.masked_fill(~filled[:, None], 0)


def roi_align(features: Tensor, boxes: Tensor, owners: Tensor, stride: int, bins: int = 7, samples: int = 2) -> Tensor:
    """The mean of samples · samples bilinear values in every bin; no coordinate is rounded.

    Parameters
    ----------
    features, boxes, owners, stride, bins
        As in `roi_pool`.
    samples
        Samples down and across in each bin.

    Returns
    -------
    Tensor
        (R, C, bins, bins). Gradients pass to the features, and to the boxes where these record them.

    Notes
    -----
    Interpolation down and across are independent. So a region is A_y · F · A_xᵀ, two small matrices of weights around
    the map: (bins, H) and (bins, W). A sample more than one cell outside the map counts 0; nearer ones take the
    border's value.
    """
    _check(features, boxes, owners, stride, bins)
    checks.whole_number("samples", samples, 1, "Two in each direction are usual.")
    inside = (torch.arange(bins * samples, device=boxes.device, dtype=boxes.dtype) + 0.5) / (bins * samples)
    corner, size = boxes[:, :2, None] / stride, (boxes[:, 2:] - boxes[:, :2])[:, :, None] / stride
    places = corner + size * inside - 0.5  # (R, 2, bins · samples); cell 0 has its centre at 0
    across = _mean_weights(places[:, 0], features.shape[3], samples)  # (R, bins, W)
    down = _mean_weights(places[:, 1], features.shape[2], samples)  # (R, bins, H)
    values = features.permute(0, 2, 3, 1)[owners]  # (R, H, W, C): channels last make large products
    rows = (down @ values.flatten(2)).view(len(boxes), bins, *values.shape[2:])  # (R, bins, W, C)
    return torch.matmul(across[:, None], rows).permute(0, 3, 1, 2)


def bin_centres(box: Tensor, bins: int = 7) -> tuple[Tensor, Tensor]:
    """Where the bins of one box (4,) have their centres, in pixels: x (bins,) and y (bins,)."""
    share = (torch.arange(bins, device=box.device, dtype=box.dtype) + 0.5) / bins
    return box[0] + (box[2] - box[0]) * share, box[1] + (box[3] - box[1]) * share


def rounded(boxes: Tensor, stride: int) -> Tensor:
    """The boxes (R, 4) that `roi_pool` really looks at, in pixels."""
    areas(boxes)
    checks.whole_number("stride", stride, 1, "Pixels from one cell to the next.")
    return torch.cat(_whole_cells(boxes, stride), dim=1) * stride


def _whole_cells(boxes: Tensor, stride: int) -> tuple[Tensor, Tensor]:
    """First cells and one past the last cells, (R, 2) each as (x, y), at least one cell wide."""
    cells = (boxes / stride + 0.5).floor()
    return cells[:, :2], torch.maximum(cells[:, 2:], cells[:, :2] + 1)


def _bin_members(starts: Tensor, ends: Tensor, cells: int, bins: int) -> Tensor:
    """Which cells of one axis each bin holds, bool (R, bins, cells)."""
    edges = torch.arange(bins, device=starts.device, dtype=starts.dtype)
    length = (ends - starts)[:, None]
    first = starts[:, None] + (edges * length / bins).floor()
    last = starts[:, None] + ((edges + 1) * length / bins).ceil()
    cell = torch.arange(cells, device=starts.device, dtype=starts.dtype)
    return (cell >= first[..., None]) & (cell < last[..., None])


def _mean_weights(places: Tensor, cells: int, samples: int) -> Tensor:
    """Share of every cell of one axis in each bin's mean, (R, bins, cells), from sample places (R, bins·samples)."""
    near = (places >= -1) & (places <= cells)
    cell = torch.arange(cells, device=places.device, dtype=places.dtype)
    hats = (1 - (places.clamp(0, cells - 1)[..., None] - cell).abs()).clamp(min=0)  # linear interpolation
    return (hats * near[..., None]).view(len(places), places.shape[1] // samples, samples, cells).mean(dim=2)


def _check(features: Tensor, boxes: Tensor, owners: Tensor, stride: int, bins: int) -> None:
    checks.tensor("features", features, "N C H W")
    areas(boxes)  # complains about what is no box
    checks.alike(features=features, boxes=boxes)
    checks.tensor("owners", owners, "R", R=len(boxes))
    if owners.dtype != torch.int64:
        raise TypeError(f"owners have dtype {owners.dtype}; they number images, as int64. Convert them with `.long()`")
    if len(owners) and not ((owners >= 0) & (owners < len(features))).all():
        raise ValueError(f"owners must lie from 0 to {len(features) - 1}, the images of the map")
    checks.whole_number("stride", stride, 1, "It is the product of the strides of all layers before the map.")
    checks.whole_number("bins", bins, 1, "The paper uses 7.")
