"""The geometry of published networks, bare: one channel, no normalisation, no classifier.

Channels do not enter the receptive field, so that these skeletons see what the full networks see.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from cnncourse.layers.receptive_field.analysis import receptive_field
from cnncourse.layers.receptive_field.field import fields_through

# name kernel/stride/padding of each layer in order; a name with "pool" pools
_VGG_STAGES = {
    "vgg11": (1, 1, 2, 2, 2),
    "vgg13": (2, 2, 2, 2, 2),
    "vgg16": (2, 2, 3, 3, 3),
    "vgg19": (2, 2, 4, 4, 4),
}
_SEQUENCES = {
    # Krizhevsky et al. 2012, with the padding of 2 that makes 224 pixels give 55
    "alexnet": "conv1 11/4/2, pool1 3/2/0, conv2 5/1/2, pool2 3/2/0, "
    "conv3 3/1/1, conv4 3/1/1, conv5 3/1/1, pool5 3/2/0",
    # Zeiler and Fergus 2014, figure 3: maps of 110, 55, 26, 13 and 6
    "zfnet": "conv1 7/2/1, pool1 3/2/1, conv2 5/2/0, pool2 3/2/1, conv3 3/1/1, conv4 3/1/1, conv5 3/1/1, pool5 3/2/0",
    # Simonyan and Zisserman 2015, table 1
    **{
        name: ", ".join(
            ", ".join([*(f"conv{stage}_{n} 3/1/1" for n in range(1, convolutions + 1)), f"pool{stage} 2/2/0"])
            for stage, convolutions in enumerate(stages, start=1)
        )
        for name, stages in _VGG_STAGES.items()
    },
}
# He et al. 2016, table 1: blocks per stage, and whether they are bottlenecks
_RESIDUAL = {
    "resnet18": ((2, 2, 2, 2), False),
    "resnet34": ((3, 4, 6, 3), False),
    "resnet50": ((3, 4, 6, 3), True),
    "resnet101": ((3, 4, 23, 3), True),
    "resnet152": ((3, 8, 36, 3), True),
}
_ORIGINALS = tuple(f"{name}-original" for name, (_, bottleneck) in _RESIDUAL.items() if bottleneck)
PUBLISHED = (*_SEQUENCES, *_RESIDUAL, *_ORIGINALS)


def geometry(network: str) -> dict[str, dict[str, Any]]:
    """Kernel, stride and padding of each layer of a published network, by the layer's name and in order.

    Of a residual network these are the layers on the path through all branches, the one that sees most.

    Raises
    ------
    ValueError
        If `network` is not one of `PUBLISHED`.
    """
    _check(network)
    if network in _RESIDUAL or network in _ORIGINALS:
        return _longest_path(network)
    layers = {}
    for entry in _SEQUENCES[network].split(", "):
        name, numbers = entry.split(" ")
        layers[name] = _arguments(*map(int, numbers.split("/")))
    return layers


def skeleton(network: str) -> nn.Module:
    """Build a published network with one channel, without normalisation and classifier.

    Parameters
    ----------
    network
        One of `PUBLISHED`. The bottlenecks of "resnet50" have their stride in the 3×3 convolution, as frameworks
        ship them; those of "resnet50-original" have it in the first 1×1, as in the paper.

    Raises
    ------
    ValueError
        If there is no such network.
    """
    _check(network)
    if network in _SEQUENCES:
        layers = geometry(network).items()
        return nn.Sequential(OrderedDict((name, _layer(name, arguments)) for name, arguments in layers))
    blocks, bottleneck = _RESIDUAL[network.removesuffix("-original")]
    return _ResidualSkeleton(blocks, bottleneck, stride_first=network.endswith("-original"))


def published_size(network: str, layer: str) -> int:
    """Size of the receptive field of a layer of a published network, for example ``("alexnet", "conv5")``.

    Sequential networks go through the recursion, residual networks through `receptive_field`.
    """
    _check(network)
    if network not in _SEQUENCES:
        return int(receptive_field(skeleton(network)).of(layer).size)
    layers = geometry(network)
    if layer not in layers:
        raise ValueError(f"{network} has no layer {layer!r}; it has {', '.join(layers)}")
    return int(fields_through(list(layers.values()))[list(layers).index(layer) + 1].size)


def _check(network: object) -> None:
    if not isinstance(network, str) or network not in PUBLISHED:
        raise ValueError(f"network is {network!r}; choose one of {', '.join(PUBLISHED)}")


def _arguments(kernel_size: int, stride: int, padding: int) -> dict[str, Any]:
    return {"kernel_size": kernel_size, "stride": stride, "padding": padding}


def _longest_path(network: str) -> dict[str, dict[str, Any]]:
    blocks, bottleneck = _RESIDUAL[network.removesuffix("-original")]
    layers = {"conv1": _arguments(7, 2, 3), "maxpool": _arguments(3, 2, 1)}
    for stage, count in enumerate(blocks, start=1):
        for block in range(count):
            stride = 2 if stage > 1 and block == 0 else 1
            for number, kernel, step in _branch(stride, bottleneck, network in _ORIGINALS):
                layers[f"layer{stage}.{block}.conv{number}"] = _arguments(kernel, step, kernel // 2)
    return layers


def _branch(stride: int, bottleneck: bool, stride_first: bool) -> list[tuple[int, int, int]]:
    """Number, kernel and stride of each convolution of a residual block."""
    if not bottleneck:
        return [(1, 3, stride), (2, 3, 1)]
    first, second = (stride, 1) if stride_first else (1, stride)
    return [(1, 1, first), (2, 3, second), (3, 1, 1)]


def _layer(name: str, arguments: dict[str, Any]) -> nn.Module:
    return nn.MaxPool2d(**arguments) if "pool" in name else nn.Conv2d(1, 1, **arguments)


class _Block(nn.Module):
    """Two 3×3 convolutions, or 1×1, 3×3 and 1×1, with a shortcut around them."""

    def __init__(self, stride: int, bottleneck: bool, stride_first: bool, **dd: Any) -> None:
        super().__init__()
        convolutions = [
            nn.Conv2d(1, 1, kernel, step, kernel // 2, **dd)
            for _, kernel, step in _branch(stride, bottleneck, stride_first)
        ]
        self.branch = nn.Sequential(*convolutions)
        self.shortcut = nn.Conv2d(1, 1, 1, stride, **dd) if stride > 1 else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.branch(x) + self.shortcut(x))


class _ResidualSkeleton(nn.Module):
    def __init__(
        self,
        blocks: tuple[int, ...],
        bottleneck: bool,
        stride_first: bool,
        device: torch.device | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        dd = {"device": device, "dtype": dtype}
        super().__init__()
        self.conv1 = nn.Conv2d(1, 1, 7, 2, 3, **dd)  # type: ignore[arg-type]
        self.maxpool = nn.MaxPool2d(3, 2, 1)
        for stage, count in enumerate(blocks, start=1):
            strides = [1 if stage == 1 else 2] + [1] * (count - 1)
            parts = [_Block(stride, bottleneck, stride_first, **dd) for stride in strides]
            setattr(self, f"layer{stage}", nn.Sequential(*parts))

    def forward(self, x: Tensor) -> Tensor:
        x = self.maxpool(F.relu(self.conv1(x)))
        for stage in range(1, 5):
            x = getattr(self, f"layer{stage}")(x)
        return x
