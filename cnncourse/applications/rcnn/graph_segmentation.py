"""Graph segmentation: pixels are joined along the cheapest edges, as long as an edge is no worse than what is inside.

join A and B if w(A, B) < min(Int(A) + k/|A|, Int(B) + k/|B|)        Int(C): the worst edge that C was joined by
Paper: Felzenszwalb & Huttenlocher 2004, algorithm 1.

Chapter: `applications/rcnn`.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from skimage.filters import gaussian
from torch import Tensor

from cnncourse.workbench import checks

_Numbers = NDArray[np.float64]


def segment(image: Tensor, scale: float = 100.0, smallest: int = 12, sigma: float = 0.8) -> Tensor:
    """Cut an image into regions of similar colour.

    Parameters
    ----------
    image
        (C, H, W), floating point, colours in [0, 1].
    scale
        k of the paper, for colours that run to 255: the larger, the larger the regions.
    smallest
        Regions with fewer pixels are joined to a neighbour at the end.
    sigma
        Width of the Gaussian that smooths the image first, in pixels; 0 leaves it as it is.

    Returns
    -------
    Tensor
        int64 (H, W): the region of every pixel, numbered from 0 in reading order.

    Raises
    ------
    TypeError, ValueError
        If the image is no finite floating point tensor (C, H, W) with pixels, or a number is out of range.
    """
    pixels = _pixels(image)
    checks.number("scale", scale, 0)
    checks.whole_number("smallest", smallest, 1, "1 keeps every region.")
    checks.number("sigma", sigma, 0)
    if sigma > 0:
        pixels = gaussian(pixels, sigma, mode="reflect", channel_axis=2)
    height, width = pixels.shape[:2]
    weights, starts, ends = _edges(pixels)
    forest = _Forest(height * width)
    for weight, start, end in zip(weights, starts, ends, strict=True):
        forest.join_if_alike(start, end, weight, scale / 255)
    for start, end in zip(starts, ends, strict=True):
        forest.join_if_small(start, end, smallest)
    roots = np.array([forest.root(pixel) for pixel in range(height * width)])
    return torch.from_numpy(_in_reading_order(roots)).reshape(height, width)


class _Forest:
    """Disjoint sets of pixels: each knows its root, its size, and the worst edge inside."""

    def __init__(self, number: int) -> None:
        self.parent = list(range(number))
        self.size = [1] * number
        self.inside = [0.0] * number

    def root(self, pixel: int) -> int:
        parent = self.parent
        while parent[pixel] != pixel:
            parent[pixel] = pixel = parent[parent[pixel]]
        return pixel

    def join_if_alike(self, start: int, end: int, weight: float, k: float) -> None:
        a, b = self.root(start), self.root(end)
        if a != b and weight < min(self.inside[a] + k / self.size[a], self.inside[b] + k / self.size[b]):
            self.inside[self._join(a, b)] = weight  # edges come sorted: it is the worst so far

    def join_if_small(self, start: int, end: int, smallest: int) -> None:
        a, b = self.root(start), self.root(end)
        if a != b and min(self.size[a], self.size[b]) < smallest:
            self._join(a, b)

    def _join(self, a: int, b: int) -> int:
        large, small = (a, b) if self.size[a] >= self.size[b] else (b, a)
        self.parent[small] = large
        self.size[large] += self.size[small]
        return large


def _edges(pixels: _Numbers) -> tuple[list[float], list[int], list[int]]:
    """Edges from each pixel to its eight neighbours, cheapest first: distance of the colours, and both ends."""
    height, width = pixels.shape[:2]
    numbers = np.arange(height * width).reshape(height, width)
    up, down, left, right, whole = slice(None, -1), slice(1, None), slice(None, -1), slice(1, None), slice(None)
    pairs = [((whole, left), (whole, right)), ((up, whole), (down, whole))]
    pairs += [((up, left), (down, right)), ((down, left), (up, right))]
    weights = [np.linalg.norm(pixels[a] - pixels[b], axis=2).ravel() for a, b in pairs]
    starts, ends = (np.concatenate([numbers[pair[side]].ravel() for pair in pairs]) for side in (0, 1))
    together = np.concatenate(weights)
    order = np.argsort(together, kind="stable")
    return together[order].tolist(), starts[order].tolist(), ends[order].tolist()


def _in_reading_order(roots: NDArray[np.int64]) -> NDArray[np.int64]:
    """Number the roots from 0, in the order in which they are met first."""
    _, first, inverse = np.unique(roots, return_index=True, return_inverse=True)
    rank = np.empty(len(first), dtype=np.int64)
    rank[np.argsort(first)] = np.arange(len(first))
    return rank[inverse]


def _pixels(image: Tensor) -> _Numbers:
    checks.tensor("image", image, "C H W")
    if not image.is_floating_point():
        raise TypeError(f"image has dtype {image.dtype}; colours are floating point in [0, 1]. Divide bytes by 255")
    if 0 in image.shape:
        raise ValueError(f"image has shape {tuple(image.shape)}, without a pixel; there is nothing to cut")
    if not image.isfinite().all():
        raise ValueError("image holds nan or infinity; a colour is a number from 0 to 1")
    return np.ascontiguousarray(image.detach().cpu().double().permute(1, 2, 0).numpy())
