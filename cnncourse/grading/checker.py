"""The trusted process: runs one job's checks and gives the verdict.

Student code never runs here. Checks see the student's names through stand-ins; points come from what happens in
this process alone.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import random
import re
import signal
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, replace
from typing import Any

import numpy as np
import torch

from cnncourse.grading.cells import Notebook, line_of
from cnncourse.grading.job import Cell, CellOutcome, Job
from cnncourse.grading.namespace import Names, definition, share_seeds, show_sources
from cnncourse.grading.process import StudentProcess
from cnncourse.grading.session import StudentGone
from cnncourse.grading.student import set_random_states, write_files
from cnncourse.grading.things import Printed
from cnncourse.grading.wire import Channel

_IN_PLACE = re.compile(r"^\s*#\s*grade:\s*in-place\b", re.MULTILINE)
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_MAX_MESSAGE = 4000
_HIDDEN = "A hidden test of this task failed."


class OutOfTime(BaseException):
    """The cell that runs here has used its time.

    Not an `Exception`, so that a check cannot take it for an error that it expects.
    """


def serve(channel: Channel) -> None:
    """Receive one job from the engine, grade it and report cell by cell."""
    request = json.loads(channel.receive())
    checker = Checker(channel, Job.from_json(request["job"]), request["skip"], request["seconds"])
    for number in range(len(checker.job.cells)):
        checker.report(number)
    channel.send(json.dumps({"end": True}).encode())


class Checker:
    """One job on its way.

    Parameters
    ----------
    channel
        The connection to the engine.
    job
        What is graded.
    skip
        Numbers of cells that have ended an earlier attempt at this job and are not tried again.
    seconds
        Time left for the whole job.
    """

    def __init__(self, channel: Channel, job: Job, skip: list[int], seconds: float) -> None:
        self._channel, self.job, self._skip = channel, job, set(skip)
        self._end = time.monotonic() + seconds
        self._timed_out = False
        self._number = 0
        self._student = StudentProcess(channel, job, lambda: self._tell(student=True), self._announce)
        self._names = Names(job.names, self._student.current)
        self._notebook = Notebook(self._names)
        self._prepare()

    def _prepare(self) -> None:
        write_files(dict(self.job.files))
        sys.path.insert(0, "")
        # the same job gets the same random numbers again, and its student cannot know them
        seed = int.from_bytes(hashlib.sha256(self.job.key().encode()).digest()[:4], "little")
        random.seed(seed)
        np.random.seed(seed)  # noqa: NPY002
        torch.default_generator.manual_seed(
            seed
        )  # `torch.manual_seed` would look for graphics cards, which takes longer
        share_seeds(self._student.current)
        answers = [cell.source for cell in self.job.cells if cell.kind == "answer"]
        show_sources(lambda name: definition(answers, name))
        signal.signal(signal.SIGALRM, _ring)

    # ------------------------------------------------------------ one cell after the other

    def report(self, number: int) -> None:
        """Run one cell and tell the engine, before and after."""
        cell = self.job.cells[number]
        self._number, seconds = number, self._seconds(number)
        self._announce(seconds)
        if number in self._skip:
            outcome = _outcome(cell, "crashed", "This cell ended the process that grades it.", where=_place(cell))
        elif seconds <= 0:
            outcome = _outcome(cell, "not_run", "There was no time left for this cell.")
        else:
            self._student.deadline = time.monotonic() + seconds
            outcome = self._run(cell)
        self._timed_out |= outcome.status == "timeout"
        self._tell(outcome=asdict(outcome))

    def _seconds(self, number: int) -> float:
        """Time for a cell: its limit, but a fair share of what is left once a cell has used up its own."""
        left = self._end - time.monotonic()
        share = left / (len(self.job.cells) - number) if self._timed_out else left
        return min(self.job.limits.cell_seconds, share)

    def _run(self, cell: Cell) -> CellOutcome:
        try:
            if cell.kind == "check":
                return self._check(cell)
            outcome = self._student_cell(cell)
            if cell.kind == "given":
                self._here(cell.source, cell.grade_id, Printed(0))
                self._names.leave_to_student()
        except StudentGone as gone:
            return _outcome(cell, gone.status, _crash_text(cell, gone), where=_place(cell))
        except OutOfTime:
            return _outcome(cell, "timeout", _time_text(cell), where=_place(cell))
        except Exception as error:  # noqa: BLE001 (given code that fails here is the author's to mend)
            return _outcome(cell, "error", f"{type(error).__name__}: {error}", where="visible")
        return outcome

    def _student_cell(self, cell: Cell) -> CellOutcome:
        """Run a given or answer cell, or an inline check, in the student's process."""
        kind, text, line, printed = self._student.run(cell)
        if kind == "NameError" and (missing := self._seen_in_checks(text)):
            self._student.run(missing)
            kind, text, line, printed = self._student.run(cell)
        self._names.leave_to_student()
        if cell.kind == "inline":
            return self._inline(cell, kind, text)
        if not kind:
            return _outcome(cell, "passed", output=printed)
        where = f"line {line}: " if line else ""
        return _outcome(cell, "error", f"{where}{kind}: {text}", where=_place(cell), output=printed)

    def _seen_in_checks(self, text: str) -> Cell | None:
        """The visible part of the earlier check that binds the name which an answer has missed.

        In a notebook the cells share their names, and a student may use one that a check has shown. The code is
        what the student can read anyway, and it runs in the student's process, whatever comes of it.
        """
        name = re.match(r"name '(\w+)' is not defined", text)
        for cell in reversed(self.job.cells[: self._number]):
            if name and cell.kind == "check" and re.search(rf"(?m)^\s*(.*\W)?{name[1]}\W", cell.source):
                return replace(cell, kind="given", hidden="", points=0.0)
        return None

    def _inline(self, cell: Cell, kind: str, text: str) -> CellOutcome:
        if not kind:
            return _outcome(cell, "passed", points=cell.points)
        status = "failed" if kind == "AssertionError" else "error"
        return _outcome(cell, status, text if status == "failed" else f"{kind}: {text}", where="visible")

    # ------------------------------------------------------------ checks

    def _check(self, cell: Cell) -> CellOutcome:
        outcome = self._check_twice(cell)
        if outcome.status == "crashed":
            with self._student.this_task_alone() as possible:
                alone = self._check_twice(cell) if possible else outcome
            outcome = alone if alone.status != "crashed" else outcome
        self._student.task_is_over()
        return outcome

    def _check_twice(self, cell: Cell) -> CellOutcome:
        session = self._student.session()
        session.new_cell(self._student.deadline)
        before = self._remember()
        outcome = self._check_once(cell)
        if not session.suspicious or _IN_PLACE.search(cell.source + cell.hidden):
            return outcome
        # A result can be made right by changing the inputs that the check computes its expectation from. So a check
        # that passes after student code has changed its arguments must pass again while they stay as they are.
        session.undo_changes()
        if outcome.status != "passed" or session.broken:
            return outcome
        self._go_back_to(before)
        again = self._check_once(cell, copy_back=False)
        session.undo_changes()
        return again if again.status != "passed" or again.points < outcome.points else outcome

    def _check_once(self, cell: Cell, copy_back: bool = True) -> CellOutcome:
        session = self._student.session()
        session.copy_back = copy_back
        printed = Printed(self.job.limits.output_bytes)
        place, value = "visible", None
        try:
            value = self._here(cell.source, cell.grade_id, printed)
            if cell.hidden:
                place = "hidden"
                value = self._here(cell.hidden, f"{cell.grade_id} (hidden)", Printed(0))
            if session.broken:
                raise session.broken  # the check has swallowed it
        except StudentGone as gone:
            text = _hidden_text(cell) if place == "hidden" else _crash_text(cell, gone)
            return _outcome(cell, gone.status, text, where=place, output=printed.text)
        except OutOfTime:
            text = _hidden_text(cell) if place == "hidden" else _time_text(cell)
            return _outcome(cell, "timeout", text, where=place, output=printed.text)
        except BaseException as error:  # noqa: BLE001 (a check ends in any way that code can end)
            return self._failed(cell, error, place, printed)
        finally:
            session.copy_back = True
        return self._passed(cell, value, printed)

    def _here(self, source: str, name: str, printed: Printed) -> Any:
        """Run code in this process; warnings and progress bars on standard error mean nothing."""
        with contextlib.redirect_stdout(printed), _alarm(self._student.deadline):
            return self._notebook.run(source, name)

    def _passed(self, cell: Cell, value: Any, printed: Printed) -> CellOutcome:
        if not _is_number(value) or self._names.ends_with_answer(cell.hidden or cell.source):
            return _outcome(cell, "passed", points=cell.points, output=printed.text)
        points = float(value)
        if not 0 <= points <= cell.points:
            text = f"The check gave {points:g} points, which is not between 0 and {cell.points:g}."
            return _outcome(cell, "error", text, where="visible", output=printed.text)
        partial = points != cell.points
        status = "failed" if partial and points == 0 else "passed"
        return _outcome(cell, status, points=points, partial=partial, output=printed.text)

    def _failed(self, cell: Cell, error: BaseException, place: str, printed: Printed) -> CellOutcome:
        status = "failed" if isinstance(error, AssertionError) else "error"
        text = _hidden_text(cell) if place == "hidden" else _error_text(error, cell)
        return _outcome(cell, status, text, where=place, output=printed.text)

    def _remember(self) -> tuple[dict[str, Any], dict[str, Any]]:
        states = {
            "torch": torch.get_rng_state(),
            "numpy": np.random.get_state(),  # noqa: NPY002
            "python": random.getstate(),
        }
        return dict(self._names.items()), states

    def _go_back_to(self, before: tuple[dict[str, Any], dict[str, Any]]) -> None:
        self._names.clear()
        self._names.update(before[0])
        set_random_states(before[1])

    def _announce(self, seconds: float) -> None:
        self._tell(start=self._number, seconds=seconds)

    def _tell(self, **report: Any) -> None:
        self._channel.send(json.dumps(report).encode())


# ---------------------------------------------------------------- words


def _outcome(
    cell: Cell, status: str, message: str = "", points: float = 0.0, output: str = "", **more: Any
) -> CellOutcome:
    message, output = _storable(message[:_MAX_MESSAGE]), _storable(output)
    return CellOutcome(cell.grade_id, status, points, cell.points, message, output=output, **more)


def _storable(text: str) -> str:
    """Text that every database and page takes: no halves of characters, no control characters."""
    return _CONTROL.sub("\ufffd", text.encode("utf-8", "replace").decode())


def _place(cell: Cell) -> str:
    return "answer" if cell.kind in ("answer", "given") else "visible"


def _hidden_text(cell: Cell) -> str:
    return cell.title or _HIDDEN


def _crash_text(cell: Cell, gone: StudentGone) -> str:
    if gone.status == "timeout":
        return _time_text(cell)
    return "The code ended the process it ran in (out of memory, `os._exit`, or a crash)."


def _time_text(cell: Cell) -> str:
    what = "The answer" if cell.kind == "answer" else "What this cell runs"
    return f"{what} did not finish in the time that a cell has. Is there a loop that never ends?"


def _error_text(error: BaseException, cell: Cell) -> str:
    """What went wrong in the visible part: the check's own words, or the line that failed."""
    line = line_of(error, cell.grade_id)
    try:
        text = str(error)
    except Exception:  # noqa: BLE001
        text = ""
    if isinstance(error, AssertionError):
        return text or f"line {line}: {_line(cell.source, line)}"
    return f"{type(error).__name__}: {text}" + (f" (line {line}: {_line(cell.source, line)})" if line else "")


def _line(source: str, number: int) -> str:
    lines = source.splitlines()
    return lines[number - 1].strip() if 0 < number <= len(lines) else ""


def _is_number(value: Any) -> bool:
    """Points are a plain number, as in nbgrader, which reads them from the printed value."""
    return type(value) in (int, float)


# ---------------------------------------------------------------- time


def _ring(*_: object) -> None:
    raise OutOfTime


@contextlib.contextmanager
def _alarm(deadline: float) -> Iterator[None]:
    signal.setitimer(signal.ITIMER_REAL, max(deadline - time.monotonic(), 0.001))
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
