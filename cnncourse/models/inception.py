"""What an Inception module costs, with its 1×1 reductions and without (Szegedy et al. 2015, figure 2).

A reduction to r channels in front of K×K: C·r + r·F·K² weights in place of C·F·K². All counts come from real modules.

Chapter: `models/googlenet`.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import NamedTuple

import torch
from torch import Tensor, nn

from cnncourse.layers.budget import count
from cnncourse.models.googlenet import MODULES, BasicConv2d, GoogLeNet
from cnncourse.models.network import activations
from cnncourse.workbench import checks


class Widths(NamedTuple):
    """Channels of a module's layers, in the order of the paper's table 1; 0 leaves a 1×1 layer out."""

    ch1x1: int
    ch3x3red: int
    ch3x3: int
    ch5x5red: int
    ch5x5: int
    pool_proj: int

    @property
    def naive(self) -> Widths:
        """The same filters, none of the reductions."""
        return self._replace(ch3x3red=0, ch5x5red=0, pool_proj=0)


class Cost(NamedTuple):
    """What one module costs for one image, and the channels that come out."""

    weights: int
    biases: int
    multiply_adds: int
    channels: int

    @property
    def parameters(self) -> int:
        """Weights and biases."""
        return self.weights + self.biases


class MixedInception(nn.Module):
    """An Inception module in which each 1×1 layer can be left out: between naive and reduced.

    With all of them it is `Inception`, without any it is `NaiveInception`; names of parameters differ.

    Parameters
    ----------
    in_channels
        Channels of the input.
    widths
        Six whole numbers as in `Widths`. ch1x1, ch3x3 and ch5x5 are at least 1; the others may be 0, for no such layer.
    third
        Kernel size of the third branch.

    Shape: (N, in_channels, H, W) → (N, ch1x1 + ch3x3 + ch5x5 + (pool_proj or in_channels), H, W).
    """

    def __init__(
        self, in_channels: int, widths: Sequence[int], third: int = 5, device: torch.device | str | None = None
    ) -> None:
        super().__init__()
        one, reduced3, three, reduced5, five, projected = checked(widths)
        checks.whole_number("in_channels", in_channels, 1, "A module needs at least one map to read.")
        self.branch1 = BasicConv2d(in_channels, one, kernel_size=1, device=device)
        self.branch2 = _branch(in_channels, reduced3, three, 3, device)
        self.branch3 = _branch(in_channels, reduced5, five, third, device)
        self.branch4 = nn.Sequential(nn.MaxPool2d(3, stride=1, padding=1))
        if projected:
            self.branch4.append(BasicConv2d(in_channels, projected, kernel_size=1, device=device))

    def forward(self, maps: Tensor) -> Tensor:
        """All branches, one behind another."""
        return torch.cat([self.branch1(maps), self.branch2(maps), self.branch3(maps), self.branch4(maps)], dim=1)


def cost(in_channels: int, size: int, widths: Sequence[int], third: int = 5) -> Cost:
    """Count a module for one image of `size` × `size` values.

    Raises
    ------
    ValueError
        If a number is no whole number or too small; the message says which.
    """
    side = checks.whole_number("size", size, 1, "Pass the side of the maps.")
    return _count(MixedInception(in_channels, widths, third, device="meta"), in_channels, side)


def single(in_channels: int, size: int, channels: int, kernel_size: int) -> Cost:
    """Count one convolution that makes `channels` maps of the same size by itself."""
    side = checks.whole_number("size", size, 1, "Pass the side of the maps.")
    inside = checks.whole_number("in_channels", in_channels, 1, "A layer needs at least one map to read.")
    outside = checks.whole_number("channels", channels, 1, "A layer makes at least one map.")
    kernel = checks.whole_number("kernel_size", kernel_size, 1, "A kernel covers at least one pixel.")
    return _count(nn.Conv2d(inside, outside, kernel, padding="same", device="meta"), inside, side)


def stacked(in_channels: int, size: int, widths: Sequence[int], times: int) -> list[Cost]:
    """Costs of equal modules one behind another; each reads what the one before it makes."""
    costs: list[Cost] = []
    for _ in range(checks.whole_number("times", times, 1, "Stack at least one module.")):
        costs.append(cost(costs[-1].channels if costs else in_channels, size, widths))
    return costs


def googlenet_modules(naive: bool = False) -> dict[str, Cost]:
    """Costs of GoogLeNet's nine modules by name; without reductions each reads all that the one before it makes."""
    costs: dict[str, Cost] = {}
    channels, _ = place("3a")
    for name, row in MODULES.items():
        widths = Widths(*row)
        costs[name] = cost(channels, place(name)[1], widths.naive if naive else widths)
        channels = costs[name].channels
    return costs


def place(name: str) -> tuple[int, int]:
    """Channels and side of the input of a module of GoogLeNet, for images of 224×224 pixels.

    Raises
    ------
    ValueError
        If there is no such module; the message lists the names.
    """
    if name not in MODULES:
        raise ValueError(f"there is no module {name!r}; choose one of {', '.join(MODULES)}")
    return _places()[name]


def of_module(name: str, quantity: str, naive: bool = False) -> int:
    """One number of the costs of a module in its place: weights, biases, parameters, multiply_adds or channels."""
    channels, size = place(name)
    widths = Widths(*MODULES[name])
    return int(getattr(cost(channels, size, widths.naive if naive else widths), quantity))


def of_modules(quantity: str, naive: bool = False) -> int:
    """One number of the costs of GoogLeNet's nine modules, added up; for channels that of the last one."""
    numbers = [int(getattr(one, quantity)) for one in googlenet_modules(naive).values()]
    return numbers[-1] if quantity == "channels" else sum(numbers)


def millions(name: str = "", naive: bool = False) -> float:
    """Million multiply-adds of a module of GoogLeNet, or of all nine."""
    number = of_module(name, "multiply_adds", naive) if name else of_modules("multiply_adds", naive)
    return number / 1e6


def checked(widths: Sequence[int]) -> Widths:
    """Six channels as `Widths`, or `ValueError`."""
    if not isinstance(widths, Sequence) or isinstance(widths, str) or len(widths) != len(Widths._fields):
        raise ValueError(f"widths is {widths!r}; it must be six whole numbers: {', '.join(Widths._fields)}")
    optional = {"ch3x3red", "ch5x5red", "pool_proj"}
    return Widths(
        *(
            checks.whole_number(name, value, 0 if name in optional else 1, _remedy(name in optional))
            for name, value in zip(Widths._fields, widths, strict=True)
        )
    )


def _remedy(optional: bool) -> str:
    return "0 leaves this 1×1 layer out." if optional else "Each branch needs at least one map."


def _branch(
    in_channels: int, reduced: int, channels: int, kernel_size: int, device: torch.device | str | None
) -> nn.Sequential:
    reduction = [BasicConv2d(in_channels, reduced, kernel_size=1, device=device)] if reduced else []
    last = BasicConv2d(
        reduced or in_channels, channels, kernel_size=kernel_size, padding=kernel_size // 2, device=device
    )
    return nn.Sequential(*reduction, last)


def _count(module: nn.Module, in_channels: int, size: int) -> Cost:
    numbers = [(parameter.dim() == 1, parameter.numel()) for parameter in module.parameters()]
    biases = sum(number for is_bias, number in numbers if is_bias)
    shape = (1, in_channels, size, size)
    channels = module(torch.empty(shape, device="meta")).shape[1]
    return Cost(sum(n for _, n in numbers) - biases, biases, count(module, shape).multiply_adds, channels)


@cache
def _places() -> dict[str, tuple[int, int]]:
    network = GoogLeNet(device="meta", aux_logits=False).eval()
    names = [f"inception{name}" for name in MODULES]
    seen = activations(network, torch.empty(1, 3, 224, 224, device="meta"), names)
    return {
        name: (
            network.get_parameter(f"inception{name}.branch1.conv.weight").shape[1],
            seen[f"inception{name}"].shape[3],
        )
        for name in MODULES
    }
