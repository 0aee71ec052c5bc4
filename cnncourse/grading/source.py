"""The instructor's notebook, taken apart once per run: what was released, what is tested, what is hidden.

The release is computed from `solutions/` with nbgrader's own steps, so tests never come from a stale gradebook.
Chapter: `teaching`.
"""

from __future__ import annotations

import ast
import fnmatch
import re
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cnncourse.grading.course import Course

BEGIN_HIDDEN, END_HIDDEN = "BEGIN HIDDEN TESTS", "END HIDDEN TESTS"
_TITLE = re.compile(r"^\s*#+\s*(?:hidden\s*:\s*)?(?P<words>\S.*?)\s*$", re.IGNORECASE)
_INLINE = re.compile(r"^\s*#\s*grade\s*:\s*inline\b", re.IGNORECASE | re.MULTILINE)
_MAGIC = re.compile(r"^(\s*)[%!].*$", re.MULTILINE)


@dataclass(frozen=True)
class SourceCell:
    """One cell of the instructor's notebook.

    `released` is what students got, `recorded` what the gradebook keeps (with hidden tests, without solutions),
    and `binds` the names that a solution cell binds.
    """

    id: str
    grade_id: str
    cell_type: str
    released: str
    recorded: str
    grade: bool = False
    solution: bool = False
    locked: bool = False
    task: bool = False
    points: float = 0.0
    checksum: str = ""
    binds: tuple[str, ...] = ()

    @property
    def is_check(self) -> bool:
        """Whether the cell tests code and gives points by itself."""
        return self.grade and not self.solution and self.cell_type == "code"

    @property
    def is_manual(self) -> bool:
        """Whether a person gives the points."""
        return self.task or (self.grade and (self.solution or self.cell_type != "code"))

    @property
    def from_release(self) -> bool:
        """Whether a student must not change it."""
        return bool(self.grade_id) and not self.solution

    @property
    def runs_inline(self) -> bool:
        """Whether the author marked the check as one that needs the student's process."""
        return self.is_check and bool(_INLINE.search(self.recorded))

    @property
    def visible(self) -> str:
        """The part of a check that students see."""
        return split_hidden(self.recorded)[0]

    @property
    def hidden(self) -> str:
        """The hidden tests of a check."""
        return split_hidden(self.recorded)[1]

    @property
    def title(self) -> str:
        """What feedback calls the cell: its first comment, or its name."""
        return first_comment(self.visible) or self.grade_id

    @property
    def hidden_title(self) -> str:
        """What feedback calls its hidden tests."""
        return first_comment(self.hidden) or self.title


@dataclass(frozen=True)
class SourceNotebook:
    """One notebook of an assignment."""

    name: str
    cells: tuple[SourceCell, ...]
    metadata: dict[str, Any]

    @property
    def names(self) -> tuple[str, ...]:
        """Names that the solution cells bind, sorted."""
        return tuple(sorted({name for cell in self.cells for name in cell.binds}))

    @property
    def grade_ids(self) -> frozenset[str]:
        """Names that nbgrader gives to the cells."""
        return frozenset(cell.grade_id for cell in self.cells if cell.grade_id)


@dataclass(frozen=True)
class Assignment:
    """An assignment: its notebooks and the files that are released with it."""

    name: str
    notebooks: tuple[SourceNotebook, ...]
    files: tuple[tuple[str, bytes], ...] = ()

    def notebook(self, name: str) -> SourceNotebook:
        """The notebook of that name.

        Raises
        ------
        KeyError
            If the assignment has no such notebook.
        """
        for notebook in self.notebooks:
            if notebook.name == name:
                return notebook
        raise KeyError(f"assignment {self.name!r} has no notebook {name!r}")


def load_assignment(course: Course, name: str) -> Assignment:
    """Read an assignment from the course's source folder.

    Raises
    ------
    FileNotFoundError
        If there is none; the message lists those that exist.
    ValueError
        If a notebook cannot be released or graded as it stands.
    """
    folder = course.folder("source", ".", name)
    paths = sorted(folder.glob("*.ipynb")) if folder.is_dir() else []
    if not paths:
        above = folder.parent
        known = sorted(path.name for path in above.iterdir() if any(path.glob("*.ipynb"))) if above.is_dir() else []
        listed = ", ".join(known) or "none at all"
        raise FileNotFoundError(f"there is no assignment {name!r} in {above}; there are: {listed}")
    notebooks = tuple(read_source(path, course.config) for path in paths)
    return Assignment(name=name, notebooks=notebooks, files=tuple(_released_files(folder, course.ignore)))


def read_source(path: Path, config: Any = None) -> SourceNotebook:
    """Take an instructor's notebook apart.

    Raises
    ------
    ValueError
        If nbgrader could not release it, or an inline check hides tests that the student's process would see.
    """
    import nbformat

    try:
        notebook = nbformat.read(path, as_version=4)
        binds = [_bound(cell) for cell in notebook.cells]
        recorded, released = _release(notebook, config)
    except Exception as error:
        raise ValueError(f"{path} cannot be released: {error}") from error
    cells = tuple(
        _source_cell(number, *versions) for number, versions in enumerate(zip(recorded, released, binds, strict=True))
    )
    for cell in cells:
        if cell.runs_inline and cell.hidden:
            raise ValueError(
                f"{path}: cell {cell.grade_id!r} is marked '# grade: inline' and has hidden tests; an inline check "
                "runs in the student's process, which would see them. Move them into a check of their own."
            )
    kept = {key: notebook.metadata[key] for key in ("kernelspec", "language_info") if key in notebook.metadata}
    return SourceNotebook(name=path.stem, cells=cells, metadata=kept)


def recorded_notebook(name: str, notebook: Any) -> SourceNotebook:
    """What the gradebook is to keep of a notebook on its way to the release (solutions cleared, hidden tests not)."""
    cells = tuple(_source_cell(number, cell, cell, ()) for number, cell in enumerate(notebook.cells))
    return SourceNotebook(name, cells, {"kernelspec": dict(notebook.metadata.get("kernelspec", {}))})


def split_hidden(source: str) -> tuple[str, str]:
    """The visible and the hidden part of a check, the latter without its indentation.

    Raises
    ------
    ValueError
        If a hidden region is opened and not closed.
    """
    visible: list[str] = []
    regions: list[list[str]] = []
    inside = False
    for line in source.split("\n"):
        if BEGIN_HIDDEN in line:
            inside = True
            regions.append([])
        elif END_HIDDEN in line:
            inside = False
        else:
            (regions[-1] if inside else visible).append(line)
    if inside:
        raise ValueError(f"'{BEGIN_HIDDEN}' has no '{END_HIDDEN}'")
    hidden = "\n".join(textwrap.dedent("\n".join(lines)) for lines in regions)
    return "\n".join(visible).strip("\n"), hidden


def first_comment(code: str) -> str:
    """The words of a comment that stands on the first line, without ``# hidden:``; empty if there is none."""
    for line in code.split("\n"):
        if not line.strip() or _INLINE.match(line):
            continue
        match = _TITLE.match(line)
        return match["words"] if match else ""
    return ""


def bound_names(code: str) -> tuple[str, ...]:
    """Names that a cell binds at its top level: functions, classes and variables, not imports.

    IPython's magics are left out; code that does not parse binds nothing.
    """
    if code.lstrip().startswith("%%"):
        code = code.lstrip().partition("\n")[2]
    try:
        tree = ast.parse(_MAGIC.sub(r"\1pass", code))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return ()
    return tuple(dict.fromkeys(_bindings(tree.body)))


def _bindings(body: list[ast.stmt]) -> Iterator[str]:
    for statement in body:
        if isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            yield statement.name
            continue
        for child in ast.iter_child_nodes(statement):
            if isinstance(child, ast.expr):
                yield from _targets(child)
            elif isinstance(child, ast.withitem) and child.optional_vars is not None:
                yield from _targets(child.optional_vars)
            elif isinstance(child, ast.stmt):
                yield from _bindings([child])
            elif isinstance(child, (ast.ExceptHandler, ast.match_case)):
                yield from _bindings(child.body)


def _targets(expression: ast.expr) -> Iterator[str]:
    """Names stored by an expression; not those inside functions and comprehensions."""
    if isinstance(expression, (ast.Lambda, ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)):
        return
    if isinstance(expression, ast.Name) and isinstance(expression.ctx, ast.Store):
        yield expression.id
    for child in ast.iter_child_nodes(expression):
        if isinstance(child, ast.expr):
            yield from _targets(child)


def _bound(cell: Any) -> tuple[str, ...]:
    is_answer = cell.metadata.get("nbgrader", {}).get("solution", False) and cell.cell_type == "code"
    return bound_names(cell.source) if is_answer else ()


def _release(notebook: Any, config: Any) -> tuple[list[Any], list[Any]]:
    """The cells as nbgrader's gradebook keeps them, and as students get them, by its own steps."""
    import copy

    from nbgrader import preprocessors as steps

    resources: dict[str, Any] = {"nbgrader": {}}
    # header and footer are not added here: they are plain text without grade_id
    for step in (steps.LockCells, steps.ClearSolutions, steps.ClearOutput, steps.CheckCellMetadata):
        notebook, resources = step(config=config).preprocess(notebook, resources)
    notebook, resources = steps.ComputeChecksums(config=config).preprocess(notebook, resources)
    recorded = copy.deepcopy(notebook.cells)
    for step in (steps.ClearHiddenTests, steps.ClearMarkScheme, steps.ComputeChecksums):
        notebook, resources = step(config=config).preprocess(notebook, resources)
    return recorded, notebook.cells


def _source_cell(number: int, recorded: Any, released: Any, binds: tuple[str, ...]) -> SourceCell:
    meta = released.metadata.get("nbgrader", {})
    marked = any(meta.get(flag, False) for flag in ("grade", "solution", "locked", "task"))
    return SourceCell(
        id=released.get("id") or f"cell-{number}",
        grade_id=meta.get("grade_id", "") if marked else "",
        cell_type=released.cell_type,
        released=released.source,
        recorded=recorded.source,
        grade=bool(meta.get("grade", False)),
        solution=bool(meta.get("solution", False)),
        locked=bool(meta.get("locked", False)),
        task=bool(meta.get("task", False)),
        points=float(meta.get("points", 0.0) or 0.0),
        checksum=recorded.metadata.get("nbgrader", {}).get("checksum", "") if marked else "",
        binds=binds,
    )


def _released_files(folder: Path, ignore: tuple[str, ...]) -> Iterator[tuple[str, bytes]]:
    for path in sorted(folder.rglob("*")):
        inside = path.relative_to(folder)
        ignored = any(fnmatch.fnmatch(part, pattern) for part in inside.parts for pattern in ignore)
        if path.is_file() and path.suffix != ".ipynb" and not ignored:
            yield inside.as_posix(), path.read_bytes()
