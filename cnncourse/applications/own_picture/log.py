"""The measured numbers that come with the course: temperature, threshold, separation, near-duplicates, leakage.

Chapter: `applications/own_picture`.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

PLACE = Path(__file__).parents[1] / "weights" / "own_picture.json"


@cache
def measured() -> dict[str, Any]:
    """The log that `python -m cnncourse.applications.own_picture.measure` writes."""
    log: dict[str, Any] = json.loads(PLACE.read_text(encoding="utf-8"))
    return log


def logged(path: str, digits: int = 4) -> float:
    """One number of the log by its path, for example ``"networks/squeezenet_compressed/temperature"``.

    Raises
    ------
    ValueError
        If the log has no number there; the message lists what it has.
    """
    entry: Any = measured()
    for key in path.split("/"):
        if isinstance(entry, list) and key.isdecimal() and int(key) < len(entry):
            entry = entry[int(key)]
        elif isinstance(entry, dict) and key in entry:
            entry = entry[key]
        else:
            known = ", ".join(entry) if isinstance(entry, dict) else f"{type(entry).__name__} of {entry!r}"[:80]
            raise ValueError(f"the log has no {path}: at {key!r} there is {known}")
    if isinstance(entry, bool) or not isinstance(entry, int | float):
        raise ValueError(f"{path} is no number but {type(entry).__name__}")
    return round(float(entry), digits)


def share_right(row: str, part: str = "rows") -> float:
    """Share of right answers in a row of the experiment, for example ``"new"`` or ``"trained on, cropped"``."""
    right, number = (logged(f"warning/{part}/{row}/{place}") for place in (0, 1))
    return right / number
