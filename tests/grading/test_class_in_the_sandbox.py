"""A class of honest and of malicious students, through the whole pipeline with the real engine."""

import pytest
from grading.classes import SmallCourse, code, grades, line_of, standard_cells

from cnncourse.grading.backends import LocalBackend

MEAN = "def mean(values):\n    return sum(values) / len(values)"
LIMITS = "limits=__import__('cnncourse.grading.job', fromlist=['x']).Limits(cell_seconds=4, total_seconds=40)"

WARN = "warnings.warn('old'); sys.stderr.write('x')"

HONEST = {
    "plain": {},
    "warns": {"add": f"import sys, warnings\ndef add(a, b):\n    {WARN}\n    return a + b"},
    "magic": {"add": "%matplotlib inline\ndef add(a, b):\n    return a + b\nadd(1, 2)"},
    "prints": {"add": "def add(a, b):\n    print('<script>alert(1)</script>')\n    return a + b"},
    "partial": {"mean": "def mean(values):\n    return 7"},
    "crashes": {"add": "import os\nos._exit(0)"},
    "loops": {"add": "def add(a, b):\n    while True: pass"},
    "syntax": {"add": "def add(a, b:"},
    "imports": {"setup": "import math\nimport statistics", "mean": "def mean(v):\n    return statistics.mean(v)"},
}
POINTS = {"partial": 2, "crashes": 3, "loops": 3, "syntax": 3}
EQUAL = "class Equal:\n    def __eq__(self, other): return True\n    def __bool__(self): return True\n"
PATCH = "import builtins\nbuiltins.AssertionError = type('Never', (Exception,), {})\n"
HOSTILE = {
    "equals": {"add": EQUAL + "def add(a, b): return Equal()", "mean": "def mean(v): return Equal()"},
    "patches": {"add": PATCH + "def add(a, b): return 0"},
    "peeks": {
        "add": "import inspect\ndef add(a, b):\n    for frame in inspect.stack():\n        print(frame)\n    return 0",
        "mean": "import pathlib\n"
        "root = pathlib.Path('/')\nfound = [*root.glob('**/*.ipynb'), *root.glob('**/gradebook.db')]\n"
        "def mean(v):\n    return found",
    },
    "exits": {"add": "import atexit, sys\ndef add(a, b): sys.exit(0)", "mean": "def mean(v): raise SystemExit"},
    "renames": {"add": "def add(*a): return globals().get('answer', 3)", "mean": "mean = None"},
}


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    cells = standard_cells()
    partial = "# Task 3: some\nscore = 0.5 * (add(2, 2) == 4)\nscore += 0.5 * (mean([4]) == 4)\nscore"
    cells.insert(6, code("some", partial, grade=True, points=1))
    course = SmallCourse(tmp_path_factory.mktemp("sandbox"), cells, settings=LIMITS)
    for student, answers in {**HONEST, **HOSTILE}.items():
        course.submit(student, course.right(**answers))
    (course.folder("plain") / "notes.csv").write_text("1")
    return course


@pytest.fixture(scope="module")
def summary(course):
    backend = LocalBackend(2)
    try:
        return course.grade(lambda: backend)
    finally:
        backend.close()


def points(course, student):
    return {row[5]: row[7] for row in grades(course.root) if len(row) == 10 and row[1] == student}


@pytest.mark.parametrize("student", HONEST)
def test_honest_work_gets_its_points(course, summary, student):
    found = points(course, student)
    assert found["add-check"] + found["mean-check"] == POINTS.get(student, 5), line_of(summary, student)


def test_partial_credit_is_what_the_check_says(course, summary):
    assert points(course, "plain")["some"] == 1
    assert points(course, "partial")["some"] == 0.5


@pytest.mark.parametrize("student", HOSTILE)
def test_malice_earns_nothing(course, summary, student):
    found = points(course, student)
    assert found["add-check"] == 0
    assert found["mean-check"] == (3 if student == "patches" else 0)


def test_nobody_s_feedback_or_notebook_shows_what_is_hidden_or_alive(course, summary):
    for student in [*HONEST, *HOSTILE]:
        page = course.feedback(student)
        assert "a secret message" not in page
        assert "<script" not in page


def test_what_confined_the_code_is_recorded_with_each_grade(course, summary):
    for student in HONEST:
        record = course.autograded(student)["metadata"]["cnncourse"]
        assert record["confinement"] == line_of(summary, student).confinement
        assert record["confinement"].startswith(("namespaces", "landlock"))


def test_crashes_and_loops_are_told_in_the_report(summary):
    assert any("add" in note for note in line_of(summary, "crashes").notes)
    assert summary.failed == []
