"""The engine: grades jobs, each in processes of its own, confined as well as this system allows.

with Engine() as engine:
outcome = engine.grade(job)
"""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import asdict, replace
from pathlib import Path
from types import TracebackType
from typing import IO, Any

import cnncourse
from cnncourse.grading.confinement import LEVELS, ConfinementError, covered_folders, limits, visible_folders
from cnncourse.grading.job import CellOutcome, Job, Limits, Outcome
from cnncourse.grading.wire import Channel, ClosedError, LateError

_PREFIX = "cnncourse-grading-"
_MARK = "not-for-students"
# Waits until the engine closes its end or is killed; the fork server cannot do it, because it does not see the folder.
_TIDY = "import shutil, sys; sys.stdin.read(); shutil.rmtree(sys.argv[1], ignore_errors=True)"
_START_SECONDS = 180.0
_GRACE_SECONDS = 5.0
_END_SECONDS = 30.0  # a crowd of processes takes a while to end; nothing else may start before it has
_REMEDY = (
    "On Linux allow user namespaces (`sysctl kernel.apparmor_restrict_unprivileged_userns=0` on Ubuntu 24.04, or run "
    "as root) or use a kernel with Landlock (5.13 or later); on macOS and Windows grade in a Linux virtual machine, "
    "WSL 2 or a container. To run student code with limits but without a sandbox, say so: allow_unsafe=True "
    "(--allow-unsafe)."
)


class EngineError(RuntimeError):
    """Grading itself failed, not the submission; nothing is wrong with the student's work."""


class Engine:
    """Owns one fork server and grades jobs with it; a context manager.

    Parameters
    ----------
    limits
        Used for every job in place of its own.
    allow_unsafe
        Whether student code may run without confinement where the system offers none.
    confinement
        The level to use, ``"namespaces"``, ``"landlock"`` or ``"unsafe"``, in place of the best that works.
    data
        A folder that sandboxes may read; they find it in ``CNNCOURSE_DATA``.

    Raises
    ------
    ConfinementError
        If no allowed level works here; the message says what was tried and what to do.
    """

    def __init__(
        self,
        limits: Limits | None = None,
        *,
        allow_unsafe: bool = False,
        confinement: str | None = None,
        data: str | Path | None = None,
    ) -> None:
        levels = _allowed(allow_unsafe, confinement)
        self._limits = limits
        self._data = str(Path(data).resolve()) if data else None
        self._lock = threading.Lock()
        self._numbers = itertools.count(1)
        self._server: _Server | None = None
        self.confinement = ""  # the level in use with its detail, as every outcome records it
        remove_left_behind()
        self._base = Path(tempfile.mkdtemp(prefix=_PREFIX))
        self._mark = (self._base / _MARK).open("w")
        tidy = [sys.executable, "-I", "-S", "-c", _TIDY, str(self._base)]
        self._janitor = subprocess.Popen(tidy, stdin=subprocess.PIPE)  # noqa: S603
        try:
            _lock(self._mark)
            self._base.chmod(0o755)
            self._level = self._climb_down(levels)
        except BaseException:
            self.close()
            raise

    def grade(self, job: Job) -> Outcome:
        """Grade one submission. Several threads may do so at once.

        Raises
        ------
        EngineError
            If grading itself failed twice.
        """
        if self._limits:
            job = replace(job, limits=self._limits)
        try:
            return self._grade(job)
        except EngineError:
            return self._grade(job)  # once more, with a new fork server if that was lost

    def close(self) -> None:
        """End every process and remove every file."""
        with self._lock:
            if self._server:
                self._server.close()
            self._server = None
        self._janitor.communicate()
        self._mark.close()

    def __enter__(self) -> Engine:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _climb_down(self, levels: list[str]) -> str:
        """Start the fork server at the best level that works."""
        tried = []
        for level in levels:
            try:
                self._server = _Server(level, self._base, self._data)
                self.confinement = f"{level}: {self._server.detail}"
            except ConfinementError as error:
                tried.append(f"{level}: {error}")
                continue
            return level
        raise ConfinementError(f"Student code cannot be confined here. Tried {'; '.join(tried)}. {_REMEDY}")

    def _grade(self, job: Job) -> Outcome:
        started = time.monotonic()
        run = _Run(self, job)
        try:
            cells = run.outcomes()
        finally:
            run.close()
        return Outcome(cells, self.confinement, round(time.monotonic() - started, 3))

    def fork(self, role: str, wanted: Limits) -> _Sandbox:
        """Let the fork server make a sandbox; for the engine's own use."""
        with self._lock:
            if self._server is None or not self._server.alive():
                if self._server:
                    self._server.close()
                self._server = self._restarted()
            return self._server.fork(role, next(self._numbers), wanted)

    def _restarted(self) -> _Server:
        if not self._base.exists():
            raise EngineError("the engine is closed")
        try:
            return _Server(self._level, self._base, self._data)
        except ConfinementError as error:
            raise EngineError(f"the fork server ended and could not be started again: {error}") from error


class _Server:
    """The process of the fork server, seen from the engine."""

    def __init__(self, level: str, base: Path, data: str | None) -> None:
        self.detail = ""
        ours, theirs = socket.socketpair()
        self._control = Channel(ours)
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 (closed in `close`)
        package = Path(cnncourse.__file__).resolve().parent
        command = [sys.executable, "-P", "-m", "cnncourse.grading.fork_server", str(theirs.fileno())]
        self._process = subprocess.Popen(  # noqa: S603
            command,
            env=limits.environment(_python_path(package), data),
            pass_fds=[theirs.fileno()],
            cwd="/",
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=self._errors,
            start_new_session=True,  # Ctrl-C is for the engine
        )
        theirs.close()
        try:
            self.detail = self._introduce(level, base, package, data)
        except BaseException:
            self.close()
            raise

    def _introduce(self, level: str, base: Path, package: Path, data: str | None) -> str:
        visible = visible_folders(package, data)
        setting = {
            "level": level,
            "base": str(base),
            "visible": [*map(str, visible)],
            "covered": [*map(str, covered_folders(visible, [Path.cwd(), package.parent]))],
            "secret": str(base / _MARK),
            "outsider": os.getpid(),
        }
        deadline = time.monotonic() + _START_SECONDS
        try:
            self._control.send(json.dumps(setting).encode(), deadline)
            report = json.loads(self._control.receive(deadline))
        except (ClosedError, LateError) as error:
            raise ConfinementError(f"the fork server did not start: {error} {self._last_words()}") from None
        if "failed" in report:
            raise ConfinementError(report["failed"])
        return str(report["detail"])

    def _last_words(self) -> str:
        self._errors.seek(0)
        return self._errors.read()[-2000:].decode(errors="replace").strip()

    def alive(self) -> bool:
        """Whether the process is still there."""
        return self._process.poll() is None

    def fork(self, role: str, number: int, wanted: Limits) -> _Sandbox:
        """Ask for a sandbox."""
        channel, theirs = socket.socketpair()
        leash, other = socket.socketpair()
        request = {"role": role, "number": number, "limits": asdict(wanted)}
        with theirs, other:
            try:
                descriptors = (theirs.fileno(), other.fileno())
                self._control.send(json.dumps(request).encode(), time.monotonic() + _START_SECONDS, descriptors)
            except (ClosedError, LateError) as error:
                channel.close()
                leash.close()
                raise EngineError(f"the fork server does not answer: {error}") from None
        return _Sandbox(channel, leash)

    def close(self) -> None:
        """End it, and with it everything that it has forked."""
        self._control.close()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._errors.close()


class _Sandbox:
    """One forked process, seen from the engine."""

    def __init__(self, channel: socket.socket, leash: socket.socket) -> None:
        self.channel = Channel(channel)
        self._leash = leash
        self._report: dict[str, Any] = {}

    def let_go(self) -> None:
        """Have it ended."""
        with contextlib.suppress(OSError):
            self._leash.shutdown(socket.SHUT_WR)

    def close(self) -> str:
        """End it and wait until it and everything in it is gone; returns why it ended."""
        self.channel.close()
        self.let_go()
        with contextlib.suppress(OSError):
            self._leash.settimeout(_END_SECONDS)
            text = b""
            while part := self._leash.recv(4096):
                text += part
            for line in text.replace(b"}{", b"}\n{").splitlines():
                self._report |= json.loads(line)
        self._leash.close()
        if "failed" in self._report:
            raise EngineError(f"a sandbox could not be made: {self._report['failed']}")
        return str(self._report.get("reason", "ended"))


class _Run:
    """One job being graded."""

    def __init__(self, engine: Engine, job: Job) -> None:
        self._engine, self._job = engine, job
        self._end = time.monotonic() + job.limits.total_seconds
        self._found: dict[int, CellOutcome] = {}
        self._skip: list[int] = []
        self._student: _Sandbox | None = None
        self._checker: _Sandbox | None = None

    def outcomes(self) -> tuple[CellOutcome, ...]:
        """Run checkers until one gets to the end, or time is over."""
        while len(self._found) < len(self._job.cells) and time.monotonic() < self._end:
            self._attempt()
        cells = enumerate(self._job.cells)
        return tuple(self._found.get(number) or _not_run(cell.grade_id, cell.points) for number, cell in cells)

    def close(self) -> None:
        """End what still runs."""
        running = [sandbox for sandbox in (self._student, self._checker) if sandbox]
        for sandbox in running:
            sandbox.let_go()
        for sandbox in running:
            sandbox.close()
        self._student = self._checker = None

    def _attempt(self) -> None:
        """One checker; if it is lost, the cell at which that happened is left out of the next attempt."""
        self.close()
        # the student's process is forked before anything about the job is handed out
        self._student = self._engine.fork("student", self._job.limits)
        self._checker = self._engine.fork("checker", self._job.limits)
        channel, number, deadline = self._checker.channel, -1, time.monotonic() + _GRACE_SECONDS * 4
        try:
            self._hand_out(channel)
            while True:
                report = json.loads(channel.receive(deadline))
                if "start" in report:
                    number, deadline = report["start"], time.monotonic() + max(report["seconds"], 0) + self._grace()
                elif "outcome" in report:
                    self._found.setdefault(number, CellOutcome(**report["outcome"]))
                elif "student" in report:
                    self._renew_student(channel)
                else:
                    return
        except (ClosedError, LateError) as error:
            self._lost(number, "timeout" if isinstance(error, LateError) else "crashed")

    def _hand_out(self, channel: Channel) -> None:
        seconds = self._end - time.monotonic()
        request = {"job": self._job.to_json(), "skip": self._skip, "seconds": seconds}
        channel.send(json.dumps(request).encode())
        self._hand_student(channel)

    def _hand_student(self, channel: Channel) -> None:
        assert self._student is not None
        channel.send(b"student", descriptors=(self._student.channel.connection.fileno(),))

    def _renew_student(self, channel: Channel) -> None:
        if self._student:
            self._student.close()
        self._student = self._engine.fork("student", self._job.limits)
        self._hand_student(channel)

    def _grace(self) -> float:
        return _GRACE_SECONDS + len(self._job.cells)

    def _lost(self, number: int, status: str) -> None:
        if number < 0 or number in self._skip:
            raise EngineError("the checking process was lost before it could check anything")
        cell = self._job.cells[number]
        text = "Checking this task took too long." if status == "timeout" else "Checking this task ended its process."
        self._found.setdefault(number, CellOutcome(cell.grade_id, status, 0.0, cell.points, text, "visible"))
        self._skip.append(number)


def _allowed(allow_unsafe: bool, confinement: str | None) -> list[str]:
    if confinement is not None and confinement not in LEVELS:
        raise ValueError(f"confinement is {confinement!r}; choose one of {', '.join(LEVELS)}")
    if sys.platform == "win32":
        raise ConfinementError(f"Windows cannot fork processes. {_REMEDY}")
    if confinement == "unsafe" and not allow_unsafe:
        raise ConfinementError(f"the level 'unsafe' was asked for but not allowed. {_REMEDY}")
    if confinement:
        return [confinement]
    return [level for level in LEVELS if allow_unsafe or level != "unsafe"]


def remove_left_behind() -> None:
    """Remove the folders of engines that were killed: nobody holds the lock in them any more."""
    for mark in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*/{_MARK}"):
        with contextlib.suppress(OSError), mark.open("r+") as file:
            _lock(file)
            shutil.rmtree(mark.parent, ignore_errors=True)


def _lock(file: IO[str]) -> None:
    """Lock a file as long as it is open, or raise `OSError`."""
    import fcntl  # not on Windows, where there is no engine

    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


def _not_run(grade_id: str, points: float) -> CellOutcome:
    return CellOutcome(grade_id, "not_run", 0.0, points, "There was no time left for this cell.")


def _python_path(package: Path) -> list[str]:
    """Where Python finds this package and the packages it needs, wherever they are installed."""
    places = [entry for entry in sys.path if Path(entry).name in ("site-packages", "dist-packages")]
    return [str(package.parent), *places]
