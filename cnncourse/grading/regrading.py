"""What was graded before: its key, which answers are still the same, and feedback written anew. Chapter: `teaching`."""

from __future__ import annotations

import fnmatch
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cnncourse.grading.course import Course
from cnncourse.grading.jobs import OUR_METADATA
from cnncourse.grading.recorder import Recorder
from cnncourse.grading.report import write_feedback
from cnncourse.grading.source import load_assignment


def write_all_feedback(course: Course, name: str, students: str = "*") -> list[Path]:
    """Write the feedback of every graded submission, with the points and comments that people gave since.

    Raises
    ------
    FileNotFoundError
        If the course has no such assignment.
    """
    assignment = load_assignment(course, name)
    above = course.folder("autograded", "*", name)
    pages: list[Path] = []
    with Recorder(course) as recorder:
        for folder in sorted(course.root.glob(str(above.relative_to(course.root)))):
            student = folder.relative_to(course.root).parts[Path(course.structure).parts.index("{student_id}")]
            if not fnmatch.fnmatch(student, students):
                continue
            try:
                recorded = recorder.read(name, student)
            except KeyError:
                continue
            for notebook in assignment.notebooks:
                document = read_document(folder / f"{notebook.name}.ipynb")
                if document is not None:
                    pages.append(write_feedback(course, name, student, notebook.name, document, recorded))
    return pages


def read_document(path: Path) -> dict[str, Any] | None:
    """A graded notebook as a JSON object; None if there is none."""
    try:
        document: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    if not isinstance(document, dict) or not isinstance(document.get("cells"), list):
        return None
    for cell in document["cells"]:
        cell["source"] = "".join(cell["source"])
        cell.setdefault("id", "")
    return document


def key_of(document: Mapping[str, Any] | None) -> str:
    """The key under which a notebook was recorded; empty if it was not."""
    return str(document["metadata"].get(OUR_METADATA, {}).get("key", "")) if document else ""


def unchanged(before: Mapping[str, Any] | None, now: Mapping[str, Any]) -> set[str]:
    """Names of the graded cells that need no new look: their answer is what it was when a person saw it."""
    if before is None:
        return set()
    old, new = answers_of(before), answers_of(now)
    same = {name for name, source in new.items() if old.get(name) == source}
    marks = [cell["metadata"].get("nbgrader", {}) for cell in now["cells"]]
    checks = {mark["grade_id"] for mark in marks if mark.get("grade") and not mark.get("solution")}
    return same | (checks if old == new else set())


def answers_of(document: Mapping[str, Any]) -> dict[str, str]:
    """What the student wrote, by the name of the cell."""
    return {
        cell["metadata"].get("nbgrader", {}).get("grade_id") or cell["id"]: cell["source"]
        for cell in document["cells"]
        if cell["metadata"].get("nbgrader", {}).get("solution") or not cell["metadata"].get("nbgrader")
    }
