"""The backward pass of a small convolution, one output position at a time.

Chapter: `layers/backpropagation`; the picture is drawn by `backpropagation.mjs`.
"""

from __future__ import annotations

from typing import Any

import torch
import traitlets
from torch import Tensor

from cnncourse.layers import backpropagation
from cnncourse.layers.stride_arithmetic import output_size
from cnncourse.widgets.base import Widget
from cnncourse.workbench.figures import DescribedFigure, cell_grid, show, subplots


def digits(seed: int, count: int) -> list[int]:
    """Small whole numbers from −2 to 3 that depend on the seed alone; the page makes the same ones."""
    state, numbers = (seed * 7919 + 12345) % 65537, []
    for _ in range(count):
        state = (state * 75 + 74) % 65537
        numbers.append(state % 6 - 2)
    return numbers


class Backpropagation(Widget, stem="backpropagation"):
    """Step through the outputs and watch both gradients add up.

    `step` counts the output positions that have added their part; `weight` is the weight whose terms are written
    out, counted row by row; `seed` chooses the numbers.
    """

    size = traitlets.Int(4, min=3, max=6).tag(sync=True)
    kernel = traitlets.Int(2, min=1, max=3).tag(sync=True)
    stride = traitlets.Int(1, min=1, max=3).tag(sync=True)
    padding = traitlets.Int(0, min=0, max=2).tag(sync=True)
    seed = traitlets.Int(1, min=0).tag(sync=True)
    step = traitlets.Int(0, min=0).tag(sync=True)
    weight = traitlets.Int(0, min=0, max=8).tag(sync=True)

    def numbers(self) -> tuple[Tensor, Tensor, Tensor]:
        """X (1, 1, I, I), w (1, 1, K, K) and δ (1, 1, O, O), float64."""
        places = output_size(self.size, self.kernel, self.stride, self.padding)
        all_digits = torch.tensor(digits(self.seed, 200), dtype=torch.float64)
        starts = ((0, self.size), (100, self.kernel), (150, places))
        x, weight, delta = (all_digits[at : at + side * side].view(1, 1, side, side) for at, side in starts)
        return x, weight, delta

    def gradients(self) -> tuple[Tensor, Tensor]:
        """∂L/∂w (1, 1, K, K) and ∂L/∂x (1, 1, I, I) after all output positions."""
        x, weight, delta = self.numbers()
        geometry: dict[str, Any] = {"stride": self.stride, "padding": self.padding}
        return (
            backpropagation.weight_gradient(x, delta, self.kernel, **geometry),
            backpropagation.input_gradient(delta, weight, (self.size, self.size), **geometry),
        )

    def still(self) -> DescribedFigure:
        """The finished backward pass."""
        x, weight, delta = self.numbers()
        by_weight, by_input = self.gradients()
        titles = ("x", "w", "δ", "∂L/∂w", "∂L/∂x")
        figure, axes = subplots(1, 5, width=8, height=2)
        for panel, title, values in zip(axes[0], titles, (x, weight, delta, by_weight, by_input), strict=True):
            side = values.shape[-1]
            strength = values[0, 0].abs() / values.abs().max().clamp_min(1)
            cell_grid(panel, side, side, filled=strength * 0.6, labels=values[0, 0], title=title)
        return show(
            figure,
            alt=f"Five grids of numbers: a {self.size} by {self.size} input, its kernel, the gradient that arrives at "
            "each output, and the two results, the gradient of the kernel and the gradient of the input.",
            caption="Each output adds δ times the patch that it saw to the gradient of the kernel, "
            "and δ times the kernel to the gradient of the patch.",
        )
