"""YOLO's loss: five sums of squares over one grid, of which only the responsible boxes learn where things are.

5 · Σ obj (Δx² + Δy²) + 5 · Σ obj (Δ√w² + Δ√h²) + Σ obj ΔC² + 0.5 · Σ noobj C² + Σ cells with object Σ classes Δp²
Paper: Redmon, Divvala, Girshick & Farhadi 2016, equation 3.

Chapter: `applications/yolo`.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from cnncourse.applications.boxes import iou
from cnncourse.applications.yolo.grid import Cells, Targets, corners, split
from cnncourse.workbench import checks

TERMS = ("centre", "size", "object", "no_object", "class")
COORDINATES, NO_OBJECT_WEIGHT = 5.0, 0.5  # the paper's λ_coord and λ_noobj
_SMALLEST = 1e-6  # of a side, in shares of the image: below it the square root would be too steep


def responsible(predictions: Tensor, targets: Targets, boxes: int = 2) -> tuple[Tensor, Tensor]:
    """Which box answers for the object of its cell: the one that overlaps it most at the moment.

    Parameters
    ----------
    predictions
        (N, S, S, 5B + C).
    targets
        As `assign` returns them.
    boxes
        B.

    Returns
    -------
    chosen
        bool (N, S, S, B), with one box in each cell that holds an object, and none elsewhere.
    overlaps
        IoU of every box with the object of its cell, (N, S, S, B), 0 where there is none; without gradient.

    Notes
    -----
    If no box of a cell touches its object, the one with the smallest squared error of position and size answers:
    early in training this happens often, and the paper does not say what to do then.
    """
    cells = _cells(predictions, targets, boxes)
    return _responsible(cells, targets)


def loss_terms(
    predictions: Tensor,
    targets: Targets,
    boxes: int = 2,
    coordinates: float = COORDINATES,
    no_object: float = NO_OBJECT_WEIGHT,
    roots: bool = True,
) -> dict[str, Tensor]:
    """The five terms of equation 3, each with its weight, summed over the grid and averaged over the images.

    Parameters
    ----------
    predictions
        (N, S, S, 5B + C): B times (x, y, w, h, confidence), then C class probabilities.
    targets
        As `assign` returns them.
    boxes
        B.
    coordinates, no_object
        λ_coord and λ_noobj.
    roots
        Compare square roots of sides, as the paper does; otherwise the sides themselves.

    Returns
    -------
    dict
        ``"centre"``, ``"size"`` (of square roots), ``"object"`` (confidence of the responsible boxes, to become
        their IoU), ``"no_object"`` (confidence of all others, to become 0), ``"class"``; scalars.

    Raises
    ------
    TypeError, ValueError
        If shapes do not fit, a label names a class that is not there, or a weight is negative.
    """
    cells = _cells(predictions, targets, boxes)
    checks.number("coordinates", coordinates, 0)
    checks.number("no_object", no_object, 0)
    chosen, overlaps = _responsible(cells, targets)
    measure = _roots if roots else torch.clone
    truth = targets.boxes.to(predictions)[..., None, :].expand_as(cells.boxes)[chosen]  # (objects, 4)
    mine, sure = cells.boxes[chosen], cells.confidences[chosen]
    said = cells.classes[targets.objects]
    wanted = F.one_hot(targets.labels[targets.objects], said.shape[1]).to(said)
    sums = {
        "centre": coordinates * ((mine[:, :2] - truth[:, :2]) ** 2).sum(),
        "size": coordinates * ((measure(mine[:, 2:]) - measure(truth[:, 2:])) ** 2).sum(),
        "object": ((sure - overlaps[chosen]) ** 2).sum(),
        "no_object": no_object * (cells.confidences[~chosen] ** 2).sum(),
        "class": ((said - wanted) ** 2).sum(),
    }
    return {name: value / max(1, len(predictions)) for name, value in sums.items()}


def yolo_loss(
    predictions: Tensor,
    targets: Targets,
    boxes: int = 2,
    coordinates: float = COORDINATES,
    no_object: float = NO_OBJECT_WEIGHT,
    roots: bool = True,
) -> Tensor:
    """The sum of `loss_terms`: equation 3, averaged over the images of a batch."""
    return torch.stack(list(loss_terms(predictions, targets, boxes, coordinates, no_object, roots).values())).sum()


def _responsible(cells: Cells, targets: Targets) -> tuple[Tensor, Tensor]:
    with torch.no_grad():
        where = targets.objects
        number = cells.boxes.shape[3]
        wanted = targets.boxes.to(cells.boxes)
        truth, mine = wanted[where], cells.boxes[where]  # (objects, 4), (objects, B, 4)
        theirs, there = corners(wanted)[where], corners(cells.boxes)[where]
        shares = torch.stack([iou(there[:, box], theirs).diagonal() for box in range(number)], dim=1)
        errors = (mine[..., :2] - truth[:, None, :2]) ** 2 + (_roots(mine[..., 2:]) - _roots(truth[:, None, 2:])) ** 2
        touched = shares.max(dim=1).values > 0
        best = torch.where(touched, shares.argmax(dim=1), errors.sum(dim=2).argmin(dim=1))
        chosen = torch.zeros_like(cells.confidences, dtype=torch.bool)
        chosen[where] = F.one_hot(best, number).bool()
        overlaps = torch.zeros_like(cells.confidences)
        overlaps[where] = shares
    return chosen, overlaps


def _cells(predictions: Tensor, targets: Targets, boxes: int) -> Cells:
    cells = split(predictions, boxes)
    if not isinstance(targets, Targets):
        raise TypeError(f"targets is a {type(targets).__name__}; let `assign` make them")
    if targets.objects.shape != predictions.shape[:3]:
        raise ValueError(
            f"targets are for {tuple(targets.objects.shape)} (images, rows, columns) and predictions for "
            f"{tuple(predictions.shape[:3])}; assign the boxes to the grid that the network has"
        )
    classes = cells.classes.shape[3]
    if (targets.labels >= classes).any():
        raise ValueError(f"labels hold {int(targets.labels.max())}, but there are {classes} classes, from 0")
    if not predictions.isfinite().all():
        raise ValueError("predictions hold nan or infinity; has training diverged?")
    return cells


def _roots(sides: Tensor) -> Tensor:
    return sides.clamp(min=_SMALLEST).sqrt()
