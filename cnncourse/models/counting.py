"""What the networks of this part cost, by name: parameters, multiply-adds, values kept, "neurons".

The counting itself is that of `cnncourse.layers.budget`; here it is asked about whole networks at their own size.

Chapter: `models/alexnet`.
"""

from __future__ import annotations

from typing import Any

from torch import nn

from cnncourse.layers.budget import Budget, count
from cnncourse.models.catalogue import build, native_size

_WEIGHTED = ("Conv2d", "SparseConvolution", "Linear")
_POOLING = ("MaxPool2d", "AvgPool2d", "Subsampling")


def parameters(module: nn.Module) -> int:
    """Number of trainable parameters."""
    return sum(parameter.numel() for parameter in module.parameters() if parameter.requires_grad)


def weights(module: nn.Module) -> int:
    """Number of trainable parameters without biases and normalization."""
    return sum(parameter.numel() for parameter in module.parameters() if parameter.dim() > 1)


def budget_of(name: str, size: int | None = None, **options: Any) -> Budget:
    """The costs of every layer of a network of the catalogue, for one square image, at its own size unless told."""
    network = build(name, device="meta", **options)
    side = native_size(name) if size is None else size
    return count(network, (1, network.in_channels, side, side))


def parameters_of(name: str, part: str = "", **options: Any) -> int:
    """Parameters of a network of the catalogue, or of one of its modules."""
    return parameters(build(name, device="meta", **options).get_submodule(part))


def multiply_adds_of(name: str, size: int | None = None, **options: Any) -> int:
    """Multiply-adds of a network of the catalogue for one image."""
    return budget_of(name, size, **options).multiply_adds


def activations_of(name: str, size: int | None = None) -> int:
    """Values of the image and of all convolutions, poolings and linear layers: what training has to keep."""
    rows = budget_of(name, size).rows
    return rows[0].activations + sum(row.activations for row in rows if row.kind in _WEIGHTED + _POOLING)


def neurons_of(name: str) -> int:
    """Outputs of the convolutions and linear layers of a network for one image: its "neurons"."""
    return sum(row.activations for row in budget_of(name).rows if row.kind in _WEIGHTED)
