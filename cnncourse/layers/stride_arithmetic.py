"""How large is the output? Kernel, stride, padding and dilation along one axis.

O = ⌊(I + 2P − D(K − 1) − 1) / S⌋ + 1        (Dumoulin & Visin 2016, relationship 14)

Chapter: `layers/stride_arithmetic`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from cnncourse.workbench import checks

_REMEDY = {
    "input_size": "Pass the number of pixels along the axis.",
    "kernel_size": "A kernel covers at least one pixel.",
    "stride": "The kernel has to move: use stride=1 to visit every position.",
    "padding": "Padding adds pixels; to remove pixels, crop the input instead.",
    "dilation": "dilation=1 means that the kernel's elements are neighbours.",
    "output_padding": "Use 0 to add nothing.",
}


def effective_kernel_size(kernel_size: int, dilation: int = 1) -> int:
    """Pixels from the first to the last element of a dilated kernel: D(K − 1) + 1."""
    _check(kernel_size=kernel_size, dilation=dilation)
    return dilation * (kernel_size - 1) + 1


def output_size(
    input_size: int,
    kernel_size: int,
    stride: int = 1,
    padding: int = 0,
    dilation: int = 1,
    ceil_mode: bool = False,
) -> int:
    """Number of positions at which the kernel fits, along one axis.

    Parameters
    ----------
    input_size, kernel_size, stride, padding, dilation
        Whole numbers in pixels, with torch's meaning; `padding` is added at both ends.
    ceil_mode
        Round up, as torch's pooling layers can: a last window may hang over the end, but must start
        inside the input or its left padding.

    Raises
    ------
    ValueError
        If a value is not a whole number or too small, or if the kernel is larger than the padded input.
    """
    _check(input_size=input_size, kernel_size=kernel_size, stride=stride, padding=padding, dilation=dilation)
    room = input_size + 2 * padding - effective_kernel_size(kernel_size, dilation)
    if room < 0:
        _raise_no_fit(input_size, kernel_size, padding, dilation)
    if not ceil_mode:
        return room // stride + 1
    size = -(-room // stride) + 1
    if (size - 1) * stride >= input_size + padding:
        size -= 1  # the last window would start in the right padding, and see nothing of the input
    return size


def output_shape(
    input_shape: Sequence[int],
    kernel_size: int | Sequence[int],
    stride: int | Sequence[int] = 1,
    padding: int | Sequence[int] = 0,
    dilation: int | Sequence[int] = 1,
    ceil_mode: bool = False,
) -> tuple[int, int]:
    """(H, W) of the output for an input of (H, W); each argument is one number or (vertical, horizontal)."""
    given = {
        "input_size": input_shape,
        "kernel_size": kernel_size,
        "stride": stride,
        "padding": padding,
        "dilation": dilation,
    }
    pairs = {name: checks.pair(name, value, _minimum(name), _REMEDY[name]) for name, value in given.items()}
    (height, width), kernels, strides, paddings, dilations = pairs.values()
    return (
        output_size(height, kernels[0], strides[0], paddings[0], dilations[0], ceil_mode),
        output_size(width, kernels[1], strides[1], paddings[1], dilations[1], ceil_mode),
    )


def window(position: int, kernel_size: int, stride: int = 1, padding: int = 0, dilation: int = 1) -> list[int]:
    """Input indices that output `position` reads; negative ones, and those past the end, lie in the padding."""
    _check(kernel_size=kernel_size, stride=stride, padding=padding, dilation=dilation)
    start = position * stride - padding
    return [start + element * dilation for element in range(kernel_size)]


def unread_pixels(input_size: int, kernel_size: int, stride: int = 1, padding: int = 0, dilation: int = 1) -> list[int]:
    """Indices of input pixels that no window reads: lost at the border, or skipped between windows."""
    positions = output_size(input_size, kernel_size, stride, padding, dilation)
    read: set[int] = set()
    for position in range(positions):
        read.update(window(position, kernel_size, stride, padding, dilation))
    return [index for index in range(input_size) if index not in read]


def lost_border(input_size: int, kernel_size: int, stride: int = 1, padding: int = 0, dilation: int = 1) -> int:
    """Number of positions at the end of the padded input that the floor in the formula gives up."""
    positions = output_size(input_size, kernel_size, stride, padding, dilation)
    reach = (positions - 1) * stride + effective_kernel_size(kernel_size, dilation)
    return input_size + 2 * padding - reach


def same_padding(kernel_size: int, dilation: int = 1) -> tuple[int, int]:
    """Padding (before, after) that keeps the size at stride 1.

    The two differ by one pixel when the effective kernel size is even: then no symmetric padding keeps the size.
    """
    total = effective_kernel_size(kernel_size, dilation) - 1
    return total // 2, total - total // 2


def transposed_output_size(
    input_size: int,
    kernel_size: int,
    stride: int = 1,
    padding: int = 0,
    dilation: int = 1,
    output_padding: int = 0,
) -> int:
    """Output size of a transposed convolution: O = (I − 1)S − 2P + D(K − 1) + `output_padding` + 1.

    It undoes the sizes (never the values) of a convolution with the same arguments; several input sizes share
    one output size there, and `output_padding` says which of them is meant.

    Raises
    ------
    ValueError
        If a value is out of range, `output_padding` is not below stride or dilation, or nothing would be left.
    """
    _check(
        input_size=input_size,
        kernel_size=kernel_size,
        stride=stride,
        padding=padding,
        dilation=dilation,
        output_padding=output_padding,
    )
    if output_padding >= max(stride, dilation):
        raise ValueError(
            f"output_padding is {output_padding}; it must be smaller than stride={stride} or dilation={dilation}, "
            "because it only chooses among the input sizes that the stride made alike."
        )
    size = (input_size - 1) * stride - 2 * padding + effective_kernel_size(kernel_size, dilation) + output_padding
    if size < 1:
        raise ValueError(f"the output size would be {size}: padding={padding} crops everything. Use less padding.")
    return size


def sizes_through(input_size: int, layers: Sequence[dict[str, Any]]) -> list[int]:
    """Sizes before the first and after each of several layers, for example ``[32, 28, 24]``.

    Each layer is a dictionary of arguments of `output_size`.
    """
    sizes = [input_size]
    for layer in layers:
        sizes.append(output_size(sizes[-1], **layer))
    return sizes


def layers_until_gone(input_size: int, kernel_size: int) -> int:
    """How many unpadded layers of stride 1 an image survives before the kernel no longer fits."""
    _check(input_size=input_size)
    checks.whole_number("kernel_size", kernel_size, 2, "A 1×1 kernel never shrinks the image.")
    count = 0
    while input_size >= kernel_size:
        input_size = output_size(input_size, kernel_size)
        count += 1
    return count


def _minimum(name: str) -> int:
    return 0 if name in ("padding", "output_padding") else 1


def _check(**values: int) -> None:
    for name, value in values.items():
        checks.whole_number(name, value, _minimum(name), _REMEDY[name])


def _raise_no_fit(input_size: int, kernel_size: int, padding: int, dilation: int) -> None:
    reach = effective_kernel_size(kernel_size, dilation)
    spread = f" (kernel_size={kernel_size} spread by dilation={dilation})" if dilation > 1 else ""
    raise ValueError(
        f"a kernel that covers {reach} pixels{spread} does not fit into {input_size + 2 * padding} pixels "
        f"(input_size={input_size} plus 2·padding={2 * padding}). "
        f"Use a smaller kernel, less dilation, or padding of at least {-(-(reach - input_size) // 2)}."
    )
