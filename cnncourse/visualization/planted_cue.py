"""Pictures whose class is decided by a small mark at a known place, and a network that has learned to read it.

The mark is a disc of stripes; its class is their direction: vertical, horizontal or one of the diagonals. Photographs
behind it, and a ring that is larger and brighter, have nothing to do with the class.
Chapter: `visualization/saliency`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from cnncourse.workbench import checks, normalise, photograph, resize

CLASSES = ("vertical", "horizontal", "falling", "rising")
DISTRACTORS = ("ring", "mark")
SIDE, MARK, RING = 48, 5, 7  # pixels: side of a picture, radius of a mark, of a ring
BEHIND = ("astronaut", "chelsea", "coffee", "motorcycle", "rocket")
_MEAN, _STD = (0.45,), (0.25,)
_PERIOD = 4.0


@dataclass(frozen=True)
class PlantedCues:
    """Pictures with their truth, for N pictures of `SIDE` pixels.

    `images` (N, 1, H, W) float32 in [0, 1]; `labels` int64 (N,); `marks` bool (N, H, W), the pixels that decide the
    class; `distractors` bool (N, H, W), those that do not; `without` are the same images without the mark.
    """

    images: Tensor
    labels: Tensor
    marks: Tensor
    distractors: Tensor
    without: Tensor

    @property
    def inputs(self) -> Tensor:
        """`images` as the network expects them."""
        return prepared(self.images)


def plant(count: int, seed: int = 0, distractor: str = "ring") -> PlantedCues:
    """Draw `count` pictures: a mark and a distractor that do not touch, on crops of photographs.

    Parameters
    ----------
    count
        Number of pictures.
    seed
        Equal seeds give equal pictures.
    distractor
        ``"ring"``, or ``"mark"``: the mark of another class. Such a picture shows two classes, and `labels` is one.

    Raises
    ------
    ValueError
        If a number is out of range, or there is no such distractor.
    """
    checks.whole_number("count", count, 1, "Draw at least one picture.")
    checks.whole_number("seed", seed, 0, "Any whole number makes the pictures repeatable.")
    if distractor not in DISTRACTORS:
        raise ValueError(f"distractor is {distractor!r}; choose one of {', '.join(DISTRACTORS)}")
    generator = torch.Generator().manual_seed(seed)
    images, masks = torch.empty(count, 1, SIDE, SIDE), torch.zeros(2, count, SIDE, SIDE, dtype=torch.bool)
    without, labels = torch.empty_like(images), torch.empty(count, dtype=torch.int64)
    for index in range(count):
        label, other = torch.randperm(len(CLASSES), generator=generator)[:2].tolist()
        kind = None if distractor == "ring" else other
        places = _two_places(MARK, RING if kind is None else MARK, generator)
        images[index, 0] = _photograph(generator)
        masks[1, index] = _paint(images[index, 0], places[1], kind, generator)
        without[index] = images[index]
        masks[0, index] = _paint(images[index, 0], places[0], label, generator)
        labels[index] = label
    return PlantedCues(images, labels, masks[0], masks[1], without)


def prepared(images: Tensor) -> Tensor:
    """Pictures (N, 1, H, W) in [0, 1] as the network expects them; 0 is a middle grey."""
    return normalise(checks.tensor("images", images, "N C H W", C=1), _MEAN, _STD)


def small_network(seed: int = 0) -> nn.Sequential:
    """Four convolutions, global average pooling and a linear layer: 10,000 parameters, untrained."""
    generator = torch.Generator().manual_seed(checks.whole_number("seed", seed, 0, "It makes the weights repeatable."))
    network = nn.Sequential(
        *(nn.Conv2d(1, 8, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Conv2d(8, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Conv2d(16, 24, 3, padding=1), nn.ReLU(), nn.Conv2d(24, 24, 3, padding=1), nn.ReLU()),
        *(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(24, len(CLASSES))),
    )
    with torch.no_grad():
        for parameter in network.parameters():
            scale = math.sqrt(2 / parameter[0].numel()) if parameter.dim() > 1 else 0.0
            parameter.copy_(scale * torch.randn(parameter.shape, generator=generator))
    return network


LAST_MAPS = "9"  # the ReLU behind the last convolution of `small_network`


@cache
def reader(steps: int = 250, good_enough: float = 0.97) -> nn.Sequential:
    """The network after a few seconds of training on 1,500 planted pictures; always the same one on one machine.

    A training that ends below `good_enough` on 200 other pictures is thrown away and begun with another seed.
    """
    lesson, test = plant(1500, seed=1), plant(200, seed=2)
    for seed in range(5):
        network = _trained(small_network(seed), lesson, steps, seed)
        if accuracy_on(network, test.images, test.labels) >= good_enough:
            break
    return network


def accuracy_on(network: nn.Module, images: Tensor, labels: Tensor) -> float:
    """Share of pictures (N, 1, H, W) in [0, 1] whose class the network names."""
    with torch.no_grad():
        return float((network(prepared(images)).argmax(dim=1) == labels).double().mean())


def share_named(picture: str, count: int = 200) -> float:
    """Share of new pictures whose class `reader` names: ``"whole"``, or ``"without"`` the mark."""
    test = plant(count, seed=3)
    return accuracy_on(reader(), {"whole": test.images, "without": test.without}[picture], test.labels)


def _trained(network: nn.Sequential, lesson: PlantedCues, steps: int, seed: int) -> nn.Sequential:
    generator = torch.Generator().manual_seed(seed)
    optimizer = torch.optim.AdamW(network.parameters(), lr=0.01)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 0.01, total_steps=steps)
    inputs = lesson.inputs
    with torch.enable_grad():
        for _ in range(steps):
            index = torch.randint(len(inputs), (32,), generator=generator)
            optimizer.zero_grad()
            F.cross_entropy(network(inputs[index]), lesson.labels[index]).backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            schedule.step()
    return network.eval()


@cache
def _behind() -> list[Tensor]:
    greys = [photograph(name, grey=True) for name in BEHIND]
    return [resize(grey, (grey.shape[1] // 2, grey.shape[2] // 2))[0] for grey in greys]


def _random(high: int, generator: torch.Generator) -> int:
    return int(torch.randint(high, (1,), generator=generator))


def _photograph(generator: torch.Generator) -> Tensor:
    picture = _behind()[_random(len(BEHIND), generator)]
    top, left = (_random(length - SIDE + 1, generator) for length in picture.shape)
    return picture[top : top + SIDE, left : left + SIDE]


def _two_places(first: int, second: int, generator: torch.Generator) -> list[tuple[int, int]]:
    """Centres of two discs of these radii that lie in the picture and do not touch."""
    while True:
        centres = [
            (radius + _random(SIDE - 2 * radius, generator), radius + _random(SIDE - 2 * radius, generator))
            for radius in (first, second)
        ]
        if math.dist(*centres) > first + second + 2:
            return centres


def _paint(picture: Tensor, centre: tuple[int, int], kind: int | None, generator: torch.Generator) -> Tensor:
    """Paint a mark of a class, or a ring, into a picture (H, W), and return where."""
    places = torch.arange(SIDE)
    y, x = torch.meshgrid(places - centre[0], places - centre[1], indexing="ij")
    distance = (x.square() + y.square()).float().sqrt()
    if kind is None:
        where, values = distance < RING + 0.5, (distance.div(2).floor() % 2 == 0).float()
    else:
        where = distance < MARK + 0.5
        along = (x, y, (x + y) / math.sqrt(2), (x - y) / math.sqrt(2))[kind]
        phase = _random(4, generator) + 0.5
        values = 0.25 + 0.5 * (torch.sin(2 * math.pi * (along + phase) / _PERIOD) > 0).float()
    picture[where] = values[where]
    return where
