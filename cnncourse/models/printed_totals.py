"""A printed total as evidence: what it can stand for, and how many wrong sums would give it as well.

A number that is printed as n stands for n − ½ ≤ x < n + ½ of its unit.

Chapter: `models/vgg`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from cnncourse.models.counting import budget_of
from cnncourse.workbench import checks

MEGABYTE, MEBIBYTE = 10**6, 2**20
_FLOAT = 4  # bytes
_STORED = ("Conv2d", "MaxPool2d", "Linear")


def floats_behind(printed: int, unit: int = MEBIBYTE) -> tuple[int, int]:
    """Smallest and largest number of float32 values whose memory is printed as so many units of bytes."""
    checks.whole_number("printed", printed, 1, "Give the printed number.")
    checks.whole_number("unit", unit, 1, "Give the bytes of one unit, 10**6 or 2**20.")
    low, high = ((2 * printed + sign) * unit for sign in (-1, 1))  # twice the bytes
    return -(-low // (2 * _FLOAT)), (high - 1) // (2 * _FLOAT)


def volumes_of(name: str, size: int | None = None) -> list[int]:
    """Values of the image and of each convolution, pooling and linear layer of a network of the catalogue."""
    first, *rows = budget_of(name, size).rows
    return [first.activations, *(row.activations for row in rows if row.kind in _STORED)]


def ways(values: Sequence[int], low: int, high: int) -> int:
    """In how many ways each value can be counted once or twice, so that the sum is at least `low` and at most `high`.

    Raises
    ------
    ValueError
        If the values are no list of whole numbers that are not negative.
    """
    remedy = "Give the number of values of each volume."
    if not isinstance(values, Sequence) or isinstance(values, str):
        raise ValueError(f"values is {values!r}; it must be a list of whole numbers. {remedy}")
    for name, bound in (("low", low), ("high", high)):
        checks.whole_number(name, bound, 0, "Give the bounds of the sum.")
    sums = Counter({0: 1})
    for value in values:
        checks.whole_number("values", value, 0, remedy)
        longer: Counter[int] = Counter()
        for total, number in sums.items():
            longer[total + value] += number
            longer[total + 2 * value] += number
        sums = longer
    return sum(number for total, number in sums.items() if low <= total <= high)


def share_of_doublings(name: str, printed: int) -> float:
    """Per cent of the ways to count each volume of a network once or twice that print so many mebibytes."""
    volumes = volumes_of(name)
    possible: int = 2 ** len(volumes)
    return round(100 * ways(volumes, *floats_behind(printed)) / possible, 1)
