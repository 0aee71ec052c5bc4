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
