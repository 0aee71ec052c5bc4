"""Streams and words of some states of the widget; `python tests/vectors/frrn.py` writes the file."""

import json
from pathlib import Path

from cnncourse.widgets.frrn import Frrn

FILE = Path(__file__).with_suffix(".json")
STATES = [
    ("A", 256, 48, 5),
    ("A", 250, 48, 0),
    ("B", 1024, 64, 21),
    ("B", 8, 4, 99),
    ("narrow", 48, 8, 4),
    ("narrow", 328, 12, 7),
    ("narrow", 64, 20, 0),
]


def vectors():
    """The plans as the page gets them, and for every state what Python computes."""
    cases = []
    for plan, side, base, place in STATES:
        widget = Frrn(plan=plan, side=side, base=base, place=place)
        state = {"plan": plan, "side": side, "base": base, "place": place}
        rows = [
            [row.factor, row.pooling_channels, row.residual_channels, row.pooling_bytes, row.residual_bytes]
            for row in widget.rows
        ]
        cases.append({"state": state, "rows": rows, "words": widget.words})
    return {"stages": Frrn().stages, "lanes": Frrn().lanes, "cases": cases}


if __name__ == "__main__":
    FILE.write_text(json.dumps(vectors(), ensure_ascii=False) + "\n", encoding="utf-8")
