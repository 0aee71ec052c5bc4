"""Small maps made large: by copies, by straight lines between values, and by stamps of a kernel.

nearest:  y[i] = x[⌊i / s⌋]     bilinear:  y = A x Bᵀ     transposed convolution:  y[s·i + k − p] += x[i] w[k]
(Dumoulin & Visin 2016, chapter 4.) Unpooling with switches is `cnncourse.layers.max_unpooling`.

Chapter: `applications/encoder_decoder`.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from cnncourse.workbench import checks

Size = int | Sequence[int]


def nearest(values: Tensor, factor: Size = 2) -> Tensor:
    """Each value becomes a block of copies: (N, C, H, W) to (N, C, H · factor, W · factor).

    The same as `torch.nn.Upsample(scale_factor=factor)`.

    Raises
    ------
    TypeError, ValueError
        If these are no maps (N, C, H, W), or the factor is no whole number of at least 1.
    """
    checks.tensor("values", values, "N C H W")
    down, across = checks.pair("factor", factor, 1, "A factor of 2 doubles both sides.")
    return values.repeat_interleave(down, dim=2).repeat_interleave(across, dim=3)


def bilinear(values: Tensor, output_size: Size) -> Tensor:
    """Straight lines between the values along one axis, then along the other: (N, C, H, W) to (N, C, *output_size).

    The same as `torch.nn.functional.interpolate(values, output_size, mode="bilinear")`.

    Raises
    ------
    TypeError, ValueError
        If these are no maps (N, C, H, W) of real numbers with at least one pixel, or a size is below 1.
    """
    _real("values", values)
    height, width = checks.pair("output_size", output_size, 1, "Give (height, width) of the larger map.")
    if 0 in values.shape[2:]:
        raise ValueError(f"values have shape {tuple(values.shape)}: there is nothing to draw lines between")
    down = interpolation_matrix(values.shape[2], height).to(values)
    across = interpolation_matrix(values.shape[3], width).to(values)
    return down @ values @ across.T


def interpolation_matrix(input_size: int, output_size: int) -> Tensor:
    """The matrix that interpolates along one axis, float64 (output_size, input_size); each row sums to 1.

    The centre of output pixel i lies at (i + ½) · input / output − ½ of the input; outside of the first and the last
    centre the value stays what it is there.

    Raises
    ------
    ValueError
        If a size is below 1.
    """
    checks.whole_number("input_size", input_size, 1, "There must be something to interpolate.")
    checks.whole_number("output_size", output_size, 1, "Ask for at least one pixel.")
    centre = (torch.arange(output_size, dtype=torch.float64) + 0.5) * input_size / output_size - 0.5
    distance = centre.clamp(0, input_size - 1)[:, None] - torch.arange(input_size)
    return (1 - distance.abs()).clamp(min=0)


def transposed_convolution(
    values: Tensor, weight: Tensor, bias: Tensor | None = None, stride: Size = 1, padding: Size = 0
) -> Tensor:
    """Each value stamps its kernel on the output, `stride` pixels further than its neighbour; stamps add up.

    Parameters
    ----------
    values
        (N, C, H, W).
    weight
        (C, O, K, L): a kernel for each pair of input and output channel.
    bias
        (O,), or none.
    stride
        Output pixels between two stamps.
    padding
        Pixels that are cut off at each side: those that a convolution with this padding would never see.

    Returns
    -------
    Tensor
        (N, O, (H − 1) · stride + K − 2 · padding, …), the same as `torch.nn.functional.conv_transpose2d`.

    Raises
    ------
    TypeError, ValueError
        If shapes, types or devices do not fit each other, or nothing is left after the cut.
    """
    checks.tensor("values", values, "N C H W")
    checks.tensor("weight", weight, "C O K L", C=values.shape[1])
    if bias is not None:
        checks.tensor("bias", bias, "O", O=weight.shape[1])
    checks.alike(values=values, weight=weight, bias=bias)
    steps = checks.pair("stride", stride, 1, "With stride 2 the output is twice as large.")
    cut = checks.pair("padding", padding, 0, "Padding is cut off from the output.")
    full = [
        (size - 1) * step + kernel for size, step, kernel in zip(values.shape[2:], steps, weight.shape[2:], strict=True)
    ]
    left = [size - 2 * pixels for size, pixels in zip(full, cut, strict=True)]
    if min(left) < 1 or 0 in values.shape[2:] or 0 in weight.shape[2:]:
        raise ValueError(f"the output would have {left[0]}×{left[1]} pixels; cut off less, or enlarge the input")
    canvas = values.new_zeros(len(values), weight.shape[1], *full)
    for row in range(weight.shape[2]):
        for column in range(weight.shape[3]):
            stamped = torch.einsum("nchw,co->nohw", values, weight[:, :, row, column])
            reach = [start + (size - 1) * step + 1 for start, size, step in _along((row, column), values, steps)]
            canvas[:, :, row : reach[0] : steps[0], column : reach[1] : steps[1]] += stamped
    output = canvas[:, :, cut[0] : full[0] - cut[0], cut[1] : full[1] - cut[1]]
    return output if bias is None else output + bias[:, None, None]


def _along(starts: tuple[int, int], values: Tensor, steps: tuple[int, int]) -> zip[tuple[int, int, int]]:
    return zip(starts, values.shape[2:], steps, strict=True)


def _real(name: str, values: Tensor) -> None:
    checks.tensor(name, values, "N C H W")
    if not values.is_floating_point():
        raise TypeError(f"{name} has dtype {values.dtype}; means need floating point numbers: use `.float()`")
