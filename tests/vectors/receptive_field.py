"""Stacks of layers and what one unit sees in each; `python tests/vectors/receptive_field.py` writes the file.

Fields come from the chapter's module, the units seen in every map from the gradient of torch's own layers: the Python
tests compare the file with both, and `node --test` compares the widget's arithmetic with the file.
"""

import json
import random
from pathlib import Path

import torch
import torch.nn.functional as F

from cnncourse.layers.receptive_field import fields_through
from cnncourse.layers.stride_arithmetic import sizes_through

FILE = Path(__file__).with_suffix(".json")


def stacks():
    """Some by hand, then 120 at random."""
    small = {"kernel_size": 3, "stride": 1, "padding": 0, "dilation": 1}
    yield 7, [small, small, small]
    yield 9, []
    yield 4, [small, small]
    yield 12, [{**small, "padding": 2, "dilation": 2}, {**small, "stride": 2}]
    dice = random.Random(16)
    for _ in range(120):
        layers = [
            {
                "kernel_size": dice.randint(1, 5),
                "stride": dice.randint(1, 3),
                "padding": dice.randint(0, 2),
                "dilation": dice.randint(1, 3),
            }
            for _ in range(dice.randint(1, 4))
        ]
        yield dice.randint(4, 60), layers


def units_by_gradient(input_size, layers, position):
    """Units of each map, from the input to the last, that have a gradient from unit `position` of the last."""
    maps = [torch.ones(1, 1, input_size, dtype=torch.float64, requires_grad=True)]
    for layer in layers:
        options = {name: layer[name] for name in ("stride", "padding", "dilation")}
        maps.append(F.conv1d(maps[-1], torch.ones(1, 1, layer["kernel_size"], dtype=torch.float64), **options))
    gradients = torch.autograd.grad(maps[-1][0, 0, position], maps)
    return [gradient[0, 0].nonzero().flatten().tolist() for gradient in gradients]


def vectors():
    """One record for each stack; those that do not fit have no sizes."""
    for input_size, layers in stacks():
        fields = [
            {name: getattr(field, name) for name in ("size", "stride", "padding", "centre")}
            for field in fields_through(layers)
        ]
        record = {"input_size": input_size, "layers": layers, "fields": fields}
        try:
            sizes = sizes_through(input_size, layers)
        except ValueError:
            yield record
            continue
        position = sizes[-1] // 2
        seen = units_by_gradient(input_size, layers, position)
        yield {**record, "sizes": sizes, "position": position, "seen": seen}


if __name__ == "__main__":
    FILE.write_text("[\n" + ",\n".join(json.dumps(record) for record in vectors()) + "\n]\n", encoding="utf-8")
