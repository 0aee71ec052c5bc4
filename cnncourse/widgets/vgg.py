"""Layers to stack, beside the one large kernel that sees as much.

Chapter: `models/vgg`.
"""

from __future__ import annotations

from typing import Any

import traitlets

from cnncourse.models.stacks import StackCosts, one_layer, stack_costs
from cnncourse.widgets.base import Widget
from cnncourse.workbench.figures import PALETTE, DescribedFigure, bare, show, subplots

KERNELS, STRIDES, MOST = (1, 3, 5, 7, 9, 11), (1, 2, 4), 5


class Vgg(Widget, stem="vgg"):
    """A stack of convolutions to build; `costs` and `one_layer` follow the controls.

    Parameters
    ----------
    layers
        Lists [kernel, stride] from the input upwards, one to five, with kernels 1, 3, … 11 and strides 1, 2 or 4.
    channels
        Channels that go into and out of every layer: 16, 64 or 256.
    """

    layers = traitlets.List([[3, 1], [3, 1], [3, 1]]).tag(sync=True)
    channels = traitlets.Enum([16, 64, 256], default_value=64).tag(sync=True)
    size = traitlets.Int(56, read_only=True).tag(sync=True)

    @traitlets.validate("layers")
    def _check_layers(self, proposal: Any) -> list[list[int]]:
        layers = [list(layer) for layer in proposal["value"]]
        if not 1 <= len(layers) <= MOST:
            raise traitlets.TraitError(f"layers has {len(layers)} entries; give one to {MOST}")
        for layer in layers:
            if len(layer) != 2 or layer[0] not in KERNELS or layer[1] not in STRIDES:
                raise traitlets.TraitError(f"{layer} is no layer; give [kernel, stride] of {KERNELS} and {STRIDES}")
        return layers

    @property
    def costs(self) -> StackCosts:
        """What the stack sees and costs, by the chapter's own module."""
        return stack_costs(self.layers, self.channels, self.size)

    @property
    def one_layer(self) -> StackCosts:
        """What the one layer costs that sees as much."""
        return one_layer(self.layers, self.channels, self.size)

    def still(self) -> DescribedFigure:
        """Weights and multiply-adds of stack and large kernel, as bars."""
        stack, single = self.costs, self.one_layer
        figure, axes = subplots(1, 2, width=6.4, height=2.0)
        names = ["stack", f"one {single.field}×{single.field}"]
        for panel, title, values in (
            (axes[0, 0], "weights", (stack.weights, single.weights)),
            (axes[0, 1], "multiply-adds", (stack.multiply_adds, single.multiply_adds)),
        ):
            panel.barh(names, values, color=[PALETTE["orange"], PALETTE["blue"]])
            panel.invert_yaxis()
            bare(panel, title)
            panel.set_yticks(range(2), names)
        kernels = ", ".join(f"{kernel} by {kernel} at stride {stride}" for kernel, stride in self.layers)
        return show(
            figure,
            alt=f"Bars for a stack of the layers {kernels}, which sees {stack.field} by {stack.field} pixels with "
            f"{stack.weights:,} weights, and for one layer that sees as much with {single.weights:,} weights.",
            caption="A stack of layers, and the one large kernel that sees the same pixels.",
        )
