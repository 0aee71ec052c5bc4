"""Which pixels count for a class? The gradient of its logit, times the picture, or coarse by Grad-CAM.

gradient  s = max over c of |∂y/∂x_c|   (Simonyan et al. 2014)
Grad-CAM  ReLU(Σ_k α_k A_k),  α_k = mean over places of ∂y/∂A_k   (Selvaraju et al. 2017)

Chapter: `visualization/saliency`.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from cnncourse.visualization.deconvnet import rectifying
from cnncourse.visualization.taps import evaluating, pictures, watching
from cnncourse.workbench import checks

Target = int | Sequence[int] | Tensor | None


def gradient(network: nn.Module, images: Tensor, target: Target = None, rule: str = "gradient") -> Tensor:
    """Derivative of a class's logit with respect to each value of the picture, (N, C, H, W).

    It claims: changed a little, these values would change the logit most. It does not claim that they made the logit as
    high as it is: where a unit is saturated the gradient is zero however important it was. With another `rule`
    (`deconvnet.RULES`) it is no derivative any more.

    Parameters
    ----------
    network
        Any module that returns logits (N, K); run in evaluation mode.
    images
        (N, C, H, W), prepared.
    target
        Class of all pictures, or one for each; without it, the class with the largest logit.

    Raises
    ------
    TypeError, ValueError
        If there is no such class, the pictures are none, or the logits do not depend on them.
    """
    leaf = pictures(network, images).clone().requires_grad_()
    with torch.enable_grad(), evaluating(network), rectifying(rule):
        logits = _logits(network(leaf + 0), leaf)
    chosen = logits.gather(1, classes(logits, target)[:, None]).sum()
    (found,) = torch.autograd.grad(chosen, leaf, allow_unused=True)
    if found is None:
        raise ValueError("the logits do not depend on the picture")
    return found.detach()


def magnitude(maps: Tensor) -> Tensor:
    """One value for each pixel: the largest absolute value over the channels, (N, C, H, W) → (N, H, W)."""
    return checks.tensor("maps", maps, "N C H W").abs().amax(dim=1)


def gradient_times_input(network: nn.Module, images: Tensor, target: Target = None) -> Tensor:
    """Gradient times the value that is there, (N, C, H, W), with its sign.

    It claims: to first order, so much would the logit lose if the value were 0. What 0 means is decided by the
    preprocessing (the mean colour after normalization), and to first order is seldom far enough. For a network of
    convolutions, ReLU and max pooling without biases the values add up to the logit exactly.
    """
    return gradient(network, images, target) * pictures(network, images)


def grad_cam(
    network: nn.Module, images: Tensor, layer: str, target: Target = None, size: Sequence[int] | None = None
) -> Tensor:
    """Where a layer's maps speak for a class, (N, H', W') or, enlarged, (N, *size); never negative.

    It claims: maps whose mean gradient is positive are strong here. It does not show single pixels, since a value
    stands for all that its unit can see, it does not show what speaks against the class, and it assumes that
    one weight holds for all places of a map, which is exact only where global average pooling follows.

    Parameters
    ----------
    network, images, target
        As in `gradient`.
    layer
        A layer with maps (N, C, H', W'), usually the last convolution or its ReLU.
    size
        (H, W) to enlarge to, bilinear.

    Raises
    ------
    TypeError, ValueError
        As in `gradient`, and if the layer has no maps or the logits do not depend on it.
    """
    batch = pictures(network, images)
    with torch.enable_grad(), evaluating(network), watching(network, [layer]) as found:
        logits = _logits(network(batch.clone().requires_grad_() + 0), batch)
    maps = found.get(layer)
    if maps is None or maps.dim() != 4:
        shape = "nothing" if maps is None else f"shape {tuple(maps.shape)}"
        raise ValueError(f"{layer!r} returned {shape}; Grad-CAM needs maps (N, C, H, W)")
    chosen = logits.gather(1, classes(logits, target)[:, None]).sum()
    (slopes,) = torch.autograd.grad(chosen, maps, allow_unused=True)
    if slopes is None:
        raise ValueError(f"the logits do not depend on {layer!r}")
    weights = slopes.mean(dim=(2, 3), keepdim=True)
    heat = (weights * maps).sum(dim=1, keepdim=True).relu().detach()  # (N, 1, H', W')
    if size is not None:
        wanted = checks.pair("size", size, 1, "Give (height, width) of the picture.")
        heat = F.interpolate(heat, size=wanted, mode="bilinear", align_corners=False)
    return heat[:, 0]


def classes(logits: Tensor, target: Target) -> Tensor:
    """The class of each picture as int64 (N,): `target`, or the one with the largest logit."""
    number = logits.shape[1]
    if target is None:
        return logits.argmax(dim=1)
    given = target.tolist() if isinstance(target, Tensor) else target
    if isinstance(given, str) or not isinstance(given, int | Sequence):
        raise ValueError(f"target is {target!r}; give the number of a class, or one for each picture")
    listed = [given] * len(logits) if isinstance(given, int) else list(given)
    if len(listed) != len(logits):
        raise ValueError(f"target has {len(listed)} classes for {len(logits)} pictures")
    for one in listed:
        checks.whole_number("target", one, 0, f"There are {number} classes, counted from 0.")
        if one >= number:
            raise ValueError(f"target is {one}; there are {number} classes, counted from 0")
    return torch.tensor(listed, device=logits.device, dtype=torch.int64)


def _logits(output: object, images: Tensor) -> Tensor:
    if not isinstance(output, Tensor) or output.dim() != 2 or len(output) != len(images):
        shape = tuple(output.shape) if isinstance(output, Tensor) else type(output).__name__
        raise ValueError(f"the network returns {shape}; logits (N, classes) are needed")
    if not output.requires_grad:
        raise ValueError("the logits do not depend on the picture, or the network computes without gradients")
    return output
