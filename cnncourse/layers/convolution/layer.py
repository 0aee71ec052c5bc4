"""The layer: our convolution in the place of `torch.nn.Conv2d`.

Chapter: `layers/convolution`.
"""

from __future__ import annotations

import math
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from cnncourse.layers.convolution import geometry as check
from cnncourse.layers.convolution.algorithms import ALGORITHMS, convolve
from cnncourse.layers.convolution.geometry import PADDING_MODES, Geometry, Size
from cnncourse.workbench import checks


class Convolution(nn.Module):
    """A drop-in for `torch.nn.Conv2d` that lets you choose the algorithm.

    Parameters
    ----------
    in_channels, out_channels, kernel_size, stride, padding, dilation, groups, bias, padding_mode, device, dtype
        As in `torch.nn.Conv2d`.
    algorithm
        ``"loops"``, ``"im2col"`` or ``"torch"``; without it `choose_algorithm` decides at each call.
    memory_budget
        Bytes that ``"im2col"`` may take for its columns at a time, see `convolve_by_im2col`.

    Attributes
    ----------
    weight
        (O, C/groups, K, K), with the same initial values as torch's layer from the same seed.
    bias
        (O,) or `None`.

    Raises
    ------
    ValueError
        If an argument does not fit; the message names the value and the remedy.
    """

    bias: nn.Parameter | None

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Size,
        stride: Size = 1,
        padding: Size | str = 0,
        dilation: Size = 1,
        groups: int = 1,
        bias: bool = True,
        padding_mode: str = "zeros",
        device: torch.device | str | int | None = None,
        dtype: torch.dtype | None = None,
        *,
        algorithm: str | None = None,
        memory_budget: int | None = None,
    ) -> None:
        super().__init__()
        dd: dict[str, Any] = {"device": device, "dtype": dtype}
        self.in_channels = checks.whole_number("in_channels", in_channels, 1, "An image has at least one channel.")
        self.out_channels = checks.whole_number("out_channels", out_channels, 1, "Each filter makes one map.")
        geometry = Geometry.of(kernel_size, stride, padding, dilation, groups)
        check.check_groups(groups, in_channels=in_channels, out_channels=out_channels)
        self.kernel_size, self.stride, self.dilation = geometry.kernel_size, geometry.stride, geometry.dilation
        self.padding: Size | str = padding if isinstance(padding, str) else (geometry.margins[2], geometry.margins[0])
        self.groups, self.transposed, self.output_padding = groups, False, (0, 0)
        self.padding_mode = check.one_of("padding_mode", padding_mode, PADDING_MODES)
        self.algorithm = None if algorithm is None else check.one_of("algorithm", algorithm, ALGORITHMS)
        if memory_budget is not None:
            checks.whole_number("memory_budget", memory_budget, 1, "Give bytes, for example 4 * 2**20.")
        self.memory_budget = memory_budget
        self.weight = nn.Parameter(torch.empty(out_channels, in_channels // groups, *self.kernel_size, **dd))
        self.register_parameter("bias", nn.Parameter(torch.empty(out_channels, **dd)) if bias else None)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw weights and biases as `torch.nn.Conv2d` does: uniform within ±1/√(C/groups · K·K)."""
        nn.init.kaiming_uniform_(self.weight, a=math.sqrt(5))
        if self.bias is not None:
            bound = 1 / math.sqrt(self.weight[0].numel())
            nn.init.uniform_(self.bias, -bound, bound)

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002  torch's name
        """Map (N, C, H, W) to (N, O, H', W'), or (C, H, W) to (O, H', W').

        Raises
        ------
        TypeError, ValueError
            If the input is no tensor, or of a shape, dtype or device that does not fit.
        """
        check.check_image(input, self.weight.shape[1] * self.groups)
        walk = (self.stride, self.padding, self.dilation, self.groups)
        if self.padding_mode == "zeros":
            return convolve(input, self.weight, self.bias, *walk, self.algorithm, self.memory_budget)
        margins = Geometry.of(self.kernel_size, *walk).margins
        padded = _continued(input, margins, self.padding_mode)
        walk = (self.stride, 0, self.dilation, self.groups)
        return convolve(padded, self.weight, self.bias, *walk, self.algorithm, self.memory_budget)

    def extra_repr(self) -> str:
        """The arguments that differ from the defaults, as `torch.nn.Conv2d` prints them."""
        parts = [f"{self.in_channels}, {self.out_channels}, kernel_size={self.kernel_size}, stride={self.stride}"]
        defaults = {"padding": (0, 0), "dilation": (1, 1), "groups": 1}
        parts += [f"{name}={getattr(self, name)}" for name, plain in defaults.items() if getattr(self, name) != plain]
        parts += ["bias=False"] if self.bias is None else []
        parts += [f"padding_mode={self.padding_mode}"] if self.padding_mode != "zeros" else []
        parts += [f"algorithm={self.algorithm}"] if self.algorithm else []
        return ", ".join(parts)


def _continued(x: Tensor, margins: tuple[int, int, int, int], mode: str) -> Tensor:
    """Add margins that continue the image: mirrored, repeated or from the other side."""
    left, right, top, bottom = margins
    for word, size, margin in (("high", x.shape[-2], max(top, bottom)), ("wide", x.shape[-1], max(left, right))):
        most = {"reflect": size - 1, "circular": size, "replicate": margin if size else 0}[mode]
        if margin > most:
            raise ValueError(
                f"padding_mode={mode!r} cannot add {margin} pixels to an image {size} {word}; it has at most {most} "
                "to give. Use less padding, a larger image or padding_mode='zeros'."
            )
    return F.pad(x, margins, mode=mode)
