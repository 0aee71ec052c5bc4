"""Hierarchical grouping: the two neighbours that are most alike become one region, until one region is left.

s(a, b) = s_colour + s_texture + s_size + s_fill        every region that ever existed is a guess at an object
Paper: Uijlings et al. 2013, algorithm 1 and equations 2 to 6.

Chapter: `applications/rcnn`.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Collection
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from skimage.filters import gaussian
from torch import Tensor

from cnncourse.workbench import checks

KINDS = ("colour", "texture", "size", "fill")
COLOUR_BINS, TEXTURE_BINS, DIRECTIONS = 25, 10, 8
_DIGITS = 9


@dataclass(frozen=True)
class Hierarchy:
    """Regions 0 … R−1 are the segments; region R+i is what `merges[i]` joined.

    `segments` int64 (H, W); `merges` int64 (R−1, 2), if all segments hang together; `similarities` float64 (R−1,);
    `boxes` float32 (2R−1, 4), the tight boxes of the regions; `sizes` int64 (2R−1,) counts their pixels.
    """

    segments: Tensor
    merges: Tensor
    similarities: Tensor
    boxes: Tensor
    sizes: Tensor

    def regions_after(self, merges: int) -> Tensor:
        """The region of every pixel after some merges, int64 (H, W)."""
        checks.whole_number("merges", merges, 0, "0 shows the segments.")
        if merges > len(self.merges):
            raise ValueError(f"merges is {merges}; this hierarchy has only {len(self.merges)}")
        first = len(self.boxes) - len(self.merges)
        now = torch.arange(first + merges)
        for step in reversed(range(merges)):  # the last one first: it knows where its parts ended
            now[self.merges[step]] = int(now[first + step])
        return now[self.segments]


@dataclass
class _Region:
    """What a similarity needs to know; the histograms sum to 1 each."""

    size: int
    box: tuple[int, int, int, int]
    colour: NDArray[np.float64]
    texture: NDArray[np.float64]

    def joined(self, other: _Region) -> _Region:
        """Equations 3 and 4: no look at the pixels is needed."""
        size = self.size + other.size
        mean = [
            (self.size * a + other.size * b) / size
            for a, b in ((self.colour, other.colour), (self.texture, other.texture))
        ]
        return _Region(size, _around(self.box, other.box), *mean)


def group(image: Tensor, segments: Tensor, kinds: Collection[str] = KINDS) -> Hierarchy:
    """Merge segments, the most similar neighbours first.

    Parameters
    ----------
    image
        (C, H, W), floating point, values in [0, 1], of any colour space.
    segments
        int64 (H, W), numbered from 0 without gaps, as `segment` returns them.
    kinds
        Which similarities are added up: some of ``"colour"``, ``"texture"``, ``"size"`` and ``"fill"``.

    Raises
    ------
    TypeError, ValueError
        If the shapes do not fit, a number of a segment is missing, or a kind is unknown.
    """
    _check(image, segments, kinds)
    whole = segments.numel()
    regions = describe_regions(image, segments)
    neighbours = _neighbours(segments, len(regions))
    similar = [_SIMILARITIES[kind] for kind in KINDS if kind in kinds]

    def weighed(a: int, b: int) -> tuple[float, int, int]:
        worth = sum(one(regions[a], regions[b], whole) for one in similar)
        return (-round(worth, _DIGITS), a, b)  # so that no last bit decides between equals

    queue = [weighed(a, b) for a, others in enumerate(neighbours) for b in others if a < b]
    heapq.heapify(queue)
    merges, similarities, gone = [], [], set()
    while queue:
        worth, a, b = heapq.heappop(queue)
        if a in gone or b in gone:
            continue
        new = len(regions)
        gone |= {a, b}
        regions.append(regions[a].joined(regions[b]))
        neighbours.append((neighbours[a] | neighbours[b]) - gone)
        for other in neighbours[new]:
            neighbours[other].add(new)
            heapq.heappush(queue, weighed(other, new))
        merges.append((a, b))
        similarities.append(-worth)
    return Hierarchy(
        segments=segments,
        merges=torch.tensor(merges, dtype=torch.int64).reshape(-1, 2),
        similarities=torch.tensor(similarities, dtype=torch.float64),
        boxes=torch.tensor([region.box for region in regions], dtype=torch.float32),
        sizes=torch.tensor([region.size for region in regions]),
    )


def similarities(image: Tensor, segments: Tensor, first: int, second: int) -> dict[str, float]:
    """All four similarities of two segments, each in [0, 1]; they need not be neighbours."""
    _check(image, segments, KINDS)
    regions = describe_regions(image, segments)
    for name, value in (("first", first), ("second", second)):
        checks.whole_number(name, value, 0, "Segments are numbered from 0.")
        if value >= len(regions):
            raise ValueError(f"{name} is {value}; there are only {len(regions)} segments, numbered from 0")
    return {kind: _SIMILARITIES[kind](regions[first], regions[second], segments.numel()) for kind in KINDS}


def describe_regions(image: Tensor, segments: Tensor) -> list[_Region]:
    """Size, tight box, colour and texture histogram of each segment."""
    pixels = image.detach().cpu().double().permute(1, 2, 0).numpy()
    owner = segments.cpu().numpy().ravel()
    number = int(owner.max()) + 1
    colour = _histograms(owner, number, pixels.reshape(len(owner), -1).T, COLOUR_BINS)
    texture = _histograms(owner, number, _oriented_gradients(pixels), TEXTURE_BINS)
    sizes = np.bincount(owner, minlength=number)
    rows, columns = np.divmod(np.arange(len(owner)), segments.shape[1])
    box = np.full((4, number), np.iinfo(np.int64).max)
    for line, places in zip(box, (columns, rows, -columns - 1, -rows - 1), strict=True):
        np.minimum.at(line, owner, places)
    box[2:] *= -1
    return [
        _Region(int(size), (int(b[0]), int(b[1]), int(b[2]), int(b[3])), c, t)
        for size, b, c, t in zip(sizes, box.T, colour, texture, strict=True)
    ]


def _oriented_gradients(pixels: NDArray[np.float64]) -> NDArray[np.float64]:
    """Gradients of the smoothed image in eight directions, for each channel, positive parts alone, scaled to [0, 1]."""
    if min(pixels.shape[:2]) < 2:
        return np.zeros((DIRECTIONS * pixels.shape[2], pixels.shape[0] * pixels.shape[1]))
    down, across = np.gradient(gaussian(pixels, 1.0, mode="reflect", channel_axis=2), axis=(0, 1))
    angles = 2 * np.pi * np.arange(DIRECTIONS) / DIRECTIONS
    towards = [np.maximum(np.cos(angle) * across + np.sin(angle) * down, 0) for angle in angles]
    channels = np.concatenate([one.reshape(-1, pixels.shape[2]).T for one in towards])
    return np.asarray(channels / max(channels.max(), 1e-12))


def _histograms(owner: NDArray[np.int64], number: int, channels: NDArray[np.float64], bins: int) -> NDArray[np.float64]:
    """Histograms of all channels side by side, one row for each region, of sum 1."""
    places = (channels * bins).astype(np.int64).clip(0, bins - 1)
    counted = [np.bincount(owner * bins + row, minlength=number * bins).reshape(number, bins) for row in places]
    together = np.concatenate(counted, axis=1).astype(np.float64)
    return np.asarray(together / together.sum(axis=1, keepdims=True))


def _neighbours(segments: Tensor, number: int) -> list[set[int]]:
    """Which regions touch along the side of a pixel."""
    pairs = [
        torch.stack([segments[:, :-1].flatten(), segments[:, 1:].flatten()]),
        torch.stack([segments[:-1].flatten(), segments[1:].flatten()]),
    ]
    touching: list[set[int]] = [set() for _ in range(number)]
    for a, b in torch.unique(torch.cat(pairs, dim=1), dim=1).T.tolist():
        if a != b:
            touching[a].add(b)
            touching[b].add(a)
    return touching


def _around(a: tuple[int, int, int, int], b: tuple[int, int, int, int]) -> tuple[int, int, int, int]:
    return min(a[0], b[0]), min(a[1], b[1]), max(a[2], b[2]), max(a[3], b[3])


def _colour(a: _Region, b: _Region, _whole: int) -> float:
    return float(np.minimum(a.colour, b.colour).sum())


def _texture(a: _Region, b: _Region, _whole: int) -> float:
    return float(np.minimum(a.texture, b.texture).sum())


def _size(a: _Region, b: _Region, whole: int) -> float:
    return 1 - (a.size + b.size) / whole


def _fill(a: _Region, b: _Region, whole: int) -> float:
    x1, y1, x2, y2 = _around(a.box, b.box)
    return 1 - ((x2 - x1) * (y2 - y1) - a.size - b.size) / whole


_SIMILARITIES: dict[str, Callable[[_Region, _Region, int], float]] = {
    "colour": _colour,
    "texture": _texture,
    "size": _size,
    "fill": _fill,
}


def _check(image: Tensor, segments: Tensor, kinds: Collection[str]) -> None:
    checks.tensor("image", image, "C H W")
    if not image.is_floating_point() or not ((image >= 0) & (image <= 1)).all():
        raise ValueError("image must be floating point with values in [0, 1]; divide bytes by 255")
    checks.tensor("segments", segments, "H W", H=image.shape[1], W=image.shape[2])
    if segments.numel() == 0 or segments.dtype != torch.int64:
        raise ValueError("segments must be int64 (H, W) with a pixel at least, as `segment` returns them")
    found = torch.unique(segments)
    if not torch.equal(found.cpu(), torch.arange(len(found))):
        raise ValueError("segments must be numbered from 0 without gaps, as `segment` numbers them")
    unknown = (
        [kind for kind in kinds if kind not in KINDS] if isinstance(kinds, list | tuple | set | frozenset) else [kinds]
    )
    if unknown or not kinds:
        raise ValueError(f"kinds is {kinds!r}; give a tuple with some of {', '.join(KINDS)}")
