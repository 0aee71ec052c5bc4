"""The objects of the student's process that the trusted one knows by number."""

from __future__ import annotations

import io
import types
from typing import Any

import torch
from torch import nn

from cnncourse.grading.codec import DecodeError, Reference, library

# What the trusted side may take an object for, besides the classes of the library.
_KINDS: dict[type, str] = {
    types.FunctionType: "function",
    types.GeneratorType: "generator",
}
_NEVER_RAISED = (StopIteration, StopAsyncIteration, SystemExit, KeyboardInterrupt, GeneratorExit)


class Things:
    """Numbers for objects: an object keeps its number as long as the other side knows it."""

    def __init__(self) -> None:
        self._by_number: dict[int, object] = {}
        self._numbers: dict[int, int] = {}
        self._versions: dict[int, tuple[int, ...]] = {}
        self._next = 0

    def refer(self, thing: object) -> Reference:
        """The number of an object, with facts that the other side may show or take it for."""
        number = self._numbers.get(id(thing))
        if number is None:
            number, self._next = self._next, self._next + 1
            self._numbers[id(thing)] = number
            self._by_number[number] = thing
        return Reference(number, _facts(thing))

    def number_of(self, thing: object) -> int | None:
        """The number of an object, if the other side knows it."""
        return self._numbers.get(id(thing))

    def keep(self, tensor: torch.Tensor) -> int | None:
        """The number of a tensor that the other side should be able to change or see changing."""
        if id(tensor) not in self._numbers and not isinstance(tensor, nn.Parameter):
            return None
        number = self.refer(tensor).number
        self._versions[number] = _version(tensor)
        return number

    def changed_tensors(self) -> list[tuple[int, torch.Tensor]]:
        """Tensors that the other side holds and that have changed since it last saw them."""
        changed = []
        for number, version in self._versions.items():
            tensor = self._by_number[number]
            if isinstance(tensor, torch.Tensor) and (now := _version(tensor)) != version:
                self._versions[number] = now
                changed.append((number, tensor))
        return changed

    def __getitem__(self, number: int) -> object:
        if number not in self._by_number:
            raise DecodeError("a reference to nothing")
        return self._by_number[number]

    def forget(self, numbers: tuple[int, ...]) -> None:
        """Let go of objects that the other side no longer knows."""
        for number in numbers:
            thing = self._by_number.pop(number, None)
            self._numbers.pop(id(thing), None)
            self._versions.pop(number, None)


class Printed(io.TextIOBase):
    """Standard output of student code: keeps the beginning and drops the rest, so that a flood costs nothing."""

    encoding = "utf-8"

    def __init__(self, room: int) -> None:
        self._room, self._parts = room, [""]

    def write(self, text: str) -> int:
        """Keep as much of the text as there is room for."""
        if not isinstance(text, str):
            raise TypeError(f"write() argument must be str, not {type(text).__name__}")
        if self._room > 0:
            self._parts.append(text[: self._room])
            self._room -= len(self._parts[-1])
        return len(text)

    def writable(self) -> bool:
        """Always."""
        return True

    @property
    def text(self) -> str:
        """What was kept."""
        return "".join(self._parts) + ("\n… (output cut off)" if self._room <= 0 else "")


def raisable(error: BaseException) -> tuple[str, str]:
    """The built-in exception nearest to one of the student's, by name, and its text."""
    for kind in type(error).__mro__:
        name = library.name_of(kind)
        if name and issubclass(kind, Exception) and not issubclass(kind, _NEVER_RAISED) and "." not in name:
            return (name, _text_of(error)) if kind is not Exception else ("Exception", _told(error))
    return "RuntimeError", _told(error)


def _version(tensor: torch.Tensor) -> tuple[int, ...]:
    """Something that is different after every change in place that torch knows of."""
    grad = tensor.grad if tensor.is_leaf else None
    return tensor._version, tensor.data_ptr(), int(tensor.requires_grad), id(grad), 0 if grad is None else grad._version


def _told(error: BaseException) -> str:
    """An error of a class that the other side does not have, named in the text."""
    return f"{type(error).__name__}: {_text_of(error)}"


def _text_of(error: BaseException) -> str:
    try:
        if isinstance(error, KeyError) and len(error.args) == 1 and isinstance(error.args[0], str):
            return error.args[0][:2000]  # str() would add quotes each time that it is raised again
        return str(error)[:2000]
    except BaseException:  # noqa: BLE001 (it is the student's method)
        return ""


def _facts(thing: object) -> tuple[str, str, tuple[str, ...], bool]:
    """(name, kind, names of library classes that it is an instance or a subclass of, callable)."""
    is_class = isinstance(thing, type)
    kind = "class" if is_class else _KINDS.get(type(thing), "object")
    family: Any = thing.__mro__ if is_class and isinstance(thing, type) else type(thing).__mro__
    bases = tuple(name for base in family if (name := library.name_of(base)))
    name = getattr(thing, "__name__", None) if is_class or kind == "function" else type(thing).__name__
    return (name if isinstance(name, str) else "thing")[:100], kind, bases, callable(thing)
