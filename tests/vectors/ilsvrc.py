"""What the chart shows under some filters; `python tests/vectors/ilsvrc.py` writes the file."""

import json
from pathlib import Path

from cnncourse.widgets.ilsvrc import Ilsvrc

FILE = Path(__file__).with_suffix(".json")
VIEWS = [
    {},
    {"measured_on": "any"},
    {"measured_on": "validation", "networks": "one", "crops": "one", "across": "multiply_adds"},
    {"measured_on": "validation", "networks": "one", "crops": "ten", "across": "parameters"},
    {"measured_on": "any", "across": "layers", "up": "top1", "first": 2012, "last": 2015},
    {"measured_on": "test", "data": "more"},
    {"measured_on": "test", "networks": "none", "first": 2012},
    {"measured_on": "any", "crops": "more", "across": "multiply_adds"},
    {"measured_on": "test", "first": 2013, "last": 2013, "data": "provided"},
]


def vectors():
    """The records, and for each view the places chosen, drawn and unbeaten, and what is mixed."""
    cases = []
    for changes in VIEWS:
        widget = Ilsvrc(**changes)
        state = widget.state()
        view = {name: state[name] for name in (
            "first", "last", "measured_on", "data", "networks", "crops", "across", "up"
        )}  # fmt: skip
        cases.append({"view": view, "chosen": list(widget.chosen), "drawn": list(widget.drawn),
                      "mixed": {name: list(values) for name, values in widget.mixed.items()},
                      "unbeaten": list(widget.unbeaten)})  # fmt: skip
    return {"records": Ilsvrc().records, "cases": cases}


if __name__ == "__main__":
    FILE.write_text(json.dumps(vectors(), ensure_ascii=False) + "\n", encoding="utf-8")
