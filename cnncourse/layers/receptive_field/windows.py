"""Rules for layers that slide a window over a map, or resize it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import torch
from torch import Tensor

from cnncourse.layers.receptive_field.field import (
    Reads,
    adaptive_reads,
    resize_reads,
    through,
    transposed_reads,
    window_reads,
)
from cnncourse.layers.receptive_field.seen import JOURNEY, Seen, give_up, rule, see_everything
from cnncourse.layers.stride_arithmetic import same_padding


def _slide(x: Seen, reads: Sequence[Reads], channels: int | None, sizes: Sequence[int]) -> Seen:
    """A layer that reads `reads` along the last dimensions of `x`, (N, C, …) or (C, …)."""
    count = len(sizes)
    shape = [*x.shape[:-count], *sizes]
    if channels is not None:
        shape[-count - 1] = channels
    if x.unknown:
        return Seen.of(shape, x.axes, x.carried, x.unknown)
    axes = list(x.axes)
    for dimension, read in zip(range(-count, 0), reads, strict=True):
        here = x.carried[dimension]
        scattered = any(axis in each for axis in here for each in x.carried[:-count])
        if len(here) > 1 or scattered:
            return give_up(x, shape, "slides over a map whose axes were mixed by a reshape")
        for axis in here:
            axes[axis] = through(axes[axis], read)
    return Seen.of(shape, tuple(axes), x.carried)


def _each(value: Any, count: int) -> tuple[int, ...]:
    values = tuple(value) if isinstance(value, Sequence) else (value,)
    return tuple(int(each) for each in (values * count if len(values) == 1 else values))


def _window_size(size: int, kernel: int, stride: int, padding: int, dilation: int, ceil_mode: bool = False) -> int:
    room = size + 2 * padding - dilation * (kernel - 1) - 1
    if room < 0:
        raise ValueError(f"a window of {dilation * (kernel - 1) + 1} pixels does not fit into {size + 2 * padding}")
    if not ceil_mode:
        return room // stride + 1
    positions = -(-room // stride) + 1
    return positions - 1 if (positions - 1) * stride >= size + padding else positions


@rule("conv1d", "conv2d", "conv3d")
def _convolution(
    func: Any, input: Seen, weight: Tensor, bias: Any = None, stride: Any = 1, padding: Any = 0, dilation: Any = 1,
    groups: int = 1,
) -> Seen:  # fmt: skip
    kernel = weight.shape[2:]
    count = len(kernel)
    if input.shape[-count - 1] != weight.shape[1] * groups:
        raise ValueError(f"a map of {input.shape[-count - 1]} channels meets weights for {weight.shape[1] * groups}")
    strides, dilations = _each(stride, count), _each(dilation, count)
    if padding == "same":
        before_after = [same_padding(k, d) for k, d in zip(kernel, dilations, strict=True)]
        reads = [window_reads(k, 1, b, d) for k, (b, _), d in zip(kernel, before_after, dilations, strict=True)]
        return _slide(input, reads, weight.shape[0], input.shape[-count:])
    paddings = _each(0 if padding == "valid" else padding, count)
    geometry = list(zip(kernel, strides, paddings, dilations, strict=True))
    sizes = [_window_size(size, *each) for size, each in zip(input.shape[-count:], geometry, strict=True)]
    return _slide(input, [window_reads(*each) for each in geometry], weight.shape[0], sizes)


@rule("conv_transpose1d", "conv_transpose2d", "conv_transpose3d")
def _transposed_convolution(
    func: Any, input: Seen, weight: Tensor, bias: Any = None, stride: Any = 1, padding: Any = 0,
    output_padding: Any = 0, groups: int = 1, dilation: Any = 1,
) -> Seen:  # fmt: skip
    kernel = weight.shape[2:]
    count = len(kernel)
    geometry = list(zip(kernel, *(_each(v, count) for v in (stride, padding, dilation)), strict=True))
    extra = _each(output_padding, count)
    sizes = [
        (size - 1) * s - 2 * p + d * (k - 1) + more + 1
        for size, (k, s, p, d), more in zip(input.shape[-count:], geometry, extra, strict=True)
    ]
    return _slide(input, [transposed_reads(*each) for each in geometry], weight.shape[1] * groups, sizes)


def _pool(
    input: Seen, count: int, kernel_size: Any, stride: Any, padding: Any, dilation: Any = 1, ceil_mode: bool = False
) -> Seen:
    stride = kernel_size if stride is None or stride == [] else stride
    geometry = list(zip(*(_each(v, count) for v in (kernel_size, stride, padding, dilation)), strict=True))
    sizes = [
        _window_size(size, k, s, p, d, ceil_mode)
        for size, (k, s, p, d) in zip(input.shape[-count:], geometry, strict=True)
    ]
    return _slide(input, [window_reads(*each) for each in geometry], None, sizes)


def _enter_pooling(count: int) -> None:
    @rule(f"max_pool{count}d")
    def _max(
        func: Any, input: Seen, kernel_size: Any, stride: Any = None, padding: Any = 0, dilation: Any = 1,
        ceil_mode: bool = False, return_indices: bool = False,
    ) -> Any:  # fmt: skip
        return _pool(input, count, kernel_size, stride, padding, dilation, ceil_mode)

    @rule(f"max_pool{count}d_with_indices")
    def _max_with_indices(func: Any, *args: Any, return_indices: bool = True, **kwargs: Any) -> Any:
        pooled = _max(func, *args, **kwargs)
        return pooled, torch.empty(pooled.shape, device="meta", dtype=torch.long)

    @rule(f"avg_pool{count}d")
    def _average(
        func: Any, input: Seen, kernel_size: Any, stride: Any = None, padding: Any = 0, ceil_mode: bool = False,
        count_include_pad: bool = True, divisor_override: int | None = None,
    ) -> Any:  # fmt: skip
        return _pool(input, count, kernel_size, stride, padding, 1, ceil_mode)

    @rule(f"lp_pool{count}d")
    def _power(
        func: Any, input: Seen, norm_type: float, kernel_size: Any, stride: Any = None, ceil_mode: bool = False
    ) -> Any:
        return _pool(input, count, kernel_size, stride, 0, 1, ceil_mode)

    @rule(f"adaptive_avg_pool{count}d", f"adaptive_max_pool{count}d")
    def _adaptive(func: Any, input: Seen, output_size: Any, return_indices: bool = False) -> Any:
        return _adaptive_pool(input, count, output_size)

    @rule(f"max_unpool{count}d")
    def _unpool(
        func: Any, input: Seen, indices: Any, kernel_size: Any, stride: Any = None, padding: Any = 0,
        output_size: Any = None,
    ) -> Any:  # fmt: skip
        kernel, strides = _each(kernel_size, count), _each(stride or kernel_size, count)
        sizes = [(n - 1) * s + k for n, s, k in zip(input.shape[-count:], strides, kernel, strict=True)]
        sizes = list(output_size)[-count:] if output_size is not None else sizes
        if kernel != strides or any(_each(padding, count)):
            return give_up(input, (*input.shape[:-count], *sizes), "max_unpool with overlapping windows")
        return _slide(input, [Reads(1, ((0,),) * s) for s in strides], None, sizes)


for _count in (1, 2, 3):
    _enter_pooling(_count)


def _adaptive_pool(input: Seen, count: int, output_size: Any) -> Seen:
    wanted = tuple(output_size) if isinstance(output_size, Sequence) else (output_size,) * count
    sizes = [old if new is None else new for old, new in zip(input.shape[-count:], wanted, strict=True)]
    reads = [adaptive_reads(old, new) for old, new in zip(input.shape[-count:], sizes, strict=True)]
    pooled = _slide(input, reads, None, sizes)
    if any(new > 1 and old != new for old, new in zip(input.shape[-count:], sizes, strict=True)):
        JOURNEY.get().note(f"{JOURNEY.get().here()} pools adaptively: its windows depend on the size of the input")
    return see_everything(pooled, [dimension for dimension in range(-count, 0) if sizes[dimension] == 1])


@rule("interpolate")
def _interpolate(
    func: Any, input: Seen, size: Any = None, scale_factor: Any = None, mode: str = "nearest",
    align_corners: bool | None = None, recompute_scale_factor: bool | None = None, antialias: bool = False,
) -> Seen:  # fmt: skip
    count = input.dim() - 2
    old = input.shape[2:]
    factors = None
    if size is not None:
        new = _each(size, count)
    else:
        factors = tuple(scale_factor) if isinstance(scale_factor, Sequence) else (scale_factor,) * count
        new = tuple(math.floor(n * factor) for n, factor in zip(old, factors, strict=True))
    if mode == "area":
        return _adaptive_pool(input, count, new)
    if antialias:
        return give_up(input, (*input.shape[:2], *new), "interpolates with antialias=True")
    reads = []
    for axis in range(count):
        scale = Fraction(old[axis], new[axis])
        if align_corners:
            scale = Fraction(old[axis] - 1, new[axis] - 1) if new[axis] > 1 else Fraction(0)
        elif factors is not None and not recompute_scale_factor:
            scale = (1 / Fraction(factors[axis])).limit_denominator(1000)
        reads.append(resize_reads(scale, mode, bool(align_corners)))
    return _slide(input, reads, None, new)


@rule("pixel_shuffle")
def _pixel_shuffle(func: Any, input: Seen, upscale_factor: int) -> Seen:
    sizes = [size * upscale_factor for size in input.shape[-2:]]
    reads = [Reads(1, ((0,),) * upscale_factor)] * 2
    return _slide(input, reads, input.shape[-3] // upscale_factor**2, sizes)


@rule("pixel_unshuffle")
def _pixel_unshuffle(func: Any, input: Seen, downscale_factor: int) -> Seen:
    sizes = [size // downscale_factor for size in input.shape[-2:]]
    reads = [Reads(downscale_factor, (range(downscale_factor),))] * 2
    return _slide(input, reads, input.shape[-3] * downscale_factor**2, sizes)


@rule("pad")
def _pad(func: Any, input: Seen, pad: Sequence[int], mode: str = "constant", value: Any = None) -> Seen:
    pairs = list(zip(pad[::2], pad[1::2], strict=True))[::-1]
    pairs = [(0, 0)] * (input.dim() - len(pairs)) + pairs
    sizes = [size + before + after for size, (before, after) in zip(input.shape, pairs, strict=True)]
    moving = max((count for count in range(1, input.dim() + 1) if pairs[-count] != (0, 0)), default=0)
    if not moving:
        return input
    return _slide(input, [Reads(1, ((-before,),)) for before, _ in pairs[-moving:]], None, sizes[-moving:])
