"""One convolution, written three times: by loops, as one matrix product, and by torch.

y[n, o, i, j] = b[o] + Σ_c Σ_u Σ_v w[o, c, u, v] · x[n, c, S·i + D·u − P, S·j + D·v − P]

Chapter: `layers/convolution`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from cnncourse.layers.convolution import geometry as check
from cnncourse.layers.convolution.columns import correlate, default_memory_budget
from cnncourse.layers.convolution.geometry import Geometry, Size
from cnncourse.layers.stride_arithmetic import window

ALGORITHMS = ("loops", "im2col", "torch")
_ONEDNN = torch.backends.mkldnn.is_available()  # type: ignore[no-untyped-call]
_ONEDNN_TYPES = (torch.float32, torch.bfloat16) if _ONEDNN else ()


def convolve_by_loops(
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Size = 1,
    padding: Size | str = 0,
    dilation: Size = 1,
    groups: int = 1,
) -> Tensor:
    """Convolve by the definition: for each image, filter, row and column, multiply what the filter sees and sum.

    Parameters
    ----------
    x
        Images (N, C, H, W) or one image (C, H, W).
    weight
        Filters (O, C/groups, K, K).
    bias
        (O,) or `None`.
    stride, padding, dilation, groups
        As in `torch.nn.functional.conv2d`, including ``padding="same"`` and ``"valid"``.

    Returns
    -------
    Tensor
        (N, O, H', W'), or (O, H', W') for one image; differentiable.

    Raises
    ------
    TypeError, ValueError
        If an argument does not fit; the message names it, the shape that was wanted and what to do.
    """

    def loops(images: Tensor, filters: Tensor, geometry: Geometry) -> Tensor:
        height, width = geometry.output_size(*images.shape[-2:])
        responses = [
            (_seen(image, index, i, j, filters.shape, geometry) * filter_).sum()
            for image in images
            for index, filter_ in enumerate(filters)
            for i in range(height)
            for j in range(width)
        ]
        values = torch.stack(responses) if responses else images.new_empty(0)
        return values.reshape(len(images), filters.shape[0], height, width)

    return _convolve(loops, x, weight, bias, Geometry.of(_kernel(weight), stride, padding, dilation, groups))


def convolve_by_im2col(
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Size = 1,
    padding: Size | str = 0,
    dilation: Size = 1,
    groups: int = 1,
    memory_budget: int | None = None,
) -> Tensor:
    """Convolve by one matrix product: filters as rows times what they see as columns (Chellapilla et al. 2006).

    Parameters
    ----------
    x, weight, bias, stride, padding, dilation, groups
        As in `convolve_by_loops`.
    memory_budget
        Bytes that the columns and their responses may take at a time, forwards and backwards; more positions are
        made in chunks, at least one position at a time. Without it, what `default_memory_budget` says.

    Returns
    -------
    Tensor
        (N, O, H', W'), or (O, H', W') for one image; differentiable. Besides the budget it takes the output and,
        with padding, a padded copy of the input.

    Raises
    ------
    TypeError, ValueError
        If an argument does not fit.
    """

    def product(images: Tensor, filters: Tensor, geometry: Geometry) -> Tensor:
        return correlate(images, filters, geometry, memory_budget)

    return _convolve(product, x, weight, bias, Geometry.of(_kernel(weight), stride, padding, dilation, groups))


def convolve_by_torch(
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Size = 1,
    padding: Size | str = 0,
    dilation: Size = 1,
    groups: int = 1,
) -> Tensor:
    """Convolve by `torch.nn.functional.conv2d`, with this module's checks; arguments as in `convolve_by_loops`."""
    geometry = Geometry.of(_kernel(weight), stride, padding, dilation, groups)
    _check(x, weight, bias, geometry)
    given = padding if isinstance(padding, str) else (geometry.margins[2], geometry.margins[0])
    return F.conv2d(x, weight, bias, geometry.stride, given, geometry.dilation, groups)


def convolve(
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Size = 1,
    padding: Size | str = 0,
    dilation: Size = 1,
    groups: int = 1,
    algorithm: str | None = None,
    memory_budget: int | None = None,
) -> Tensor:
    """Convolve by the algorithm that is named, or by the one that `choose_algorithm` names."""
    arguments = (x, weight, bias, stride, padding, dilation, groups)
    if algorithm is None:
        algorithm = _chosen(*arguments)
    if algorithm == "im2col":
        return convolve_by_im2col(*arguments, memory_budget=memory_budget)
    by_name = {"loops": convolve_by_loops, "torch": convolve_by_torch}
    return by_name[check.one_of("algorithm", algorithm, ALGORITHMS)](*arguments)


def choose_algorithm(device: torch.device, dtype: torch.dtype, column_bytes: int) -> str:
    """Name the algorithm for a device, a type and the bytes that all columns of a batch would take.

    On a GPU, and on a processor in the types that oneDNN computes in, torch has kernels that need no columns, and
    nothing here is faster. In other types, float64 among them, torch itself does im2col on a processor and makes
    the columns of the whole batch at once; where these exceed the budget, our chunks save that memory.
    """
    if _has_kernels(device, dtype) or column_bytes <= default_memory_budget(device):
        return "torch"
    return "im2col"


def _has_kernels(device: torch.device, dtype: torch.dtype) -> bool:
    return device.type != "cpu" or dtype in _ONEDNN_TYPES


def _chosen(x: Tensor, weight: Tensor, bias: Tensor | None, *walk: Any) -> str:
    if not isinstance(x, Tensor) or _has_kernels(x.device, x.dtype):
        return "torch"
    geometry = Geometry.of(_kernel(weight), *walk)
    _check(x, weight, bias, geometry)
    positions = x.shape[:-3].numel() * math.prod(geometry.output_size(*x.shape[-2:]))
    values = positions * math.prod(geometry.kernel_size) * x.shape[-3]
    return choose_algorithm(x.device, x.dtype, values * x.element_size())


def _seen(image: Tensor, index: int, i: int, j: int, bank: torch.Size, geometry: Geometry) -> Tensor:
    """What filter `index` of a bank (O, C/groups, K, K) sees of an image (C, H, W) at output position (i, j)."""
    filters, channels, *kernel = bank
    first = index // (filters // geometry.groups) * channels
    rows = window(i, kernel[0], geometry.stride[0], 0, geometry.dilation[0])
    columns = window(j, kernel[1], geometry.stride[1], 0, geometry.dilation[1])
    return image[first : first + channels, rows][:, :, columns]  # (C/groups, K, K)


def _convolve(
    algorithm: Callable[[Tensor, Tensor, Geometry], Tensor],
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    geometry: Geometry,
) -> Tensor:
    """Do what all algorithms share: check, pad, add the bias, and take one image as well as a batch."""
    _check(x, weight, bias, geometry)
    dtype = check.autocast_dtype(x.device)
    if dtype is not None:
        x, weight, bias = x.to(dtype), weight.to(dtype), None if bias is None else bias.to(dtype)
    images = x if x.dim() == 4 else x[None]
    padded = F.pad(images, geometry.margins) if any(geometry.margins) else images
    output = algorithm(padded, weight, replace(geometry, margins=(0, 0, 0, 0)))
    if bias is not None:
        output += bias[:, None, None]
    return output if x.dim() == 4 else output.squeeze(0)


def _kernel(weight: Tensor) -> tuple[int, ...]:
    check.check_weights(weight, None)
    return tuple(weight.shape[2:])


def _check(x: Tensor, weight: Tensor, bias: Tensor | None, geometry: Geometry) -> None:
    check.check_weights(weight, bias)
    check.check_groups(geometry.groups, out_channels=weight.shape[0])
    check.check_image(x, weight.shape[1] * geometry.groups)
    check.check_alike(x, weight, bias)
    geometry.output_size(*x.shape[-2:])
