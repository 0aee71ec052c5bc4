"""Regenerate the student release of every assignment, or of those named, from solutions/.

A release replaces the one in exercises/ only after it passed the gate: nothing of a solution or a hidden test is in
it, the instructor's own answers earn every point in the engine that will grade the students, and an empty notebook
earns none.
"""

from __future__ import annotations

import argparse
import ast
import filecmp
import io
import logging
import shutil
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from cnncourse.grading.engine import Engine
from cnncourse.grading.job import Job, Outcome
from cnncourse.grading.rehearsal import answers_in, job_of, read_notebook

ROOT = Path(__file__).parents[1]
SOLUTIONS, EXERCISES = ROOT / "solutions", ROOT / "exercises"
MARKS = ("BEGIN SOLUTION", "END SOLUTION", "BEGIN HIDDEN TESTS", "END HIDDEN TESTS", "MARK SCHEME", "Rubric")
TELLING = 12  # characters; shorter lines, such as `else:`, tell nothing


class GateError(Exception):
    """An assignment must not be released; the message says why."""


def topics() -> list[str]:
    """Every assignment, by name."""
    return sorted(path.stem for path in SOLUTIONS.glob("*/*.ipynb") if path.stem == path.parent.name)


def generate(names: list[str], folder: Path) -> None:
    """Let nbgrader write the release of the named assignments into `folder`, one folder each.

    Raises
    ------
    GateError
        If nbgrader refuses; its own words are in the message.
    """
    from nbgrader.converters import GenerateAssignment
    from nbgrader.coursedir import CourseDirectory
    from traitlets.config import PyFileConfigLoader

    for name in names:
        config = PyFileConfigLoader("nbgrader_config.py", path=str(ROOT)).load_config()
        config.CourseDirectory.root = str(ROOT)
        config.CourseDirectory.release_directory = str(folder)
        config.CourseDirectory.assignment_id = name
        config.GenerateAssignment.no_database = True
        config.GenerateAssignment.force = True
        config.SaveCells.enabled = False
        converter = GenerateAssignment(coursedir=CourseDirectory(config=config), config=config)
        said = io.StringIO()
        converter.log = logging.Logger("nbgrader", logging.ERROR)
        converter.log.addHandler(logging.StreamHandler(said))
        try:
            converter.start()
        except (Exception, SystemExit) as error:
            raise GateError(f"{name}: nbgrader cannot generate the release:\n{said.getvalue() or error}") from error


def check_gate(name: str, release: Path, grade: Callable[[Job], Outcome]) -> float:
    """Return the points of an assignment that may be released; `grade` is what grades students too.

    Raises
    ------
    GateError
        If something leaks, the instructor's answers lose a point, or empty ones earn one.
    """
    instructor = read_notebook(SOLUTIONS / name / f"{name}.ipynb")
    released = read_notebook(release / f"{name}.ipynb")
    problems = [*leaks(instructor, released), *stray_files(release, name), *untidy(instructor)]
    full = grade(job_of(name, instructor, answers_in(instructor)))
    problems += [
        f"the instructor's answers lose {cell.grade_id}: {cell.status}: {cell.message}"
        for cell in full.cells
        if cell.status != "passed" or cell.points < cell.max_points
    ]
    empty = grade(job_of(name, instructor, answers_in(released)))
    problems += [f"an empty notebook earns {c.points:g} points in {c.grade_id}" for c in empty.cells if c.points]
    if problems:
        raise GateError("\n  ".join([f"{name} must not be released:", *problems]))
    return full.max_points


def leaks(instructor: Mapping[str, Any], released: Mapping[str, Any]) -> list[str]:
    """What stands in the release although it lies inside a solution or a hidden test."""
    public, private = _lines_apart(instructor)
    text = "\n".join(cell["source"] for cell in released["cells"])
    found = [f"the release contains {mark!r}" for mark in MARKS if mark in text]
    surplus = Counter(line.strip() for line in text.splitlines()) - public
    found += [f"the release contains the hidden line {line!r}" for line in private if surplus[line]]
    found += [f"{cell['id']} has outputs" for cell in released["cells"] if cell.get("outputs")]
    return found


def untidy(instructor: Mapping[str, Any]) -> list[str]:
    """What authors agreed on: ids that are names, no outputs, and words for every failure."""
    found = []
    for cell in instructor["cells"]:
        meta = cell["metadata"].get("nbgrader", {})
        if meta.get("grade_id") != cell["id"]:
            found.append(f"cell {cell['id']!r} has the grade_id {meta.get('grade_id')!r}; they must be the same")
        if cell.get("outputs") or cell.get("execution_count"):
            found.append(f"cell {cell['id']!r} holds outputs; strip them")
        if cell["cell_type"] == "code":
            found += [f"cell {cell['id']!r}: {words}" for words in _mute_asserts(cell["source"])]
    if instructor["metadata"].get("kernelspec", {}).get("name") != "python3":
        found.append("the kernel must be python3")
    return found


def stray_files(release: Path, name: str) -> list[str]:
    """Files that nobody meant to hand out: whatever lies beside the notebook, unless it is data."""
    data = {".csv", ".npy", ".npz", ".png", ".pt"}
    files = [path for path in release.rglob("*") if path.is_file()]
    return [
        f"{path.name} would be released too"
        for path in files
        if path.name != f"{name}.ipynb" and path.suffix not in data
    ]


def replace_release(name: str, fresh: Path) -> bool:
    """Put the new release in place of the old one; say whether anything changed."""
    old = EXERCISES / name
    if old.exists() and _same_files(old, fresh):
        return False
    if old.exists():
        shutil.rmtree(old)
    shutil.copytree(fresh, old)
    return True


def _same_files(a: Path, b: Path) -> bool:
    names = [{path.relative_to(folder) for path in folder.rglob("*") if path.is_file()} for folder in (a, b)]
    return names[0] == names[1] and all(filecmp.cmp(a / name, b / name, shallow=False) for name in names[0])


def _lines_apart(instructor: Mapping[str, Any]) -> tuple[Counter[str], list[str]]:
    """The lines of a notebook that everybody may see, counted, and those that nobody may."""
    public: Counter[str] = Counter()
    private = []
    for cell in instructor["cells"]:
        meta = cell["metadata"].get("nbgrader", {})
        inside = bool(meta.get("solution")) and "BEGIN SOLUTION" not in cell["source"]
        for line in map(str.strip, cell["source"].splitlines()):
            if "BEGIN SOLUTION" in line or "BEGIN HIDDEN TESTS" in line:
                inside = True
            elif "END SOLUTION" in line or "END HIDDEN TESTS" in line:
                inside = False
            elif not inside:
                public[line] += 1
            elif len(line) >= TELLING:
                private.append(line)
    return public, private


def _mute_asserts(source: str) -> Iterator[str]:
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Assert) and node.msg is None:
            yield f"`assert {ast.unparse(node.test)}` fails without words; say what is wrong"


def main() -> None:
    """Generate, check, replace, and say what changed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("topics", nargs="*", help="the assignments to regenerate; all if none is named")
    names = parser.parse_args().topics or topics()
    unknown = set(names) - set(topics())
    if unknown:
        raise SystemExit(f"no assignment {', '.join(sorted(unknown))} in solutions/; there are {', '.join(topics())}")
    refused = []
    # one's own answers may run where the system offers no sandbox
    with tempfile.TemporaryDirectory() as temporary, Engine(allow_unsafe=True) as engine:
        for name in names:
            try:
                generate([name], Path(temporary))
                points = check_gate(name, Path(temporary) / name, engine.grade)
            except GateError as error:
                refused.append(str(error))
                continue
            changed = replace_release(name, Path(temporary) / name)
            print(f"{name}: {points:g} points by checks, {'written' if changed else 'unchanged'}")
    if refused:
        raise SystemExit("\n".join(refused))


if __name__ == "__main__":
    main()
