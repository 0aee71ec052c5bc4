"""A whole class: submissions stream through a pool, and one writer records them; a killed run resumes.

Memory is bounded by the number of workers, not of students. Chapter: `teaching`.
"""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TypeVar

from cnncourse.grading.attempts import with_attempts
from cnncourse.grading.backends import Backend
from cnncourse.grading.confinement import ConfinementError
from cnncourse.grading.course import Course
from cnncourse.grading.files import ResultStore, only_run, sweep, write_whole
from cnncourse.grading.intake import Submission, find_submissions
from cnncourse.grading.job import Job, Outcome
from cnncourse.grading.jobs import OUR_METADATA
from cnncourse.grading.marking import Marked, mark
from cnncourse.grading.recorder import Recorded, Recorder
from cnncourse.grading.regrading import key_of, read_document, unchanged
from cnncourse.grading.report import write_feedback
from cnncourse.grading.source import Assignment, load_assignment
from cnncourse.grading.summary import Line, Progress, Summary

Item = TypeVar("Item")
Value = TypeVar("Value")


@dataclass(frozen=True)
class Options:
    """How to grade: whom (a pattern), whether unchanged submissions too, and what to show and write."""

    students: str = "*"
    force: bool = False
    progress: bool = True
    feedback: bool = True


def grade_class(course: Course, name: str, backend: Backend, options: Options | None = None) -> Summary:
    """Grade all submissions of an assignment and record them.

    Parameters
    ----------
    course, name
        Which assignment of which course.
    backend
        What executes; it stays open.
    options
        See `Options`.

    Raises
    ------
    FileNotFoundError
        If the course has no such assignment.
    RuntimeError
        If another run grades this assignment.
    """
    options = options or Options()
    began = time.monotonic()
    assignment = load_assignment(course, name)
    work = course.work_folder(name)
    with only_run(work / ".lock"), Recorder(course) as recorder:
        sweep(work)
        summary = Summary(name, changes=recorder.sync(assignment))
        found, summary.remarks = find_submissions(course, name, options.students)
        desk = _Desk(course, assignment, recorder, backend, ResultStore(work / "results"), options)
        with Progress(len(found), options.progress) as progress:
            for line in desk.grade_all(found):
                summary.lines.append(line)
                progress.add(line)
        summary.seconds = time.monotonic() - began
        summary.write(work)
    return summary


class _Desk:
    """Grades in threads and records in the one that calls."""

    def __init__(
        self,
        course: Course,
        assignment: Assignment,
        recorder: Recorder,
        engine: Backend,
        store: ResultStore,
        options: Options,
    ) -> None:
        self.course, self.assignment, self.recorder = course, assignment, recorder
        self.engine, self.store, self.options = engine, store, options

    def grade_all(self, found: Iterable[Submission]) -> Iterator[Line]:
        """One line per submission, in the order in which they are done."""
        for submission, result in streamed(self._mark_attempts, found, self.engine.workers):
            try:
                yield self._record(submission, result.result())
            except ConfinementError:
                raise  # nobody can be graded here
            except Exception as error:  # noqa: BLE001 - one student's trouble must not stop the class
                yield Line(submission.student, "failed", notes=(f"{type(error).__name__}: {error}",))

    def _mark_attempts(self, found: Submission) -> list[Marked]:
        attempts = [found]
        if self.course.attempts.needs_history:
            attempts = with_attempts(found, self.course, self.assignment.name)[: self._limit(found.student)]
        store = None if self.options.force else self.store
        return [mark(attempt, self.assignment, self.course, self._grade, store) for attempt in attempts]

    def _limit(self, student: str) -> int | None:
        return self.course.attempts.limit(student)

    def _grade(self, job: Job) -> Outcome:
        outcome = self.engine.grade(job)
        if self.options.force:
            self.store.put(job.key(), outcome)
        return outcome

    def _record(self, found: Submission, attempts: list[Marked]) -> Line:
        """Gradebook first, then the notebook whose key says that the gradebook is done, then feedback."""
        chosen = self._choose(found.student, attempts)
        marked = attempts[chosen]
        attempt = f"{chosen + 1} of {len(attempts)}" if len(attempts) > 1 else ""
        folder = self.course.folder("autograded", found.student, self.assignment.name)
        before = {name: read_document(folder / f"{name}.ipynb") for name in marked.notebooks}
        recorded = self.recorder.record(
            self.assignment,
            found.student,
            {name: nb.records for name, nb in marked.notebooks.items() if name in marked.submission.notebooks},
            marked.timestamp,
            {(name, cell) for name, nb in marked.notebooks.items() for cell in unchanged(before[name], nb.document)},
        )
        if any(key_of(before[name]) != notebook.key for name, notebook in marked.notebooks.items()):
            shutil.rmtree(folder, ignore_errors=True)
        self._write_autograded(folder, marked, attempt)
        if self.options.feedback:
            for name, notebook in marked.notebooks.items():
                write_feedback(self.course, self.assignment.name, found.student, name, notebook.document, recorded)
        return _line(marked, recorded, attempt)

    def _choose(self, student: str, attempts: list[Marked]) -> int:
        if len(attempts) == 1:
            return 0
        late = self.recorder.seconds_late(self.assignment.name, student, [marked.timestamp for marked in attempts])
        scores = [
            marked.score - self.recorder.penalty(student, marked.score, self._maximum(), seconds)
            for marked, seconds in zip(attempts, late, strict=True)
        ]
        return self.course.attempts.choose(student, scores)

    def _maximum(self) -> float:
        cells = [cell for notebook in self.assignment.notebooks for cell in notebook.cells]
        return sum(cell.points for cell in cells if cell.grade or cell.task)

    def _write_autograded(self, folder: Path, marked: Marked, attempt: str) -> None:
        submission = marked.submission
        for path, content in submission.files:
            write_whole(folder / path, content)
        for extra in ("timestamp.txt", "submission_secret.txt"):
            source = submission.folder / extra
            if source.is_file() and not source.is_symlink() and source.stat().st_size < 1000:
                write_whole(folder / extra, source.read_bytes())
        for name, notebook in marked.notebooks.items():
            if attempt:
                notebook.document["metadata"][OUR_METADATA]["attempt"] = attempt
            write_whole(folder / f"{name}.ipynb", json.dumps(notebook.document) + "\n", mode=0o444)


def streamed(
    work: Callable[[Item], Value], items: Iterable[Item], workers: int
) -> Iterator[tuple[Item, Future[Value]]]:
    """Apply `work` to items in threads; at most two per worker are under way or waiting to be taken."""
    source = iter(items)
    pool = ThreadPoolExecutor(workers, thread_name_prefix="grading")
    pending: dict[Future[Value], Item] = {}
    try:
        while True:
            for item in islice(source, 2 * workers - len(pending)):
                pending[pool.submit(work, item)] = item
            if not pending:
                return
            done, _ = wait(pending, return_when=FIRST_COMPLETED)
            for future in done:
                yield pending.pop(future), future
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _line(marked: Marked, recorded: Recorded, attempt: str) -> Line:
    outcomes = [notebook.outcome for notebook in marked.notebooks.values()]
    repairs = [
        words
        for notebook in marked.notebooks.values()
        for words in notebook.document["metadata"][OUR_METADATA]["repairs"]
    ]
    lost = list(marked.submission.unreadable.values())
    readable = bool(marked.submission.notebooks)
    return Line(
        student=marked.submission.student,
        status="graded" if readable else "unreadable",
        score=recorded.score,
        max_score=recorded.max_score,
        penalty=recorded.penalty,
        needs_manual_grade=recorded.needs_manual_grade,
        was_stored=readable and all(notebook.was_stored for notebook in marked.notebooks.values()),
        attempt=attempt,
        confinement=next((o.confinement for o in outcomes if o.confinement), "") if readable else "",
        seconds=round(sum(outcome.seconds for outcome in outcomes), 3),
        notes=(*lost, *marked.submission.remarks, *repairs, *troubles(outcomes)),
    )


def troubles(outcomes: Iterable[Outcome]) -> Iterator[str]:
    """Answers that crashed or ran out of time, in words."""
    for outcome in outcomes:
        for cell in outcome.cells:
            if cell.status in ("timeout", "crashed"):
                yield f"{cell.grade_id}: {cell.message or cell.status}"
