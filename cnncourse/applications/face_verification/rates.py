"""How good a verification is: rates over all thresholds, and an accuracy whose threshold was chosen elsewhere.

"same" if distance ≤ t.    TAR(t) = share of same pairs accepted    FAR(t) = share of different pairs accepted

Chapter: `applications/face_verification`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from cnncourse.workbench import checks


@dataclass(frozen=True)
class Roc:
    """`thresholds` rise from −∞; `far` and `tar` are the rates at each, float64 (K,). A rate of no pairs is nan."""

    thresholds: Tensor
    far: Tensor
    tar: Tensor


@dataclass(frozen=True)
class FoldAccuracy:
    """Accuracy of each fold (K,) and the threshold that the other folds chose for it (K,), float64."""

    accuracies: Tensor
    thresholds: Tensor

    @property
    def mean(self) -> float:
        """Mean over the folds."""
        return float(self.accuracies.mean())

    @property
    def standard_error(self) -> float:
        """Standard deviation of the folds over √K, as LFW's protocol asks for; nan for one fold."""
        return float(self.accuracies.std()) / math.sqrt(len(self.accuracies)) if len(self.accuracies) > 1 else math.nan


def roc(distances: Tensor, same: Tensor) -> Roc:
    """Rates at every threshold that changes something: one below all distances, then each of them.

    Parameters
    ----------
    distances
        One for each pair, (P,); small means alike.
    same
        Whether the pair shows one person, bool (P,).

    Raises
    ------
    TypeError, ValueError
        If the shapes do not fit or a distance is nan.
    """
    distances, same = _checked(distances, same)
    order = distances.argsort(stable=True)
    ranked, hits = distances[order], same[order].double()
    last = torch.cat([ranked[1:] != ranked[:-1], torch.ones(min(1, len(ranked)), dtype=torch.bool)])
    start = torch.zeros(1, dtype=torch.float64)
    accepted = [torch.cat([start, flags.cumsum(0)[last]]) for flags in (1 - hits, hits)]
    thresholds = torch.cat([torch.full((1,), -math.inf, dtype=torch.float64), ranked[last]])
    return Roc(thresholds, accepted[0] / (1 - hits).sum(), accepted[1] / hits.sum())


def equal_error_rate(curve: Roc) -> float:
    """Where FAR = 1 − TAR: the error rate at which both errors are equally likely; nan if one kind of pair is missing.

    Between two points of the curve it is interpolated on the straight line.
    """
    gap = curve.far - (1 - curve.tar)  # rises from −1 to 1
    if bool(gap.isnan().any()):
        return math.nan
    after = int((gap >= 0).nonzero()[0])
    before = max(0, after - 1)
    step = float(gap[after] - gap[before])
    part = -float(gap[before]) / step if step > 0 else 0.0
    return float(curve.far[before] + part * (curve.far[after] - curve.far[before]))


def tar_at_far(curve: Roc, far: float) -> float:
    """The largest TAR whose FAR is at most `far`: nothing is interpolated, so few pairs cannot promise a tiny FAR."""
    checks.fraction("far", far, "It is the share of different pairs that may be accepted.")
    if bool(curve.far.isnan().any()):
        return math.nan
    return float(curve.tar[curve.far <= far].max())


def accuracy_at(distances: Tensor, same: Tensor, threshold: float) -> float:
    """Share of pairs that are judged right at one threshold; nan for no pairs."""
    distances, same = _checked(distances, same)
    if isinstance(threshold, bool) or not isinstance(threshold, int | float) or math.isnan(threshold):
        raise ValueError(f"threshold is {threshold!r}; it must be a number")
    return float(((distances <= threshold) == same).double().mean())


def best_threshold(distances: Tensor, same: Tensor) -> float:
    """The threshold with the best accuracy: half-way to the next distance, and the smallest of equally good ones.

    Raises
    ------
    ValueError
        If there are no pairs to choose it from.
    """
    distances, same = _checked(distances, same)
    if not len(distances):
        raise ValueError("there are no pairs to choose a threshold from")
    candidates = distances.unique()  # type: ignore[no-untyped-call]
    ranked = distances[same].sort().values, distances[~same].sort().values
    accepted, wrong = (torch.searchsorted(kind, candidates, right=True) for kind in ranked)
    right = torch.cat([torch.zeros(1, dtype=torch.int64), accepted - wrong])  # up to a constant, "never" first
    best = int((right == right.max()).nonzero()[0])
    if best == 0:
        return float(candidates[0]) - 1.0
    following = candidates[best] if best < len(candidates) else candidates[-1]
    return float((candidates[best - 1] + following) / 2)


def fold_accuracy(distances: Tensor, same: Tensor, fold: Tensor) -> FoldAccuracy:
    """Accuracy of each fold at the threshold that is best on all *other* folds.

    Parameters
    ----------
    distances, same
        As in `roc`.
    fold
        The fold of each pair, int64 (P,).

    Raises
    ------
    ValueError
        If there are fewer than two folds, because then nothing is left to choose the threshold from.
    """
    distances, same = _checked(distances, same)
    checks.tensor("fold", fold, "P", P=len(distances))
    numbers = fold.unique().tolist()  # type: ignore[no-untyped-call]
    if len(numbers) < 2:
        raise ValueError(f"there are {len(numbers)} folds; at least two are needed, one to test and one to choose from")
    thresholds = [best_threshold(distances[fold != one], same[fold != one]) for one in numbers]
    accuracies = [
        accuracy_at(distances[fold == one], same[fold == one], threshold)
        for one, threshold in zip(numbers, thresholds, strict=True)
    ]
    return FoldAccuracy(torch.tensor(accuracies, dtype=torch.float64), torch.tensor(thresholds, dtype=torch.float64))


def _checked(distances: Tensor, same: Tensor) -> tuple[Tensor, Tensor]:
    checks.tensor("distances", distances, "P")
    checks.tensor("same", same, "P", P=len(distances))
    if bool(distances.isnan().any()):
        raise ValueError("a distance is nan; look for a vector that was divided by its length of zero")
    return distances.detach().cpu().double(), same.cpu().bool()
