"""The fork server: imports torch once, and forks a confined process for each student and each checker.

It never sees a submission or a test: these go straight to the processes that it forks. It runs no operation of
torch and has one thread, because a copy of anything else would hang.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import json
import os
import select
import shutil
import signal
import socket
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from cnncourse.grading import huge_pages
from cnncourse.grading.confinement import Confinement, limits, probe
from cnncourse.grading.job import Limits
from cnncourse.grading.wire import Channel, ClosedError

_NEEDED = ("cnncourse.grading.student", "cnncourse.grading.checker")
_WELCOME = (
    "torch.nn.functional", "torch.utils.data", "torch.optim", "torch._dynamo", "matplotlib.pyplot", "IPython.display",
    "cnncourse.workbench", "tqdm.auto",
)  # fmt: skip
_TICK = 0.1
_SPARE_PROCESSES = 4


@dataclass
class Sandbox:
    """One process that was forked, with everything that it starts."""

    pid: int
    number: int
    leash: socket.socket  # the engine holds the other end; when that is let go, the sandbox ends
    limits: Limits
    reason: str = "ended"


def main(descriptor: int) -> None:
    """Set up with what the engine sends first, report, and serve until the engine is gone."""
    control = Channel(socket.socket(fileno=descriptor))
    setting = json.loads(control.receive())
    try:
        server = Server(control, setting)
        report = {"detail": server.confinement.detail}
    except Exception as error:  # noqa: BLE001 (the engine decides what to try next)
        report = {"failed": f"{type(error).__name__}: {error}"}
    control.send(json.dumps(report).encode())
    if "failed" not in report:
        server.serve()


class Server:
    """The loop of the fork server."""

    def __init__(self, control: Channel, setting: dict[str, Any]) -> None:
        self._control = control
        visible, covered = ([Path(path) for path in setting[name]] for name in ("visible", "covered"))
        self.confinement = Confinement(setting["level"], visible, covered, Path(setting["base"]))
        self.confinement.enter_server()
        self._sandboxes: dict[int, Sandbox] = {}
        self._base, self._engine = setting["base"], setting["outsider"]
        self._tick = 0.0
        _preload()
        self._wake = _wake_on_child()
        self._prove(setting["secret"], setting["outsider"])

    def serve(self) -> None:
        """Fork on request, watch over what was forked, and end with the engine."""
        with contextlib.suppress(ClosedError):
            while True:
                self._wait()
        for sandbox in self._sandboxes.values():
            self._kill(sandbox)
        while self._sandboxes:
            self._reap()
            time.sleep(0.005)
        if os.getppid() != self._engine:  # it was killed, and cannot tidy up any more
            shutil.rmtree(self._base, ignore_errors=True)

    def _wait(self) -> None:
        control = self._control.connection.fileno()
        leashes = {sandbox.leash.fileno(): sandbox for sandbox in self._sandboxes.values()}
        poll = select.poll()
        for descriptor in (control, self._wake, *leashes):
            poll.register(descriptor, select.POLLIN)
        for descriptor, _ in poll.poll(_TICK * 1000 if leashes else None):
            if descriptor == control:
                self._fork_on_request()
            elif descriptor == self._wake:
                os.read(self._wake, 4096)
            elif descriptor in leashes:
                self._kill(leashes[descriptor])
        self._reap()
        if time.monotonic() > self._tick:
            self._tick = time.monotonic() + _TICK
            self._watch()

    # ------------------------------------------------------------ forking

    def _fork_on_request(self) -> None:
        message, descriptors = self._control.receive_with_descriptors()
        request = json.loads(message)
        channel, leash = (socket.socket(fileno=descriptor) for descriptor in descriptors)
        self._fork(request["role"], request["number"], Limits(**request["limits"]), channel, leash)
        channel.close()

    def _fork(self, role: str, number: int, wanted: Limits, channel: socket.socket, leash: socket.socket) -> None:
        with self._ready(number) as work:
            pid = os.fork()
            if pid == 0:
                self._become(role, number, work, wanted, channel, leash)
        self._sandboxes[pid] = Sandbox(pid, number, leash, wanted)

    @contextlib.contextmanager
    def _ready(self, number: int) -> Iterator[Path]:
        work = self.confinement.prepare(number)
        try:
            yield work
        finally:
            self.confinement.forked()

    def _become(
        self, role: str, number: int, work: Path, wanted: Limits, channel: socket.socket, leash: socket.socket
    ) -> NoReturn:
        """In the child: confine, then serve; whatever happens, never return into the server's loop."""
        try:
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            _close_all_but(channel.fileno(), leash.fileno())  # a copy of a leash would keep another sandbox alive
            nothing = os.open(os.devnull, os.O_RDWR)
            for standard in (0, 1, 2):
                os.dup2(nothing, standard)
            os.close(nothing)
            self.confinement.enter_sandbox(number, work, wanted)
        except BaseException as error:  # noqa: BLE001
            leash.sendall(json.dumps({"failed": f"{type(error).__name__}: {error}"}).encode())
            os._exit(1)
        try:
            leash.close()
            _ROLES[role](Channel(channel))
        finally:
            os._exit(0)

    # ------------------------------------------------------------ watching

    def _kill(self, sandbox: Sandbox, reason: str = "ended") -> None:
        sandbox.reason = reason if sandbox.reason == "ended" else sandbox.reason
        if self.confinement.level == "namespaces":
            probe.end(sandbox.pid)  # the kernel ends all its children with it
            return
        for pid in limits.family(sandbox.pid):
            probe.end(pid)
        with contextlib.suppress(OSError):
            os.killpg(sandbox.pid, signal.SIGKILL)  # all that there is without /proc

    def _reap(self) -> None:
        while True:
            try:
                pid, _ = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if not pid:
                break
            if sandbox := self._sandboxes.pop(pid, None):
                if self.confinement.level != "namespaces":
                    self._end_strays()
                self._bury(sandbox)

    def _bury(self, sandbox: Sandbox) -> None:
        self.confinement.clean(sandbox.number)
        with contextlib.suppress(OSError):
            sandbox.leash.sendall(json.dumps({"reason": sandbox.reason}).encode())
        sandbox.leash.close()

    def _end_strays(self) -> None:
        """Processes whose parents are gone come to us; they belong to no sandbox that still runs."""
        while strays := [pid for pid in limits.children(os.getpid()) if pid not in self._sandboxes]:
            for pid in strays:
                for member in limits.family(pid):
                    probe.end(member)
            for pid in strays:
                with contextlib.suppress(ChildProcessError):
                    os.waitpid(pid, 0)

    def _watch(self) -> None:
        """End a sandbox whose processes together hold too much memory or are too many."""
        for sandbox in self._sandboxes.values():
            pids = limits.family(sandbox.pid)
            if len(pids) > sandbox.limits.processes + _SPARE_PROCESSES:
                self._kill(sandbox, "processes")
            elif limits.resident_of(pids) > sandbox.limits.memory_bytes and (
                limits.memory_of(pids) > sandbox.limits.memory_bytes
            ):
                self._kill(sandbox, "memory")

    # ------------------------------------------------------------ proof

    def _prove(self, secret: str, outsider: int) -> None:
        """Try every forbidden thing in a first sandbox."""
        ours, theirs = socket.socketpair()
        leash, other = socket.socketpair()
        self._fork("probe", 0, Limits(), theirs, leash)
        theirs.close()
        channel = Channel(ours)
        deadline = time.monotonic() + 30
        try:
            channel.send(json.dumps([self.confinement.level, secret, outsider]).encode(), deadline)
            found = json.loads(channel.receive(deadline))
        except ClosedError:
            raise RuntimeError(f"no sandbox could be made: {other.recv(4096).decode()}") from None
        if found:
            raise RuntimeError(f"the sandbox does not hold: it could {', '.join(found)}")
        while self._sandboxes:
            self._reap()
            time.sleep(0.001)
        ours.close()
        other.close()


def _preload() -> None:
    for name in _NEEDED:
        importlib.import_module(name)
    for name in _WELCOME:
        with contextlib.suppress(ImportError):
            importlib.import_module(name)
    importlib.import_module("cnncourse.grading.cells").prepare()
    importlib.import_module("cnncourse.grading.codec.library").name_of(int)
    # what was imported is not collected again, so that children share its memory
    gc.collect()
    gc.freeze()
    huge_pages.merge()
    tasks = Path("/proc/self/task")
    count = len(list(tasks.iterdir())) if tasks.exists() else threading.active_count()
    if count != 1:
        raise RuntimeError(f"the fork server has {count} threads; a copy of it could hang")


def _wake_on_child() -> int:
    """A descriptor that becomes readable when a child ends."""
    reading, writing = os.pipe()
    os.set_blocking(reading, False)
    os.set_blocking(writing, False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
    return reading


def _close_all_but(*kept: int) -> None:
    first = 3
    for descriptor in sorted(kept):
        os.closerange(first, descriptor)
        first = descriptor + 1
    os.closerange(first, os.sysconf("SC_OPEN_MAX"))


def _student(channel: Channel) -> None:
    importlib.import_module("cnncourse.grading.student").serve(channel)


def _checker(channel: Channel) -> None:
    importlib.import_module("cnncourse.grading.checker").serve(channel)


def _probe(channel: Channel) -> None:
    level, secret, outsider = json.loads(channel.receive())
    channel.send(json.dumps(probe.leaks(level, secret, outsider)).encode())


_ROLES = {"student": _student, "checker": _checker, "probe": _probe}

if __name__ == "__main__":
    main(int(sys.argv[1]))
