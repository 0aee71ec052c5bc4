"""Anchors and proposals as the widget computes them; `python tests/vectors/faster_rcnn.py` writes the file."""

import json
import random
from pathlib import Path

import torch

from cnncourse.applications import anchor_grid, non_maximum_suppression
from cnncourse.applications.faster_rcnn.network import RATIOS, SIZES, STRIDE

FILE = Path(__file__).with_suffix(".json")


def vectors():
    """The anchors of three positions, and lists of boxes in half pixels with scores in steps of 1/255 and ties."""
    dice = random.Random(4)
    grid = anchor_grid((12, 12), STRIDE, SIZES, RATIOS).double().reshape(12, 12, -1, 4)
    places = [(0, 0), (5, 7), (11, 2)]
    return {
        "sizes": SIZES, "ratios": RATIOS, "stride": STRIDE,
        "anchors": [{"row": row, "column": column, "boxes": grid[row, column].tolist()} for row, column in places],
        "lists": [record(dice) for _ in range(30)],
    }  # fmt: skip


def record(dice):
    """Boxes close together, and what thresholds leave of them."""
    boxes = []
    for _ in range(dice.randint(1, 25)):
        x, y, width, height = dice.randint(0, 40), dice.randint(0, 40), dice.randint(0, 60), dice.randint(0, 60)
        boxes.append([x / 2, y / 2, (x + width) / 2, (y + height) / 2])
    bytes_ = [dice.choice([0, 20, 128, 200, 200, 255]) for _ in boxes]
    threshold, suppression = dice.choice([0.05, 0.5, 0.75]), dice.choice([0.0, 0.25, 0.5, 0.7, 1.0])
    scores, all_ = torch.tensor(bytes_).double() / 255, torch.tensor(boxes, dtype=torch.float64)
    (chosen,) = torch.where(scores >= threshold)
    before = chosen[non_maximum_suppression(all_[chosen], scores[chosen], 1.0)]
    after = chosen[non_maximum_suppression(all_[chosen], scores[chosen], suppression)]
    return {
        "boxes": boxes, "bytes": bytes_, "threshold": threshold, "suppression": suppression,
        "before": before.tolist(), "after": after.tolist(),
    }  # fmt: skip


if __name__ == "__main__":
    FILE.write_text(json.dumps(vectors()) + "\n", encoding="utf-8")
