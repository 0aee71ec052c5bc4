"""Does an explanation depend on what was learned? Randomize the weights from the top, and compare the maps.

score of a layer = rank correlation of |map of the trained network| and |map with all layers from there up randomized|
(Adebayo et al. 2018, section 3.1: cascading randomization)

Chapter: `visualization/deconvnet`.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Collection, Iterator
from functools import cache

import torch
from torch import Tensor, nn

from cnncourse.models.pretrained import checkpoint, load
from cnncourse.visualization.saliency import gradient, magnitude
from cnncourse.visualization.taps import in_order, pictures
from cnncourse.workbench import checks, photograph

STAGES = ("fc", "layer4.0.conv1", "layer3.0.conv1", "layer2.0.conv1", "layer1.0.conv1", "conv1")
PHOTOGRAPHS_SHOWN = ("astronaut", "chelsea", "coffee", "motorcycle", "rocket")
_Norm = nn.modules.batchnorm._BatchNorm


def rank_correlation(first: Tensor, second: Tensor) -> float:
    """Spearman's rank correlation of the absolute values of two maps of one shape, between −1 and 1.

    Equal values share their mean rank. A map whose absolute values are all equal orders nothing: the result is 0.

    Raises
    ------
    TypeError, ValueError
        If they are not finite tensors of one shape with at least two values.
    """
    for name, value in (("first", first), ("second", second)):
        if not isinstance(value, Tensor):
            raise TypeError(f"{name} is a {type(value).__name__}; it must be a tensor")
        if not value.isfinite().all():
            raise ValueError(f"{name} has values that are not finite")
    if first.shape != second.shape or first.numel() < 2:
        raise ValueError(
            f"first is {tuple(first.shape)} and second {tuple(second.shape)}; two maps of one shape, please"
        )
    a, b = (_ranks(value.detach().abs().flatten().cpu()) for value in (first, second))
    spread = float(a.norm() * b.norm())
    return float(a @ b) / spread if spread > 0 else 0.0


def randomized_from_the_top(
    network: nn.Module, images: Tensor, seed: int = 0, at: Collection[str] | None = None
) -> Iterator[tuple[str, nn.Module]]:
    """A copy of the network whose layers lose their weights one after the other, the last one first.

    Kernels and matrices get normal values of variance 2 / fan-in (He et al. 2015), biases 0, scales 1. Batch
    normalization above and at the layer estimates its statistics anew on `images`, or it would undo or overdo its work.

    Parameters
    ----------
    network
        The trained network; it is not changed.
    images
        (N, C, H, W), prepared.
    seed
        For the random weights.
    at
        Paths of the layers to stop at; without it, each layer that has parameters.

    Yields
    ------
    name, network
        Path of the layer randomized last, and the copy in evaluation mode; the same object each time, so use it
        before you go on.
    """
    checks.whole_number("seed", seed, 0, "Any whole number makes the result repeatable.")
    order = in_order(network, images)
    if at is not None and (unknown := sorted(set(at) - set(order))):
        raise ValueError(f"at has {', '.join(map(repr, unknown))}; layers with parameters are {', '.join(order)}")
    copied = copy.deepcopy(network).eval()
    generator = torch.Generator().manual_seed(seed)
    touched: list[nn.Module] = []
    for path in reversed(order):
        touched.append(copied.get_submodule(path))
        _randomize(touched[-1], generator)
        if at is None or path in at:
            _estimate_statistics(copied, touched, images)
            yield path, copied


def sanity_check(
    network: nn.Module,
    images: Tensor,
    explain: Callable[[nn.Module, Tensor], Tensor],
    seed: int = 0,
    at: Collection[str] | None = None,
) -> dict[str, float]:
    """Rank correlation of an explanation before and after the layers are randomized, cascading from the top.

    Parameters
    ----------
    network, images, seed, at
        As in `randomized_from_the_top`.
    explain
        Maps a network and pictures to maps (N, ...), for example
        ``lambda net, x: project(net, x, channel=3, rule="guided")``.

    Returns
    -------
    dict
        Mean over the pictures by the path of the layer, the last layer first. Near 1, the explanation does not
        care what the layer learned; near 0, it does.
    """
    trained = explain(network, images)
    return {
        path: sum(map(rank_correlation, trained, explain(other, images))) / len(trained)
        for path, other in randomized_from_the_top(network, images, seed, at)
    }


@cache
def _scores(rule: str) -> dict[str, float]:
    network = load("resnet18_clothing", torch.device("cpu"))
    prepare = checkpoint("resnet18_clothing").preprocess
    images = prepare(torch.stack([photograph(name, 112) for name in PHOTOGRAPHS_SHOWN]))
    with torch.no_grad():
        answers = network(images).argmax(dim=1)
    return sanity_check(network, images, lambda net, x: magnitude(gradient(net, x, answers, rule)), at=STAGES)


def score_on_photographs(rule: str, layer: str) -> float:
    """`sanity_check` of a rule at one of `STAGES`: the course's ResNet-18 for clothes on five bundled photographs."""
    if layer not in STAGES:
        raise ValueError(f"layer is {layer!r}; choose one of {', '.join(STAGES)}")
    return _scores(rule)[layer]


def _ranks(values: Tensor) -> Tensor:
    """Ranks around their mean, float64; equal values share one."""
    different: tuple[Tensor, Tensor, Tensor] = torch.unique(values, return_inverse=True, return_counts=True)
    _, which, counts = different
    ends = counts.double().cumsum(0)
    ranks = (ends - (counts.double() - 1) / 2)[which]
    return ranks - ranks.mean()


def _randomize(module: nn.Module, generator: torch.Generator) -> None:
    with torch.no_grad():
        for name, parameter in module.named_parameters(recurse=False):
            if parameter.dim() > 1:
                values = torch.randn(parameter.shape, generator=generator) * math.sqrt(2 / parameter[0].numel())
                parameter.copy_(values)
            else:
                parameter.fill_(1.0 if name == "weight" else 0.0)


def _estimate_statistics(network: nn.Module, touched: list[nn.Module], images: Tensor) -> None:
    norms = [module for module in touched if isinstance(module, _Norm)]
    momenta = [norm.momentum for norm in norms]
    try:
        for norm in norms:
            norm.reset_running_stats()
            norm.momentum = None  # the plain mean over what follows
            norm.train()
        with torch.no_grad():
            network(pictures(network, images))
    finally:
        for norm, momentum in zip(norms, momenta, strict=True):
            norm.momentum = momentum
            norm.eval()
