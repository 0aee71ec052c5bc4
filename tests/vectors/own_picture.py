"""What torch computes for the bundled photographs; `python tests/vectors/own_picture.py` writes the file."""

import json
from pathlib import Path

import torch

from cnncourse.applications.own_picture import difference_hash
from cnncourse.data import photographs
from cnncourse.widgets.own_picture import NAMES, PHOTOGRAPHS, OwnPicture, sample
from cnncourse.workbench.images import resize

FILE = Path(__file__).with_suffix(".json")
SIDE = 21  # of the small picture that is resized and hashed


def small_picture():
    """Bytes of a picture of 37×29 pixels, (3, 37, 29)."""
    return photographs.decode(sample("chelsea"))[:, 100:137, 120:149]


def vectors():
    """Logits of each photograph at some places and its five first names; a picture resized, cut out and hashed."""
    cases = []
    for index, name in enumerate(NAMES):
        logits = OwnPicture(picture=index).logits
        places = sorted({*logits.topk(5).indices.tolist(), *range(0, 1000, 50)})
        cases.append(
            {
                "name": name,
                "labels": logits.topk(5).indices.tolist(),
                "logits": {str(place): float(f"{logits[place]:.7g}") for place in places},
            }
        )
    picture = small_picture()
    resized = resize(picture.float() / 255, (32, 25))[:, 5 : 5 + SIDE, 2 : 2 + SIDE]
    return {
        "photographs": cases,
        "resizing": {
            "picture": picture.permute(1, 2, 0).flatten().tolist(),
            "height": picture.shape[1],
            "width": picture.shape[2],
            "resize": 25,
            "side": SIDE,
            "values": [float(f"{value:.6g}") for value in resized.flatten().tolist()],
            "hash": "".join(str(int(bit)) for bit in difference_hash(resized)),
        },
    }


def rgba():
    """The photographs as the page decodes them: for each height and width (32 bits), then four bytes a pixel."""
    parts = []
    for name in PHOTOGRAPHS:
        pixels = photographs.decode(sample(name))
        opaque = torch.cat([pixels, torch.full_like(pixels[:1], 255)]).permute(1, 2, 0).contiguous().numpy()
        parts += [int(side).to_bytes(4, "little") for side in opaque.shape[:2]] + [opaque.tobytes()]
    return b"".join(parts)


if __name__ == "__main__":
    FILE.write_text(json.dumps(vectors()) + "\n", encoding="utf-8")
