"""What can be read off the layer tables of some networks; `python tests/vectors/architecture.py` writes the file."""

import json
from pathlib import Path

from cnncourse.models.layer_table import GROUPS, layer_table
from cnncourse.widgets import Architecture

FILE = Path(__file__).with_suffix(".json")
NAMES = ("lenet5", "alexnet_two_towers", "squeezenet1_0", "cifar_resnet20")


def case(name):
    """The packed table as the page gets it, and what Python's own table says of it."""
    table = layer_table(name)
    blocks = [
        {
            "name": block,
            "layers": len(layers),
            "shape": list(layers[-1].shape),
            "parameters": sum(layer.parameters for layer in layers),
            "multiplyAdds": sum(layer.multiply_adds for layer in layers),
            "field": layers[-1].field or 0,
        }
        for block, layers in table.blocks.items()
    ]
    costs = {"parameters": "parameters", "multiplyAdds": "multiply_adds"}
    shares = {key: {group: table.share(group, cost) for group in GROUPS} for key, cost in costs.items()}
    return {"name": name, "rows": Architecture(name).tables[name]["layers"], "blocks": blocks, "shares": shares}


def vectors():
    """One case for each kind of network: chain, towers, branches, shortcuts."""
    return [case(name) for name in NAMES]


if __name__ == "__main__":
    FILE.write_text(json.dumps(vectors(), ensure_ascii=False) + "\n", encoding="utf-8")
