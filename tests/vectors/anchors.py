"""Objects anywhere and what the matching makes of them; `python tests/vectors/anchors.py` writes the file."""

import json
import random
from pathlib import Path

from cnncourse.widgets.anchors import Anchors

FILE = Path(__file__).with_suffix(".json")


def vectors():
    """The grid, and matchings of random objects, whole pixels so that ties occur."""
    dice = random.Random(5)
    widgets = [Anchors(), Anchors(force=False), Anchors(boxes=[])]
    for _ in range(40):
        boxes = []
        for _ in range(dice.randint(1, 4)):
            x, y = dice.randint(0, 90), dice.randint(0, 90)
            boxes.append([x, y, min(96, x + dice.choice([0, 1, 16, 32, 64])), min(96, y + dice.choice([1, 16, 32]))])
        low, high = sorted(dice.choices([0.0, 0.1, 0.3, 0.5, 0.7, 1.0], k=2))
        widgets.append(Anchors(boxes=boxes, low=low, high=high, force=dice.random() < 0.6))
    return {"anchors": widgets[0].anchors.tolist(), "matchings": [record(widget) for widget in widgets]}


def record(widget):
    """One matching as the tests of both languages read it: only the anchors that are no background."""
    matches = {str(index): one for index, one in enumerate(widget.matches) if one != -1}
    return {"boxes": widget.boxes, "low": widget.low, "high": widget.high, "force": widget.force, "matches": matches}


if __name__ == "__main__":
    FILE.write_text(json.dumps(vectors()) + "\n", encoding="utf-8")
