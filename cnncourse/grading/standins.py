"""Stand-ins: how the trusted process holds objects that live in the student's.

They forward calls, attributes, items and iteration, and bring back plain data. They never forward comparison, truth
or hash: an object that says it equals everything must not pass `assert result == expected`.
"""

from __future__ import annotations

import types
from functools import lru_cache
from typing import Any, NoReturn, Protocol

import numpy as np
import torch

from cnncourse.grading.codec import DecodeError, Reference, library

# The only special names that are looked up on the student's side; all others would let a library treat a
# stand-in as something that it is not.
_FORWARDED = {"__name__", "__qualname__", "__code__", "__defaults__", "__kwdefaults__", "__annotations__", "__dict__"}
# Methods that compare. Tensors and arrays arrive as such, so an object that has these is the student's own make, and
# `assert result.allclose(expected)` would ask it for the verdict.
_COMPARISONS = (
    "allclose isclose equal equals array_equal eq ne lt le gt ge not_equal less less_equal greater greater_equal dist "
    "sub subtract all any"
)
# Values of these arrive as what they are; an object that only says that it is one is not believed.
_DATA = (torch.Tensor, np.ndarray, np.generic, int, float, complex, str, bytes, list, tuple, dict, set, frozenset)
_MAX_NAME, _MAX_BASES = 200, 50
_TAKEN_FOR = {"function": types.FunctionType, "generator": types.GeneratorType}


class Caller(Protocol):
    """What a stand-in needs of the session that made it."""

    def act(self, action: str, thing: Standin, /, *arguments: Any, **keywords: Any) -> Any:
        """Let the student's process do something with the object, and bring back what came out."""

    def forget(self, number: int) -> None:
        """The object is no longer needed here."""


class Standin:
    """Stands for one object of the student's process."""

    __slots__ = ("__weakref__", "_standin_caller", "_standin_facts", "_standin_label", "_standin_number")

    def __init__(self, caller: Caller, number: int, facts: tuple[str, str, tuple[str, ...], bool]) -> None:
        object.__setattr__(self, "_standin_caller", caller)
        object.__setattr__(self, "_standin_number", number)
        object.__setattr__(self, "_standin_facts", facts)
        object.__setattr__(self, "_standin_label", "")  # the name under which the check has looked it up

    @property  # type: ignore[misc]
    def __class__(self) -> Any:
        """For `isinstance`: a class of the library that the object says it belongs to; classes are only labels."""
        return _pretended(*self._standin_facts[:3]) or type(self)

    @property
    def __bases__(self) -> tuple[Any, ...]:
        """For `issubclass`."""
        _name, kind, bases, _ = self._standin_facts
        if kind != "class":
            raise AttributeError("__bases__")
        return tuple(library.thing_called(base) for base in bases)

    @property
    def __doc__(self) -> Any:  # type: ignore[override]
        return self._standin_caller.act("get", self, "__doc__")

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") and name.endswith("__") and name not in _FORWARDED:
            raise AttributeError(f"the student's {self._standin_facts[0]} is not asked for {name}")
        if name in _COMPARISONS.split():
            self._refuse(f"is {name!r} to something")
        return self._standin_caller.act("get", self, name)

    def __setattr__(self, name: str, value: object) -> None:
        self._standin_caller.act("set", self, name, value)

    def __delattr__(self, name: str) -> None:
        self._standin_caller.act("delete", self, name)

    def __getitem__(self, key: object) -> Any:
        return self._standin_caller.act("item", self, key)

    def __setitem__(self, key: object, value: object) -> None:
        self._standin_caller.act("set_item", self, key, value)

    def __len__(self) -> int:
        length = self._standin_caller.act("length", self)
        if type(length) is not int or length < 0:
            raise TypeError("the student's object has no length")
        return length

    def __iter__(self) -> Any:
        return self._standin_caller.act("iterate", self)

    def __next__(self) -> Any:
        return self._standin_caller.act("next", self)

    def __enter__(self) -> Any:
        return self._standin_caller.act("enter", self)

    def __exit__(self, *_: object) -> None:
        self._standin_caller.act("leave", self)

    def __copy__(self) -> Any:
        return self._standin_caller.act("copy", self)

    def __deepcopy__(self, _: object) -> Any:
        return self._standin_caller.act("deepcopy", self)

    def __instancecheck__(self, thing: object) -> bool:
        return isinstance(thing, Standin) and self._standin_caller.act("is_instance", thing, self) is True

    def __dir__(self) -> Any:
        return self._standin_caller.act("names", self)

    def __str__(self) -> str:
        return _text(self, "text")

    def __repr__(self) -> str:
        return _text(self, "show")

    def __bool__(self) -> NoReturn:
        self._refuse("is true or false")

    def __eq__(self, _: object) -> NoReturn:
        self._refuse("equals something")

    __ne__ = __lt__ = __le__ = __gt__ = __ge__ = __eq__

    def __hash__(self) -> int:
        return object.__hash__(self)  # by identity, here: one object of the student's has one stand-in

    def _refuse(self, what: str) -> NoReturn:
        raise TypeError(
            f"whether the student's {self._standin_facts[0]} {what} is for the check to decide, not for the object: "
            "look at numbers, tensors or text that it returns (or mark the cell `# grade: inline`)"
        )

    def __del__(self) -> None:
        self._standin_caller.forget(self._standin_number)


class CallableStandin(Standin):
    """Stands for an object that can be called."""

    __slots__ = ()

    def __call__(self, *arguments: Any, **keywords: Any) -> Any:
        """Call the student's object with copies of the arguments; what it changes in them is copied back."""
        return self._standin_caller.act("call", self, *arguments, **keywords)


def standin(caller: Caller, reference: Reference) -> Standin:
    """Make the stand-in for a reference that has arrived.

    Raises
    ------
    DecodeError
        If what it says about itself is not of the right form.
    """
    facts = reference.facts
    if type(facts) is not tuple or [*map(type, facts)] != [str, str, tuple, bool]:
        raise DecodeError("malformed facts about an object")
    name, _, bases, is_callable = facts
    if len(name) > _MAX_NAME or len(bases) > _MAX_BASES or any(type(base) is not str for base in bases):
        raise DecodeError("malformed facts about an object")
    for base in bases:
        library.thing_called(base)
    return _labelled(name, is_callable)(caller, reference.number, facts)


@lru_cache(maxsize=256)
def _labelled(name: str, is_callable: bool) -> type[Standin]:
    """A subclass whose only difference is its name, because checks ask for `type(layer).__name__`."""
    base = CallableStandin if is_callable else Standin
    return type(
        name if name.isidentifier() else "thing", (base,), {"__slots__": (), "__doc__": Standin.__dict__["__doc__"]}
    )


@lru_cache(maxsize=256)
def _pretended(name: str, kind: str, bases: tuple[str, ...]) -> type | None:
    if kind in _TAKEN_FOR:
        return _TAKEN_FOR[kind]
    if kind == "class":
        return type
    classes = [library.thing_called(base) for base in bases]
    if not classes or not isinstance(classes[0], type) or issubclass(classes[0], _DATA):
        return None
    if classes[0].__name__ == name:
        return classes[0]
    try:
        return type(name if name.isidentifier() else "thing", (classes[0],), {})
    except TypeError:  # a final class
        return classes[0]


def _text(thing: Standin, action: str) -> str:
    try:
        text = thing._standin_caller.act(action, thing)
    except Exception:  # noqa: BLE001 (a message about an object must not fail because the object does)
        text = None
    return text if type(text) is str else f"<the student's {thing._standin_facts[0]}>"
