"""`kill -9` in the middle of a run: the next run ends as an undisturbed one, and grades nothing twice."""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

from grading.classes import SmallCourse, grades

STUDENTS = 20
SLOW_RUN = """
import sys, time
sys.path.insert(0, {tests!r})
from grading.classes import Rehearsal
from cnncourse.grading.classroom import Options, grade_class
from cnncourse.grading.course import read_course

class Slow(Rehearsal):
    def grade(self, job):
        time.sleep(0.03)
        with open("graded", "a") as file:
            file.write(job.student + "\\n")
        return super().grade(job)

grade_class(read_course("."), "ps1", Slow(), Options(progress=False))
"""


def make(folder):
    course = SmallCourse(folder)
    for number in range(STUDENTS):
        wrong = {"mean": f"def mean(values):\n    return {number}"} if number % 3 else {}
        course.submit(f"s{number:02d}", course.right(why=f"answer {number}", **wrong))
    (course.root / "gradebook.db").unlink()  # so that it may also be killed while it makes the gradebook
    return course


def start(course):
    root = Path(__file__).parents[2]
    environment = {**os.environ, "PYTHONPATH": str(root)}
    script = SLOW_RUN.format(tests=str(root / "tests"))
    return subprocess.Popen([sys.executable, "-c", script], cwd=course.root, env=environment)


def finish(course):
    assert start(course).wait(120) == 0


def wait_for_results(course, process, number):
    folder = course.root / "grading" / "ps1" / "results"
    end = time.monotonic() + 60
    while time.monotonic() < end and process.poll() is None:
        if len(list(folder.glob("*.json"))) >= number:
            return
        time.sleep(0.005)


def pages(course):
    return {path.parts[-3]: path.read_text() for path in course.root.glob("feedback/*/*/*.html")}


def test_a_run_that_was_killed_again_and_again_ends_as_one_that_was_not(tmp_path):
    choose = random.Random(1)
    calm, killed = make(tmp_path / "calm"), make(tmp_path / "killed")
    finish(calm)
    for number in (0, 2, 6, 11):
        process = start(killed)
        wait_for_results(killed, process, number)
        time.sleep(choose.uniform(0, 0.1 if number else 1.5))
        process.send_signal(signal.SIGKILL)
        assert process.wait(30) == -signal.SIGKILL, "the run had ended before it could be killed"
    finish(killed)
    assert grades(killed.root) == grades(calm.root)
    assert pages(killed) == pages(calm)
    again = (killed.root / "graded").read_text().split()
    assert len(again) <= STUDENTS + 4, "at most what was under way is graded again"


ENGINE = """
import time
from cnncourse.grading.engine import Engine
with Engine() as engine:
    print(engine._server._process.pid, engine._base, flush=True)
    time.sleep(60)
"""


def is_running(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_an_engine_that_was_killed_leaves_neither_processes_nor_files():
    process = subprocess.Popen([sys.executable, "-c", ENGINE], stdout=subprocess.PIPE, text=True)
    with process.stdout:
        pid, folder = process.stdout.readline().split()
    process.send_signal(signal.SIGKILL)
    process.wait(30)
    end = time.monotonic() + 30
    while Path(folder).exists() or is_running(pid):
        assert time.monotonic() < end, (pid, folder)
        time.sleep(0.1)
