"""Geometries and what the chapter's module says of each; `python tests/vectors/stride_arithmetic.py` writes the file.

The Python tests compare the file with the module, and `node --test` compares the widget's arithmetic with the file.
"""

import json
import random
from pathlib import Path

from cnncourse.layers.stride_arithmetic import lost_border, output_size, unread_pixels, window

FILE = Path(__file__).with_suffix(".json")
BY_HAND = [
    {"input_size": 7, "kernel_size": 3, "stride": 3, "padding": 0, "dilation": 1},
    {"input_size": 224, "kernel_size": 11, "stride": 4, "padding": 2, "dilation": 1},
    {"input_size": 7, "kernel_size": 3, "stride": 0, "padding": 0, "dilation": 1},
    {"input_size": 7, "kernel_size": 3, "stride": 1, "padding": -1, "dilation": 1},
    {"input_size": 0, "kernel_size": 3, "stride": 1, "padding": 0, "dilation": 1},
    {"input_size": 7, "kernel_size": 2.5, "stride": 1, "padding": 0, "dilation": 1},
    {"input_size": 7, "kernel_size": 3, "stride": 1, "padding": 0, "dilation": 0},
]


def geometries():
    """Some by hand, then 200 at random, of which some do not fit."""
    dice = random.Random(16)
    yield from BY_HAND
    for _ in range(200):
        yield {
            "input_size": dice.randint(1, 12),
            "kernel_size": dice.randint(1, 6),
            "stride": dice.randint(1, 5),
            "padding": dice.randint(0, 3),
            "dilation": dice.randint(1, 3),
        }


def answer(geometry):
    """What the module says: sizes and losses, or the message of its error."""
    try:
        size = output_size(**geometry)
    except ValueError as error:
        return {"error": str(error)}
    walk = {name: value for name, value in geometry.items() if name != "input_size"}
    return {
        "output_size": size,
        "output_size_ceil": output_size(**geometry, ceil_mode=True),
        "last_window": window(size - 1, **walk),
        "unread_pixels": unread_pixels(**geometry),
        "lost_border": lost_border(**geometry),
    }


def vectors():
    """One record for each geometry."""
    return [{"geometry": geometry, **answer(geometry)} for geometry in geometries()]


if __name__ == "__main__":
    FILE.write_text("[\n" + ",\n".join(json.dumps(record) for record in vectors()) + "\n]\n", encoding="utf-8")
