"""What the two streams cost in memory, and what the residual stream gives for it: a short way for every gradient.

A map of C channels at 1/f of the resolution takes C·H·W/f² values; the residual stream has f = 1 at every unit.

Chapter: `applications/frrn`.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from cnncourse.applications.frrn.network import FRRN, frrn, padded, resized
from cnncourse.applications.frrn.units import FullResolutionResidualUnit
from cnncourse.models.counting import parameters
from cnncourse.workbench import checks
from cnncourse.workbench.memory_meter import MemoryMeter

STREAMS = ("pooling", "residual")
PATHS = ("both", "residual")


class Row(NamedTuple):
    """Channels, resolution and bytes of both streams behind one unit, for one picture."""

    name: str
    factor: int
    pooling_channels: int
    residual_channels: int
    pooling_bytes: int
    residual_bytes: int


def stream_table(network: FRRN, size: tuple[int, int], bytes_per_value: int = 4) -> list[Row]:
    """What each unit leaves in both streams, for one picture of `size` (height, width) pixels.

    Computed from the plan alone, for the size after padding; `measured_table` looks at the tensors themselves.
    """
    height, width = _padded(network, size)
    checks.whole_number("bytes_per_value", bytes_per_value, 1, "float32 takes 4, bfloat16 takes 2.")
    residual = network.lanes * height * width * bytes_per_value
    base = network.classifier.in_channels
    rows = [Row("split", 1, base, network.lanes, base * height * width * bytes_per_value, residual)]
    for stage in network.stages:
        channels = stage.width * base
        pooling = channels * (height // stage.factor) * (width // stage.factor) * bytes_per_value
        for _ in range(stage.units):
            name = f"units.{len(rows) - 1}"
            rows.append(Row(name, stage.factor, channels, network.lanes, pooling, residual))
    return rows


def measured_table(network: FRRN, size: tuple[int, int]) -> list[Row]:
    """The same from the tensors that one picture makes; a network on the meta device computes nothing."""
    weight = network.classifier.weight
    height, width = _padded(network, size)
    images = torch.zeros(1, network.in_channels, height, width, device=weight.device, dtype=weight.dtype)
    rows = []
    with torch.no_grad():
        for name, pooling, residual in network.streams(images):
            factor = images.shape[2] // pooling.shape[2]
            rows.append(Row(name, factor, pooling.shape[1], residual.shape[1], _bytes(pooling), _bytes(residual)))
    return rows


def training_bytes(network: FRRN, size: tuple[int, int], number: int = 1) -> int:
    """Most bytes that live at once in a forward and a backward pass, gradients included and the weights left out.

    Counted by `MemoryMeter`; give a network on the meta device to ask about any size at no cost.
    """
    height, width = checks.pair("size", size, 1, "Give the picture's height and width.")
    checks.whole_number("number", number, 1, "At least one picture.")
    weight = network.classifier.weight
    images = torch.zeros(number, network.in_channels, height, width, device=weight.device, dtype=weight.dtype)
    with MemoryMeter() as meter:
        scores = network(images)
        torch.autograd.grad(scores.sum(), list(network.parameters()), allow_unused=True)
    peak: int = meter.peak
    return peak


def gradient_norms(network: FRRN, images: Tensor, truth: Tensor, path: str = "both") -> list[float]:
    """Norm of the gradient that reaches the maps of each unit, from the first unit to the last.

    Parameters
    ----------
    network
        Its mode is left as it is.
    images, truth
        (N, C, H, W) and the classes (N, H, W); the loss is the mean cross-entropy.
    path
        ``"both"``: the true gradient. ``"residual"``: only what comes back on the residual stream directly, with no
        later unit between; the inputs of every unit are detached. 0 where nothing comes.
    """
    if path not in PATHS:
        raise ValueError(f"path is {path!r}; choose one of {', '.join(PATHS)}")
    found: list[Tensor] = []
    loss = nn.functional.cross_entropy(_scores(network, images, path == "residual", found), truth)
    gradients = torch.autograd.grad(loss, found, allow_unused=True)
    return [0.0 if gradient is None else float(gradient.norm()) for gradient in gradients]


def parameters_of(variant: str, classes: int = 19) -> int:
    """Parameters of FRRN A or B, counted without memory for them."""
    return parameters(frrn(variant, classes=classes, device="meta"))


def stream_bytes(variant: str, stream: str, size: tuple[int, int] = (256, 512)) -> int:
    """Bytes that all units of FRRN A or B leave in one stream for one picture in float32."""
    if stream not in STREAMS:
        raise ValueError(f"stream is {stream!r}; choose one of {', '.join(STREAMS)}")
    table = stream_table(frrn(variant, device="meta"), size)
    return sum(getattr(row, f"{stream}_bytes") for row in table[1:])


def stream_ratio(variant: str) -> float:
    """How many times as much the residual stream takes as the pooling stream, for 256×512 pixels."""
    return round(stream_bytes(variant, "residual") / stream_bytes(variant, "pooling"), 3)


def training_gibibytes(variant: str, size: tuple[int, int] = (256, 512)) -> float:
    """`training_bytes` of FRRN A or B for one picture, in GiB."""
    return training_bytes(frrn(variant, device="meta"), size) / 2**30


def _scores(network: FRRN, images: Tensor, direct: bool, found: list[Tensor]) -> Tensor:
    """The forward pass, with the maps of each unit kept; `direct` detaches what units see."""
    network.check_input(images)
    whole = padded(images, network.largest_factor)
    first = next(network.streams(whole))
    pooling, residual, before = first.pooling, first.residual, 1
    for unit in network.units:
        assert isinstance(unit, FullResolutionResidualUnit)
        seen = (resized(pooling, unit.factor / before), residual)
        if direct:
            maps, after = unit(seen[0].detach(), residual.detach())
            residual = residual + (after - residual.detach())
        else:
            maps, residual = unit(*seen)
        found.append(maps)
        pooling, before = maps, unit.factor
    return network.scores(pooling.detach() if direct else pooling, residual)[:, :, : images.shape[2], : images.shape[3]]


def _padded(network: FRRN, size: tuple[int, int]) -> tuple[int, int]:
    height, width = checks.pair("size", size, 1, "Give the picture's height and width.")
    factor = network.largest_factor
    return -(-height // factor) * factor, -(-width // factor) * factor


def _bytes(maps: Tensor) -> int:
    return maps.numel() * maps.element_size()
