"""Grades as CSV files that learning-management systems import: Canvas, Moodle, Gradescope-like, and a plain table.

score = points − penalty, never below 0. Chapter: `teaching`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from cnncourse.grading.course import Course
from cnncourse.grading.recorder import Recorder
from cnncourse.grading.summary import csv_text


@dataclass(frozen=True)
class Row:
    """What is exported of one student; without a submission the score is None."""

    student: str
    first_name: str
    last_name: str
    email: str
    lms_id: str
    points: float | None
    penalty: float
    max_score: float
    timestamp: datetime | None
    seconds_late: float
    needs_manual_grade: bool
    cells: tuple[tuple[str, float, float], ...]
    comments: tuple[str, ...]

    @property
    def score(self) -> float | None:
        """Points after the penalty."""
        return None if self.points is None else max(0.0, self.points - self.penalty)

    @property
    def name(self) -> str:
        """Last name, first name; the id of a student whose name nobody entered."""
        return ", ".join(filter(None, (self.last_name, self.first_name))) or self.student


def export_grades(course: Course, assignment: str, to: str = "plain") -> str:
    """The grades of an assignment as the text of a CSV file.

    Raises
    ------
    ValueError
        If the format is unknown.
    KeyError
        If the gradebook has no such assignment.
    """
    if to not in FORMATS:
        raise ValueError(f"there is no format {to!r}; choose one of {', '.join(FORMATS)}")
    return FORMATS[to](assignment, collect(course, assignment))


def collect(course: Course, assignment: str) -> list[Row]:
    """One row per student of the gradebook, sorted by id."""
    from nbgrader.api import MissingEntry

    with Recorder(course) as recorder:
        gradebook = recorder.gradebook
        try:
            entry = gradebook.find_assignment(assignment)
        except MissingEntry as error:
            known = ", ".join(sorted(a.name for a in gradebook.assignments)) or "none"
            raise KeyError(f"the gradebook has no assignment {assignment!r}; it has: {known}") from error
        submissions = {submission.student_id: submission for submission in entry.submissions}
        students = sorted(gradebook.students, key=lambda student: student.id)
        return [_row(student, submissions.get(student.id), float(entry.max_score)) for student in students]


def canvas(assignment: str, rows: list[Row]) -> str:
    """Canvas: its Gradebook → Import takes this; the second line holds the points possible."""
    head = ["Student", "ID", "SIS User ID", "SIS Login ID", "Section", assignment]
    possible = ["    Points Possible", "", "", "", "", _maximum(rows)]
    lines = [[row.name, row.lms_id, row.student, row.email or row.student, "", _cell(row.score)] for row in rows]
    return csv_text(head, [possible, *lines])


def moodle(assignment: str, rows: list[Row]) -> str:
    """Moodle: Grades → Import → CSV; map "ID number" to the user and the third column to the grade item."""
    head = ["ID number", "Email address", assignment, f"{assignment} (feedback)"]
    return csv_text(head, [[row.student, row.email, _cell(row.score), " ".join(row.comments)] for row in rows])


def gradescope(_: str, rows: list[Row]) -> str:
    """The columns of Gradescope's own export: a column per question."""
    questions = list(dict.fromkeys((name, most) for row in rows for name, _, most in row.cells))
    head = ["Name", "SID", "Email", "Total Score", "Max Points", "Status", "Submission Time", "Lateness (H:M:S)"]
    head += [f"{name} ({most:g} pts)" for name, most in questions]
    lines = []
    for row in rows:
        points = {name: score for name, score, _ in row.cells}
        status = "Missing" if row.points is None else "Ungraded" if row.needs_manual_grade else "Graded"
        lines.append(
            [row.name, row.student, row.email, _cell(row.score), row.max_score, status]
            + [_moment(row.timestamp), _duration(row.seconds_late)]
            + [points.get(name, "") for name, _ in questions]
        )
    return csv_text(head, lines)


def plain(assignment: str, rows: list[Row]) -> str:
    """A plain table with everything that decides a grade."""
    head = ["assignment", "student", "last_name", "first_name", "email", "points", "penalty", "score", "max_score"]
    head += ["submitted", "needs_manual_grade"]
    lines = []
    for row in rows:
        who = [assignment, row.student, row.last_name, row.first_name, row.email]
        grade = [_cell(row.points), row.penalty, _cell(row.score), row.max_score]
        lines.append([*who, *grade, _moment(row.timestamp), row.needs_manual_grade])
    return csv_text(head, lines)


FORMATS: dict[str, Callable[[str, list[Row]], str]] = {
    "canvas": canvas,
    "moodle": moodle,
    "gradescope": gradescope,
    "plain": plain,
}


def _row(student: object, submission: object, max_score: float) -> Row:
    who = {
        name: str(getattr(student, name) or "") for name in ("id", "first_name", "last_name", "email", "lms_user_id")
    }
    cells: list[tuple[str, float, float]] = []
    comments: list[str] = []
    for notebook in sorted(getattr(submission, "notebooks", ()), key=lambda notebook: notebook.name):
        grades = sorted(notebook.grades, key=lambda grade: grade.cell.name)
        cells += [(grade.cell.name, float(grade.score), float(grade.cell.max_score)) for grade in grades]
        comments += [comment.comment for comment in notebook.comments if comment.comment]
    return Row(
        student=who["id"],
        first_name=who["first_name"],
        last_name=who["last_name"],
        email=who["email"],
        lms_id=who["lms_user_id"],
        points=float(submission.score) if submission is not None else None,  # type: ignore[attr-defined]
        penalty=float(getattr(submission, "late_submission_penalty", 0.0) or 0.0),
        max_score=max_score,
        timestamp=getattr(submission, "timestamp", None),
        seconds_late=float(getattr(submission, "total_seconds_late", 0.0)),
        needs_manual_grade=bool(getattr(submission, "needs_manual_grade", False)),
        cells=tuple(cells),
        comments=tuple(comments),
    )


def _maximum(rows: list[Row]) -> float:
    return max((row.max_score for row in rows), default=0.0)


def _cell(value: float | None) -> float | str:
    return "" if value is None else round(value, 4)


def _moment(moment: datetime | None) -> str:
    return "" if moment is None else moment.replace(tzinfo=UTC).strftime("%Y-%m-%d %H:%M:%S %z")


def _duration(seconds: float) -> str:
    whole = int(seconds)
    return f"{whole // 3600:02d}:{whole // 60 % 60:02d}:{whole % 60:02d}"
