"""Inception modules and what they cost; `python tests/vectors/googlenet.py` writes the file.

The Python tests compare the file with the module, and `node --test` compares the widget's arithmetic with the file.
"""

import json
import random
from pathlib import Path

from cnncourse.models.googlenet import MODULES
from cnncourse.models.inception import Widths, cost, place, single, stacked

FILE = Path(__file__).with_suffix(".json")


def modules():
    """GoogLeNet's nine in their places, then 60 at random, of which many lack reductions."""
    for name, row in MODULES.items():
        channels, size = place(name)
        yield {"name": name, "size": size, "in_channels": channels, **Widths(*row)._asdict()}
    dice = random.Random(22)
    for _ in range(60):
        widths = [dice.randint(1, 90) for _ in range(6)]
        for index in (1, 3, 5):
            widths[index] *= dice.randint(0, 1)
        yield {
            "name": "",
            "size": dice.randint(1, 40),
            "in_channels": dice.randint(1, 300),
            **Widths(*widths)._asdict(),
        }


def vectors():
    """One record for each module."""
    records = []
    for module in modules():
        channels, size = module["in_channels"], module["size"]
        widths = Widths(*(module[name] for name in Widths._fields))
        mine = cost(channels, size, widths)
        records.append(
            {
                "module": module,
                "cost": mine._asdict(),
                "naive": cost(channels, size, widths.naive)._asdict(),
                "single3": single(channels, size, mine.channels, 3)._asdict(),
                "single5": single(channels, size, mine.channels, 5)._asdict(),
                "stack": [one._asdict() for one in stacked(channels, size, widths, 3)],
                "naive_stack": [one.channels for one in stacked(channels, size, widths.naive, 3)],
            }
        )
    return records


if __name__ == "__main__":
    FILE.write_text("[\n" + ",\n".join(json.dumps(record) for record in vectors()) + "\n]\n", encoding="utf-8")
