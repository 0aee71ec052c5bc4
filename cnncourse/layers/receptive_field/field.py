"""What one unit sees: an interval of the input along each axis, and how it moves from unit to unit."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, NamedTuple

import torch.nn.functional as F
from torch import Tensor

from cnncourse.layers.stride_arithmetic import window
from cnncourse.workbench import checks

Number = int | float
_LAYER_ARGUMENTS = ("kernel_size", "stride", "padding", "dilation")


class Reads(NamedTuple):
    """Which positions of its input a layer reads, along one axis.

    Output ``q · len(offsets) + phase`` reads ``q · shift + offset`` for each offset of its phase. A convolution
    has one phase; layers that enlarge a map (transposed convolution, interpolation) have several.
    """

    shift: int
    offsets: tuple[Sequence[int], ...]


class Axis(NamedTuple):
    """Which pixels a unit sees along one axis: unit ``q · period + phase`` sees ``q · shift + first … last``."""

    shift: int = 1
    first: tuple[Number, ...] = (0,)
    last: tuple[Number, ...] = (0,)

    @property
    def everything(self) -> bool:
        """Whether each unit sees the whole axis."""
        return self.first[0] == -math.inf

    @property
    def size(self) -> Number:
        """Pixels from the first to the last one seen, of the phase that sees most."""
        return max(last - first for first, last in zip(self.first, self.last, strict=True)) + 1

    @property
    def stride(self) -> Number:
        """Pixels from one unit's field to the next one's."""
        return _plain(Fraction(self.shift, len(self.first)))

    def interval(self, position: int) -> tuple[Number, Number]:
        """The first and the last pixel that the unit at `position` sees."""
        cycle, phase = divmod(position, len(self.first))
        return cycle * self.shift + self.first[phase], cycle * self.shift + self.last[phase]


EVERYTHING = Axis(0, (-math.inf,), (math.inf,))


@dataclass(frozen=True)
class ReceptiveField:
    """The region of the input that one unit of a layer can see.

    `size`, `stride`, `padding` and `centre` are single numbers where all axes agree, and one number per axis
    where they do not. `size` is infinite where a unit sees everything (`covers_everything`).
    """

    axes: tuple[Axis, ...]

    @property
    def size(self) -> Any:
        """Extent of the region in pixels."""
        return _one_or_all([axis.size for axis in self.axes])

    @property
    def stride(self) -> Any:
        """Effective stride: pixels between the regions of neighbouring units; below 1 in an enlarged map."""
        return _one_or_all([axis.stride for axis in self.axes])

    @property
    def padding(self) -> Any:
        """Effective padding: how many pixels before the input the region of the first unit begins."""
        return _one_or_all([-axis.first[0] for axis in self.axes])

    @property
    def centre(self) -> Any:
        """Where the middle of the first unit's region lies, in pixels; 0 is the middle of the first pixel."""
        return _one_or_all([_plain((axis.first[0] + axis.last[0]) / 2) for axis in self.axes])

    @property
    def covers_everything(self) -> bool:
        """Whether a unit sees the whole input, as after global pooling or a fully connected layer."""
        return all(axis.everything for axis in self.axes)

    def region(self, position: int | Sequence[int]) -> tuple[tuple[int, int], ...]:
        """(first, last) pixel along each axis, for the unit at `position`; pixels below 0 lie in the padding.

        Raises
        ------
        ValueError
            If `position` is not one whole number or one per axis, or if the unit sees everything or nothing.
        """
        places = self._places(position)
        if any(axis.everything for axis in self.axes):
            raise ValueError("this unit sees everything: its region has no first and last pixel, only the input has")
        pairs = [axis.interval(place) for axis, place in zip(self.axes, places, strict=True)]
        if any(first > last for first, last in pairs):
            raise ValueError(f"the unit at {position} sees nothing: a transposed convolution left it out")
        return tuple((int(first), int(last)) for first, last in pairs)

    def cut(self, image: Tensor, position: int | Sequence[int]) -> Tensor:
        """Cut out of an image (C, H, W) what the unit at `position` sees; black where the region leaves the image.

        Raises
        ------
        TypeError
            If `image` is no tensor.
        ValueError
            If `image` does not have one axis more than the field, or nothing of it is seen.
        """
        checks.tensor("image", image, " ".join(["C", *"DHW"[-len(self.axes) :]]))
        borders: list[int] = []
        for number, (axis, place) in enumerate(zip(self.axes, self._places(position), strict=True), start=1):
            length = image.shape[number]
            first, last = (0, length - 1) if axis.everything else axis.interval(place)
            if last < 0 or first >= length or first > last:
                raise ValueError(f"position {position} sees nothing of an image of shape {tuple(image.shape)}")
            borders = [-int(first), int(last) + 1 - length, *borders]
        return F.pad(image, borders)  # a negative border crops

    def __str__(self) -> str:
        size, stride, centre = (in_words(value) for value in (self.size, self.stride, self.centre))
        return f"size {size}, stride {stride}, centre of the first unit {centre}"

    def _places(self, position: int | Sequence[int]) -> tuple[int, ...]:
        places = tuple(position) if isinstance(position, Sequence) else (position,) * len(self.axes)
        if len(places) != len(self.axes):
            raise ValueError(f"position is {position!r}; give one whole number, or {len(self.axes)} of them")
        remedy = "It counts the units of the layer's map."
        return tuple(checks.whole_number("position", place, 0, remedy) for place in places)


def pixels(axes: int = 2) -> ReceptiveField:
    """What a pixel sees: itself. Every recursion starts here."""
    return ReceptiveField((Axis(),) * checks.whole_number("axes", axes, 1, "Images have 2 axes."))


def fields_through(layers: Sequence[dict[str, Any]]) -> list[ReceptiveField]:
    """The receptive field before the first and after each of several layers, along one axis.

    Each layer is a dictionary with `kernel_size` and, where they are not 1, 0 and 1, `stride`, `padding` and
    `dilation`. The recursion for size r, stride j and first pixel f is (Araujo, Norris and Sim 2019)

        r ← r + D(K − 1)j,    f ← f − Pj,    j ← Sj.

    Raises
    ------
    TypeError
        If a layer is not a dictionary of these arguments.
    ValueError
        If an argument is not a whole number or too small.
    """
    if not isinstance(layers, Sequence) or isinstance(layers, str):
        raise TypeError(f"layers is a {type(layers).__name__}; it must be a list of dictionaries")
    axis = Axis()
    fields = [ReceptiveField((axis,))]
    for layer in layers:
        axis = through(axis, _reads_of(layer))
        fields.append(ReceptiveField((axis,)))
    return fields


def field_size(layers: Sequence[dict[str, Any]]) -> int:
    """Size of the receptive field behind `layers`, which are as in `fields_through`."""
    return int(fields_through(layers)[-1].size)


def stack_weights(kernel_sizes: Sequence[int], channels: int = 1) -> int:
    """Weights of a stack of K×K convolutions, each from C to C channels, without biases: Σ K² C²."""
    if not isinstance(kernel_sizes, Sequence) or isinstance(kernel_sizes, str):
        raise TypeError(f"kernel_sizes is a {type(kernel_sizes).__name__}; it must be a list such as [3, 3]")
    width = checks.whole_number("channels", channels, 1, "A map has at least one channel.")
    sizes = [checks.whole_number("kernel_sizes", size, 1, "Give one whole number per layer.") for size in kernel_sizes]
    return sum(size**2 for size in sizes) * width**2


def through(axis: Axis, reads: Reads) -> Axis:
    """What the units of a layer see along an axis, if its inputs see `axis` and it reads `reads`."""
    if axis.everything:
        return axis
    period, phases = len(axis.first), len(reads.offsets)
    if period == phases == 1 and reads.offsets[0]:
        offsets = reads.offsets[0]
        first, last = axis.first[0] + axis.shift * offsets[0], axis.last[0] + axis.shift * offsets[-1]
        return Axis(axis.shift * reads.shift, (first,), (last,))
    cycles = period // math.gcd(period, reads.shift)
    seen = [
        [axis.interval(cycle * reads.shift + offset) for offset in offsets]
        for cycle in range(cycles)
        for offsets in reads.offsets
    ]
    first = tuple(min((interval[0] for interval in each), default=math.inf) for each in seen)  # type: ignore[assignment]
    last = tuple(max((interval[1] for interval in each), default=-math.inf) for each in seen)  # type: ignore[assignment]
    return _shortest(Axis(axis.shift * reads.shift * cycles // period, first, last))  # type: ignore[arg-type]


def union(axes: Sequence[Axis]) -> Axis | None:
    """What a unit sees that adds or joins branches; `None` if the branches move at different strides."""
    distinct = list(dict.fromkeys(axes))
    if len(distinct) == 1:
        return distinct[0]
    if any(axis.everything for axis in distinct):
        return EVERYTHING
    if len({axis.stride for axis in distinct}) > 1:
        return None
    period = math.lcm(*(len(axis.first) for axis in distinct))
    seen = [[axis.interval(position) for axis in distinct] for position in range(period)]
    first = tuple(min(start for start, _ in each) for each in seen)
    last = tuple(max(end for _, end in each) for each in seen)
    return Axis(distinct[0].shift * period // len(distinct[0].first), first, last)


def aligned(axes: Sequence[Axis]) -> bool:
    """Whether branches look at the same place: equal strides, and equal centres at every position."""
    moving = [axis for axis in dict.fromkeys(axes) if not axis.everything]
    if len(moving) < 2:
        return True
    if len({axis.stride for axis in moving}) > 1:
        return False
    for position in range(math.lcm(*(len(axis.first) for axis in moving))):
        seen = [axis.interval(position) for axis in moving]
        if len({start + end for start, end in seen if start <= end}) > 1:
            return False
    return True


def window_reads(kernel_size: int, stride: int, padding: int, dilation: int) -> Reads:
    """What a convolution or a pooling layer reads."""
    return Reads(stride, (range(-padding, dilation * (kernel_size - 1) - padding + 1, dilation),))


def transposed_reads(kernel_size: int, stride: int, padding: int, dilation: int) -> Reads:
    """What a transposed convolution reads: output o reads input i if o = Si − P + Dk for an element k."""
    offsets = []
    for phase in range(stride):
        reached = [phase + padding - dilation * element for element in reversed(range(kernel_size))]
        offsets.append([place // stride for place in reached if place % stride == 0])
    return Reads(1, tuple(offsets))


def adaptive_reads(input_size: int, output_size: int) -> Reads:
    """What adaptive pooling reads: output o reads ⌊oI/O⌋ … ⌈(o + 1)I/O⌉ − 1."""
    common = math.gcd(input_size, output_size)
    shift, phases = input_size // common, output_size // common
    return Reads(shift, tuple(range(o * shift // phases, -(-(o + 1) * shift // phases)) for o in range(phases)))


def resize_reads(scale: Fraction, mode: str, align_corners: bool) -> Reads:
    """What interpolation reads if one output step is `scale` input pixels."""
    offsets = []
    for phase in range(scale.denominator):
        place = (
            phase * scale if align_corners or mode == "nearest" else (phase + Fraction(1, 2)) * scale - Fraction(1, 2)
        )
        if mode == "nearest-exact":
            place += Fraction(1, 2)
        floor = math.floor(place)
        if mode.startswith("nearest") or place == floor:
            offsets.append([floor])
        elif mode == "bicubic":
            offsets.append([floor - 1, floor, floor + 1, floor + 2])
        else:
            offsets.append([floor, floor + 1])
    return Reads(scale.numerator, tuple(offsets))


def _reads_of(layer: dict[str, Any]) -> Reads:
    if not isinstance(layer, dict) or not set(layer) <= set(_LAYER_ARGUMENTS) or "kernel_size" not in layer:
        raise TypeError(
            f"a layer is {layer!r}; it must be a dictionary with 'kernel_size' and perhaps 'stride', 'padding' "
            "and 'dilation', for example {'kernel_size': 3, 'stride': 2}"
        )
    window(0, **layer)  # checks the arguments
    return window_reads(**({"stride": 1, "padding": 0, "dilation": 1} | layer))


def _shortest(axis: Axis) -> Axis:
    period = len(axis.first)
    for short in (length for length in range(1, period) if period % length == 0 and axis.shift * length % period == 0):
        candidate = Axis(axis.shift * short // period, axis.first[:short], axis.last[:short])
        if all(candidate.interval(place) == axis.interval(place) for place in range(period)):
            return candidate
    return axis


def _plain(value: Fraction | Number) -> Number:
    return int(value) if math.isfinite(value) and value == int(value) else float(value)


def _one_or_all(values: list[Number]) -> Any:
    return values[0] if len(set(values)) == 1 or math.isnan(values[0]) else tuple(values)


def in_words(value: Any) -> str:
    """A number, or one per axis, as text."""
    if isinstance(value, tuple):
        return "×".join(in_words(each) for each in value)
    if not math.isfinite(value):
        return "everything"
    return f"{value:g}" if isinstance(value, float) else str(value)
