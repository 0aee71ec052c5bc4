"""The results of the challenge as a chart to filter: which may be compared, and what an answer costs.

Chapter: `models/results`.
"""

from __future__ import annotations

from typing import Any

import traitlets

from cnncourse.data.ilsvrc import HUMAN_TOP5_ERROR
from cnncourse.models import results
from cnncourse.widgets.base import Widget
from cnncourse.workbench.figures import PALETTE, DescribedFigure, legend, show, subplots

CHOICES = {
    "measured_on": ("any", "test", "validation"),
    "data": ("any", "provided", "more"),
    "networks": ("any", "one", "several", "none"),
    "crops": ("any", "one", "ten", "more"),
}
ACROSS = {"year": "year", "layers": "layers", "parameters": "parameters", "multiply_adds": "multiply-adds of an answer"}


def _choice(name: str, default: str = "any") -> Any:
    return traitlets.Enum(list(CHOICES[name]), default_value=default).tag(sync=True)


class Ilsvrc(Widget, stem="ilsvrc"):
    """All results of `cnncourse.models.results`; `chosen` and `mixed` follow the controls.

    Parameters
    ----------
    first, last
        Years that are shown.
    measured_on, data, networks, crops
        Conditions, as `results.select` takes them; ``"any"`` shows all.
    across, up
        What the axes show: ``"year"``, ``"layers"``, ``"parameters"`` or ``"multiply_adds"``; ``"top5"`` or ``"top1"``.
    log_across, log_up
        Logarithmic axes; years are never logarithmic.
    front
        Join the results that no other beats in cost and error.
    picked
        Place of a result in `records` that is described, or −1.
    """

    first = traitlets.Int(2010, min=2010, max=2017).tag(sync=True)
    last = traitlets.Int(2017, min=2010, max=2017).tag(sync=True)
    measured_on = _choice("measured_on", "test")
    data = _choice("data")
    networks = _choice("networks")
    crops = _choice("crops")
    across = traitlets.Enum(list(ACROSS), default_value="year").tag(sync=True)
    up = traitlets.Enum(["top5", "top1"], default_value="top5").tag(sync=True)
    log_across = traitlets.Bool(False).tag(sync=True)
    log_up = traitlets.Bool(False).tag(sync=True)
    front = traitlets.Bool(False).tag(sync=True)
    picked = traitlets.Int(-1, min=-1).tag(sync=True)
    person = traitlets.Float(HUMAN_TOP5_ERROR, read_only=True).tag(sync=True)
    records = traitlets.List(read_only=True).tag(sync=True)

    @traitlets.default("records")
    def _all_records(self) -> list[dict[str, Any]]:
        return results.records()

    @property
    def chosen(self) -> tuple[int, ...]:
        """Places in `records` of the results that fulfil the conditions, in their order."""
        kept = results.select(None, (self.first, self.last), self.measured_on, self.data, self.networks, self.crops)
        return tuple(index for index, entry in enumerate(results.scores()) if entry in kept)

    @property
    def drawn(self) -> tuple[int, ...]:
        """Places of those of `chosen` whose numbers for both axes are known."""
        return tuple(
            index
            for index in self.chosen
            if self.records[index][self.across] is not None and self.records[index][self.up] is not None
        )

    @property
    def mixed(self) -> dict[str, tuple[str, ...]]:
        """The conditions in which the drawn results differ."""
        return results.mixed(results.scores()[index] for index in self.drawn)

    @property
    def unbeaten(self) -> tuple[int, ...]:
        """Places of the drawn results that no other drawn one beats on both axes."""
        places = self.drawn
        points = [(self.records[index][self.across], self.records[index][self.up]) for index in places]
        return tuple(places[index] for index in results.pareto_front(points))

    def still(self) -> DescribedFigure:
        """The drawn results as points."""
        figure, axes = subplots(width=6.4, height=3.2)
        panel = axes[0, 0]
        for measured_on, colour in (("test", "blue"), ("validation", "orange")):
            points = [self.records[index] for index in self.drawn if self.records[index]["measured_on"] == measured_on]
            if points:
                values = [[point[axis] for point in points] for axis in (self.across, self.up)]
                panel.scatter(*values, s=28, color=PALETTE[colour], label=measured_on)
        panel.set(xlabel=ACROSS[self.across], ylabel=f"{self.up.replace('top', 'top-')} error (%)")
        if self.log_across and self.across != "year":
            panel.set_xscale("log")
        if self.log_up:
            panel.set_yscale("log")
        if self.drawn:
            legend(panel)
        return show(
            figure,
            alt=f"A chart of {len(self.drawn)} published results: error in per cent against {ACROSS[self.across]}. "
            "The errors fall from left to right.",
            caption="Published errors. With JavaScript you can choose here what is compared with what.",
        )
