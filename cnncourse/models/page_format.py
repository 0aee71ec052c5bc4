"""A trained network as one small file that a page reads: weights of 16 bits, batch normalization folded.

Normalization after a convolution is one factor γ/√(σ²+ε) and one shift for each channel (Ioffe & Szegedy 2015); the
file keeps factor and bias in 32 bits beside the weights, so that folding rounds nothing.

Chapter: `visualization/activations`.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from cnncourse.models.network import Network
from cnncourse.models.pretrained import Checkpoint, checkpoint

Entry = dict[str, Any]


def write_network(name: str) -> bytes:
    """The file of a checkpoint, for example ``"lenet_mnist"`` or ``"vgg_cifar10"``.

    It begins with the length of the header (4 bytes, little-endian) and the header as JSON: name, input, mean, std,
    classes and layers. Then come, for each layer with weights, float16 weights (outputs, fan), float32 factors and
    float32 biases, one of each for an output; all little-endian.

    Raises
    ------
    ValueError
        If there is no such checkpoint, or its network is no chain of layers that the page knows.
    """
    one = checkpoint(name)
    network = one.load(torch.device("cpu"))
    chain = layers_of(network)
    generator = torch.Generator().manual_seed(0)
    sample = torch.randn(2, network.in_channels, one.preprocess.crop, one.preprocess.crop, generator=generator)
    _check_chain(network, [module for _, module in chain], sample)
    entries, numbers = _entries(chain, sample)
    header = json.dumps(_header(one, network, entries), ensure_ascii=False, separators=(",", ":")).encode()
    return struct.pack("<I", len(header)) + header + b"".join(numbers)


def layers_of(network: Network) -> list[tuple[str, nn.Module]]:
    """The innermost modules in the order of their registration, under the paper's names where it has any."""
    called = {module: name for name, module in network.places.items()}
    leaves = [(name, module) for name, module in network.named_modules() if not list(module.children())]
    return [(called.get(name, name), module) for name, module in leaves]


def _header(one: Checkpoint, network: Network, entries: Sequence[Entry]) -> Entry:
    side = one.preprocess.crop
    return {
        "name": one.name,
        "input": {"channels": network.in_channels, "height": side, "width": side},
        "mean": list(one.preprocess.mean),
        "std": list(one.preprocess.std),
        "classes": list(one.classes()),
        "layers": list(entries),
    }


def _check_chain(network: Network, chain: Sequence[nn.Module], sample: Tensor) -> None:
    """Raise `ValueError` unless the modules, one after the other, compute what the network computes."""
    try:
        with torch.inference_mode():
            same = torch.allclose(_run(chain, sample), network(sample), atol=1e-5)
    except RuntimeError:
        same = False
    if not same:
        raise ValueError(f"{type(network).__name__} is no chain of layers; the page format knows only chains")


def _run(chain: Sequence[nn.Module], values: Tensor) -> Tensor:
    for module in chain:
        values = module(values.flatten(1) if isinstance(module, nn.Linear) else values)
    return values


def _entries(chain: Sequence[tuple[str, nn.Module]], values: Tensor) -> tuple[list[Entry], list[bytes]]:
    """Header entries and numbers of all layers; normalization joins the convolution before it."""
    entries: list[Entry] = []
    weights: list[list[Tensor]] = []  # weight, factor and bias
    for name, module in chain:
        with torch.inference_mode():
            before, values = values, _run([module], values)
        if isinstance(module, nn.BatchNorm2d):
            weights[-1][1:] = _folded(module, weights[-1][2])
        elif not isinstance(module, nn.Dropout | nn.Flatten):
            entries.append({"name": name} | _entry(name, module, before))
            if isinstance(module, nn.Conv2d | nn.Linear):
                outputs = module.weight.shape[0]
                bias = torch.zeros(outputs) if module.bias is None else module.bias
                weights.append([module.weight, torch.ones(outputs), bias])
    numbers = [_bytes(values) for weight, factor, bias in weights for values in (weight.half(), factor, bias)]
    return entries, numbers


def _entry(name: str, module: nn.Module, before: Tensor) -> Entry:
    if isinstance(module, nn.Conv2d) and module.groups == 1 and module.dilation == (1, 1):
        outputs = {"outputs": module.out_channels}
        return {"kind": "convolution"} | outputs | _window(name, module.kernel_size, module.stride, module.padding)
    if isinstance(module, nn.ReLU):
        return {"kind": "relu"}
    if isinstance(module, nn.MaxPool2d) and module.padding == 0 and not module.ceil_mode:
        return {"kind": "maximum"} | _window(name, module.kernel_size, module.stride)
    if isinstance(module, nn.AdaptiveAvgPool2d) and module.output_size in (1, (1, 1)):
        return {"kind": "average"} | _window(name, tuple(before.shape[2:]), 1)
    if isinstance(module, nn.Linear):
        return {"kind": "linear", "outputs": module.out_features}
    raise ValueError(f"the page format does not know this layer: {name}, {module}")


def _window(name: str, window: object, stride: object, padding: object = 0) -> Entry:
    """Window, stride and padding as one number each."""
    entry = {"window": window, "stride": stride, "padding": padding}
    for key, value in entry.items():
        across = value if isinstance(value, tuple) else (value, value)
        if across[0] != across[1]:
            raise ValueError(f"the page format knows only square windows; {key} of {name} is {value}")
        entry[key] = across[0]
    return entry


def _folded(normalization: nn.BatchNorm2d, bias: Tensor) -> list[Tensor]:
    """Factor and bias of a convolution that does the work of the normalization after it."""
    mean, variance = normalization.running_mean, normalization.running_var
    if mean is None or variance is None:
        raise ValueError("the normalization keeps no running mean and variance; the page format needs them")
    factor = normalization.weight.double() / (variance.double() + normalization.eps).sqrt()
    return [factor, factor * (bias.double() - mean.double()) + normalization.bias.double()]


def _bytes(values: Tensor) -> bytes:
    kind = "<f2" if values.dtype == torch.float16 else "<f4"
    return values.detach().numpy().astype(kind).tobytes()
