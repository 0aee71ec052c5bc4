"""The trusted side of the connection to the student's process: requests go out, plain data come back.

Whatever arrives is believed to be data and nothing else. When the process is gone, late or talks nonsense, the
session is broken: it raises `StudentGone`, and the checker starts a new process.
"""

from __future__ import annotations

import random
import sys
import time
import weakref
from collections.abc import Callable
from types import BuiltinFunctionType, FunctionType, MethodType
from typing import Any, NoReturn

import numpy as np
import torch
from torch import nn

from cnncourse.grading.codec import DecodeError, Decoder, EncodeError, Encoder, Reference, decode, encode, library
from cnncourse.grading.contents import change, content, with_content
from cnncourse.grading.held import HeldTensors
from cnncourse.grading.parcels import Sender
from cnncourse.grading.standins import Standin, standin
from cnncourse.grading.wire import Channel, ClosedError, LateError

_MAX_TEXT = 10_000
_MAX_NESTING = 20


class StudentGone(BaseException):
    """The student's process cannot answer any more.

    Not an `Exception`, so that a check which expects an error does not take a crash for one.
    """

    def __init__(self, status: str, message: str) -> None:
        super().__init__(message)
        self.status, self.message = status, message


class Session:
    """One student's process, from its first cell on.

    Parameters
    ----------
    channel
        The connection.
    files, output_bytes
        What the process starts with, and how much of its printing is kept.
    """

    def __init__(self, channel: Channel, files: dict[str, bytes], output_bytes: int) -> None:
        self._channel, self._output_bytes = channel, output_bytes
        self._standins: weakref.WeakValueDictionary[int, Standin] = weakref.WeakValueDictionary()
        self._forgotten: list[int] = []
        self._held = HeldTensors()
        self._parcels = Sender(self._held.number_of, self._function_number)
        self._functions: dict[int, Any] = {}  # of the check, which student code may call
        self._count = self._nesting = 0
        self.broken: StudentGone | None = None
        self.deadline = time.monotonic() + 60
        self.seeded: set[str] = set()
        self.copy_back = True
        self.suspicious = False
        self._undo: list[tuple[Any, Any]] = []
        self._diverged: list[object] = []
        self._ask("begin", files, output_bytes)

    # ------------------------------------------------------------ what the checker asks

    def run(self, source: str, name: str) -> tuple[str, str, int, str]:
        """Run a cell there; returns (exception or "", its text, its line, what was printed)."""
        reply, printed = self._ask("run", source, name)
        kind, text, line = self._parts(reply, str, str, int)
        return kind[:100], text[:_MAX_TEXT], line, printed

    def look(self, name: str) -> Any:
        """The value of a global name there; raises `KeyError` if there is none."""
        reply, _ = self._ask("look", name)
        if reply == ("missing",):
            raise KeyError(name)
        return _labelled(self._outcome(reply, []), name)

    def act(self, action: str, thing: Standin, /, *arguments: Any, **keywords: Any) -> Any:
        """Let the process do something with one of its objects, and bring back what came out."""
        tracked: list[object] = []
        try:
            for value in (*arguments, *keywords.values()):
                if isinstance(value, nn.Module) and not issubclass(type(value), Standin):
                    self._parcels.number(value)  # before an optimizer that trains it
            message = Encoder(self._refer, self._held.number_of, tracked).encode((thing, arguments, keywords))
        except EncodeError as error:
            raise TypeError(f"{error} (in a call of {_label(thing)})") from None
        written, dropped = self._held.written()
        forgotten, self._forgotten = (*self._forgotten, *dropped), []
        before = (self._parcels.take_waiting(), written, forgotten, self._random_states())
        reply, printed = self._ask("act", action, message, torch.is_grad_enabled(), before)
        if printed:
            sys.stdout.write(printed)
        if type(reply) is not tuple or [*map(type, reply[-2:])] != [list, list]:
            self._fail("crashed", "answered with no valid data")
        self._apply_changes(reply[-2], tracked, in_place=_is_in_place(thing, reply))
        self._apply_updates(reply[-1])
        value = self._outcome(reply[:-2], tracked)
        return _labelled(value, str(arguments[0])) if action == "get" else value

    def forget(self, number: int) -> None:
        """The object is no longer needed here; said with the next request."""
        self._forgotten.append(number)

    def new_cell(self, deadline: float) -> None:
        """A new cell begins: functions that the last one passed in are gone, and so is its seed."""
        self.deadline = deadline
        self.suspicious = False
        self._functions.clear()
        self.seeded.clear()

    # ------------------------------------------------------------ exchange

    def _ask(self, verb: str, *rest: Any) -> tuple[Any, str]:
        if self.broken:
            raise self.broken
        self._count += 1
        number = self._count
        try:
            self._channel.send(encode((verb, number, *rest)), self.deadline)
            return self._wait_for(verb, number)
        except StudentGone:
            raise
        except LateError:
            self._fail("timeout", "ran out of time")
        except (ClosedError, DecodeError) as error:
            self._fail(
                "crashed", "ended the process" if isinstance(error, ClosedError) else "answered with no valid data"
            )
        except BaseException:
            # interrupted in the middle of a message: the connection cannot be used any more
            self.broken = StudentGone("timeout", "ran out of time")
            raise

    def _wait_for(self, verb: str, number: int) -> tuple[Any, str]:
        while True:
            message = decode(self._channel.receive(self.deadline))
            if type(message) is not tuple or len(message) != 4 or type(message[3]) is not str:
                raise DecodeError("no reply")
            if message[0] == "callback":
                self._call_back(message[1], message[2])
            elif message[:2] == (verb, number) and type(message[1]) is int:
                return message[2], message[3][: self._output_bytes + 100]
            else:
                raise DecodeError("a reply to another question")

    def _fail(self, status: str, message: str) -> NoReturn:
        self.broken = StudentGone(status, message)
        raise self.broken

    def _parts(self, reply: Any, *kinds: type) -> tuple[Any, ...]:
        if type(reply) is not tuple or [*map(type, reply)] != [*kinds]:
            self._fail("crashed", "answered with no valid data")
        parts: tuple[Any, ...] = reply
        return parts

    def _outcome(self, reply: Any, tracked: list[object]) -> Any:
        """The value of a reply, or the exception that it reports."""
        if reply == ("stop",):
            raise StopIteration
        if reply[0] == "value":
            _, message = self._parts(reply, str, bytes)
            try:
                return Decoder(self._resolve, tracked.__getitem__, kept=self._held.hold).decode(message)
            except DecodeError:
                self._fail("crashed", "answered with no valid data")
        _, name, text = self._parts(reply, str, str, str)
        raise _exception(name, text[:_MAX_TEXT])

    # ------------------------------------------------------------ references

    def _resolve(self, reference: Reference) -> object:
        known = self._standins.get(reference.number)
        if known is None:
            if reference.number in self._forgotten:  # it comes back before we have said that it may go
                self._forgotten.remove(reference.number)
            known = self._standins[reference.number] = standin(self, reference)
        return known

    def _refer(self, value: object) -> Reference:
        """How something that is not plain data is passed: the student's own, a module by value, or a function."""
        if isinstance(value, Standin):
            if value._standin_caller is not self:
                raise EncodeError("an object of a student's process that has ended")
            return Reference(value._standin_number)
        if isinstance(value, (FunctionType, BuiltinFunctionType, MethodType)):
            return Reference(self._function_number(value), "function")
        return Reference(self._parcels.number(value), "parcel")

    def _function_number(self, function: Any) -> int:
        known = next((number for number, own in self._functions.items() if own is function), None)
        if known is None:
            self._count += 1
            known = self._count  # never used again, so that a late call cannot reach another function
            self._functions[known] = function
        return known

    def _call_back(self, number: object, content: object) -> None:
        """Call a function that the check has passed in, with data of the student's choice."""
        if type(number) is not int or type(content) is not bytes or number not in self._functions:
            raise DecodeError("a call of no function")
        parts = Decoder(self._resolve).decode(content)
        if type(parts) is not tuple or [*map(type, parts)] != [tuple, dict] or self._nesting > _MAX_NESTING:
            raise DecodeError("a call with no arguments")
        self._nesting += 1
        try:
            result = Encoder(self._refer).encode(self._functions[number](*parts[0], **parts[1]))
            answer = ("answer", "", result)
        except Exception as error:  # noqa: BLE001 (told to the student's code, without its text: it may hold tests)
            answer = ("answer", type(error).__name__, b"")
        finally:
            self._nesting -= 1
        self._channel.send(encode(answer), self.deadline)

    # ------------------------------------------------------------ arguments changed in place

    def _apply_changes(self, changes: list[Any], tracked: list[object], in_place: bool) -> None:
        """Copy back what the call has changed in its arguments.

        Without `copy_back`, a call that is not meant to change them leaves the check's own values alone; a changed
        argument that it returns comes back as a value of its own, and a network goes on being trained over there.
        """
        for item in changes:
            place, message = self._parts(item, int, bytes)
            if not 0 <= place < len(tracked):
                self._fail("crashed", "answered with no valid data")
            try:
                value = Decoder(self._resolve, tracked.__getitem__).decode(message)
                if not in_place and not self.copy_back:
                    self._diverged.append(tracked[place])
                    tracked[place] = with_content(tracked[place], value)
                    continue
                if not in_place:
                    self.suspicious = True
                    self._undo.append((tracked[place], content(tracked[place])))
                change(tracked[place], value)
                self._parcels.has_changed_there(tracked[place])
            except (DecodeError, ValueError, TypeError, RuntimeError):
                self._fail("crashed", "changed an argument into something else")

    def _apply_updates(self, updates: list[Any]) -> None:
        """Parameters of the student's that the check holds and that have just changed over there."""
        for item in updates:
            number, message = self._parts(item, int, bytes)
            try:
                self._held.update(number, decode(message))
            except (DecodeError, ValueError, TypeError, RuntimeError):
                self._fail("crashed", "answered with no valid data")

    def undo_changes(self) -> None:
        """Give back to arguments, on both sides, what calls have changed in them without being meant to."""
        for own, was in reversed(self._undo):
            change(own, was)
        for own in self._diverged:
            self._parcels.differs_there(own)
        self._undo.clear()
        self._diverged.clear()

    def _random_states(self) -> dict[str, Any]:
        """The state of generators that the check has seeded since the last request, as if both shared them."""
        readers: dict[str, Callable[[], Any]] = {
            "torch": torch.get_rng_state,
            "numpy": np.random.get_state,
            "python": random.getstate,
        }
        states = {name: readers[name]() for name in self.seeded}
        self.seeded.clear()
        return states


def _is_in_place(thing: Standin, reply: Any) -> bool:
    """Whether a call is meant to change its arguments: it is called like torch's (`relu_`), or returns nothing.

    The name is the one that the check has used; the object's own name is the student's to choose.
    """
    return str(thing._standin_label).endswith("_") or bool(reply[:2] == ("value", _NOTHING))


def _labelled(value: Any, name: str) -> Any:
    if isinstance(value, Standin):
        object.__setattr__(value, "_standin_label", name)
    return value


def _exception(name: str, text: str) -> Exception:
    """A built-in exception by name; one whose constructor wants more than a text becomes its base."""
    try:
        kind = library.thing_called(name)
    except DecodeError:
        kind = RuntimeError
    if not (isinstance(kind, type) and issubclass(kind, Exception)):
        kind = RuntimeError
    for candidate in kind.__mro__:
        try:
            error = candidate(text)
        except TypeError:
            continue
        if isinstance(error, Exception) and not isinstance(error, (StopIteration, StopAsyncIteration)):
            return error
    return RuntimeError(text)


def _label(thing: Standin) -> str:
    return str(thing._standin_facts[0])


_NOTHING = encode(None)
