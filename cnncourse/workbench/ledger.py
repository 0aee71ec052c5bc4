"""The ledger: every factual number of the book with its unit, its variant, its source and how to recompute it.

Chapters write ``{number}`conv.alexnet_shared` `` and the site puts the value there; a test recomputes every
entry that names a function. The file is `book/ledger.yml`.
"""

from __future__ import annotations

import importlib
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

LEDGER_FILE = Path(__file__).parents[2] / "book" / "ledger.yml"
_FIELDS = {"value", "unit", "variant", "source", "function", "arguments", "format", "tolerance"}
_KEY = re.compile(r"[a-z0-9_]+(\.[a-z0-9_]+)+")


@dataclass(frozen=True)
class Entry:
    """One number of the book.

    `value` is an integer, a float or a text such as ``"6 8 / 3 4"``; `variant` says exactly which thing is meant,
    because famous numbers often differ between variants; `source` is a key of the bibliography; `function`
    (``"module:name"``) with `arguments` recomputes the value.
    """

    key: str
    value: int | float | str
    variant: str
    unit: str = ""
    source: str = ""
    function: str = ""
    arguments: dict[str, Any] = field(default_factory=dict)
    format: str = ""
    tolerance: float = 0.0

    @property
    def text(self) -> str:
        """The number as the prose shows it, for example ``"105,705,600"`` or ``"5×5"``."""
        if self.format:
            return self.format.format(self.value)
        if isinstance(self.value, str):
            return self.value
        return f"{self.value:,}"

    def recompute(self) -> Any:
        """Call the function that produces the value.

        Raises
        ------
        ValueError
            If the entry names no function, or one that does not exist.
        """
        if not self.function:
            raise ValueError(f"ledger entry {self.key!r} names no function; its source is {self.source!r}")
        module_name, _, name = self.function.partition(":")
        try:
            function = getattr(importlib.import_module(module_name), name)
        except (ImportError, AttributeError) as error:
            raise ValueError(
                f"ledger entry {self.key!r}: there is no {self.function!r}; write 'package.module:function'"
            ) from error
        return function(**self.arguments)

    def agrees_with(self, computed: Any) -> bool:
        """Tell whether a computed value is this entry's, within its tolerance."""
        if isinstance(self.value, str):
            return str(computed) == self.value
        return math.isclose(float(computed), self.value, rel_tol=0.0, abs_tol=self.tolerance)


class Ledger(dict[str, Entry]):
    """All entries by key; an unknown key names its nearest relatives."""

    def __missing__(self, key: str) -> Entry:
        part = key.split(".")[0]
        relatives = sorted(known for known in self if known.startswith(part)) or sorted(self)
        raise KeyError(f"the ledger has no {key!r}; it has {', '.join(relatives[:20])}")

    def computable(self) -> Iterator[Entry]:
        """The entries that name a function."""
        return (entry for entry in self.values() if entry.function)


def load_ledger(path: Path = LEDGER_FILE) -> Ledger:
    """Read the ledger.

    Raises
    ------
    ValueError
        If an entry lacks its value, its variant, or both source and function, or has an unknown field.
    """
    raw = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    return Ledger({key: _entry(key, fields) for key, fields in raw.items()})


def _entry(key: str, fields: dict[str, Any]) -> Entry:
    where = f"ledger entry {key!r}"
    if not _KEY.fullmatch(key):
        raise ValueError(f"{where}: a key is lower case, 'topic.name'")
    if unknown := set(fields) - _FIELDS:
        raise ValueError(f"{where} has unknown fields {sorted(unknown)}; known are {sorted(_FIELDS)}")
    for needed in ("value", "variant"):
        if needed not in fields:
            raise ValueError(f"{where} lacks {needed!r}")
    if not (fields.get("source") or fields.get("function")):
        raise ValueError(f"{where} needs a source, a function that recomputes it, or both")
    return Entry(key=key, **fields)
