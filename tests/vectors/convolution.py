"""Small images and what torch makes of them; `python tests/vectors/convolution.py` writes the file.

`node --test` compares the widget's arithmetic with the file, and the Python tests compare the file with torch.
"""

import json
import random
from pathlib import Path

import torch
import torch.nn.functional as F

FILE = Path(__file__).with_suffix(".json")


def cases():
    """Forty images with kernels of both sizes."""
    dice = random.Random(16)
    for _ in range(40):
        side = dice.choice([3, 5])
        options = {"stride": dice.randint(1, 4), "padding": dice.randint(0, 3), "dilation": dice.randint(1, 2)}
        least = max(1, options["dilation"] * (side - 1) + 1 - 2 * options["padding"])
        height, width = dice.randint(least, least + 6), dice.randint(least, least + 6)
        yield {
            "height": height,
            "width": width,
            "pixels": [dice.randint(0, 255) for _ in range(height * width)],
            "kernel": [dice.choice([-2, -1, 0, 0.5, 1, 3]) for _ in range(side * side)],
            "options": {**options, "flip": dice.random() < 0.5, "divisor": dice.choice([1, 3, 16])},
        }


def answer(case):
    """Output of torch in float64: its size and its values row by row."""
    options = dict(case["options"])
    side = round(len(case["kernel"]) ** 0.5)
    image = torch.tensor(case["pixels"], dtype=torch.float64).reshape(1, 1, case["height"], case["width"])
    kernel = torch.tensor(case["kernel"], dtype=torch.float64).reshape(1, 1, side, side) / options.pop("divisor")
    output = F.conv2d(image, kernel.flip(2, 3) if options.pop("flip") else kernel, **options)[0, 0]
    return {"shape": list(output.shape), "values": [round(value, 6) for value in output.flatten().tolist()]}


def vectors():
    """One record for each case."""
    return [{**case, **answer(case)} for case in cases()]


if __name__ == "__main__":
    FILE.write_text("[\n" + ",\n".join(json.dumps(record) for record in vectors()) + "\n]\n", encoding="utf-8")
