"""Dense layers are convolutions whose kernel is as large as their input: a classifier becomes a map of scores.

On pictures of the size that it was made for, the network answers with the same numbers; on larger ones, with those
of every window (Long et al. 2015, section 3.1; the idea is that of Matan et al. 1992). Chapter: `applications/fcn`.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable

import torch
from torch import Tensor, nn

from cnncourse.layers.receptive_field import fields_through
from cnncourse.models.network import Network, smallest_input
from cnncourse.workbench import checks


class ScoreMaps(Network):
    """A chain of layers without any dense one: it takes pictures of any size that leaves at least one score.

    `window` is the side, in pixels, of what one score sees, and `stride` how far apart neighbouring windows are.

    Shape: images (N, C, H, W) → scores (N, classes, h, w); h = w = 1 at the size of the classifier.
    """

    def __init__(self, layers: Iterable[nn.Module], in_channels: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(*layers)
        self.in_channels, self.smallest_input = in_channels, smallest_input(self.layers)
        sees = fields_through([_reads(layer) for layer in self.layers if hasattr(layer, "kernel_size")])[-1]
        self.window, self.stride = int(sees.size), int(sees.stride)

    def forward(self, images: Tensor) -> Tensor:
        """Scores of every window."""
        self.check_input(images)
        scores: Tensor = self.layers(images)
        return scores


def dense_to_convolution(dense: nn.Linear, kernel_size: int | tuple[int, int] = 1) -> nn.Conv2d:
    """The convolution that computes on maps of `kernel_size` what a dense layer computes on their flattened values.

    Weight (out, C·K·K) is only folded into (out, C, K, K): as many numbers, in the same order.

    Raises
    ------
    TypeError, ValueError
        If this is no `nn.Linear`, or its inputs do not divide into maps of that size.
    """
    if not isinstance(dense, nn.Linear):
        raise TypeError(f"dense is a {type(dense).__name__}; only a linear layer can be folded into a convolution")
    height, width = checks.pair("kernel_size", kernel_size, 1, "Give the size of the maps that the layer reads.")
    channels, rest = divmod(dense.in_features, height * width)
    if rest or channels == 0:
        raise ValueError(
            f"kernel_size is {height}×{width}, but the layer reads {dense.in_features} numbers, which are no whole "
            "number of such maps; give the size of the maps before they were flattened"
        )
    convolution = nn.Conv2d(channels, dense.out_features, (height, width), bias=dense.bias is not None)
    convolution.to(device=dense.weight.device, dtype=dense.weight.dtype)
    with torch.no_grad():
        convolution.weight.copy_(dense.weight.view_as(convolution.weight))
        if dense.bias is not None and convolution.bias is not None:
            convolution.bias.copy_(dense.bias)
    return convolution


def folded_parameters(channels: int, kernel_size: int, units: int) -> int:
    """Weights and biases of a dense layer over maps of `kernel_size`, or of the convolution it folds into."""
    for name, value in {"channels": channels, "kernel_size": kernel_size, "units": units}.items():
        checks.whole_number(name, value, 1, "A layer has at least one of each.")
    return (channels * kernel_size**2 + 1) * units


def convolutionalized(network: Network, size: int) -> ScoreMaps:
    """A copy of a classifier whose dense layers are convolutions.

    Parameters
    ----------
    network
        A chain of convolutions and poolings, then perhaps an adaptive average pooling, then dense layers, in the
        order in which its modules were made: LeNet, AlexNet, ZFNet, VGG and their small versions.
    size
        Pixels of the square pictures that the classifier was made for.

    Raises
    ------
    TypeError, ValueError
        If the network is no such chain, or does not take pictures of that size.
    """
    if not isinstance(network, Network):
        raise TypeError(f"network is a {type(network).__name__}; give one of the course's networks")
    checks.whole_number("size", size, 1, "224 for VGG, 227 for AlexNet, 28 for LeNet on MNIST.")
    if size < network.smallest_input:
        raise ValueError(f"size is {size}; {type(network).__name__} needs at least {network.smallest_input} pixels")
    layers: list[nn.Module] = []
    shape = torch.Size((1, network.in_channels, size, size))
    for layer in _chain(network):
        layers.append(_folded(layer, shape))
        shape = _shape_after(layers[-1], shape)
    if shape[2:] != (1, 1):
        raise ValueError(
            f"pictures of {size} pixels leave {shape[2]}×{shape[3]} scores, not one; give the size that the dense "
            "layers fit"
        )
    maps = ScoreMaps(layers, network.in_channels)
    _check_same(network, maps, size)
    return maps.train(network.training)


_NO_CHAIN = "only networks whose layers stand in one row can be turned into score maps here"


def _chain(network: Network) -> list[nn.Module]:
    """The layers of a network in the order of its modules; branches and additions make no chain."""
    layers = [module for module in network.modules() if not any(module.children())]
    unknown = [type(layer).__name__ for layer in layers if not isinstance(layer, _KNOWN)]
    if unknown:
        raise TypeError(f"{type(network).__name__} has a layer of the kind {unknown[0]}, which is not known here")
    return layers


_KNOWN = (
    nn.Conv2d, nn.Linear, nn.BatchNorm2d, nn.ReLU, nn.Tanh, nn.Dropout, nn.MaxPool2d, nn.AvgPool2d,
    nn.AdaptiveAvgPool2d, nn.LocalResponseNorm,
)  # fmt: skip


def _reads(layer: nn.Module) -> dict[str, int]:
    names = ("kernel_size", "stride", "padding", "dilation")
    values = {name: getattr(layer, name) for name in names if hasattr(layer, name)}
    return {name: int(value[0] if isinstance(value, tuple) else value) for name, value in values.items()}


def _folded(layer: nn.Module, shape: torch.Size) -> nn.Module:
    """What stands in a layer's place if its input has a given shape (1, C, H, W)."""
    height, width = shape[2:]
    if isinstance(layer, nn.Linear):
        if layer.in_features != shape.numel():
            raise ValueError(
                f"a dense layer reads {layer.in_features} numbers, but is given maps of shape {tuple(shape[1:])}; "
                "give the size of picture that the network was made for"
            )
        return dense_to_convolution(layer, (height, width))
    if isinstance(layer, nn.AdaptiveAvgPool2d):
        return _pooling(layer, height)
    return copy.deepcopy(layer)


def _pooling(layer: nn.AdaptiveAvgPool2d, side: int) -> nn.Module:
    """The window that an adaptive pooling takes at one size, now moving over maps of any size."""
    size = layer.output_size
    wanted = int((size[0] if isinstance(size, tuple) else size) or side)
    if side % wanted:
        raise ValueError(
            f"maps of {side}×{side} are averaged to {wanted}×{wanted} by windows of unequal sizes, which no "
            "convolution does; give the size of picture that the network was made for"
        )
    return nn.Identity() if side == wanted else nn.AvgPool2d(side // wanted, stride=1 if wanted == 1 else None)


def _shape_after(layer: nn.Module, shape: torch.Size) -> torch.Size:
    """Only the shape: nothing is computed."""
    try:
        result: Tensor = copy.deepcopy(layer).to("meta").eval()(torch.empty(shape, device="meta"))
    except RuntimeError:
        raise TypeError(f"a {type(layer).__name__} does not fit the layer before it: {_NO_CHAIN}") from None
    return result.shape


def _check_same(network: Network, maps: ScoreMaps, size: int) -> None:
    """One picture through both: layers that branch or add would show here."""
    weight = next(network.parameters())
    pixels = torch.linspace(-2, 2, network.in_channels * size**2, dtype=weight.dtype, device=weight.device)
    picture = pixels.view(1, network.in_channels, size, size)
    was_training = network.training
    try:
        with torch.no_grad():
            expected, scores = network.eval()(picture), maps.eval()(picture).flatten(1)
    finally:
        network.train(was_training)
    if not torch.allclose(scores, expected, rtol=1e-3, atol=1e-3 * float(expected.abs().max()) + 1e-12):
        raise TypeError(f"{type(network).__name__} computes something else than its modules in a row: {_NO_CHAIN}")
