"""Confidence that means what it says: softmax(z / T) with one temperature T, chosen by likelihood on held-out pictures.

ECE = Σ_b |B_b|/N · |accuracy(B_b) − confidence(B_b)| over equal bins of confidence (Guo et al. 2017).

Chapter: `applications/own_picture`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from cnncourse.workbench import checks

_COLDEST, _HOTTEST, _STEPS = 0.01, 100.0, 80


@dataclass(frozen=True)
class Bin:
    """Answers whose confidence lies in [low, high): how many, how confident on average, how often right."""

    low: float
    high: float
    number: int
    confidence: float
    accuracy: float


def soften(logits: Tensor, temperature: float) -> Tensor:
    """Probabilities softmax(z / T), (N, classes); the order of the classes stays."""
    checks.number("temperature", temperature, _COLDEST / 10, 10 * _HOTTEST)
    _matrix(logits)
    return (logits.double() / temperature).softmax(dim=1)


def negative_log_likelihood(logits: Tensor, right: Tensor, temperature: float = 1.0) -> float:
    """Mean of −log p(right), where p is the share of all classes that count as right.

    Parameters
    ----------
    logits
        (N, classes).
    right
        Labels int64 (N,), or booleans (N, classes) where several names are right, for example three kinds of elephant.

    Raises
    ------
    ValueError
        If the shapes do not fit, a label is no class, or for a picture nothing would be right.
    """
    allowed = _allowed(logits, right)
    scaled = logits.double() / temperature
    named = scaled.masked_fill(~allowed, -math.inf).logsumexp(dim=1)
    return float((scaled.logsumexp(dim=1) - named).mean())


def fit_temperature(logits: Tensor, right: Tensor) -> float:
    """The temperature with the smallest `negative_log_likelihood`, between 0.01 and 100.

    Golden-section search over log T. For single labels the loss is convex in 1/T, so there is one minimum.
    """
    _allowed(logits, right)
    ratio = (math.sqrt(5) - 1) / 2
    low, high = math.log(_COLDEST), math.log(_HOTTEST)

    def loss(place: float) -> float:
        return negative_log_likelihood(logits, right, math.exp(place))

    left, middle = high - ratio * (high - low), low + ratio * (high - low)
    at_left, at_middle = loss(left), loss(middle)
    for _ in range(_STEPS):
        if at_left <= at_middle:
            high, middle, at_middle = middle, left, at_left
            left = high - ratio * (high - low)
            at_left = loss(left)
        else:
            low, left, at_left = left, middle, at_middle
            middle = low + ratio * (high - low)
            at_middle = loss(middle)
    return math.exp((low + high) / 2)


def answers(logits: Tensor, right: Tensor, temperature: float = 1.0) -> tuple[Tensor, Tensor]:
    """Confidence of each first answer, float64 (N,), and whether it is right, bool (N,)."""
    allowed = _allowed(logits, right)
    confidence, label = soften(logits, temperature).max(dim=1)
    return confidence, allowed.gather(1, label[:, None])[:, 0]


def reliability(confidence: Tensor, correct: Tensor, bins: int = 15) -> list[Bin]:
    """Equal bins of confidence from 0 to 1; empty ones are left out, a confidence of 1 belongs to the last.

    Raises
    ------
    ValueError
        If there is no answer, a confidence is no probability, or the shapes differ.
    """
    checks.whole_number("bins", bins, 1, "One bin compares only the means.")
    sure, hits = _flat(confidence, correct)
    place = (sure * bins).floor().clamp(max=bins - 1).long()
    rows = []
    for number in range(bins):
        inside = place == number
        if inside.any():
            mean, share = float(sure[inside].mean()), float(hits[inside].double().mean())
            rows.append(Bin(number / bins, (number + 1) / bins, int(inside.sum()), mean, share))
    return rows


def expected_calibration_error(confidence: Tensor, correct: Tensor, bins: int = 15) -> float:
    """How far confidence and accuracy are apart, averaged over the bins by their numbers of answers."""
    rows = reliability(confidence, correct, bins)
    total = sum(row.number for row in rows)
    return sum(row.number / total * abs(row.accuracy - row.confidence) for row in rows)


def _flat(confidence: Tensor, correct: Tensor) -> tuple[Tensor, Tensor]:
    sure, hits = torch.as_tensor(confidence).double(), torch.as_tensor(correct)
    if sure.dim() != 1 or sure.shape != hits.shape or not len(sure):
        shapes = f"{tuple(sure.shape)} and {tuple(hits.shape)}"
        raise ValueError(f"confidence and correct have shapes {shapes}; give one number and one yes or no each")
    if not bool(((sure >= 0) & (sure <= 1 + 1e-6)).all()):
        raise ValueError("a confidence is no number between 0 and 1; apply softmax first")
    return sure, hits.bool()


def _matrix(logits: Tensor) -> None:
    checks.tensor("logits", logits, "N C")
    if not len(logits) or not logits.shape[1]:
        raise ValueError(f"logits have shape {tuple(logits.shape)}; give at least one row and one class")


def _allowed(logits: Tensor, right: Tensor) -> Tensor:
    _matrix(logits)
    number, classes = logits.shape
    if not isinstance(right, Tensor):
        raise TypeError(f"right is {type(right).__name__}; give a tensor of labels or of booleans")
    if right.dtype == torch.bool and right.shape == logits.shape:
        if not bool(right.any(dim=1).all()):
            raise ValueError("for some picture no class counts as right; leave such pictures out")
        return right
    if right.shape != (number,) or right.dtype == torch.bool or right.is_floating_point():
        raise ValueError(
            f"right has shape {tuple(right.shape)} and dtype {right.dtype}; give {number} labels, "
            f"or booleans of shape {tuple(logits.shape)}"
        )
    if not bool(((right >= 0) & (right < classes)).all()):
        raise ValueError(f"a label is outside of 0 … {classes - 1}")
    return F.one_hot(right.long(), classes).bool()
