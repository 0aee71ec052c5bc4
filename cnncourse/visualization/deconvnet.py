"""From one unit back to the pixels: gradient, deconvnet and guided backpropagation differ in one line.

backwards through y = max(x, 0):   gradient  g·[x > 0]    deconvnet  g·[g > 0]    guided  g·[g > 0]·[x > 0]
(Simonyan et al. 2014; Zeiler & Fergus 2014, section 2.1; Springenberg et al. 2015, figure 1)

Chapter: `visualization/deconvnet`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from cnncourse.layers.stride_arithmetic import transposed_output_size
from cnncourse.visualization.taps import evaluating, pictures, watching
from cnncourse.workbench import checks

Position = Sequence[int] | Sequence[Sequence[int]] | None

RULES: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "gradient": lambda x, g: torch.where(x > 0, g, 0),
    "deconvnet": lambda _x, g: torch.where(g > 0, g, 0),
    "guided": lambda x, g: torch.where((x > 0) & (g > 0), g, 0),
}


def rectifier_backward(forward_input: Tensor, gradient: Tensor, rule: str = "gradient") -> Tensor:
    """Send a gradient backwards through ReLU, by one of the three `RULES`.

    Parameters
    ----------
    forward_input
        What entered the ReLU on the way forwards, of any shape.
    gradient
        What arrives from above, of the same shape.
    rule
        ``"gradient"`` asks the forward input, ``"deconvnet"`` the gradient itself, ``"guided"`` both.

    Raises
    ------
    TypeError, ValueError
        If there is no such rule, or the two are not tensors of one shape.
    """
    for name, value in (("forward_input", forward_input), ("gradient", gradient)):
        if not isinstance(value, Tensor):
            raise TypeError(f"{name} is a {type(value).__name__}; it must be a tensor")
    if forward_input.shape != gradient.shape:
        raise ValueError(f"forward_input is {tuple(forward_input.shape)} and gradient {tuple(gradient.shape)}")
    return RULES[_known(rule)](forward_input, gradient)


def rectifying(rule: str) -> AbstractContextManager[object]:
    """Inside the `with` block every ReLU has another backward rule: modules, `F.relu`, `Tensor.relu`, in place or not.

    Nothing in the network is touched, so there is nothing to undo when it fails. Other activations keep their
    derivative, and so does a rectifier that is written as a maximum or a clamp.

    Raises
    ------
    ValueError
        If there is no such rule.
    """
    return _Rectifying(_known(rule))


def project(
    network: nn.Module,
    images: Tensor,
    layer: str = "",
    channel: int = 0,
    position: Position = None,
    rule: str = "deconvnet",
) -> Tensor:
    """Bring one unit back to the pixels, by autograd with another rule for the rectifier.

    Max pooling sends everything to the place of its maximum, which is unpooling with switches; where windows
    overlap, contributions add up. Convolutions are transposed. Everything else that autograd can differentiate
    keeps its derivative: average pooling, linear layers, sums of branches, and batch normalization, whose scale may be
    negative and which the deconvnet of 2014 did not know.

    Parameters
    ----------
    network
        Any module; it is run in evaluation mode.
    images
        (N, C, H, W), prepared as the network expects.
    layer
        Name of the layer; ``""`` is the network's output.
    channel
        Channel of the layer, or class.
    position
        (row, column) of the unit in the channel's map, or one such pair for each picture; without it, the
        strongest unit of each picture.
    rule
        A key of `RULES`. ``"gradient"`` is the exact derivative of the unit.

    Returns
    -------
    Tensor
        (N, C, H, W). The start value at the unit is 1; the deconvnet of 2014 starts with the activation, which
        multiplies the result.

    Raises
    ------
    TypeError, ValueError
        If layer, channel, position or rule do not exist, the layer does not depend on the picture, or the result
        is not finite.
    """
    leaf = pictures(network, images).clone().requires_grad_()
    with torch.enable_grad(), evaluating(network), rectifying(rule), watching(network, [layer]) as found:
        network(leaf + 0)  # so that a first layer may work in place
    if layer not in found:
        raise ValueError(f"{layer!r} was not used when the network ran")
    units = _units(found[layer], channel, position)
    if not units.requires_grad:
        raise ValueError(f"{layer!r} does not depend on the picture, or computes without gradients")
    (projection,) = torch.autograd.grad(units.sum(), leaf, allow_unused=True)
    if projection is None:
        raise ValueError(f"{layer!r} does not depend on the picture")
    if not projection.isfinite().all():
        raise ValueError("the projection is not finite; look for infinite weights or activations in the network")
    return projection.detach()


def unpool(values: Tensor, switches: Tensor, output_size: Sequence[int]) -> Tensor:
    """Put each value where its maximum was, and zeros elsewhere; where windows share a maximum, values add up.

    Parameters
    ----------
    values
        (N, C, H', W').
    switches
        (N, C, H', W') int64, as `torch.nn.functional.max_pool2d` returns them: row · W + column.
    output_size
        (H, W) before pooling.

    Returns
    -------
    Tensor
        (N, C, H, W). `torch.nn.MaxUnpool2d` keeps only one of the values that share a place, and does not say which.

    Raises
    ------
    TypeError, ValueError
        If the shapes differ, or a switch points outside.
    """
    checks.tensor("values", values, "N C H W")
    checks.tensor("switches", switches, "N C H W", **dict(zip("NCHW", values.shape, strict=True)))
    height, width = checks.pair("output_size", output_size, 1, "Give (height, width) of the map before pooling.")
    if switches.dtype != torch.int64:
        raise ValueError(f"switches have dtype {switches.dtype}; max pooling returns them as torch.int64")
    if switches.numel() and not 0 <= int(switches.min()) <= int(switches.max()) < height * width:
        raise ValueError(f"a switch points outside output_size={(height, width)}")
    empty = values.new_zeros(*values.shape[:2], height * width)
    filled = empty.scatter_add(2, switches.flatten(2), values.flatten(2))
    return filled.reshape(*values.shape[:2], height, width)


def project_by_hand(
    layers: Iterable[nn.Module],
    images: Tensor,
    channel: int = 0,
    position: Position = None,
    rule: str = "deconvnet",
) -> Tensor:
    """`project` from the end of a chain of layers, written out: unpool, rectify, filter with transposed kernels.

    Parameters
    ----------
    layers
        A chain, for example ``network.features[:7]``, of `nn.Conv2d`, `nn.ReLU`, `nn.MaxPool2d`, `nn.BatchNorm2d`,
        global average pooling, `nn.Flatten`, `nn.Linear`, `nn.Dropout`, `nn.Identity`.
    images, channel, position, rule
        As in `project`.

    Raises
    ------
    TypeError, ValueError
        As in `project`, and if the chain has another layer.
    """
    _known(rule)
    chain = nn.Sequential(*layers)
    signal = pictures(chain, images)
    way_back: list[Callable[[Tensor], Tensor]] = []
    with torch.no_grad(), evaluating(chain):
        for layer in chain:
            before, signal = signal, layer(signal)
            way_back.append(_backwards(layer, before, rule))
        places = _places(signal, channel, position)
        start = signal.new_zeros(*signal.shape[:2], signal[0, 0].numel())
        start[torch.arange(len(start), device=start.device), channel, places] = 1
        signal = start.view_as(signal)
        for step in reversed(way_back):
            signal = step(signal)
    return signal


class _Rectifying(TorchFunctionMode):
    def __init__(self, rule: str) -> None:
        super().__init__()
        self.rule = rule

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: Sequence[Any] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        name = getattr(func, "__name__", "")
        if name not in ("relu", "relu_"):
            return func(*args, **kwargs)
        values = args[0] if args else kwargs["input"]
        if name == "relu_" or kwargs.get("inplace") or args[1:2] == (True,):
            return values.copy_(_rectify(values.clone(), self.rule))
        return _rectify(values, self.rule)


class _Rectifier(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, values: Tensor, rule: str) -> Tensor:
        ctx.save_for_backward(values)
        ctx.rule = rule
        return values.clamp(min=0)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        return RULES[ctx.rule](ctx.saved_tensors[0], gradients[0]), None


def _rectify(values: Tensor, rule: str) -> Tensor:
    rectified: Tensor = _Rectifier.apply(values, rule)  # type: ignore[no-untyped-call]
    return rectified


def _known(rule: str) -> str:
    if not isinstance(rule, str) or rule not in RULES:
        raise ValueError(f"there is no rule {rule!r}; choose one of {', '.join(RULES)}")
    return rule


def _units(maps: Tensor, channel: int, position: Position) -> Tensor:
    """One unit of each picture, (N,)."""
    places = _places(maps, channel, position)
    return maps.reshape(*maps.shape[:2], -1)[torch.arange(len(maps), device=maps.device), channel, places]


def _places(maps: Tensor, channel: int, position: Position) -> Tensor:
    """Where the unit is in the flattened map of its channel, int64 (N,)."""
    if maps.dim() < 2:
        raise ValueError(f"the layer returns shape {tuple(maps.shape)}; channels are wanted, (N, C) or (N, C, H, W)")
    checks.whole_number("channel", channel, 0, f"The layer has {maps.shape[1]}, counted from 0.")
    if channel >= maps.shape[1]:
        raise ValueError(f"channel is {channel}; the layer has {maps.shape[1]}, counted from 0")
    if position is None:
        return maps.detach()[:, channel].reshape(len(maps), -1).argmax(dim=1)
    size = tuple(maps.shape[2:])
    if not isinstance(position, Sequence) or isinstance(position, str):
        raise ValueError(f"position is {position!r}; the channel's map has the shape {size}")
    pairs = list(position) if position and isinstance(position[0], Sequence) else [position] * len(maps)
    if len(pairs) != len(maps):
        raise ValueError(f"position has {len(pairs)} places for {len(maps)} pictures")
    return torch.tensor([_flat(pair, size) for pair in pairs], device=maps.device)


def _flat(position: object, size: tuple[int, ...]) -> int:
    if not isinstance(position, Sequence) or isinstance(position, str) or len(position) != len(size):
        raise ValueError(f"position is {position!r}; the channel's map has the shape {size}")
    flat = 0
    for place, length in zip(position, size, strict=True):
        checks.whole_number("position", place, 0, f"The map has {size} units.")
        if place >= length:
            raise ValueError(f"position is {tuple(position)}; the map has {size} units, counted from 0")
        flat = flat * length + place
    return flat


def _backwards(layer: nn.Module, before: Tensor, rule: str) -> Callable[[Tensor], Tensor]:
    """The way back through one layer that read `before`."""
    match layer:
        case nn.Conv2d() if layer.padding_mode == "zeros" and not isinstance(layer.padding, str):
            return lambda signal: _transposed(layer, signal, before.shape[2:])
        case nn.ReLU():
            return lambda signal: rectifier_backward(before, signal, rule)
        case nn.MaxPool2d():
            options = (layer.kernel_size, layer.stride, layer.padding, layer.dilation, layer.ceil_mode)
            switches = F.max_pool2d(before, *options, return_indices=True)[1]
            return lambda signal: unpool(signal, switches, before.shape[2:])
        case nn.BatchNorm2d() if layer.running_var is not None:
            scale = (layer.running_var + layer.eps).rsqrt() * (1 if layer.weight is None else layer.weight)
            return lambda signal: signal * scale[:, None, None]
        case nn.AdaptiveAvgPool2d() if layer.output_size in (1, (1, 1)):
            return lambda signal: signal.expand_as(before) / before[0, 0].numel()
        case nn.Linear():
            return lambda signal: signal @ layer.weight
        case nn.Flatten() | nn.Dropout() | nn.Dropout2d() | nn.Identity():
            return lambda signal: signal.reshape(before.shape)
    raise ValueError(f"the way back through {layer} is not written out here; `project` knows it through autograd")


def _transposed(layer: nn.Conv2d, signal: Tensor, size: Sequence[int]) -> Tensor:
    """Filter with the same kernels, transposed; output padding restores the pixels that the stride lost."""
    stride, padding, dilation = layer.stride, tuple(map(int, layer.padding)), layer.dilation
    geometry = zip(signal.shape[2:], layer.kernel_size, stride, padding, dilation, strict=True)
    lost = [wanted - transposed_output_size(*given) for wanted, given in zip(size, geometry, strict=True)]
    return F.conv_transpose2d(signal, layer.weight, None, stride, padding, lost, layer.groups, dilation)
