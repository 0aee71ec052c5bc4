"""The whole way with real notebooks and kernels: generate, submit, autograde, feedback, export; nbgrader's commands."""

import csv
import html
import importlib
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from textwrap import dedent

import pytest
from assignments.grading_of import ROOT, full_marks, instructor

from cnncourse.grading.rehearsal import answers_in

pytestmark = pytest.mark.nbgrader

TOPICS = ("stride_arithmetic", "convolution")
WRONG = {"stride_arithmetic": "only border pixels can be lost", "convolution": "the bias stays in the weights"}


def table(topic, name):
    """A table of `tests/assignments/test_<topic>.py`."""
    return getattr(importlib.import_module(f"assignments.test_{topic}"), name)


def answers_of(student, topic):
    """Sources by grade_id: what each of the four students wrote."""
    reference = answers_in(instructor(topic)) | {"manual": "My own words."}
    if student == "reference":
        return reference
    if student == "otherwise":
        right = {grade_id: source for way in table(topic, "RIGHT").values() for grade_id, source in way.items()}
        return reference | {grade_id: dedent(source).strip() for grade_id, source in right.items()}
    if student == "misled":
        answers, _, _ = table(topic, "WRONG")[WRONG[topic]]
        return reference | {grade_id: dedent(source).strip() for grade_id, source in answers.items()}
    return {}


STUDENTS = ("reference", "otherwise", "misled", "empty")


def submit(folder, student, topic):
    """Take the released notebook, write the answers into it, and hand it in."""
    notebook = json.loads((folder / "exercises" / topic / f"{topic}.ipynb").read_text())
    answers = answers_of(student, topic)
    for cell in notebook["cells"]:
        meta = cell["metadata"].get("nbgrader", {})
        key = "manual" if meta.get("solution") and meta.get("grade") else meta.get("grade_id")
        if meta.get("solution") and key in answers:
            cell["source"] = answers[key].splitlines(keepends=True)
    target = folder / "submitted" / student / topic / f"{topic}.ipynb"
    target.parent.mkdir(parents=True)
    target.write_text(json.dumps(notebook))


def nbgrader(folder, *arguments):
    """Run one of nbgrader's commands in the course folder, as an instructor would."""
    binaries = Path(sys.executable).parent
    environment = os.environ | {
        "PATH": f"{binaries}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
        "OMP_NUM_THREADS": "1",
        "PYDEVD_DISABLE_FILE_VALIDATION": "1",
        "JUPYTER_CONFIG_DIR": str(folder / ".jupyter"),
    }
    command = [str(binaries / "nbgrader"), *arguments]
    result = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=600)
    assert result.returncode == 0, f"{' '.join(arguments)}\n{result.stdout}\n{result.stderr}"


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    """A course folder after the whole way."""
    folder = tmp_path_factory.mktemp("course")
    shutil.copy(ROOT / "nbgrader_config.py", folder)
    for topic in TOPICS:
        shutil.copytree(ROOT / "solutions" / topic, folder / "solutions" / topic)
        nbgrader(folder, "generate_assignment", topic)
        for student in STUDENTS:
            submit(folder, student, topic)
        nbgrader(folder, "autograde", topic)
        nbgrader(folder, "generate_feedback", topic)
    nbgrader(folder, "export", "--to", "grades.csv")
    return folder


@pytest.fixture(scope="module")
def gradebook(course):
    from nbgrader.api import Gradebook

    with Gradebook(f"sqlite:///{course / 'gradebook.db'}", "cnncourse") as book:
        yield book


def points(gradebook, student, topic):
    """Points by check, as nbgrader's gradebook has them."""
    notebook = gradebook.find_submission_notebook(topic, topic, student)
    return {grade.name: grade.score for grade in notebook.grades if grade.name in full_marks(topic)}


@pytest.mark.parametrize("topic", TOPICS)
def test_the_generated_release_is_the_committed_one(course, topic):
    committed = ROOT / "exercises" / topic / f"{topic}.ipynb"
    assert (course / "exercises" / topic / f"{topic}.ipynb").read_bytes() == committed.read_bytes()


@pytest.mark.parametrize("student", ["reference", "otherwise"])
@pytest.mark.parametrize("topic", TOPICS)
def test_right_answers_earn_every_point(gradebook, topic, student):
    assert points(gradebook, student, topic) == full_marks(topic)


@pytest.mark.parametrize("topic", TOPICS)
def test_an_empty_notebook_earns_nothing(gradebook, topic):
    assert points(gradebook, "empty", topic) == dict.fromkeys(full_marks(topic), 0)
    assert gradebook.find_submission(topic, "empty").score == 0


@pytest.mark.parametrize("topic", TOPICS)
def test_a_misconception_loses_exactly_its_points(gradebook, topic):
    found, full = points(gradebook, "misled", topic), full_marks(topic)
    _, lost, _ = table(topic, "WRONG")[WRONG[topic]]
    assert {name: full[name] - found[name] for name in full if found[name] != full[name]} == lost


@pytest.mark.parametrize("topic", TOPICS)
def test_the_question_in_words_waits_for_a_person(gradebook, topic):
    assert gradebook.find_submission(topic, "reference").needs_manual_grade
    assert not gradebook.find_submission(topic, "empty").needs_manual_grade


def test_the_export_has_a_row_for_each_student_and_assignment(course, gradebook):
    rows = list(csv.DictReader((course / "grades.csv").open()))
    assert {(row["student_id"], row["assignment"]) for row in rows} == {(s, t) for s in STUDENTS for t in TOPICS}
    for row in rows:
        assert float(row["score"]) == sum(points(gradebook, row["student_id"], row["assignment"]).values())


def secrets_of(topic):
    """Lines that only the instructor may read: of hidden tests and of the rubric."""
    inside, secrets = False, []
    for line in "\n".join(cell["source"] for cell in instructor(topic)["cells"]).splitlines():
        if "BEGIN HIDDEN TESTS" in line or "**Rubric**" in line:
            inside = True
        elif "END HIDDEN TESTS" in line or "END SOLUTION" in line:
            inside = False
        elif inside and len(line.strip()) > 20 and "# hidden:" not in line:
            secrets.append(line.strip())
    return secrets


def letters(text):
    """Letters and digits alone: in HTML every token of code is a span of its own."""
    return re.sub(r"[\W_]+", "", text)


def leaked(topic, text):
    """Secrets that stand in a text although the release does not show them."""
    shown = letters((ROOT / "exercises" / topic / f"{topic}.ipynb").read_text().replace("\\n", "\n"))
    return [line for line in secrets_of(topic) if letters(line) in letters(text) and letters(line) not in shown]


@pytest.mark.parametrize("topic", TOPICS)
def test_nothing_hidden_reaches_a_student_before_the_deadline(course, topic):
    assert len(secrets_of(topic)) > 20
    for path in sorted((course / "exercises" / topic).rglob("*")):
        assert leaked(topic, path.read_text()) == []


def feedback(course, topic):
    """What the four students read, as text, in the order of STUDENTS."""
    pages = [(course / "feedback" / student / topic / f"{topic}.html").read_text() for student in STUDENTS]
    return [html.unescape(re.sub(r"<[^>]+>", "", page)) for page in pages]


@pytest.mark.parametrize("topic", TOPICS)
def test_every_student_gets_feedback_and_a_misconception_is_named(course, topic):
    _, _, told = table(topic, "WRONG")[WRONG[topic]]
    assert told in feedback(course, topic)[STUDENTS.index("misled")]


@pytest.mark.parametrize("topic", TOPICS)
def test_nothing_hidden_is_in_the_feedback(course, topic):
    """A page may show what its student has written, perhaps a line of the solution, and nothing else that is secret."""
    for student, page in zip(STUDENTS, feedback(course, topic), strict=True):
        written = letters((course / "submitted" / student / topic / f"{topic}.ipynb").read_text().replace("\\n", "\n"))
        assert [line for line in leaked(topic, page) if letters(line) not in written] == []
