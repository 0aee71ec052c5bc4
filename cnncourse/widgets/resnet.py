"""Depth to choose, with and without skips, over measured curves: errors epoch by epoch and gradients layer by layer.

Chapter: `models/resnet`.
"""

from __future__ import annotations

from typing import Any

import traitlets

from cnncourse.models.degradation import DEPTHS, KINDS, Run, measured, runs
from cnncourse.widgets.base import Widget
from cnncourse.workbench.figures import PALETTE, DescribedFigure, legend, show, subplots

COLOURS = {"plain": PALETTE["orange"], "residual": PALETTE["blue"]}


class Resnet(Widget, stem="resnet"):
    """The plain and residual networks that the course has trained; `words` says what is shown.

    Parameters
    ----------
    rung
        Which of the depths 8, 14, 20, 32, 44 and 56, from 0 to 5.
    kind
        ``"plain"`` or ``"residual"``; the other one is drawn beside it, dashed.
    moment
        ``"before"`` or ``"after"`` training: when the gradients are looked at.
    """

    rung = traitlets.Int(len(DEPTHS) - 1, min=0, max=len(DEPTHS) - 1).tag(sync=True)
    kind = traitlets.Enum(list(KINDS), default_value="plain").tag(sync=True)
    moment = traitlets.Enum(["before", "after"], default_value="before").tag(sync=True)
    runs = traitlets.List(traitlets.Dict(), read_only=True).tag(sync=True)

    @traitlets.default("runs")
    def _measured(self) -> list[dict[str, Any]]:
        return [_row(run) for run in measured()]

    @property
    def depth(self) -> int:
        """Layers with weights of the chosen network."""
        return DEPTHS[self.rung]

    @property
    def words(self) -> str:
        """What the widget says of the chosen network."""
        chosen, other = runs(self.kind, self.depth), runs(_other(self.kind), self.depth)
        last = [run.training_error[-1] for run in chosen]
        span = f" ({_percent(min(last))} to {_percent(max(last))} from {len(last)} seeds)" if len(last) > 1 else ""
        return (
            f"{self.kind.capitalize()}, {self.depth} layers: after {len(chosen[0].training_error)} epochs "
            f"{_percent(last[0])} of the training pictures are wrong{span}, and "
            f"{_percent(chosen[0].test_error[-1])} of the test pictures. {_other(self.kind).capitalize()}, as deep: "
            f"{_percent(other[0].training_error[-1])} and {_percent(other[0].test_error[-1])}."
        )

    @property
    def ratio(self) -> float:
        """Gradient norm of the first layer by that of the last, seed 0."""
        run = runs(self.kind, self.depth)[0]
        norms = run.gradient_before if self.moment == "before" else run.gradient_after
        return norms[0] / norms[-1]

    def still(self) -> DescribedFigure:
        """Training errors of both kinds at the chosen depth, and after the last epoch at every depth."""
        figure, axes = subplots(1, 2, width=7.0, height=2.7)
        for kind in KINDS:
            epochs = range(1, len(runs(kind, self.depth)[0].training_error) + 1)
            for run in runs(kind, self.depth):
                axes[0, 0].plot(epochs, run.training_error, color=COLOURS[kind], linewidth=1.2)
            finals = [runs(kind, depth)[0].training_error[-1] for depth in DEPTHS]
            axes[0, 1].plot(DEPTHS, finals, marker="o", color=COLOURS[kind], label=kind)
        axes[0, 0].set(title=f"{self.depth} layers", xlabel="epoch", ylabel="training error", ylim=(0, 1))
        axes[0, 1].set(title="after the last epoch", xlabel="layers", ylim=(0, 1), xticks=DEPTHS)
        legend(axes[0, 1])
        return show(
            figure,
            alt=f"Training error by epoch for {self.depth} layers, and after the last epoch by depth. The plain "
            "networks' error rises with depth, the residual networks' falls to almost nothing.",
            caption="Measured by the course's own script. With JavaScript you can choose depth and kind here.",
        )


def _other(kind: str) -> str:
    return KINDS[1 - KINDS.index(kind)]


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"


def _row(run: Run) -> dict[str, Any]:
    curves = {name: list(getattr(run, name)) for name in ("training_error", "test_error")}
    gradients = {
        name: list(getattr(run, name)) if run.seed == 0 else [] for name in ("gradient_before", "gradient_after")
    }
    return {"kind": run.kind, "depth": run.depth, "seed": run.seed, **curves, **gradients}
