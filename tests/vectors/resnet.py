"""Words and gradient ratios of the measured networks; `python tests/vectors/resnet.py` writes the file."""

import json
from itertools import product
from pathlib import Path

from cnncourse.models.degradation import DEPTHS, KINDS
from cnncourse.widgets.resnet import Resnet

FILE = Path(__file__).with_suffix(".json")


def vectors():
    """The runs as the page gets them, and for every state what Python says."""
    cases = []
    for rung, kind, moment in product(range(len(DEPTHS)), KINDS, ("before", "after")):
        widget = Resnet(rung=rung, kind=kind, moment=moment)
        state = {"rung": rung, "kind": kind, "moment": moment}
        cases.append({"state": state, "depth": widget.depth, "words": widget.words, "ratio": widget.ratio})
    return {"runs": Resnet().runs, "cases": cases}


if __name__ == "__main__":
    FILE.write_text(json.dumps(vectors(), ensure_ascii=False) + "\n", encoding="utf-8")
