"""Nbgrader's own commands with the course's settings: safe, repairing, resuming, and free to change tests."""

import json
import re

import pytest
from grading.classes import SmallCourse, code, grades, standard_cells
from traitlets.config import PyFileConfigLoader

from cnncourse.grading import nbgrader_seam
from cnncourse.grading.files import only_run
from cnncourse.grading.rehearsal import rehearse


@pytest.fixture
def small(tmp_path):
    return SmallCourse(tmp_path)


@pytest.fixture(autouse=True)
def rehearsed(monkeypatch):
    """Answers are graded in this process; what executes them has tests of its own."""
    graded = []

    class Engine:
        def grade(self, job):
            graded.append(job.student)
            return rehearse(job)

    monkeypatch.setattr(nbgrader_seam, "_engine", lambda *_: Engine())
    return graded


def run(course, converter, **settings):
    """What nbgrader's command does after it has read its configuration."""
    import nbgrader.apps.autogradeapp as app
    from nbgrader.converters import GenerateAssignment, GenerateFeedback
    from nbgrader.coursedir import CourseDirectory

    config = PyFileConfigLoader("nbgrader_config.py", path=str(course.root)).load_config()
    config.CourseDirectory.root = str(course.root)
    config.CourseDirectory.assignment_id = "ps1"
    for name, value in settings.items():
        config[converter][name] = value
    classes = {
        "Autograde": app.Autograde,
        "GenerateAssignment": GenerateAssignment,
        "GenerateFeedback": GenerateFeedback,
    }
    classes[converter](coursedir=CourseDirectory(config=config), config=config).start()


def scores(course):
    return {(row[1], row[5]): row[7] for row in grades(course.root) if len(row) == 10}


def test_autograde_equals_our_command(small, tmp_path_factory):
    other = SmallCourse(tmp_path_factory.mktemp("ours"))
    for course in (small, other):
        course.submit("ana")
        course.submit("bob", course.right(mean="def mean(values):\n    return 1"), timestamp="2026-01-02 03:04:05 UTC")
        course.submit("cem", course.answered())
        course.submit("dot", "{")
        course.submit("eva", name="ps1 (1).ipynb")
        notebook = course.right()
        notebook["cells"] = [cell for cell in notebook["cells"] if not cell["id"].endswith("check")]
        course.submit("fay", notebook)
    run(small, "GenerateAssignment")
    run(small, "Autograde")
    other.grade()
    assert grades(small.root) == grades(other.root)


def test_a_killed_run_is_finished_by_the_next(small, rehearsed, monkeypatch):
    from nbgrader.preprocessors import SaveAutoGrades

    small.submit("ana")

    def killed(*_):
        raise SystemExit  # as abrupt as a test can be: nothing of nbgrader's handles it

    with monkeypatch.context() as patched:
        patched.setattr(SaveAutoGrades, "preprocess", killed)
        with pytest.raises(SystemExit):
            run(small, "Autograde")
    left = small.autograded("ana")  # the sanitised notebook, which stock nbgrader would take for graded
    assert "key" not in left["metadata"]["cnncourse"]
    run(small, "Autograde")
    assert scores(small)["ana", "add-check"] == 2
    assert rehearsed == ["ana"], "what was executed is not executed again"


def test_unchanged_submissions_are_skipped_and_force_is_not(small, rehearsed):
    small.submit("ana")
    run(small, "Autograde")
    run(small, "Autograde")
    assert rehearsed == ["ana"]
    run(small, "Autograde", force=True)
    assert rehearsed == ["ana", "ana"]


def test_mended_tests_come_from_the_source_not_from_an_old_gradebook(small):
    small.submit("ana", small.right(mean="def mean(values):\n    return 2"))
    run(small, "GenerateAssignment")
    run(small, "Autograde")
    assert scores(small)["ana", "mean-check"] == 0
    cells = standard_cells()
    cells[5]["source"] = "assert mean([1, 2, 3]) == 2"
    small.set_source(cells)
    run(small, "Autograde")
    assert scores(small)["ana", "mean-check"] == 3


def test_a_test_can_be_added_after_the_release(small):
    run(small, "GenerateAssignment")
    small.submit("ana")
    run(small, "Autograde")
    cells = standard_cells()
    cells.insert(4, code("add-more", "assert add(1, 1) == 2, 'one and one'", grade=True, points=1))
    small.set_source(cells)
    run(small, "GenerateAssignment", force=True)
    released = json.loads((small.root / "exercises" / "ps1" / "ps1.ipynb").read_text())
    assert "add-more" in [cell["id"] for cell in released["cells"]]
    run(small, "Autograde")
    assert scores(small)["ana", "add-more"] == 1


def test_the_release_keeps_hidden_tests_and_solutions(small):
    run(small, "GenerateAssignment")
    text = (small.root / "exercises" / "ps1" / "ps1.ipynb").read_text()
    assert "a secret message" not in text
    assert "return a + b" not in text
    assert small.release()["cells"][3]["source"] in ["".join(cell["source"]) for cell in json.loads(text)["cells"]]


def test_generate_feedback_hides_what_is_hidden(small):
    small.submit("ana", small.right(add="def add(a, b):\n    return abs(a) + b  # <script>alert(1)</script>"))
    run(small, "Autograde")
    run(small, "GenerateFeedback")
    page = small.feedback("ana")
    assert "hidden tests do not: other numbers" in page
    assert "a secret message" not in page
    assert "<script" not in page


def test_dangerous_files_are_not_copied(small):
    small.submit("ana")
    (small.folder("ana") / "gradebook").symlink_to(small.root / "gradebook.db")
    (small.folder("ana") / "endless").symlink_to("/dev/zero")
    (small.folder("ana") / "notes.csv").write_text("1")
    run(small, "Autograde")
    copied = sorted(path.name for path in (small.root / "autograded" / "ana" / "ps1").iterdir())
    assert copied == ["notes.csv", "ps1.ipynb"]


def formgrader_s_view(course, student):
    """What formgrader's handler makes of a graded notebook, with its own template."""
    from nbconvert.exporters import HTMLExporter
    from nbgrader.server_extensions.formgrader import handlers

    config = PyFileConfigLoader("nbgrader_config.py", path=str(course.root)).load_config()
    config.HTMLExporter.template_name = "formgrade"
    config.HTMLExporter.extra_template_basedirs = [handlers.template_path]
    names = ["assignment_id", "notebook_id", "submission_id", "student", "first_name", "last_name", "base_url"]
    resources = {**dict.fromkeys([*names, "notebook_path"], "x"), "index": 0, "total": 1, "mathjax_url": ""}
    path = course.root / "autograded" / student / "ps1" / "ps1.ipynb"
    return HTMLExporter(config=config).from_filename(str(path), resources=resources)[0]


def test_formgrader_shows_a_student_s_html_as_text_or_not_at_all(small):
    evil = "\n\n".join(
        [
            "**so** and $x < y$",
            "<script>alert('mine')</script>",
            "<img src=x onerror=\"alert('mine')\"> [a](javascript:mine()) [b](data:text/html,mine)",
            "<a href=javascript:mine()>e</a>",
            r"$\href{javascript:mine()}{x}$ $$\def\y{\href}\y{javascript:mine()}{z}$$",
            "![c](javascript:mine()) <javascript:mine()>",
            "[d]\n\n[d]: javascript:mine()",
            "<svg onload=alert('mine')> <iframe src='javascript:mine()'>",
        ]
    )
    small.submit("eve", small.right(why=evil, add=f"def add(a, b):\n    return a + b\nprint({evil!r})"))
    run(small, "Autograde")
    page = formgrader_s_view(small, "eve")
    assert "<strong>so</strong>" in page
    tags = [tag for tag in re.findall(r"<[^>]*>", page) if "mine" in tag]
    assert tags == []
    assert r"\href" not in re.sub(r"(?s)<pre.*?</pre>", "", page), "MathJax reads no <pre>"


def test_without_our_converter_the_seam_itself_still_grades_safely(small):
    """Nbgrader's own Autograde with our exporter and preprocessors: the places that it documents."""
    from nbgrader.converters import Autograde
    from nbgrader.coursedir import CourseDirectory

    notebook = small.right()
    notebook["cells"] = [cell for cell in notebook["cells"] if cell["id"] != "add-check"]
    small.submit("ana", notebook)
    run(small, "GenerateAssignment")
    config = PyFileConfigLoader("nbgrader_config.py", path=str(small.root)).load_config()
    config.CourseDirectory.root = str(small.root)
    config.CourseDirectory.assignment_id = "ps1"
    Autograde(coursedir=CourseDirectory(config=config), config=config).start()
    assert scores(small)["ana", "add-check"] == 2


def test_two_runs_do_not_mix(small):
    from nbgrader.converters.base import NbGraderException

    small.submit("ana")
    with only_run(small.root / "grading" / "ps1" / ".lock"), pytest.raises(NbGraderException, match="another run"):
        run(small, "Autograde")


def test_an_unknown_setting_is_refused():
    from traitlets.config import Config

    with pytest.raises(TypeError, match="unknown setting penalty; known are allow_unsafe"):
        nbgrader_seam.configure(Config(), penalty=1)


def test_late_penalties_reach_nbgrader_s_own_command(tmp_path):
    from datetime import datetime

    from cnncourse.grading.recorder import Recorder

    policy = "late=__import__('cnncourse.grading.policies', fromlist=['x']).LatePolicy(0.5, of='maximum')"
    small = SmallCourse(tmp_path, settings=policy)
    small.submit("ana", timestamp="2026-01-02 00:00:00 UTC")
    with Recorder(small.course) as recorder:
        recorder.gradebook.update_or_create_assignment("ps1", duedate=datetime(2026, 1, 1))
    run(small, "Autograde")
    assert {row[4] for row in grades(small.root) if len(row) == 10} == {4.5}
