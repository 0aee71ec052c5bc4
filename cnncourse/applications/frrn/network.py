"""Full-resolution residual networks A and B (Pohlen et al. 2017, table 1), in any width, with and without lanes.

Chapter: `applications/frrn`.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import pairwise
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from cnncourse.applications.frrn.units import ConvNormRelu, FullResolutionResidualUnit, ResidualUnit
from cnncourse.models.network import Network, factory
from cnncourse.workbench import checks


class Stage(NamedTuple):
    """`units` full-resolution residual units of `width` · base channels, `factor` times smaller than the picture."""

    units: int
    width: int
    factor: int


class Streams(NamedTuple):
    """Both streams behind a unit; `name` tells which unit."""

    name: str
    pooling: Tensor
    residual: Tensor


_DOWN = (Stage(3, 2, 2), Stage(4, 4, 4), Stage(2, 8, 8), Stage(2, 8, 16))
_UP = (Stage(2, 4, 8), Stage(2, 4, 4), Stage(2, 2, 2))
STAGES: dict[str, tuple[Stage, ...]] = {
    "A": (*_DOWN, *_UP),
    "B": (*_DOWN, Stage(2, 8, 32), Stage(2, 4, 16), *_UP),
    "narrow": (Stage(1, 2, 2), Stage(2, 4, 4), Stage(2, 4, 8), Stage(1, 4, 4), Stage(1, 2, 2)),
}


class FRRN(Network):
    """A 5×5 layer, residual units, then two streams through all stages, then residual units that see both.

    The pooling stream is made smaller by 2×2 max pooling and larger by bilinear interpolation, as in the code of the
    authors. Pictures whose sides are no multiples of the largest factor are padded at the right and at the bottom by
    repeating the last pixels, and the scores are cut to the picture's size.

    Parameters
    ----------
    stages
        A name of `STAGES`, or stages; factors of neighbours must be equal or differ by 2.
    base, lanes
        Channels of the first layer, and of the residual stream; 48 and 32 in the paper. 0 lanes: no residual stream.
    full_units
        Residual units before and behind the stages.

    Shape: images (N, in_channels, H, W) → scores (N, classes, H, W).
    """

    def __init__(
        self,
        stages: str | tuple[Stage, ...] = "A",
        *,
        classes: int = 19,
        base: int = 48,
        lanes: int = 32,
        full_units: int = 3,
        in_channels: int = 3,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        checks.whole_number("classes", classes, 1, "Every pixel gets one score for each class.")
        checks.whole_number("base", base, 1, "It is the number of channels of the first layer.")
        checks.whole_number("lanes", lanes, 0, "It is the number of channels of the residual stream.")
        checks.whole_number("full_units", full_units, 1, "One residual unit at least follows the streams.")
        checks.whole_number("in_channels", in_channels, 1, "A colour picture has 3.")
        self.stages = _checked(stages)
        self.in_channels, self.lanes = in_channels, lanes
        dd = factory(device, dtype)
        self.first = ConvNormRelu(in_channels, base, 5, **dd)
        self.before = nn.Sequential(*(ResidualUnit(base, base, **dd) for _ in range(full_units)))
        self.split = ConvNormRelu(base, lanes, 1, relu=False, **dd) if lanes else None
        self.units = nn.ModuleList(_units(self.stages, base, lanes, dd))
        entering = self.stages[-1].width * base + lanes
        widths = [entering, *[base] * full_units]
        self.behind = nn.Sequential(*(ResidualUnit(a, b, **dd) for a, b in pairwise(widths)))
        self.classifier = nn.Conv2d(base, classes, 1, **dd)

    @property
    def largest_factor(self) -> int:
        """How much smaller than the picture the smallest maps are."""
        return max((stage.factor for stage in self.stages), default=1)

    def forward(self, images: Tensor) -> Tensor:
        """Scores of every class at every pixel."""
        self.check_input(images)
        for streams in self.streams(padded(images, self.largest_factor)):
            last = streams
        return self.scores(last.pooling, last.residual)[:, :, : images.shape[2], : images.shape[3]]

    def scores(self, pooling: Tensor, residual: Tensor) -> Tensor:
        """What the last layers make of both streams."""
        joined = torch.cat([resized(pooling, 1 / self.stages[-1].factor), residual], dim=1)
        result: Tensor = self.classifier(self.behind(joined))
        return result

    def streams(self, images: Tensor) -> Iterator[Streams]:
        """Both streams where they part, and behind each unit; without lanes the residual one has no channels."""
        pooling = self.before(self.first(images))
        residual = images.new_empty(len(images), 0, *images.shape[2:]) if self.split is None else self.split(pooling)
        yield Streams("split", pooling, residual)
        before = 1
        for number, unit in enumerate(self.units):
            assert isinstance(unit, FullResolutionResidualUnit)
            pooling = resized(pooling, unit.factor / before)
            pooling, residual = unit(pooling, residual)
            before = unit.factor
            yield Streams(f"units.{number}", pooling, residual)


def frrn(variant: str = "A", **arguments: Any) -> FRRN:
    """The network of table 1, ``"A"`` or ``"B"``, with the paper's widths; arguments as for `FRRN`."""
    if variant not in ("A", "B"):
        raise ValueError(f"variant is {variant!r}; the paper has A and B")
    return FRRN(variant, **arguments)


def narrow(classes: int = 7, *, base: int = 8, lanes: int = 8, **arguments: Any) -> FRRN:
    """A network of the same kind that one processor core trains in minutes; see `frrn.train`."""
    return FRRN("narrow", classes=classes, base=base, lanes=lanes, full_units=1, **arguments)


def padded(images: Tensor, factor: int) -> Tensor:
    """Repeat the last row and column until both sides are multiples of `factor`; (N, C, H, W)."""
    down, right = (-size % factor for size in images.shape[2:])
    return F.pad(images, (0, right, 0, down), mode="replicate") if down or right else images


def resized(maps: Tensor, shrink: float) -> Tensor:
    """Max pooling if `shrink` is 2, 4, …; bilinear enlargement if it is 1/2, 1/4, …; nothing if it is 1."""
    if shrink > 1:
        return F.max_pool2d(maps, round(shrink))
    if shrink == 1:
        return maps
    return F.interpolate(maps, scale_factor=1 / shrink, mode="bilinear", align_corners=False)


def _units(stages: tuple[Stage, ...], base: int, lanes: int, dd: dict[str, Any]) -> Iterator[nn.Module]:
    channels = base
    for stage in stages:
        for _ in range(stage.units):
            yield FullResolutionResidualUnit(channels, stage.width * base, lanes, stage.factor, **dd)
            channels = stage.width * base


def _checked(stages: object) -> tuple[Stage, ...]:
    if isinstance(stages, str):
        if stages not in STAGES:
            raise ValueError(f"stages is {stages!r}; choose one of {', '.join(STAGES)}, or give a tuple of stages")
        return STAGES[stages]
    if not isinstance(stages, tuple) or not stages or not all(isinstance(stage, Stage) for stage in stages):
        raise ValueError(f"stages is {stages!r}; it must be a name, or a tuple of at least one `Stage`")
    for stage in stages:
        for name, value in stage._asdict().items():
            checks.whole_number(name, value, 1, "See `Stage`.")
        if not math.log2(stage.factor).is_integer():
            raise ValueError(f"factor is {stage.factor}; it must be a power of 2, because pooling halves the maps")
    return stages
