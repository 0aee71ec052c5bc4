"""`python -m cnncourse.grading`: the commands of an instructor. Chapter: `teaching`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from cnncourse.grading.backends import Backend
from cnncourse.grading.course import Course


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; return its exit status: 0, 1 if a student could not be graded, 2 if nothing could."""
    options = _parser().parse_args(arguments)
    try:
        status: int = options.run(options)
    except (OSError, ValueError, KeyError, RuntimeError) as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr)  # noqa: T201
        return 2
    return status


def autograde(options: argparse.Namespace) -> int:
    """Grade a class."""
    from cnncourse.grading.classroom import Options, grade_class

    wishes = Options(options.student, options.force, not options.quiet, not options.no_feedback)
    with closing(start_backend(options)) as backend:  # it gets ready while nbgrader is being imported
        course = _course(options)
        summary = grade_class(course, options.assignment, backend, wishes)
    _print(summary.text())
    _print(f"Report: {course.work_folder(options.assignment) / 'report.txt'} (and .csv, .json)")
    return 1 if summary.failed else 0


def feedback(options: argparse.Namespace) -> int:
    """Write feedback anew, with what people graded and commented since."""
    from cnncourse.grading.regrading import write_all_feedback

    pages = write_all_feedback(_course(options), options.assignment, options.student)
    _print(f"{len(pages)} pages of feedback in {_course(options).steps['feedback']}/")
    return 0


def export(options: argparse.Namespace) -> int:
    """Write grades for a learning-management system."""
    from cnncourse.grading.export import export_grades

    text = export_grades(_course(options), options.assignment, options.to)
    if options.output:
        Path(options.output).write_text(text, encoding="utf-8")
        _print(f"{options.output}: {len(text.splitlines()) - 1} lines")
    else:
        sys.stdout.write(text)
    return 0


def sync(options: argparse.Namespace) -> int:
    """Bring the gradebook up to date with solutions/."""
    from cnncourse.grading.recorder import Recorder
    from cnncourse.grading.source import load_assignment

    course = _course(options)
    with Recorder(course) as recorder:
        changes = recorder.sync(load_assignment(course, options.assignment))
    _print("\n".join(changes) or "nothing changed")
    return 0


def mutants(options: argparse.Namespace) -> int:
    """Tell how many small mistakes the checks notice."""
    from cnncourse.grading.mutation import main

    return main(Path(options.course_dir), options.assignments, options.workers, _print)


def start_backend(options: argparse.Namespace) -> Backend:
    """The machine's sandbox, or a Dask cluster if its scheduler was named."""
    from cnncourse.grading.backends import DaskBackend, LocalBackend

    settings = {"allow_unsafe": options.allow_unsafe, "confinement": options.confinement}
    if options.scheduler:
        import secrets

        salt = f"-{secrets.token_hex(4)}" if options.force else ""
        return DaskBackend(options.scheduler, options.workers, salt=salt, **settings)
    is_first_run = not (Path(options.course_dir) / "grading" / options.assignment / "results").exists()
    return LocalBackend(options.workers, eager=is_first_run or options.force, **settings)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m cnncourse.grading", description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(dest="command", required=True)
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("assignment", help="the name of a folder in solutions/")
    common.add_argument("--course-dir", default=".", help="the folder of nbgrader_config.py")
    common.add_argument("--db", help="URL of the gradebook, if not the one in nbgrader_config.py")

    grading = commands.add_parser("autograde", parents=[common], help="grade all submissions of an assignment")
    grading.add_argument("--student", default="*", help="only students whose name matches, for example 'b*'")
    grading.add_argument("--force", action="store_true", help="grade again what was graded before")
    grading.add_argument("--workers", type=int, help="how many at once (default: one per processor)")
    grading.add_argument("--scheduler", metavar="ADDRESS", help="a Dask cluster, for example tcp://127.0.0.1:8786")
    grading.add_argument("--confinement", help="insist on one way to confine code instead of the strongest that works")
    grading.add_argument(
        "--allow-unsafe", action="store_true", help="run students' code without a sandbox if this machine has none"
    )
    grading.add_argument("--no-feedback", action="store_true", help="write no feedback pages")
    grading.add_argument("--quiet", action="store_true", help="no progress bar")
    grading.set_defaults(run=autograde)

    pages = commands.add_parser("feedback", parents=[common], help="write the feedback pages anew")
    pages.add_argument("--student", default="*", help="only students whose name matches")
    pages.set_defaults(run=feedback)

    table = commands.add_parser("export", parents=[common], help="write grades as CSV for a learning platform")
    table.add_argument("--to", default="plain", help="canvas, moodle, gradescope or plain")
    table.add_argument("--output", help="a file; without it the table is printed")
    table.set_defaults(run=export)

    renewal = commands.add_parser(
        "sync", parents=[common], help="take changed, new and removed tests into the gradebook"
    )
    renewal.set_defaults(run=sync)

    probing = commands.add_parser("mutants", help="tell how many mutants of your own answers the checks notice")
    probing.add_argument("assignments", nargs="*", help="names of folders in solutions/; all if none is named")
    probing.add_argument("--course-dir", default=".", help="the folder that holds solutions/")
    probing.add_argument("--workers", type=int, help="how many at once (default: one per processor)")
    probing.set_defaults(run=mutants)
    return parser


def _course(options: argparse.Namespace) -> Course:
    from cnncourse.grading.course import read_course

    return read_course(options.course_dir, options.db)


def _print(text: str) -> None:
    sys.stdout.write(text.rstrip("\n") + "\n")
    sys.stdout.flush()
