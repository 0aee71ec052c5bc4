"""Stacks and what the chapter's module says of them; `python tests/vectors/vgg.py` writes the file."""

import json
import random
from dataclasses import asdict
from pathlib import Path

from cnncourse.models.stacks import one_layer, stack_costs
from cnncourse.widgets.vgg import KERNELS, MOST, STRIDES

FILE = Path(__file__).with_suffix(".json")


def vectors():
    """Costs of 60 stacks that the widget can build, on maps of any size."""
    dice = random.Random(5)
    records = []
    for _ in range(60):
        layers = [[dice.choice(KERNELS), dice.choice(STRIDES)] for _ in range(dice.randint(1, MOST))]
        channels, size = dice.choice([16, 64, 256]), dice.randint(1, 60)
        record = {"layers": layers, "channels": channels, "size": size}
        record["stack"] = asdict(stack_costs(layers, channels, size))
        record["single"] = asdict(one_layer(layers, channels, size))
        records.append(record)
    return records


if __name__ == "__main__":
    FILE.write_text("[\n" + ",\n".join(json.dumps(record) for record in vectors()) + "\n]\n", encoding="utf-8")
