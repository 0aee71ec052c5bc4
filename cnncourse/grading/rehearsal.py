"""Grade an assignment before it is released, in this very process: quick, and only for code that one trusts.

Authors rehearse their own answers and the wrong ones that they expect; students' work goes through the sandbox.
"""

from __future__ import annotations

import ast
import contextlib
import io
import json
import re
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from cnncourse.grading.job import Cell, CellOutcome, Job, Outcome

_HIDDEN = re.compile(
    r"^[^\n]*BEGIN HIDDEN TESTS[^\n]*\n(.*?)^[^\n]*END HIDDEN TESTS[^\n]*\n?", re.DOTALL | re.MULTILINE
)


def read_notebook(path: Path | str) -> dict[str, Any]:
    """A notebook as plain dictionaries, with each cell's source as one text."""
    notebook: dict[str, Any] = json.loads(Path(path).read_text(encoding="utf-8"))
    for cell in notebook["cells"]:
        cell["source"] = "".join(cell["source"])
    return notebook


def answers_in(notebook: Mapping[str, Any]) -> dict[str, str]:
    """The source of each code cell that is to be answered, by grade_id."""
    return {_meta(cell)["grade_id"]: cell["source"] for cell in notebook["cells"] if _kind(cell) == "answer"}


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
    cells = tuple(_cell(cell, answers) for cell in instructor["cells"] if _kind(cell))
    names = sorted({name for source in reference.values() for name in _bound_names(source)})
    return Job(assignment=assignment, student=student, cells=cells, names=tuple(names))


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


def _meta(cell: Mapping[str, Any]) -> dict[str, Any]:
    meta: dict[str, Any] = cell["metadata"].get("nbgrader", {})
    return meta


def _kind(cell: Mapping[str, Any]) -> str:
    """The engine's word for a cell; empty for text and for what a person grades."""
    meta = _meta(cell)
    if cell["cell_type"] != "code":
        return ""
    if meta.get("solution"):
        return "" if meta.get("grade") else "answer"
    if meta.get("grade"):
        return "inline" if re.search(r"^# grade: inline\b", cell["source"], re.MULTILINE) else "check"
    return "given"


def _cell(cell: Mapping[str, Any], answers: Mapping[str, str]) -> Cell:
    grade_id, kind = _meta(cell)["grade_id"], _kind(cell)
    source = answers.get(grade_id, "") if kind == "answer" else cell["source"]
    hidden = "\n".join(_HIDDEN.findall(source)) if kind in ("check", "inline") else ""
    title = next(re.finditer(r"^# hidden: (.+)$", hidden, re.MULTILINE), None) or re.match(r"# (.+)", source)
    return Cell(
        grade_id=grade_id,
        kind=kind,
        source=_HIDDEN.sub("", source) if hidden else source,
        hidden=hidden,
        title=title.group(1) if title and kind != "answer" else grade_id,
        points=float(_meta(cell)["points"]) if kind in ("check", "inline") else 0.0,
    )


def _bound_names(source: str) -> set[str]:
    """Names that a cell's top level binds, imports left out."""
    bound = set()
    for node in ast.parse(source).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            bound.add(node.name)
        else:
            bound |= {n.id for n in ast.walk(node) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
    return bound
