"""Mutants of answers: which mistakes are made, who kills them, and what happens to endless ones."""

import pytest
from assignments.grading_of import ROOT, TOPICS, instructor
from grading.test_rehearsal import notebook

from cnncourse.grading import cli, trials
from cnncourse.grading.mutants import mutants_of
from cnncourse.grading.mutation import (
    EQUIVALENTS,
    Equivalent,
    Score,
    TaskScore,
    read_equivalents,
    score_assignment,
)


def became(source):
    """What stands in the place of the only line of a cell."""
    return {mutant.source for mutant in mutants_of(source)}


@pytest.mark.parametrize(
    ("source", "mutants"),
    [
        ("a = b - c", {"a = b + c", "a = b", "a = c - b"}),
        ("a = b * c", {"a = b // c", "a = b + c", "a = b", "a = c"}),
        ("a = b // c", {"a = b / c", "a = b * c", "a = b", "a = c // b"}),
        ("a = -b", {"a = b"}),
        ("a += b", {"a -= b", "a = b", "pass"}),
        ("a = b < c", {"a = b <= c", "a = b >= c"}),
        ("a = b == c", {"a = b != c"}),
        ("a = b and c", {"a = b or c", "a = b", "a = c"}),
        ("a = 3", {"a = 4", "a = 2"}),
        ("a = True", {"a = False"}),
        ("a = 'text'", set()),
        ("a = range(n)", {"a = range(n + 1)", "a = range(n - 1)", "a = range(1, n)"}),
        ("a = range(n + 1)", {"a = range(n + 2)", "a = range(n + 0)", "a = range(n - 1)", "a = range(n)"}),
        ("a = b[c:]", {"a = b[c + 1:]", "a = b[c - 1:]", "a = b[c:-1]"}),
        ("a, b = c, d", {"b, a = (c, d)", "a, b = (d, c)"}),
        ("a = f(b, c)", {"a = f(c, b)", "a = f(b)"}),
        ("a = f(b, dim=c)", {"a = f(b)"}),
        ("a = b.sum(dim=(c, d))", {"a = b.mean(dim=(c, d))", "a = b.sum()"}),
        ("a = b.flip(c, d)", {"a = b", "a = b.flip(c)"}),
        ("a = torch.abs(b)", {"a = b"}),
        ("a = max(b, c)", {"a = min(b, c)", "a = max(b)"}),
        ("a = height * 1.5", {"a = height * 2.5", "a = height * 0.5", "a = height // 1.5", "a = height + 1.5"}),
        ("raise a", {"pass"}),
        ("f(a)", {"pass"}),
        ("a[b] = c", {"pass"}),
    ],
)
def test_a_mistake_at_a_time(source, mutants):
    assert mutants <= became(source)
    if mutants == set():
        assert became(source) == set()


def test_axes_are_confused_only_if_both_have_names():
    assert "a = f(width, width)" in became("a = f(height, width)")
    assert not any("width" in mutant for mutant in became("a = f(height, depth)"))


@pytest.mark.parametrize("source", ["a = b.sum((c, d))", "a = b.transpose(c, d)", "a = max(b, c)"])
def test_a_change_of_order_that_says_nothing_is_no_mistake(source):
    assert not any("d, c" in mutant or "c, b" in mutant for mutant in became(source))


def test_conditions_are_negated_and_made_constant():
    mutants = became("if a(b):\n    c(d)")
    assert {f"if {test}:\n    c(d)" for test in ("not a(b)", "False", "True")} <= mutants
    assert "a = [b for b in c]" in became("a = [b for b in c if b]")
    assert "while a:\n    continue" in became("while a:\n    break")


def test_mutants_compile_differ_and_come_in_one_order():
    source = "def f(a, b=1):\n    '''What f does.'''\n    return [a // b + 1, a // b + 1]"
    mutants = mutants_of(source)
    assert mutants == mutants_of(source)
    assert len({mutant.source for mutant in mutants}) == len({mutant.diff for mutant in mutants}) == len(mutants)
    for mutant in mutants:
        compile(mutant.source, "mutant", "exec")
        assert "What f does." in mutant.source


def test_only_what_stands_between_the_marks_is_changed():
    marked = "def f(a=1):\n    ### BEGIN SOLUTION\n    return a + 2\n    ### END SOLUTION\n\nb = 5"
    assert {mutant.diff.split("\n")[0] for mutant in mutants_of(marked)} == {"- return a + 2"}


def test_a_diff_shows_the_mistake_without_indentation():
    (mutant,) = [m for m in mutants_of("def f(a, b):\n    return a @ b") if "*" in m.source]
    assert mutant.diff == "- return a @ b\n+ return a * b"


CHECK = "# Try\nassert f(3) == 4, 'no'"
WEAK = "# Try\nassert f(3) > 0, 'no'"
COUNT = "def f(n):\n    k = 0\n    while k < n:\n        k += 1\n    return k + 1"


def tiny(answer="def f(x):\n    return x + 1", check=CHECK):
    return notebook(("f", answer, "answer"), ("c", check, "check"))


def scored(*parts, equivalents=(), choose=list):
    (task,) = score_assignment("tiny", tiny(*parts), equivalents, choose=choose).tasks
    return task


def only(part):
    return lambda mutants: [mutant for mutant in mutants if part in mutant.diff]


def test_a_good_check_kills_all_mutants_and_a_weak_one_lets_some_live():
    assert [len(scored().killed), scored().survivors] == [5, []]
    alive = [mutant.diff.split("+ return ")[1] for mutant in scored("def f(x):\n    return x + 1", WEAK).survivors]
    assert alive == ["x - 1", "x", "1", "x + 2", "x + 0"]


def test_an_endless_loop_is_killed_after_seconds_of_processor_time():
    assert len(scored(COUNT, choose=only("+ pass")).killed) == 1


def test_one_who_sleeps_is_killed_too(monkeypatch):
    monkeypatch.setattr(trials, "_PATIENCE", 1)
    sleeper = "import time\ndef f(x):\n    if x > 3:\n        time.sleep(60)\n    return x + 1"
    assert len(scored(sleeper, choose=only(">=")).killed) == 1


def test_a_process_that_ends_is_killed_whatever_its_exit_status():
    crash = "import os\ndef f(x):\n    if x > 3:\n        os._exit(0)\n    return x + 1"
    assert len(scored(crash, choose=only(">=")).killed) == 1


def test_an_equivalent_mutant_is_not_counted_and_a_stale_entry_is_told():
    known = [
        Equivalent("tiny", "f", "- return x + 1\n+ return x", "because"),
        Equivalent("tiny", "f", "- return y\n+ return x", "it stood there once"),
        Equivalent("other", "f", "- return z\n+ return x", "not of this assignment"),
    ]
    task = scored("def f(x):\n    return x + 1", WEAK, equivalents=known)
    assert [len(task.equivalent), len(task.survivors), task.counted] == [1, 4, 4]
    assert task.stale == [known[1]]


def test_an_instructor_who_loses_points_is_told():
    with pytest.raises(ValueError, match="own answers of 'tiny' lose points: c: no"):
        score_assignment("tiny", tiny(answer="def f(x):\n    return x"))


def test_the_score_counts_what_should_be_killed():
    assert Score(()).share == 1
    assert Score((TaskScore("a", killed=[None] * 3, survivors=[None]), TaskScore("b", equivalent=[None]))).share == 0.75


def test_equivalents_need_a_reason(tmp_path):
    path = tmp_path / "equivalents.yml"
    assert read_equivalents(path) == []
    path.write_text("- {topic: a, task: b, diff: c, reason: ''}")
    with pytest.raises(ValueError, match="an entry needs topic, task, diff and reason"):
        read_equivalents(path)
    path.write_text("- {topic: a, task: b, diff: c, reason: d}")
    assert read_equivalents(path) == [Equivalent("a", "b", "c", "d")]


@pytest.fixture
def course(tmp_path):
    import json

    def write(check, equivalents=""):
        (tmp_path / "solutions" / "tiny").mkdir(parents=True, exist_ok=True)
        (tmp_path / "solutions" / "tiny" / "tiny.ipynb").write_text(json.dumps(tiny(check=check)))
        (tmp_path / "solutions" / EQUIVALENTS).write_text(equivalents)
        return cli.main(["mutants", "--course-dir", str(tmp_path)])

    return write


def test_the_command_prints_survivors_and_fails_below_the_target(course, capsys):
    assert course(CHECK) == 0
    assert "100.0 % of 5 mutants killed; 0 more are equivalent, 0 entries stale" in capsys.readouterr().out
    assert course(WEAK) == 1
    told = capsys.readouterr().out
    assert "tiny: 0/5 killed, 0.0 %" in told
    assert "    survived:\n      - return x + 1\n      + return x - 1" in told
    assert course(CHECK, "- {topic: tiny, task: f, diff: '- a', reason: gone}") == 1
    assert "justifies a mutant that is not made any more:\n      - a" in capsys.readouterr().out


def test_an_unknown_assignment_is_an_error_in_words(tmp_path, capsys):
    assert cli.main(["mutants", "nowhere", "--course-dir", str(tmp_path)]) == 2
    assert "nowhere.ipynb" in capsys.readouterr().err


@pytest.mark.nbgrader
@pytest.mark.parametrize("topic", TOPICS)
def test_a_sample_of_mutants_of_each_assignment_is_killed(topic):
    """`make mutants` grades all of them."""
    equivalents = read_equivalents(ROOT / "solutions" / EQUIVALENTS)
    score = score_assignment(
        topic, instructor(topic), equivalents, choose=lambda all_of: all_of[:: max(1, len(all_of) // 4)]
    )
    assert [entry for task in score.tasks for entry in task.stale] == []
    assert score.counted >= 12
    assert score.share >= 0.9


def test_every_justified_mutant_belongs_to_an_assignment():
    assert {entry.topic for entry in read_equivalents(ROOT / "solutions" / EQUIVALENTS)} <= set(TOPICS)
