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


def neurons_of(name: str, layer: str = "") -> int:
    """Outputs of the convolutions and linear layers of a network for one image, or of one of them: its "neurons"."""
    rows = [row for row in budget_of(name).rows if row.kind in _WEIGHTED and layer in ("", row.name)]
    if not rows:
        raise ValueError(f"{name} has no convolution or linear layer {layer!r}")
    return sum(row.activations for row in rows)


def share_of(name: str, cost: str, layers: str) -> float:
    """Share in per cent of a network's ``"parameters"``, ``"multiply_adds"`` or ``"activations"`` in some layers.

    Parameters
    ----------
    layers
        A kind, for example ``"Linear"``, or the name of one layer, for example ``"features.0"``.

    Raises
    ------
    ValueError
        If the cost is none of these, or the network has no such layer.
    """
    budget = budget_of(name)
    part = [row for row in budget.rows if layers in (row.kind, row.name)]
    if cost not in ("parameters", "multiply_adds", "activations") or not part:
        raise ValueError(
            f"cost is {cost!r} and layers {layers!r}; choose parameters, multiply_adds or activations, and one of "
            + ", ".join(sorted({row.kind for row in budget.rows if row.kind} | {row.name for row in budget.rows}))
        )
    return 100 * float(sum(getattr(row, cost) for row in part)) / float(getattr(budget, cost))


def ungrouped_parameters_of(name: str, part: str = "") -> int:
    """Parameters that a network, or one of its modules, would have if each filter saw all maps of the layer below."""
    module = build(name, device="meta").get_submodule(part)
    convolutions = [layer for layer in module.modules() if isinstance(layer, nn.Conv2d)]
    return parameters(module) + sum((layer.groups - 1) * layer.weight.numel() for layer in convolutions)
