"""Trying out a level: a sandbox in which every forbidden thing is attempted before a student's code gets one.

What a system allows cannot be guessed from its name or version; the fork server proves its confinement at start.
"""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from cnncourse.grading.confinement import system


def leaks(level: str, secret: str, outsider: int) -> list[str]:
    """Attempt what the level promises to refuse, from inside a sandbox; returns what was not refused.

    Parameters
    ----------
    level
        What is promised.
    secret
        A file outside that everybody could read.
    outsider
        The process that started the fork server; only asked whether it exists.
    """
    if level == "unsafe":
        return []
    attempts: dict[str, Callable[[], object]] = {
        "read a file outside": Path(secret).read_bytes,
        "write beside it": lambda: Path(secret + ".new").write_bytes(b""),
        "write into the packages": lambda: (Path(__file__).parent / "probe.new").write_bytes(b""),
        "open an internet socket": lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM).close(),
        "signal a process outside": lambda: os.kill(outsider, 0),
        "become root": lambda: os.setuid(0) if os.getuid() else os.setuid(1),
        "mount": lambda: system.mount("tmpfs", "/", "tmpfs"),
        "make a user namespace": lambda: system.unshare(system.CLONE_NEWUSER),
    }
    if level == "namespaces":
        attempts["see other processes"] = _see_others
    return [name for name, attempt in attempts.items() if _succeeds(attempt)]


def _succeeds(attempt: Callable[[], object]) -> bool:
    try:
        attempt()
    except OSError:
        return False
    return True


def _see_others() -> None:
    seen = {int(path.name) for path in Path("/proc").iterdir() if path.name.isdigit()}
    if seen != {os.getpid()} or os.getpid() != 1:
        return
    raise ProcessLookupError


def end(pid: int) -> None:
    """Kill a process if it is still there."""
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
