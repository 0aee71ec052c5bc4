"""One submission from its folder to its verdict: read, repair, grade, and make the notebook that nbgrader keeps.

Pure but for the grading function it is given, so that it may run in any thread. Chapter: `teaching`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from cnncourse.grading.course import Course
from cnncourse.grading.files import ResultStore
from cnncourse.grading.intake import IntakeLimits, Submission, read_submission
from cnncourse.grading.job import CellOutcome, Job, Outcome
from cnncourse.grading.jobs import cell_names, graded_notebook, make_job, points_of
from cnncourse.grading.recorder import CellRecord
from cnncourse.grading.repair import Repaired, repair, same_text
from cnncourse.grading.source import Assignment, SourceNotebook

Grade = Callable[[Job], Outcome]


@dataclass(frozen=True)
class MarkedNotebook:
    """A graded notebook: its JSON object for `autograded/`, its job's key, and the gradebook's records."""

    document: dict[str, Any]
    key: str
    records: tuple[CellRecord, ...]
    outcome: Outcome
    was_stored: bool = False

    @property
    def score(self) -> float:
        """Points that the checks gave."""
        return sum(record.auto_score or 0.0 for record in self.records)


@dataclass(frozen=True)
class Marked:
    """A graded submission."""

    submission: Submission
    notebooks: dict[str, MarkedNotebook] = field(default_factory=dict)
    timestamp: datetime | None = None

    @property
    def score(self) -> float:
        """Points that the checks gave in all notebooks."""
        return sum(notebook.score for notebook in self.notebooks.values())

    @property
    def key(self) -> str:
        """Names all that decided the verdict."""
        return "+".join(notebook.key for notebook in self.notebooks.values())


def mark(
    found: Submission,
    assignment: Assignment,
    course: Course,
    grade: Grade,
    store: ResultStore | None = None,
    limits: IntakeLimits | None = None,
) -> Marked:
    """Grade one submission; outcomes in the store are not computed again.

    Raises whatever `grade` raises; the student's notebook raises nothing.
    """
    expected = {notebook.name: notebook.grade_ids for notebook in assignment.notebooks}
    submission = read_submission(found, expected, limits, course.ignore)
    notebooks: dict[str, MarkedNotebook] = {}
    for notebook in assignment.notebooks:
        if notebook.name in submission.notebooks:
            notebooks[notebook.name] = _mark_notebook(notebook, submission, assignment, course, grade, store)
        else:
            notebooks[notebook.name] = _not_handed_in(notebook, submission)
    return Marked(submission, notebooks, _time(submission))


def _mark_notebook(
    notebook: SourceNotebook,
    submission: Submission,
    assignment: Assignment,
    course: Course,
    grade: Grade,
    store: ResultStore | None,
) -> MarkedNotebook:
    repaired = repair(notebook, submission.notebooks[notebook.name])
    job = make_job(assignment, notebook, submission.student, repaired, submission.files, course.limits)
    key = job.key()
    outcome = store.get(key) if store else None
    was_stored = outcome is not None
    if outcome is None:
        outcome = grade(job)
        if store:
            store.put(key, outcome)
    return marked_notebook(notebook, repaired, outcome, key, submission.remarks, was_stored)


def marked_notebook(
    notebook: SourceNotebook,
    repaired: Repaired,
    outcome: Outcome,
    key: str,
    remarks: list[str],
    was_stored: bool = False,
) -> MarkedNotebook:
    """Put together what is kept of a graded notebook; its key also covers the answers that a person grades."""
    record = our_record(notebook, repaired, outcome, remarks)
    everything = json.dumps([key, record["repairs"], remarks, [cell.source for cell in repaired.cells]])
    record["key"] = hashlib.sha256(everything.encode()).hexdigest()
    document = graded_notebook(notebook, repaired, outcome, record)
    return MarkedNotebook(document, record["key"], tuple(_records(repaired, outcome)), outcome, was_stored)


def our_record(notebook: SourceNotebook, repaired: Repaired, outcome: Outcome, remarks: list[str]) -> dict[str, Any]:
    """What the notebook's metadata say of its grading, all that feedback needs and nothing hidden."""
    by_name = {cell.grade_id: cell for cell in outcome.cells}
    titles = {cell.grade_id: (cell.title, cell.hidden_title) for cell in notebook.cells if cell.is_check}
    return {
        "key": "",
        "confinement": outcome.confinement,
        "seconds": round(outcome.seconds, 3),
        "repairs": list(repaired.repairs),
        "remarks": list(remarks),
        "cells": {
            name: _verdict(by_name[name], titles.get(name, ("", "")))
            for name in cell_names(repaired)
            if name in by_name
        },
    }


def _verdict(outcome: CellOutcome, titles: tuple[str, str]) -> dict[str, Any]:
    return {
        "status": outcome.status,
        "points": outcome.points,
        "max_points": outcome.max_points,
        "message": outcome.message,
        "where": outcome.where,
        "partial": outcome.partial,
        "title": titles[0],
        "hidden_title": titles[1],
    }


def _records(repaired: Repaired, outcome: Outcome) -> list[CellRecord]:
    by_name = {cell.grade_id: cell for cell in outcome.cells}
    records = []
    for cell in repaired.cells:
        released = cell.released
        if released is None or not released.grade_id:
            continue
        unanswered = released.solution and same_text(cell.source, released.released)
        points = points_of(released, by_name.get(released.grade_id))
        records.append(CellRecord(released.grade_id, points, unanswered))
    return records


def _not_handed_in(notebook: SourceNotebook, submission: Submission) -> MarkedNotebook:
    """The empty release stands in for a notebook that cannot be graded, and earns nothing."""
    reason = submission.unreadable[notebook.name]
    repaired = Repaired(repair(notebook, []).cells, ())
    checks = [cell for cell in notebook.cells if cell.is_check]
    outcome = Outcome(
        tuple(CellOutcome(cell.grade_id, "not_run", 0.0, cell.points, "There was nothing to run.") for cell in checks),
        confinement="nothing was run",
        seconds=0.0,
    )
    marked = marked_notebook(notebook, repaired, outcome, f"unreadable: {reason}", [reason, *submission.remarks], True)
    records = tuple(CellRecord(record.grade_id, 0.0, record.unanswered) for record in marked.records)
    return MarkedNotebook(marked.document, marked.key, records, outcome, True)


def _time(submission: Submission) -> datetime | None:
    """When it was handed in, from nbgrader's timestamp.txt, in UTC."""
    if not submission.timestamp:
        return None
    from nbgrader.utils import parse_utc

    try:
        moment: datetime = parse_utc(submission.timestamp)
    except (ValueError, OverflowError, TypeError, AttributeError):
        submission.remarks.append("timestamp.txt is not a time; treated as handed in on time")
        return None
    return moment
