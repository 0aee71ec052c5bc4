"""How much the checks of an assignment notice: they grade mutants of the instructor's own answers.

Score: killed ÷ (all − justified equivalents), for each task. The mutants run in forked processes of this machine
without a sandbox, because they are made from code that one trusts. Chapter: `teaching`.
"""

from __future__ import annotations

import ast
import contextlib
import importlib
import math
import os
import resource
import signal
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from multiprocessing import connection, get_context
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

from cnncourse.grading.job import Job
from cnncourse.grading.mutants import Mutant, mutants_of

TARGET = 0.95
EQUIVALENTS = "equivalent_mutants.yml"
_FULL_MARKS = 64  # the exit status of a child whose job lost no point
_PATIENCE = 20  # how much longer than its processor time a child may take, on a busy machine
_MEMORY = 2 * 2**30


@dataclass(frozen=True)
class Equivalent:
    """A mutant that does what the original does, and why. The diff names it."""

    topic: str
    task: str
    diff: str
    reason: str


@dataclass
class TaskScore:
    """What became of the mutants of one answer cell."""

    task: str
    killed: list[Mutant] = field(default_factory=list)
    survivors: list[Mutant] = field(default_factory=list)
    equivalent: list[Mutant] = field(default_factory=list)
    stale: list[Equivalent] = field(default_factory=list)

    @property
    def counted(self) -> int:
        """How many mutants the checks should kill."""
        return len(self.killed) + len(self.survivors)


@dataclass(frozen=True)
class Score:
    """The tasks of an assignment, or of several."""

    tasks: tuple[TaskScore, ...]

    @property
    def killed(self) -> int:
        """How many mutants lost a point."""
        return sum(len(task.killed) for task in self.tasks)

    @property
    def counted(self) -> int:
        """How many should."""
        return sum(task.counted for task in self.tasks)

    @property
    def share(self) -> float:
        """The share that was killed; 1 where there is nothing to kill."""
        return self.killed / self.counted if self.counted else 1.0


def read_equivalents(path: Path) -> list[Equivalent]:
    """The mutants that an author justified; none if there is no such file.

    Raises
    ------
    ValueError
        If an entry has other fields than topic, task, diff and reason, or one of them is empty.
    """
    import yaml

    entries = yaml.safe_load(path.read_text(encoding="utf-8")) or [] if path.exists() else []
    for entry in entries:
        if set(entry) != {"topic", "task", "diff", "reason"} or not all(str(text).strip() for text in entry.values()):
            raise ValueError(f"{path}: an entry needs topic, task, diff and reason, and nothing else: {entry}")
    return [Equivalent(**{name: str(text).strip() for name, text in entry.items()}) for entry in entries]


def score_assignment(
    topic: str,
    instructor: Mapping[str, Any],
    equivalents: Iterable[Equivalent] = (),
    *,
    workers: int = 2,
    choose: Callable[[list[Mutant]], Sequence[Mutant]] = list,
) -> Score:
    """Grade the mutants of each answer cell; `choose` takes a sample of a cell's mutants.

    Raises
    ------
    ValueError
        If the instructor's own answers lose points.
    """
    from cnncourse.grading.rehearsal import answers_in, job_of

    answers = answers_in(instructor)
    seconds = _prepare(job_of(topic, instructor, answers))
    scores = []
    for task, source in answers.items():
        known = {entry.diff: entry for entry in equivalents if (entry.topic, entry.task) == (topic, task)}
        mutants = mutants_of(source)
        chosen = choose(mutants)
        score = TaskScore(task, stale=_stale(known, mutants))
        score.equivalent = [mutant for mutant in chosen if mutant.diff in known]
        tried = [mutant for mutant in chosen if mutant.diff not in known]
        jobs = (job_of(topic, instructor, answers | {task: mutant.source}) for mutant in tried)
        for mutant, complete in zip(tried, _full_marks(jobs, seconds, workers), strict=True):
            (score.survivors if complete else score.killed).append(mutant)
        scores.append(score)
    return Score(tuple(scores))


def main(root: Path, topics: Sequence[str], workers: int | None, say: Callable[[str], None]) -> int:
    """Score the assignments named, or all; 1 if too few mutants were killed or a justification is stale.

    Raises
    ------
    FileNotFoundError
        If there is no such assignment.
    """
    from cnncourse.grading.rehearsal import read_notebook

    folder = root / "solutions"
    equivalents = read_equivalents(folder / EQUIVALENTS)
    all_tasks: list[TaskScore] = []
    for topic in topics or sorted(path.stem for path in folder.glob("*/*.ipynb")):
        began = time.monotonic()
        notebook = read_notebook(folder / topic / f"{topic}.ipynb")
        score = score_assignment(topic, notebook, equivalents, workers=workers or os.cpu_count() or 1)
        say("\n".join(_lines(topic, score, time.monotonic() - began)))
        all_tasks += score.tasks
    total = Score(tuple(all_tasks))
    stale = sum(len(task.stale) for task in all_tasks)
    equivalent = sum(len(task.equivalent) for task in all_tasks)
    say(f"{_percent(total)} of {total.counted} mutants killed; {equivalent} more are equivalent, {stale} entries stale")
    return 0 if total.share >= TARGET and not stale else 1


def _lines(topic: str, score: Score, seconds: float) -> Iterator[str]:
    yield f"{topic}: {score.killed}/{score.counted} killed, {_percent(score)}, in {seconds:.0f} s"
    for task in score.tasks:
        apart = f", {len(task.equivalent)} equivalent" if task.equivalent else ""
        yield f"  {task.task}: {len(task.killed)}/{task.counted}{apart}"
        for mutant in task.survivors:
            yield "    survived:\n" + _indented(mutant.diff)
        for entry in task.stale:
            yield f"    {EQUIVALENTS} justifies a mutant that is not made any more:\n" + _indented(entry.diff)


def _indented(diff: str) -> str:
    return "\n".join(f"      {line}" for line in diff.split("\n"))


def _percent(score: Score) -> str:
    return f"{math.floor(1000 * score.share) / 10:.1f} %"  # 94.96 % is not 95 %


def _stale(known: Mapping[str, Equivalent], mutants: Iterable[Mutant]) -> list[Equivalent]:
    made = {mutant.diff for mutant in mutants}
    return [entry for diff, entry in known.items() if diff not in made]


def _prepare(job: Job) -> int:
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


def _full_marks(jobs: Iterable[Job], seconds: int, workers: int) -> Iterator[bool]:
    """Whether each job loses no point, in the order of the jobs; at most `workers` run at once."""
    waiting = enumerate(jobs)
    running: dict[int, tuple[int, BaseProcess, float]] = {}
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
