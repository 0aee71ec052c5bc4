"""Where a result comes from that took too long to compute anew in a chapter: data, device, library, seeds, seconds.

Each such result lies in a JSON log beside the trained weights; this module reads what all logs have in common.

Chapter: `models/lenet`.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PACKAGE = Path(__file__).parents[1]


@dataclass(frozen=True)
class Provenance:
    """What a log says of its making; `seconds` of all runs together, as they were measured on that machine."""

    name: str
    data: str
    device: str
    torch: str
    seeds: tuple[int, ...]
    seconds: float


def logs() -> list[Path]:
    """Every log of the course's own trainings and long experiments."""
    return sorted(PACKAGE.glob("*/weights/*.json"))


def read(log: Path) -> Provenance:
    """What one log says; what it does not say is empty, or nan for the seconds."""
    content = json.loads(log.read_text(encoding="utf-8"))
    seconds = content.get("seconds")
    if not isinstance(seconds, int | float):
        seconds = sum(_total(one) for one in _values(content, "seconds"))
    seeds = {one for one in _values(content, "seed") if isinstance(one, int)}
    devices = sorted({str(one) for one in _values(content, "device")}) or ["cpu"]
    return Provenance(
        log.stem,
        str(content.get("data") or next(_values(content, "fitted_on"), "")),
        ", ".join(devices),
        str(content.get("torch", "")),
        tuple(sorted(seeds)),
        float(seconds) or math.nan,
    )


def duration(seconds: float) -> str:
    """Seconds in words that suit their size."""
    if math.isnan(seconds):
        return "not logged"
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"


def _values(content: Any, key: str) -> Iterator[Any]:
    """Every value of a key, wherever in the log it stands."""
    if isinstance(content, dict):
        for name, value in content.items():
            if name == key:
                yield value
            else:
                yield from _values(value, key)
    elif isinstance(content, list):
        for value in content:
            yield from _values(value, key)


def _total(seconds: Any) -> float:
    if isinstance(seconds, dict):
        seconds = list(seconds.values())
    return float(sum(seconds)) if isinstance(seconds, list) else float(seconds)
