"""The same class on a Dask cluster of real processes, one of which is killed half-way."""

import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import pytest
from grading.classes import SmallCourse, grades

from cnncourse.grading.backends import DaskBackend

ROOT = Path(__file__).parents[2]
STUDENTS = 14


@contextmanager
def process(*arguments, folder):
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    settings = {"cwd": folder, "env": environment, "stderr": subprocess.DEVNULL, "stdout": subprocess.DEVNULL}
    started = subprocess.Popen([sys.executable, "-m", *arguments], **settings)
    try:
        yield started
    finally:
        started.terminate()
        try:
            started.wait(20)
        except subprocess.TimeoutExpired:
            started.kill()
            started.wait()


@contextmanager
def cluster(folder, workers):
    pytest.importorskip("distributed")
    address = folder / "scheduler.json"
    scheduler = ("distributed.cli.dask_scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard")
    worker = ("distributed.cli.dask_worker", "--host", "127.0.0.1", "--no-nanny", "--nthreads", "1", "--no-dashboard")
    where = ("--scheduler-file", str(address))
    with process(*scheduler, *where, folder=folder):
        first = process(*worker, *where, "--name", "first", folder=folder)
        second = process(*worker, *where, "--name", "second", folder=folder)
        with first as one, second as two:
            yield address, [one, two][:workers]


def backend_for(scheduler_file, workers):
    """A backend once the cluster has that many workers."""
    import json

    end = time.monotonic() + 60
    while not scheduler_file.exists():
        assert time.monotonic() < end, "the scheduler did not start"
        time.sleep(0.1)
    backend = DaskBackend(json.loads(scheduler_file.read_text())["address"], workers=4)
    backend._client.wait_for_workers(workers, timeout=60)
    return backend


def killing_after(backend, victim, number):
    """The backend's way to grade, which kills a worker when that many jobs are done."""
    done = []
    grade = backend.grade

    def graded(job):
        outcome = grade(job)
        done.append(job.student)
        if len(done) == number:
            victim.send_signal(signal.SIGKILL)
        return outcome

    return graded


def test_a_cluster_grades_as_one_machine_although_a_worker_dies(tmp_path, monkeypatch):
    here, there = SmallCourse(tmp_path / "here"), SmallCourse(tmp_path / "there")
    for course in (here, there):
        for number in range(STUDENTS):
            wrong = {"add": f"def add(a, b):\n    return {number}"} if number % 2 else {}
            course.submit(f"s{number:02d}", course.right(why=f"{number}", **wrong))
    here.grade()
    with cluster(tmp_path, 2) as (address, workers):
        backend = backend_for(address, 2)
        monkeypatch.setattr(backend, "grade", killing_after(backend, workers[0], STUDENTS // 2))
        summary = there.grade(lambda: backend)
        assert workers[0].wait(20) == -signal.SIGKILL
        backend.close()
    assert summary.failed == []
    assert grades(there.root) == grades(here.root)
    assert all("namespaces" in line.confinement or "landlock" in line.confinement for line in summary.lines)


def test_no_scheduler_is_said_so():
    pytest.importorskip("distributed")
    with pytest.raises(OSError, match=r"no scheduler answers at tcp://127\.0\.0\.1:9"):
        DaskBackend("tcp://127.0.0.1:9", timeout="1s")
