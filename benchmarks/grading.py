"""Grading a class: throughput against stock nbgrader in one run, peak memory, and resuming after `kill -9`.

Prints tables and writes benchmarks/results/grading.json. `--quick` makes everything small.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import json
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "benchmarks" / "results" / "grading.json"
ASSIGNMENT = "stride_arithmetic"
STOCK_CONFIG = """
c = get_config()
c.CourseDirectory.course_id = "cnncourse"
c.CourseDirectory.source_directory = "solutions"
c.CourseDirectory.release_directory = "exercises"
c.ExecutePreprocessor.timeout = 60
"""
ENVIRONMENT = {
    **os.environ,
    "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}",
    "PYTHONPATH": os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")])),
    "OMP_NUM_THREADS": "1",
}


def make_course(folder: Path, students: int, stock: bool = False) -> Path:
    """A course with that many submissions, each different: right, partly wrong and empty ones."""
    shutil.copytree(ROOT / "solutions" / ASSIGNMENT, folder / "solutions" / ASSIGNMENT)
    if stock:
        (folder / "nbgrader_config.py").write_text(STOCK_CONFIG)
    else:
        shutil.copy(ROOT / "nbgrader_config.py", folder)
    solution = json.loads((ROOT / "solutions" / ASSIGNMENT / f"{ASSIGNMENT}.ipynb").read_text())
    released = json.loads((ROOT / "exercises" / ASSIGNMENT / f"{ASSIGNMENT}.ipynb").read_text())
    answers = {cell["id"]: "".join(cell["source"]) for cell in solution["cells"]}
    for number in range(students):
        path = folder / "submitted" / f"student{number:04d}" / ASSIGNMENT / f"{ASSIGNMENT}.ipynb"
        path.parent.mkdir(parents=True)
        path.write_text(json.dumps(submission(released, answers, number)))
    return folder


def submission(released: dict[str, Any], answers: dict[str, str], number: int) -> dict[str, Any]:
    """The release filled in; every fourth student leaves one task out, every tenth all of them."""
    notebook: dict[str, Any] = json.loads(json.dumps(released))
    tasks = [cell for cell in notebook["cells"] if cell["metadata"].get("nbgrader", {}).get("solution")]
    for position, cell in enumerate(tasks):
        left_out = number % 10 == 9 or (number % 4 == 3 and position == number % len(tasks))
        if not left_out:
            cell["source"] = answers[cell["id"]] + (f"\n# {number}" if cell["cell_type"] == "code" else f" ({number})")
    return notebook


def run(command: list[str], course: Path) -> tuple[float, int]:
    """Seconds and peak kilobytes of the largest process of a command.

    Raises
    ------
    SystemExit
        If it fails; its last words are printed.
    """
    began = time.monotonic()
    with tempfile.TemporaryFile() as said:
        process = subprocess.Popen(command, cwd=course, env=ENVIRONMENT, stdout=said, stderr=said)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            said.seek(0)
            raise SystemExit(f"{' '.join(command)} failed:\n{said.read()[-3000:].decode()}")
    return time.monotonic() - began, usage.ru_maxrss


def ours(*more: str) -> list[str]:
    """Our command for the whole class."""
    return [sys.executable, "-m", "cnncourse.grading", "autograde", ASSIGNMENT, "--quiet", *more]


def gradebook(course: Path) -> list[tuple[Any, ...]]:
    """Everything that the gradebook says, without its random ids."""
    query = """
      select s.student_id, n.name, sn.late_submission_penalty, b.name, b.type, g.auto_score, g.manual_score,
        g.needs_manual_grade, c.auto_comment
      from submitted_notebook sn join notebook n on n.id = sn.notebook_id
      join submitted_assignment s on s.id = sn.assignment_id join base_cell b on b.notebook_id = n.id
      left join grade g on g.cell_id = b.id and g.notebook_id = sn.id
      left join comment c on c.cell_id = b.id and c.notebook_id = sn.id"""
    with contextlib.closing(sqlite3.connect(course / "gradebook.db")) as database:
        return sorted(database.execute(query).fetchall(), key=repr)


def scores(course: Path) -> dict[tuple[str, str], float]:
    """Points by student and cell."""
    return {(row[0], row[3]): row[5] for row in gradebook(course) if row[4] == "GradeCell"}


def files(course: Path) -> dict[str, str]:
    """A hash of each graded notebook and feedback page, without the seconds that grading took."""
    found = {}
    for path in sorted([*course.glob("autograded/*/*/*"), *course.glob("feedback/*/*/*")]):
        content = path.read_bytes()
        if path.suffix == ".ipynb":
            record = json.loads(content)
            record["metadata"]["cnncourse"].pop("seconds")
            content = json.dumps(record).encode()
        found[str(path.relative_to(course))] = hashlib.sha256(content).hexdigest()
    return found


def throughput(folder: Path, number_ours: int, number_stock: int) -> dict[str, Any]:
    """Stock nbgrader before and after ours, so that a busy machine troubles both."""
    half = max(1, number_stock // 2)
    mine = make_course(folder / "ours", number_ours)
    seconds = {"stock": 0.0, "ours": 0.0}
    stock_scores: dict[tuple[str, str], float] = {}
    for part in range(2):
        stock = make_course(folder / f"stock{part}", half, stock=True)
        run(["nbgrader", "generate_assignment", ASSIGNMENT], stock)
        seconds["stock"] += run(["nbgrader", "autograde", ASSIGNMENT], stock)[0]
        stock_scores = scores(stock)
        if part == 0:
            seconds["ours"] = run(ours(), mine)[0]
    again = run(ours(), mine)[0]
    my_scores = scores(mine)
    differences = [key for key, value in stock_scores.items() if my_scores[key] != value]
    per = {"stock": seconds["stock"] / (2 * half), "ours": seconds["ours"] / number_ours}
    return {
        "submissions": {"stock": 2 * half, "ours": number_ours},
        "seconds_per_submission": per,
        "submissions_per_minute": {name: 60 / value for name, value in per.items()},
        "ratio": per["stock"] / per["ours"],
        "seconds_of_a_second_run_with_nothing_to_do": again,
        "cells_where_stock_and_ours_differ": len(differences),
    }


def memory(folder: Path, small: int, large: int) -> dict[str, Any]:
    """Peak of the largest process for a small and a large class."""
    peaks = {}
    for students in (small, large):
        seconds, peak = run(ours(), make_course(folder / f"memory{students}", students))
        peaks[students] = {"seconds": seconds, "peak_megabytes": peak / 1024}
    return {"by_students": peaks, "growth": peaks[large]["peak_megabytes"] / peaks[small]["peak_megabytes"]}


def kills(folder: Path, students: int, wanted: int, seed: int) -> dict[str, Any]:
    """`kill -9` at random moments, resume, and compare with a run that nobody disturbed."""
    choose = random.Random(seed)
    calm = make_course(folder / "calm", students)
    duration = run(ours(), calm)[0]
    moments: list[float] = []
    equal = same_files = True
    rounds = 0
    while len(moments) < wanted:
        rounds += 1
        course = make_course(folder / f"killed{rounds}", students)
        while len(moments) < wanted:
            moment = choose.uniform(0.2, 0.9 * duration)
            if not killed_after(moment, course):
                break
            moments.append(moment)
        run(ours(), course)
        equal = equal and gradebook(course) == gradebook(calm)
        same_files = same_files and files(course) == files(calm)
    return {
        "students": students,
        "kills": len(moments),
        "courses": rounds,
        "seconds_of_an_undisturbed_run": duration,
        "moments": [round(moment, 2) for moment in moments],
        "gradebook_equal": equal,
        "notebooks_and_feedback_equal": same_files,
        "processes_left": processes_of(folder),
    }


def killed_after(seconds: float, course: Path) -> bool:
    """Start a run and kill it; False if it had ended before."""
    process = subprocess.Popen(
        ours(), cwd=course, env=ENVIRONMENT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGKILL)
        process.wait()
        return True
    return False


def processes_of(folder: Path) -> int:
    """Processes of ours that still run below the folder, some seconds after the last kill."""
    time.sleep(3)
    left = 0
    for entry in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            left += str(folder) in str((entry / "cwd").readlink())
    return left


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--ours", type=int, default=200)
    parser.add_argument("--stock", type=int, default=20)
    parser.add_argument("--memory", type=int, default=1000)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--only", choices=("throughput", "memory", "kills"))
    wishes = parser.parse_args()
    if wishes.quick:
        wishes.ours, wishes.stock, wishes.memory, wishes.kills = 20, 4, 40, 3
    results = json.loads(RESULTS.read_text()) if wishes.only and RESULTS.exists() else {}
    with tempfile.TemporaryDirectory(prefix="cnncourse-benchmark-") as temporary:
        folder = Path(temporary)
        if wishes.only in (None, "throughput"):
            results["throughput"] = throughput(folder, wishes.ours, wishes.stock)
        if wishes.only in (None, "memory"):
            results["memory"] = memory(folder, max(2, wishes.memory // 10), wishes.memory)
        if wishes.only in (None, "kills"):
            results["kills"] = kills(folder, max(10, wishes.ours // 4), wishes.kills, wishes.seed)
    results["machine"] = {"processors": os.cpu_count(), "load_at_the_end": os.getloadavg()[0]}
    RESULTS.parent.mkdir(parents=True, exist_ok=True)
    RESULTS.write_text(json.dumps(results, indent=1) + "\n")
    show(results)


def show(results: dict[str, Any]) -> None:
    """Print a table per measurement."""
    if "throughput" in results:
        found = results["throughput"]
        print(f"{'':<8}{'submissions':>12}{'s each':>10}{'per minute':>12}")
        for name in ("stock", "ours"):
            each, minute = found["seconds_per_submission"][name], found["submissions_per_minute"][name]
            print(f"{name:<8}{found['submissions'][name]:>12}{each:>10.3f}{minute:>12.0f}")
        print(f"ratio {found['ratio']:.1f}; {found['cells_where_stock_and_ours_differ']} grades differ\n")
    if "memory" in results:
        print(f"{'students':<10}{'peak MB':>10}{'seconds':>10}")
        for students, found in results["memory"]["by_students"].items():
            print(f"{students:<10}{found['peak_megabytes']:>10.0f}{found['seconds']:>10.1f}")
        print()
    if "kills" in results:
        found = results["kills"]
        print(f"{found['kills']} × kill -9 over {found['courses']} classes of {found['students']} students")
        print(f"gradebook equal: {found['gradebook_equal']}; files equal: {found['notebooks_and_feedback_equal']}")
        print(f"processes left: {found['processes_left']}")


if __name__ == "__main__":
    main()
