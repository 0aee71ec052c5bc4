"""im2col: copy what the kernel sees at each position into a column, and the convolution is one matrix product.

(O, C·K·K) @ (C·K·K, H'·W')        (Chellapilla, Puri & Simard 2006)

The columns are made in chunks, so that they never need more than a budget. Chapter: `layers/convolution`.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.autograd import Function

from cnncourse.layers.convolution.geometry import Geometry, Size
from cnncourse.layers.stride_arithmetic import effective_kernel_size
from cnncourse.workbench import checks
from cnncourse.workbench.device import memory

_MEBIBYTE = 2**20
_BUDGET = "Give bytes, for example 4 * 2**20."
Chunk = tuple[slice, slice, slice]  # samples, rows, columns of the output


def column_matrix_shape(
    input_shape: Sequence[int], kernel_size: Size, stride: Size = 1, padding: Size | str = 0, dilation: Size = 1
) -> tuple[int, int]:
    """(C·K·K, H'·W') of the matrix that im2col makes of one image (C, H, W) when it makes it whole."""
    remedy = "Pass the shape of one image as (channels, height, width)."
    if not isinstance(input_shape, Sequence) or isinstance(input_shape, str) or len(input_shape) != 3:
        raise ValueError(f"input_shape is {input_shape!r}; it must be three whole numbers. {remedy}")
    channels, height, width = (checks.whole_number("input_shape", size, 1, remedy) for size in input_shape)
    geometry = Geometry.of(kernel_size, stride, padding, dilation, 1)
    return channels * math.prod(geometry.kernel_size), math.prod(geometry.output_size(height, width))


def column_matrix_bytes(
    input_shape: Sequence[int],
    kernel_size: Size,
    stride: Size = 1,
    padding: Size | str = 0,
    dilation: Size = 1,
    bytes_per_value: int = 4,
) -> int:
    """Bytes of the whole column matrix of one image; float32 takes 4 a value."""
    checks.whole_number("bytes_per_value", bytes_per_value, 1, "A float32 takes 4 bytes.")
    return math.prod(column_matrix_shape(input_shape, kernel_size, stride, padding, dilation)) * bytes_per_value


def default_memory_budget(device: torch.device, filter_bytes: int = 0) -> int:
    """Bytes for the columns and their responses at a time.

    On a processor what its cache holds, but twice the filters at least, because each chunk reads the filters again;
    on a GPU enough to keep it busy, and at most a quarter of the memory that is free.
    """
    if device.type == "cpu":
        return max(2 * _MEBIBYTE, 2 * filter_bytes)
    if device.type == "meta":
        return 256 * _MEBIBYTE
    return max(_MEBIBYTE, min(256 * _MEBIBYTE, memory(device)[0] // 4))


def correlate(x: Tensor, weight: Tensor, geometry: Geometry, memory_budget: int | None = None) -> Tensor:
    """Slide `weight` (O, C/groups, K, K) over `x` (N, C, H, W), which has its margins already: (N, O, H', W')."""
    if memory_budget is None:
        memory_budget = default_memory_budget(x.device, weight.numel() * weight.element_size())
    checks.whole_number("memory_budget", memory_budget, 1, _BUDGET)
    output: Tensor = _of(_Output, x, weight, geometry, memory_budget)
    return output


# The response summed with weights y is linear in each of x, w and y. So each function below is the gradient of
# another, and a convolution can be differentiated as often as you like.


class _Bilinear(Function):
    """What the three share: they remember their two tensors, the geometry and the budget."""

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:  # noqa: ARG004  torch's signature
        ctx.save_for_backward(*inputs[:2])
        ctx.options = inputs[-2:]


def _of(function: Any, *arguments: Any, needed: bool = True) -> Any:
    """The value of one of the three functions, if it is needed."""
    return function.apply(*arguments) if needed else None


class _Output(_Bilinear):
    """y from x and w."""

    @staticmethod
    def forward(x: Tensor, weight: Tensor, geometry: Geometry, budget: int) -> Tensor:
        groups = geometry.groups
        seen = _windows(x, geometry)
        output = x.new_empty(x.shape[0], weight.shape[0], *seen.shape[-2:])
        filters = weight.reshape(groups, weight.shape[0] // groups, -1)  # (G, O/G, CKK/G)
        for chunk in _chunks(seen, weight.shape[0], budget):
            _multiply(filters, _columns(seen, chunk, groups), out=_responses(output, chunk, groups))
        return output

    @staticmethod
    def backward(ctx: Any, y: Tensor) -> tuple[Tensor | None, ...]:
        x, weight = ctx.saved_tensors
        to_x, to_weight = ctx.needs_input_grad[:2]
        return (
            _of(_ToInput, weight.conj(), y, x.shape, *ctx.options, needed=to_x),
            _of(_ToWeight, x.conj(), y, *ctx.options, needed=to_weight),
            None,
            None,
        )


class _ToInput(_Bilinear):
    """x from w and y: each response is spread over the pixels that its window saw."""

    @staticmethod
    def forward(weight: Tensor, y: Tensor, shape: torch.Size, geometry: Geometry, budget: int) -> Tensor:
        groups = geometry.groups
        result = y.new_zeros(shape)
        seen = _windows(result, geometry)
        filters = weight.reshape(groups, weight.shape[0] // groups, -1).mT  # (G, CKK/G, O/G)
        for chunk in _chunks(seen, weight.shape[0], budget):
            _add_columns(seen, chunk, torch.bmm(filters, _responses(y, chunk, groups).flatten(2)))
        return result

    @staticmethod
    def backward(ctx: Any, x: Tensor) -> tuple[Tensor | None, ...]:
        weight, y = ctx.saved_tensors
        to_weight, to_y = ctx.needs_input_grad[:2]
        return (
            _of(_ToWeight, x, y.conj(), *ctx.options, needed=to_weight),
            _of(_Output, x, weight.conj(), *ctx.options, needed=to_y),
            None,
            None,
            None,
        )


class _ToWeight(_Bilinear):
    """w from x and y: a sum over all positions, because every position shares the weight."""

    @staticmethod
    def forward(x: Tensor, y: Tensor, geometry: Geometry, budget: int) -> Tensor:
        groups, filters = geometry.groups, y.shape[1]
        seen = _windows(x, geometry)
        channels = math.prod(seen.shape[:3]) // groups
        total = x.new_zeros(groups, filters // groups, channels)
        for chunk in _chunks(seen, filters, budget):
            total.baddbmm_(_responses(y, chunk, groups).flatten(2), _columns(seen, chunk, groups).mT)
        return total.view(filters, x.shape[1] // groups, *geometry.kernel_size)

    @staticmethod
    def backward(ctx: Any, weight: Tensor) -> tuple[Tensor | None, ...]:
        x, y = ctx.saved_tensors
        to_x, to_y = ctx.needs_input_grad[:2]
        return (
            _of(_ToInput, weight, y.conj(), x.shape, *ctx.options, needed=to_x),
            _of(_Output, x.conj(), weight, *ctx.options, needed=to_y),
            None,
            None,
        )


def _windows(x: Tensor, geometry: Geometry) -> Tensor:
    """Everything that the kernel sees, as a view that copies nothing: (C, K, K, N, H', W')."""
    for axis, kernel, stride, dilation in zip(
        (2, 3), geometry.kernel_size, geometry.stride, geometry.dilation, strict=True
    ):
        x = x.unfold(axis, effective_kernel_size(kernel, dilation), stride)[..., ::dilation]
    return x.permute(1, 4, 5, 0, 2, 3)


def _columns(seen: Tensor, chunk: Chunk, groups: int) -> Tensor:
    """What the kernel sees at the positions of a chunk, one column each: (G, CKK/G, P). Here the copying happens."""
    samples, rows, columns = chunk
    part = seen[..., samples, rows, columns]
    return part.reshape(groups, math.prod(seen.shape[:3]) // groups, math.prod(part.shape[3:]))


def _add_columns(seen: Tensor, chunk: Chunk, columns: Tensor) -> None:
    """Add columns (G, CKK/G, P) to the pixels that they were seen at. A pixel occurs once for each (i, j)."""
    samples, rows, across = chunk
    part = seen[..., samples, rows, across]
    columns = columns.view(part.shape)
    for i in range(part.shape[1]):
        for j in range(part.shape[2]):
            part[:, i, j] += columns[:, i, j]


def _multiply(filters: Tensor, columns: Tensor, out: Tensor) -> None:
    """Write filters (G, O/G, CKK/G) times columns (G, CKK/G, P) to responses (G, O/G, n, h, w), a view."""
    if out.shape[2] == 1:  # one sample: its positions lie side by side, and nothing has to be copied
        torch.bmm(filters, columns, out=out.view(*filters.shape[:2], columns.shape[2]))
    else:
        out.copy_(torch.bmm(filters, columns).view(out.shape))


def _responses(y: Tensor, chunk: Chunk, groups: int) -> Tensor:
    """The responses (N, O, H', W') at the positions of a chunk as a view (G, O/G, n, h, w)."""
    samples, rows, columns = chunk
    part = y[samples, :, rows, columns].transpose(0, 1)  # (O, n, h, w)
    return part.view(groups, -1, *part.shape[1:])


def _chunks(seen: Tensor, filters: int, budget: int) -> Iterator[Chunk]:
    """Split all positions so that columns and responses fit into the budget, but take one position at least.

    A chunk is several samples, or some rows of one sample, or a part of one row.
    """
    samples, height, width = seen.shape[3:]
    bytes_each = (math.prod(seen.shape[:3]) + filters) * seen.element_size()
    positions = max(1, budget // bytes_each)
    steps = (positions // max(1, height * width), positions // width, positions)
    deep, high, wide = (_even(size, step) for size, step in zip((samples, height, width), steps, strict=True))
    for n in range(0, samples, deep):
        for row in range(0, height, high):
            for column in range(0, width, wide):
                yield slice(n, n + deep), slice(row, row + high), slice(column, column + wide)


def _even(size: int, step: int) -> int:
    """The step, made smaller so that the last one is not a small rest."""
    parts = max(1, -(-size // max(1, step)))
    return max(1, -(-size // parts))
