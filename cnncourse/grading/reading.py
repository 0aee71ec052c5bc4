"""Tolerant reading of a notebook file: any encoding, any version of the format, cells that are half broken.

Plain JSON work without nbformat, which refuses what can still be graded. Chapter: `teaching`.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from typing import Any

_TYPES = {"code": "code", "markdown": "markdown", "raw": "raw", "heading": "markdown", "html": "markdown"}
_IMAGES = ("image/png", "image/jpeg", "image/gif", "image/webp")
_MARKS = ("points", "grade", "solution", "locked", "checksum")
_MOST_CELLS = 5000


class UnreadableError(Exception):
    """What was handed in cannot be read as a notebook; the message completes 'ps1.ipynb …'."""


@dataclass(frozen=True)
class RawCell:
    """A cell as the student handed it in."""

    id: str
    grade_id: str
    cell_type: str
    source: str
    metadata: dict[str, Any] = field(default_factory=dict)
    attachments: dict[str, dict[str, str]] = field(default_factory=dict)

    @property
    def is_as_released(self) -> bool:
        """Whether nbgrader's checksum in the cell fits it: then it was never edited, in whatever release it was."""
        marks = self.metadata
        try:
            points = str(float(marks["points"])) if marks.get("grade") else ""
        except (KeyError, TypeError, ValueError):
            return False
        locked = not marks.get("solution", False) and bool(marks.get("grade") or marks.get("locked", False))
        flags = f"{bool(marks.get('grade'))}{bool(marks.get('solution'))}{locked}"
        text = f"{self.source}{self.cell_type}{flags}{self.grade_id}{points}"
        return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest() == marks.get("checksum")


def read_cells(content: bytes) -> tuple[list[RawCell], list[str]]:
    """The cells of a notebook file and remarks on what had to be tolerated.

    Raises
    ------
    UnreadableError
        If no cells can be found in it.
    """
    if not content.strip():
        raise UnreadableError("is empty")
    text, remarks = _decoded(content)
    try:
        record = json.loads(text)
    except RecursionError as error:
        raise UnreadableError("is nested too deeply to be a notebook") from error
    except ValueError as error:
        raise UnreadableError(f"is not valid JSON ({_short(error)}){_conflict(text)}") from error
    except MemoryError as error:
        raise UnreadableError("needs too much memory to be read") from error
    found = _cells_of(record, remarks)
    cells = [cell for cell in map(_cell, found[:_MOST_CELLS]) if cell is not None]
    if len(found) > _MOST_CELLS:
        remarks.append(f"has {len(found)} cells; only the first {_MOST_CELLS} were read")
    elif len(cells) < len(found):
        remarks.append(f"{len(found) - len(cells)} of its {len(found)} cells are no cells at all; they were left out")
    return cells, remarks


def _decoded(content: bytes) -> tuple[str, list[str]]:
    if content.startswith((b"\xff\xfe\0\0", b"\0\0\xfe\xff")):
        return _try(content, "utf-32", "is in UTF-32; read all the same")
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        return _try(content, "utf-16", "is in UTF-16; read all the same")
    if content.startswith(b"\xef\xbb\xbf"):
        return _try(content, "utf-8-sig", "starts with a byte-order mark; read all the same")
    if b"\0" in content[:4]:
        return _try(content, json.detect_encoding(content), "is not in UTF-8; read all the same")
    return _try(content, "utf-8", "")


def _try(content: bytes, encoding: str, remark: str) -> tuple[str, list[str]]:
    try:
        return content.decode(encoding), [remark] if remark else []
    except UnicodeDecodeError:
        return content.decode(encoding, "replace"), ["has characters that are not UTF-8; they were replaced"]


def _cells_of(record: Any, remarks: list[str]) -> list[Any]:
    if not isinstance(record, dict):
        raise UnreadableError(f"is JSON, but not a notebook: a {type(record).__name__} instead of an object")
    cells = record.get("cells")
    if isinstance(cells, list):
        return cells
    sheets = record.get("worksheets")
    if isinstance(sheets, list):
        remarks.append(f"is in the old notebook format {record.get('nbformat', 3)!r:.9}; converted")
        return [cell for sheet in sheets if isinstance(sheet, dict) for cell in _list(sheet.get("cells"))]
    raise UnreadableError("is JSON, but not a notebook: it has no cells")


def _cell(record: Any) -> RawCell | None:
    if not isinstance(record, dict):
        return None
    cell_type = record.get("cell_type")
    source = _text(record.get("source", record.get("input", "")))
    if source is None or not isinstance(cell_type, str) or cell_type not in _TYPES:
        return None
    metadata = _dict(record.get("metadata"))
    marks = _dict(metadata.get("nbgrader"))
    return RawCell(
        id=_name(record.get("id")),
        grade_id=_name(marks.get("grade_id")),
        cell_type=_TYPES[cell_type],
        source=source,
        metadata={key: marks[key] for key in _MARKS if key in marks},
        attachments=_attachments(record.get("attachments")),
    )


def _text(value: Any) -> str | None:
    if isinstance(value, list) and all(isinstance(line, str) for line in value):
        value = "".join(value)
    if not isinstance(value, str):
        return None
    return value.encode("utf-8", "replace").decode("utf-8").replace("\r\n", "\n")  # no lone surrogates


def _name(value: Any) -> str:
    return value.encode("utf-8", "replace").decode("utf-8") if isinstance(value, str) and len(value) <= 200 else ""


def _attachments(value: Any) -> dict[str, dict[str, str]]:
    """Pictures pasted into a text cell; nothing that a browser would run."""
    kept: dict[str, dict[str, str]] = {}
    for name, bundle in _dict(value).items():
        pictures = {kind: data for kind, data in _dict(bundle).items() if kind in _IMAGES and isinstance(data, str)}
        if pictures:
            kept[_name(name)] = pictures
    return kept


def _dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _short(error: ValueError) -> str:
    return str(error).split(": line", maxsplit=1)[0][:80]


def _conflict(text: str) -> str:
    return "; it holds the marks of a merge conflict" if "\n<<<<<<< " in text else ""
