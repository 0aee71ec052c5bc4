"""The engine: verdicts, what feedback may say, what a crash costs, and what is left afterwards."""

import os
import signal
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from cnncourse.grading.confinement import ConfinementError, limits
from cnncourse.grading.engine import Engine, EngineError
from cnncourse.grading.job import Cell, Job, Limits, Outcome

QUICK = Limits(cell_seconds=1.5, total_seconds=30.0)
GIVEN = Cell("given", "given", "import torch")


def check(source, hidden="", points=2.0, title="", grade_id="check"):
    return Cell(grade_id, "check", source, hidden, title, points)


def answer(source, grade_id="answer"):
    return Cell(grade_id, "answer", source)


def grade(engine, *cells, names="f g h", **more):
    outcome = engine.grade(Job("ps1", "ada", cells, tuple(names.split()), **more))
    assert [cell.grade_id for cell in outcome.cells] == [cell.grade_id for cell in cells]
    return {cell.grade_id: cell for cell in outcome.cells}


def test_an_outcome_has_one_entry_per_cell_and_says_how_it_was_confined(engine):
    job = Job("ps1", "ada", (GIVEN, answer("def f(): return 1"), check("assert f() == 1")), ("f",))
    outcome = engine.grade(job)
    assert [cell.status for cell in outcome.cells] == ["passed"] * 3
    assert (outcome.points, outcome.max_points) == (2.0, 2.0)
    assert outcome.confinement == engine.confinement
    assert outcome.confinement.split(":")[0] in ("namespaces", "landlock")
    assert Outcome.from_json(outcome.to_json()) == outcome


def test_a_failed_check_says_its_own_words_or_its_line(engine):
    found = grade(
        engine,
        answer("def f(): return 1"),
        check("x = 3\nassert f() == 2, 'f gives 1; it should be one more'", grade_id="a"),
        check("x = 3\n\nassert f() == x", grade_id="b"),
        check("f(1, 2)", grade_id="c"),
    )
    assert (found["a"].status, found["a"].where) == ("failed", "visible")
    assert found["a"].message == "f gives 1; it should be one more"
    assert found["b"].message == "line 3: assert f() == x"
    assert found["c"].status == "error"
    assert found["c"].message.startswith("TypeError")
    assert "line 1: f(1, 2)" in found["c"].message


@pytest.mark.parametrize(
    "hidden",
    [
        "assert f(17) == 'mackerel', f'f(17) should be mackerel'",
        "raise RuntimeError('mackerel')",
        "mackerel + 1",
        "f.mackerel",
        "print('mackerel')\nimport sys\nsys.exit('mackerel')",
        "f('mackerel')",
        "assert f(",
    ],
)
def test_hidden_tests_are_told_by_their_title_only(engine, hidden):
    told = answer("def f(x):\n    print('called with', x)\n    raise ValueError(f'no {x}')")
    found = grade(engine, told, check("y = 1", hidden, title="Large inputs"), check("y = 1", hidden, grade_id="other"))
    assert found["check"].message == "Large inputs"
    assert (found["check"].points, found["check"].where) == (0.0, "hidden")
    assert found["other"].message == "A hidden test of this task failed."
    assert "mackerel" not in repr(found)
    assert "17" not in repr(found)


@pytest.mark.parametrize(
    ("source", "hidden", "points", "status"),
    [
        ("1.5", "", 1.5, "passed"),
        ("score = 0\nscore", "", 0.0, "failed"),
        ("2", "", 2.0, "passed"),
        ("x = 1", "0.5 + f()", 1.5, "passed"),
        ("0.25;", "", 2.0, "passed"),
        ("'0.25'", "", 2.0, "passed"),
        ("True", "", 2.0, "passed"),
        ("import numpy as np\nnp.float64(0.25)", "", 2.0, "passed"),
        ("f()", "", 2.0, "passed"),  # the student's number, not the check's
        ("f().real", "", 2.0, "passed"),
        ("3.0", "", 0.0, "error"),
        ("float('nan')", "", 0.0, "error"),
    ],
)
def test_partial_credit_is_the_number_that_the_check_ends_with(engine, source, hidden, points, status):
    found = grade(engine, answer("def f(): return 1"), check(source, hidden))["check"]
    assert (found.points, found.status) == (points, status)
    assert found.partial == (points not in (0.0, 2.0) or status == "failed")


def test_what_an_answer_prints_is_kept_up_to_a_limit(engine):
    found = grade(
        engine,
        answer("print('hello')\n2 + 2", "short"),
        answer("for _ in range(1000): print('x' * 1000)", "long"),
        limits=Limits(output_bytes=5000),
    )
    assert found["short"].output == "hello\n4\n"
    assert 5000 <= len(found["long"].output) < 5100
    assert "cut off" in found["long"].output


def test_an_error_in_an_answer_names_its_line_and_keeps_what_came_before(engine):
    found = grade(engine, answer("def f(): return 1\nprint('before')\n1 / 0"), check("assert f() == 1"))
    assert found["answer"].status == "error"
    assert found["answer"].message == "line 3: ZeroDivisionError: division by zero"
    assert found["answer"].output == "before\n"
    assert found["check"].points == 2.0


def test_a_crash_costs_only_what_depends_on_it(engine):
    found = grade(
        engine,
        GIVEN,
        answer("def f(): return 1", "a1"),
        answer("import os; os._exit(1)", "a2"),
        check("assert f() == 1", grade_id="c1"),
        answer("def g(): os._exit(2)\nimport os", "a3"),
        check("g()", grade_id="c2"),
        answer("def h(): return f() + 2", "a4"),
        check("assert h() == 3", grade_id="c3"),
    )
    statuses = [found[name].status for name in ("a1", "a2", "c1", "a3", "c2", "a4", "c3")]
    assert statuses == ["passed", "crashed", "passed", "passed", "crashed", "passed", "passed"]


def test_after_a_timeout_the_rest_shares_the_time_that_is_left(engine):
    loops = [check("f()", grade_id=f"loop{number}", points=1.0) for number in range(6)]
    found = grade(
        engine,
        answer("def f():\n    while True: pass\ndef g(): return 1"),
        *loops,
        check("assert g() == 1"),
        limits=Limits(cell_seconds=2.0, total_seconds=8.0),
    )
    assert {found[cell.grade_id].status for cell in loops} == {"timeout"}
    assert found["check"].points == 2.0


def test_a_check_that_never_ends_or_dies_costs_only_itself(engine):
    found = grade(
        engine,
        answer("def f(): return 1"),
        check("while True: pass", grade_id="loop"),
        check("import os; os._exit(0)", grade_id="dead"),
        check("try:\n    while True: pass\nexcept BaseException: pass", grade_id="stubborn"),
        check("assert f() == 1"),
        limits=QUICK,
    )
    assert [found[name].status for name in ("loop", "dead", "check")] == ["timeout", "crashed", "passed"]


def test_given_cells_run_on_both_sides_and_students_cannot_shadow_their_names(engine):
    given = Cell("given", "given", "import torch\ndef helper(x): return x + 1")
    spoiled = answer("helper = torch = None\ndef f(): return 1")
    found = grade(engine, given, spoiled, check("assert helper(f()) == 2 and torch.ones(1).item() == 1"))
    assert found["check"].points == 2.0


def test_a_name_of_the_solution_is_the_students_again_after_an_answer(engine):
    found = grade(
        engine,
        answer("f = 1", "a1"),
        check("f = 5\nassert f == 5", grade_id="c1"),
        check("assert f == 5", grade_id="c2"),
        answer("f = 2", "a2"),
        check("assert f == 2", grade_id="c3"),
    )
    assert [found[name].status for name in ("c1", "c2", "c3")] == ["passed"] * 3


def test_an_answer_may_use_a_name_that_an_earlier_check_has_shown(engine):
    found = grade(
        engine,
        answer("def f(x): return x + 1", "a1"),
        check("import math\nvalue = 3\nassert f(value) == 4", "secret = 5\nassert f(secret) == 6", grade_id="c1"),
        answer("g = math.floor(value + 0.5)", "a2"),
        check("assert g == 3", grade_id="c2"),
        answer("h = secret", "a3"),
    )
    assert [found[name].status for name in ("c1", "a2", "c2", "a3")] == ["passed", "passed", "passed", "error"]


def test_an_inline_check_runs_in_the_students_process(engine):
    cells = [answer("secret = 7\ndef f(): return 1")]
    cells += [Cell("good", "inline", "assert secret == 7", points=1.0)]
    cells += [Cell("bad", "inline", "assert secret == 8, 'not eight'", points=1.0)]
    found = grade(engine, *cells, check("assert f() == 1"))
    assert (found["good"].points, found["bad"].points) == (1.0, 0.0)
    assert (found["bad"].status, found["bad"].message) == ("failed", "not eight")
    assert found["check"].points == 2.0


def test_released_files_are_there_on_both_sides(engine):
    files = (("data/x.txt", b"42"), ("helper.py", b"def twice(x): return 2 * x"))
    reading = answer("from helper import twice\ndef f(): return twice(int(open('data/x.txt').read()))")
    found = grade(engine, reading, check("import helper\nassert f() == helper.twice(42)"), files=files)
    assert found["check"].points == 2.0


def test_a_network_of_the_check_cannot_be_emptied_to_fit_the_answer(engine):
    given = Cell("given", "given", "import torch\nfrom torch import nn")
    emptied = answer("def f(layer, x):\n    for p in layer.parameters(): p.data.zero_()\n    return torch.zeros(1, 2)")
    compare = "layer = nn.Linear(3, 2)\nx = torch.ones(1, 3)\nassert torch.allclose(f(layer, x), layer(x))"
    found = grade(
        engine,
        given,
        emptied,
        check(compare),
        check(compare.replace("assert", "# grade: in-place\nassert"), grade_id="marked"),
    )
    assert (found["check"].points, found["marked"].points) == (0.0, 2.0)


def test_text_of_students_can_be_stored_anywhere(engine):
    found = grade(engine, answer("print('\\0 \\ud800 \\x1b[31m')\nraise ValueError('\\0\\ud800')"))["answer"]
    assert found.output == "\ufffd ? \ufffd[31m\n"
    assert found.message == "line 2: ValueError: \ufffd?"


def test_the_same_job_gets_the_same_outcome_again(engine):
    rolls = check("import random, torch\nrandom.random() + torch.rand(1).item() / 2 + f() / 4")
    job = Job("ps1", "ada", (answer("import random\ndef f(): return random.random()"), rolls), ("f",))
    first, second = (engine.grade(job).points for _ in range(2))
    assert first == second
    assert 0 < first < 2


def test_several_threads_grade_at_once_without_mixing_anything_up(engine):
    def points(number):
        cells = (answer(f"def f(): return {number}\nopen('mine', 'x').close()"), check(f"assert f() == {number}"))
        return engine.grade(Job("ps1", str(number), cells, ("f",))).points

    with ThreadPoolExecutor(4) as pool:
        assert [*pool.map(points, range(12))] == [2.0] * 12


def test_a_bomb_beside_an_honest_submission_does_not_disturb_it(engine):
    bomb = Job("ps1", "bomb", (answer("import os\nwhile True:\n    try: os.fork()\n    except OSError: pass"),), ())
    waiting = threading.Thread(target=engine.grade, args=(Job(**{**vars(bomb), "limits": QUICK}),))
    waiting.start()
    honest = answer("import threading\nthreads = [threading.Thread(target=print) for _ in range(8)]\n"
                    "[t.start() for t in threads]\ndef f(): return 1")  # fmt: skip
    assert grade(engine, honest, check("assert f() == 1"))["check"].points == 2.0
    waiting.join()


def sandboxed():
    """Processes of sandboxes: forks of a fork server."""
    return [pid for pid in limits.family(os.getpid()) if "fork_server" in cmdline(pid)]


def cmdline(pid):
    try:
        return Path(f"/proc/{pid}/cmdline").read_text()
    except OSError:
        return ""


def outside():
    """What grading or its students could have left; other programs write to these places too."""
    places = [
        Path("/tmp"),
        Path("/var/tmp"),
        Path.home(),
        Path.cwd(),
        Path("/dev/shm"),
        Path("/"),
        Path(os.__file__).parent,
    ]
    names = ("litter", "mine", "file1", "torch.py")
    return {str(path) for place in places for name in names for path in place.glob(name)}


LITTER = """import os, subprocess, sys, time
from pathlib import Path
for place in ("/tmp", "/dev/shm", "/var/tmp", "/root", "/work", "/", ".", os.path.dirname(os.__file__)):
    try: Path(place, "litter").write_text("x")
    except OSError: pass
for _ in range(3):
    if os.fork() == 0:
        os.setsid()
        time.sleep(1000)
subprocess.Popen([sys.executable, "-c", "import time; time.sleep(1000)"], start_new_session=True)
def f(): return 1"""


def test_nothing_is_left_running_or_written_outside(engine):
    before, files, descriptors = sandboxed(), outside(), len([*Path("/proc/self/fd").iterdir()])
    assert grade(engine, answer(LITTER), check("assert f() == 1"))["check"].points == 2.0
    assert sandboxed() == before
    assert outside() == files
    assert len([*Path("/proc/self/fd").iterdir()]) == descriptors


def test_a_killed_fork_server_is_replaced(engine):
    os.kill(sandboxed()[0], signal.SIGKILL)
    time.sleep(0.1)
    assert grade(engine, answer("def f(): return 1"), check("assert f() == 1"))["check"].points == 2.0


def test_levels_are_named_and_the_unsafe_one_must_be_allowed():
    with pytest.raises(ValueError, match="namespaces, landlock, unsafe"):
        Engine(confinement="docker")
    with pytest.raises(ConfinementError, match="allow_unsafe=True"):
        Engine(confinement="unsafe")


def test_a_closed_engine_says_so_and_leaves_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    left = tmp_path / "cnncourse-grading-left"
    left.mkdir()
    (left / "not-for-students").touch()  # by an engine that was killed
    running = sandboxed()
    with Engine(Limits(cell_seconds=3.0)) as other:
        assert other.grade(Job("a", "b", (answer("f = 1"), check("assert f == 1")), ("f",))).points == 2.0
        assert len([*tmp_path.iterdir()]) == 1
    assert [*tmp_path.iterdir()] == []
    assert sandboxed() == running
    with pytest.raises(EngineError, match="closed"):
        other.grade(Job("a", "b", (answer("f = 1"),), ()))
