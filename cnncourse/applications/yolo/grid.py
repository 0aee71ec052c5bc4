"""YOLO's grid: S×S cells, B boxes in each, and the cell that holds an object's centre answers for it.

outputs = S · S · (5B + C)        target of a cell = (x, y within the cell, w, h as shares of the image, class)
Paper: Redmon, Divvala, Girshick & Farhadi 2016, section 2.

Chapter: `applications/yolo`.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from cnncourse.data.scene_sets import NO_OBJECT
from cnncourse.workbench import checks


@dataclass(frozen=True)
class Targets:
    """What a grid is to say: `objects` bool (N, S, S) tells which cells answer for an object.

    `boxes` (N, S, S, 4) holds (x, y, w, h): the centre within the cell and the size as a share of the image, all in
    [0, 1]. `labels` int64 (N, S, S) is −1, and `boxes` is 0, in cells that answer for nothing.
    """

    objects: Tensor
    boxes: Tensor
    labels: Tensor


@dataclass(frozen=True)
class Cells:
    """What a grid says: `boxes` (N, S, S, B, 4), `confidences` (N, S, S, B), `classes` (N, S, S, C).

    A cell has one distribution over the classes, whichever of its boxes is meant.
    """

    boxes: Tensor
    confidences: Tensor
    classes: Tensor


def count_outputs(grid: int | tuple[int, int] = 7, boxes: int = 2, classes: int = 20) -> int:
    """Numbers that the network gives for one image: S · S · (5B + C); the defaults are the paper's."""
    rows, columns = checks.pair("grid", grid, 1, "A grid has at least one cell.")
    return rows * columns * outputs_per_cell(boxes, classes)


def outputs_per_cell(boxes: int, classes: int) -> int:
    """Numbers of one cell: (x, y, w, h, confidence) of each box, and one distribution over the classes."""
    checks.whole_number("boxes", boxes, 1, "Each cell predicts at least one box; the paper's predict two.")
    checks.whole_number("classes", classes, 1, "There is at least one class to find.")
    return 5 * boxes + classes


def split(predictions: Tensor, boxes: int = 2) -> Cells:
    """Name the parts of (N, S, S, 5B + C): B times (x, y, w, h, confidence), then the classes. Gradients pass."""
    checks.tensor("predictions", predictions, "N rows columns outputs")
    checks.whole_number("boxes", boxes, 1, "Each cell predicts at least one box.")
    if predictions.shape[3] <= 5 * boxes:
        raise ValueError(
            f"predictions hold {predictions.shape[3]} numbers for each cell; {boxes} boxes need {5 * boxes}, "
            "and then one for each class"
        )
    if not predictions.is_floating_point():
        raise TypeError(f"predictions have dtype {predictions.dtype}; they are floating point")
    numbers = predictions[..., : 5 * boxes].reshape(*predictions.shape[:3], boxes, 5)
    return Cells(numbers[..., :4], numbers[..., 4], predictions[..., 5 * boxes :])


def assign(boxes: Tensor, labels: Tensor, size: int | tuple[int, int], grid: int | tuple[int, int]) -> Targets:
    """Give each object to the cell that its centre falls into.

    Parameters
    ----------
    boxes, labels
        (N, M, 4) in pixels and int64 (N, M); the label −1 fills up, as `DetectionSamples` gives them.
    size
        (height, width) of the images. Boxes are cut at the border first: a box outside is no object, and the centre
        of what is visible counts.
    grid
        (rows, columns).

    Notes
    -----
    A cell answers for one object. Of two whose centres fall into one cell, the first in the list is kept; the other
    one is lost, and no loss will tell.

    Raises
    ------
    TypeError, ValueError
        If the shapes do not fit, a box is not finite, or its corners are reversed.
    """
    _check(boxes, labels)
    height, width = checks.pair("size", size, 1, "Give (height, width) of the images.")
    rows, columns = checks.pair("grid", grid, 1, "Give the cells down and across.")
    whole, cells = boxes.new_tensor([width, height]), boxes.new_tensor([columns, rows])
    start, end = (torch.minimum(boxes[..., k : k + 2].clamp(min=0), whole) / whole for k in (0, 2))
    centre, sides = (start + end) / 2 * cells, end - start
    cell = torch.minimum(centre.floor(), cells - 1).clamp(min=0)
    there = (labels != NO_OBJECT) & (sides > 0).all(dim=2)
    image = torch.arange(len(boxes), device=boxes.device)[:, None]
    place = (image * rows + cell[..., 1].long()) * columns + cell[..., 0].long()  # (N, M), one number for each cell
    order = torch.arange(labels.numel(), device=boxes.device).view_as(labels)
    first = torch.full((len(boxes) * rows * columns,), labels.numel(), device=boxes.device)
    first = first.scatter_reduce(0, place[there], order[there], "amin")
    taken = first < labels.numel()
    found_boxes = boxes.new_zeros(len(first), 4)
    found_labels = torch.full_like(first, NO_OBJECT)
    found_boxes[taken] = torch.cat([centre - cell, sides], dim=2).flatten(0, 1)[first[taken]]
    found_labels[taken] = labels.flatten()[first[taken]]
    shape = (len(boxes), rows, columns)
    return Targets(taken.view(shape), found_boxes.view(*shape, 4), found_labels.view(shape))


def corners(boxes: Tensor) -> Tensor:
    """From (x, y, w, h) of cells, (N, S, S, …, 4), to (x1, y1, x2, y2) as shares of the image, of the same shape.

    Negative sizes, which an untrained network may ask for, count as 0.
    """
    if not isinstance(boxes, Tensor) or boxes.dim() < 4 or boxes.shape[-1] != 4:
        raise ValueError("boxes must be a tensor (N, S, S, …, 4) of the boxes of all cells of a grid")
    rows, columns = boxes.shape[1:3]
    down, across = torch.meshgrid(torch.arange(rows), torch.arange(columns), indexing="ij")
    cell = torch.stack([across, down], dim=2).to(boxes).view(1, rows, columns, *[1] * (boxes.dim() - 4), 2)
    centre = (boxes[..., :2] + cell) / boxes.new_tensor([columns, rows])
    half = boxes[..., 2:].clamp(min=0) / 2
    return torch.cat([centre - half, centre + half], dim=-1)


def _check(boxes: Tensor, labels: Tensor) -> None:
    checks.tensor("boxes", boxes, "N M columns", columns=4)
    checks.tensor("labels", labels, "N M", N=boxes.shape[0], M=boxes.shape[1])
    if not boxes.is_floating_point() or not boxes.isfinite().all():
        raise ValueError("boxes must be finite floating point numbers (x1, y1, x2, y2)")
    if labels.is_floating_point() or labels.is_complex() or labels.dtype == torch.bool:
        raise TypeError(f"labels have dtype {labels.dtype}; classes are whole numbers from 0, and −1 is no object")
    if (labels < NO_OBJECT).any():
        raise ValueError(f"labels hold {int(labels.min())}; classes are numbered from 0, and −1 is no object")
    if (boxes[..., 2:] < boxes[..., :2]).any():
        raise ValueError("boxes hold reversed corners; a box is (x1, y1, x2, y2) with x1 ≤ x2 and y1 ≤ y2")
