"""Part I of the course, Layers: what a convolutional layer does, computed and shown equal to torch."""

from cnncourse.layers.convolution import (
    Convolution,
    convolve,
    convolve_by_im2col,
    convolve_by_loops,
    convolve_by_torch,
    depth_column,
    filter_bank,
    true_convolution,
)

__all__ = [
    "Convolution",
    "convolve",
    "convolve_by_im2col",
    "convolve_by_loops",
    "convolve_by_torch",
    "depth_column",
    "filter_bank",
    "true_convolution",
]
