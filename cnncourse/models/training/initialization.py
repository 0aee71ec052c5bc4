"""Random first weights whose variance fits the layer: Glorot, He and orthogonal ones, written out.

Var W = 2 / (fan_in + fan_out) (Glorot & Bengio 2010), 2 / fan_in (He et al. 2015), W Wᵀ = I (Saxe et al. 2014).

Chapter: `models/training`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from cnncourse.workbench import checks

Initialization = Callable[[Sequence[int], torch.Generator | None], Tensor]

GAINS = {"linear": 1.0, "tanh": 5 / 3, "relu": math.sqrt(2)}
"""Factors of the standard deviation that make up for what a nonlinearity takes away, as in `nn.init.calculate_gain`."""


def fans(shape: Sequence[int]) -> tuple[int, int]:
    """How many numbers a unit adds up, and how many units a number goes to: (fan_in, fan_out).

    Parameters
    ----------
    shape
        Of the weight: (outputs, inputs) of a linear layer, (filters, channels, K, K) of a convolution, in which each
        pair of filter and channel has K·K weights. With stride 1, and away from the border.

    Raises
    ------
    ValueError
        If the shape has fewer than two axes, or an axis of no length.
    """
    if isinstance(shape, str) or not isinstance(shape, Sequence):
        raise ValueError(f"shape is {shape!r}; give a sequence such as (filters, channels, 3, 3)")
    if len(shape) < 2:
        raise ValueError(f"shape {tuple(shape)} has {len(shape)} axes; a weight has outputs and inputs at least")
    outputs, inputs, *kernel = (checks.whole_number("each size", size, 1, "No axis can be empty.") for size in shape)
    return inputs * math.prod(kernel), outputs * math.prod(kernel)


def glorot(shape: Sequence[int], generator: torch.Generator | None = None) -> Tensor:
    """Uniform weights in ±√(6 / (fan_in + fan_out)), of variance 2 / (fan_in + fan_out); Glorot & Bengio, equation 16.

    A compromise: 1 / fan_in keeps the variance on the way forward, 1 / fan_out on the way back. float32.
    """
    bound = math.sqrt(6 / sum(fans(shape)))
    return torch.empty(*shape).uniform_(-bound, bound, generator=generator)


def he(shape: Sequence[int], generator: torch.Generator | None = None) -> Tensor:
    """Normal weights of variance 2 / fan_in; He et al., equation 10. float32.

    Twice 1 / fan_in, because a ReLU lets half of the mean square through.
    """
    deviation = math.sqrt(2 / fans(shape)[0])
    return torch.empty(*shape).normal_(0, deviation, generator=generator)


def orthogonal(shape: Sequence[int], generator: torch.Generator | None = None, gain: float = 1.0) -> Tensor:
    """`gain` times a random matrix with orthonormal rows, or columns if those are fewer; Saxe et al., section 3.

    A convolution's weight is taken as the matrix (filters, channels·K·K). float32.

    Raises
    ------
    ValueError
        If the shape is none of a weight, or the gain is no finite number.
    """
    checks.number("gain", gain)
    columns, rows = fans(shape)[0], shape[0]
    noise = torch.empty(rows, columns).normal_(generator=generator)
    q, r = torch.linalg.qr(noise if rows >= columns else noise.T)
    q = q * r.diagonal().sign()  # QR has a convention for signs; without it, Q is drawn evenly from all rotations
    weight: Tensor = gain * (q if rows >= columns else q.T).reshape(*shape)
    return weight


def _normal(std: Callable[[int], float]) -> Initialization:
    def draw(shape: Sequence[int], generator: torch.Generator | None = None) -> Tensor:
        deviation = std(fans(shape)[0])  # checks the shape, too
        return torch.empty(*shape).normal_(0, deviation, generator=generator)

    return draw


def _orthogonal_relu(shape: Sequence[int], generator: torch.Generator | None = None) -> Tensor:
    return orthogonal(shape, generator, GAINS["relu"])


INITIALIZATIONS: dict[str, Initialization] = {
    "small": _normal(lambda _: 0.01),  # AlexNet's, for all of its layers
    "unit": _normal(lambda _: 1.0),
    "glorot": glorot,
    "he": he,
    "orthogonal": orthogonal,
    "orthogonal, gain √2": _orthogonal_relu,
}


def initialization(name: str) -> Initialization:
    """One of `INITIALIZATIONS`.

    Raises
    ------
    ValueError
        If there is none of this name; the message lists those that there are.
    """
    if name not in INITIALIZATIONS:
        raise ValueError(f"there is no initialization {name!r}; choose one of {', '.join(INITIALIZATIONS)}")
    return INITIALIZATIONS[name]


@torch.no_grad()
def initialize(network: nn.Module, name: str, seed: int = 0) -> nn.Module:
    """Draw the weights of all convolutions and linear layers anew, set their biases to 0, and return the network.

    Raises
    ------
    ValueError
        If there is no initialization of this name.
    """
    draw = initialization(name)
    generator = torch.Generator().manual_seed(checks.whole_number("seed", seed, 0, "0 is as random as others."))
    for layer in network.modules():
        if isinstance(layer, nn.Conv2d | nn.Linear):
            layer.weight.copy_(draw(tuple(layer.weight.shape), generator))
            if layer.bias is not None:
                layer.bias.zero_()
    return network
