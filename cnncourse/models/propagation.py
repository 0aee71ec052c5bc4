"""How signals travel through deep networks: gradients backwards, layer by layer, and variance forwards, block by block.

Without normalization a residual block doubles the variance, with it each adds one: 2^L against 1 + L (He et al. 2016).

Chapter: `models/resnet`.
"""

from __future__ import annotations

import copy

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from cnncourse.workbench import checks


def gradient_norms(network: nn.Module, images: Tensor, labels: Tensor) -> dict[str, float]:
    """Length of the loss's gradient with respect to the weights of every convolution, first layer first.

    The network sees the batch as in training, normalization by batch statistics included; a copy does the work, so
    that the network stays as it was. Shortcuts with weights of their own (`downsample`) are left out.

    Raises
    ------
    ValueError
        If the images (N, C, H, W) and labels (N,) do not fit together.
    """
    checks.tensor("images", images, "N C H W")
    checks.tensor("labels", labels, "N", N=len(images))
    trial = copy.deepcopy(network).train()
    layers = {name: m for name, m in trial.named_modules() if isinstance(m, nn.Conv2d) and "downsample" not in name}
    with torch.enable_grad():
        loss = F.cross_entropy(trial(images), labels)
        gradients = torch.autograd.grad(loss, [layer.weight for layer in layers.values()])
    return {name: float(gradient.norm()) for name, gradient in zip(layers, gradients, strict=True)}


def gradient_agreement(network: nn.Module, images: Tensor, labels: Tensor, noise: float, seed: int = 0) -> float:
    """Mean cosine between the loss's gradients at pictures and at the same pictures with a little noise added.

    The gradient is that with respect to the images (N, C, H, W), in training mode; a copy does the work.
    1 says that a small step leaves it as it was, 0 that it is *shattered* (Balduzzi et al. 2017).

    Raises
    ------
    ValueError
        If images and labels (N,) do not fit together, or `noise`, the standard deviation, is no number from 0 on.
    """
    checks.tensor("images", images, "N C H W")
    checks.tensor("labels", labels, "N", N=len(images))
    if isinstance(noise, bool) or not isinstance(noise, int | float) or not 0 <= noise < float("inf"):
        raise ValueError(f"noise is {noise!r}; it must be a standard deviation, 0 or larger")
    generator = torch.Generator().manual_seed(checks.whole_number("seed", seed, 0, "0 is as random as others."))
    trial = copy.deepcopy(network).train()
    moved = images + noise * torch.randn(images.shape, generator=generator, dtype=images.dtype)
    here, there = (_image_gradient(trial, batch, labels) for batch in (images, moved))
    return float(F.cosine_similarity(here, there).mean())


def without_normalization(network: nn.Module) -> nn.Module:
    """A copy of a network whose batch normalizations let everything pass unchanged."""
    bare = copy.deepcopy(network)
    for name, module in list(bare.named_modules()):
        if isinstance(module, nn.BatchNorm2d):
            parent, _, child = name.rpartition(".")
            setattr(bare.get_submodule(parent), child, nn.Identity())
    return bare


def residual_variances(blocks: int, *, normalize: bool, width: int = 256, samples: int = 512, seed: int = 0) -> Tensor:
    """Variance of x after each of `blocks` random steps x ← x + W · ReLU(x'), in float64; (blocks + 1,).

    W is drawn as He et al. (2015) do, with variance 2/width, so that W · ReLU(x') has the variance of x'.
    With `normalize` x' is x brought to mean 0 and variance 1 over the samples, as batch normalization does;
    without it x' is x itself.
    """
    checks.whole_number("blocks", blocks, 0, "0 returns the variance of the input alone.")
    checks.whole_number("width", width, 1, "At least one unit.")
    checks.whole_number("samples", samples, 2, "A variance needs two samples.")
    generator = torch.Generator().manual_seed(checks.whole_number("seed", seed, 0, "0 is as random as others."))
    state = torch.randn(samples, width, generator=generator, dtype=torch.float64)
    variances = [state.var()]
    for _ in range(blocks):
        weight = torch.randn(width, width, generator=generator, dtype=torch.float64) * (2 / width) ** 0.5
        seen = F.batch_norm(state, None, None, training=True) if normalize else state
        state = state + F.relu(seen) @ weight.T
        variances.append(state.var())
    return torch.stack(variances)


def _image_gradient(network: nn.Module, images: Tensor, labels: Tensor) -> Tensor:
    with torch.enable_grad():
        images = images.detach().requires_grad_()
        loss = F.cross_entropy(network(images), labels)
        return torch.autograd.grad(loss, images)[0].flatten(1)
