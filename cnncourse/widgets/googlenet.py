"""An Inception module to build: its branches to scale, its costs, and what becomes of a stack.

Chapter: `models/googlenet`.
"""

from __future__ import annotations

import traitlets

from cnncourse.models.inception import Cost, Widths, cost, single, stacked
from cnncourse.widgets.base import Widget
from cnncourse.workbench.figures import PALETTE, DescribedFigure, show, subplots


class Googlenet(Widget, stem="googlenet"):
    """An Inception module; `cost`, `naive_cost` and `stack` follow the controls. It begins as GoogLeNet's 3a.

    Parameters
    ----------
    size, in_channels
        Side and channels of the maps that come in.
    ch1x1, ch3x3red, ch3x3, ch5x5red, ch5x5, pool_proj
        Channels of the layers, as in `cnncourse.models.Inception`.
    reduce3, reduce5, reduce_pool
        Whether the three 1×1 layers are there.
    times
        How many such modules are stacked.
    """

    size = traitlets.Int(28, min=1, max=112).tag(sync=True)
    in_channels = traitlets.Int(192, min=1, max=1024).tag(sync=True)
    ch1x1 = traitlets.Int(64, min=1, max=512).tag(sync=True)
    ch3x3red = traitlets.Int(96, min=1, max=512).tag(sync=True)
    ch3x3 = traitlets.Int(128, min=1, max=512).tag(sync=True)
    ch5x5red = traitlets.Int(16, min=1, max=512).tag(sync=True)
    ch5x5 = traitlets.Int(32, min=1, max=512).tag(sync=True)
    pool_proj = traitlets.Int(32, min=1, max=512).tag(sync=True)
    reduce3 = traitlets.Bool(True).tag(sync=True)
    reduce5 = traitlets.Bool(True).tag(sync=True)
    reduce_pool = traitlets.Bool(True).tag(sync=True)
    times = traitlets.Int(4, min=1, max=9).tag(sync=True)

    @property
    def widths(self) -> Widths:
        """Channels of the layers; 0 where a reduction is switched off."""
        return Widths(
            self.ch1x1,
            self.ch3x3red if self.reduce3 else 0,
            self.ch3x3,
            self.ch5x5red if self.reduce5 else 0,
            self.ch5x5,
            self.pool_proj if self.reduce_pool else 0,
        )

    @property
    def cost(self) -> Cost:
        """What the module costs, by the chapter's own module."""
        return cost(self.in_channels, self.size, self.widths)

    @property
    def naive_cost(self) -> Cost:
        """What it would cost without reductions."""
        return cost(self.in_channels, self.size, self.widths.naive)

    @property
    def stack(self) -> list[Cost]:
        """Costs of `times` equal modules one behind another."""
        return stacked(self.in_channels, self.size, self.widths, self.times)

    def still(self) -> DescribedFigure:
        """Multiply-adds of the module, of the naive one and of single layers with as many outputs."""
        mine = self.cost
        rows = {
            "this module": mine,
            "naive module": self.naive_cost,
            "one 3×3 layer": single(self.in_channels, self.size, mine.channels, 3),
            "one 5×5 layer": single(self.in_channels, self.size, mine.channels, 5),
        }
        figure, axes = subplots(width=5.6, height=2.0)
        millions = [one.multiply_adds / 1e6 for one in rows.values()]
        axes[0, 0].barh(list(rows), millions, color=[PALETTE["blue"], *[PALETTE["grey"]] * 3])
        axes[0, 0].invert_yaxis()
        axes[0, 0].set_xlabel("million multiply-adds")
        listed = "; ".join(f"{name} {value:,.1f}" for name, value in zip(rows, millions, strict=True))
        return show(
            figure,
            alt=f"Four bars of million multiply-adds: {listed}.",
            caption="What an Inception module costs. With JavaScript you can build your own here.",
        )
