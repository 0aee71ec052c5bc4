"""What makes nbgrader's own commands safe: `configure(c)` in `nbgrader_config.py` puts these in the open places.

`nbgrader autograde`, `generate_assignment` and `generate_feedback` then go through ours. Chapter: `teaching`.
"""

from __future__ import annotations

import atexit
import os
from functools import lru_cache
from pathlib import Path
from typing import Any

from nbconvert.exporters import Exporter, NotebookExporter
from nbconvert.preprocessors import ClearMetadataPreprocessor
from nbgrader import preprocessors as steps
from nbgrader.converters import Autograde
from nbgrader.converters.base import NbGraderException
from nbgrader.plugins import LateSubmissionPlugin

from cnncourse.grading.backends import start_engine
from cnncourse.grading.course import OUR_SECTION, Course, from_nbgrader, with_driver
from cnncourse.grading.files import ResultStore, only_run, write_whole
from cnncourse.grading.formgrader import show_text_only
from cnncourse.grading.intake import find_submissions
from cnncourse.grading.job import Job, Outcome
from cnncourse.grading.jobs import OUR_METADATA
from cnncourse.grading.marking import Marked, mark
from cnncourse.grading.recorder import Recorder
from cnncourse.grading.regrading import key_of, read_document
from cnncourse.grading.report import feedback_page
from cnncourse.grading.source import Assignment, load_assignment, recorded_notebook


def configure(c: Any, **settings: Any) -> None:
    """Make nbgrader grade with this course's engine.

    Parameters
    ----------
    c
        The configuration object of `nbgrader_config.py`.
    **settings
        ``limits`` (`cnncourse.grading.job.Limits`), ``late`` and ``attempts`` (`cnncourse.grading.policies`),
        ``allow_unsafe``, ``confinement``.

    Raises
    ------
    TypeError
        If there is no such setting.
    """
    known = {"limits", "late", "attempts", "allow_unsafe", "confinement"}
    if unknown := set(settings) - known:
        raise TypeError(f"unknown setting {', '.join(sorted(unknown))}; known are {', '.join(sorted(known))}")
    for name, value in settings.items():
        c[OUR_SECTION][name] = value
    if "db_url" in c.CourseDirectory:
        c.CourseDirectory.db_url = with_driver(c.CourseDirectory.db_url)
    c.Autograde.exporter_class = RepairingExporter
    c.Autograde.autograde_preprocessors = [
        SafeExecute,
        steps.IgnorePattern,
        ClearMetadataPreprocessor,
        steps.LimitOutput,
        steps.SaveAutoGrades,
        steps.AssignLatePenalties,
        steps.CheckCellMetadata,
    ]
    c.GenerateAssignment.preprocessors = _with_our_cells()
    c.GenerateFeedback.exporter_class = FeedbackExporter
    c.GenerateFeedback.preprocessors = []
    c.AssignLatePenalties.plugin_class = CourseLatePenalties
    show_text_only(c)
    _install()


class SafeAutograde(Autograde):
    """`nbgrader autograde` with our intake: it finds every submission, copies nothing dangerous, and resumes."""

    def init_notebooks(self) -> None:
        """Find all submissions, also misnamed ones."""
        course, assignment = _course(self), self._assignment()
        found, remarks = find_submissions(course, assignment.name, self.coursedir.student_id)
        for remark in remarks:
            self.log.warning("%s", remark)
        if not found:
            super().init_notebooks()  # says in nbgrader's words that there is nothing
            return
        names = [notebook.name for notebook in assignment.notebooks]
        self._found = {submission.student: submission for submission in found}
        self.assignments = {}
        for student in self._found:
            folder = course.folder("submitted", student, assignment.name)
            self.assignments[str(folder)] = [str(folder / f"{name}.ipynb") for name in names]

    def convert_notebooks(self) -> None:
        """Grade, unless another run of ours or nbgrader's does."""
        lock = _course(self).work_folder(self.coursedir.assignment_id) / ".lock"
        try:
            with only_run(lock):
                super().convert_notebooks()
        except RuntimeError as error:
            self.log.error("%s", error)
            raise NbGraderException(str(error)) from error

    def init_destination(self, assignment_id: str, student_id: str) -> bool:
        """Whether the submission is to be graded: always, unless exactly this was graded to the end before."""
        if student_id in (self.coursedir.student_id_exclude or "").split(","):
            return False
        course, assignment = _course(self), self._assignment()
        store = None if self.force else ResultStore(course.work_folder(assignment_id) / "results")
        self._marked = mark(self._found[student_id], assignment, course, _grade_with(course), store)
        folder = course.folder("autograded", student_id, assignment_id)
        done = [_finished(folder / f"{name}.ipynb", nb.key) for name, nb in self._marked.notebooks.items()]
        if all(done) and not self.force:
            self.log.info("Skipping, unchanged since it was graded: %s", folder)
            return False
        _remove(folder)
        return True

    def init_assignment(self, assignment_id: str, student_id: str) -> None:
        """Enter student and submission into the gradebook, and copy the plain files."""
        course, assignment, marked = _course(self), self._assignment(), self._marked
        for words in (*marked.submission.remarks, *marked.submission.unreadable.values()):
            self.log.warning("%s: %s", student_id, words)
        with Recorder(course) as recorder:
            for change in recorder.sync(assignment):
                self.log.warning("The gradebook followed the source: %s", change)
            self._check_student(recorder, student_id)
            recorder.enrol(assignment, student_id, marked.timestamp)
            if marked.submission.unreadable:
                readable = marked.submission.notebooks
                records = {name: nb.records for name, nb in marked.notebooks.items() if name in readable}
                recorder.record(assignment, student_id, records, marked.timestamp)
        folder = course.folder("autograded", student_id, assignment_id)
        for path, content in (*assignment.files, *marked.submission.files):
            write_whole(folder / path, content)
        if marked.submission.timestamp:
            write_whole(folder / "timestamp.txt", marked.submission.timestamp)

    def _check_student(self, recorder: Recorder, student_id: str) -> None:
        if not self.create_student and student_id not in {student.id for student in recorder.gradebook.students}:
            raise NbGraderException(f"No student with ID '{student_id}' exists in the database")

    def _assignment(self) -> Assignment:
        try:
            return _assignment(_course(self), self.coursedir.assignment_id)
        except (FileNotFoundError, ValueError) as error:
            self.log.error("%s", error)
            raise NbGraderException(str(error)) from error


class RepairingExporter(NotebookExporter):
    """Reads a submitted notebook through intake and repair; a graded one as it is."""

    def from_filename(self, filename: str, resources: Any = None, **options: Any) -> tuple[str, Any]:
        """Export the notebook at a path of the submitted or the autograded folder."""
        who = (resources or {}).get("nbgrader", {})
        converter = self.parent
        if not who or Path(filename).parent != _submitted(_course(converter), who):
            return super().from_filename(filename, resources, **options)  # type: ignore[no-any-return]
        marked = _marked(converter, who["student"], who["assignment"])
        document = _as_node(marked.notebooks[who["notebook"]].document)
        document.metadata[OUR_METADATA].pop("key")  # that says "recorded", and is written with the second pass
        return self.from_notebook_node(document, resources, **options)  # type: ignore[no-any-return]


class SafeExecute(steps.NbGraderPreprocessor):
    """In place of nbgrader's Execute: the outputs come from the engine, and so do the points that they tell."""

    def preprocess(self, nb: Any, resources: Any) -> tuple[Any, Any]:
        """Replace the notebook's cells by the graded ones."""
        who = resources["nbgrader"]
        marked = _marked(self.parent.parent, who["student"], who["assignment"])
        document = _as_node(marked.notebooks[who["notebook"]].document)
        nb.cells = document.cells
        nb.metadata.update(document.metadata)
        return nb, resources


class SynchroniseCells(steps.SaveCells):
    """In place of nbgrader's SaveCells: a released assignment may gain, lose and change tests."""

    def preprocess(self, nb: Any, resources: Any) -> tuple[Any, Any]:
        """Bring the gradebook up to date with the notebook."""
        who = resources["nbgrader"]
        course = _course(self.parent.parent, who["db_url"])
        notebook = recorded_notebook(who["notebook"], nb)
        with Recorder(course) as recorder:
            for change in recorder.sync(Assignment(who["assignment"], (notebook,)), complete=False):
                self.log.info("%s", change)
        return nb, resources


class FeedbackExporter(Exporter):
    """`nbgrader generate_feedback` writes our page, which has neither hidden tests nor a student's HTML."""

    file_extension = ".html"

    def from_filename(self, filename: str, resources: Any = None, **_: Any) -> tuple[str, Any]:
        """The feedback page for the graded notebook at a path."""
        who = (resources or {})["nbgrader"]
        document = read_document(Path(filename))
        if document is None:
            raise NbGraderException(f"{filename} is not a graded notebook; run nbgrader autograde first")
        with Recorder(_course(self.parent, who["db_url"])) as recorder:
            recorded = recorder.read(who["assignment"], who["student"])
        page = feedback_page(who["assignment"], who["student"], who["notebook"], document, recorded)
        return page, {**resources, "output_extension": self.file_extension}


class CourseLatePenalties(LateSubmissionPlugin):
    """The course's `LatePolicy`; without one, nbgrader's own ``penalty_method``."""

    def late_submission_penalty(self, student_id: str, score: float, total_seconds_late: float) -> float | None:
        """Points to take off."""
        policy = self.config.get(OUR_SECTION, {}).get("late")
        if policy is None:
            penalty: float | None = super().late_submission_penalty(student_id, score, total_seconds_late)
            return penalty
        step = self.parent
        maximum = score
        if getattr(step, "gradebook", None) is not None:
            submitted = step.gradebook.find_submission_notebook(step.notebook_id, step.assignment_id, student_id)
            maximum = submitted.max_score
        return float(policy.penalty(max(0.0, score), maximum, total_seconds_late))


def _with_our_cells() -> list[Any]:
    from nbgrader.converters import GenerateAssignment

    defaults = GenerateAssignment.preprocessors.default_args[0]
    return [SynchroniseCells if step is steps.SaveCells else step for step in defaults]


def _install() -> None:
    """Nbgrader creates its Autograde converter by name in two modules; both get ours."""
    import nbgrader.apps.api
    import nbgrader.apps.autogradeapp

    nbgrader.apps.api.Autograde = SafeAutograde
    nbgrader.apps.autogradeapp.Autograde = SafeAutograde


def _course(converter: Any, db_url: str | None = None) -> Course:
    return from_nbgrader(converter.coursedir, converter.config, db_url)


def _assignment(course: Course, name: str) -> Assignment:
    """The assignment, read again only after one of its files changed."""
    folder = course.folder("source", ".", name)
    stamps = tuple((path, path.stat().st_mtime_ns) for path in sorted(folder.rglob("*"))) if folder.is_dir() else ()
    key = (str(course.root), name, stamps)
    if _loaded.get("key") != key:
        _loaded.update(key=key, assignment=load_assignment(course, name))
    assignment: Assignment = _loaded["assignment"]
    return assignment


_loaded: dict[str, Any] = {}


def _marked(converter: Any, student: str, assignment_id: str) -> Marked:
    """The graded submission: what our converter has at hand, or graded now for nbgrader's own."""
    marked: Marked | None = getattr(converter, "_marked", None)
    if marked is not None and marked.submission.student == student:
        return marked
    course = _course(converter)
    found, _ = find_submissions(course, assignment_id, student)
    store = ResultStore(course.work_folder(assignment_id) / "results")
    mine = [submission for submission in found if submission.student == student]
    return mark(mine[0], _assignment(course, assignment_id), course, _grade_with(course), store)


def _grade_with(course: Course) -> Any:
    ours = course.config.get(OUR_SECTION, {})

    def grade(job: Job) -> Outcome:
        engine = _engine(os.getpid(), bool(ours.get("allow_unsafe", False)), ours.get("confinement"))
        outcome: Outcome = engine.grade(job)
        return outcome

    return grade


@lru_cache(maxsize=4)
def _engine(_process: int, allow_unsafe: bool, confinement: str | None) -> Any:
    """One engine for the life of this process."""
    engine = start_engine({"allow_unsafe": allow_unsafe, "confinement": confinement})
    atexit.register(engine.close)
    return engine


def _submitted(course: Course, who: Any) -> Path:
    return course.folder("submitted", who["student"], who["assignment"])


def _finished(path: Path, key: str) -> bool:
    """Whether nbgrader's second pass, which records the points, wrote this notebook for this key."""
    return key_of(read_document(path)) == key


def _as_node(document: dict[str, Any]) -> Any:
    import nbformat

    return nbformat.from_dict(document)


def _remove(folder: Path) -> None:
    import shutil

    if folder.exists():
        shutil.rmtree(folder)
