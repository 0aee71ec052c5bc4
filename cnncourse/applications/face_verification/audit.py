"""The same threshold for everybody: error rates of each group, with error bars.

Wilson's interval: (p + z²/2n ± z·√(p(1 − p)/n + z²/4n²)) / (1 + z²/n), which stays sensible when no error was seen.

Chapter: `applications/face_verification`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from cnncourse.applications.face_verification.pairs import Pairs
from cnncourse.workbench import checks

_Z = 1.959963984540054  # 95 % of a normal distribution lie within


@dataclass(frozen=True)
class Rate:
    """`errors` of `number` pairs, their share, and the ends of an interval of 95 %; nan if there are no pairs."""

    errors: int
    number: int
    low: float
    high: float

    @property
    def share(self) -> float:
        """Errors by pairs."""
        return self.errors / self.number if self.number else math.nan


@dataclass(frozen=True)
class GroupAudit:
    """Of one group: how often one person is refused, and how often two persons are taken for one."""

    name: str
    false_refusals: Rate
    false_matches: Rate


def wilson(errors: int, number: int) -> tuple[float, float]:
    """Ends of the interval of 95 % for a share (Wilson 1927); nan for a share of nothing.

    Raises
    ------
    ValueError
        If there are more errors than pairs.
    """
    checks.whole_number("errors", errors, 0, "Count the wrong answers.")
    checks.whole_number("number", number, 0, "Count the answers.")
    if errors > number:
        raise ValueError(f"errors is {errors}, but there are only {number} pairs")
    if number == 0:
        return math.nan, math.nan
    share, spread = errors / number, _Z**2 / number
    middle = (share + spread / 2) / (1 + spread)
    half = _Z * math.sqrt(share * (1 - share) / number + spread / (4 * number)) / (1 + spread)
    return (middle - half if errors else 0.0), (middle + half if errors < number else 1.0)


def audit(distances: Tensor, same: Tensor, groups: Tensor, threshold: float, names: Sequence[str]) -> list[GroupAudit]:
    """Error rates of each group of pairs at one threshold.

    Parameters
    ----------
    distances, same
        One for each pair, (P,).
    groups
        Group of each pair, int64 (P,); every number must have its name.
    threshold
        "same" if the distance is at most this, for everybody.
    names
        Names of all groups, also of those without a pair.

    Raises
    ------
    TypeError, ValueError
        If the shapes do not fit or a group has no name.
    """
    checks.tensor("distances", distances, "P")
    checks.tensor("same", same, "P", P=len(distances))
    checks.tensor("groups", groups, "P", P=len(distances))
    checks.number("threshold", threshold)
    if len(groups) and not 0 <= int(groups.min()) <= int(groups.max()) < len(names):
        raise ValueError(f"groups go from {int(groups.min())} to {int(groups.max())}, but there are {len(names)} names")
    accepted, same = distances <= threshold, same.bool()
    return [
        GroupAudit(
            name,
            _rate(~accepted[same & (groups == number)]),
            _rate(accepted[~same & (groups == number)]),
        )
        for number, name in enumerate(names)
    ]


def interval_over_people(
    errors: Tensor, pairs: Pairs, people: Tensor, draws: int = 1000, seed: int = 0
) -> tuple[float, float]:
    """Interval of 95 % for the share of errors, by drawing *people* again, with replacement.

    Pairs that share a person are not independent; Wilson's interval does not know that and is too narrow.

    Parameters
    ----------
    errors
        Whether each pair was judged wrong, bool (P,).
    pairs
        Which pictures they are.
    people
        Who is on each picture, int64 (N,).
    draws, seed
        How often people are drawn, and which draws.
    """
    checks.tensor("errors", errors, "P", P=len(pairs))
    checks.whole_number("draws", draws, 1, "Draw at least once.")
    checks.whole_number("seed", seed, 0, "Any whole number will do.")
    if not len(pairs):
        return math.nan, math.nan
    known, numbered = people.unique(return_inverse=True)  # type: ignore[no-untyped-call]
    first, second = numbered[pairs.first], numbered[pairs.second]
    random = torch.Generator().manual_seed(seed)
    drawn = torch.randint(len(known), (draws, len(known)), generator=random)
    times = torch.zeros(draws, len(known), dtype=torch.float64).scatter_add_(1, drawn, torch.ones_like(drawn).double())
    weight = times[:, first] * torch.where(first == second, torch.ones_like(times[:, first]), times[:, second])
    shares = (weight * errors.double()).sum(dim=1) / weight.sum(dim=1)
    ends = torch.quantile(shares[shares.isfinite()], torch.tensor([0.025, 0.975], dtype=torch.float64))
    return float(ends[0]), float(ends[1])


def _rate(wrong: Tensor) -> Rate:
    errors, number = int(wrong.sum()), len(wrong)
    return Rate(errors, number, *wilson(errors, number))
