"""Layers and what the chapter's module says of each; `python tests/vectors/connectivity.py` writes the file.

The matrices of the small layer are those of real layers, by differentiation. Large numbers are texts, because
JavaScript's numbers would round them.
"""

import json
import random
from pathlib import Path

import torch

from cnncourse.layers.connectivity import REGIMES, LocallyConnected, count_weights, response_bytes

FILE = Path(__file__).with_suffix(".json")
BY_HAND = [
    {"image_size": 1000, "channels": 1, "filters": 100, "kernel_size": 10, "bias": False},
    {"image_size": 1000, "channels": 1, "filters": 100, "kernel_size": 10, "bias": True},
    {"image_size": 1024, "channels": 64, "filters": 256, "kernel_size": 31, "bias": True},
    {"image_size": 32, "channels": 3, "filters": 1, "kernel_size": 5, "bias": False},
]


def layers():
    """Some by hand, then 40 at random."""
    dice = random.Random(7)
    yield from BY_HAND
    for _ in range(40):
        yield {
            "image_size": dice.randrange(32, 1025, 8),
            "channels": dice.randint(1, 64),
            "filters": dice.randint(1, 256),
            "kernel_size": dice.randint(1, 31),
            "bias": dice.random() < 0.5,
        }


def answer(layer):
    """Weights in each regime and the memory of the responses."""
    shape = (layer["channels"], layer["image_size"], layer["image_size"])
    geometry = {
        "input_shape": shape,
        "filters": layer["filters"],
        "kernel_size": layer["kernel_size"],
        "padding": "same",
    }
    weights = {regime: str(count_weights(regime, **geometry, bias=layer["bias"])) for regime in REGIMES}
    return {"weights": weights, "bytes": str(response_bytes(**geometry))}


def matrices():
    """For each regime, the number of the weight between each of 9 units and 25 pixels, 0 if there is none."""
    small = {
        "full": torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(25, 9, bias=False)),
        "local": LocallyConnected(1, 1, kernel_size=3, input_size=5, bias=False),
        "shared": torch.nn.Conv2d(1, 1, kernel_size=3, bias=False),
    }
    for layer in small.values():
        with torch.no_grad():
            for parameter in layer.parameters():
                parameter.copy_(torch.arange(1.0, parameter.numel() + 1).reshape(parameter.shape))
    image = torch.zeros(1, 1, 5, 5)
    return {
        regime: torch.autograd.functional.jacobian(layer, image).reshape(9, 25).int().tolist()
        for regime, layer in small.items()
    }


def vectors():
    """Counts of layers, and the matrices of the small one."""
    return {"layers": [{"layer": layer, **answer(layer)} for layer in layers()], "matrices": matrices()}


if __name__ == "__main__":
    FILE.write_text(json.dumps(vectors()).replace('{"layer"', '\n{"layer"') + "\n", encoding="utf-8")
