"""Feedback written anew from what is kept: the graded notebooks and the gradebook. Chapter: `teaching`."""

from __future__ import annotations

import fnmatch
import json
from pathlib import Path
from typing import Any

from cnncourse.grading.course import Course
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
    for cell in document["cells"]:
        cell["source"] = "".join(cell["source"])
        cell.setdefault("id", "")
    return document
