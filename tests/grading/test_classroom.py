"""A whole class: everybody gets what they earned, nothing is graded twice, and one trouble stays one student's."""

import json
import threading

import pytest
from grading.classes import ADD_CHECK, Broken, Crashing, Rehearsal, SmallCourse, code, grades, line_of, standard_cells
from nbgrader.utils import determine_grade

from cnncourse.grading.classroom import streamed
from cnncourse.grading.files import ResultStore, only_run, write_whole
from cnncourse.grading.job import CellOutcome, Outcome
from cnncourse.grading.jobs import outputs_of


@pytest.fixture
def small(tmp_path):
    course = SmallCourse(tmp_path)
    course.submit("ana")
    course.submit("bob", course.right(mean="def mean(values):\n    return sum(values) / 2"))
    course.submit("cem", course.answered())
    return course


class Counting(Rehearsal):
    """Counts over all runs."""

    jobs: list[str] = []  # noqa: RUF012 - shared on purpose

    def grade(self, job):
        self.jobs.append(job.student)
        return super().grade(job)


@pytest.fixture
def counting():
    Counting.jobs = []
    return Counting


def rows(course, student):
    return {row[5]: row[7:] for row in grades(course.root) if len(row) == 10 and row[1] == student}


def test_the_gradebook_holds_what_was_earned(small):
    small.grade()
    assert rows(small, "ana") == {"add-check": (2.0, None, 0), "mean-check": (3.0, None, 0), "why": (None, None, 1)}
    assert rows(small, "bob")["mean-check"] == (0.0, None, 0)
    assert rows(small, "cem") == {"add-check": (0.0, None, 0), "mean-check": (0.0, None, 0), "why": (0.0, None, 0)}


def test_unanswered_cells_get_nbgrader_s_comment(small):
    small.grade()
    comments = {row[:3]: row[3] for row in grades(small.root) if len(row) == 5}
    assert comments["cem", "ps1", "add"] == "No response."
    assert comments["ana", "ps1", "add"] is None


def test_a_second_run_grades_nothing_and_changes_nothing(small, counting):
    small.grade(counting)
    before = grades(small.root)
    summary = small.grade(counting)
    assert sorted(counting.jobs) == ["ana", "bob", "cem"]
    assert grades(small.root) == before
    assert all(line.was_stored for line in summary.lines)


def test_only_what_changed_is_graded_again(small, counting):
    small.grade(counting)
    small.submit("cem")
    small.grade(counting)
    assert sorted(counting.jobs) == ["ana", "bob", "cem", "cem"]
    assert rows(small, "cem")["add-check"] == (2.0, None, 0)


def test_force_grades_everyone_again(small, counting):
    small.grade(counting)
    small.grade(counting, force=True)
    assert len(counting.jobs) == 6


def test_a_mended_test_regrades_those_whom_it_concerns(small, counting):
    small.grade(counting)
    cells = standard_cells()
    cells[5]["source"] = "# Task 2: the mean\nassert mean([1, 2]) == 1.5, 'mean([1, 2]) is not 1.5'"
    small.set_source(cells)
    summary = small.grade(counting)
    assert summary.changes == ["test 'mean-check' was changed"]
    assert len(counting.jobs) == 6
    assert rows(small, "bob")["mean-check"] == (3.0, None, 0)


def test_a_test_can_be_added_and_removed_after_submissions(small):
    small.grade()
    cells = standard_cells()
    cells.insert(4, code("add-more", "assert add(0.5, 0.5) == 1, 'halves'", grade=True, points=1))
    small.set_source(cells)
    assert small.grade().changes == ["test 'add-more' was added"]
    assert rows(small, "ana")["add-more"] == (1.0, None, 0)
    small.set_source(standard_cells())
    assert small.grade().changes == ["cell 'add-more' was removed"]
    assert "add-more" not in rows(small, "ana")


def test_grades_given_by_hand_survive(small):
    from cnncourse.grading.recorder import Recorder

    small.grade()
    with Recorder(small.course) as recorder:
        grade = recorder.gradebook.find_grade("why", "ps1", "ps1", "ana")
        grade.manual_score, grade.needs_manual_grade = 3.5, False
        recorder.session.commit()
    assert line_of(small.grade(), "ana").text == "8.5 of 9"
    assert rows(small, "ana")["why"] == (None, 3.5, 0)
    cells = standard_cells()
    cells[3]["source"] += "\n# mended"
    small.set_source(cells)
    assert not line_of(small.grade(), "ana").needs_manual_grade, "a mended test asks for no new look at a text"
    small.submit("ana", small.right(why="I changed my mind."))
    assert line_of(small.grade(), "ana").needs_manual_grade


def test_our_own_trouble_fails_one_student_and_records_nothing(small):
    small.submit("unlucky")
    summary = small.grade(Broken)
    assert [line.student for line in summary.failed] == ["unlucky"]
    assert "OSError: no more processes" in line_of(summary, "unlucky").notes
    assert rows(small, "unlucky") == {}
    assert line_of(summary, "ana").score == 5
    assert line_of(small.grade(), "unlucky").score == 5, "the next run makes up for it"


def test_crashes_are_named_in_the_report(small):
    assert "add: the process ended" in line_of(small.grade(Crashing), "ana").notes


def test_a_student_s_timestamp_is_recorded_and_nonsense_is_remarked_on(small):
    small.submit("ana", timestamp="2026-03-01 12:00:00 UTC")
    small.submit("bob", timestamp="tomorrow-ish")
    summary = small.grade()
    stamps = {row[1]: str(row[2]) for row in grades(small.root) if len(row) == 10}
    assert stamps["ana"].startswith("2026-03-01 12:00:00")
    assert "timestamp.txt is not a time" in " ".join(line_of(summary, "bob").notes)


def test_only_the_students_asked_for_are_graded(small):
    assert [line.student for line in small.grade(students="b*").lines] == ["bob"]


def test_several_notebooks_make_one_assignment(small):
    small.set_source([code("add", "def add(a, b):\n    return a + b", solution=True), standard_cells()[3]], name="ps2")
    summary = small.grade()
    assert line_of(summary, "ana").max_score == 11
    assert "there is no ps2.ipynb" in " ".join(line_of(summary, "ana").notes)
    small.submit("ana", small.right(), name="ps2.ipynb")
    assert line_of(small.grade(), "ana").score == 7


def test_the_report_is_text_json_and_csv(small):
    small.grade()
    folder = small.root / "grading" / "ps1"
    assert "ps1: 3 submissions" in (folder / "report.txt").read_text()
    assert [line["student"] for line in json.loads((folder / "report.json").read_text())["lines"]] == [
        "ana",
        "bob",
        "cem",
    ]
    assert (folder / "report.csv").read_text().splitlines()[1].startswith("ana,graded,5,9,0,True,")


def test_two_runs_do_not_mix(small):
    with only_run(small.root / "grading" / "ps1" / ".lock"), pytest.raises(RuntimeError, match="another run"):
        small.grade()


def test_an_unknown_assignment_names_those_that_exist(small):
    from cnncourse.grading.source import load_assignment

    with pytest.raises(FileNotFoundError, match="there are: ps1"):
        load_assignment(small.course, "ps7")


def test_the_graded_notebook_is_valid_and_tells_nbgrader_the_points(small):
    import nbformat
    from nbgrader.nbgraderformat import MetadataValidator

    small.grade()
    for student, points in (("ana", [2, 3, None]), ("bob", [2, 0, None]), ("cem", [0, 0, 0])):
        notebook = nbformat.from_dict(small.autograded(student))
        nbformat.validate(notebook)
        MetadataValidator().validate_nb(notebook)
        graded = [cell for cell in notebook.cells if cell.metadata.get("nbgrader", {}).get("grade")]
        assert [determine_grade(cell)[0] for cell in graded] == points


@pytest.mark.parametrize(
    ("status", "points", "message"),
    [("passed", 3.0, ""), ("passed", 1.5, ""), ("passed", 0.0, ""), ("failed", 0.0, "no"), ("timeout", 0.0, "")],
)
def test_outputs_tell_nbgrader_s_own_rule_the_points(status, points, message):
    import nbformat

    outcome = CellOutcome("t", status, points, 3.0, message, output="chatter")
    marks = {"grade": True, "solution": False, "points": 3.0, "grade_id": "t"}
    cell = nbformat.from_dict(
        {"cell_type": "code", "source": "", "metadata": {"nbgrader": marks}, "outputs": outputs_of(outcome)}
    )
    assert determine_grade(cell) == (points, 3.0)


def test_memory_is_bounded_by_the_workers_not_the_class():
    started, most, lock = [0], [0], threading.Lock()

    def items():
        for number in range(200):
            with lock:
                started[0] += 1
            yield number

    done = 0
    for _, future in streamed(lambda number: number, items(), workers=3):
        future.result()
        done += 1
        most[0] = max(most[0], started[0] - done)
    assert done == 200
    assert most[0] <= 6


def test_a_damaged_result_is_graded_again(tmp_path):
    store = ResultStore(tmp_path)
    store.put("k", Outcome((), "test", 1.0))
    assert store.get("k") == Outcome((), "test", 1.0)
    (tmp_path / "k.json").write_text('{"cells": [')
    assert store.get("k") is None
    assert store.get("unknown") is None


def test_a_file_is_whole_or_as_it_was(tmp_path):
    path = write_whole(tmp_path / "a" / "b.txt", "new") or tmp_path / "a" / "b.txt"
    with pytest.raises(TypeError):
        write_whole(path, 3)
    assert path.read_text() == "new"
    assert [entry.name for entry in path.parent.iterdir()] == ["b.txt"]


def test_what_a_killed_run_left_half_written_is_swept_away(small):
    for folder in ("grading/ps1", "grading/ps1/results", "feedback/ana/ps1"):
        (small.root / folder).mkdir(parents=True, exist_ok=True)
        (small.root / folder / ".writing-abc").write_text("half")
    small.grade()
    assert list(small.root.rglob(".writing-*")) == []


def test_inline_checks_may_not_hide_tests(small):
    from cnncourse.grading.source import load_assignment

    cells = standard_cells()
    cells[3]["source"] = "# grade: inline\n" + ADD_CHECK
    small.set_source(cells)
    with pytest.raises(ValueError, match="is marked '# grade: inline' and has hidden tests"):
        load_assignment(small.course, "ps1")
