"""Parameters of the student's that a check holds: what either side does to them reaches the other.

So `model.fc.weight.fill_(1)` in a check sets the student's weight, and a weight fetched before training is seen to
change by it.
"""

from __future__ import annotations

import sys

import torch

from cnncourse.grading.codec import DecodeError
from cnncourse.grading.contents import adopt, copy_of, differs

_LARGEST = 16 * 2**20  # bytes; larger ones are copied once and then not followed
_ONLY_HERE = 2  # references to an object that nothing but our table knows, while `getrefcount` looks at it


class HeldTensors:
    """Tensors by the number that they have in the student's process, each with a copy of what was last the same."""

    def __init__(self) -> None:
        self._tensors: dict[int, torch.Tensor] = {}
        self._copies: dict[int, torch.Tensor] = {}

    def hold(self, number: int, tensor: torch.Tensor) -> torch.Tensor:
        """Take in a tensor that has arrived; one that is held already is brought up to date."""
        if number in self._tensors:
            self.update(number, tensor)
            return self._tensors[number]
        if tensor.numel() * tensor.element_size() <= _LARGEST:
            self._tensors[number], self._copies[number] = tensor, copy_of(tensor)
        return tensor

    def update(self, number: int, value: object) -> None:
        """The tensor has this content over there now.

        Raises
        ------
        DecodeError
            If that is no tensor.
        """
        if not isinstance(value, torch.Tensor):
            raise DecodeError("the content of a tensor that is no tensor")
        if number in self._tensors:
            adopt(self._tensors[number], value)
            self._copies[number] = copy_of(value)

    def number_of(self, value: object) -> int | None:
        """The number of a tensor that is held."""
        return next((number for number, own in self._tensors.items() if own is value), None)

    def written(self) -> tuple[list[tuple[int, torch.Tensor]], list[int]]:
        """Tensors that the check has changed since the last request, and numbers that it no longer needs."""
        changed = [number for number, was in self._copies.items() if differs(self._tensors[number], was)]
        for number in changed:
            self._copies[number] = copy_of(self._tensors[number])
        written = [(number, self._copies[number]) for number in changed]
        dropped = [number for number in self._tensors if sys.getrefcount(self._tensors[number]) <= _ONLY_HERE]
        for number in dropped:
            del self._tensors[number], self._copies[number]
        return written, dropped
