"""Where a course keeps its files and its gradebook, read from the same `nbgrader_config.py` that nbgrader reads.

Layout: `{nbgrader_step}/{student_id}/{assignment_id}`. Chapter: `teaching`.
"""

from __future__ import annotations

import importlib.util
import logging
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from cnncourse.grading.job import Limits
from cnncourse.grading.policies import AttemptPolicy, LatePolicy

STEPS = ("source", "release", "submitted", "autograded", "feedback")
OUR_SECTION = "CnnCourse"  # of nbgrader_config.py: limits, late, attempts


@dataclass(frozen=True)
class Course:
    """A course directory and its settings.

    Parameters
    ----------
    root
        The folder that holds `nbgrader_config.py`.
    db_url
        The gradebook: ``sqlite:///…`` or ``postgresql://…``.
    steps
        For each of nbgrader's steps (`STEPS`) the name of its folder.
    structure
        nbgrader's ``directory_structure``.
    ignore
        File names that are never copied.
    config
        nbgrader's whole configuration.
    """

    root: Path
    db_url: str
    steps: dict[str, str]
    structure: str = "{nbgrader_step}/{student_id}/{assignment_id}"
    ignore: tuple[str, ...] = (".ipynb_checkpoints", "*.pyc", "__pycache__", "feedback")
    course_id: str = "default_course"
    limits: Limits = field(default_factory=Limits)
    late: LatePolicy | None = None
    attempts: AttemptPolicy = field(default_factory=AttemptPolicy)
    config: Any = None

    def folder(self, step: str, student: str, assignment: str) -> Path:
        """The folder of one assignment of one student (``"."`` for source and release) in a step."""
        inside = self.structure.format(nbgrader_step=self.steps[step], student_id=student, assignment_id=assignment)
        return self.root / PurePosixPath(inside)

    def work_folder(self, assignment: str) -> Path:
        """Where our own results and reports of an assignment live."""
        return self.root / "grading" / assignment


def read_course(root: Path | str = ".", db_url: str | None = None) -> Course:
    """Read `nbgrader_config.py` in `root` as nbgrader does; `db_url` overrides the gradebook that it names.

    Raises
    ------
    FileNotFoundError
        If there is no such folder.
    """
    from nbgrader.apps.baseapp import NbGrader

    root = Path(root).resolve()
    if not root.is_dir():
        raise FileNotFoundError(f"there is no course folder {root}; give the folder that holds nbgrader_config.py")
    app = NbGrader(log_level=logging.ERROR)  # it warns of no settings elsewhere
    app.load_cwd_config = False
    app.initialize([], root=str(root))
    return from_nbgrader(app.coursedir, app.config, db_url)


def from_nbgrader(directory: Any, config: Any, db_url: str | None = None) -> Course:
    """Translate nbgrader's CourseDirectory and configuration."""
    ours = config.get(OUR_SECTION, {})
    return Course(
        root=Path(directory.root),
        db_url=with_driver(db_url or directory.db_url),
        steps={step: getattr(directory, f"{step}_directory") for step in STEPS},
        structure=directory.directory_structure,
        ignore=tuple(directory.ignore),
        course_id=directory.course_id or "default_course",
        limits=ours.get("limits", Limits()),
        late=ours.get("late"),
        attempts=ours.get("attempts", AttemptPolicy()),
        config=config,
    )


def with_driver(db_url: str) -> str:
    """A PostgreSQL URL that names no driver, with psycopg2 unless the newer psycopg is installed."""
    for plain in ("postgresql://", "postgres://"):
        if db_url.startswith(plain) and importlib.util.find_spec("psycopg") is None:
            return "postgresql+psycopg2://" + db_url.removeprefix(plain)
    return db_url
