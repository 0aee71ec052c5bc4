"""The one writer to nbgrader's gradebook: one session per run, one transaction per submission, the same twice.

Works with SQLite and, by its URL, with PostgreSQL. Chapter: `teaching`.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from types import TracebackType
from typing import Any

from cnncourse.grading.course import Course
from cnncourse.grading.gradebook import Synchronisation, open_gradebook
from cnncourse.grading.source import Assignment, SourceNotebook

NO_RESPONSE = "No response."  # nbgrader's words


@dataclass(frozen=True)
class CellRecord:
    """What the gradebook keeps of one cell: points by the checks (None: a person decides), and whether it is empty."""

    grade_id: str
    auto_score: float | None = None
    unanswered: bool = False


@dataclass(frozen=True)
class CellState:
    """What the gradebook says of one cell after both checks and people."""

    score: float
    max_score: float
    needs_manual_grade: bool
    comment: str = ""


@dataclass
class Recorded:
    """The state of a submission in the gradebook; cells by (notebook, grade_id), penalties by notebook."""

    cells: dict[tuple[str, str], CellState] = field(default_factory=dict)
    penalties: dict[str, float] = field(default_factory=dict)

    @property
    def score(self) -> float:
        """Points before penalties."""
        return sum(cell.score for cell in self.cells.values())

    @property
    def max_score(self) -> float:
        """Points that could be earned."""
        return sum(cell.max_score for cell in self.cells.values())

    @property
    def penalty(self) -> float:
        """Points taken off for being late."""
        return sum(self.penalties.values())

    @property
    def needs_manual_grade(self) -> bool:
        """Whether a person still has to look."""
        return any(cell.needs_manual_grade for cell in self.cells.values())


@dataclass
class _Cells:
    """Ids of an assignment's cells in the gradebook, by notebook and grade_id."""

    notebooks: dict[str, str] = field(default_factory=dict)
    graded: dict[tuple[str, str], str] = field(default_factory=dict)
    commented: dict[tuple[str, str], str] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)  # of cells by id


class Recorder:
    """nbgrader's gradebook, opened once. Use it as a context manager.

    Raises
    ------
    OSError
        If the database cannot be opened; the message names its URL without the password.
    """

    def __init__(self, course: Course) -> None:
        self.course = course
        self.gradebook = open_gradebook(course)
        self.session = self.gradebook.db
        self._cells: dict[str, _Cells] = {}

    def __enter__(self) -> Recorder:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Give the connection back."""
        self.gradebook.close()

    # the assignment

    def sync(self, assignment: Assignment, complete: bool = True) -> list[str]:
        """Make the gradebook's assignment equal to the instructor's notebooks; see `cnncourse.grading.gradebook`."""
        changes = Synchronisation(self.session, self.course.course_id).run(assignment, complete)
        self._cells.pop(assignment.name, None)
        return changes

    def _assignment(self, name: str) -> Any:
        from nbgrader import api

        return self.session.query(api.Assignment).filter(api.Assignment.name == name).one_or_none()

    # submissions

    def enrol(self, assignment: Assignment, student: str, timestamp: datetime | None = None) -> None:
        """Make sure that student and submission stand in the gradebook, as nbgrader's steps expect."""
        submission = self._submission(assignment, student)
        if timestamp is not None:
            submission.timestamp = timestamp
        self.session.commit()

    def record(
        self,
        assignment: Assignment,
        student: str,
        cells: Mapping[str, Sequence[CellRecord]],
        timestamp: datetime | None = None,
        unchanged: Collection[tuple[str, str]] = (),
    ) -> Recorded:
        """Record one submission, all of it or nothing.

        Parameters
        ----------
        assignment, student
            Whose submission of what.
        cells
            For each notebook the records of its cells; a notebook that is left out was not handed in and earns 0.
        timestamp
            When it was handed in, in UTC.
        unchanged
            Cells as (notebook, grade_id) whose answer is what it was; a manual grade of any other needs a new look.
        """
        try:
            recorded = self._record(assignment, student, cells, timestamp, unchanged)
            self.session.commit()
        except BaseException:
            self.session.rollback()
            raise
        self.session.expunge_all()
        return recorded

    def _record(
        self,
        assignment: Assignment,
        student: str,
        cells: Mapping[str, Sequence[CellRecord]],
        timestamp: datetime | None,
        unchanged: Collection[tuple[str, str]],
    ) -> Recorded:
        from nbgrader import api

        known = self._known_cells(assignment.name)
        submission = self._submission(assignment, student)
        if timestamp is not None and submission.timestamp != timestamp:
            submission.timestamp = timestamp
        late = submission.total_seconds_late
        rows = {row.notebook_id: row for row in self._all(api.SubmittedNotebook, assignment_id=submission.id)}
        state = Recorded()
        for notebook in assignment.notebooks:
            submitted = rows[known.notebooks[notebook.name]]
            self._record_notebook(assignment.name, notebook, submitted.id, cells.get(notebook.name), unchanged, state)
            mine = [cell for (name, _), cell in state.cells.items() if name == notebook.name]
            score, maximum = sum(cell.score for cell in mine), sum(cell.max_score for cell in mine)
            penalty = self.penalty(student, score, maximum, late) or None
            if submitted.late_submission_penalty != penalty:
                submitted.late_submission_penalty = penalty
            state.penalties[notebook.name] = penalty or 0.0
        return state

    def _record_notebook(
        self,
        assignment: str,
        notebook: SourceNotebook,
        submitted_id: str,
        records: Sequence[CellRecord] | None,
        unchanged: Collection[tuple[str, str]],
        state: Recorded,
    ) -> None:
        from nbgrader import api

        names = self._known_cells(assignment).names
        grades = {names[grade.cell_id]: grade for grade in self._all(api.Grade, notebook_id=submitted_id)}
        comments = {names[comment.cell_id]: comment for comment in self._all(api.Comment, notebook_id=submitted_id)}
        by_name = {record.grade_id: record for record in records or ()}
        for cell in notebook.cells:
            nothing = CellRecord(cell.grade_id, 0.0, True) if records is None else CellRecord(cell.grade_id)
            record = by_name.get(cell.grade_id, nothing)
            comment = comments.get(cell.grade_id)
            if comment is not None:
                words = NO_RESPONSE if record.unanswered and not cell.task else None
                if comment.auto_comment != words:
                    comment.auto_comment = words
            grade = grades.get(cell.grade_id)
            if grade is not None:
                is_new = (notebook.name, cell.grade_id) not in unchanged
                _write_grade(grade, record, is_new, missing=records is None)
                state.cells[notebook.name, cell.grade_id] = _state(grade, comment, cell.points)

    def read(self, assignment: str, student: str) -> Recorded:
        """What the gradebook says of a submission now.

        Raises
        ------
        KeyError
            If nothing was recorded of it.
        """
        from nbgrader.api import MissingEntry

        try:
            submission = self.gradebook.find_submission(assignment, student)
        except MissingEntry as error:
            raise KeyError(f"nothing is recorded of {assignment!r} by {student!r}") from error
        state = Recorded()
        for submitted in submission.notebooks:
            comments = {comment.cell.name: comment for comment in submitted.comments}
            for grade in submitted.grades:
                name = grade.cell.name
                state.cells[submitted.name, name] = _state(grade, comments.get(name), grade.cell.max_score)
            for name, comment in comments.items():
                if comment.comment and (submitted.name, name) not in state.cells:
                    state.cells[submitted.name, name] = CellState(0.0, 0.0, False, comment.comment)
            state.penalties[submitted.name] = submitted.late_submission_penalty or 0.0
        self.session.expunge_all()
        return state

    def seconds_late(self, assignment: str, student: str, moments: Sequence[datetime | None]) -> list[float]:
        """How late submissions at these moments are, with the student's extension; 0 without a due date."""
        from nbgrader import api

        entry = self._assignment(assignment)
        found = self._all(api.SubmittedAssignment, assignment_id=entry.id, student_id=student)
        due = found[0].duedate if found and entry.duedate else entry.duedate
        return [max(0.0, (m - due).total_seconds()) if m is not None and due is not None else 0.0 for m in moments]

    def penalty(self, student: str, score: float, maximum: float, seconds_late: float) -> float:
        """Points that a score loses, by the course's policy or by the plugin that nbgrader is configured with."""
        if seconds_late <= 0:
            return 0.0
        if self.course.late is not None:
            return self.course.late.penalty(max(0.0, score), maximum, seconds_late)
        from nbgrader.preprocessors import AssignLatePenalties

        step = AssignLatePenalties(config=self.course.config)
        step.init_plugin()
        return max(0.0, min(score, float(step.plugin_inst.late_submission_penalty(student, score, seconds_late) or 0)))

    def _submission(self, assignment: Assignment, student: str) -> Any:
        from nbgrader import api

        entry = self._assignment(assignment.name)
        found = self._all(api.SubmittedAssignment, assignment_id=entry.id, student_id=student)
        if found:
            return found[0]
        if self.session.get(api.Student, student) is None:
            self.session.add(api.Student(id=student))
            self.session.flush()
        submission = api.SubmittedAssignment(assignment_id=entry.id, student_id=student)
        self.session.add(submission)
        self.session.flush()
        known = self._known_cells(assignment.name)
        for name, notebook_id in known.notebooks.items():
            submitted = api.SubmittedNotebook(notebook_id=notebook_id, assignment_id=submission.id)
            self.session.add(submitted)
            self.session.flush()
            for (notebook, _), cell_id in known.graded.items():
                if notebook == name:
                    self.session.add(api.Grade(cell_id=cell_id, notebook_id=submitted.id))
            for (notebook, _), cell_id in known.commented.items():
                if notebook == name:
                    self.session.add(api.Comment(cell_id=cell_id, notebook_id=submitted.id))
        self.session.flush()
        return submission

    def _all(self, table: Any, **filters: str) -> list[Any]:
        return list(self.session.query(table).filter_by(**filters))

    def _known_cells(self, assignment: str) -> _Cells:
        if assignment not in self._cells:
            known = _Cells()
            for notebook in self._assignment(assignment).notebooks:
                known.notebooks[notebook.name] = notebook.id
                for cell in notebook._base_cells:
                    kind = type(cell).__name__
                    known.names[cell.id] = cell.name
                    if kind in ("GradeCell", "TaskCell"):
                        known.graded[notebook.name, cell.name] = cell.id
                    if kind in ("SolutionCell", "TaskCell"):
                        known.commented[notebook.name, cell.name] = cell.id
            self._cells[assignment] = known
        return self._cells[assignment]


def _write_grade(grade: Any, record: CellRecord, is_new: bool, missing: bool) -> None:
    """As nbgrader's SaveAutoGrades does, but what was reviewed and did not change stays reviewed."""
    automatic = record.auto_score if not record.unanswered or record.auto_score is not None else 0.0
    changed = grade.auto_score != automatic
    if changed:
        grade.auto_score = automatic
    if missing:
        needs = False
    elif automatic is None or grade.manual_score is not None:
        needs = True if (is_new or changed) else bool(grade.needs_manual_grade)
    else:
        needs = False
    if grade.needs_manual_grade is None or bool(grade.needs_manual_grade) != needs:
        grade.needs_manual_grade = needs


def _state(grade: Any, comment: Any, points: float) -> CellState:
    """Nbgrader's rules: what a person gave wins, extra credit comes on top."""
    base = grade.manual_score if grade.manual_score is not None else grade.auto_score
    words = (comment.manual_comment or comment.auto_comment or "") if comment is not None else ""
    score = float(base or 0.0) + float(grade.extra_credit or 0.0)
    return CellState(score, float(points), bool(grade.needs_manual_grade), words)
