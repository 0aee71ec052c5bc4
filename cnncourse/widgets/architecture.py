"""Networks drawn from the models themselves: volumes to scale, and what each layer makes, costs and sees.

Chapter: `models/lenet`.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable
from typing import Any

import traitlets

from cnncourse.models.layer_table import GROUPS, Layer, LayerTable, layer_table
from cnncourse.widgets.base import Widget
from cnncourse.workbench.figures import PALETTE, DescribedFigure

# Pixels of a drawing; the same numbers stand in architecture.mjs.
SIDE, THICKNESS, DEPTH, GAP = 7.0, 0.5, 0.22, 5.0
_COLOURS = dict(zip(GROUPS, ("grey", "blue", "green", "orange", "purple"), strict=True))
_TITLES = {
    "lenet5": "LeNet-5, 1998",
    "lenet": "LeNet as taught",
    "alexnet_two_towers": "AlexNet, two towers",
    "alexnet": "AlexNet, one tower",
    "zfnet": "ZFNet",
    "vgg_small": "small VGG",
    "googlenet_paper": "GoogLeNet",
    "googlenet": "GoogLeNet, checkpoint",
    "squeezenet1_0": "SqueezeNet 1.0",
}
_PATTERNS: dict[str, Callable[..., str]] = {
    r"vgg(\d+)(?:_(lrn|c))?(_bn)?": lambda depth, variant, norm: (
        f"VGG-{depth}{f' {variant.upper()}' if variant else ''}{', batch norm' if norm else ''}"
    ),
    r"resnet(\d+)(_original)?": lambda depth, original: f"ResNet-{depth}{', 2015' if original else ''}",
    r"cifar_(resnet|plain)(\d+)": lambda kind, depth: f"CIFAR {'ResNet' if kind == 'resnet' else 'plain'}-{depth}",
}


class Architecture(Widget, stem="architecture"):
    """One or several networks to explore; `chosen` follows the reader.

    Parameters
    ----------
    networks
        Names of the catalogue, `cnncourse.models.NETWORKS`.
    network
        The one that is drawn, by default the first.
    layer
        The layer or block that is chosen, by its name; by default the picture.

    Raises
    ------
    ValueError
        If there is no such network, or it has no such layer; the message lists those that there are.
    """

    tables = traitlets.Dict(read_only=True).tag(sync=True)  # title, layers and idle parameters of each network
    network = traitlets.Unicode().tag(sync=True)
    layer = traitlets.Unicode("input").tag(sync=True)

    def __init__(
        self, networks: str | Iterable[str] = ("alexnet",), *, network: str = "", layer: str = "input", **options: Any
    ) -> None:
        names = [networks] if isinstance(networks, str) else list(networks)
        if not names:
            raise ValueError("networks is empty; name at least one network, for example 'alexnet'")
        self._tables = {name: layer_table(name) for name in names}
        chosen = network or names[0]
        if chosen not in self._tables:
            raise ValueError(f"network is {chosen!r}; choose one of {', '.join(names)}")
        known = _names(self._tables[chosen])
        if layer not in known:
            raise ValueError(f"{chosen} has no layer {layer!r}; choose one of {', '.join(known)}")
        self.set_trait("tables", {name: _packed(table) for name, table in self._tables.items()})
        super().__init__(network=chosen, layer=layer, **options)

    @traitlets.validate("network")
    def _known(self, proposal: Any) -> str:
        name = str(proposal["value"])
        if name and name not in self.tables:
            raise traitlets.TraitError(f"network is {name!r}; choose one of {', '.join(self.tables)}")
        return name

    @property
    def table(self) -> LayerTable:
        """All layers of the network that is drawn."""
        return self._tables[self.network]

    @property
    def chosen(self) -> tuple[Layer, ...]:
        """The chosen layer, or all layers of the chosen block; the picture if the network has none of that name."""
        inside = self.table.blocks.get(self.layer)
        found = [layer for layer in self.table.layers if layer.name == self.layer]
        return inside or tuple(found) or self.table.layers[:1]

    def still(self) -> DescribedFigure:
        """The blocks of the network as volumes, from left to right."""
        parts, x, tallest = [], 0.0, SIDE * math.sqrt(max(layer.shape[1] for layer in self.table.layers)) * (1 + DEPTH)
        for layers in self.table.blocks.values():
            drawn, width = _volume(layers, x, tallest / 2)
            parts.append(drawn)
            x += width + GAP
        title, table = title_of(self.network), self.table
        dense, work = table.share("dense", "parameters"), table.share("convolution", "multiply_adds")
        alt = (
            f"{title} as a row of {len(table.blocks)} boxes from the picture on the left to the answer on the "
            "right. Faces get smaller, boxes thicker."
        )
        svg = (
            f'<svg role="img" aria-label="{alt}" style="max-width:{x:.0f}px" viewBox="0 0 {x:.0f} {tallest + 2:.0f}" '
            f'xmlns="http://www.w3.org/2000/svg">{"".join(parts)}</svg>'
        )
        caption = (
            f"{title}: {table.parameters:,} parameters, {dense:.0%} of them in dense layers; "
            f"{table.multiply_adds:,} multiply-adds, {work:.0%} of them in convolutions. Heights and "
            "thicknesses grow with the square root of the maps' side and number."
        )
        return DescribedFigure(svg, alt, caption)


def title_of(name: str) -> str:
    """What to call a network of the catalogue."""
    for pattern, title in _PATTERNS.items():
        match = re.fullmatch(pattern, name)
        if match:
            return title(*match.groups())
    return _TITLES.get(name, name)


def _names(table: LayerTable) -> list[str]:
    return list(dict.fromkeys([*table.blocks, *(layer.name for layer in table.layers)]))


def _packed(table: LayerTable) -> dict[str, Any]:
    """The table as short lists, for the page."""
    rows = [
        [
            layer.name, GROUPS.index(layer.group), layer.words, *layer.shape, layer.parameters, layer.multiply_adds,
            layer.field or 0, layer.jump or 0, layer.block if layer.block != layer.name else "", list(layer.reads),
            ", ".join(layer.then),
        ]
        for layer in table.layers
    ]  # fmt: skip
    return {"title": title_of(table.network), "layers": rows, "idle": table.idle}


def _volume(layers: tuple[Layer, ...], x: float, middle: float) -> tuple[str, float]:
    """The output of a block as a box, and how wide that is."""
    channels, side, _ = layers[-1].shape
    height, thickness = SIDE * math.sqrt(side), max(2.0, THICKNESS * math.sqrt(channels))
    depth = DEPTH * height
    group = next((layer.group for layer in layers if layer.parameters), layers[-1].group)
    top = middle - (height + depth) / 2 + 1
    front = f"M{x:.1f} {top + depth:.1f}h{thickness:.1f}v{height:.1f}h{-thickness:.1f}z"
    lid = f"M{x:.1f} {top + depth:.1f}l{depth:.1f} {-depth:.1f}h{thickness:.1f}l{-depth:.1f} {depth:.1f}z"
    face = f"M{x + thickness:.1f} {top + depth:.1f}l{depth:.1f} {-depth:.1f}v{height:.1f}l{-depth:.1f} {depth:.1f}z"
    colour = PALETTE[_COLOURS[group]]
    drawn = "".join(
        f'<path d="{path}" fill="{colour}" fill-opacity="{strength}" stroke="{colour}"/>'
        for path, strength in ((front, 0.55), (lid, 0.3), (face, 0.8))
    )
    return drawn, thickness + depth
