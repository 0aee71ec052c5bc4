"""From full connectivity to a volume: who is connected to whom, and which weights are the same one.

full O·C·H·W   →   local O·C·K²   →   shared F·C·K² weights      (O = F·H'·W' units; LeCun et al. 1989)

Chapter: `layers/connectivity`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from cnncourse.layers.stride_arithmetic import output_shape
from cnncourse.workbench import checks

REGIMES = ("full", "local", "shared")
_SHAPE = "Pass the input as (channels, height, width)."
_KERNEL = "A kernel covers at least one pixel."
_FILTERS = "Each filter makes one map of the output."
_STRIDE = "The kernel has to move: use stride=1 to visit every position."
_PADDING = "Use padding=0 for none, or 'same' to keep the size."

Size = int | Sequence[int]


def volume_shape(
    input_shape: Sequence[int], filters: int, kernel_size: Size, stride: Size = 1, padding: Size | str = 0
) -> tuple[int, int, int]:
    """(F, H', W') of the units in a layer: one depth column of `filters` units for each position of the kernel.

    Parameters
    ----------
    input_shape
        (C, H, W) of the volume that the layer looks at.
    filters
        How many units look at the same region.
    kernel_size, stride, padding
        The region of one unit and the grid of regions, as in `torch.nn.Conv2d`, including ``padding="same"``.

    Raises
    ------
    ValueError
        If a value is no whole number or too small, or the kernel does not fit.
    """
    _, height, width = _chw(input_shape)
    checks.whole_number("filters", filters, 1, _FILTERS)
    if isinstance(padding, str):
        if padding != "same" or checks.pair("stride", stride, 1, _STRIDE) != (1, 1):
            raise ValueError(f"padding={padding!r} with stride={stride!r} is not possible. {_PADDING}")
        checks.pair("kernel_size", kernel_size, 1, _KERNEL)
        return filters, height, width
    return filters, *output_shape((height, width), kernel_size, stride, padding)


def count_weights(
    regime: str,
    input_shape: Sequence[int],
    filters: int,
    kernel_size: Size,
    stride: Size = 1,
    padding: Size | str = 0,
    bias: bool = False,
) -> int:
    """Number of different weights between an input volume and a layer of F·H'·W' units.

    Parameters
    ----------
    regime
        ``"full"``: every unit sees the whole input. ``"local"``: every unit sees its own region, with weights of
        its own. ``"shared"``: the units of one map use the same weights, which is a convolution.
    input_shape, filters, kernel_size, stride, padding
        As in `volume_shape`.
    bias
        Count the biases too: one for each unit, or with sharing one for each map.

    Raises
    ------
    ValueError
        If there is no such regime or the geometry is impossible.
    """
    if regime not in REGIMES:
        raise ValueError(f"there is no regime {regime!r}; choose one of {', '.join(REGIMES)}")
    units = math.prod(volume_shape(input_shape, filters, kernel_size, stride, padding))
    seen = math.prod(input_shape) if regime == "full" else region_size(input_shape, kernel_size)
    owners = filters if regime == "shared" else units
    return owners * (seen + bool(bias))


def region_size(input_shape: Sequence[int], kernel_size: Size) -> int:
    """Values that one local unit sees: local in space, full in depth, C·K·K."""
    return _chw(input_shape)[0] * math.prod(checks.pair("kernel_size", kernel_size, 1, _KERNEL))


def response_bytes(
    input_shape: Sequence[int],
    filters: int,
    kernel_size: Size,
    stride: Size = 1,
    padding: Size | str = 0,
    bytes_per_value: int = 4,
) -> int:
    """Bytes that the responses of one image take, F·H'·W' values of `bytes_per_value` each (float32: 4)."""
    checks.whole_number("bytes_per_value", bytes_per_value, 1, "A float32 takes 4 bytes.")
    return bytes_per_value * math.prod(volume_shape(input_shape, filters, kernel_size, stride, padding))


class LocallyConnected(nn.Module):
    """A layer whose units see a region each, as in a convolution, but share no weights.

    Because every position has filters of its own, the layer fits one input size only.

    Parameters
    ----------
    in_channels, out_channels, kernel_size, stride, padding
        As in `torch.nn.Conv2d`.
    input_size
        (H, W) of the input.
    bias
        Give each unit a bias of its own.

    Attributes
    ----------
    weight
        (H', W', F, C, K, K): a bank of filters for each position of the output.
    bias
        (H', W', F) or `None`.

    Notes
    -----
    Used where position means something, as on aligned faces (Taigman et al. 2014, layers L4 to L6).
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Size,
        input_size: Size,
        stride: Size = 1,
        padding: Size = 0,
        bias: bool = True,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        dd: dict[str, Any] = {"device": device, "dtype": dtype}
        self.in_channels = checks.whole_number("in_channels", in_channels, 1, "Each channel is one map of the input.")
        self.input_size = checks.pair("input_size", input_size, 1, "Give (height, width) of the input.")
        shape = (in_channels, *self.input_size)
        self.out_channels, *positions = volume_shape(shape, out_channels, kernel_size, stride, padding)
        self.output_size = (positions[0], positions[1])
        self.kernel_size = checks.pair("kernel_size", kernel_size, 1, _KERNEL)
        self.stride = checks.pair("stride", stride, 1, _STRIDE)
        self.padding = checks.pair("padding", padding, 0, _PADDING)
        owners = (*self.output_size, out_channels)
        self.weight = nn.Parameter(torch.empty(*owners, in_channels, *self.kernel_size, **dd))
        self.bias = nn.Parameter(torch.empty(*owners, **dd)) if bias else None
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw all weights as `torch.nn.Conv2d` does: uniform within ±1/√(C·K·K)."""
        bound = (self.in_channels * math.prod(self.kernel_size)) ** -0.5
        for parameter in self.parameters():
            nn.init.uniform_(parameter, -bound, bound)

    @classmethod
    def from_convolution(cls, convolution: nn.Module, input_size: Size) -> LocallyConnected:
        """Copy a convolution's filters to every position: the same function, with all sharing undone.

        Raises
        ------
        TypeError
            If `convolution` has no weight (F, C, K, K).
        ValueError
            If it is dilated, grouped or padded with something else than zeros.
        """
        weight = getattr(convolution, "weight", None)
        if not isinstance(weight, Tensor) or weight.dim() != 4:
            raise TypeError(f"{type(convolution).__name__} has no weight (F, C, K, K); pass a 2-D convolution")
        plain = {"dilation": ((1, 1), 1), "groups": (1,), "padding_mode": ("zeros",), "transposed": (False,)}
        for name, values in plain.items():
            value = getattr(convolution, name, values[0])
            if value not in values:
                raise ValueError(f"{name} is {value!r}; only a convolution with {name}={values[0]!r} can be untied")
        options: dict[str, Any] = {name: getattr(convolution, name) for name in ("kernel_size", "stride", "padding")}
        bias = getattr(convolution, "bias", None)
        filters, channels = weight.shape[:2]
        layer = cls(
            channels, filters, input_size=input_size, bias=bias is not None, device=weight.device, dtype=weight.dtype,
            **options,
        )  # fmt: skip
        layer.tie(weight, bias)
        return layer

    @torch.no_grad()
    def tie(self, weight: Tensor, bias: Tensor | None = None) -> None:
        """Give every position the same filters (F, C, K, K) and biases (F,)."""
        checks.tensor("weight", weight, "F C H W", **dict(zip("FCHW", self.weight.shape[2:], strict=True)))
        if (bias is None) != (self.bias is None):
            raise ValueError(f"bias is {bias!r}, but the layer {'has no' if self.bias is None else 'has a'} bias")
        self.weight.copy_(weight.expand_as(self.weight))
        if self.bias is not None and bias is not None:
            self.bias.copy_(checks.tensor("bias", bias, "F", F=self.out_channels).expand_as(self.bias))

    def forward(self, image: Tensor) -> Tensor:
        """Map (N, C, H, W) to (N, F, H', W').

        Raises
        ------
        TypeError, ValueError
            If the input is no tensor, or of another size, dtype or device than the weights.
        """
        height, width = self.input_size
        checks.tensor("image", image, "N C H W", C=self.in_channels, H=height, W=width)
        checks.alike(image=image, weight=self.weight)
        regions = F.unfold(image, self.kernel_size, padding=self.padding, stride=self.stride)  # (N, CKK, H'W')
        filters = self.weight.reshape(regions.shape[2], self.out_channels, -1)  # (H'W', F, CKK)
        responses = torch.einsum("nkp,pfk->npf", regions, filters).reshape(-1, *self.output_size, self.out_channels)
        if self.bias is not None:
            responses = responses + self.bias
        return responses.permute(0, 3, 1, 2)  # (N, F, H', W')

    def extra_repr(self) -> str:
        """The arguments, for printing."""
        return (
            f"{self.in_channels}, {self.out_channels}, kernel_size={self.kernel_size}, input_size={self.input_size}, "
            f"stride={self.stride}, padding={self.padding}, bias={self.bias is not None}"
        )


def _chw(input_shape: Sequence[int]) -> tuple[int, int, int]:
    if not isinstance(input_shape, Sequence) or isinstance(input_shape, str) or len(input_shape) != 3:
        raise ValueError(f"input_shape is {input_shape!r}; it must be three whole numbers. {_SHAPE}")
    channels, height, width = (checks.whole_number("input_shape", size, 1, _SHAPE) for size in input_shape)
    return channels, height, width
