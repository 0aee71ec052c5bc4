"""The layers at the beginning of a network that look at a neighbourhood only, one behind the other."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.modules import batchnorm, dropout

from cnncourse.layers.stride_arithmetic import effective_kernel_size, output_size, same_padding
from cnncourse.workbench import checks

# They compute each place of a map from the same place: nothing spreads. Response normalization looks across channels.
_PLACE_BY_PLACE = (
    nn.ReLU, nn.ReLU6, nn.LeakyReLU, nn.ELU, nn.SELU, nn.CELU, nn.GELU, nn.SiLU, nn.Mish, nn.Hardswish, nn.Hardtanh,
    nn.Hardsigmoid, nn.Tanh, nn.Sigmoid, nn.Softplus, nn.PReLU, nn.Identity, nn.LocalResponseNorm,
    dropout._DropoutNd,
)  # fmt: skip


@dataclass(frozen=True)
class Geometry:
    """A sliding window along one axis; `before` and `after` count the padding, of which `after` may be more."""

    size: int
    outputs: int
    kernel_size: int
    stride: int
    before: int
    after: int
    dilation: int
    ceil_mode: bool

    @property
    def reach(self) -> int:
        """Pixels from the first to the last that one output reads."""
        return effective_kernel_size(self.kernel_size, self.dilation)


@dataclass(frozen=True)
class Window:
    """A layer that slides a window: how it moves along both axes, what pads the border, what it computes inside."""

    layer: nn.Module
    axes: tuple[Geometry, Geometry]
    border: float
    compute: Callable[[Tensor], Tensor]

    def padded(self, maps: Tensor) -> Tensor:
        """`maps` (N, C, H, W) with its border."""
        down, right = self.axes
        return F.pad(maps, (right.before, right.after, down.before, down.after), value=self.border)


Step = Window | nn.Module


def window(layer: nn.Module, size: Sequence[int]) -> Window | str:
    """How a convolution or pooling slides over a map of (H, W); or, in words, why it is no exact window here."""
    match layer:
        case nn.Conv2d():
            if layer.padding_mode != "zeros":
                return f"pads with padding_mode={layer.padding_mode!r}"
            dilation, kernel = layer.dilation, layer.kernel_size
            if layer.padding == "same":
                padding = [same_padding(k, d) for k, d in zip(kernel, dilation, strict=True)]
            else:
                given = (0, 0) if isinstance(layer.padding, str) else layer.padding
                padding = [(each, each) for each in map(int, given)]
            options = (layer.stride, 0, dilation, layer.groups)
            axes = _axes(size, kernel, layer.stride, padding, dilation, False)
            return Window(layer, axes, 0.0, lambda maps: F.conv2d(maps, layer.weight, layer.bias, *options))
        case nn.MaxPool2d() if not layer.return_indices:
            kernel, stride, pads, dilation = map(_two, (layer.kernel_size, layer.stride, layer.padding, layer.dilation))
            reaches = map(effective_kernel_size, kernel, dilation)
            if any(reach > one + 2 * pad for reach, one, pad in zip(reaches, size, pads, strict=True)):
                return "has a window larger than its map, which torch allows with ceil_mode"
            axes = _axes(size, kernel, stride, [(pad, pad) for pad in pads], dilation, layer.ceil_mode)
            return Window(layer, axes, -torch.inf, lambda maps: F.max_pool2d(maps, kernel, stride, 0, dilation))
        case nn.AvgPool2d():
            kernel, stride, pads = map(_two, (layer.kernel_size, layer.stride, layer.padding))
            if layer.ceil_mode or (any(pads) and not layer.count_include_pad):
                return "averages over fewer pixels at the border (ceil_mode, or count_include_pad=False)"
            axes = _axes(size, kernel, stride, [(pad, pad) for pad in pads], (1, 1), False)
            divisor = layer.divisor_override
            return Window(layer, axes, 0.0, lambda maps: F.avg_pool2d(maps, kernel, stride, divisor_override=divisor))
    return "is not known to look at a neighbourhood only"


def place_by_place(layer: nn.Module) -> bool:
    """Whether a layer, in evaluation mode, computes each place of a map from the same place alone."""
    if isinstance(layer, batchnorm._BatchNorm):
        return layer.running_mean is not None
    return isinstance(layer, _PLACE_BY_PLACE)


def flattened(chain: nn.Sequential) -> list[nn.Module]:
    """The layers of a chain, with chains inside it opened."""
    return [layer for each in chain for layer in (flattened(each) if type(each) is nn.Sequential else [each])]


def first_chain(network: nn.Module, image: Tensor) -> nn.Sequential:
    """The outermost `nn.Sequential` that the picture enters, in a network that runs on `image` (1, C, H, W).

    Raises
    ------
    ValueError
        If there is none.
    """
    entered: list[nn.Module] = []

    def note(module: nn.Module, inputs: tuple[object, ...]) -> None:
        if len(inputs) == 1 and isinstance(inputs[0], Tensor) and torch.equal(inputs[0], image):
            entered.append(module)

    chains = [module for module in network.modules() if type(module) is nn.Sequential]
    handles = [module.register_forward_pre_hook(note) for module in chains]
    try:
        with torch.no_grad():
            network(image)
    finally:
        for handle in handles:
            handle.remove()
    for chain in chains:  # the outermost first
        if entered.count(chain) == 1:
            return chain
    raise ValueError(
        f"the picture enters no nn.Sequential in this {type(network).__name__}, so there is no chain of layers to "
        "follow the occluder through. Choose method='naive', or 'either'."
    )


@contextmanager
def standing_in(chain: nn.Sequential, answer: Callable[[], Tensor]) -> Iterator[None]:
    """Inside the `with` block `chain` returns `answer()` whatever it is given."""
    chain.forward = lambda _input: answer()  # type: ignore[method-assign]
    try:
        yield
    finally:
        del chain.forward  # the class's own again


def _axes(
    size: Sequence[int],
    kernel: Sequence[int],
    stride: Sequence[int],
    padding: Sequence[tuple[int, int]],
    dilation: Sequence[int],
    ceil_mode: bool,
) -> tuple[Geometry, Geometry]:
    given = zip(size, kernel, stride, padding, dilation, strict=True)
    down, right = (_geometry(*each, ceil_mode) for each in given)
    return down, right


def _geometry(
    size: int, kernel_size: int, stride: int, padding: tuple[int, int], dilation: int, ceil_mode: bool
) -> Geometry:
    before, after = padding
    even = before != after  # only padding="same" with an even window, whose stride is 1
    outputs = size if even else output_size(size, kernel_size, stride, before, dilation, ceil_mode)
    overhang = (outputs - 1) * stride + effective_kernel_size(kernel_size, dilation) - before - size
    return Geometry(size, outputs, kernel_size, stride, before, max(after, overhang), dilation, ceil_mode)


def _two(value: object) -> tuple[int, int]:
    return checks.pair("a layer's argument", value, 0, "torch's layers take one number or two.")
