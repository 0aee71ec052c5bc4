"""The compressed SqueezeNet as one small file for the page: shared values, codes and gaps, deflated as a whole.

A fire module's two expanding layers are one layer of 3×3 windows there, because a weight that is zero costs nothing.

Chapter: `applications/own_picture`.
"""

from __future__ import annotations

import json
import struct
import zlib
from collections.abc import Iterator
from functools import cache
from typing import Any

import torch
from torch import Tensor, nn

from cnncourse.applications.own_picture.log import measured
from cnncourse.models.deep_compression import encode
from cnncourse.models.page_format import write_network
from cnncourse.models.pretrained import Checkpoint, checkpoint
from cnncourse.models.squeezenet import Fire, SqueezeNet

PREFERRED, FALLBACK = "squeezenet_compressed", "vgg_cifar10"
Entry = dict[str, Any]


@cache
def page_network() -> str:
    """Name of the network that the page gets: the compressed SqueezeNet, or our own where that cannot be fetched."""
    try:
        checkpoint(PREFERRED).load(torch.device("cpu"))
    except FileNotFoundError:
        return FALLBACK
    return PREFERRED


@cache
def page_file() -> bytes:
    """The file of the network that the page gets."""
    return write_compressed(PREFERRED) if page_network() == PREFERRED else write_network(FALLBACK)


def write_compressed(name: str = PREFERRED) -> bytes:
    """The file of a SqueezeNet whose layers have at most 255 different weights besides zero.

    It begins with the length of the header (4 bytes, little-endian) and the header as JSON; the rest is what
    `deep_compression.encode` makes of the weights, deflated (RFC 1950).

    Raises
    ------
    FileNotFoundError
        If its weights are not on this machine and cannot be fetched.
    ValueError
        If there is no such checkpoint, its network is no SqueezeNet, or its weights are not shared.
    """
    one = checkpoint(name)
    network = one.load(torch.device("cpu"))
    if not isinstance(network, SqueezeNet):
        raise ValueError(f"{name} is a {type(network).__name__}; this format is made for SqueezeNets")
    header = json.dumps(_header(one, network), ensure_ascii=False, separators=(",", ":")).encode()
    return struct.pack("<I", len(header)) + header + zlib.compress(encode(network.state_dict()), 9)


def _header(one: Checkpoint, network: SqueezeNet) -> Entry:
    side = one.preprocess.crop
    return {
        "name": one.name,
        "format": "shared values, codes and gaps",
        "input": {"channels": network.in_channels, "height": side, "width": side},
        "resize": one.preprocess.resize,
        "mean": list(one.preprocess.mean),
        "std": list(one.preprocess.std),
        "classes": list(one.classes()),
        "layers": list(_entries(network)),
        **page_limits(one.name),
    }


def page_limits(name: str) -> Entry:
    """What the page must know to speak carefully: the temperature, and the evidence that most known pictures reach."""
    entry = measured()["networks"][name]
    return {"temperature": entry["temperature"], "threshold": entry["threshold"]}


def _entries(network: SqueezeNet) -> Iterator[Entry]:
    called = {path: name for name, path in network.places.items()}
    for index, module in enumerate(network.features):
        name = called[f"features.{index}"]
        if isinstance(module, Fire):
            yield _convolution(f"{name} squeeze", module.squeeze)
            yield _convolution(f"{name} expand", module.expand1x1, module.expand3x3)
        elif isinstance(module, nn.Conv2d):
            yield _convolution(name, module)
        elif isinstance(module, nn.MaxPool2d):
            yield {"name": name, "kind": "maximum", "window": module.kernel_size, "stride": module.stride}
    yield _convolution("conv10", *(layer for layer in network.classifier if isinstance(layer, nn.Conv2d)))
    yield {"name": "pool10", "kind": "average"}


def _convolution(name: str, *layers: nn.Conv2d) -> Entry:
    """One layer for the page out of layers that stand side by side; a rectifier follows each."""
    largest = max(layers, key=lambda layer: layer.kernel_size[0])
    parts = [{"outputs": layer.out_channels, "window": layer.kernel_size[0]} for layer in layers]
    window, stride, padding = largest.kernel_size[0], largest.stride[0], largest.padding[0]
    return {
        "name": name,
        "kind": "convolution",
        "window": window,
        "stride": stride,
        "padding": int(padding),
        "parts": parts,
    }


def kilobytes() -> int:
    """Size of the compressed network's file, in units of 1,000 bytes."""
    return round(len(write_compressed()) / 1000)


def multiplications(sparse: bool) -> int:
    """Millions of multiplications for one picture: by all weights, or by those that are not zero."""
    one = checkpoint(PREFERRED)
    network = one.load(torch.device("cpu"))
    counts: list[int] = []

    def count(module: nn.Module, _inputs: object, maps: Tensor) -> None:
        weight = module.get_parameter("weight")
        counts.append((int((weight != 0).sum()) if sparse else weight.numel()) * maps.shape[2] * maps.shape[3])

    hooks = [m.register_forward_hook(count) for m in network.modules() if isinstance(m, nn.Conv2d)]
    side = one.preprocess.crop
    with torch.inference_mode():
        network(torch.zeros(1, network.in_channels, side, side))
    for hook in hooks:
        hook.remove()
    return round(sum(counts) / 1e6)
