"""What filters look for: kernels made by hand, flipping, and what to read off an output.

true convolution: Σ w[u, v] · x[i − u, j − v];  cross-correlation, which networks compute: Σ w[u, v] · x[i + u, j + v]

Chapter: `layers/convolution`.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from cnncourse.layers.convolution.algorithms import convolve
from cnncourse.layers.convolution.geometry import Size, check_weights, one_of
from cnncourse.workbench import checks

# The widget of the chapter offers the same ones under the same names.
KERNELS: dict[str, tuple[tuple[float, ...], ...]] = {
    "identity": ((0, 0, 0), (0, 1, 0), (0, 0, 0)),
    "horizontal edges": ((-1, -2, -1), (0, 0, 0), (1, 2, 1)),
    "vertical edges": ((-1, 0, 1), (-2, 0, 2), (-1, 0, 1)),
    "laplacian": ((0, 1, 0), (1, -4, 1), (0, 1, 0)),
    "blur": ((1 / 16, 2 / 16, 1 / 16), (2 / 16, 4 / 16, 2 / 16), (1 / 16, 2 / 16, 1 / 16)),
    "sharpen": ((0, -1, 0), (-1, 5, -1), (0, -1, 0)),
    "emboss": ((-2, -1, 0), (-1, 1, 1), (0, 1, 2)),
}


def hand_made_kernel(name: str) -> Tensor:
    """One of `KERNELS` as a tensor (3, 3), float32.

    Raises
    ------
    ValueError
        If there is no such kernel; the message lists them.
    """
    return torch.tensor(KERNELS[one_of("name", name, tuple(KERNELS))], dtype=torch.float32)


def filter_bank(names: Sequence[str] = tuple(KERNELS), channels: int = 1) -> Tensor:
    """Hand-made filters for images of `channels` channels, (O, C, 3, 3): each slice is the kernel divided by C.

    So a filter answers to a colour image what its kernel answers to the mean of the channels.
    """
    if isinstance(names, str) or not isinstance(names, Sequence) or not names:
        raise ValueError(f"names is {names!r}; give a list of one or more of {', '.join(map(repr, KERNELS))}.")
    checks.whole_number("channels", channels, 1, "A grey image has one channel, a colour image three.")
    kernels = torch.stack([hand_made_kernel(name) for name in names])
    return kernels[:, None].expand(-1, channels, -1, -1) / channels


def flip(weight: Tensor) -> Tensor:
    """Turn kernels (…, K, K) by 180°, which changes cross-correlation into convolution and back."""
    if not isinstance(weight, Tensor) or weight.dim() < 2:
        raise ValueError(f"cannot flip {weight!r}; pass a tensor whose last two axes are the kernel, (..., K, K)")
    return weight.flip(-2, -1)


def true_convolution(
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Size = 1,
    padding: Size | str = 0,
    dilation: Size = 1,
    groups: int = 1,
) -> Tensor:
    """The convolution of mathematics and of `scipy.signal`: flip the kernels, then cross-correlate as layers do.

    Arguments are those of `convolve_by_loops`.
    """
    check_weights(weight, bias)
    return convolve(x, flip(weight), bias, stride, padding, dilation, groups)


def depth_column(output: Tensor, row: int, column: int) -> Tensor:
    """What all filters answer at one position: (N, O) from an output (N, O, H, W), (O,) from (O, H, W).

    Raises
    ------
    TypeError
        If the output is no tensor.
    ValueError
        If it has another shape or the position lies outside; positions count from 0.
    """
    if not isinstance(output, Tensor):
        raise TypeError(f"output is a {type(output).__name__}; it must be a tensor (N, O, H, W) or (O, H, W)")
    if output.dim() not in (3, 4):
        raise ValueError(f"output has shape {tuple(output.shape)}; expected (N, O, H, W) or (O, H, W)")
    for name, index, size in (("row", row, output.shape[-2]), ("column", column, output.shape[-1])):
        checks.whole_number(name, index, 0, "Positions count from 0.")
        if index >= size:
            raise ValueError(f"{name} is {index}, but the output has {size} of them. Use at most {size - 1}.")
    return output[..., row, column]
