"""What holds for each assignment: the release keeps its secrets, and regenerates byte for byte."""

import contextlib
import importlib
import json
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import pytest
from assignments.grading_of import ROOT, TOPICS, full_marks, grade, grade_empty, instructor, job_with, released

import exercises
from cnncourse.grading.engine import Engine
from cnncourse.grading.rehearsal import rehearse

MARKS = ("BEGIN SOLUTION", "END SOLUTION", "BEGIN HIDDEN TESTS", "END HIDDEN TESTS", "MARK SCHEME", "Rubric")


@pytest.fixture(scope="session")
def regenerated(tmp_path_factory):
    folder = tmp_path_factory.mktemp("release")
    exercises.generate(TOPICS, folder)
    return folder


def contents(folder):
    return {path.relative_to(folder): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def kinds(topic):
    for cell in instructor(topic)["cells"]:
        yield cell, cell["metadata"]["nbgrader"]


@pytest.mark.parametrize("topic", TOPICS)
def test_the_release_regenerates_byte_for_byte(topic, regenerated):
    assert contents(regenerated / topic) == contents(ROOT / "exercises" / topic)


def test_every_release_has_its_source():
    assert sorted(path.name for path in (ROOT / "exercises").iterdir()) == TOPICS


@pytest.mark.parametrize("topic", TOPICS)
def test_the_folders_hold_the_notebook_and_nothing_that_tells(topic):
    for tree in ("solutions", "exercises"):
        assert exercises.stray_files(ROOT / tree / topic, topic) == []


@pytest.mark.parametrize("topic", TOPICS)
def test_nothing_hidden_stands_in_the_release(topic):
    text = (ROOT / "exercises" / topic / f"{topic}.ipynb").read_text()
    assert [mark for mark in MARKS if mark in text] == []
    assert exercises.leaks(instructor(topic), released(topic)) == []


@pytest.mark.parametrize("topic", TOPICS)
def test_cells_are_tidy(topic):
    assert exercises.untidy(instructor(topic)) == []


@pytest.mark.parametrize("topic", TOPICS)
def test_an_assignment_has_tasks_hidden_tests_and_a_question_with_a_rubric(topic):
    answers = [cell for cell, meta in kinds(topic) if cell["cell_type"] == "code" and meta["solution"]]
    checks = [cell for cell, meta in kinds(topic) if cell["cell_type"] == "code" and meta["grade"]]
    manual = [cell for cell, meta in kinds(topic) if cell["cell_type"] == "markdown" and meta["solution"]]
    assert 2 <= len(answers) <= 8
    assert len([cell for cell in checks if "BEGIN HIDDEN TESTS" in cell["source"]]) >= 2
    assert manual
    assert all("**Rubric**" in cell["source"] for cell in manual)


@pytest.mark.parametrize("topic", TOPICS)
def test_every_check_has_a_title_and_words(topic):
    for cell, meta in kinds(topic):
        if cell["cell_type"] == "code" and meta["grade"]:
            assert cell["source"].startswith("# "), cell["id"]
            assert "expect_" in cell["source"] or "assert " in cell["source"], cell["id"]
            if "BEGIN HIDDEN TESTS" in cell["source"]:
                assert "\n# hidden: " in cell["source"], cell["id"]


@pytest.mark.parametrize("topic", TOPICS)
def test_the_reference_earns_every_point_and_an_empty_notebook_none(topic):
    assert grade(topic) == full_marks(topic)
    assert set(grade_empty(topic).values()) == {0}


@pytest.fixture(scope="module")
def engine():
    with Engine(allow_unsafe=True) as engine:
        yield engine


@pytest.mark.nbgrader
@pytest.mark.parametrize("topic", TOPICS)
def test_the_engine_gives_the_points_that_the_rehearsal_gives(topic, engine):
    """What the tables of `test_<topic>.py` claim also holds for checks and answers in processes of their own."""
    module = importlib.import_module(f"assignments.test_{topic}")
    cases = {"reference": {}} | {name: row[0] for name, row in module.WRONG.items()} | module.RIGHT
    jobs = [job_with(topic, answers) for answers in cases.values()]
    with ThreadPoolExecutor(2) as pool:
        outcomes = dict(zip(cases, pool.map(engine.grade, jobs), strict=True))
    for name, job in zip(cases, jobs, strict=True):
        expected = {cell.grade_id: cell.points for cell in rehearse(job).cells}
        assert {cell.grade_id: cell.points for cell in outcomes[name].cells} == expected, name


class TestGate:
    """The gate itself, on a small notebook of its own."""

    def notebook(self, *cells):
        return {
            "metadata": {"kernelspec": {"name": "python3", "display_name": "Python 3"}},
            "cells": [
                {
                    "id": name,
                    "cell_type": "code",
                    "source": source,
                    "metadata": {"nbgrader": {"grade_id": name, "solution": solution, "grade": grade, "points": 1}},
                }
                for name, source, solution, grade in cells
            ],
        }

    ANSWER = ("f", "def f(x):\n    ### BEGIN SOLUTION\n    return secret_of(x)\n    ### END SOLUTION", True, False)
    CHECK = ("c", "### BEGIN HIDDEN TESTS\nassert f(3) == 4711, 'no'\n### END HIDDEN TESTS", False, True)

    def test_a_solution_line_in_the_release_is_a_leak(self):
        source = self.notebook(self.ANSWER, self.CHECK)
        clean = self.notebook(("f", "def f(x):\n    # YOUR CODE HERE", True, False), ("c", "", False, True))
        assert exercises.leaks(source, clean) == []
        for told in ("return secret_of(x)", "assert f(3) == 4711, 'no'", "### BEGIN SOLUTION"):
            clean["cells"][1]["source"] = told
            assert exercises.leaks(source, clean), told

    def test_a_solution_without_marks_is_hidden_as_a_whole(self):
        source = self.notebook(("f", "answer = 4711 + 4711", True, False))
        assert exercises.leaks(source, source) == ["the release contains the hidden line 'answer = 4711 + 4711'"]

    def test_a_line_that_also_stands_in_public_is_none(self):
        given = ("given", "return secret_of(x)", False, False)
        assert exercises.leaks(self.notebook(self.ANSWER, given), self.notebook(given)) == []

    def test_mute_assertions_outputs_and_unnamed_cells_are_untidy(self):
        notebook = self.notebook(("c", "assert f(3) == 4", False, True))
        notebook["cells"][0] |= {"id": "other", "outputs": [1]}
        assert len(exercises.untidy(notebook)) == 3

    @pytest.fixture
    def course(self, tmp_path, monkeypatch):
        """A course with one assignment whose answer and hidden test can be chosen."""

        def write(solution, hidden):
            cells = [("f", f"### BEGIN SOLUTION\n{solution}\n### END SOLUTION", True, False)]
            cells += [("c", f"# Task\n### BEGIN HIDDEN TESTS\n{hidden}\n### END HIDDEN TESTS", False, True)]
            notebook = self.notebook(*cells) | {"nbformat": 4, "nbformat_minor": 5}
            for cell in notebook["cells"]:
                cell |= {"outputs": [], "execution_count": None}
                cell["metadata"]["nbgrader"] |= {
                    "locked": False,
                    "schema_version": 3,
                    "cell_type": "code",
                    "task": False,
                }
            (tmp_path / "solutions" / "tiny").mkdir(parents=True, exist_ok=True)
            (tmp_path / "solutions" / "tiny" / "tiny.ipynb").write_text(json.dumps(notebook))

        (tmp_path / "nbgrader_config.py").write_text((ROOT / "nbgrader_config.py").read_text())
        for name in ("ROOT", "SOLUTIONS", "EXERCISES"):
            monkeypatch.setattr(exercises, name, tmp_path / {"ROOT": ""}.get(name, name.lower()))
        monkeypatch.setattr("sys.argv", ["exercises"])
        quick = contextlib.nullcontext(SimpleNamespace(grade=rehearse))
        monkeypatch.setattr(exercises, "Engine", lambda allow_unsafe: quick)
        return write

    def test_a_good_assignment_is_written_once(self, course, capsys):
        course("answer = 4711", "assert answer == 4711, 'no'")
        exercises.main()
        exercises.main()
        assert capsys.readouterr().out.split("\n")[:2] == [
            "tiny: 1 points by checks, written",
            "tiny: 1 points by checks, unchanged",
        ]

    def test_a_refused_assignment_leaves_the_old_release(self, course):
        course("answer = 4711", "assert answer == 4711, 'no'")
        exercises.main()
        before = contents(exercises.EXERCISES)
        for solution, hidden, words in [
            ("answer = 4711", "assert answer == 1, 'no'", "instructor's answers lose c: failed"),
            ("answer = 4711", "pass", "an empty notebook earns 1 points in c"),
        ]:
            course(solution, hidden)
            with pytest.raises(SystemExit, match=words):
                exercises.main()
            assert contents(exercises.EXERCISES) == before

    def test_what_nbgrader_refuses_is_refused_in_its_words(self, course):
        course("### BEGIN SOLUTION\nanswer = 4711", "assert answer == 4711, 'no'")
        with pytest.raises(SystemExit, match="nested begin solution"):
            exercises.main()

    def test_a_check_that_works_only_beside_the_answers_is_refused(self, course, monkeypatch):
        """Gradients do not cross from the student's process to the trusted one."""
        check = (
            "import torch\nx = torch.ones(2, requires_grad=True)\nanswer(x).backward()\nassert x.grad is not None, 'no'"
        )
        course("def answer(x):\n    return (x * x).sum()", check)
        exercises.main()
        monkeypatch.setattr(exercises, "Engine", Engine)
        with pytest.raises(SystemExit, match="instructor's answers lose c"):
            exercises.main()
