"""Which arguments make a convolution: checked once, for every algorithm and for the layer.

Chapter: `layers/convolution`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from cnncourse.layers.stride_arithmetic import output_shape, same_padding
from cnncourse.workbench import checks

Size = int | Sequence[int]
Pair = tuple[int, int]
PADDING_MODES = ("zeros", "reflect", "replicate", "circular")

_KERNEL = "A kernel covers at least one pixel."
_STRIDE = "The kernel has to move: use stride=1 to visit every position."
_DILATION = "dilation=1 means that the kernel's elements are neighbours."
_PADDING = "Padding adds pixels: use 0 for none, or 'same' to keep the size at stride 1."
_GROUPS = "groups=1 lets every filter see all channels."


@dataclass(frozen=True)
class Geometry:
    """How a kernel walks over an image: pairs are (vertical, horizontal).

    `margins` are the pixels to add (left, right, top, bottom), in the order that `torch.nn.functional.pad` takes.
    """

    kernel_size: Pair
    stride: Pair = (1, 1)
    dilation: Pair = (1, 1)
    groups: int = 1
    margins: tuple[int, int, int, int] = (0, 0, 0, 0)

    @classmethod
    def of(cls, kernel_size: Size, stride: Size, padding: Size | str, dilation: Size, groups: int) -> Geometry:
        """Check torch's arguments and put them into one form.

        Raises
        ------
        ValueError
            If a value is not a whole number or too small, or the padding is neither numbers nor a known word.
        """
        kernel = checks.pair("kernel_size", kernel_size, 1, _KERNEL)
        steps = checks.pair("stride", stride, 1, _STRIDE)
        spread = checks.pair("dilation", dilation, 1, _DILATION)
        checks.whole_number("groups", groups, 1, _GROUPS)
        return cls(kernel, steps, spread, groups, _margins(kernel, steps, padding, spread))

    def output_size(self, height: int, width: int) -> Pair:
        """(H', W') of the output for an input of (H, W) without its margins.

        Raises
        ------
        ValueError
            If the kernel does not fit.
        """
        left, right, top, bottom = self.margins
        padded = (height + top + bottom, width + left + right)
        if min(padded) < 1:
            raise ValueError(f"the image has {height}×{width} pixels; it must have at least one. Pass a larger image.")
        return output_shape(padded, self.kernel_size, self.stride, 0, self.dilation)


def _margins(kernel: Pair, stride: Pair, padding: Size | str, dilation: Pair) -> tuple[int, int, int, int]:
    if padding == "valid":
        return (0, 0, 0, 0)
    if padding == "same":
        if stride != (1, 1):
            raise ValueError(
                f"padding='same' with stride={stride} is not possible: a stride above 1 makes the output smaller, "
                "whatever the padding. Give the padding as a number, or use stride=1."
            )
        (top, bottom), (left, right) = (same_padding(k, d) for k, d in zip(kernel, dilation, strict=True))
        return (left, right, top, bottom)
    if isinstance(padding, str):
        raise ValueError(f"padding is {padding!r}; it must be a number, a pair, 'same' or 'valid'. {_PADDING}")
    vertical, horizontal = checks.pair("padding", padding, 0, _PADDING)
    return (horizontal, horizontal, vertical, vertical)


def count_parameters(in_channels: int, out_channels: int, kernel_size: Size, groups: int = 1, bias: bool = True) -> int:
    """Weights and biases of a layer, O·C/groups·K·K + O. The size of the image is not among the arguments.

    Raises
    ------
    ValueError
        If a value is not a whole number or too small, or `groups` does not divide the channels.
    """
    checks.whole_number("in_channels", in_channels, 1, "An image has at least one channel.")
    checks.whole_number("out_channels", out_channels, 1, "Each filter makes one map.")
    kernel = Geometry.of(kernel_size, 1, 0, 1, groups).kernel_size
    check_groups(groups, in_channels=in_channels, out_channels=out_channels)
    return out_channels * (in_channels // groups * math.prod(kernel) + bool(bias))


def check_groups(groups: int, **channels: int) -> None:
    """Raise `ValueError` unless `groups` divides the channels that are named, ``in_channels=…``."""
    for name, count in channels.items():
        if count % groups:
            divisors = [str(number) for number in range(1, count + 1) if count % number == 0]
            raise ValueError(
                f"groups is {groups}, which does not divide {name}={count}. Choose one of {', '.join(divisors)}."
            )


def check_image(x: Tensor, channels: int) -> None:
    """Raise unless `x` is a tensor (N, C, H, W) or (C, H, W) with so many channels."""
    if not isinstance(x, Tensor):
        raise TypeError(
            f"the input is a {type(x).__name__}; it must be a tensor of shape (N, C, H, W) or (C, H, W). "
            "Convert an array with torch.as_tensor(...)."
        )
    shape = tuple(x.shape)
    if x.dim() not in (3, 4):
        raise ValueError(
            f"the input has shape {shape}; expected (N, C, H, W) or (C, H, W) with C={channels}. "
            f"{'Add the axis of channels with x[None].' if x.dim() == 2 else 'Reshape it.'}"
        )
    if shape[-3] != channels:
        last = shape[-1] == channels
        remedy = (
            "Its channels seem to be last: use x.movedim(-1, -3)."
            if last
            else f"Use in_channels={shape[-3]}, or another image."
        )
        raise ValueError(f"the input has shape {shape} with {shape[-3]} channels; expected C={channels}. {remedy}")


def check_weights(weight: Tensor, bias: Tensor | None) -> None:
    """Raise unless `weight` is a tensor (O, C/groups, K, K) and `bias` is a tensor (O,) or `None`."""
    checks.tensor("weight", weight, "O C/groups K K")
    if 0 in weight.shape:
        raise ValueError(f"weight has shape {tuple(weight.shape)}; every size must be at least 1")
    if bias is not None:
        checks.tensor("bias", bias, "O", O=weight.shape[0])


def check_alike(x: Tensor, weight: Tensor, bias: Tensor | None) -> None:
    """Raise `ValueError` unless image and weights have one dtype (autocast converts them) and one device."""
    if autocast_dtype(x.device) is not None:
        return
    if x.dtype != weight.dtype and not (x.is_floating_point() or x.is_complex()):
        raise ValueError(
            f"the input is {x.dtype}, the weights are {weight.dtype}. Convert the image: "
            f"x.to({weight.dtype}), divided by 255 if its values are bytes."
        )
    checks.alike(input=x, weight=weight, bias=bias)


def autocast_dtype(device: torch.device) -> torch.dtype | None:
    """The type that an enclosing `torch.autocast` wants convolutions in, or `None` outside of one."""
    if not torch.amp.is_autocast_available(device.type) or not torch.is_autocast_enabled(device.type):
        return None
    return torch.get_autocast_dtype(device.type)


def one_of(name: str, value: object, choices: tuple[str, ...]) -> str:
    """Return `value` if it is one of the words to choose from."""
    if not isinstance(value, str) or value not in choices:
        raise ValueError(f"{name} is {value!r}; choose one of {', '.join(map(repr, choices))}.")
    return value
