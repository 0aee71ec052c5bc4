"""The student's process: runs the answers and serves calls to what they define, inside the sandbox.

Everything here may be overwritten by the student's code, and nothing depends on that it is not: the trusted
process believes no word of what arrives from here and takes it as data.
"""

from __future__ import annotations

import contextlib
import copy
import inspect
import operator
import os
import random
import sys
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.utils.data import DataLoader

from cnncourse.grading.cells import Notebook, line_of
from cnncourse.grading.codec import Decoder, Encoder, Reference, decode, encode
from cnncourse.grading.confinement.ladder import NO_WORKERS
from cnncourse.grading.contents import adopt, state
from cnncourse.grading.parcels import Receiver
from cnncourse.grading.things import Printed, Things, raisable
from cnncourse.grading.wire import Channel

_SEED = 20171218
_MUTABLE = (list, dict, set, bytearray, np.ndarray, torch.Tensor)


def serve(channel: Channel) -> None:
    """Answer requests until the other side closes the connection."""
    Student(channel).serve()


class Student:
    """One notebook with everything that its cells have made."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._things = Things()
        self._notebook = Notebook()
        self._parcels = Receiver(self._things.__getitem__, lambda number: Callback(self, number))
        self._arguments: dict[int, int] = {}
        self._output_bytes = 100_000
        random.seed(_SEED)
        np.random.seed(_SEED)  # noqa: NPY002 (students use it)

    def serve(self) -> None:
        """Answer requests until the other side closes the connection."""
        while True:
            self._answer(decode(self._channel.receive()))

    def _answer(self, request: Any) -> None:
        verb, number, *rest = request
        printed = Printed(self._output_bytes)
        with contextlib.redirect_stdout(printed):
            reply = self._handle(verb, rest)
        self._channel.send(encode((verb, number, reply, printed.text)))

    def _handle(self, verb: str, rest: list[Any]) -> object:
        if verb == "begin":
            self._begin(*rest)
            return None
        if verb == "run":
            return self._run(*rest)
        if verb == "look":
            return self._look(*rest)
        return self._apply(*rest)

    def _begin(self, files: dict[str, bytes], output_bytes: int) -> None:
        self._output_bytes = output_bytes
        write_files(files)
        sys.path.insert(0, "")  # a notebook may import the modules that were released with it
        if os.environ.get(NO_WORKERS):
            load_without_workers()

    def _run(self, source: str, name: str) -> tuple[str, str, int]:
        try:
            value = self._notebook.run(source, name)
            if value is not None:
                print(repr(value))  # noqa: T201 (what the notebook would show)
        except BaseException as error:  # noqa: BLE001 (sys.exit() ends a cell, not the notebook)
            kind, text = raisable(error)
            kind = type(error).__name__ if isinstance(error, (SystemExit, KeyboardInterrupt)) else kind
            return kind, text, line_of(error, name)
        return "", "", 0

    def _look(self, name: str) -> tuple[Any, ...]:
        if name not in self._notebook.names:
            return ("missing",)
        return self._reply(lambda: self._notebook.names[name])

    def _apply(self, action: str, message: bytes, grad: bool, before: tuple[Any, ...]) -> tuple[Any, ...]:
        waiting, written, forgotten, states = before
        outer, self._arguments = self._arguments, {}  # a callback may have brought us here
        try:
            self._parcels.take(waiting)
            for number, value in written:  # parameters that the check has set
                adopt(self._things[number], value)  # type: ignore[arg-type]
            self._things.forget(forgotten)
            set_random_states(states)
            return self._act(action, message, grad)
        except BaseException as error:  # noqa: BLE001 (an argument that cannot be understood, or sent back)
            return "raised", *raisable(error), [], []
        finally:
            self._arguments = outer

    def _act(self, action: str, message: bytes, grad: bool) -> tuple[Any, ...]:
        tracked: list[object] = []
        target, arguments, keywords = self._decoder(tracked).decode(message)
        self._arguments = {id(thing): place for place, thing in enumerate(tracked)}
        before = {place: encode(state(thing)) for place, thing in enumerate(tracked) if self._is_network(thing)}
        with torch.set_grad_enabled(grad):
            reply = self._reply(lambda: self._known(action, target, _ACTIONS[action](target, *arguments, **keywords)))
        now = {place: encode(state(tracked[place])) for place in before}
        changes = [(place, content) for place, content in now.items() if content != before[place]]
        if Encoder(self._refer_back, self._held).encode((target, arguments, keywords)) != message:
            changes += self._changes(message, tracked)
        updates = [(number, encode(tensor)) for number, tensor in self._things.changed_tensors()]
        return (*reply, changes, updates)

    def _known(self, action: str, target: object, value: Any) -> Any:
        """A tensor of a module gets a number, so that a check can set it."""
        if action == "get" and isinstance(target, torch.nn.Module) and isinstance(value, torch.Tensor):
            self._things.refer(value)
        return value

    def _held(self, value: object) -> int | None:
        return self._things.number_of(value) if isinstance(value, torch.Tensor) else None

    def _decoder(self, track: list[object] | None = None) -> Decoder:
        return Decoder(self._resolve, self._things.__getitem__, track)

    def _reply(self, action: Callable[[], object]) -> tuple[Any, ...]:
        try:
            return "value", Encoder(self._things.refer, self._recall, keep=self._things.keep).encode(action())
        except StopIteration:
            return ("stop",)
        except BaseException as error:  # noqa: BLE001 (whatever the student's code raises is an answer)
            return "raised", *raisable(error)

    # ------------------------------------------------------------ arguments that the code changes in place

    def _recall(self, value: object) -> int | None:
        return self._arguments.get(id(value))

    def _changes(self, message: bytes, tracked: list[object]) -> list[tuple[int, bytes]]:
        """(place, new content) of the plain arguments that are no longer what the message says."""
        pristine: list[object] = []
        self._decoder(pristine).decode(message)
        return [
            (place, self._content(thing, recall=True))
            for place, (thing, was) in enumerate(zip(tracked, pristine, strict=True))
            if isinstance(was, _MUTABLE) and self._content(thing) != self._content(was)
        ]

    def _content(self, thing: object, recall: bool = False) -> bytes:
        """A mutable argument by itself; what it contains is compared or sent for itself if it was passed too."""
        own = self._arguments.get(id(thing))

        def find(value: object) -> int | None:
            place = self._arguments.get(id(value))
            return None if place == own else place

        return Encoder(self._things.refer, find if recall else None).encode(thing)

    def _is_network(self, thing: object) -> bool:
        return isinstance(thing, torch.nn.Module) and self._parcels.number_of(thing) is not None

    # ------------------------------------------------------------ references in requests

    def _resolve(self, reference: Reference) -> object:
        """An own object by number, a module that the check built, or a function that stays on its side."""
        if reference.facts is None:
            return self._things[reference.number]
        if reference.facts == "function":
            return Callback(self, reference.number)
        return self._parcels[reference.number]

    def _refer_back(self, thing: object) -> Reference:
        if isinstance(thing, Callback):
            return Reference(thing.number, "function")
        number = self._parcels.number_of(thing)
        return Reference(self._things.refer(thing).number) if number is None else Reference(number, "parcel")

    def call_back(self, number: int, arguments: tuple[Any, ...], keywords: dict[str, Any]) -> Any:
        """Call a function of the check with plain data and wait for its answer; serve requests meanwhile."""
        content = Encoder(self._things.refer).encode((arguments, keywords))
        self._channel.send(encode(("callback", number, content, "")))
        while True:
            request = decode(self._channel.receive())
            if request[0] != "answer":
                self._answer(request)
                continue
            if request[1]:
                raise RuntimeError(f"the function that was passed in raised {request[1]}")
            return self._decoder().decode(request[2])


class Callback:
    """A function of the check, as student code sees it."""

    def __init__(self, student: Student, number: int) -> None:
        self._student, self.number = student, number

    def __call__(self, *arguments: Any, **keywords: Any) -> Any:
        """Call it on its own side, with copies of plain data."""
        return self._student.call_back(self.number, arguments, keywords)


def write_files(files: dict[str, bytes]) -> None:
    """Put the released files of the assignment into the current folder."""
    for path, content in files.items():
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        Path(path).write_bytes(content)


def load_without_workers() -> None:
    """Let data loaders load in this process, whatever they are told: same batches, no connections."""
    original = DataLoader.__init__

    @wraps(original)
    def __init__(self: Any, *arguments: Any, **keywords: Any) -> None:  # noqa: N807
        bound = inspect.signature(original).bind(self, *arguments, **keywords)
        for name in ("num_workers", "prefetch_factor", "persistent_workers", "timeout", "multiprocessing_context"):
            bound.arguments.pop(name, None)
        original(*bound.args, **bound.kwargs)

    DataLoader.__init__ = __init__  # type: ignore[method-assign]


def set_random_states(states: dict[str, Any]) -> None:
    """Take over the state of random generators that a check has seeded."""
    if "torch" in states:
        torch.set_rng_state(states["torch"])
    if "numpy" in states:
        np.random.set_state(states["numpy"])  # noqa: NPY002
    if "python" in states:
        random.setstate(states["python"])


def _next(iterator: Any) -> Any:
    return next(iterator)


_ACTIONS: dict[str, Callable[..., Any]] = {
    "call": lambda thing, *arguments, **keywords: thing(*arguments, **keywords),
    "get": getattr,
    "set": setattr,
    "delete": delattr,
    "item": operator.getitem,
    "set_item": operator.setitem,
    "length": len,
    "iterate": iter,
    "next": _next,
    "enter": lambda thing: thing.__enter__(),
    "leave": lambda thing: thing.__exit__(None, None, None),
    "text": str,
    "show": repr,
    "copy": copy.copy,
    "deepcopy": copy.deepcopy,
    "names": dir,
    "is_instance": isinstance,
}
