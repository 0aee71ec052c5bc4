"""Drawn pictures whose truth is known exactly: shapes with classes, boxes and masks, from a seed, in any size.

Picture number i of seed s is always the same, whichever others were drawn before. Boxes are (x1, y1, x2, y2) in
pixels; x2 and y2 lie one past the last pixel.

Chapter: `applications/boxes`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from cnncourse.data.labelled_images import LabelledImages
from cnncourse.workbench import checks

CLASSES = ("disc", "square", "triangle", "cross", "ring", "star")
MEAN, STD = (0.5, 0.5, 0.5), (0.25, 0.25, 0.25)

_FINER = 3  # each pixel is the mean of 3×3 samples
_TRIES = 40
_Numbers = NDArray[np.float32]


@dataclass(frozen=True)
class Scene:
    """One picture with its truth, nearest object last.

    `image` is float32 (3, H, W) in [0, 1]; `labels` int64 (M,) counts classes from 0; `masks` bool (M, H, W) holds
    what is visible of each object; `boxes` float32 (M, 4) are the tight boxes of the masks.
    """

    image: Tensor
    boxes: Tensor
    labels: Tensor
    masks: Tensor

    @property
    def segmentation(self) -> Tensor:
        """Class of every pixel plus one, and 0 for the background, int64 (H, W)."""
        numbered = self.masks.long() * (self.labels + 1)[:, None, None]
        return numbered.sum(dim=0)  # the masks do not overlap


def draw(
    index: int = 0,
    size: int | tuple[int, int] = 64,
    objects: tuple[int, int] = (1, 3),
    noise: float = 0.03,
    seed: int = 0,
) -> Scene:
    """Draw picture number `index`.

    Parameters
    ----------
    index, seed
        Which picture.
    size
        Pixels, one number or (height, width), at least 16.
    objects
        Fewest and most objects; there are fewer than asked for when there is no room.
    noise
        Standard deviation of the grain, for colours in [0, 1].

    Raises
    ------
    ValueError
        If a number is out of range.
    """
    checks.whole_number("index", index, 0, "Pictures are numbered from 0.")
    checks.whole_number("seed", seed, 0, "Any whole number will do.")
    height, width = checks.pair("size", size, 16, "Smaller pictures show no shapes.")
    fewest, most = checks.pair("objects", objects, 0, "Give the fewest and the most.")
    if fewest > most:
        raise ValueError(f"objects is {objects}; the first number must not be larger than the second")
    if isinstance(noise, bool) or not isinstance(noise, int | float) or not 0 <= noise <= 1:
        raise ValueError(f"noise is {noise!r}; it must be a number from 0 to 1")
    return _draw(np.random.default_rng([seed, index]), height, width, (fewest, most), float(noise), None)


def draw_one_class(label: int, index: int = 0, size: int = 32, noise: float = 0.05, seed: int = 0) -> Scene:
    """Draw one object of a given class; see `draw`."""
    checks.whole_number("label", label, 0, f"Classes are numbered from 0 to {len(CLASSES) - 1}.")
    if label >= len(CLASSES):
        raise ValueError(f"label is {label}; classes are numbered from 0 to {len(CLASSES) - 1}")
    height, width = checks.pair("size", size, 16, "Smaller pictures show no shapes.")
    return _draw(np.random.default_rng([seed, index, label]), height, width, (1, 1), noise, label)


def load(split: str = "train", number: int = 3000, size: int = 32, seed: int = 0) -> LabelledImages:
    """A classification data set: one object in each picture, as many of each class as of the others.

    ``"train"`` and ``"test"`` are drawn from different seeds.
    """
    if split not in ("train", "test"):
        raise ValueError(f"there is no split {split!r}; choose one of train, test")
    checks.whole_number("number", number, 1, "Draw at least one picture.")
    start = 2 * seed + (split == "test")
    labels = torch.arange(number) % len(CLASSES)
    images = [draw_one_class(int(label), index, size, seed=start).image for index, label in enumerate(labels)]
    pixels = (torch.stack(images) * 255).round().to(torch.uint8)
    return LabelledImages(pixels, labels, CLASSES, f"{number} drawn pictures of {len(CLASSES)} shapes")


def _draw(
    random: np.random.Generator, height: int, width: int, objects: tuple[int, int], noise: float, label: int | None
) -> Scene:
    picture, ground = _background(random, height, width)
    owner = np.full((height * _FINER, width * _FINER), -1)
    labels: list[int] = []
    for _ in range(int(random.integers(objects[0], objects[1] + 1))):
        chosen = int(random.integers(len(CLASSES))) if label is None else label
        shape = _place(random, owner, chosen)
        if shape is None:
            continue
        picture[shape] = _paint(random, ground, int(shape.sum()))
        owner[shape] = len(labels)
        labels.append(chosen)
    image = picture.reshape(height, _FINER, width, _FINER, 3).mean(axis=(1, 3))
    image = np.clip(image + noise * random.standard_normal(image.shape), 0, 1).astype(np.float32)
    masks = _majority(owner, len(labels), height, width)
    return Scene(
        image=torch.from_numpy(image).permute(2, 0, 1).contiguous(),
        boxes=tight_boxes(masks),
        labels=torch.tensor(labels, dtype=torch.long),
        masks=masks,
    )


def tight_boxes(masks: Tensor) -> Tensor:
    """Boxes (M, 4) around masks (M, H, W), none of which may be empty."""
    checks.tensor("masks", masks, "M H W")
    boxes = torch.zeros(len(masks), 4)
    for box, mask in zip(boxes, masks, strict=True):
        rows, columns = mask.any(dim=1).nonzero().flatten(), mask.any(dim=0).nonzero().flatten()
        if len(rows) == 0:
            raise ValueError("a mask is empty; there is no box around nothing")
        box[:] = torch.stack([columns[0], rows[0], columns[-1] + 1, rows[-1] + 1])
    return boxes


def _place(random: np.random.Generator, owner: NDArray[np.int64], label: int) -> NDArray[np.bool_] | None:
    """Samples that a new shape covers, at a place where it hides little of the others; `None` if there is none."""
    shortest = min(owner.shape)
    smallest = max(0.14, 3 * _FINER / shortest)  # three pixels, so that something is seen of it
    for _ in range(_TRIES):
        radius = shortest * random.uniform(smallest, 0.3)
        centre = [random.uniform(radius, side - radius) for side in owner.shape]
        shape = _stamp(owner.shape, CLASSES[label], radius, centre, random.uniform(0, 2 * np.pi))
        if _others_stay(owner, shape):
            return shape
    return None


def _stamp(size: tuple[int, ...], name: str, radius: float, centre: list[float], turn: float) -> NDArray[np.bool_]:
    """The samples inside a shape of some radius, turned around its centre; computed in its neighbourhood alone."""
    window = tuple(
        slice(max(0, int(middle - radius) - 1), min(side, int(middle + radius) + 2))
        for middle, side in zip(centre, size, strict=True)
    )
    y, x = np.mgrid[window].astype(np.float32)
    v, u = (y + 0.5 - centre[0]) / radius, (x + 0.5 - centre[1]) / radius
    inside = np.zeros(size, dtype=bool)
    inside[window] = _SHAPES[name](np.cos(turn) * u + np.sin(turn) * v, np.cos(turn) * v - np.sin(turn) * u)
    return inside


def _others_stay(owner: NDArray[np.int64], shape: NDArray[np.bool_]) -> bool:
    """Tell whether a new shape lies mostly on free ground, and leaves three quarters of every object to be seen."""
    hidden = owner[shape]
    if (hidden >= 0).sum() > 0.1 * len(hidden):
        return False
    counted = np.bincount(owner[owner >= 0])
    return bool((np.bincount(hidden[hidden >= 0], minlength=len(counted)) <= 0.25 * counted).all())


def _majority(owner: NDArray[np.int64], number: int, height: int, width: int) -> Tensor:
    """Masks of the pixels more than half of whose samples belong to an object, (number, H, W)."""
    cells = owner.reshape(height, _FINER, width, _FINER)
    shares = [(cells == one).mean(axis=(1, 3)) > 0.5 for one in range(number)]
    return torch.from_numpy(np.array(shares, dtype=bool).reshape(number, height, width))


def _background(random: np.random.Generator, height: int, width: int) -> tuple[_Numbers, _Numbers]:
    """A soft mixture of four corner colours, as samples (H·3, W·3, 3), and its mean colour."""
    base = random.uniform(0.2, 0.8, 3)
    corners = np.clip(base + random.uniform(-0.15, 0.15, (2, 2, 3)), 0, 1)
    down = np.linspace(0, 1, height * _FINER)[:, None, None]
    across = np.linspace(0, 1, width * _FINER)[None, :, None]
    top = corners[0, 0] * (1 - across) + corners[0, 1] * across
    bottom = corners[1, 0] * (1 - across) + corners[1, 1] * across
    return (top * (1 - down) + bottom * down).astype(np.float32), base.astype(np.float32)


def _paint(random: np.random.Generator, ground: _Numbers, samples: int) -> _Numbers:
    """One colour, far enough from the ground to be seen, for all samples of an object, (samples, 3)."""
    colour = random.uniform(0, 1, 3)
    while np.abs(colour - ground).max() < 0.35:
        colour = random.uniform(0, 1, 3)
    return np.broadcast_to(colour, (samples, 3)).astype(np.float32)


def _star(u: _Numbers, v: _Numbers) -> NDArray[np.bool_]:
    angle, radius = np.arctan2(v, u), np.hypot(u, v)
    sector = np.abs((angle + np.pi / 5) % (2 * np.pi / 5) - np.pi / 5)  # from the nearest of five tips
    inner, tip = 0.4, np.pi / 5
    edge = inner * np.sin(tip) / (np.sin(tip - sector) * inner + np.sin(sector))
    return np.asarray(radius <= edge)


_SHAPES: dict[str, Callable[[_Numbers, _Numbers], NDArray[np.bool_]]] = {
    "disc": lambda u, v: np.hypot(u, v) <= 0.85,
    "square": lambda u, v: np.maximum(np.abs(u), np.abs(v)) <= 0.7,
    "triangle": lambda u, v: (v <= 0.5) & (np.abs(u) * np.sqrt(3) <= v + 1),
    "cross": lambda u, v: (np.minimum(np.abs(u), np.abs(v)) <= 0.25) & (np.maximum(np.abs(u), np.abs(v)) <= 0.9),
    "ring": lambda u, v: (np.hypot(u, v) <= 0.9) & (np.hypot(u, v) >= 0.5),
    "star": _star,
}
