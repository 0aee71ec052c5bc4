"""The student's process over the course of a job: when it is lost, a new one catches up without what killed it."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from cnncourse.grading.job import Cell, Job
from cnncourse.grading.session import Session, StudentGone
from cnncourse.grading.wire import Channel

_REPLAYS = 3
_SLACK = 1.0  # seconds that a cell gets beyond its limit when it is only run again


class StudentProcess:
    """Runs the student's cells, and keeps a list of them for the process that may have to follow.

    Parameters
    ----------
    channel
        The connection to the engine, which starts processes.
    job
        What is graded.
    ask
        Asks the engine for a new process.
    announce
        Tells the engine how many seconds the current cell may still take.
    """

    def __init__(self, channel: Channel, job: Job, ask: Callable[[], None], announce: Callable[[float], None]) -> None:
        self._channel, self._job, self._ask, self._announce = channel, job, ask, announce
        self._session: Session | None = None
        self._done: list[Cell] = []
        self._recent: list[Cell] = []  # those of the current task: since the last check
        self._deadly: set[int] = set()  # ids of cells that end the process, or poison it for others
        self.deadline = time.monotonic()

    def session(self, without: Cell | None = None) -> Session:
        """The process that is running, or else a new one that has caught up (except for one cell).

        The time that this takes is not the current cell's fault, and is added to its deadline.
        """
        for _ in range(_REPLAYS):
            if self._session and not self._session.broken:
                return self._session
            started = time.monotonic()
            self._session = self._start()
            self._catch_up(self._session, without)
            self.deadline += time.monotonic() - started
            self._announce(self.deadline - time.monotonic())
            self._session.new_cell(self.deadline)
        if self._session is None or self._session.broken:
            raise StudentGone("crashed", "ended the process each time that it was started again")
        return self._session

    def current(self) -> Session:
        """The process that this cell has begun with, dead or alive."""
        return self._session or self.session()

    def run(self, cell: Cell) -> tuple[str, str, int, str]:
        """Run a cell there; see `Session.run`."""
        session = self.session()
        session.new_cell(self.deadline)
        self._done.append(cell)
        self._recent.append(cell)
        try:
            return session.run(cell.source, cell.grade_id)
        except StudentGone as gone:
            return self._run_alone(cell, gone)

    def task_is_over(self) -> None:
        """A check has ended: the answers after it belong to another task."""
        self._recent.clear()

    @contextmanager
    def this_task_alone(self) -> Iterator[bool]:
        """Leave the answers of earlier tasks out of processes to come; yields whether there are any.

        For a check that has lost the process: the answer to another task may have poisoned it.
        """
        earlier = self._earlier()
        self._deadly |= earlier
        try:
            yield bool(earlier)
        finally:
            self._deadly -= earlier

    def _run_alone(self, cell: Cell, gone: StudentGone) -> tuple[str, str, int, str]:
        """A cell has ended the process, or answers of earlier tasks have poisoned it: find out which."""
        if gone.status == "crashed" and (earlier := self._earlier()):
            self._deadly |= earlier
            try:
                return self.session(without=cell).run(cell.source, cell.grade_id)
            except StudentGone:
                self._deadly -= earlier
        self._deadly.add(id(cell))
        raise gone

    def _earlier(self) -> set[int]:
        """The answers of tasks before this one that a new process would run again."""
        answers = {id(cell) for cell in self._done if cell.kind == "answer"}
        return answers - {id(cell) for cell in self._recent} - self._deadly

    def _start(self) -> Session:
        if self._session is not None:
            self._ask()
        _, descriptors = self._channel.receive_with_descriptors()
        channel = Channel(socket.socket(fileno=descriptors[0]))
        return Session(channel, dict(self._job.files), self._job.limits.output_bytes)

    def _catch_up(self, session: Session, without: Cell | None) -> None:
        for cell in self._done:
            if cell is without or id(cell) in self._deadly or cell.kind == "inline":
                continue
            seconds = self._job.limits.cell_seconds + _SLACK
            self._announce(seconds)
            session.new_cell(time.monotonic() + seconds)
            try:
                session.run(cell.source, cell.grade_id)
            except StudentGone:
                self._deadly.add(id(cell))
                return
