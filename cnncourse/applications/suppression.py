"""Suppression: many detections of one object become one, by deleting the others or by lowering their scores.

greedy: drop j if IoU(i, j) > threshold for a better i that stays        soft: score_j ← score_j · exp(−IoU(i, j)²/σ)
Papers: Girshick et al. 2014 (greedy, per class); Bodla et al. 2017 (soft).

Chapter: `applications/boxes`.
"""

from __future__ import annotations

import torch
from torch import Tensor

from cnncourse.applications.boxes import areas, iou
from cnncourse.workbench import checks


def non_maximum_suppression(
    boxes: Tensor, scores: Tensor, threshold: float = 0.5, labels: Tensor | None = None
) -> Tensor:
    """Greedy suppression: the best box stays, and every box that overlaps it by more than `threshold` goes; repeat.

    Parameters
    ----------
    boxes, scores
        (N, 4) and (N,).
    threshold
        The IoU up to which two boxes may both stay.
    labels
        Class of each box, integers (N,). Boxes of different classes do not suppress each other.

    Returns
    -------
    Tensor
        Indices of the boxes that stay, int64, best first; of equal scores the earlier one wins.

    Notes
    -----
    A box depends on better ones alone. So after k rounds of the rule the best k are settled, and a round that
    changes nothing has found what the loop finds; a few rounds do, each one on all pairs at once.
    """
    order = _order(boxes, scores, labels)
    checks.fraction("threshold", threshold, "Boxes above this IoU count as one.")
    rivals = (iou(boxes, boxes) > threshold) & _same_class(len(boxes), labels, boxes.device)
    rivals = rivals[order][:, order].triu(diagonal=1)  # rivals[i, j]: i is better than j and overlaps it
    keep = torch.ones_like(order, dtype=torch.bool)
    while True:
        again = ~(rivals & keep[:, None]).any(dim=0)
        if torch.equal(again, keep):
            return order[keep]
        keep = again


def soft_suppression(
    boxes: Tensor,
    scores: Tensor,
    labels: Tensor | None = None,
    kind: str = "gaussian",
    sigma: float = 0.5,
    threshold: float = 0.3,
    floor: float = 0.001,
) -> tuple[Tensor, Tensor]:
    """Lower the scores of boxes that overlap a better one, instead of deleting them (Bodla et al. 2017).

    Parameters
    ----------
    boxes, scores, labels
        As in `non_maximum_suppression`; scores are not negative.
    kind
        ``"gaussian"`` multiplies a score by exp(−IoU²/σ); ``"linear"`` by 1 − IoU where IoU ≥ `threshold`.
    sigma, threshold
        For the one and the other kind.
    floor
        Boxes whose score falls below are dropped.

    Returns
    -------
    keep
        Indices of the boxes that stay, int64, in the order in which they were chosen.
    scores
        Their new scores, which never rise along the list.
    """
    order = _order(boxes, scores, labels)
    if kind not in ("gaussian", "linear"):
        raise ValueError(f"kind is {kind!r}; choose gaussian or linear")
    if isinstance(sigma, bool) or not isinstance(sigma, int | float) or not sigma > 0:
        raise ValueError(f"sigma is {sigma!r}; it must be a positive number, for example 0.5")
    checks.fraction("threshold", threshold, "Below this IoU a linear rule changes nothing.")
    checks.fraction("floor", floor, "Scores below it are dropped.")
    if not (scores >= 0).all():
        raise ValueError("a score is negative; pass probabilities, because a factor below 1 would raise it")
    overlaps = iou(boxes, boxes)
    decay = (-(overlaps**2) / sigma).exp() if kind == "gaussian" else 1 - overlaps * (overlaps >= threshold)
    decay = torch.where(_same_class(len(boxes), labels, boxes.device), decay, 1)
    left, waiting, kept, new = scores.clone(), torch.ones_like(order, dtype=torch.bool), [], []
    for _ in range(len(order)):
        best = left.argmax()  # the first of equals
        if not left[best] >= floor:
            break
        kept.append(best)
        new.append(left[best].clone())
        waiting[best] = False
        left = torch.where(waiting, left * decay[best], -1)
    if not kept:
        return order[:0], scores[:0]
    return torch.stack(kept), torch.stack(new)


def _order(boxes: Tensor, scores: Tensor, labels: Tensor | None) -> Tensor:
    """Indices from the best score to the worst, after a look at all three."""
    areas(boxes)  # complains about what is no box
    checks.tensor("scores", scores, "N", N=len(boxes))
    if not scores.is_floating_point() or scores.isnan().any():
        raise ValueError("scores must be floating point numbers without nan")
    if labels is not None:
        checks.tensor("labels", labels, "N", N=len(boxes))
    return scores.sort(descending=True, stable=True).indices


def _same_class(number: int, labels: Tensor | None, device: torch.device) -> Tensor:
    if labels is None:
        return torch.ones(number, number, dtype=torch.bool, device=device)
    return labels[:, None] == labels[None]
