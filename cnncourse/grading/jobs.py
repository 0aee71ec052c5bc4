"""From a repaired notebook to a `Job`, and from its `Outcome` to a notebook that nbgrader can read.

The tests in a job come from the instructor's notebook, never from the student's. Chapter: `teaching`.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import Any

from cnncourse.grading.job import Cell, CellOutcome, Job, Limits, Outcome
from cnncourse.grading.repair import Repaired, RepairedCell
from cnncourse.grading.source import Assignment, SourceCell, SourceNotebook

FILES_CELL = "files-handed-in"
OUR_METADATA = "cnncourse"
_EDITED = "-as-edited"


def make_job(
    assignment: Assignment,
    notebook: SourceNotebook,
    student: str,
    repaired: Repaired,
    files: Sequence[tuple[str, bytes]] = (),
    limits: Limits | None = None,
) -> Job:
    """The job that grades a repaired notebook.

    Files that the student added reach the student's process alone, as a first cell that writes them; released
    files of the same name win.
    """
    released = {path for path, _ in assignment.files}
    cells: list[Cell] = []
    if own := [(path, content) for path, content in files if path not in released]:
        cells.append(Cell(FILES_CELL, "answer", _writing(own)))
    for name, cell in _named(repaired):
        cells.extend(_job_cells(name, cell))
    return Job(
        assignment=assignment.name,
        student=student,
        cells=tuple(cells),
        names=notebook.names,
        files=assignment.files,
        limits=limits or Limits(),
    )


def cell_of(name: str, released: SourceCell) -> Cell:
    """A code cell as the author wrote it: a check with its hidden tests apart, an answer, or what was given."""
    if released.solution:
        return Cell(name, "answer", released.released)
    if released.runs_inline:
        return Cell(name, "inline", released.visible, title=released.title, points=released.points)
    if released.is_check:
        title = released.hidden_title if released.hidden else released.title
        return Cell(name, "check", released.visible, released.hidden, title, released.points)
    return Cell(name, "given", released.released)


def graded_notebook(
    notebook: SourceNotebook, repaired: Repaired, outcome: Outcome, record: dict[str, Any]
) -> dict[str, Any]:
    """The notebook of `autograded/`, as a JSON object of nbformat 4.5.

    Its outputs make nbgrader's `determine_grade` find the points of `outcome`; `record` goes into its metadata.
    """
    by_name = {cell.grade_id: cell for cell in outcome.cells}
    cells = [_notebook_cell(name, cell, by_name.get(name)) for name, cell in _named(repaired)]
    return {
        "cells": cells,
        "metadata": {**notebook.metadata, OUR_METADATA: record},
        "nbformat": 4,
        "nbformat_minor": 5,
    }


def outputs_of(outcome: CellOutcome | None) -> list[dict[str, Any]]:
    """Nbformat outputs from which nbgrader reads the points: an error is 0, a number is partial credit."""
    if outcome is None:
        return []
    outputs: list[dict[str, Any]] = []
    if outcome.output:
        outputs.append({"output_type": "stream", "name": "stdout", "text": outcome.output})
    if outcome.status != "passed":
        words = outcome.message or outcome.status
        outputs.append(
            {"output_type": "error", "ename": _error_name(outcome), "evalue": words, "traceback": words.split("\n")}
        )
    elif outcome.max_points and outcome.points != outcome.max_points:
        value = {"text/plain": repr(float(outcome.points))}
        outputs.append({"output_type": "execute_result", "execution_count": None, "data": value, "metadata": {}})
    return outputs


def points_of(cell: SourceCell, outcome: CellOutcome | None) -> float | None:
    """What a check earned; None where a person decides."""
    if not cell.is_check:
        return None
    return 0.0 if outcome is None else max(0.0, min(cell.points, outcome.points))


def cell_names(repaired: Repaired) -> list[str]:
    """The names of the cells in the job and in the notebook."""
    return [name for name, _ in _named(repaired)]


def _named(repaired: Repaired) -> list[tuple[str, RepairedCell]]:
    """Each cell with its name: grade_id, cell id, or a new one for what the student added."""
    taken = {cell.released.grade_id or cell.released.id for cell in repaired.cells if cell.released}
    named: list[tuple[str, RepairedCell]] = []
    number = 0
    for cell in repaired.cells:
        if cell.released is not None:
            named.append((cell.released.grade_id or cell.released.id, cell))
            continue
        number += 1
        while f"extra-{number}" in taken:
            number += 1
        named.append((f"extra-{number}", cell))
    return named


def _job_cells(name: str, cell: RepairedCell) -> list[Cell]:
    released = cell.released
    if cell.cell_type != "code":
        return []
    if released is None or released.solution:
        return [Cell(name, "answer", cell.source)]
    cells = [cell_of(name, released)]
    if cell.was_changed and cells[0].kind == "given":  # an import added to a released cell is the student's
        cells.append(Cell(name + _EDITED, "answer", cell.source))
    return cells


def _writing(files: Sequence[tuple[str, bytes]]) -> str:
    packed = {path: base64.b64encode(content).decode() for path, content in files}
    return (
        "import base64 as _base64, pathlib as _pathlib\n"
        f"for _path, _content in {packed!r}.items():\n"
        "    _pathlib.Path(_path).parent.mkdir(parents=True, exist_ok=True)\n"
        "    _pathlib.Path(_path).write_bytes(_base64.b64decode(_content))\n"
        "del _base64, _pathlib, _path, _content\n"
    )


def _notebook_cell(name: str, cell: RepairedCell, outcome: CellOutcome | None) -> dict[str, Any]:
    released = cell.released
    source = released.recorded if released and released.from_release else cell.source
    record: dict[str, Any] = {
        "id": _valid_id(name),
        "cell_type": cell.cell_type,
        "metadata": {} if released is None else _marks(released),
        "source": source,
    }
    if cell.cell_type == "code":
        record.update(execution_count=None, outputs=outputs_of(outcome))
    elif cell.attachments:
        record["attachments"] = cell.attachments
    return record


def _marks(cell: SourceCell) -> dict[str, Any]:
    if not cell.grade_id:
        return {}
    marks: dict[str, Any] = {
        "schema_version": 3,
        "grade_id": cell.grade_id,
        "grade": cell.grade,
        "solution": cell.solution,
        "locked": cell.locked,
        "task": cell.task,
        "cell_type": cell.cell_type,
        "checksum": cell.checksum,
    }
    if cell.grade or cell.task:
        marks["points"] = cell.points
    locks = {"deletable": False, "editable": False} if cell.from_release else {"deletable": False}
    return {**locks, "nbgrader": marks}


def _valid_id(name: str) -> str:
    return "".join(letter if letter.isascii() and (letter.isalnum() or letter in "-_") else "-" for letter in name)[:64]


def _error_name(outcome: CellOutcome) -> str:
    names = {"failed": "AssertionError", "timeout": "TimeoutError", "crashed": "Crash", "not_run": "NotRun"}
    return names.get(outcome.status, "Error")
