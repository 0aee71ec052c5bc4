"""What the trained grid says, and the detections that follow; `python tests/vectors/yolo.py` writes the file."""

import json
from pathlib import Path

from cnncourse.widgets.yolo import BOXES, GRID, SIDE, Yolo

FILE = Path(__file__).with_suffix(".json")


def vectors():
    """Each scene at several thresholds, with and without suppression."""
    widgets = [
        Yolo(scene=scene, threshold=threshold, suppressed=suppressed)
        for scene in range(4) for threshold in (0.02, 0.2, 0.6) for suppressed in (True, False)
    ]  # fmt: skip
    return {
        "shape": {"grid": GRID, "count": BOXES, "side": SIDE},
        "scenes": [scene["numbers"] for scene in widgets[0].scenes],
        "cases": [record(widget) for widget in widgets],
    }


def record(widget):
    """One state as the tests of both languages read it."""
    found = widget.detections
    return {
        "scene": widget.scene, "threshold": widget.threshold, "suppressed": widget.suppressed,
        "boxes": found.boxes.tolist(), "scores": found.scores.tolist(), "labels": found.labels.tolist(),
    }  # fmt: skip


if __name__ == "__main__":
    FILE.write_text(json.dumps(vectors()) + "\n", encoding="utf-8")
