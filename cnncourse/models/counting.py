"""What a network costs: parameters, multiply-adds and values, layer by layer.

Each weight of a layer is used once at each position of its output: multiply-adds = weights · H · W.

Chapter: `models/alexnet`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from cnncourse.models.catalogue import build, native_size
from cnncourse.models.lenet import SparseConvolution, Subsampling

_MULTIPLYING = (nn.Conv2d, SparseConvolution, nn.Linear)
_COUNTED = (*_MULTIPLYING, Subsampling, nn.BatchNorm2d, nn.MaxPool2d, nn.AvgPool2d, nn.AdaptiveAvgPool2d)


@dataclass(frozen=True)
class Cost:
    """One layer: its name and kind, the shape of its output for one image, and what it costs."""

    name: str
    kind: str
    output_shape: tuple[int, ...]
    parameters: int
    multiply_adds: int

    @property
    def values(self) -> int:
        """Numbers that the layer computes for one image."""
        return int(torch.Size(self.output_shape).numel())


def parameters(module: nn.Module) -> int:
    """Number of trainable parameters."""
    return sum(parameter.numel() for parameter in module.parameters() if parameter.requires_grad)


def weights(module: nn.Module) -> int:
    """Number of trainable parameters without biases and normalization."""
    return sum(parameter.numel() for parameter in module.parameters() if parameter.dim() > 1)


def costs(network: nn.Module, input_shape: Sequence[int]) -> list[Cost]:
    """The cost of each layer for one image of `input_shape` = (C, H, W), in the order in which layers run.

    The network's mode and device stay; a network on the ``"meta"`` device is counted without computing anything.
    """
    found: list[Cost] = []
    handles = []
    for name, module in network.named_modules():
        if isinstance(module, _COUNTED):
            handles.append(module.register_forward_hook(_counter(found, name)))
    first = next(network.parameters())
    was_training = network.training
    try:
        with torch.no_grad():
            network.eval()(torch.zeros(1, *input_shape, device=first.device, dtype=first.dtype))
    finally:
        network.train(was_training)
        for handle in handles:
            handle.remove()
    return found


def multiply_adds(network: nn.Module, input_shape: Sequence[int]) -> int:
    """Multiply-adds of all convolutions and linear layers for one image of (C, H, W)."""
    return sum(cost.multiply_adds for cost in costs(network, input_shape))


def parameters_of(name: str, part: str = "", **options: Any) -> int:
    """Parameters of a network of the catalogue, or of one of its modules."""
    return parameters(build(name, device="meta", **options).get_submodule(part))


def multiply_adds_of(name: str, size: int | None = None, **options: Any) -> int:
    """Multiply-adds of a network of the catalogue for one square image, at its own size unless another is given."""
    network = build(name, device="meta", **options)
    side = native_size(name) if size is None else size
    return multiply_adds(network, (network.in_channels, side, side))


def activations_of(name: str, size: int | None = None) -> int:
    """Values that the convolutions, poolings and linear layers of a network hold for one image, with the image."""
    network = build(name, device="meta")
    side = native_size(name) if size is None else size
    shape = (network.in_channels, side, side)
    kept = [cost.values for cost in costs(network, shape) if cost.kind not in ("BatchNorm2d", "AdaptiveAvgPool2d")]
    return sum(kept) + int(torch.Size(shape).numel())


def neurons_of(name: str) -> int:
    """Outputs of the convolutions and linear layers of a network for one image: its "neurons"."""
    network = build(name, device="meta")
    shape = (network.in_channels, native_size(name), native_size(name))
    return sum(cost.values for cost in costs(network, shape) if cost.kind in ("Conv2d", "SparseConvolution", "Linear"))


def _counter(found: list[Cost], name: str) -> Any:
    def count(module: nn.Module, _inputs: tuple[Tensor, ...], output: Tensor) -> None:
        shape = tuple(output.shape[1:])
        positions = int(torch.Size(shape[1:]).numel())
        own = positions * module.weight.numel() if isinstance(module, _MULTIPLYING) else 0
        found.append(Cost(name, type(module).__name__, shape, parameters(module), own))

    return count
