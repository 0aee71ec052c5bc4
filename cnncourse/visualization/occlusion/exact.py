"""Occlusion without computing anything twice: only the part of each map that the occluder can have changed.

The maps of the uncovered picture are kept. Of each layer a window is computed again, and read with its border from
the kept map with the changed part of the layer below put in; behind the last sliding layer the maps are whole again.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import torch
from torch import Tensor, nn

from cnncourse.layers.budget import count
from cnncourse.models.catalogue import build, native_size
from cnncourse.visualization.occlusion.chains import (
    Step,
    Window,
    first_chain,
    flattened,
    place_by_place,
    standing_in,
    window,
)
from cnncourse.visualization.occlusion.parts import Axis, Class, classes
from cnncourse.visualization.occlusion.sliding import (
    Pair,
    Slide,
    Watch,
    activity,
    checked_logits,
    logits_and_activity,
    places,
)
from cnncourse.visualization.taps import evaluating, locate, pictures
from cnncourse.workbench import checks, run_in_batches

_BATCH_COST = 2e8  # multiply-adds in the time that one more batch takes on a processor; on a GPU everything is one


@dataclass(frozen=True)
class Savings:
    """Multiply-adds for all places of the occluder together.

    `parts` has one entry for each sliding layer: the size (h, w) of the largest part that is computed again, and that
    of the whole map.
    """

    places: int
    naive: int
    exact: int
    parts: tuple[tuple[tuple[int, int], tuple[int, int]], ...]

    @property
    def factor(self) -> float:
        """How many times fewer."""
        return self.naive / self.exact


@dataclass(frozen=True)
class _Part:
    """The changed parts of the maps at one depth, in one batch: (n, h, w, C), and their first row and column (n,)."""

    values: Tensor
    starts: tuple[Tensor, Tensor]


class ExactWay:
    """Everything about one network and one way of the occluder that does not depend on the place.

    Raises
    ------
    ValueError
        If the network does not begin with a chain of layers that look at a neighbourhood only.
    """

    def __init__(self, network: nn.Module, slide: Slide) -> None:
        self.network, self.slide, self.device = network, slide, slide.image.device
        self.chain = first_chain(network, slide.image[None])
        layers = flattened(self.chain)
        self.steps: list[Step] = []
        self.kept: list[Tensor] = []  # what enters each step, padded if it slides, and what leaves the last: (H, W, C)
        maps = slide.image[None]
        for layer in layers:
            step: Step | str = layer if place_by_place(layer) else window(layer, maps.shape[2:])
            if isinstance(step, str):
                break
            self.kept.append(_places_first(step.padded(maps) if isinstance(step, Window) else maps)[0])
            self.steps.append(step)
            maps = layer(maps.clone())
        self.kept.append(_places_first(maps)[0])
        self.head = layers[len(self.steps) :]
        if not self.windows:
            what = f"{type(layers[0]).__name__}, which {window(layers[0], (1, 1))}" if layers else "no layer"
            raise ValueError(
                f"the chain of layers begins with {what}, so all would be computed again. "
                "Choose method='naive', or 'either'."
            )
        self.classes = self._classes()

    @property
    def windows(self) -> list[Window]:
        """The layers that slide."""
        return [step for step in self.steps if isinstance(step, Window)]

    def order(self) -> Tensor:
        """All numbers of `Slide.grid`, (places, 2), those of one batch one behind the other."""
        down, right = self.classes
        return torch.cat(
            [torch.cartesian_prod(torch.tensor(a.members), torch.tensor(b.members)) for a in down for b in right]
        ).reshape(-1, 2)

    def answers(self, numbers: Tensor, watch: Watch) -> Tensor:
        """Logits (n, K), and the watched channel's activity as a last column, for some numbers of `Slide.grid`."""
        wholes, activities = [], []
        for a, b, some in self._batches(numbers):
            whole, noted = self._batch(a, b, some, watch)
            wholes.append(whole)
            activities.append(noted)
        maps = torch.cat(wholes)
        batch = self.slide.image.expand(len(numbers), -1, -1, -1)
        with standing_in(self.chain, lambda: nn.Sequential(*self.head)(maps)):
            if watch is None or activities[0] is None:
                return logits_and_activity(self.network, batch, watch)
            logits = logits_and_activity(self.network, batch, None)
            return torch.cat([logits, torch.cat(activities)[:, None]], dim=1)  # type: ignore[arg-type]

    def check(self) -> None:
        """Compare one place in the middle with the naive way: a network may use the picture beside its chain."""
        grid = self.slide.grid()
        middle = grid[len(grid) // 2 : len(grid) // 2 + 1]
        mine = self.answers(middle, None)
        naive = checked_logits(self.network(self.slide.covered(middle)), 1)
        allowed = 1e-3 * float(naive.abs().max().clamp(min=1e-6))
        if mine.shape != naive.shape or not bool(((mine - naive).abs() <= allowed).all()):
            raise ValueError(
                f"this {type(self.network).__name__} uses the picture, or a map of its first chain of layers, a second "
                "time: the parts that change are more than the chain's. Choose method='naive', or 'either'."
            )

    def units(self) -> list[tuple[Class, Class]]:
        """All pairs of classes."""
        return [(a, b) for a in self.classes[0] for b in self.classes[1]]

    def _classes(self) -> tuple[list[Class], list[Class]]:
        slide, windows = self.slide, self.windows
        down, right = (
            Axis.along(starts, patch, size, [step.axes[axis] for step in windows])
            for axis, (starts, patch, size) in enumerate(
                zip((slide.rows, slide.columns), slide.patch, slide.image.shape[1:], strict=True)
            )
        )
        weights = [0.0, *(multiply_adds(step.layer) for step in windows)]
        cost = _BATCH_COST if self.device.type == "cpu" else math.inf
        return classes(down, right, weights, cost), classes(right, down, weights, cost)

    def _batches(self, numbers: Tensor) -> list[tuple[Class, Class, Tensor]]:
        """`numbers`, which are in the order of `order`, divided by their classes."""
        found = []
        rows, columns = numbers.T
        for a, b in self.units():
            mine = torch.isin(rows, torch.tensor(a.members)) & torch.isin(columns, torch.tensor(b.members))
            if mine.any():
                found.append((a, b, numbers[mine]))
        return found

    def _batch(self, a: Class, b: Class, numbers: Tensor, watch: Watch) -> tuple[Tensor, Tensor | None]:
        """Whole maps (n, C, H, W) at the end of the steps, and the watched channel's activity (n,)."""
        watched = None if watch is None else locate(self.network, watch[0])[1]
        noted = None
        depth = 0  # windows passed
        part = self._covered(a, b, numbers)
        for number, step in enumerate(self.steps):
            if isinstance(step, Window):
                depth += 1
                part = self._slid(step, part, self.kept[number], a, b, numbers, depth)
            else:
                part = _Part(_places_first(step(_channels_first(part.values))), part.starts)
            if watch is not None and (step.layer if isinstance(step, Window) else step) is watched:
                noted = activity(self._whole(part, number + 1), *watch)
        return self._whole(part, len(self.steps)), noted

    def _covered(self, a: Class, b: Class, numbers: Tensor) -> _Part:
        """The covered part of the picture."""
        starts, sizes = self._starts(a, b, numbers, 0), (a.sizes[0], b.sizes[0])
        part = _cut(self.slide.image.permute(1, 2, 0), starts, sizes)
        covers = (self.slide.rows, self.slide.columns)
        offsets = [self._pick(first, numbers[:, axis]) - starts[axis] for axis, first in enumerate(covers)]
        inside = _inside(offsets, self.slide.patch, sizes)
        return _Part(torch.where(inside, self.slide.paint.flatten(), part), starts)

    def _slid(self, step: Window, part: _Part, kept: Tensor, a: Class, b: Class, numbers: Tensor, depth: int) -> _Part:
        """The part behind a window: cut what it reads out of the kept map, put `part` in, and compute."""
        starts = self._starts(a, b, numbers, depth)
        begin = [start * axis.stride for start, axis in zip(starts, step.axes, strict=True)]  # in the padded map
        sizes = [
            (each.sizes[depth] - 1) * axis.stride + axis.reach for each, axis in zip((a, b), step.axes, strict=True)
        ]
        offsets = [old + axis.before - new for old, new, axis in zip(part.starts, begin, step.axes, strict=True)]
        read = _put(_cut(kept, begin, sizes), part.values, offsets)
        return _Part(_places_first(step.compute(_channels_first(read))), starts)

    def _whole(self, part: _Part, number: int) -> Tensor:
        """What leaves step `number − 1`, whole, with `part` put in, (n, C, H, W)."""
        kept = self.kept[number]
        if number < len(self.steps):
            kept = _unpadded(kept, self.steps[number])
        return _channels_first(_put(kept.expand(len(part.values), -1, -1, -1), part.values, part.starts))

    def _starts(self, a: Class, b: Class, numbers: Tensor, depth: int) -> tuple[Tensor, Tensor]:
        """First row and first column of the parts behind `depth` windows, (n,) each."""
        down, right = (
            self._pick(dict(zip(each.members, each.starts[depth], strict=True)), numbers[:, axis])
            for axis, each in enumerate((a, b))
        )
        return down, right

    def _pick(self, values: Sequence[int] | dict[int, int], numbers: Tensor) -> Tensor:
        return torch.tensor([values[number] for number in numbers.tolist()], device=self.device)


def exact_answers(network: nn.Module, slide: Slide, watch: Watch, batch_size: int) -> Tensor:
    """As `sliding.naive_answers`, with only the changed part of each map computed again."""
    with torch.no_grad():
        way = ExactWay(network, slide)
        way.check()
        order = way.order()
        answers = run_in_batches(lambda numbers: way.answers(numbers, watch), order, batch_size)
    place = order[:, 0] * len(slide.columns) + order[:, 1]
    return answers[place.argsort().to(answers.device)]


def savings(network: nn.Module, image: Tensor, patch: Pair, stride: Pair, ceil_mode: bool = False) -> Savings:
    """Count the multiply-adds of an occlusion map, naive and exact, without computing the map.

    Counted are convolutions and matrix products, with the zeros of the padding, as `cnncourse.layers.budget` does.
    The exact way's count includes the run over the uncovered picture and the one place that is checked naively.

    Parameters
    ----------
    network, image, patch, stride, ceil_mode
        As in `occlusion_map`.

    Raises
    ------
    TypeError, ValueError
        As in `occlusion_map` with ``method="exact"``.
    """
    checks.tensor("image", image, "C H W")
    with torch.no_grad(), evaluating(network):
        slide = Slide.over(pictures(network, image[None])[0], patch, stride, 0.0, ceil_mode)
        way = ExactWay(network, slide)
    total = count(network, (1, *slide.image.shape)).multiply_adds
    number = len(slide.grid())
    exact = (number + 2) * total
    parts = []
    for depth, step in enumerate(way.windows, start=1):
        each, (down, right) = multiply_adds(step.layer), step.axes
        again = sum(len(a.members) * len(b.members) * a.sizes[depth] * b.sizes[depth] for a, b in way.units())
        exact += each * (again - number * down.outputs * right.outputs)
        rows, columns = (max(one.sizes[depth] for one in axis) for axis in way.classes)
        parts.append(((rows, columns), (down.outputs, right.outputs)))
    return Savings(number, number * total, exact, tuple(parts))


@cache
def savings_of(name: str, patch: int, stride: int, size: int | None = None) -> Savings:
    """`savings` for a network of the catalogue, on a square picture of its own size unless told."""
    network = build(name, device="meta").to_empty(device="cpu")  # counting needs no weights
    side = native_size(name) if size is None else size
    return savings(network, torch.zeros(network.in_channels, side, side), patch, stride)


def places_of(size: int, patch: int, stride: int) -> int:
    """Number of places of a square occluder on a square picture."""
    return len(places(size, patch, stride)) ** 2


def factor_of(name: str, patch: int, stride: int, size: int | None = None) -> float:
    """How many times fewer multiply-adds the exact way needs than the naive way."""
    return savings_of(name, patch, stride, size).factor


def multiply_adds_of(name: str, patch: int, stride: int, way: str = "exact", size: int | None = None) -> int:
    """Multiply-adds of a whole occlusion map, ``"exact"`` or ``"naive"``, for a network of the catalogue."""
    if way not in ("exact", "naive"):
        raise ValueError(f"way is {way!r}; choose 'exact' or 'naive'")
    found = savings_of(name, patch, stride, size)
    return found.exact if way == "exact" else found.naive


def multiply_adds(layer: nn.Module) -> int:
    """Multiply-adds of one place of all maps: as many as a convolution has weights, and none for a pooling."""
    return layer.weight.numel() if isinstance(layer, nn.Conv2d) else 0


def _cut(maps: Tensor, starts: Sequence[Tensor], sizes: Sequence[int]) -> Tensor:
    """Windows of one size out of a map (H, W, C), (n, h, w, C)."""
    rows, columns = (
        start[:, None] + torch.arange(size, device=maps.device) for start, size in zip(starts, sizes, strict=True)
    )
    return maps[rows[:, :, None], columns[:, None, :]]


def _inside(offsets: Sequence[Tensor], part: Sequence[int], sizes: Sequence[int]) -> Tensor:
    """Which places of a window of `sizes` lie in a part that begins at `offsets`, bool (n, h, w, 1)."""
    within = []
    for offset, length, size in zip(offsets, part, sizes, strict=True):
        place = torch.arange(size, device=offset.device) - offset[:, None]
        within.append((place >= 0) & (place < length))
    return (within[0][:, :, None] & within[1][:, None, :])[..., None]


def _put(windows: Tensor, part: Tensor, offsets: Sequence[Tensor]) -> Tensor:
    """`windows` (n, H, W, C) with `part` (n, h, w, C) put in at `offsets`; what lies outside is cut off."""
    sizes, length = windows.shape[1:3], part.shape[1:3]
    rows, columns = (
        (torch.arange(size, device=part.device) - offset[:, None]).clamp(0, most - 1)
        for size, offset, most in zip(sizes, offsets, length, strict=True)
    )
    number = torch.arange(len(part), device=part.device)[:, None, None]
    moved = part[number, rows[:, :, None], columns[:, None, :]]
    return torch.where(_inside(offsets, length, sizes), moved, windows)


def _unpadded(kept: Tensor, step: Step) -> Tensor:
    if not isinstance(step, Window):
        return kept
    down, right = step.axes
    return kept[down.before : down.before + down.size, right.before : right.before + right.size]


def _places_first(maps: Tensor) -> Tensor:
    return maps.permute(0, 2, 3, 1)


def _channels_first(maps: Tensor) -> Tensor:
    return maps.permute(0, 3, 1, 2)
