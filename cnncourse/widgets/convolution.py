"""A small kernel that the reader edits, over a photograph.

Chapter: `layers/convolution`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
import torch.nn.functional as F
import traitlets
from torch import Tensor

from cnncourse.widgets.base import Widget
from cnncourse.workbench import figures, images
from cnncourse.workbench.figures import DescribedFigure


class Convolution(Widget, stem="convolution"):
    """A kernel of 3×3 or 5×5 over a photograph; `output` is the map that it makes.

    Parameters
    ----------
    photographs
        Names of bundled photographs to choose from, and `photograph` the one that is shown.
    size
        Height and width to which each is reduced, in pixels.
    kernel
        9 or 25 weights, row by row or as rows; the sum of products is divided by `divisor`.
    stride, padding, dilation
        As in `torch.nn.functional.conv2d`.
    flip
        Turn the kernel by 180° first, which makes the cross-correlation a convolution.
    display
        Draw the output in ``"grey"``, cut off below 0 and above 255, or ``"signed"``, red above zero and blue below.
    position
        (row, column) of the output pixel whose window is shown.
    """

    photographs = traitlets.List(traitlets.Unicode(), ["camera", "chelsea", "coffee", "motorcycle"]).tag(sync=True)
    photograph = traitlets.Unicode("camera").tag(sync=True)
    size = traitlets.Int(112, min=32, max=256).tag(sync=True)
    pixels = traitlets.Bytes().tag(sync=True)
    kernel = traitlets.List(default_value=[-1, 0, 1, -2, 0, 2, -1, 0, 1]).tag(sync=True)
    divisor = traitlets.Float(1.0).tag(sync=True)
    stride = traitlets.Int(1, min=1, max=4).tag(sync=True)
    padding = traitlets.Int(0, min=0, max=8).tag(sync=True)
    dilation = traitlets.Int(1, min=1, max=4).tag(sync=True)
    flip = traitlets.Bool(False).tag(sync=True)
    display = traitlets.Enum(["grey", "signed"], "signed").tag(sync=True)
    position = traitlets.List(traitlets.Int(min=0), [40, 52], minlen=2, maxlen=2).tag(sync=True)

    def __init__(self, **values: Any) -> None:
        names = list(values.setdefault("photographs", ["camera", "chelsea", "coffee", "motorcycle"]))
        values["photographs"] = names
        values.setdefault("photograph", names[0])
        super().__init__(**values)
        if not self.pixels:
            self._take_pixels()

    @property
    def image(self) -> Tensor:
        """The photograph that is shown, (1, 1, H, W), whole numbers from 0 to 255 as float64."""
        count = self.size * self.size
        start = self.photographs.index(self.photograph) * count
        numbers = torch.frombuffer(bytearray(self.pixels[start : start + count]), dtype=torch.uint8)
        return numbers.reshape(1, 1, self.size, self.size).double()

    @property
    def weights(self) -> Tensor:
        """The kernel as it meets the window, (1, 1, K, K): divided, and turned if `flip` is set."""
        side = round(len(self.kernel) ** 0.5)
        rows: Tensor = torch.tensor(self.kernel, dtype=torch.float64).reshape(1, 1, side, side) / self.divisor
        return rows.flip(2, 3) if self.flip else rows

    @property
    def output(self) -> Tensor:
        """What the kernel makes of the photograph, (H', W'), computed by torch."""
        geometry = {"stride": self.stride, "padding": self.padding, "dilation": self.dilation}
        result: Tensor = F.conv2d(self.image, self.weights, **geometry)
        return result[0, 0]

    def still(self) -> DescribedFigure:
        """Photograph, kernel and output."""
        side = round(len(self.kernel) ** 0.5)
        weights = torch.tensor(self.kernel, dtype=torch.float64).reshape(side, side)
        figure, axes = figures.subplots(1, 3, width=7.0, height=2.6)
        figures.show_image(axes[0, 0], self.image[0] / 255, self.photograph, vmin=0, vmax=1)
        figures.cell_grid(axes[0, 1], side, side, labels=weights, title="kernel")
        if self.display == "signed":
            figures.show_signed(axes[0, 2], self.output, "output")
        else:
            figures.show_image(axes[0, 2], self.output / 255, "output", vmin=0, vmax=1)
        alt = (
            f"The photograph {self.photograph} in grey, a kernel of {side} by {side} weights, and the output map of "
            f"{self.output.shape[0]} by {self.output.shape[1]} pixels that the kernel makes of it."
        )
        return figures.show(figure, alt, "Each output pixel is the sum of the products of one window and the kernel.")

    @traitlets.validate("kernel")
    def _check_kernel(self, proposal: dict[str, Any]) -> list[float]:
        flat = [float(weight) for row in proposal["value"] for weight in (row if isinstance(row, Iterable) else [row])]
        if len(flat) not in (9, 25):
            raise traitlets.TraitError(f"kernel has {len(flat)} weights; give 9 or 25 for 3×3 or 5×5")
        return flat

    @traitlets.validate("divisor")
    def _check_divisor(self, proposal: dict[str, Any]) -> float:
        if proposal["value"] == 0:
            raise traitlets.TraitError("divisor is 0; use 1 to divide by nothing")
        return float(proposal["value"])

    @traitlets.validate("photograph")
    def _check_photograph(self, proposal: dict[str, Any]) -> str:
        if proposal["value"] not in self.photographs:
            raise traitlets.TraitError(
                f"photograph is {proposal['value']!r}; choose from {', '.join(self.photographs)}"
            )
        return str(proposal["value"])

    @traitlets.observe("size", "photographs")
    def _take_pixels(self, _change: object = None) -> None:
        grey = [images.photograph(name, size=self.size, grey=True) for name in self.photographs]
        self.pixels = (torch.cat(grey) * 255).round().to(torch.uint8).numpy().tobytes()
