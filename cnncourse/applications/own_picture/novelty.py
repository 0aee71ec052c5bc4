"""Unlike anything seen: a score of how much evidence a picture gives for anything, and a threshold for it.

Softmax divides by the sum of all evidence and so forgets how little there was; the largest logit and
log Σ_k exp z_k do not (Hendrycks & Gimpel 2017; Liu et al. 2020).

Chapter: `applications/own_picture`.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from cnncourse.workbench import checks


def largest_probability(logits: Tensor) -> Tensor:
    """The softmax's largest value, (N,): what it says of being sure."""
    checks.tensor("logits", logits, "N C")
    return logits.double().softmax(dim=1).amax(dim=1)


def largest_logit(logits: Tensor) -> Tensor:
    """The largest logit, (N,): how much evidence there is for the best class."""
    checks.tensor("logits", logits, "N C")
    return logits.double().amax(dim=1)


def total_evidence(logits: Tensor) -> Tensor:
    """Log Σ_k exp z_k, (N,): the negative energy of Liu et al."""
    checks.tensor("logits", logits, "N C")
    return logits.double().logsumexp(dim=1)


SCORES: dict[str, Callable[[Tensor], Tensor]] = {
    "largest probability": largest_probability,
    "largest logit": largest_logit,
    "total evidence": total_evidence,
}


def separation(known: Tensor, unknown: Tensor) -> float:
    """How often a known picture scores higher than an unknown one; ties count half. The area under the ROC curve.

    Raises
    ------
    ValueError
        If one of the two is empty, or a score is not a number.
    """
    first, second = _scores("known", known), _scores("unknown", unknown).sort().values
    below = torch.searchsorted(second, first, right=False)
    not_above = torch.searchsorted(second, first, right=True)
    return float((below + not_above).double().mean() / 2 / len(second))


def threshold_for(known: Tensor, accepted: float = 0.95) -> float:
    """The highest threshold that at least the share `accepted` of known pictures reach.

    Raises
    ------
    ValueError
        If the share is not above 0 and at most 1, or there is no score.
    """
    checks.number("accepted", accepted, 0, 1)
    ordered = _scores("known", known).sort(descending=True).values
    needed = max(1, int(-(-len(ordered) * round(accepted, 9) // 1)))
    return float(ordered[needed - 1])


def share_accepted(scores: Tensor, threshold: float) -> float:
    """Share of pictures whose score reaches the threshold."""
    return float((_scores("scores", scores) >= threshold).double().mean())


def _scores(name: str, values: Tensor) -> Tensor:
    flat = torch.as_tensor(values).double().flatten()
    if not len(flat) or bool(flat.isnan().any()):
        raise ValueError(f"{name} holds {len(flat)} scores, or one that is not a number; give at least one number")
    return flat
