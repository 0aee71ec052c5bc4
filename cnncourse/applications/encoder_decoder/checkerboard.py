"""The checkerboard of transposed convolutions, counted: how many stamps of the kernel fall on each output pixel.

An output pixel at phase i mod s gets ⌈(k − phase) / s⌉ stamps along an axis: all equally many only if s divides k
(Odena et al. 2016).

Chapter: `applications/encoder_decoder`.
"""

from __future__ import annotations

import torch
from torch import Tensor

from cnncourse.workbench import checks

_KERNEL = "A kernel covers at least one pixel."
_STRIDE = "The stride is the factor by which the map grows."


def overlap_counts(input_size: int, kernel_size: int, stride: int, padding: int = 0) -> Tensor:
    """Stamps on each output pixel along one axis, int64 ((input_size − 1) · stride + kernel_size − 2 · padding,).

    Raises
    ------
    ValueError
        If a number is out of range, or nothing is left after the padding is cut off.
    """
    checks.whole_number("input_size", input_size, 1, "There must be something to enlarge.")
    checks.whole_number("kernel_size", kernel_size, 1, _KERNEL)
    checks.whole_number("stride", stride, 1, _STRIDE)
    checks.whole_number("padding", padding, 0, "Padding is cut off from the output.")
    full = (input_size - 1) * stride + kernel_size
    if full <= 2 * padding:
        raise ValueError(f"padding is {padding}, but the output has only {full} pixels to cut from")
    counts = torch.zeros(full, dtype=torch.int64)
    for index in range(input_size):
        counts[index * stride : index * stride + kernel_size] += 1
    return counts[padding : full - padding]


def overlap_map(input_size: int, kernel_size: int, stride: int, padding: int = 0) -> Tensor:
    """Stamps on each pixel of a square output, int64 (side, side): the product of the counts along both axes."""
    counts = overlap_counts(input_size, kernel_size, stride, padding)
    return counts[:, None] * counts


def phase_counts(kernel_size: int, stride: int) -> list[int]:
    """Stamps on an inner pixel along one axis, for each place i mod stride; what `overlap_counts` repeats.

    Raises
    ------
    ValueError
        If a number is below 1.
    """
    checks.whole_number("kernel_size", kernel_size, 1, _KERNEL)
    checks.whole_number("stride", stride, 1, _STRIDE)
    return [-(-(kernel_size - phase) // stride) if phase < kernel_size else 0 for phase in range(stride)]


def is_even(kernel_size: int, stride: int) -> bool:
    """Whether all inner pixels get equally many stamps: the stride divides the kernel size."""
    return len(set(phase_counts(kernel_size, stride))) == 1


def pattern(values: Tensor, stride: int) -> float:
    """How strongly values depend on the place modulo `stride` alone: 0 for none, 1 for nothing but a pattern around 0.

    The standard deviation of the means of the stride² phases, divided by the root mean square of all values; both are
    averaged as squares over samples and channels. Constant values have no pattern.

    Parameters
    ----------
    values
        (N, C, H, W), floating point; cut the border off before, where fewer stamps fall. Sides are cut to multiples of
        the stride.

    Raises
    ------
    TypeError, ValueError
        If these are no such maps, or smaller than the stride.
    """
    checks.tensor("values", values, "N C H W")
    checks.whole_number("stride", stride, 1, _STRIDE)
    if not values.is_floating_point():
        raise TypeError(f"values have dtype {values.dtype}; give floating point numbers: use `.float()`")
    height, width = (size // stride for size in values.shape[2:])
    if 0 in (len(values), values.shape[1], height, width):
        raise ValueError(f"values have shape {tuple(values.shape)}; a phase of stride {stride} has no pixel in them")
    cut = values.double()[:, :, : height * stride, : width * stride]
    phases = cut.reshape(*cut.shape[:2], height, stride, width, stride).mean(dim=(2, 4))
    between = phases.var(dim=(2, 3), correction=0).mean()
    whole = cut.square().mean()
    return float((between / whole).sqrt()) if whole > 0 else 0.0
