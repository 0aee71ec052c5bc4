"""What a late submission costs, and which of several attempts counts: the rules that an instructor states once.

penalty = rate · started days late · score. Chapter: `teaching`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

DAY = 86_400.0
_COUNTED = ("last", "best", "first")


@dataclass(frozen=True)
class LatePolicy:
    """Points lost for handing in late.

    Parameters
    ----------
    rate
        Fraction lost for each started day.
    of
        ``"score"``: of what the student earned; ``"maximum"``: of what could be earned.
    grace_minutes
        A submission this late still counts as in time; later ones are late from the due date on.
    zero_after_days
        Later than this nothing is left.
    """

    rate: float = 0.1
    of: str = "score"
    grace_minutes: float = 0.0
    zero_after_days: float = math.inf

    def __post_init__(self) -> None:
        if not 0 <= self.rate <= 1:
            raise ValueError(f"rate is {self.rate!r}; it is the fraction lost per day, between 0 and 1")
        if self.of not in ("score", "maximum"):
            raise ValueError(f"of={self.of!r} is unknown; say 'score' or 'maximum'")
        if not self.grace_minutes >= 0:
            raise ValueError(f"grace_minutes is {self.grace_minutes!r}; it must be 0 or more")
        if not self.zero_after_days >= 0:
            raise ValueError(f"zero_after_days is {self.zero_after_days!r}; it must be 0 or more")

    def penalty(self, score: float, max_score: float, seconds_late: float) -> float:
        """Points to take off, never more than the score.

        Raises
        ------
        ValueError
            If a number is negative or not finite.
        """
        for name, value in (("score", score), ("max_score", max_score), ("seconds_late", seconds_late)):
            if not 0 <= value < math.inf:
                raise ValueError(f"{name} is {value!r}; it must be a finite number of at least 0")
        if seconds_late <= self.grace_minutes * 60:
            return 0.0
        if seconds_late > self.zero_after_days * DAY:
            return float(score)
        base = score if self.of == "score" else max_score
        return float(min(score, self.rate * math.ceil(seconds_late / DAY) * base))


@dataclass(frozen=True)
class AttemptPolicy:
    """Which of a student's attempts counts.

    Parameters
    ----------
    counts
        ``"last"`` (as nbgrader does), ``"best"`` or ``"first"``.
    allowed
        How many attempts count at most; None: any number.
    extra
        Further attempts granted to single students, by student id.
    """

    counts: str = "last"
    allowed: int | None = None
    extra: Mapping[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.counts not in _COUNTED:
            raise ValueError(f"counts={self.counts!r} is unknown; say one of {', '.join(_COUNTED)}")
        if self.allowed is not None and (not isinstance(self.allowed, int) or self.allowed < 1):
            raise ValueError(f"allowed is {self.allowed!r}; it must be a whole number of at least 1, or None")
        for student, number in self.extra.items():
            if not isinstance(number, int) or number < 0:
                raise ValueError(f"extra[{student!r}] is {number!r}; it must be a whole number of at least 0")

    @property
    def needs_history(self) -> bool:
        """Whether earlier attempts must be kept to decide."""
        return self.counts != "last" or self.allowed is not None

    def limit(self, student: str) -> int | None:
        """How many attempts of this student count; None: all."""
        return None if self.allowed is None else self.allowed + self.extra.get(student, 0)

    def choose(self, student: str, scores: Sequence[float]) -> int:
        """The index of the attempt that counts, from the scores after penalties, in the order of submission.

        Raises
        ------
        ValueError
            If there is no attempt.
        """
        if not scores:
            raise ValueError(f"{student} has no attempt to choose from")
        counted = list(scores)[: self.limit(student)]
        if self.counts == "first":
            return 0
        if self.counts == "last":
            return len(counted) - 1
        return max(range(len(counted)), key=lambda index: (counted[index], index))
