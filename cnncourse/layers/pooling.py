"""Pooling: one number for each window of each slice; max, average, global, and low-pass filtered.

max:  y = max x over the window        average:  y = mean x over the window        no parameters, slices kept
Max with switches: Zeiler & Fergus 2014; overlapping: Krizhevsky et al. 2012; low-pass: Zhang 2019.

Chapter: `layers/pooling`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from cnncourse.layers.stride_arithmetic import effective_kernel_size, output_shape, window
from cnncourse.workbench import checks

Size = int | Sequence[int]
_KERNEL = "A window covers at least one pixel."
_STRIDE = "Leave it out for windows that touch, or use a smaller one to let them overlap."
_PADDING = "Padding may be half a window at most, so that every window sees the image."


def max_pooling(
    image: Tensor,
    kernel_size: Size,
    stride: Size | None = None,
    padding: Size = 0,
    dilation: Size = 1,
    ceil_mode: bool = False,
) -> tuple[Tensor, Tensor]:
    """Maximum of each window, and where it was.

    Parameters
    ----------
    image
        (N, C, H, W), floating point.
    kernel_size, stride, padding, dilation, ceil_mode
        As in `torch.nn.functional.max_pool2d`; the stride is the kernel size unless given.

    Returns
    -------
    values
        (N, C, H', W').
    switches
        (N, C, H', W'), int64: position of each maximum as row · W + column of its slice, the first one of equals.
        `max_unpooling` needs them.

    Raises
    ------
    TypeError, ValueError
        If the image is no floating point tensor (N, C, H, W), or the geometry is impossible.
    """
    grid = _Grid(image, kernel_size, stride, padding, dilation, ceil_mode)
    values = grid.windows(image, outside=-torch.inf)  # (N, C, H', W', K·K)
    top = values.amax(dim=-1, keepdim=True)
    winner = (grid.inside & ((values == top) | values.isnan())).int().argmax(dim=-1, keepdim=True)
    switches = grid.positions.expand_as(values).gather(-1, winner)
    return values.gather(-1, winner).squeeze(-1), switches.squeeze(-1)


def average_pooling(
    image: Tensor,
    kernel_size: Size,
    stride: Size | None = None,
    padding: Size = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
) -> Tensor:
    """Mean of each window, (N, C, H, W) to (N, C, H', W'); arguments as in `torch.nn.functional.avg_pool2d`.

    With `count_include_pad` the zeros of the padding count as pixels; what hangs over it in ceil mode never does.
    """
    grid = _Grid(image, kernel_size, stride, padding, 1, ceil_mode)
    counted = grid.inside_padded if count_include_pad else grid.inside
    return grid.windows(image, outside=0.0).sum(dim=-1) / counted.sum(dim=-1)


def max_unpooling(values: Tensor, switches: Tensor, output_size: Sequence[int]) -> Tensor:
    """Put each maximum back where it was, and zeros everywhere else.

    Parameters
    ----------
    values, switches
        What `max_pooling` returned, (N, C, H', W').
    output_size
        (H, W) before pooling.

    Raises
    ------
    TypeError, ValueError
        If the shapes differ, or a switch points outside `output_size`.
    """
    checks.tensor("values", values, "N C H W")
    checks.tensor("switches", switches, "N C H W", **dict(zip("NCHW", values.shape, strict=True)))
    height, width = checks.pair("output_size", output_size, 1, "Give (height, width) of the image before pooling.")
    if switches.dtype != torch.int64:
        raise ValueError(f"switches have dtype {switches.dtype}; max_pooling returns them as torch.int64")
    if switches.numel() and not 0 <= int(switches.min()) <= int(switches.max()) < height * width:
        raise ValueError(f"a switch points to pixel {int(switches.max())}, but output_size={(height, width)}")
    empty = values.new_zeros(*values.shape[:2], height * width)
    filled = empty.scatter(2, switches.flatten(2), values.flatten(2))
    return filled.reshape(*values.shape[:2], height, width)


def adaptive_windows(input_size: int, output_size: int) -> list[tuple[int, int]]:
    """Windows [start, end) of adaptive pooling: ⌊i·I/O⌋ to ⌈(i + 1)·I/O⌉, of nearly equal length."""
    checks.whole_number("input_size", input_size, 1, "Pass the number of pixels along the axis.")
    checks.whole_number("output_size", output_size, 1, "Use 1 for global pooling.")
    return [
        (index * input_size // output_size, -(-(index + 1) * input_size // output_size)) for index in range(output_size)
    ]


def adaptive_average_pooling(image: Tensor, output_size: Size = 1) -> Tensor:
    """Mean of as many windows as asked for, whatever the size of the image: (N, C, H, W) to (N, C, *output_size).

    With ``output_size=1``, global average pooling: one number for each slice (Lin et al. 2014).
    """
    _image(image)
    height, width = checks.pair("output_size", output_size, 1, "Use 1 for global pooling.")
    rows = [
        torch.stack(
            [image[..., top:bottom, left:right].mean(dim=(2, 3)) for left, right in _along(image, 3, width)], -1
        )
        for top, bottom in _along(image, 2, height)
    ]
    return torch.stack(rows, dim=2)


def global_max_pooling(image: Tensor) -> Tensor:
    """The largest value of each slice, (N, C, H, W) to (N, C, 1, 1)."""
    return _image(image).amax(dim=(2, 3), keepdim=True)


def blur_pooling(image: Tensor, stride: Size = 2, kernel_size: int = 3) -> Tensor:
    """Low-pass filter each slice, then keep every `stride`-th pixel: subsampling without aliasing (Zhang 2019).

    Parameters
    ----------
    image
        (N, C, H, W).
    stride
        Step of the subsampling.
    kernel_size
        Size of the binomial filter, for example 3 for [1 2 1]/4 along both axes. The border is mirrored.

    Returns
    -------
    Tensor
        (N, C, ⌈H/S⌉, ⌈W/S⌉) for an odd `kernel_size`.
    """
    _image(image)
    strides = checks.pair("stride", stride, 1, "Use stride=1 to blur only.")
    kernel = binomial_filter(kernel_size).to(image)
    before, after = (kernel_size - 1) // 2, kernel_size // 2
    if min(image.shape[2:]) <= after:
        raise ValueError(f"image has shape {tuple(image.shape)}; a border of {after} cannot be mirrored in it")
    padded = F.pad(image.flatten(0, 1).unsqueeze(1), (before, after, before, after), mode="reflect")
    blurred = F.conv2d(padded, kernel[None, None], stride=strides)
    return blurred.reshape(*image.shape[:2], *blurred.shape[2:])


def binomial_filter(kernel_size: int) -> Tensor:
    """The square low-pass filter (K, K) whose rows are those of Pascal's triangle; its sum is 1."""
    checks.whole_number("kernel_size", kernel_size, 1, "Use 3 for [1 2 1].")
    row = torch.ones(1)
    for _ in range(kernel_size - 1):
        row = F.pad(row, (1, 0)) + F.pad(row, (0, 1))
        row = row / row.sum()
    return torch.outer(row, row)


def discarded_share(kernel_size: int, stride: int | None = None) -> float:
    """Share of the values that pooling throws away, on an image that its windows tile: 1 − 1/S²."""
    checks.whole_number("kernel_size", kernel_size, 1, _KERNEL)
    step = checks.whole_number("stride", kernel_size if stride is None else stride, 1, _STRIDE)
    return 1 - 1 / step**2


class MaxPooling(nn.Module):
    """`max_pooling` as a layer; with `return_indices` it returns the switches too."""

    def __init__(
        self,
        kernel_size: Size,
        stride: Size | None = None,
        padding: Size = 0,
        dilation: Size = 1,
        return_indices: bool = False,
        ceil_mode: bool = False,
    ) -> None:
        super().__init__()
        self.return_indices = return_indices
        self.options: dict[str, Any] = {
            "kernel_size": kernel_size, "stride": stride, "padding": padding,
            "dilation": dilation, "ceil_mode": ceil_mode,
        }  # fmt: skip
        _geometry(kernel_size, stride, padding, dilation)

    def forward(self, image: Tensor) -> Tensor | tuple[Tensor, Tensor]:
        """Map (N, C, H, W) to (N, C, H', W')."""
        values, switches = max_pooling(image, **self.options)
        return (values, switches) if self.return_indices else values

    def extra_repr(self) -> str:
        """The arguments, for printing."""
        return ", ".join(f"{name}={value}" for name, value in self.options.items())


class AveragePooling(nn.Module):
    """`average_pooling` as a layer."""

    def __init__(
        self,
        kernel_size: Size,
        stride: Size | None = None,
        padding: Size = 0,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
    ) -> None:
        super().__init__()
        self.options: dict[str, Any] = {
            "kernel_size": kernel_size, "stride": stride, "padding": padding,
            "ceil_mode": ceil_mode, "count_include_pad": count_include_pad,
        }  # fmt: skip
        _geometry(kernel_size, stride, padding)

    def forward(self, image: Tensor) -> Tensor:
        """Map (N, C, H, W) to (N, C, H', W')."""
        return average_pooling(image, **self.options)

    def extra_repr(self) -> str:
        """The arguments, for printing."""
        return ", ".join(f"{name}={value}" for name, value in self.options.items())


class BlurPooling(nn.Module):
    """`blur_pooling` as a layer; after ``MaxPooling(2, stride=1)`` it makes max pooling without aliasing."""

    def __init__(self, stride: Size = 2, kernel_size: int = 3) -> None:
        super().__init__()
        self.stride = checks.pair("stride", stride, 1, "Use stride=1 to blur only.")
        self.kernel_size = checks.whole_number("kernel_size", kernel_size, 1, "Use 3 for [1 2 1].")

    def forward(self, image: Tensor) -> Tensor:
        """Map (N, C, H, W) to (N, C, ⌈H/S⌉, ⌈W/S⌉)."""
        return blur_pooling(image, self.stride, self.kernel_size)

    def extra_repr(self) -> str:
        """The arguments, for printing."""
        return f"stride={self.stride}, kernel_size={self.kernel_size}"


class _Grid:
    """Which pixels each window reads."""

    def __init__(
        self, image: Tensor, kernel_size: Size, stride: Size | None, padding: Size, dilation: Size, ceil_mode: bool
    ) -> None:
        _image(image)
        axes = _geometry(kernel_size, stride, padding, dilation)
        sizes = output_shape(image.shape[2:], *axes, ceil_mode=ceil_mode)
        height, width = image.shape[2:]
        rows, columns = (
            torch.tensor([window(i, k, s, p, d) for i in range(size)], device=image.device)
            for size, k, s, p, d in zip(sizes, *axes, strict=True)
        )  # (H', K), (W', K)
        self.rows, self.columns = rows[:, None, :, None], columns[None, :, None, :]
        self.inside = self._within(height, width, 0, 0)
        self.inside_padded = self._within(height, width, *axes[2])
        self.positions = (self.rows * width + self.columns).flatten(2)  # (H', W', K·K)

    def windows(self, image: Tensor, outside: float) -> Tensor:
        """The pixels that each window reads, (N, C, H', W', K·K), with a constant for those outside the image."""
        rows, columns = self.rows.clamp(0, image.shape[2] - 1), self.columns.clamp(0, image.shape[3] - 1)
        return image[:, :, rows, columns].flatten(4).masked_fill(~self.inside, outside)

    def _within(self, height: int, width: int, vertical: int, horizontal: int) -> Tensor:
        rows = (self.rows >= -vertical) & (self.rows < height + vertical)
        columns = (self.columns >= -horizontal) & (self.columns < width + horizontal)
        return (rows & columns).flatten(2)  # (H', W', K·K)


def _geometry(
    kernel_size: Size, stride: Size | None, padding: Size, dilation: Size = 1
) -> tuple[tuple[int, int], tuple[int, int], tuple[int, int], tuple[int, int]]:
    kernels = checks.pair("kernel_size", kernel_size, 1, _KERNEL)
    strides = kernels if stride is None else checks.pair("stride", stride, 1, _STRIDE)
    paddings = checks.pair("padding", padding, 0, _PADDING)
    dilations = checks.pair("dilation", dilation, 1, "dilation=1 means that the window's pixels are neighbours.")
    for kernel, margin, spread in zip(kernels, paddings, dilations, strict=True):
        if margin > effective_kernel_size(kernel, spread) // 2:
            raise ValueError(f"padding is {padding!r} with kernel_size={kernel_size!r}. {_PADDING}")
    return kernels, strides, paddings, dilations


def _image(image: Tensor) -> Tensor:
    checks.tensor("image", image, "N C H W")
    if not image.is_floating_point():
        raise TypeError(f"image has dtype {image.dtype}; pooling needs floating point. Convert it with `.float()`")
    return image


def _along(image: Tensor, axis: int, parts: int) -> list[tuple[int, int]]:
    return adaptive_windows(image.shape[axis], parts)
