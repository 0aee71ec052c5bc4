"""Feedback pages: reasons in words, nothing hidden, and nothing of a student's that a browser would run."""

import re

import pytest
from grading.classes import SmallCourse, code, standard_cells, text
from hypothesis import given
from hypothesis import strategies as st

from cnncourse.grading.recorder import CellState, Recorded, Recorder
from cnncourse.grading.regrading import write_all_feedback
from cnncourse.grading.report import feedback_page

ATTACKS = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "<svg/onload=alert(1)>",
    "</pre></code><iframe src='javascript:alert(1)'>",
    "[click](javascript:alert(1))",
    "<style>@import 'https://example.org/x.css'</style>",
    "<!--",
    "\x1b]8;;javascript:alert(1)\x07",
    '" onmouseover="alert(1)',
    "<meta http-equiv=refresh content='0;url=https://example.org'>",
    "&lt;script&gt;",
    "<base href='https://example.org/'>",
]
TAGS = {
    *("html", "head", "meta", "title", "style", "body", "main", "header", "p", "h1", "h2", "strong", "table"),
    *("caption", "thead", "tbody", "tr", "th", "td", "a", "section", "details", "summary", "pre", "code"),
    *("footer", "ul", "li", "div"),
}


def tags(page):
    return set(re.findall(r"<\s*/?\s*([a-zA-Z!?][\w-]*)", page.replace("<!DOCTYPE html>", "", 1)))


def assert_harmless(page):
    assert tags(page) <= TAGS
    inside = re.findall(r"<[^>]*>", page)
    assert [tag for tag in inside if re.search(r"\son\w+\s*=|javascript:|https?:", tag)] == []
    addresses = [address for tag in inside for address in re.findall(r'(?:src|href|action)="([^"]*)"', tag)]
    assert all(re.fullmatch(r"#task-\d+", address) for address in addresses)
    assert "default-src 'none'" in page


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    course = SmallCourse(tmp_path_factory.mktemp("feedback"))
    course.submit("ana")
    course.submit("bob", course.right(add="def add(a, b):\n    return abs(a) + b"))
    course.submit("cem", course.right(mean="def mean(values):\n    return 7"))
    evil = "\n".join(ATTACKS)
    cells = course.right(add=f"def add(a, b):\n    raise ValueError({evil!r})\nprint({evil!r})", why=evil)["cells"]
    cells.append(text("evil", evil))
    cells.append(code("more", f"# {ATTACKS[0]}\nassert False, {evil!r}"))
    course.submit("eve", {"cells": cells})
    course.submit(ATTACKS[1])
    notebook = course.right()
    notebook["cells"] = [cell for cell in notebook["cells"] if cell["id"] != "add-check"]
    course.submit("fay", notebook)
    course.submit("gus", "{")
    course.grade()
    return course


def test_a_right_answer_is_told_so(course):
    page = course.feedback("ana")
    assert "<strong>5 of 9 points</strong> so far; 4 more are still to be given by a person" in page
    assert page.count("Everything that was checked here is right.") == 2
    assert "This part is still to be graded by a person." in page


def test_hidden_tests_appear_by_their_title_alone(course):
    page = course.feedback("bob")
    assert "The tests that you can see pass, but hidden tests do not: other numbers." in page
    for hidden in ("a secret message", "add(-7", "-4", "HIDDEN TESTS"):
        assert hidden not in page


def test_a_visible_failure_is_explained_in_the_check_s_words(course):
    page = course.feedback("cem")
    assert "mean([1, 2, 3]) is not 2" in page
    assert "Task 2: the mean" in page
    assert "no points: 0 of 3" in page


@pytest.mark.parametrize("student", ["eve", "ana", "gus"])
def test_nothing_of_a_student_s_is_live(course, student):
    assert_harmless(course.feedback(student))


def test_a_student_s_name_is_no_html(course):
    assert_harmless(course.feedback(ATTACKS[1]))


def test_repairs_and_confinement_are_listed(course):
    page = course.feedback("fay")
    assert "test cell &#x27;add-check&#x27; was missing; it was put in" in page
    assert "Your code ran confined by: none (rehearsal)." in page


def test_an_unreadable_notebook_says_why(course):
    page = course.feedback("gus")
    assert "ps1.ipynb is not valid JSON" in page
    assert "<strong>0 of 9 points</strong>" in page


def test_points_and_comments_of_a_person_come_with_the_next_feedback(course):
    with Recorder(course.course) as recorder:
        book = recorder.gradebook
        grade = book.find_grade("why", "ps1", "ps1", "ana")
        grade.manual_score, grade.needs_manual_grade = 3.0, False
        book.find_comment("why", "ps1", "ps1", "ana").manual_comment = "Good, but <b>why</b>?"
        override = book.find_grade("mean-check", "ps1", "ps1", "cem")
        override.manual_score, override.needs_manual_grade = 2.0, False
        recorder.session.commit()
    pages = write_all_feedback(course.course, "ps1", "[ac]*")
    assert [page.parts[-3] for page in pages] == ["ana", "cem"]
    assert "Good, but &lt;b&gt;why&lt;/b&gt;?" in course.feedback("ana")
    assert "<strong>8 of 9 points</strong></p>" in course.feedback("ana")
    assert "A person changed the points of the checks (0) to 2." in course.feedback("cem")


def test_release_feedback_finds_its_files(tmp_path):
    course = SmallCourse(tmp_path)
    course.submit("ana", timestamp="2026-01-01 00:00:00 UTC")
    (course.folder("ana") / "submission_secret.txt").write_text("abc")
    course.grade()
    folder = tmp_path / "feedback" / "ana" / "ps1"
    assert sorted(path.name for path in folder.iterdir()) == ["ps1.html", "submission_secret.txt", "timestamp.txt"]


@given(st.text(), st.text(), st.text())
def test_any_text_is_only_text(source, message, comment):
    marks = {"grade": True, "solution": False, "grade_id": "t", "points": 1}
    verdict = {
        "status": "failed",
        "points": 0,
        "max_points": 1,
        "message": message,
        "where": "visible",
        "title": source,
        "hidden_title": "",
    }
    document = {
        "metadata": {"cnncourse": {"cells": {"t": verdict}, "repairs": [message], "confinement": comment}},
        "cells": [
            {"cell_type": "code", "id": "extra-1", "source": source, "metadata": {}, "outputs": []},
            {"cell_type": "code", "id": "t", "source": source, "metadata": {"nbgrader": marks}, "outputs": []},
        ],
    }
    recorded = Recorded({("n", "t"): CellState(0.0, 1.0, False, comment)}, {"n": 0.0})
    page = feedback_page(comment, message, "n", document, recorded)
    assert tags(page) <= TAGS
    assert page.count("<section") == page.count("</section>")


def test_a_mark_scheme_is_not_shown(tmp_path):
    cells = standard_cells()
    marks = {"schema_version": 3, "grade_id": "essay", "grade": False, "solution": False, "locked": False, "task": True}
    scheme = "Write an essay.\n\n### BEGIN MARK SCHEME\nsecret rubric\n### END MARK SCHEME"
    task = {"id": "essay", "cell_type": "markdown", "source": scheme}
    cells.append({**task, "metadata": {"nbgrader": {**marks, "points": 2, "cell_type": "markdown"}}})
    course = SmallCourse(tmp_path, cells)
    course.submit("ana")
    course.grade()
    assert "essay" in course.feedback("ana")
    assert "secret rubric" not in course.feedback("ana")
