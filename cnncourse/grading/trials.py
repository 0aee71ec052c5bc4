"""Rehearse many jobs in forked processes, each with little time and memory, and tell which lost no point.

There is no sandbox: the jobs are made from code that one trusts. Chapter: `teaching`.
"""

from __future__ import annotations

import contextlib
import importlib
import math
import os
import resource
import signal
import sys
import time
from collections.abc import Iterable, Iterator
from multiprocessing import connection, get_context
from multiprocessing.context import ForkProcess
from pathlib import Path

from cnncourse.grading.job import Job

_FULL_MARKS = 64  # the exit status of a child whose job lost no point
_PATIENCE = 20  # how much longer than its processor time a child may take, on a busy machine
_MEMORY = 2 * 2**30


def prepare(job: Job) -> int:
    """Import what the job needs, so that no child must; return how many seconds a child may compute."""
    _, modules = _rehearsed(job)
    for name in modules:
        with contextlib.suppress(Exception):
            importlib.import_module(name)
    seconds, _ = _rehearsed(job)
    return math.ceil(1 + 5 * seconds)


def _rehearsed(job: Job) -> tuple[float, list[str]]:
    """How long the instructor's job takes in a process of its own, and which modules it imports."""
    here, there = get_context("fork").Pipe()
    process = get_context("fork").Process(target=_instructors_child, args=(job, there))
    process.start()
    there.close()
    try:
        losses, seconds, modules = here.recv()
    except EOFError:
        losses, seconds, modules = ["the process ended"], 0.0, []
    process.join()
    if losses:
        raise ValueError(f"the instructor's own answers of {job.assignment!r} lose points: {'; '.join(losses)}")
    return seconds, modules


def _instructors_child(job: Job, out: connection.Connection) -> None:
    from cnncourse.grading.rehearsal import rehearse

    before, began = set(sys.modules), time.process_time()
    _confine(600)
    outcome = rehearse(job)
    losses = [f"{cell.grade_id}: {cell.message}" for cell in outcome.cells if cell.points < cell.max_points]
    out.send((losses, time.process_time() - began, sorted(set(sys.modules) - before)))


def full_marks(jobs: Iterable[Job], seconds: int, workers: int) -> Iterator[bool]:
    """Whether each job loses no point, in the order of the jobs; at most `workers` run at once."""
    waiting = enumerate(jobs)
    running: dict[int, tuple[int, ForkProcess, float]] = {}
    done: dict[int, bool] = {}
    following = 0
    while True:
        while len(running) < workers and (item := next(waiting, None)):
            process = get_context("fork").Process(target=_child, args=(item[1], seconds))
            process.start()
            running[process.sentinel] = (item[0], process, time.monotonic() + _PATIENCE * seconds)
        if not running:
            return
        connection.wait(list(running), timeout=1.0)
        for sentinel, (number, process, deadline) in list(running.items()):
            if process.is_alive() and time.monotonic() > deadline:
                process.kill()
                process.join()
            if not process.is_alive():
                done[number] = process.exitcode == _FULL_MARKS
                process.close()
                del running[sentinel]
        while following in done:
            yield done.pop(following)
            following += 1


def _child(job: Job, seconds: int) -> None:
    """Run a job and end; an endless loop is ended by the system after some seconds of processor time."""
    from cnncourse.grading.rehearsal import outcomes_of

    _confine(seconds)
    lost = any(cell.points < cell.max_points for cell in outcomes_of(job))
    os._exit(0 if lost else _FULL_MARKS)


def _confine(seconds: int) -> None:
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.__stderr__.fileno() if sys.__stderr__ else 2)
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    size = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (size + _MEMORY,) * 2)
    import torch

    torch.manual_seed(0)
