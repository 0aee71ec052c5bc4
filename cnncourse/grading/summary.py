"""The report of a whole class: one line per student, as text, JSON and CSV, and the progress bar on the way there."""

from __future__ import annotations

import csv
import io
import json
import sys
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any

from cnncourse.grading.files import write_whole


@dataclass(frozen=True)
class Line:
    """What the report says of one student.

    `status` is ``"graded"``, ``"unreadable"`` (recorded with 0 points) or ``"failed"`` (our fault: not recorded).
    """

    student: str
    status: str
    score: float = 0.0
    max_score: float = 0.0
    penalty: float = 0.0
    needs_manual_grade: bool = False
    was_stored: bool = False
    attempt: str = ""
    confinement: str = ""
    seconds: float = 0.0
    notes: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """The line in words."""
        words = [f"{self.score - self.penalty:g} of {self.max_score:g}"]
        if self.status != "graded":
            words = [self.status] if self.status == "failed" else [self.status, *words]
        if self.penalty:
            words.append(f"late: −{self.penalty:g}")
        if self.attempt:
            words.append(f"attempt {self.attempt}")
        if self.needs_manual_grade:
            words.append("to be graded by hand")
        return "; ".join([*words, *self.notes])


@dataclass
class Summary:
    """All lines of a run, and what concerns nobody in particular."""

    assignment: str
    lines: list[Line] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
    changes: list[str] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def failed(self) -> list[Line]:
        """Students that could not be graded through no fault of theirs."""
        return [line for line in self.lines if line.status == "failed"]

    def text(self) -> str:
        """The report as a page of plain text."""
        lines = sorted(self.lines, key=lambda line: line.student)
        width = max((len(line.student) for line in lines), default=0)
        counts = {status: sum(line.status == status for line in lines) for status in ("graded", "unreadable", "failed")}
        stored = sum(line.was_stored for line in lines)
        head = (
            f"{self.assignment}: {len(lines)} submissions in {self.seconds:.1f} s: {counts['graded']} graded "
            f"({stored} unchanged since they were last graded), {counts['unreadable']} unreadable, "
            f"{counts['failed']} failed"
        )
        body = [f"  {line.student:<{width}}  {line.text}" for line in lines]
        confinements = sorted({line.confinement for line in lines if line.status == "graded"})
        used = [f"Confined by: {', '.join(confinements)}"] if confinements else []
        return "\n".join([head, *self.changes, *self.remarks, *body, *used]) + "\n"

    def to_json(self) -> str:
        """The report for programs."""
        record = {**asdict(self), "lines": [asdict(line) for line in sorted(self.lines, key=lambda x: x.student)]}
        return json.dumps(record, indent=1, ensure_ascii=False)

    def to_csv(self) -> str:
        """The report for a spreadsheet."""
        rows = [
            [*(getattr(line, name) for name in _COLUMNS), " | ".join(line.notes)]
            for line in sorted(self.lines, key=lambda line: line.student)
        ]
        return csv_text([*_COLUMNS, "notes"], rows)

    def write(self, folder: Path) -> Path:
        """Write `report.txt`, `report.json` and `report.csv`; return the first."""
        write_whole(folder / "report.json", self.to_json())
        write_whole(folder / "report.csv", self.to_csv())
        write_whole(folder / "report.txt", self.text())
        return folder / "report.txt"


_COLUMNS = ("student", "status", "score", "max_score", "penalty", "needs_manual_grade", "confinement")


def csv_text(head: Iterable[str], rows: Iterable[Iterable[Any]]) -> str:
    """CSV whose cells no spreadsheet runs as a formula."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(head)
    writer.writerows([harmless(cell) for cell in row] for row in rows)
    return buffer.getvalue()


def harmless(cell: Any) -> Any:
    """A text that a spreadsheet would run as a formula, with an apostrophe before it; anything else as it is."""
    if isinstance(cell, str) and cell.lstrip()[:1] in ("=", "+", "-", "@", "\t"):
        return "'" + cell
    return f"{cell:g}" if isinstance(cell, float) else cell


class Progress:
    """A bar with rate, time left and failures so far; lines now and then where there is no terminal."""

    def __init__(self, total: int, show: bool = True) -> None:
        from tqdm import tqdm

        terminal = sys.stderr.isatty()
        self._bar: Any = tqdm(
            total=total, unit="submission", disable=not show, mininterval=0.1 if terminal else 10.0, file=sys.stderr
        )
        self._counts = {"unreadable": 0, "failed": 0}

    def add(self, line: Line) -> None:
        """Count one student."""
        if line.status in self._counts:
            self._counts[line.status] += 1
            self._bar.set_postfix(self._counts, refresh=False)
        self._bar.update()

    def __enter__(self) -> Progress:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.close()
