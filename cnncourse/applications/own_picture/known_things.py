"""Photographs whose names the network was taught, and pictures of things that it was not: the pictures to measure with.

Chapter: `applications/own_picture`.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

from cnncourse.data import Photographs, caltech101, ilsvrc, mnist, scenes
from cnncourse.workbench import resize

# Kinds of Caltech-101 and the names of ILSVRC that say the same; kinds without an undoubted name are left out.
NAMES: dict[str, tuple[str, ...]] = {
    "Leopards": ("leopard",),
    "accordion": ("accordion",),
    "airplanes": ("airliner", "warplane", "wing"),
    "ant": ("ant",),
    "barrel": ("barrel", "rain barrel"),
    "beaver": ("beaver",),
    "binocular": ("binoculars",),
    "butterfly": ("admiral", "ringlet", "monarch", "cabbage butterfly", "sulphur butterfly", "lycaenid"),
    "camera": ("reflex camera", "Polaroid camera"),
    "cannon": ("cannon",),
    "cellphone": ("cellular telephone",),
    "cougar_body": ("cougar",),
    "cougar_face": ("cougar",),
    "crab": ("Dungeness crab", "rock crab", "fiddler crab", "king crab", "hermit crab"),
    "crayfish": ("crayfish",),
    "crocodile": ("African crocodile", "American alligator"),
    "crocodile_head": ("African crocodile", "American alligator"),
    "cup": ("cup", "coffee mug"),
    "dalmatian": ("dalmatian",),
    "dragonfly": ("dragonfly", "damselfly"),
    "electric_guitar": ("electric guitar",),
    "elephant": ("tusker", "Indian elephant", "African elephant"),
    "flamingo": ("flamingo",),
    "flamingo_head": ("flamingo",),
    "grand_piano": ("grand piano",),
    "lamp": ("table lamp", "lampshade"),
    "laptop": ("laptop", "notebook"),
    "llama": ("llama",),
    "lobster": ("American lobster", "spiny lobster"),
    "nautilus": ("chambered nautilus",),
    "panda": ("giant panda",),
    "pizza": ("pizza",),
    "platypus": ("platypus",),
    "revolver": ("revolver",),
    "rooster": ("cock",),
    "saxophone": ("sax",),
    "schooner": ("schooner",),
    "scorpion": ("scorpion",),
    "soccer_ball": ("soccer ball",),
    "starfish": ("starfish",),
    "strawberry": ("strawberry",),
    "tick": ("tick",),
    "trilobite": ("trilobite",),
    "umbrella": ("umbrella",),
}
# Kinds of Caltech-101 that the 1,000 classes have no name for.
UNTAUGHT = (
    "Faces_easy", "brontosaurus", "buddha", "dollar_bill", "euphonium", "garfield", "inline_skate", "kangaroo",
    "menorah", "octopus", "okapi", "rhino", "scissors", "sea_horse", "snoopy", "stapler", "stegosaurus", "sunflower",
    "yin_yang",
)  # fmt: skip
SCIENTIFIC = ("cell", "hubble_deep_field", "immunohistochemistry", "moon", "page", "retina", "text")
_PIECES = 4


def known(split: str) -> tuple[Photographs, Tensor]:
    """Photographs of Caltech-101 whose kinds the network was taught, and which names are right, bool (N, 1000)."""
    photographs = caltech101.load(split)
    names = ilsvrc.class_names()
    kinds = [photographs.classes[label] for label in photographs.labels.tolist()]
    chosen = [place for place, kind in enumerate(kinds) if kind in NAMES]
    right = torch.zeros(len(chosen), len(names), dtype=torch.bool)
    for row, place in enumerate(chosen):
        right[row, [names.index(name) for name in NAMES[kinds[place]]]] = True
    return photographs.select(chosen), right


def untaught() -> Photographs:
    """Photographs of Caltech-101 whose kinds the network has no name for, from the test split."""
    photographs = caltech101.load("test")
    kinds = [photographs.classes[label] for label in photographs.labels.tolist()]
    return photographs.select(place for place, kind in enumerate(kinds) if kind in UNTAUGHT)


def noise(number: int = 100, side: int = 227, seed: int = 0) -> Iterator[Tensor]:
    """Pictures of noise, from single pixels to large spots, in [0, 1], (3, side, side)."""
    generator = torch.Generator().manual_seed(seed)
    for index in range(number):
        grain = (side, 64, 16, 5)[index % 4]
        yield resize(torch.rand(3, grain, grain, generator=generator), (side, side)).clamp(0, 1)


def drawn(number: int = 100, side: int = 227) -> Iterator[Tensor]:
    """Scenes of simple shapes, drawn by the course, in [0, 1]."""
    for index in range(number):
        yield resize(scenes.draw(index, size=64).image, (side, side)).clamp(0, 1)


def digits(number: int = 100, side: int = 227) -> Iterator[Tensor]:
    """Handwritten digits, white on black, in [0, 1]."""
    for image in mnist.load("test").images[:number]:
        yield resize(image.float().expand(3, -1, -1) / 255, (side, side)).clamp(0, 1)


def scientific() -> Iterator[Tensor]:
    """What instruments and scanners see, in quarters, in [0, 1]; the pictures come with scikit-image."""
    from skimage import data

    for name in SCIENTIFIC:
        pixels: np.ndarray = getattr(data, name)()
        whole = torch.from_numpy(pixels.copy()).float() / 255
        image = whole.permute(2, 0, 1) if whole.dim() == 3 else whole.expand(3, -1, -1)
        height, width = (side // 2 for side in image.shape[1:])
        for piece in range(_PIECES):
            top, left = (piece // 2) * height, (piece % 2) * width
            yield image[:, top : top + height, left : left + width]
