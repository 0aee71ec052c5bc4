"""The results of the challenge with the conditions that they were measured under, and what each answer cost.

Relative improvement 1 − e_new/e_old. Only results that share set, data, networks and crops may be ranked.
Sources: the papers named in each entry, and the challenge's own pages (Russakovsky et al. 2015).
Chapter: `models/results`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from cnncourse.data import ilsvrc
from cnncourse.models.counting import budget_of, parameters_of
from cnncourse.models.pretrained import checkpoint

CONDITIONS = ("measured_on", "data", "networks", "crops")


@dataclass(frozen=True)
class Score:
    """One published result; errors in per cent.

    `networks` is how many networks were averaged: 0 is several of unknown number, `None` no neural network at all.
    `crops` is how many parts of the picture were averaged: 0 is many or unknown. `network` is its name in the
    course's catalogue, if it is there, so that its cost can be counted.
    """

    method: str
    year: int
    top5_error: float
    measured_on: str
    networks: int | None
    crops: int
    reference: str
    layers: int | None = None
    extra_data: bool = False
    top1_error: float | None = None
    network: str = ""
    printed_on: str = ""  # what the lecture's table says, where that differs from `measured_on`

    @property
    def data(self) -> str:
        """``"provided"`` or ``"more"``."""
        return "more" if self.extra_data else "provided"

    @property
    def conditions(self) -> tuple[str, str, str, str]:
        """Set of pictures, data, networks and crops in words, as `CONDITIONS` orders them."""
        return self.measured_on, self.data, networks_in_words(self.networks), crops_in_words(self.crops)

    @property
    def passes(self) -> int | None:
        """Forward passes for one answer, networks times crops, if both are known."""
        return self.networks * self.crops or None if self.networks else None

    @property
    def parameters(self) -> int | None:
        """Parameters of one of its networks when it answers, counted."""
        return _cost(self.network)[0] if self.network else None

    @property
    def multiply_adds(self) -> int | None:
        """Multiply-adds for one answer, counted, as if all its networks were alike."""
        return _cost(self.network)[1] * self.passes if self.network and self.passes else None


# What the lecture's table does not say: year, layers, crops (0: many, or everywhere), name in the catalogue.
_ROWS = {
    "VGG, multi-crop and dense": (2014, 19, 0, "vgg19"),
    "VGG, as submitted, dense": (2014, 19, 0, "vgg19"),
    "MSRA": (2014, None, 0, ""),
    "Clarifai": (2013, 8, 0, ""),
    "Zeiler & Fergus": (2013, 8, 10, "zfnet"),
    "OverFeat": (2013, None, 0, ""),
    "AlexNet": (2012, 8, 10, "alexnet_two_towers"),
}
# Rows of the table that are a winner's entry, rounded.
_WINNERS_AGAIN = {("AlexNet", 5, "test"), ("Clarifai", 0, "test")}
# Networks, crops and top-5 validation error of GoogLeNet (Szegedy et al. 2015, table 3).
_GOOGLENET = ((1, 1, 10.07), (1, 10, 9.15), (1, 144, 7.89), (7, 1, 8.09), (7, 10, 7.62), (7, 144, 6.67))
# Depth and errors of one network with ten crops (He et al. 2016, table 3).
_RESNET = ((34, 24.52, 7.46), (50, 22.85, 6.71), (101, 21.75, 6.05), (152, 21.43, 5.71))
_YEARS = {"alexnet": 2012, "vgg": 2014, "googlenet": 2014, "resnet": 2015, "squeezenet": 2016}
_LAYERS = {"alexnet": 8, "googlenet": 22, "squeezenet1_0": 18}
_CHECKPOINTS = (
    "alexnet", "squeezenet1_0", "vgg11", "vgg13", "vgg16", "vgg19", "vgg11_bn", "vgg13_bn", "vgg16_bn", "vgg19_bn",
    "googlenet", "resnet18", "resnet34", "resnet50", "resnet101", "resnet152",
)  # fmt: skip


@cache
def scores() -> tuple[Score, ...]:
    """All results: the winners and their neighbours, the lecture's table, and the checkpoints that the course loads."""
    return (*_contest(), *_papers(), *(_of_checkpoint(name) for name in _CHECKPOINTS))


def select(
    entries: Iterable[Score] | None = None,
    years: tuple[int, int] = (2010, 2017),
    measured_on: str = "any",
    data: str = "any",
    networks: str = "any",
    crops: str = "any",
) -> tuple[Score, ...]:
    """The results that fulfil all conditions, best first.

    Parameters
    ----------
    entries
        Results to choose from, by default all of them.
    years
        First and last year.
    measured_on
        ``"test"``, ``"validation"`` or ``"any"``.
    data
        ``"provided"``, ``"more"`` or ``"any"``.
    networks
        ``"one"``, ``"several"``, ``"none"`` (no neural network) or ``"any"``.
    crops
        ``"one"``, ``"ten"``, ``"more"`` (or unknown) or ``"any"``.
    """
    wanted = dict(zip(CONDITIONS, (measured_on, data, networks, crops), strict=True))
    allowed = zip(
        CONDITIONS, (("test", "validation"), ("provided", "more"), ("one", "several", "none"), ("one", "ten", "more")),
        strict=True,
    )  # fmt: skip
    for name, values in allowed:
        if wanted[name] not in (*values, "any"):
            raise ValueError(f"{name} is {wanted[name]!r}; choose one of {', '.join(values)}, any")
    first, last = _pair_of_years(years)
    chosen = [
        entry
        for entry in (scores() if entries is None else entries)
        if first <= entry.year <= last
        and all(want in ("any", has) for want, has in zip(wanted.values(), entry.conditions, strict=True))
    ]
    return tuple(sorted(chosen, key=lambda entry: (entry.top5_error, entry.method)))


def mixed(entries: Iterable[Score]) -> dict[str, tuple[str, ...]]:
    """The conditions in which results differ, with what occurs; empty if all were measured alike and may be ranked."""
    columns = zip(CONDITIONS, zip(*(entry.conditions for entry in entries), strict=True), strict=False)
    found = {name: tuple(sorted(set(values))) for name, values in columns}
    return {name: values for name, values in found.items() if len(values) > 1}


def in_words(entry: Score) -> str:
    """A result with all its conditions, in one line."""
    networks = {None: "no network", 0: "several networks", 1: "one network"}.get(
        entry.networks, f"{entry.networks} networks"
    )
    crops = {0: "many crops", 1: "one crop"}.get(entry.crops, f"{entry.crops} crops")
    error = f"{entry.top5_error:g} % {entry.measured_on}"
    return f"{entry.method} ({entry.year}): {error}, {networks}, {crops}, {entry.data} data"


def relative_improvement(old_error: float, new_error: float) -> float:
    """Share of the old errors that are gone, in per cent: 1 − new/old."""
    for name, value in (("old_error", old_error), ("new_error", new_error)):
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 100:
            raise ValueError(f"{name} is {value!r}; give an error in per cent, from 0 to 100")
    if old_error == 0:
        raise ValueError("old_error is 0: nothing can be improved")
    return 100 * (1 - new_error / old_error)


def pareto_front(points: Sequence[tuple[float, float]]) -> list[int]:
    """Places of the points (cost, error) that no other beats: at most as large in both, and smaller in one."""
    return [
        index
        for index, (cost, error) in enumerate(points)
        if not any(other[0] <= cost and other[1] <= error and (other[0] < cost or other[1] < error) for other in points)
    ]


def winning_error(year: int, extra_data: bool = False) -> float:
    """Top-5 test error of a year's winner in per cent, with the provided data or with more."""
    entry = ilsvrc.winner(year)
    error = entry.with_extra_data if extra_data else entry.top5_error
    if error is None:
        raise ValueError(f"{entry.team} had no entry with more data in {year}")
    return error


def improvement_of(year: int, since: int) -> float:
    """Relative improvement of the winner of one year over that of another, in per cent."""
    return relative_improvement(winning_error(since), winning_error(year))


def times_fewer_parameters() -> float:
    """How many GoogLeNets, without their auxiliary classifiers, have as many parameters as the AlexNet of 2012."""
    return parameters_of("alexnet_two_towers") / parameters_of("googlenet_paper", aux_logits=False)


def multiply_adds_in_tera(method: str, networks: int, crops: int) -> float:
    """Multiply-adds of one answer in units of 10¹²."""
    for entry in scores():
        if (entry.method, entry.networks, entry.crops) == (method, networks, crops) and entry.multiply_adds:
            return entry.multiply_adds / 1e12
    raise ValueError(f"there is no result of {method!r} with {networks} networks and {crops} crops")


def multiply_adds_in_giga(network: str) -> float:
    """Multiply-adds of one look of a network of the catalogue in units of 10⁹."""
    return _cost(network)[1] / 1e9


def records() -> list[dict[str, Any]]:
    """All results as plain values, for a chart in the page."""
    return [
        {
            "method": entry.method,
            "year": entry.year,
            "top5": entry.top5_error,
            "top1": entry.top1_error,
            "measured_on": entry.measured_on,
            "data": entry.data,
            "networks": entry.networks,
            "crops": entry.crops,
            "layers": entry.layers,
            "parameters": entry.parameters,
            "multiply_adds": entry.multiply_adds,
        }
        for entry in scores()
    ]


def networks_in_words(networks: int | None) -> str:
    """``"none"``, ``"one"`` or ``"several"``."""
    return "none" if networks is None else "one" if networks == 1 else "several"


def crops_in_words(crops: int) -> str:
    """``"one"``, ``"ten"`` or ``"more"``; unknown counts as more."""
    return {1: "one", 10: "ten"}.get(crops, "more")


def _contest() -> list[Score]:
    """The winners of each year, with the provided data and with more."""
    hosts, test = "russakovsky2015imagenet", "test"
    entries = [Score("ISI (runner-up)", 2012, 26.172, test, None, 0, hosts)]
    number = {2010: None, 2011: None, 2012: 5, 2014: 7, 2015: 6}
    crops, network = {2012: 10, 2014: 144}, {2012: "alexnet_two_towers", 2014: "googlenet_paper"}
    for entry in ilsvrc.WINNERS:
        year = entry.year
        shared = (test, number.get(year, 0), crops.get(year, 0), hosts, entry.layers)
        entries.append(Score(entry.team, year, entry.top5_error, *shared, network=network.get(year, "")))
        if entry.with_extra_data is not None:
            nets = 7 if year == 2012 else 0
            entries.append(
                Score(
                    entry.team, year, entry.with_extra_data, test, nets, crops.get(year, 0), hosts, entry.layers, True
                )
            )
    return entries


def _papers() -> list[Score]:
    entries = []
    for row in ilsvrc.RESULTS:
        if row.method not in _ROWS:
            continue
        year, layers, crops, network = _ROWS[row.method]
        for measured_on, error in (("validation", row.top5_validation), ("test", row.top5_test)):
            if error is not None and (row.method, row.networks, measured_on) not in _WINNERS_AGAIN:
                top1 = row.top1_validation if measured_on == "validation" else None
                entries.append(
                    Score(
                        row.method,
                        year,
                        error,
                        measured_on,
                        row.networks,
                        crops,
                        row.reference,
                        layers,
                        False,
                        top1,
                        network,
                    )
                )
    for networks, crops, error in _GOOGLENET:
        printed = "test" if (networks, crops) == (1, 144) else ""
        entries.append(
            Score("GoogLeNet", 2014, error, "validation", networks, crops, "szegedy2015going", 22,
                  network="googlenet_paper", printed_on=printed)
        )  # fmt: skip
    for depth, top1, error in _RESNET:
        name = f"resnet{depth}" if depth < 50 else f"resnet{depth}_original"
        entries.append(
            Score(f"ResNet-{depth}", 2015, error, "validation", 1, 10, "he2016deep", depth, False, top1, name)
        )
    entries.append(
        Score("ResNet-152", 2015, 4.49, "validation", 1, 0, "he2016deep", 152, False, 19.38, "resnet152_original")
    )
    return entries


def _of_checkpoint(name: str) -> Score:
    one = checkpoint(name)
    if one.top5 is None:
        raise ValueError(f"{name} has no published top-5 accuracy")
    family = next(known for known in _YEARS if name.startswith(known))
    digits = "".join(character for character in name.removesuffix("_bn") if character.isdigit())
    return Score(
        method=f"{name}, torchvision",
        year=_YEARS[family],
        top5_error=round(100 * (1 - one.top5), 3),
        measured_on="validation",
        networks=1,
        crops=1,
        reference="torchvision2016",
        layers=_LAYERS.get(name) or int(digits),
        top1_error=round(100 * (1 - one.accuracy), 3),
        network=name,
    )


@cache
def _cost(network: str) -> tuple[int, int]:
    counted = budget_of(network, aux_logits=False) if network.startswith("googlenet") else budget_of(network)
    return counted.parameters, counted.multiply_adds


def _pair_of_years(years: object) -> tuple[int, int]:
    if not isinstance(years, tuple | list) or len(years) != 2 or not all(isinstance(year, int) for year in years):
        raise ValueError(f"years is {years!r}; give the first and the last year, for example (2012, 2015)")
    return years[0], years[1]
