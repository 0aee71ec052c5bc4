"""How large numbers and gradients are after many random layers: z ← W f(z), and δ ← f′(z) Wᵀδ on the way back.

With variances 1 / fan_in times gain², each layer multiplies the variance by a constant (Glorot & Bengio 2010).

Chapter: `models/training`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from cnncourse.models.training.initialization import initialization
from cnncourse.workbench import checks

ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "linear": lambda values: values,
    "tanh": torch.tanh,
    "relu": torch.relu,
}


@dataclass(frozen=True)
class Signals:
    """Mean squares, layer by layer, float64.

    `forward` (depth + 1,) begins with the input and goes on with the sums z of each layer, before the nonlinearity;
    `backward` (depth + 1,) has the gradient with respect to each of them. The last one is 1: what is sent back.
    """

    forward: Tensor
    backward: Tensor


def signals(
    depth: int, activation: str, initialization: str, *, width: int = 256, samples: int = 256, seed: int = 0
) -> Signals:
    """Send random numbers through `depth` fresh layers of `width` units, and a random gradient back.

    Inputs are normal with variance 1. There are no biases. Means of the sums are zero up to chance, so that their mean
    square is their variance.

    Raises
    ------
    ValueError
        If there is no such activation or initialization, or a size is none.
    """
    function = _activation(activation)
    weights, generator = _weights(depth, initialization, width, seed)
    checks.whole_number("samples", samples, 1, "A mean needs a sample.")
    sums = [torch.randn(samples, width, generator=generator, dtype=torch.float64).requires_grad_()]
    with torch.enable_grad():
        for weight in weights:
            sums.append(function(sums[-1]) @ weight.T)
        sent = torch.randn(samples, width, generator=generator, dtype=torch.float64)
        gradients = torch.autograd.grad(sums[-1], sums, sent / sent.square().mean().sqrt())
    return Signals(*(torch.stack([t.detach().square().mean() for t in found]) for found in (sums, gradients)))


def singular_values(depth: int, activation: str, initialization: str, *, width: int = 64, seed: int = 0) -> Tensor:
    """Singular values of ∂z_depth / ∂z_0 at one random input, largest first, float64 (width,).

    By how much a small step of the input is stretched, direction by direction. Where all are 1, no direction is lost
    (*dynamical isometry*, Saxe et al. 2014).

    Raises
    ------
    ValueError
        As in `signals`.
    """
    function = _activation(activation)
    weights, generator = _weights(depth, initialization, width, seed)
    state = torch.randn(width, generator=generator, dtype=torch.float64)
    product = torch.eye(width, dtype=torch.float64)
    for weight in weights:
        with torch.enable_grad():
            here = state.requires_grad_()
            passed = function(here)
            (slopes,) = torch.autograd.grad(passed.sum(), here)
        product = weight @ (slopes[:, None] * product)
        state = weight @ passed.detach()
    values: Tensor = torch.linalg.svdvals(product)
    return values


def _activation(name: str) -> Callable[[Tensor], Tensor]:
    if name not in ACTIVATIONS:
        raise ValueError(f"there is no activation {name!r}; choose one of {', '.join(ACTIVATIONS)}")
    return ACTIVATIONS[name]


def _weights(depth: int, name: str, width: int, seed: int) -> tuple[list[Tensor], torch.Generator]:
    draw = initialization(name)
    checks.whole_number("depth", depth, 1, "There must be a layer to pass.")
    checks.whole_number("width", width, 1, "At least one unit.")
    generator = torch.Generator().manual_seed(checks.whole_number("seed", seed, 0, "0 is as random as others."))
    return [draw((width, width), generator).double() for _ in range(depth)], generator
