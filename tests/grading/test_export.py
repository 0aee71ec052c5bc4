"""Exports: what each learning platform imports, and no cell that a spreadsheet would run."""

import csv
import io
from datetime import datetime

import pytest
from grading.classes import SmallCourse

from cnncourse.grading.export import FORMATS, export_grades
from cnncourse.grading.recorder import Recorder
from cnncourse.grading.summary import harmless


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    settings = "late=__import__('cnncourse.grading.policies', fromlist=['x']).LatePolicy(0.2)"
    course = SmallCourse(tmp_path_factory.mktemp("export"), settings=settings)
    course.submit("ana", timestamp="2026-01-02 01:02:03 UTC")
    course.submit("=cmd|' calc'!A1", course.answered())
    with Recorder(course.course) as recorder:
        book = recorder.gradebook
        book.update_or_create_assignment("ps1", duedate=datetime(2026, 1, 2))
        book.add_student("ana", first_name="Ana", last_name="Ünal, von", email="ana@example.org", lms_user_id="77")
        book.add_student("zoe", first_name="Zoë")
    course.grade()
    return course


def table(course, to):
    return list(csv.reader(io.StringIO(export_grades(course.course, "ps1", to))))


def test_canvas_has_points_possible_and_its_own_ids(course):
    head, possible, *rows = table(course, "canvas")
    assert head == ["Student", "ID", "SIS User ID", "SIS Login ID", "Section", "ps1"]
    assert (possible[0], possible[5]) == ("    Points Possible", "9")
    assert rows[1] == ["Ünal, von, Ana", "77", "ana", "ana@example.org", "", "4"]
    assert rows[2] == ["Zoë", "", "zoe", "zoe", "", ""]


def test_moodle_has_feedback(course):
    head, unanswered, ana, _ = table(course, "moodle")
    assert head == ["ID number", "Email address", "ps1", "ps1 (feedback)"]
    assert unanswered[2:] == ["0", "No response. No response. No response."]
    assert ana == ["ana", "ana@example.org", "4", ""]


def test_gradescope_has_a_column_per_question(course):
    head, empty, ana, zoe = table(course, "gradescope")
    assert head[8:] == ["add-check (2 pts)", "mean-check (3 pts)", "why (4 pts)"]
    assert ana[3:] == ["4", "9", "Ungraded", "2026-01-02 01:02:03 +0000", "01:02:03", "2", "3", "0"]
    assert empty[5] == "Graded"
    assert zoe[5] == "Missing"


def test_plain_has_everything(course):
    head, _, ana, _ = table(course, "plain")
    row = dict(zip(head, ana, strict=True))
    assert (row["points"], row["penalty"], row["score"], row["needs_manual_grade"]) == ("5", "1", "4", "True")


@pytest.mark.parametrize("to", FORMATS)
def test_no_cell_is_a_formula(course, to):
    assert [cell for row in table(course, to) for cell in row if cell.startswith(("=", "+", "-", "@"))] == []


def test_numbers_stay_numbers():
    assert [harmless(value) for value in (-1.5, "-1", " =x", "a", None, 3)] == ["-1.5", "'-1", "' =x", "a", None, 3]


def test_wrong_names_list_the_right_ones(course):
    with pytest.raises(ValueError, match="choose one of canvas, moodle, gradescope, plain"):
        export_grades(course.course, "ps1", "blackboard")
    with pytest.raises(KeyError, match="it has: ps1"):
        export_grades(course.course, "ps9")
