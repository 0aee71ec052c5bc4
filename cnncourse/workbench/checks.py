"""Clear errors for wrong arguments: each names the value, what was wanted and the remedy."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor


def whole_number(name: str, value: object, minimum: int, remedy: str) -> int:
    """Return `value` if it is an integer of at least `minimum`.

    Raises
    ------
    ValueError
        Otherwise; floats and booleans are refused too, because rounding silently hides mistakes.
    """
    if isinstance(value, bool) or not isinstance(value, int):
        raise ValueError(f"{name} is {value!r}; it must be a whole number (an int). {remedy}")
    if value < minimum:
        raise ValueError(f"{name} is {value}; it must be at least {minimum}. {remedy}")
    return value


def number(name: str, value: object, low: float = -math.inf, high: float = math.inf) -> float:
    """Return `value` if it is an int or a float from `low` to `high`.

    Raises
    ------
    ValueError
        Otherwise; infinity, nan and booleans are refused too.
    """
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ValueError(f"{name} is {value!r}; it must be a finite number")
    if not low <= value <= high:
        raise ValueError(f"{name} is {value!r}; it must be a number from {low:g} to {high:g}")
    return float(value)


def pair(name: str, value: object, minimum: int, remedy: str) -> tuple[int, int]:
    """Return (vertical, horizontal) from one integer for both or a sequence of two, each checked."""
    if isinstance(value, Sequence) and not isinstance(value, str):
        if len(value) != 2:
            raise ValueError(f"{name} is {value!r}; give one number, or two as (vertical, horizontal). {remedy}")
        first, second = value
    else:
        first = second = value
    return whole_number(name, first, minimum, remedy), whole_number(name, second, minimum, remedy)


def tensor(name: str, value: object, axes: str, **sizes: int) -> Tensor:
    """Return `value` if it is a tensor with the named axes.

    Parameters
    ----------
    name
        What the caller knows the argument as.
    axes
        The axes in order, separated by spaces, for example ``"N C H W"``.
    **sizes
        Sizes that some axes must have, for example ``C=3``.

    Raises
    ------
    TypeError
        If it is no tensor.
    ValueError
        If its shape does not fit; the message shows both shapes.
    """
    if not isinstance(value, Tensor):
        raise TypeError(f"{name} is a {type(value).__name__}; it must be a tensor of shape ({axes})")
    names = axes.split()
    wanted = ", ".join(str(sizes.get(axis, axis)) for axis in names)
    fits = value.dim() == len(names) and all(
        sizes.get(axis, size) == size for axis, size in zip(names, value.shape, strict=True)
    )
    if not fits:
        raise ValueError(f"{name} has shape {tuple(value.shape)}; expected ({wanted})")
    return value


def alike(**tensors: Tensor | None) -> None:
    """Raise `ValueError` unless all tensors have one dtype and are on one device; `None` is skipped."""
    given = {name: value for name, value in tensors.items() if value is not None}
    for what in ("dtype", "device"):
        found: dict[str, torch.dtype | torch.device] = {name: getattr(t, what) for name, t in given.items()}
        if len(set(found.values())) > 1:
            listed = ", ".join(f"{name} is {value}" for name, value in found.items())
            raise ValueError(f"all tensors must have one {what}, but {listed}. Convert them with `.to(...)`")


def fraction(name: str, value: object, remedy: str) -> float:
    """Return `value` if it is a number from 0 to 1.

    Raises
    ------
    ValueError
        Otherwise; booleans and nan are refused too.
    """
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
        raise ValueError(f"{name} is {value!r}; it must be a number from 0 to 1. {remedy}")
    return float(value)
