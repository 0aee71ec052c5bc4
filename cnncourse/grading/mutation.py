"""How much the checks of an assignment notice: they grade mutants of the instructor's own answers.

Score: killed ÷ (all − justified equivalents), for each task. Chapter: `teaching`.
"""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cnncourse.grading.mutants import Mutant, mutants_of
from cnncourse.grading.trials import full_marks, prepare

TARGET = 0.95
EQUIVALENTS = "equivalent_mutants.yml"


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
    seconds = prepare(job_of(topic, instructor, answers))
    scores = []
    for task, source in answers.items():
        known = {entry.diff: entry for entry in equivalents if (entry.topic, entry.task) == (topic, task)}
        mutants = mutants_of(source)
        chosen = choose(mutants)
        score = TaskScore(task, stale=_stale(known, mutants))
        score.equivalent = [mutant for mutant in chosen if mutant.diff in known]
        tried = [mutant for mutant in chosen if mutant.diff not in known]
        jobs = (job_of(topic, instructor, answers | {task: mutant.source}) for mutant in tried)
        for mutant, complete in zip(tried, full_marks(jobs, seconds, workers), strict=True):
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
