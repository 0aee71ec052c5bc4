"""Average precision: how good a list of detections is, from its best score to its worst.

precision = true / (true + false)    recall = true / objects    AP = ∫ max precision from this recall on, d(recall)
Everingham et al. 2010 (eleven points, and the area from 2010 on; difficult objects count neither way).

Chapter: `applications/boxes`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from cnncourse.applications.boxes import areas, iou
from cnncourse.workbench import checks

TRUE, FALSE, IGNORED = 1, 0, -1
METHODS = ("area", "eleven")


@dataclass(frozen=True)
class Detections:
    """What a detector says about one image: `boxes` (N, 4), `scores` (N,), and `labels` int64 (N,)."""

    boxes: Tensor
    scores: Tensor
    labels: Tensor


@dataclass(frozen=True)
class Truth:
    """What stands in one image: `boxes` (M, 4), `labels` int64 (M,), and which objects are `difficult`, bool (M,)."""

    boxes: Tensor
    labels: Tensor
    difficult: Tensor | None = None


def judge(
    boxes: Tensor, scores: Tensor, truth: Tensor, difficult: Tensor | None = None, threshold: float = 0.5
) -> Tensor:
    """Judge the detections of one class in one image, by PASCAL VOC's rule.

    Each detection points to the object that it overlaps most. It is true if their IoU is at least `threshold` and
    no detection with a higher score has taken that object before; a second one is false. If the object is difficult,
    the detection counts neither way.

    Parameters
    ----------
    boxes, scores
        (N, 4) and (N,); of equal scores the earlier one comes first.
    truth, difficult
        (M, 4) and bool (M,); without the second one no object is difficult.

    Returns
    -------
    Tensor
        int64 (N,), in the order of `boxes`: 1 true, 0 false, −1 ignored.
    """
    checks.fraction("threshold", threshold, "PASCAL VOC uses 0.5.")
    overlaps = iou(boxes, truth)
    order = _by_score(scores, len(boxes))
    hard = _flags(difficult, truth)
    verdicts = torch.zeros(len(boxes), dtype=torch.int64, device=boxes.device)
    if len(truth) == 0 or len(boxes) == 0:
        return verdicts
    best, objects = overlaps.max(dim=1)
    good = (best >= threshold) & (best > 0)
    rank = torch.empty_like(order).scatter_(0, order, torch.arange(len(order), device=order.device))
    late = torch.where(good, rank, len(order))  # those that hit nothing come last
    first = torch.full((len(truth),), len(order), device=order.device).scatter_reduce(0, objects, late, "amin")
    verdicts[good & (rank == first[objects])] = TRUE
    verdicts[good & hard[objects]] = IGNORED
    return verdicts


def precision_recall(scores: Tensor, verdicts: Tensor, positives: int) -> tuple[Tensor, Tensor]:
    """Precision and recall after each detection, from the best score on; those that are ignored are left out.

    Parameters
    ----------
    scores, verdicts
        (N,) of all images together; `verdicts` as `judge` returns them.
    positives
        How many objects there are to find, without the difficult ones.

    Returns
    -------
    precision, recall
        float64 (N',) each. Where there is nothing to find, recall is nan.
    """
    order = _by_score(scores, len(scores) if isinstance(scores, Tensor) and scores.dim() else 0)
    checks.tensor("verdicts", verdicts, "N", N=len(scores))
    checks.whole_number("positives", positives, 0, "Count the objects that are not difficult.")
    unknown = set(verdicts.tolist()) - {TRUE, FALSE, IGNORED}
    if unknown:
        raise ValueError(f"verdicts hold {sorted(unknown)}; judge returns 1 for true, 0 for false and −1 for ignored")
    ranked = verdicts[order]
    ranked = ranked[ranked != IGNORED]
    true = ranked.cumsum(0).double()
    if len(true) and true[-1] > positives:
        raise ValueError(
            f"positives is {positives}, but {int(true[-1])} detections are true; each object is found once"
        )
    return true / torch.arange(1, len(true) + 1, device=true.device), true / (positives or torch.nan)


def average_precision(precision: Tensor, recall: Tensor, method: str = "area") -> float:
    """Summarize a curve in one number in [0, 1].

    Parameters
    ----------
    precision, recall
        (N,) as `precision_recall` returns them.
    method
        ``"area"`` under the envelope, the best precision from each recall on; ``"eleven"`` averages this envelope
        at the recalls 0, 0.1, …, 1. Where the curve does not reach, precision is 0.

    Raises
    ------
    TypeError, ValueError
        If the two do not belong together, recall falls, or something is no number in [0, 1].
    """
    if method not in METHODS:
        raise ValueError(f"method is {method!r}; choose one of {', '.join(METHODS)}")
    checks.tensor("precision", precision, "N")
    checks.tensor("recall", recall, "N", N=len(precision))
    for name, values in {"precision": precision, "recall": recall}.items():
        if not ((values >= 0) & (values <= 1)).all():
            raise ValueError(f"{name} holds values outside [0, 1] or nan; is there any object to find?")
    if not (recall.diff() >= 0).all():
        raise ValueError("recall falls; sort the detections from the best score to the worst")
    if len(precision) == 0:
        return 0.0
    envelope = precision.double().flip(0).cummax(0).values.flip(0)  # the best from here on
    if method == "area":
        steps = recall.double().diff(prepend=recall.new_zeros(1).double())
        return float((steps * envelope).sum())
    points = torch.arange(11, device=recall.device, dtype=torch.float64) / 10
    reached = torch.searchsorted(recall.double() + 1e-9, points)  # 3/10 and 0.3 may differ in the last bit
    return float(torch.cat([envelope, envelope.new_zeros(1)])[reached].mean())


def class_average_precisions(
    detections: Sequence[Detections],
    truths: Sequence[Truth],
    classes: int,
    threshold: float = 0.5,
    method: str = "area",
) -> Tensor:
    """Average precision of every class over all images, float64 (classes,); nan where there is nothing to find."""
    checks.whole_number("classes", classes, 1, "Classes are numbered from 0.")
    if len(detections) != len(truths):
        raise ValueError(f"there are detections for {len(detections)} images, and truths for {len(truths)}")
    results = torch.full((classes,), torch.nan, dtype=torch.float64)
    for label in range(classes):
        scores, verdicts, positives = [torch.zeros(0)], [torch.zeros(0, dtype=torch.int64)], 0
        for found, truth in zip(detections, truths, strict=True):
            mine, theirs = found.labels == label, truth.labels == label
            hard = _flags(truth.difficult, truth.boxes)[theirs]
            verdict = judge(found.boxes[mine], found.scores[mine], truth.boxes[theirs], hard, threshold)
            scores.append(found.scores[mine].cpu())
            verdicts.append(verdict.cpu())
            positives += int((~hard).sum())
        if positives:
            curve = precision_recall(torch.cat(scores), torch.cat(verdicts), positives)
            results[label] = average_precision(*curve, method=method)
    return results


def mean_average_precision(
    detections: Sequence[Detections],
    truths: Sequence[Truth],
    classes: int,
    threshold: float = 0.5,
    method: str = "area",
) -> float:
    """Mean of `class_average_precisions` over the classes that occur (mAP); nan if none does."""
    return float(class_average_precisions(detections, truths, classes, threshold, method).nanmean())


def _by_score(scores: Tensor, number: int) -> Tensor:
    checks.tensor("scores", scores, "N", N=number)
    if scores.isnan().any():
        raise ValueError("scores hold nan; they cannot be put in order")
    return scores.sort(descending=True, stable=True).indices


def _flags(difficult: Tensor | None, truth: Tensor) -> Tensor:
    """Which objects are difficult, bool (M,)."""
    if difficult is None:
        areas(truth)
        return torch.zeros(len(truth), dtype=torch.bool, device=truth.device)
    checks.tensor("difficult", difficult, "M", M=len(truth))
    return difficult.to(torch.bool)
