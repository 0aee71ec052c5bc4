"""Grade an assignment before it is released, in this very process: quick, and only for code that one trusts.

Authors rehearse their own answers and the wrong ones that they expect; students' work goes through the sandbox.
"""

from __future__ import annotations

import ast
import contextlib
import io
import json
import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from cnncourse.grading.job import Cell, CellOutcome, Job, Outcome
from cnncourse.grading.jobs import cell_of
from cnncourse.grading.source import SourceCell, bound_names


def read_notebook(path: Path | str) -> dict[str, Any]:
    """A notebook as plain dictionaries, with each cell's source as one text."""
    notebook: dict[str, Any] = json.loads(Path(path).read_text(encoding="utf-8"))
    for cell in notebook["cells"]:
        cell["source"] = "".join(cell["source"])
    return notebook


def answers_in(notebook: Mapping[str, Any]) -> dict[str, str]:
    """The source of each code cell that is to be answered, by grade_id."""
    return {cell.grade_id: cell.source for cell in _cells(notebook) if cell.kind == "answer"}


def job_of(assignment: str, instructor: Mapping[str, Any], answers: Mapping[str, str], student: str = "author") -> Job:
    """The job that grades `answers` with the checks of the instructor's notebook; answers left out stay blank.

    Raises
    ------
    KeyError
        If an answer belongs to no cell.
    """
    reference = answers_in(instructor)
    unknown = set(answers) - set(reference)
    if unknown:
        raise KeyError(f"{assignment} has no answer cell {sorted(unknown)}; it has {sorted(reference)}")
    cells = [
        replace(cell, source=answers.get(cell.grade_id, "")) if cell.kind == "answer" else cell
        for cell in _cells(instructor)
    ]
    names = sorted({name for source in reference.values() for name in bound_names(source)})
    return Job(assignment=assignment, student=student, cells=tuple(cells), names=tuple(names))


def rehearse(job: Job) -> Outcome:
    """Run the job's cells in this process, answers and checks in separate namespaces as the engine keeps them.

    Nothing protects the process: an endless loop in an answer never ends, and ``exit()`` exits.
    """
    began = time.monotonic()
    cells = tuple(outcomes_of(job))
    return Outcome(cells, confinement="none (rehearsal)", seconds=time.monotonic() - began)


def outcomes_of(job: Job) -> Iterator[CellOutcome]:
    """Run the job cell by cell, as `rehearse` does, for who wants to stop early."""
    students: dict[str, Any] = {"__name__": "__main__"}
    checkers: dict[str, Any] = {"__name__": "__main__"}
    for cell in job.cells:
        if cell.kind in ("given", "answer"):
            yield _run_answer(cell, students)
        if cell.kind == "given":
            _run_answer(cell, checkers)
        if cell.kind == "check":
            _look_up(job.names, students, checkers)
            yield _run_check(cell, checkers)
        if cell.kind == "inline":
            yield _run_check(cell, students)


def _look_up(names: tuple[str, ...], students: Mapping[str, Any], checkers: dict[str, Any]) -> None:
    for name in names:
        checkers.pop(name, None)
        if name in students:
            checkers[name] = students[name]


def _run_answer(cell: Cell, namespace: dict[str, Any]) -> CellOutcome:
    printed = io.StringIO()
    status, message = "passed", ""
    try:
        _execute(cell.source, namespace, printed)
    except Exception as error:  # noqa: BLE001 - whatever an answer raises is its outcome
        status, message = "error", _in_words(error)
    where = "" if status == "passed" else "answer"
    return CellOutcome(cell.grade_id, status, 0.0, 0.0, message, where, output=printed.getvalue())


def _run_check(cell: Cell, namespace: dict[str, Any]) -> CellOutcome:
    value = None
    for where, source in (("visible", cell.source), ("hidden", cell.hidden)):
        if not source.strip():
            continue
        try:
            value = _execute(source, namespace, io.StringIO())
        except Exception as error:  # noqa: BLE001 - whatever a check raises is its outcome
            status = "failed" if isinstance(error, AssertionError) else "error"
            message = _in_words(error) if where == "visible" else cell.title
            return CellOutcome(cell.grade_id, status, 0.0, cell.points, message, where)
    if isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= cell.points:
        return CellOutcome(cell.grade_id, "passed", float(value), cell.points, partial=True)
    return CellOutcome(cell.grade_id, "passed", cell.points, cell.points)


def _execute(source: str, namespace: dict[str, Any], stdout: io.StringIO) -> object:
    """Run a cell; return the value of its last expression, as a notebook would show it."""
    tree = ast.parse(source)
    last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
    with contextlib.redirect_stdout(stdout):
        exec(compile(tree, "<cell>", "exec"), namespace)  # noqa: S102 - this is what running a notebook means
        if not isinstance(last, ast.Expr):
            return None
        return eval(compile(ast.Expression(last.value), "<cell>", "eval"), namespace)  # noqa: S307


def _in_words(error: Exception) -> str:
    if isinstance(error, AssertionError):
        return str(error)
    return f"{type(error).__name__}: {error}"


def _cells(notebook: Mapping[str, Any]) -> Iterator[Cell]:
    """The code cells of the author's notebook, or of a release."""
    for cell in notebook["cells"]:
        meta, source = cell["metadata"].get("nbgrader", {}), cell["source"]
        if cell["cell_type"] == "code":
            name = meta["grade_id"]
            marks = SourceCell(cell["id"], name, "code", source, source, bool(meta["grade"]), bool(meta["solution"]))
            yield cell_of(name, replace(marks, points=float(meta.get("points", 0))))
