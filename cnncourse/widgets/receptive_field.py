"""A stack of layers to edit, drawn over the pixels of its input: what one unit sees, layer by layer.

Chapter: `layers/receptive_field`.
"""

from __future__ import annotations

from typing import Any

import traitlets

from cnncourse.layers.receptive_field import ReceptiveField as Field
from cnncourse.layers.receptive_field import fields_through, geometry
from cnncourse.layers.stride_arithmetic import sizes_through, window
from cnncourse.widgets.base import Widget
from cnncourse.workbench.figures import PALETTE, DescribedFigure

_ARGUMENTS = ("kernel_size", "stride", "padding", "dilation")
_DEFAULTS = {"kind": "conv", "stride": 1, "padding": 0, "dilation": 1}
_MOST_LAYERS = 24
_WIDTH, _ROW = 640, 26


def _complete(layer: dict[str, Any]) -> dict[str, Any]:
    return {**_DEFAULTS, **layer}


def _published(network: str, input_size: int) -> dict[str, Any]:
    layers = [
        _complete({"name": name.replace("layer", ""), "kind": "pool" if "pool" in name else "conv", **arguments})
        for name, arguments in geometry(network).items()
    ]
    return {"layers": layers, "input_size": input_size}


def _plain(*layers: dict[str, Any], input_size: int) -> dict[str, Any]:
    return {"layers": [_complete(layer) for layer in layers], "input_size": input_size}


def _presets() -> dict[str, Any]:
    small = {"kernel_size": 3}
    pool = {"kind": "pool", "kernel_size": 2, "stride": 2}
    return {
        "three 3×3": _plain(small, small, small, input_size=15),
        "one 7×7": _plain({"kernel_size": 7}, input_size=15),
        "with pooling": _plain(small, pool, small, pool, small, input_size=40),
        "dilation 1, 2, 4": _plain(
            *({"kernel_size": 3, "dilation": d, "padding": d} for d in (1, 2, 4)), input_size=31
        ),
        "AlexNet": _published("alexnet", 224),
        "VGG-16": _published("vgg16", 224),
        "ResNet-18": _published("resnet18", 224),
    }


class ReceptiveField(Widget, stem="receptive_field"):
    """The receptive field to touch; `field` follows the stack.

    Parameters
    ----------
    layers
        At most 24 dictionaries with `kernel_size` and, if wanted, `stride`, `padding`, `dilation`, `kind` ("conv" or
        "pool") and `name`.
    input_size
        Pixels of the input along the axis.
    row, position
        The map that the unit belongs to (0 is the input, `None` the last layer) and its place there (`None` is the
        middle).
    """

    layers = traitlets.List(traitlets.Dict()).tag(sync=True)
    input_size = traitlets.Int(15, min=1, max=256).tag(sync=True)
    row = traitlets.Int(None, allow_none=True).tag(sync=True)
    position = traitlets.Int(None, allow_none=True).tag(sync=True)
    presets = traitlets.Dict(read_only=True).tag(sync=True)

    @traitlets.default("layers")
    def _three_small_kernels(self) -> list[dict[str, Any]]:
        return list(_presets()["three 3×3"]["layers"])

    @traitlets.default("presets")
    def _all_presets(self) -> dict[str, Any]:
        return _presets()

    @traitlets.validate("layers")
    def _checked(self, proposal: Any) -> list[dict[str, Any]]:
        layers = [_complete(layer) for layer in proposal["value"]]
        if len(layers) > _MOST_LAYERS:
            raise traitlets.TraitError(f"layers has {len(layers)} entries; at most {_MOST_LAYERS} can be drawn")
        try:
            fields_through([_arguments(layer) for layer in layers])
        except (TypeError, ValueError) as error:
            raise traitlets.TraitError(f"layers: {error}") from error
        return layers

    @property
    def field(self) -> Field:
        """What a unit of the chosen map sees along the axis, by the chapter's own module."""
        return fields_through([_arguments(layer) for layer in self.layers])[self._row()]

    def still(self) -> DescribedFigure:
        """All maps, the last on top, with what the chosen unit sees in each."""
        layers = [_arguments(layer) for layer in self.layers]
        fields = fields_through(layers)
        try:
            sizes = sizes_through(self.input_size, layers)
        except ValueError as error:
            return self._without_map(str(error))
        row = self._row()
        position = sizes[row] // 2 if self.position is None else max(0, min(sizes[row] - 1, self.position))
        seen = {row: [position]}
        for index in range(row - 1, -1, -1):
            units = [unit for unit in seen[index + 1] if 0 <= unit < sizes[index + 1]]
            seen[index] = sorted({read for unit in units for read in window(unit, **layers[index])})
        left = min(-field.padding for field in fields)
        right = max(field.region(size - 1)[0][1] for field, size in zip(fields, sizes, strict=True)) + 1
        scale = _WIDTH / (right - left)
        bars = []
        for index, (field, size) in enumerate(zip(fields, sizes, strict=True)):
            y = (len(layers) - index) * _ROW + 4
            bars.append(_bar(field, 0, size - 1, y, left, scale, PALETTE["blue" if index else "grey"], 0.25))
            if index in seen:
                first, last = max(0, seen[index][0]), min(size - 1, seen[index][-1])
                bars.append(_bar(field, first, last, y, left, scale, PALETTE["orange"], 0.9))
        field = fields[row]
        (first, last), height = field.region(position)[0], _ROW * (len(layers) + 1)
        alt = (
            f"{len(layers) + 1} rows of units, one above the other, with the input of {self.input_size} pixels below. "
            f"One unit of row {row} is marked, and below it what it sees: {field.size} pixels, from {first} to {last}."
        )
        svg = (
            f'<svg role="img" aria-label="{alt}" style="max-width:{_WIDTH}px" '
            f'viewBox="0 0 {_WIDTH} {height}" xmlns="http://www.w3.org/2000/svg">{"".join(bars)}</svg>'
        )
        return DescribedFigure(svg, alt, f"What one unit sees (orange), layer by layer: {field.size} pixels.")

    def _without_map(self, reason: str) -> DescribedFigure:
        alt = "An empty frame, because this stack of layers does not fit on its input."
        svg = (
            f'<svg role="img" aria-label="{alt}" style="max-width:{_WIDTH}px" '
            f'viewBox="0 0 {_WIDTH} {_ROW}" xmlns="http://www.w3.org/2000/svg"><rect x="1" y="1" '
            f'width="{_WIDTH - 2}" height="{_ROW - 2}" fill="none" stroke="currentColor" stroke-opacity="0.5"/></svg>'
        )
        return DescribedFigure(svg, alt, f"This stack does not fit: {reason}")

    def _row(self) -> int:
        return len(self.layers) if self.row is None else max(0, min(len(self.layers), self.row))


def _arguments(layer: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in layer.items() if name not in ("name", "kind")}


def _bar(field: Field, first: int, last: int, y: int, left: int, scale: float, colour: str, strength: float) -> str:
    """Units `first` … `last` of a map, drawn where their centres lie."""
    start = (field.centre + 0.5 + (first - 0.5) * field.stride - left) * scale
    width = (last - first + 1) * field.stride * scale
    return (
        f'<rect x="{start:.1f}" y="{y}" width="{width:.1f}" height="{_ROW - 8}" fill="{colour}" '
        f'fill-opacity="{strength}" stroke="{colour}"/>'
    )
