"""Batch normalization, written out: x̂ = (x − μ) / √(σ² + ε), y = γ x̂ + β for each channel (Ioffe & Szegedy 2015).

In training μ and σ² come from the batch, afterwards from running averages: then it is linear, and folds away.

Chapter: `models/training`.
"""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn

from cnncourse.workbench import checks


def batch_norm(
    maps: Tensor,
    weight: Tensor,
    bias: Tensor,
    running_mean: Tensor,
    running_var: Tensor,
    *,
    training: bool,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> tuple[Tensor, Tensor, Tensor]:
    """Normalize each channel, and return (result, running mean, running variance); nothing is changed in place.

    In training the mean and the variance of a channel are those of its N·H·W values, and the running averages move
    towards them by `momentum`. The batch is divided by the root of the *biased* variance (sum / n), while the running
    average gets the *unbiased* one (sum / (n − 1)). Else the running averages are used, and stay.

    Parameters
    ----------
    maps
        (N, C, H, W), floating point.
    weight, bias
        γ and β, (C,).
    running_mean, running_var
        (C,).
    momentum
        Share of the new statistics in the running averages, in [0, 1].

    Raises
    ------
    TypeError, ValueError
        If shapes or types do not fit, `momentum` or `eps` is out of range, or in training a channel has fewer than two
        values: its variance would be zero and the result β, whatever the maps are.
    """
    checks.tensor("maps", maps, "N C H W")
    if not maps.is_floating_point():
        raise TypeError(f"maps are {maps.dtype}; convert them with `.float()`")
    parts = {"weight": weight, "bias": bias, "running_mean": running_mean, "running_var": running_var}
    for name, part in parts.items():
        checks.tensor(name, part, "C", C=maps.shape[1])
    checks.alike(maps=maps, **parts)
    checks.number("momentum", momentum, 0, 1)
    checks.number("eps", eps, 0)
    if training:
        count = maps.shape[0] * maps.shape[2] * maps.shape[3]
        if count < 2:
            raise ValueError(
                f"maps of shape {tuple(maps.shape)} have too few values per channel ({count}); a variance needs two. "
                "Use larger batches, or the running averages."
            )
        mean = maps.mean(dim=(0, 2, 3))
        variance = (maps - _wide(mean)).square().mean(dim=(0, 2, 3))  # divided by n, not by n − 1
        running_mean = (1 - momentum) * running_mean + momentum * mean.detach()
        running_var = (1 - momentum) * running_var + momentum * variance.detach() * count / (count - 1)
    else:
        mean, variance = running_mean, running_var
    normalized = (maps - _wide(mean)) / (_wide(variance) + eps).sqrt()
    return _wide(weight) * normalized + _wide(bias), running_mean, running_var


@torch.no_grad()
def fold(convolution: nn.Conv2d, normalization: nn.BatchNorm2d) -> nn.Conv2d:
    """The one convolution that does what a convolution and the normalization after it do in evaluation mode.

    w′ = w · γ / √(σ² + ε) for each filter, b′ = β + (b − μ) · γ / √(σ² + ε), with the running averages μ and σ².

    Raises
    ------
    ValueError
        If the normalization has no running averages, or another number of channels.
    """
    mean, variance = normalization.running_mean, normalization.running_var
    if mean is None or variance is None:
        raise ValueError("this normalization keeps no running averages; it has no fixed scale that could be folded in")
    if len(mean) != convolution.out_channels:
        raise ValueError(
            f"the convolution has {convolution.out_channels} filters, but the normalization has {len(mean)} channels"
        )
    scale = (variance + normalization.eps).rsqrt()
    shift = -mean * scale
    if normalization.affine:
        scale, shift = scale * normalization.weight, shift * normalization.weight + normalization.bias
    folded = copy.deepcopy(convolution)
    folded.weight.mul_(_filters(scale))
    before = 0 if convolution.bias is None else convolution.bias * scale
    folded.bias = nn.Parameter(shift + before)
    return folded


def _wide(channels: Tensor) -> Tensor:
    return channels[None, :, None, None]


def _filters(scale: Tensor) -> Tensor:
    return scale[:, None, None, None]
