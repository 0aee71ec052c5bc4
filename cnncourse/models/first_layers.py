"""What a first layer's stride makes of fine patterns: those finer than two steps come back as coarse ones.

A grid of step S holds frequencies below 1/(2S) per pixel; what lies above is an alias. Zeiler & Fergus 2014 saw such
patterns in AlexNet's second layer and took a smaller stride.

Chapter: `models/vgg`.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from cnncourse.layers.pooling import blur_pooling
from cnncourse.workbench import checks

_SIZE = "Give the side of the picture in pixels."
_STRIDE = "A stride of 1 keeps every value."


def zone_plate(size: int) -> Tensor:
    """Rings that get finer outwards, (1, size, size), float64 in [0, 1].

    The frequency grows in proportion to the distance from the middle, up to half a period per pixel, the finest
    pattern that pixels can show, in the middle of each side.
    """
    checks.whole_number("size", size, 2, _SIZE)
    along = torch.arange(size, dtype=torch.float64) - size / 2
    squared = along[:, None] ** 2 + along**2
    return ((1 + torch.cos(math.pi * squared / size)) / 2)[None]


def seen_period(period: float, stride: int) -> float:
    """Period in pixels of the stripes that one sees in every S-th value of stripes of a given period.

    Stripes of at least two steps are seen as they are; finer ones are folded back. `inf` means that they vanish: all
    values are equal.

    Raises
    ------
    ValueError
        If the stripes are finer than pixels can show, or the stride is no positive whole number.
    """
    checks.whole_number("stride", stride, 1, _STRIDE)
    if isinstance(period, bool) or not isinstance(period, int | float) or not 2 <= period < math.inf:
        raise ValueError(f"period is {period!r}; it must be a number of pixels, and pixels show no less than 2")
    cycles = stride / period  # per step of the grid
    folded = abs(cycles - round(cycles))
    return math.inf if folded < 1e-12 else stride / folded


def held(maps: Tensor, stride: int) -> Tensor:
    """The part of maps (..., H, W) that a grid of step S can hold: frequencies below 1/(2S) along both axes.

    The maps are taken as periodic. With a stride of 1 they come back unchanged.

    Raises
    ------
    TypeError, ValueError
        If the maps are no floating point tensor with two axes, or their sides are no multiples of the stride.
    """
    if not isinstance(maps, Tensor) or maps.dim() < 2 or not maps.is_floating_point():
        raise TypeError("maps must be a floating point tensor of shape (..., H, W)")
    checks.whole_number("stride", stride, 1, _STRIDE)
    height, width = maps.shape[-2:]
    if not (height and width) or height % stride or width % stride:
        raise ValueError(f"maps of {height}×{width} cannot be tiled by steps of {stride}; crop them to a multiple")
    if stride == 1:
        return maps
    spectrum = torch.fft.fft2(maps.double())
    rows, columns = (torch.fft.fftfreq(side, dtype=torch.float64).abs() < 0.5 / stride for side in (height, width))
    inside = (rows[:, None] & columns).to(maps.device)
    kept: Tensor = torch.fft.ifft2(spectrum * inside).real.to(maps.dtype)
    return kept


def alias_share(maps: Tensor, stride: int) -> float:
    """Share of the energy of every S-th value that is alias, averaged over the S² places where the grid can start.

    Energy is the sum of squares without the mean. By Parseval's theorem it is the share of frequencies that the
    grid cannot hold; 0 for maps without any contrast.

    Raises
    ------
    TypeError, ValueError
        As `held`.
    """
    kept = held(maps, stride).double()
    whole = maps.double() - maps.double().mean(dim=(-2, -1), keepdim=True)
    energy = float(whole.square().sum())
    if not energy > 1e-20 * maps.numel():
        return 0.0
    return float((maps.double() - kept).square().sum()) / energy


def smoothed(image: Tensor, kernel_size: int) -> Tensor:
    """A picture (C, H, W) through the binomial low-pass filter of that size, at every pixel."""
    checks.tensor("image", image, "C H W")
    return blur_pooling(image[None], 1, kernel_size)[0]


def alias_of_zone_plate(kernel_size: int, stride: int, size: int = 224) -> float:
    """Alias share in per cent of every S-th value of a smoothed zone plate."""
    return round(100 * alias_share(smoothed(zone_plate(size), kernel_size), stride), 1)


def kept_of_zone_plate(kernel_size: int, size: int = 224) -> float:
    """Contrast energy that is left of a zone plate after smoothing, in per cent."""
    before = zone_plate(size)
    energies = [float((maps - maps.mean()).square().sum()) for maps in (smoothed(before, kernel_size), before)]
    return round(100 * energies[0] / energies[1], 1)
