"""Convolution: slide filters over an image, multiply what they see, and sum.

y[n, o, i, j] = b[o] + Σ_c Σ_u Σ_v w[o, c, u, v] · x[n, c, S·i + D·u − P, S·j + D·v − P]        (LeCun et al. 1998)

Chapter: `layers/convolution`.
"""

from cnncourse.layers.convolution.algorithms import (
    ALGORITHMS,
    choose_algorithm,
    convolve,
    convolve_by_im2col,
    convolve_by_loops,
    convolve_by_torch,
)
from cnncourse.layers.convolution.columns import column_matrix_bytes, column_matrix_shape, default_memory_budget
from cnncourse.layers.convolution.geometry import PADDING_MODES, count_parameters
from cnncourse.layers.convolution.kernels import (
    KERNELS,
    depth_column,
    filter_bank,
    flip,
    hand_made_kernel,
    true_convolution,
)
from cnncourse.layers.convolution.layer import Convolution

__all__ = [
    "ALGORITHMS",
    "KERNELS",
    "PADDING_MODES",
    "Convolution",
    "choose_algorithm",
    "column_matrix_bytes",
    "column_matrix_shape",
    "convolve",
    "convolve_by_im2col",
    "convolve_by_loops",
    "convolve_by_torch",
    "count_parameters",
    "default_memory_budget",
    "depth_column",
    "filter_bank",
    "flip",
    "hand_made_kernel",
    "true_convolution",
]
