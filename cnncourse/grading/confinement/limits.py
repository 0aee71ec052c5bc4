"""Limits of one process, the clean environment, and the watch over a whole family of processes."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

from cnncourse.grading.job import Limits

_MAX_OPEN_FILES = 512
_PAGE = 4096
_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS")


def environment(python_path: list[str], data: str | None = None) -> dict[str, str]:
    """The whole environment of everything that grades; nothing of the instructor's own is handed on.

    One thread for each numerical library, because a process with threads cannot be forked safely; a fixed hash
    seed, so that the same submission gets the same grade again; no GPU, so that it does so on every machine.
    """
    return {
        "PATH": f"{Path(sys.executable).parent}:/usr/local/bin:/usr/bin:/bin",
        "HOME": "/tmp/home",  # noqa: S108 (private: see namespaces.py)
        "TMPDIR": "/tmp",  # noqa: S108
        "USER": "student",
        "LANG": "C.UTF-8",
        "PYTHONPATH": os.pathsep.join(python_path),
        "PYTHONHASHSEED": "0",
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONNOUSERSITE": "1",
        "MPLBACKEND": "Agg",
        "CUDA_VISIBLE_DEVICES": "",
        **dict.fromkeys(_THREADS, "1"),
        **({"CNNCOURSE_DATA": data} if data else {}),
    }


def apply(limits: Limits, *, count_processes: bool = True) -> None:
    """Set the limits that the kernel enforces for this process and each of its children.

    Memory is counted as data (heap and private mappings): the address space of a torch process is large before it
    does anything. The number of processes is counted per user, so it is left out where the user is shared.
    """
    import resource  # not on Windows

    grown = _data_bytes() + limits.memory_bytes
    wanted = {
        resource.RLIMIT_DATA: grown,
        resource.RLIMIT_FSIZE: limits.file_bytes,
        resource.RLIMIT_CPU: int(limits.total_seconds * 4) + 10,  # several processes may compute at once
        resource.RLIMIT_NOFILE: _MAX_OPEN_FILES,
        resource.RLIMIT_CORE: 0,
    }
    if count_processes:
        wanted[resource.RLIMIT_NPROC] = limits.processes
    for kind, value in wanted.items():
        hard = resource.getrlimit(kind)[1]
        value = value if hard == resource.RLIM_INFINITY else min(value, hard)
        try:
            resource.setrlimit(kind, (value, value))
        except (ValueError, OSError):
            if kind != resource.RLIMIT_DATA:  # macOS does not take it
                raise


def family(pid: int) -> list[int]:
    """A process and all its descendants."""
    found, waiting = [], [pid]
    while waiting:
        found.append(waiting.pop())
        waiting += children(found[-1])
    return found


def memory_of(pids: list[int]) -> int:
    """Bytes that these processes hold together; what they share is counted once."""
    return sum(map(_proportional_bytes, pids))


def resident_of(pids: list[int]) -> int:
    """An upper bound of `memory_of` that costs next to nothing to read."""
    total = 0
    for pid in pids:
        fields = _read(f"/proc/{pid}/statm").split()
        total += int(fields[1]) * _PAGE if len(fields) > 1 else 0
    return total


def children(pid: int) -> Iterator[int]:
    """The processes that a process has started and that are still there."""
    try:
        with os.scandir(f"/proc/{pid}/task") as entries:
            tasks = [entry.name for entry in entries]
    except OSError:
        return
    for task in tasks:
        yield from map(int, _read(f"/proc/{pid}/task/{task}/children").split())


def _proportional_bytes(pid: int) -> int:
    for line in _read(f"/proc/{pid}/smaps_rollup").splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) * 1024
    return 0


def _data_bytes() -> int:
    for line in _read("/proc/self/status").splitlines():
        if line.startswith("VmData:"):
            return int(line.split()[1]) * 1024
    return 0


def _read(path: str) -> str:
    try:
        return Path(path).read_text()
    except OSError:  # the process has just ended
        return ""
