"""A small course in a temporary folder, for the tests of the class pipeline."""

import json
from functools import cache, cached_property
from pathlib import Path
from tempfile import TemporaryDirectory

from cnncourse.grading.job import CellOutcome, Job, Outcome
from cnncourse.grading.rehearsal import rehearse

CONFIG = """
c = get_config()
c.CourseDirectory.course_id = "small"
c.CourseDirectory.source_directory = "solutions"
c.CourseDirectory.release_directory = "exercises"
from cnncourse.grading.nbgrader_seam import configure
configure(c{settings})
"""

ADD = "def add(a, b):\n    ### BEGIN SOLUTION\n    return a + b\n    ### END SOLUTION"
MEAN = "def mean(values):\n    ### BEGIN SOLUTION\n    return sum(values) / len(values)\n    ### END SOLUTION"
ADD_CHECK = """# Task 1: adding
assert add(1, 2) == 3, "add(1, 2) is not 3"
### BEGIN HIDDEN TESTS
# hidden: other numbers
assert add(-7, 3) == -4, "a secret message"
### END HIDDEN TESTS"""
MEAN_CHECK = """# Task 2: the mean
assert mean([1, 2, 3]) == 2, "mean([1, 2, 3]) is not 2"
### BEGIN HIDDEN TESTS
# hidden: one value
assert mean([5]) == 5, "a secret message"
### END HIDDEN TESTS"""


def code(name, source, *, grade=False, solution=False, locked=False, points=None):
    """A code cell; without any flag it carries no mark of nbgrader."""
    return _cell("code", name, source, grade=grade, solution=solution, locked=locked, points=points)


def text(name, source, *, grade=False, solution=False, locked=False, points=None):
    """A text cell."""
    return _cell("markdown", name, source, grade=grade, solution=solution, locked=locked, points=points)


def _cell(cell_type, name, source, points, **flags):
    metadata = {}
    if any(flags.values()):
        metadata = {"nbgrader": {"schema_version": 3, "grade_id": name, "task": False, "cell_type": cell_type, **flags}}
        metadata["nbgrader"]["locked"] = flags["locked"] or (flags["grade"] and not flags["solution"])
        if points is not None:
            metadata["nbgrader"]["points"] = points
    cell = {"id": name, "cell_type": cell_type, "metadata": metadata, "source": source}
    return cell | ({"outputs": [], "execution_count": None} if cell_type == "code" else {})


def standard_cells():
    """Two tasks with hidden tests and one question for a person: 2 + 3 + 4 points."""
    return [
        text("welcome", "# Small numbers", locked=True),
        code("setup", "import math"),
        code("add", ADD, solution=True),
        code("add-check", ADD_CHECK, grade=True, points=2),
        code("mean", MEAN, solution=True),
        code("mean-check", MEAN_CHECK, grade=True, points=3),
        text("why", "### BEGIN SOLUTION\nBecause.\n### END SOLUTION", grade=True, solution=True, points=4),
    ]


def notebook(cells):
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    return {"cells": cells, "metadata": {"kernelspec": kernel}, "nbformat": 4, "nbformat_minor": 5}


def write(path, content):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    return path


@cache
def empty_gradebook():
    """A gradebook with nobody in it, as bytes."""
    from cnncourse.grading.course import read_course
    from cnncourse.grading.recorder import Recorder

    with TemporaryDirectory() as folder:
        Recorder(read_course(folder)).close()
        return (Path(folder) / "gradebook.db").read_bytes()


class SmallCourse:
    """A course directory with one assignment `ps1`."""

    def __init__(self, root, cells=None, settings="", db=None):
        self.root, self.db = Path(root), db
        write(self.root / "nbgrader_config.py", CONFIG.format(settings=settings and ", " + settings))
        (self.root / "gradebook.db").write_bytes(empty_gradebook())  # saves most of the time of a small run
        self.set_source(cells or standard_cells())

    def set_source(self, cells, name="ps1"):
        write(self.root / "solutions" / "ps1" / f"{name}.ipynb", notebook(cells))

    @cached_property
    def course(self):
        from cnncourse.grading.course import read_course

        return read_course(self.root, self.db)

    def release(self):
        """What students get, as a notebook."""
        from nbformat import from_dict
        from nbgrader.utils import compute_checksum

        from cnncourse.grading.source import read_source

        released = read_source(self.root / "solutions" / "ps1" / "ps1.ipynb").cells
        cells = json.loads((self.root / "solutions" / "ps1" / "ps1.ipynb").read_text())["cells"]
        for cell, given in zip(cells, released, strict=True):
            cell["source"] = given.released
            if cell["metadata"]:
                cell["metadata"]["nbgrader"]["checksum"] = compute_checksum(from_dict(cell))
        return notebook(cells)

    def answered(self, **answers):
        """The release with answers put in, by grade_id; None leaves a cell as it is."""
        filled = self.release()
        for cell in filled["cells"]:
            cell["source"] = answers.get(cell["id"].replace("-", "_"), cell["source"])
        return filled

    def right(self, **answers):
        """A full answer."""
        right = {"add": "def add(a, b):\n    return a + b", "mean": "def mean(v):\n    return sum(v) / len(v)"}
        return self.answered(**{**right, "why": "I think so.", **answers})

    def folder(self, student):
        path = self.root / "submitted" / student / "ps1"
        path.mkdir(parents=True, exist_ok=True)
        return path

    def submit(self, student, content=None, name="ps1.ipynb", timestamp=None):
        if timestamp:
            write(self.folder(student) / "timestamp.txt", timestamp)
        return write(self.folder(student) / name, self.right() if content is None else content)

    def grade(self, backend=None, **options):
        from cnncourse.grading.classroom import Options, grade_class

        return grade_class(self.course, "ps1", (backend or Rehearsal)(), Options(progress=False, **options))

    def autograded(self, student):
        return json.loads((self.root / "autograded" / student / "ps1" / "ps1.ipynb").read_text())

    def feedback(self, student):
        return (self.root / "feedback" / student / "ps1" / "ps1.html").read_text()


class Rehearsal:
    """Stands in for the engine where a test is not about it: one job at a time, in this process."""

    workers = 1

    def __init__(self):
        self.graded = []

    def grade(self, job: Job) -> Outcome:
        self.graded.append(job.student)
        return rehearse(job)

    def close(self):
        pass


class Broken(Rehearsal):
    """An engine that cannot grade one of the students."""

    def grade(self, job):
        if job.student == "unlucky":
            raise OSError("no more processes")
        return super().grade(job)


class Crashing(Rehearsal):
    """An engine whose answers all crash."""

    def grade(self, job):
        cells = [CellOutcome(c.grade_id, "crashed", 0.0, c.points, "the process ended", "answer") for c in job.cells]
        return Outcome(tuple(cells), "test", 0.0)


def line_of(summary, student):
    return next(line for line in summary.lines if line.student == student)


def grades(root_or_url):
    """All that the gradebook says, without its random ids, for comparison."""
    from sqlalchemy import create_engine, text

    from cnncourse.grading.course import with_driver

    url = str(root_or_url)
    engine = create_engine(with_driver(url) if "://" in url else f"sqlite:///{url}/gradebook.db")
    query = """
      select a.name, s.student_id, s.timestamp, n.name, sn.late_submission_penalty, b.name, b.type, g.auto_score,
        g.manual_score, g.needs_manual_grade
      from grade g join submitted_notebook sn on g.notebook_id = sn.id join notebook n on n.id = sn.notebook_id
      join submitted_assignment s on s.id = sn.assignment_id join assignment a on a.id = s.assignment_id
      join base_cell b on b.id = g.cell_id"""
    comments = """
      select s.student_id, n.name, b.name, c.auto_comment, c.manual_comment
      from comment c join submitted_notebook sn on c.notebook_id = sn.id join notebook n on n.id = sn.notebook_id
      join submitted_assignment s on s.id = sn.assignment_id join base_cell b on b.id = c.cell_id"""
    with engine.connect() as connection:
        rows = [tuple(row) for statement in (query, comments) for row in connection.execute(text(statement))]
    engine.dispose()
    return sorted(rows, key=repr)
