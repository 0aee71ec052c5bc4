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
PUBLISHED = (
    *_SEQUENCES,
    *_RESIDUAL,
    *(f"{name}-original" for name, (_, bottleneck) in _RESIDUAL.items() if bottleneck),
)


def geometry(network: str) -> dict[str, dict[str, Any]]:
    """Kernel, stride and padding of each layer of a published sequential network, by the layer's name.

    Raises
    ------
    ValueError
        If `network` is not the name of one: "alexnet", "zfnet", "vgg11", "vgg13", "vgg16" or "vgg19".
    """
    if not isinstance(network, str) or network not in _SEQUENCES:
        raise ValueError(f"network is {network!r}; choose one of {', '.join(_SEQUENCES)}")
    layers = {}
    for entry in _SEQUENCES[network].split(", "):
        name, numbers = entry.split(" ")
        layers[name] = dict(zip(("kernel_size", "stride", "padding"), map(int, numbers.split("/")), strict=True))
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
    if not isinstance(network, str) or network not in PUBLISHED:
        raise ValueError(f"network is {network!r}; choose one of {', '.join(PUBLISHED)}")
    if network in _SEQUENCES:
        layers = geometry(network).items()
        return nn.Sequential(OrderedDict((name, _layer(name, arguments)) for name, arguments in layers))
    blocks, bottleneck = _RESIDUAL[network.removesuffix("-original")]
    return _ResidualSkeleton(blocks, bottleneck, stride_first=network.endswith("-original"))


def published_size(network: str, layer: str) -> int:
    """Size of the receptive field of a layer of a published network, for example ``("alexnet", "conv5")``.

    Sequential networks go through the recursion, residual networks through `receptive_field`.
    """
    if network not in _SEQUENCES:
        return int(receptive_field(skeleton(network)).of(layer).size)
    layers = geometry(network)
    if layer not in layers:
        raise ValueError(f"{network} has no layer {layer!r}; it has {', '.join(layers)}")
    return int(fields_through(list(layers.values()))[list(layers).index(layer) + 1].size)


def _layer(name: str, arguments: dict[str, Any]) -> nn.Module:
    return nn.MaxPool2d(**arguments) if "pool" in name else nn.Conv2d(1, 1, **arguments)


class _Block(nn.Module):
    """Two 3×3 convolutions, or 1×1, 3×3 and 1×1, with a shortcut around them."""

    def __init__(self, stride: int, bottleneck: bool, stride_first: bool, **dd: Any) -> None:
        super().__init__()
        strides = (stride, 1, 1) if stride_first or not bottleneck else (1, stride, 1)
        kernels = (1, 3, 1) if bottleneck else (3, 3)
        convolutions = [
            nn.Conv2d(1, 1, kernel, step, kernel // 2, **dd) for kernel, step in zip(kernels, strides, strict=False)
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
