"""Random segmentations and what the measures make of them; `python tests/vectors/fcn.py` writes the file."""

import json
import math
import random
from pathlib import Path

import torch

from cnncourse.applications.segmentation_metrics import (
    boundary_f_scores,
    class_ious,
    confusion_matrix,
    frequency_weighted_iou,
    mean_accuracy,
    mean_iou,
    pixel_accuracy,
)

FILE = Path(__file__).with_suffix(".json")
HEIGHT, WIDTH, CLASSES = 9, 12, 4


def blobs(dice):
    """A map of a few rectangles on ground 0."""
    labels = torch.zeros(HEIGHT, WIDTH, dtype=torch.long)
    for _ in range(dice.randint(0, 4)):
        top, left = dice.randrange(HEIGHT), dice.randrange(WIDTH)
        labels[top : top + dice.randint(1, 6), left : left + dice.randint(1, 6)] = dice.randrange(CLASSES)
    return labels


def vectors():
    """Maps with few and with many classes, equal ones among them."""
    dice = random.Random(7)
    return [
        record(truth, blobs(dice) if case % 5 else truth, case % 4) for case in range(40) for truth in [blobs(dice)]
    ]


def record(truth, mask, tolerance):
    """One pair of maps as the tests of both languages read it; null stands for nan."""
    n = confusion_matrix(mask, truth, CLASSES)
    outlines = boundary_f_scores(mask, truth, tolerance)
    return {
        "mask": digits(mask), "truth": digits(truth), "tolerance": tolerance, "confusion": n.tolist(),
        "pixelAccuracy": pixel_accuracy(n), "meanAccuracy": mean_accuracy(n), "meanIou": mean_iou(n),
        "weightedIou": frequency_weighted_iou(n), "ious": [told(value) for value in class_ious(n).tolist()],
        "outlines": [told(outlines.get(label, math.nan)) for label in range(CLASSES)],
    }  # fmt: skip


def digits(labels):
    return "".join(map(str, labels.flatten().tolist()))


def told(value):
    return None if math.isnan(value) else value


if __name__ == "__main__":
    FILE.write_text(json.dumps(vectors()) + "\n", encoding="utf-8")
