"""Drawings and what the trained LeNet answers; `python tests/vectors/lenet.py` writes the file."""

import json
from pathlib import Path

import torch

from cnncourse.models import activations, checkpoint
from cnncourse.widgets.lenet import Lenet, stencil

FILE = Path(__file__).with_suffix(".json")
MOVES = [(5, 0, 0), (3, 6, -2), (0, -10, 4), (8, 0, 10)]


def rounded(values):
    """Numbers with four decimals."""
    return [round(number, 4) + 0.0 for number in values.flatten().tolist()]


def vectors():
    """For some stencils and moves: the moved ink, some values of the maps, and the logits."""
    one = checkpoint("lenet_mnist")
    network = one.load(torch.device("cpu"))
    cases = []
    for digit, right, down in MOVES:
        widget = Lenet(ink=stencil(digit), right=right, down=down)
        with torch.inference_mode():
            seen = activations(network, one.preprocess(widget.image), ["a1", "a3", "output"])
        cases.append(
            {
                "digit": digit,
                "right": right,
                "down": down,
                "ink": (widget.image * 255).round().int().flatten().tolist(),
                "c1": rounded(seen["a1"][0, :, 14, 14]),
                "c3": rounded(seen["a3"][0, :, 5, 5]),
                "logits": rounded(seen["output"]),
            }
        )
    return cases


if __name__ == "__main__":
    FILE.write_text(json.dumps(vectors()) + "\n", encoding="utf-8")
