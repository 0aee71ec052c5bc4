"""The rehearsal: answers and checks run as the engine will run them, and what is hidden stays hidden."""

import pytest

from cnncourse.grading.job import Cell, Job
from cnncourse.grading.rehearsal import answers_in, job_of, rehearse


def notebook(*cells):
    """A notebook of (id, source, kind) with kinds given, answer, check, manual and text."""
    flags = {"given": (False, False), "answer": (False, True), "check": (True, False), "manual": (True, True)}
    return {
        "cells": [
            {
                "id": name,
                "cell_type": "markdown" if kind in ("manual", "text") else "code",
                "source": source,
                "metadata": {"nbgrader": {"grade_id": name, "grade": grade, "solution": solution, "points": 2}},
            }
            for name, source, kind in cells
            for grade, solution in [flags.get(kind, (False, False))]
        ]
    }


HIDDEN = "### BEGIN HIDDEN TESTS\n{}\n### END HIDDEN TESTS"


def outcome(answer, check, given="import math"):
    cells = notebook(("given", given, "given"), ("f", "def f(x):\n    return x", "answer"), ("c", check, "check"))
    result = rehearse(job_of("tiny", cells, {"f": answer}))
    return {cell.grade_id: cell for cell in result.cells}


def test_a_notebook_is_taken_apart_into_the_cells_of_a_job():
    source = notebook(
        ("words", "Some text", "text"),
        ("imports", "import torch", "given"),
        ("f", "import numpy as np\n\ndef f(): ...\n\na, (b, *c) = 1, (2, 3)\nclass D: pass", "answer"),
        ("c", "# Task 1: try it\nassert f(), 'no'\n" + HIDDEN.format("# hidden: try more\nassert f(1), 'no'"), "check"),
        ("d", "# Task 2: look inside\n# grade: inline\nassert f(), 'no'", "check"),
        ("m", "Why?", "manual"),
    )
    job = job_of("tiny", source, answers_in(source))
    assert [(cell.grade_id, cell.kind, cell.title) for cell in job.cells] == [
        ("imports", "given", ""),
        ("f", "answer", ""),
        ("c", "check", "try more"),
        ("d", "inline", "Task 2: look inside"),
    ]
    assert job.names == ("D", "a", "b", "c", "f")
    assert job.cells[2].source == "# Task 1: try it\nassert f(), 'no'"
    assert job.cells[2].hidden == "# hidden: try more\nassert f(1), 'no'"
    assert sum(cell.points for cell in job.cells) == 4


def test_an_answer_to_no_question_is_an_error_of_the_author():
    with pytest.raises(KeyError, match=r"no answer cell \['g'\]; it has \['f'\]"):
        job_of("tiny", notebook(("f", "", "answer")), {"g": ""})


@pytest.mark.parametrize(
    ("answer", "check", "status", "points", "message", "where"),
    [
        ("def f(x): return x", "assert f(1) == 1, 'no'", "passed", 2, "", ""),
        ("def f(x): return x", "assert f(1) == 2, 'count again'", "failed", 0, "count again", "visible"),
        ("def f(x): return 1 / 0", "f(1)", "error", 0, "ZeroDivisionError: division by zero", "visible"),
        ("", "f(1)", "error", 0, "NameError: name 'f' is not defined", "visible"),
        ("def f(x): return x", "0.5 + f(1)", "passed", 1.5, "", ""),
        ("def f(x): return x", "f(7)", "passed", 2, "", ""),
        ("def f(x): return x", "f(1) == 1", "passed", 2, "", ""),
        ("def f(x): return 7", "# Try\n" + HIDDEN.format("assert f(1) == 4711, f(1)"), "failed", 0, "Try", "hidden"),
        ("def f(x): return 7", HIDDEN.format("# hidden: more\nf()"), "error", 0, "more", "hidden"),
        ("raise ValueError('early')\ndef f(x): return x", "f(1)", "error", 0, "NameError", "visible"),
    ],
)
def test_a_check_gives_points_or_words(answer, check, status, points, message, where):
    cell = outcome(answer, check)["c"]
    assert (cell.status, cell.points, cell.where) == (status, points, where)
    assert cell.message.startswith(message)
    assert "4711" not in cell.message


def test_answers_see_nothing_of_the_checks_and_checks_only_the_answers_names():
    answer = "def f(x): return sorted(globals())\nmath = None\nother = 1"
    cells = outcome(answer, "secret = 1\nassert math.pi > 3, 'no'\nassert 'secret' not in f(1), 'no'\nother")
    assert cells["c"].message == "NameError: name 'other' is not defined"


def test_an_answer_that_fails_says_how_and_what_it_printed():
    cell = outcome("print('so far')\nraise KeyError('x')", "f")["f"]
    assert (cell.status, cell.message, cell.output, cell.where) == ("error", "KeyError: 'x'", "so far\n", "answer")


def test_an_inline_check_runs_beside_the_answers():
    job = Job("tiny", "me", (Cell("f", "answer", "secret = 3"), Cell("c", "inline", "assert secret == 3, 'no'")), ())
    assert [cell.status for cell in rehearse(job).cells] == ["passed", "passed"]
