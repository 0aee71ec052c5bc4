"""Hierarchies of the widget's scene; `python tests/vectors/rcnn.py` writes the file."""

import base64
import json
from pathlib import Path

from cnncourse.applications.rcnn import KINDS
from cnncourse.widgets.rcnn import Rcnn

FILE = Path(__file__).with_suffix(".json")


def vectors():
    """The widget's data, and for each similarity left out all merges and the best overlaps on the way."""
    widget = Rcnn()
    trees = []
    for without in ("", *KINDS):
        widget.without = without
        tree = widget.hierarchy
        steps = []
        for merges in range(0, len(tree.merges) + 1, 5):
            widget.merges = merges
            steps.append({"merges": merges, "best": widget.best, "recall": widget.recall})
        trees.append(
            {
                "without": without,
                "merges": tree.merges.tolist(),
                "similarities": tree.similarities.tolist(),
                "boxes": tree.boxes.int().tolist(),
                "sizes": tree.sizes.tolist(),
                "steps": steps,
            }
        )
    data = {name: base64.b64encode(getattr(widget, name)).decode() for name in ("segments", "counts")}
    return {"side": widget.side, "truth": widget.truth, **data, "trees": trees}


if __name__ == "__main__":
    FILE.write_text(json.dumps(vectors()) + "\n", encoding="utf-8")
