"""Objects that a check builds and passes to student code: networks, optimizers, data loaders.

They go to the student's process once, by pickle: that is the safe direction, since the sender is trusted, and
nothing ever comes back this way. What belongs together stays so: an optimizer arrives with the parameters of the
network that it trains, be that the check's or the student's.
"""

from __future__ import annotations

import io
import pickle
from collections.abc import Callable
from dataclasses import dataclass
from types import FunctionType
from typing import Any

import torch
from torch import nn

from cnncourse.grading.codec import EncodeError, encode
from cnncourse.grading.contents import restore_module, state
from cnncourse.grading.standins import Standin

_PROTOCOL = 5


@dataclass
class _Sent:
    value: object
    number: int
    structure: bytes  # of a module: everything but its tensors
    content: bytes  # of a module: its tensors


class Sender:
    """The trusted side: which objects the other side has, and in which state.

    Parameters
    ----------
    held_number, function_number
        Give the numbers under which the other side knows a parameter of its own, and a function that stays here.
    """

    def __init__(self, held_number: Callable[[object], int | None], function_number: Callable[[Any], int]) -> None:
        self._held_number, self._function_number = held_number, function_number
        self._sent: dict[int, _Sent] = {}
        self._owners: dict[int, tuple[nn.Module, str, str]] = {}  # of each part of a module that was sent
        self._next = 0
        self._waiting: list[tuple[int, str, Any]] = []

    def number(self, value: object) -> int:
        """The number of an object; what the other side does not have of it yet goes out with the next request.

        Raises
        ------
        EncodeError
            If it cannot be sent, such as an object of a class that the check itself defines.
        """
        known = self._sent.get(id(value))
        structure, content = self._describe(value)
        if known is None or known.structure != structure:
            return self._send(value, structure, content)
        if known.content != content:
            known.content = content
            self._waiting.append((known.number, "state", state(value)))
        return known.number

    def take_waiting(self) -> list[tuple[int, str, Any]]:
        """(number, what, content) of everything that has to go out before the next request."""
        waiting, self._waiting = self._waiting, []
        return waiting

    def has_changed_there(self, value: object) -> None:
        """The object has just taken over what student code did to its copy: both are alike again."""
        if known := self._sent.get(id(value)):
            known.structure, known.content = self._describe(value)

    def differs_there(self, value: object) -> None:
        """Student code has changed its copy and the object here stays as it is: send it anew next time."""
        self._sent.pop(id(value), None)

    def _send(self, value: object, structure: bytes, content: bytes) -> int:
        number, self._next = self._next, self._next + 1
        pickled = structure if not isinstance(value, nn.Module) else self._pickle(value, with_tensors=True)
        self._sent[id(value)] = _Sent(value, number, structure, content)
        self._waiting.append((number, "new", pickled))
        if isinstance(value, nn.Module):
            self._note_parts(value)
        return number

    def _note_parts(self, module: nn.Module) -> None:
        for name, part in module.named_modules():
            self._owners[id(part)] = (module, "module", name)
        for name, parameter in module.named_parameters():
            self._owners[id(parameter)] = (module, "parameter", name)

    def _describe(self, value: object) -> tuple[bytes, bytes]:
        if isinstance(value, nn.Module):
            return self._pickle(value, with_tensors=False), encode(state(value))
        return self._pickle(value, with_tensors=True), b""

    def _pickle(self, value: object, with_tensors: bool) -> bytes:
        buffer = io.BytesIO()
        pickler = pickle.Pickler(buffer, _PROTOCOL)
        pickler.persistent_id = lambda part: self._stands_for(part, value, with_tensors)  # type: ignore[method-assign]
        try:
            pickler.dump(value)
        except Exception as error:  # noqa: BLE001 (pickle raises anything)
            name = type(value).__name__
            raise EncodeError(
                f"a {name} cannot be passed to student code ({error}); define it in a given cell"
            ) from None
        return buffer.getvalue()

    def _stands_for(self, part: Any, root: object, with_tensors: bool) -> tuple[Any, ...] | None:
        """What is written in place of a part that the other side has already, or that stays here."""
        if issubclass(type(part), Standin):
            return "thing", part._standin_number
        if isinstance(part, torch.Tensor):
            if (number := self._held_number(part)) is not None:
                return "thing", number
            if not with_tensors:
                return ("tensor",)
        if isinstance(part, FunctionType) and part.__module__ == "__main__":
            return "function", self._function_number(part)
        owner = self._owners.get(id(part)) if isinstance(part, (nn.Module, nn.Parameter)) else None
        if owner is None or owner[0] is root or part is root or self._is_inside(part, root):
            return None
        return owner[1], self.number(owner[0]), owner[2]

    def _is_inside(self, part: object, root: object) -> bool:
        """Whether the part is one of the module that is being written, which is written in full."""
        if not isinstance(root, nn.Module):
            return False
        parts = [*root.modules()] if isinstance(part, nn.Module) else [*root.parameters()]
        return any(own is part for own in parts)


class Receiver:
    """The student's side.

    Parameters
    ----------
    thing, function
        Give the object, or the function of the other side, with a number.
    """

    def __init__(self, thing: Callable[[int], object], function: Callable[[int], object]) -> None:
        self._thing, self._function = thing, function
        self._parcels: dict[int, Any] = {}
        self._numbers: dict[int, int] = {}

    def take(self, waiting: list[tuple[int, str, Any]]) -> None:
        """Take in what has arrived before a request."""
        for number, what, content in waiting:
            if what == "state":
                restore_module(self._parcels[number], content)
                continue
            unpickler = pickle.Unpickler(io.BytesIO(content))  # noqa: S301 (the sender is the trusted process)
            unpickler.persistent_load = self._load  # type: ignore[method-assign]
            self._parcels[number] = unpickler.load()
            self._numbers[id(self._parcels[number])] = number

    def __getitem__(self, number: int) -> Any:
        return self._parcels[number]

    def number_of(self, value: object) -> int | None:
        """The number of an object that came as a parcel."""
        return self._numbers.get(id(value))

    def _load(self, place: tuple[Any, ...]) -> Any:
        kind, number, *name = place
        if kind == "thing":
            return self._thing(number)
        if kind == "function":
            return self._function(number)
        owner = self._parcels[number]
        return owner.get_parameter(name[0]) if kind == "parameter" else owner.get_submodule(name[0])
