"""Confinement: what each level refuses, the ladder between them, and grading as an ordinary user."""

import json
import os
import struct
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from cnncourse.grading.confinement import ConfinementError, covered_folders, ladder, landlock, limits, seccomp, system
from cnncourse.grading.engine import Engine
from cnncourse.grading.job import Cell, Job

ROOT = Path(__file__).parents[2]
root_only = pytest.mark.skipif(os.geteuid() != 0, reason="needs root to become somebody else")

SPY = """
import ctypes, os, socket
from pathlib import Path
found = []
def attempt(name, action):
    try: action()
    except OSError: return
    found.append(name)
attempt("solutions", lambda: os.listdir(ROOT + "/tests"))
attempt("passwords", lambda: open("/etc/shadow").read())
attempt("write package", lambda: open(ROOT + "/cnncourse/evil", "w"))
attempt("write system", lambda: open("/usr/evil", "w"))
attempt("write tmp", lambda: open("/var/tmp/evil", "w"))
attempt("internet", lambda: socket.socket(socket.AF_INET))
attempt("bind", lambda: socket.socket(socket.AF_INET6).bind(("::1", 0)))
attempt("kill the parent", lambda: os.kill(os.getppid() or 10**6, 0))
attempt("signal somebody", lambda: os.kill(OUTSIDER, 0))
attempt("environment of others", lambda: [open(f"/proc/{pid}/environ").read() for pid in [OUTSIDER]])
if ctypes.CDLL(None).ptrace(16, OUTSIDER, 0, 0) == 0: found.append("ptrace")
if ctypes.CDLL(None).unshare(0x10000000) == 0: found.append("user namespace")
def f(): return found
"""
HONEST = """
import tempfile, torch
from pathlib import Path
from torch.utils.data import DataLoader, TensorDataset
def g():
    Path("mine").write_text("x")
    with tempfile.TemporaryDirectory() as folder: torch.save(torch.ones(1), folder + "/w")
    loader = DataLoader(TensorDataset(torch.arange(4.0)), 2, num_workers=WORKERS)
    return sum(b.sum().item() for (b,) in loader), Path("mine").read_text()
"""


CHECKS = (Cell("c1", "check", "assert f == 1", points=1.0), Cell("c2", "check", "assert g == 1", points=1.0))


def job(workers=2):
    spy = SPY.replace("ROOT", repr(str(ROOT))).replace("OUTSIDER", str(os.getpid()))
    cells = (
        Cell("a1", "answer", spy),
        Cell("c1", "check", "assert f() == [], f()", points=1.0),
        Cell("a2", "answer", HONEST.replace("WORKERS", str(workers))),
        Cell("c2", "check", "assert g() == (6.0, 'x'), g()", points=1.0),
    )
    return Job("spy", "ada", cells, ("f", "g"))


def messages(outcome):
    return [(cell.status, cell.message) for cell in outcome.cells]


def test_the_best_level_refuses_everything_and_lets_honest_work_be(engine):
    assert messages(engine.grade(job())) == [("passed", "")] * 4


def test_landlock_refuses_the_same_without_namespaces():
    if not landlock.version():
        pytest.skip("this kernel has no Landlock")
    with Engine(confinement="landlock") as engine:
        assert engine.confinement.startswith("landlock: Landlock")
        assert messages(engine.grade(job())) == [("passed", "")] * 4
        leaving = (
            "import os, time\nfor _ in range(3):\n    if os.fork() == 0:\n        os.setsid()\n        time.sleep(1000)"
        )
        engine.grade(Job("a", "b", (Cell("a", "answer", leaving),), ()))
        server = engine._server._process.pid
        assert limits.family(server) == [server]


SCRIPT = """
import json, sys
from cnncourse.grading.confinement import seccomp
from cnncourse.grading.engine import Engine
from cnncourse.grading.job import Job
if "no-namespaces" in sys.argv: seccomp.confine()
with Engine() as engine:
    outcome = engine.grade(Job.from_json(sys.stdin.read()))
print(json.dumps([engine.confinement, outcome.to_json()]))
"""


def as_ordinary_user(*arguments, workers):
    """Grade in a process of a user without any rights, for whom the Python in root's home is made readable."""

    def become():
        system.unshare(system.CLONE_NEWNS)
        system.mount("", "/", flags=system.MS_REC | system.MS_PRIVATE)
        for place in {Path(sys.base_prefix), Path(sys.prefix).resolve(), ROOT}:
            make_readable(place)
        os.setgroups([])
        os.setresgid(54321, 54321, 54321)
        os.setresuid(54321, 54321, 54321)

    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, *arguments],
        input=job(workers).to_json(),
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "HOME": "/tmp", "TMPDIR": "/tmp"},
        preexec_fn=become,
        capture_output=True,
        text=True,
        cwd="/",
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def make_readable(place):
    """Show a folder to everybody though it lies in somebody's private one, in this mount namespace only."""
    hidden = next((parent for parent in [*place.parents][::-1] if not parent.stat().st_mode & 0o001), None)
    if hidden is None:
        return
    handle = os.open(place, os.O_PATH)
    system.mount("tmpfs", str(hidden), "tmpfs", options="mode=755")
    place.mkdir(parents=True)
    system.mount(f"/proc/self/fd/{handle}", str(place), flags=system.MS_BIND)
    os.close(handle)


@root_only
def test_an_ordinary_user_has_namespaces_too_where_the_system_allows_them():
    confinement, outcome = as_ordinary_user(workers=2)
    if not confinement.startswith("namespaces"):
        pytest.skip("this system does not let ordinary users make namespaces")
    assert "user namespaces" in confinement
    assert json.loads(outcome)["cells"][1]["message"] == ""
    assert [cell["points"] for cell in json.loads(outcome)["cells"]] == [0.0, 1.0, 0.0, 1.0]


@root_only
def test_where_namespaces_are_refused_an_ordinary_user_climbs_down_to_landlock():
    if not landlock.version():
        pytest.skip("this kernel has no Landlock")
    confinement, outcome = as_ordinary_user("no-namespaces", workers=2)
    assert confinement.startswith("landlock")
    assert [cell["points"] for cell in json.loads(outcome)["cells"]] == [0.0, 1.0, 0.0, 1.0], outcome


def test_the_unsafe_level_still_grades_in_split_processes_and_says_what_it_is():
    with Engine(confinement="unsafe", allow_unsafe=True) as engine:
        assert engine.confinement.startswith("unsafe: limits")
        cells = (Cell("a", "answer", "class Yes:\n    __eq__ = lambda *a: True\nf, g = Yes(), 1"), *CHECKS)
        outcome = engine.grade(Job("yes", "ada", cells, ("f", "g")))
    assert [cell.points for cell in outcome.cells] == [0.0, 0.0, 1.0]


def test_the_probe_finds_what_is_not_refused(tmp_path):
    code = """
    import json, os, sys
    from cnncourse.grading.confinement import probe, system
    if os.geteuid() == 0:
        system.unshare(system.CLONE_NEWNS)
        system.mount("", "/", flags=system.MS_REC | system.MS_PRIVATE)
    print(json.dumps(probe.leaks("namespaces", sys.argv[1], os.getppid())))
    """
    secret = tmp_path / "secret"
    secret.write_text("x")
    package = Path(limits.__file__).parent / "probe.new"
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(code), str(secret)], capture_output=True, text=True)
    package.unlink(missing_ok=True)
    found = json.loads(done.stdout)
    assert {"read a file outside", "write beside it", "open an internet socket", "see other processes"} <= set(found)


@pytest.mark.parametrize("machine", ["x86_64", "aarch64"])
def test_the_filter_is_a_valid_program_that_ends(monkeypatch, machine):
    monkeypatch.setattr(system, "MACHINE", machine)
    program = [*struct.iter_unpack("HBBI", seccomp._program(True, True))]
    assert len(program) < 4096  # the kernel's limit
    for place, (code, if_true, if_false, _) in enumerate(program):
        assert code in (0x20, 0x15, 0x35, 0x45, 0x06)
        assert code == 0x06 or place + 1 + max(if_true, if_false) < len(program)
    assert program[-1] == (0x06, 0, 0, 0x7FFF0000)


def test_what_is_missing_is_said_in_words(monkeypatch):
    monkeypatch.setattr(system, "MACHINE", "riscv64")
    with pytest.raises(ConfinementError, match="riscv64"):
        seccomp.confine()
    monkeypatch.setattr(landlock, "version", lambda: 0)
    with pytest.raises(ConfinementError, match="Landlock"):
        landlock.confine([], [])
    monkeypatch.setattr(system, "LINUX", False)
    with pytest.raises(ConfinementError, match="WSL"):
        system.unshare(0)


def test_private_folders_inside_visible_ones_are_covered():
    visible = [Path("/usr"), Path("/usr/share/course/.venv"), Path("/opt/python")]
    private = [Path("/usr/share/exam"), Path("/usr/share/course"), Path("/home/me"), Path("/usr")]
    assert covered_folders(visible, private) == [Path("/usr/share/exam")]


def test_the_whole_system_is_never_shown(monkeypatch):
    monkeypatch.setattr(sys, "prefix", "/")
    monkeypatch.setattr(sys, "base_prefix", "/")
    assert Path("/") not in ladder.visible_folders(ROOT / "cnncourse")


def test_the_environment_holds_nothing_of_the_instructors(monkeypatch):
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "hunter2")
    kept = limits.environment(["/x"])
    assert "hunter2" not in repr(kept)
    assert kept["CUDA_VISIBLE_DEVICES"] == ""
    assert limits.environment(["/x"], "/data")["CNNCOURSE_DATA"] == "/data"
