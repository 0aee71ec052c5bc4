"""Pairs with thresholds and their rates; `python tests/vectors/face_verification.py` writes the file."""

import json
import random
from pathlib import Path

import torch

from cnncourse.applications.face_verification import equal_error_rate, roc

FILE = Path(__file__).with_suffix(".json")


def vectors():
    """Random lists of distances, with ties, with one kind of pair, and with none."""
    dice = random.Random(5)
    sizes = [(0, 0), (4, 0), (0, 4)] + [(dice.randint(1, 30), dice.randint(1, 30)) for _ in range(30)]
    return [record(dice, *size) for size in sizes]


def record(dice, same, different):
    """One list as the tests of both languages read it."""
    kinds = {
        "same": [round(abs(dice.gauss(0.6, 0.3)), 1 + dice.randint(0, 1)) for _ in range(same)],
        "different": [round(abs(dice.gauss(1.1, 0.3)), 1 + dice.randint(0, 1)) for _ in range(different)],
    }
    distances = torch.tensor([*kinds["same"], *kinds["different"]], dtype=torch.float64)
    curve = roc(distances, torch.tensor([True] * same + [False] * different))
    rate = equal_error_rate(curve)
    full = same and different
    return kinds | {
        "far": curve.far.tolist() if full else None,
        "tar": curve.tar.tolist() if full else None,
        "equal_error_rate": rate if full else None,
    }


if __name__ == "__main__":
    FILE.write_text(json.dumps(vectors()) + "\n", encoding="utf-8")
