"""What is graded and what came out: one notebook of one student as a `Job`, the verdict as an `Outcome`.

Plain data that travels as JSON between processes, machines and runs; a job's key is the hash of its content.
"""

from __future__ import annotations

import base64
import hashlib
import json
import math
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import PurePosixPath
from typing import Any

import cnncourse

KINDS = ("given", "answer", "check", "inline")
STATUSES = ("passed", "failed", "error", "timeout", "crashed", "not_run")
_PLACES = ("", "visible", "hidden", "answer")


@dataclass(frozen=True)
class Limits:
    """What one submission may use: seconds, bytes and counts."""

    cell_seconds: float = 30.0
    total_seconds: float = 120.0
    memory_bytes: int = 2 * 2**30
    processes: int = 64
    file_bytes: int = 64 * 2**20
    output_bytes: int = 100_000

    def __post_init__(self) -> None:
        for name, value in asdict(self).items():
            if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 < value < math.inf:
                raise ValueError(f"limit {name} is {value!r}; it must be a number above zero")


@dataclass(frozen=True)
class Cell:
    """One code cell of the repaired notebook.

    Parameters
    ----------
    grade_id
        nbgrader's name of the cell.
    kind
        ``"given"`` (released code without points, run on both sides), ``"answer"`` (the student's, run in the
        sandbox only), ``"check"`` (run in the trusted process) or ``"inline"`` (a check that the author wants to
        run in the sandbox, which protects its verdict less).
    source
        The code; of a check the part that students see.
    hidden
        The hidden tests of a check.
    title
        What feedback shows in place of hidden code.
    points
        What the cell is worth.
    """

    grade_id: str
    kind: str
    source: str
    hidden: str = ""
    title: str = ""
    points: float = 0.0

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"cell {self.grade_id!r} has kind {self.kind!r}; it must be one of {', '.join(KINDS)}")
        if self.hidden and self.kind != "check":
            raise ValueError(
                f"cell {self.grade_id!r} is of kind {self.kind!r} and has hidden tests, which the student's process "
                "would see; only a cell of kind 'check' can keep them hidden"
            )
        if not 0 <= self.points < math.inf:
            raise ValueError(f"cell {self.grade_id!r} has {self.points!r} points; give a finite number from 0 up")


@dataclass(frozen=True)
class Job:
    """One submission to be graded.

    Parameters
    ----------
    assignment, student
        Who handed in what.
    cells
        In the order of the notebook.
    names
        Names that the instructor's solution cells bind: the checks look these up in the student's process, and
        every other name (``torch``, ``F``, ``np``) is the trusted process' own.
    files
        Released data files that the notebook may read, as (relative path, content).
    limits
        What the submission may use.
    """

    assignment: str
    student: str
    cells: tuple[Cell, ...]
    names: tuple[str, ...]
    files: tuple[tuple[str, bytes], ...] = ()
    limits: Limits = field(default_factory=Limits)

    def __post_init__(self) -> None:
        for name in self.names:
            if not re.fullmatch(r"[^\W\d]\w*", name):
                raise ValueError(f"{name!r} is not a Python name")
        for path, _ in self.files:
            _check_inside(path)

    def key(self) -> str:
        """The SHA-256 of everything that decides the outcome; results are kept under it."""
        text = f"{cnncourse.__version__}\n{self.to_json()}"
        return hashlib.sha256(text.encode()).hexdigest()

    def to_json(self) -> str:
        """The job as JSON text; the same job gives the same text."""
        record = asdict(self)
        record["files"] = [[path, base64.b64encode(content).decode()] for path, content in self.files]
        return _dump(record)

    @classmethod
    def from_json(cls, text: str) -> Job:
        """Read a job from its JSON text.

        Raises
        ------
        ValueError
            If the text is not a job's.
        """
        with _Reading("job"):
            record = _load(text)
            cells = tuple(Cell(**cell) for cell in record.pop("cells"))
            files = tuple((path, base64.b64decode(content, validate=True)) for path, content in record.pop("files"))
            limits = Limits(**record.pop("limits"))
            names = tuple(record.pop("names"))
            return cls(cells=cells, files=files, limits=limits, names=names, **record)


@dataclass(frozen=True)
class CellOutcome:
    """What came out of one cell.

    Parameters
    ----------
    grade_id
        The cell's.
    status
        ``"passed"``, ``"failed"`` (an assertion), ``"error"`` (an exception), ``"timeout"``, ``"crashed"`` or
        ``"not_run"``.
    points, max_points
        Earned and possible.
    message
        Words for the student; of a failure in hidden tests only their title.
    where
        ``"visible"``, ``"hidden"`` or ``"answer"``: which part failed.
    partial
        Whether the check itself gave a number of points.
    output
        What the cell printed (of an answer cell).
    """

    grade_id: str
    status: str
    points: float
    max_points: float
    message: str = ""
    where: str = ""
    partial: bool = False
    output: str = ""

    def __post_init__(self) -> None:
        if self.status not in STATUSES:
            raise ValueError(f"status {self.status!r} is unknown; it must be one of {', '.join(STATUSES)}")
        if self.where not in _PLACES:
            raise ValueError(f"where={self.where!r} is unknown; it must be one of {', '.join(map(repr, _PLACES))}")


@dataclass(frozen=True)
class Outcome:
    """What came out of a job: one `CellOutcome` per cell, in the job's order, and how it was confined."""

    cells: tuple[CellOutcome, ...]
    confinement: str
    seconds: float

    @property
    def points(self) -> float:
        """Points earned in all cells together."""
        return sum(cell.points for cell in self.cells)

    @property
    def max_points(self) -> float:
        """Points that could be earned."""
        return sum(cell.max_points for cell in self.cells)

    def to_json(self) -> str:
        """The outcome as JSON text."""
        return _dump(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Outcome:
        """Read an outcome from its JSON text.

        Raises
        ------
        ValueError
            If the text is not an outcome's.
        """
        with _Reading("outcome"):
            record = _load(text)
            return cls(cells=tuple(CellOutcome(**cell) for cell in record.pop("cells")), **record)


class _Reading:
    """Turns whatever a malformed record raises into one `ValueError` that says what was read."""

    def __init__(self, what: str) -> None:
        self.what = what

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: object) -> None:
        if isinstance(error, (TypeError, KeyError, AttributeError, ValueError, RecursionError)):
            raise ValueError(f"this is not the JSON of a grading {self.what}: {error}") from error


def _check_inside(path: str) -> None:
    parts = PurePosixPath(path).parts
    if not parts or parts[0] == "/" or ".." in parts or "\0" in path:
        raise ValueError(f"the file {path!r} would lie outside the assignment; give a relative path without '..'")


def _dump(record: Mapping[str, Any]) -> str:
    return json.dumps(record, sort_keys=True, separators=(",", ":"))


def _load(text: str) -> dict[str, Any]:
    record = json.loads(text)
    if not isinstance(record, dict):
        raise ValueError(f"expected an object, got a {type(record).__name__}")
    return record
