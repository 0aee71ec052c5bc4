"""Lists of boxes and what the chapter's modules make of them; `python tests/vectors/boxes.py` writes the file."""

import json
import random
from pathlib import Path

from cnncourse.widgets.boxes import Boxes

FILE = Path(__file__).with_suffix(".json")


def vectors():
    """Random lists over the widget's scene, with ties and boxes without area, and the widget's own list."""
    dice = random.Random(3)
    widgets = [Boxes()]
    truth = widgets[0].truth
    for _ in range(40):
        boxes = []
        for _ in range(dice.randint(1, 12)):
            x1, y1, x2, y2 = (corner + dice.randint(-8, 8) for corner in dice.choice(truth))
            boxes.append([x1, y1, max(x1, x2 - dice.choice([0, 0, 0, 80])), max(y1, y2)])
        scores = [dice.randint(0, 10) / 10 for _ in boxes]
        widgets.append(Boxes(boxes=boxes, scores=scores, suppression=dice.choice([0.0, 0.25, 0.3, 0.5, 0.75, 1.0])))
    return {"truth": truth, "lists": [record(widget) for widget in widgets]}


def record(widget):
    """One list as the tests of both languages read it."""
    precision, recall = widget.curve
    return {
        "boxes": widget.boxes, "scores": widget.scores, "suppression": widget.suppression,
        "overlaps": widget.overlaps.tolist(), "kept": widget.kept, "verdicts": widget.verdicts,
        "precision": precision, "recall": recall, "average_precision": widget.average_precision,
    }  # fmt: skip


if __name__ == "__main__":
    FILE.write_text(json.dumps(vectors()) + "\n", encoding="utf-8")
