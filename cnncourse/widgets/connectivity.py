"""A sharing counter: full, local and shared connectivity side by side, and which weights are the same one.

Chapter: `layers/connectivity`.
"""

from __future__ import annotations

from typing import Any

import traitlets

from cnncourse.layers.connectivity import REGIMES, count_weights, response_bytes
from cnncourse.widgets.base import Widget
from cnncourse.workbench.figures import PALETTE, DescribedFigure, show, subplots


class Connectivity(Widget, stem="connectivity"):
    """The three regimes to touch; `weights` and `memory` follow the controls.

    Parameters
    ----------
    image_size
        Height and width of the image; the layer has one unit for each pixel and filter.
    channels, filters, kernel_size, bias
        As in `cnncourse.layers.connectivity.count_weights`.
    regime
        The one that the picture of a small layer shows: ``"full"``, ``"local"`` or ``"shared"``.
    unit
        The unit of the small layer that is marked, counted row by row from 0 to 8.
    """

    image_size = traitlets.Int(1000, min=32, max=1024).tag(sync=True)
    channels = traitlets.Int(1, min=1, max=64).tag(sync=True)
    filters = traitlets.Int(100, min=1, max=256).tag(sync=True)
    kernel_size = traitlets.Int(10, min=1, max=31).tag(sync=True)
    bias = traitlets.Bool(False).tag(sync=True)
    regime = traitlets.Enum(REGIMES, default_value="shared").tag(sync=True)
    unit = traitlets.Int(4, min=0, max=8).tag(sync=True)

    @property
    def weights(self) -> dict[str, int]:
        """Number of different weights in each regime, by the chapter's own module."""
        return {regime: count_weights(regime, **self._geometry(), bias=self.bias) for regime in REGIMES}

    @property
    def memory(self) -> int:
        """Bytes of the responses to one image, in every regime."""
        return response_bytes(**self._geometry())

    def still(self) -> DescribedFigure:
        """The three numbers as bars on a logarithmic scale."""
        weights = self.weights
        figure, axes = subplots(width=6.5, height=1.9)
        axes[0, 0].barh(list(weights), list(weights.values()), color=PALETTE["orange"])
        axes[0, 0].set(xscale="log", xlim=(1, 1e17), xlabel="weights")
        axes[0, 0].invert_yaxis()
        listed = ", ".join(f"{regime} {number:,}" for regime, number in weights.items())
        return show(
            figure,
            alt=f"Three bars on a logarithmic scale with the number of weights of a layer: {listed}.",
            caption="Each decision, to look locally and to share, divides the number of weights.",
        )

    def _geometry(self) -> dict[str, Any]:
        shape = (self.channels, self.image_size, self.image_size)
        return {"input_shape": shape, "filters": self.filters, "kernel_size": self.kernel_size, "padding": "same"}
