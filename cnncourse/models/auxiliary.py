"""Where an early layer's gradient comes from while GoogLeNet trains: L = L₀ + 0.3·(L₁ + L₂) (Szegedy et al. 2015, §5).

Chapter: `models/googlenet`.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from cnncourse.models.googlenet import GoogLeNet, GoogLeNetOutputs

WEIGHT = 0.3


def gradient_norms(network: GoogLeNet, images: Tensor, labels: Tensor) -> dict[str, float]:
    """Norms of the gradient of the first convolution's weights.

    Parameters
    ----------
    network
        In training mode, with auxiliary classifiers; its gradients stay as they are.
    images
        (N, C, H, W).
    labels
        (N,), class numbers.

    Returns
    -------
    dict
        ``"output"``: the loss at the end alone. ``"middle"``: the two auxiliary losses alone, weighted as in training.
        ``"all"``: their sum, what training uses.

    Raises
    ------
    ValueError
        If the network does not answer with its auxiliary classifiers.
    """
    outputs = network(images)
    if not isinstance(outputs, GoogLeNetOutputs):
        raise ValueError("the network answers without its auxiliary classifiers. Build it with them and call .train()")
    last = F.cross_entropy(outputs.logits, labels)
    middle = WEIGHT * (F.cross_entropy(outputs.aux_logits1, labels) + F.cross_entropy(outputs.aux_logits2, labels))
    weight = network.conv1.conv.weight
    (from_last,) = torch.autograd.grad(last, weight, retain_graph=True)
    (from_middle,) = torch.autograd.grad(middle, weight)
    parts = {"output": from_last, "middle": from_middle, "all": from_last + from_middle}
    return {name: float(gradient.double().norm()) for name, gradient in parts.items()}


def _gaussian(weight: Tensor) -> Tensor:
    return nn.init.normal_(weight, std=0.01)


def _he(weight: Tensor) -> Tensor:
    return nn.init.kaiming_normal_(weight, nonlinearity="relu")


INITIALIZATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "Gaussian, 0.01": _gaussian,
    "Glorot": nn.init.xavier_uniform_,
    "He": _he,
}


def initialized(network: GoogLeNet, name: str) -> GoogLeNet:
    """The same network with all weights drawn anew: by `"Gaussian, 0.01"` as in AlexNet, by `"Glorot"` or by `"He"`.

    Biases become 0. Draws from torch's own generator.

    Raises
    ------
    ValueError
        If there is no such initialization; the message lists the names.
    """
    if name not in INITIALIZATIONS:
        raise ValueError(f"there is no initialization {name!r}; choose one of {', '.join(INITIALIZATIONS)}")
    for layer in network.modules():
        if isinstance(layer, nn.Conv2d | nn.Linear):
            INITIALIZATIONS[name](layer.weight)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)
    return network
