"""The gradebook follows the instructor's notebooks: tests may be mended, added and removed after the release.

Stock nbgrader refuses that once there are submissions, and deletes the release. Chapter: `teaching`.
"""

from __future__ import annotations

import json
from typing import Any

from cnncourse.grading.course import Course
from cnncourse.grading.source import Assignment, SourceCell, SourceNotebook


class Synchronisation:
    """Brings the cells of an assignment up to date, in one transaction.

    Every submission gets an empty grade for a new test; manual grades of cells that remain are kept.
    """

    def __init__(self, session: Any, course_id: str) -> None:
        self.session, self.course_id = session, course_id

    def run(self, assignment: Assignment, complete: bool = True) -> list[str]:
        """Return what changed, in words; notebooks that are gone are removed if the assignment is `complete`."""
        from nbgrader import api

        changes: list[str] = []
        entry = self.session.query(api.Assignment).filter(api.Assignment.name == assignment.name).one_or_none()
        if entry is None:
            entry = api.Assignment(name=assignment.name, course_id=self.course_id)
            self.session.add(entry)
        existing = {notebook.name: notebook for notebook in entry.notebooks}
        for notebook in assignment.notebooks:
            changes += self._sync_notebook(entry, existing.get(notebook.name), notebook)
        gone = set(existing) - {notebook.name for notebook in assignment.notebooks} if complete else ()
        for name in sorted(gone):
            changes += self._remove_notebook(existing[name])
        self.session.commit()
        return changes

    def _sync_notebook(self, entry: Any, stored: Any, notebook: SourceNotebook) -> list[str]:
        from nbgrader import api

        changes: list[str] = []
        is_new = stored is None
        if is_new:
            stored = api.Notebook(name=notebook.name, assignment=entry)
            self.session.add(stored)
            for submission in entry.submissions:
                self.session.add(api.SubmittedNotebook(notebook=stored, assignment=submission))
        stored.kernelspec = json.dumps(notebook.metadata.get("kernelspec", {}))
        self.session.flush()
        marked = {cell.grade_id: cell for cell in notebook.cells if cell.grade_id}
        sources = {cell.name: cell for cell in stored.source_cells}
        base = {(cell.name, type(cell).__name__): cell for cell in stored._base_cells}
        for cell in marked.values():
            changes += self._sync_source(stored, sources.get(cell.grade_id), cell)
            for kind in _kinds(cell):
                self._sync_base(stored, base.get((cell.grade_id, kind)), cell, kind)
        for name in sorted(set(sources) - set(marked)):
            self.session.delete(sources[name])
            changes.append(f"cell {name!r} was removed")
        wanted = {(cell.grade_id, kind) for cell in marked.values() for kind in _kinds(cell)}
        for key in sorted(set(base) - wanted):
            self._remove_base(base[key])
        self.session.flush()
        return [f"notebook {notebook.name!r} was added"] if is_new else changes

    def _sync_source(self, stored: Any, source: Any, cell: SourceCell) -> list[str]:
        from nbgrader import api

        fields = {
            "cell_type": cell.cell_type,
            "locked": cell.from_release,
            "source": cell.recorded,
            "checksum": cell.checksum,
        }
        if source is None:
            self.session.add(api.SourceCell(name=cell.grade_id, notebook=stored, **fields))
            return [f"{'test' if cell.is_check else 'cell'} {cell.grade_id!r} was added"]
        differs = [name for name, value in fields.items() if getattr(source, name) != value]
        for name in differs:
            setattr(source, name, fields[name])
        return [f"{'test' if cell.is_check else 'cell'} {cell.grade_id!r} was changed"] if differs else []

    def _sync_base(self, stored: Any, known: Any, cell: SourceCell, kind: str) -> None:
        from nbgrader import api

        graded = kind in ("GradeCell", "TaskCell")
        fields = {"max_score": cell.points, "cell_type": cell.cell_type} if graded else {}
        if known is None:
            known = getattr(api, kind)(name=cell.grade_id, notebook=stored, **fields)
            self.session.add(known)
            self.session.flush()
            for submitted in stored.submissions:
                self._add_rows(submitted.id, known.id, kind)
            return
        for name, value in fields.items():
            if getattr(known, name) != value:
                setattr(known, name, value)

    def _add_rows(self, submitted_id: str, cell_id: str, kind: str) -> None:
        from nbgrader import api

        if kind in ("GradeCell", "TaskCell"):
            self.session.add(api.Grade(cell_id=cell_id, notebook_id=submitted_id))
        if kind in ("SolutionCell", "TaskCell"):
            self.session.add(api.Comment(cell_id=cell_id, notebook_id=submitted_id))

    def _remove_base(self, cell: Any) -> None:
        from nbgrader import api

        for table in (api.Grade, api.Comment):
            self.session.query(table).filter(table.cell_id == cell.id).delete(synchronize_session=False)
        self.session.delete(cell)

    def _remove_notebook(self, stored: Any) -> list[str]:
        from nbgrader import api

        for cell in list(stored._base_cells):
            self._remove_base(cell)
        for cell in list(stored.source_cells):
            self.session.delete(cell)
        self.session.flush()
        submitted = self.session.query(api.SubmittedNotebook).filter_by(notebook_id=stored.id)
        submitted.delete(synchronize_session=False)
        self.session.delete(stored)
        return [f"notebook {stored.name!r} was removed"]


def open_gradebook(course: Course) -> Any:
    """Nbgrader's `Gradebook`, created if it does not exist, without needing alembic on the PATH.

    Raises
    ------
    OSError
        If the database cannot be reached; the message tells where, without the password.
    """
    from nbgrader.api import Base, Gradebook
    from sqlalchemy import create_engine, inspect, text
    from sqlalchemy.engine import make_url
    from sqlalchemy.exc import SQLAlchemyError

    where = make_url(course.db_url).render_as_string(hide_password=True)
    try:
        engine = create_engine(course.db_url)
        with engine.begin() as connection:
            if not inspect(connection).has_table("alembic_version"):
                Base.metadata.create_all(bind=connection)
                connection.execute(text("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL)"))
                statement = text("INSERT INTO alembic_version (version_num) VALUES (:version)")
                connection.execute(statement, {"version": _schema_version()})
        engine.dispose()
        return Gradebook(course.db_url, course.course_id)
    except (SQLAlchemyError, ImportError) as error:
        raise OSError(f"the gradebook {where} cannot be opened: {error}") from error


def _schema_version() -> str:
    """The newest version of nbgrader's database, as `nbgrader db upgrade` counts."""
    from pathlib import Path

    import nbgrader
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    settings = Config()
    settings.set_main_option("script_location", str(Path(nbgrader.__file__).parent / "alembic"))
    return str(ScriptDirectory.from_config(settings).get_current_head())


def _kinds(cell: SourceCell) -> list[str]:
    """Nbgrader's tables that a cell stands in."""
    if cell.task:
        return ["TaskCell"]
    return (["GradeCell"] if cell.grade else []) + (["SolutionCell"] if cell.solution else [])
