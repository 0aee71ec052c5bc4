"""Maps and what the chapter's module makes of them; `python tests/vectors/pooling.py` writes the file."""

import json
from pathlib import Path

import torch

from cnncourse.layers.pooling import blur_pooling
from cnncourse.layers.robustness import detector_response
from cnncourse.widgets.pooling import POOLING, Pooling

FILE = Path(__file__).with_suffix(".json")
SIZES = [(8, 8, 2), (9, 7, 3), (12, 12, 4), (16, 18, 8), (5, 5, 1)]


def plane(values):
    """A map as the widget knows it, with six decimals."""
    height, width = values.shape[-2:]
    numbers = [round(number, 6) + 0.0 for number in values.flatten().tolist()]
    return {"values": numbers, "height": height, "width": width}


def vectors():
    """Pooling of random maps, an image under a detector, and the widget's own scene after some moves."""
    generator = torch.Generator().manual_seed(5)

    def random(*shape):
        return (torch.rand(1, 1, *shape, generator=generator, dtype=torch.float64) * 1000).round() / 1000

    maps = []
    for height, width, size in SIZES:
        image = random(height, width)
        answers = {kind: plane(layer(image, size)) for kind, layer in POOLING.items()}
        maps.append({"map": plane(image), "size": size, "pooled": answers, "blur": plane(blur_pooling(image, size, 5))})
    image, template = random(9, 10), random(3, 4)[0]
    detector = {"image": plane(image), "template": plane(template)}
    detector["response"] = plane(torch.relu(detector_response(image, template)))
    moves = [
        {"right": right, "down": down, "kind": kind, "window": size, "pooled": plane(widget.pooled)}
        for right, down, kind, size in [(0, 0, "maximum", 8), (5, -3, "average", 4), (-8, 8, "low-pass", 3)]
        for widget in [Pooling(right=right, down=down, kind=kind, window=size)]
    ]
    scene = Pooling()
    photo = {"values": list(scene.photo), "height": 75, "width": scene.photo_width}
    return {"maps": maps, "detector": detector, "photo": photo, "eye": scene.eye, "view": scene.view, "moves": moves}


if __name__ == "__main__":
    FILE.write_text(json.dumps(vectors()) + "\n", encoding="utf-8")
