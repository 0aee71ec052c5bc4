"""The command line: what it prints, where it writes, and how it fails."""

import pytest
from grading.classes import Rehearsal, SmallCourse, standard_cells

from cnncourse.grading import cli


@pytest.fixture
def small(tmp_path, monkeypatch):
    monkeypatch.setattr(cli, "start_backend", lambda options: Rehearsal())
    course = SmallCourse(tmp_path)
    course.submit("ana")
    return course


def run(course, *arguments):
    return cli.main([*arguments, "--course-dir", str(course.root)])


def test_autograde_prints_the_report(small, capsys):
    assert run(small, "autograde", "ps1", "--quiet") == 0
    printed = capsys.readouterr().out
    assert "  ana  5 of 9; to be graded by hand" in printed
    assert f"Report: {small.root}/grading/ps1/report.txt" in printed


def test_no_feedback_is_written_if_none_is_wanted(small):
    assert run(small, "autograde", "ps1", "--quiet", "--no-feedback") == 0
    assert not (small.root / "feedback").exists()
    assert run(small, "feedback", "ps1") == 0
    assert (small.root / "feedback" / "ana" / "ps1" / "ps1.html").exists()


def test_the_bar_shows_rate_and_failures(small, capsys):
    small.submit("bob", "{")
    assert run(small, "autograde", "ps1") == 0
    bar = capsys.readouterr().err
    assert "2/2" in bar
    assert "unreadable=1" in bar


def test_export_goes_to_the_screen_or_a_file(small, capsys, tmp_path):
    run(small, "autograde", "ps1", "--quiet")
    capsys.readouterr()
    assert run(small, "export", "ps1") == 0
    assert capsys.readouterr().out.splitlines()[1].startswith("ps1,ana,")
    assert run(small, "export", "ps1", "--to", "moodle", "--output", str(tmp_path / "out.csv")) == 0
    assert (tmp_path / "out.csv").read_text().splitlines()[1].startswith("ana,")


def test_sync_says_what_changed(small, capsys):
    assert run(small, "sync", "ps1") == 0
    small.set_source(standard_cells()[:-1])
    assert run(small, "sync", "ps1") == 0
    assert capsys.readouterr().out == "notebook 'ps1' was added\ncell 'why' was removed\n"
    assert run(small, "sync", "ps1") == 0
    assert capsys.readouterr().out == "nothing changed\n"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("autograde", "ps9"), "there is no assignment 'ps9'"),
        (("export", "ps9"), "the gradebook has no assignment 'ps9'"),
        (("export", "ps1", "--to", "fax"), "there is no format 'fax'"),
        (("autograde", "ps1", "--db", "postgresql+psycopg2://x:y@127.0.0.1:1/z"), "cannot be opened"),
    ],
)
def test_what_cannot_work_is_said_in_one_line(small, capsys, arguments, words):
    assert run(small, *arguments) == 2
    assert words in capsys.readouterr().err


def test_a_student_that_could_not_be_graded_is_the_exit_status(small, monkeypatch):
    from grading.classes import Broken

    monkeypatch.setattr(cli, "start_backend", lambda options: Broken())
    small.submit("unlucky")
    assert run(small, "autograde", "ps1", "--quiet") == 1


def test_a_course_that_does_not_exist_is_named(capsys):
    assert cli.main(["export", "ps1", "--course-dir", "/nowhere/at/all"]) == 2
    assert "there is no course folder /nowhere/at/all" in capsys.readouterr().err
