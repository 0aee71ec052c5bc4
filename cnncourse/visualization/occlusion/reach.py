"""How far does a change spread? Along one axis, from an interval of the input to an interval of the output.

outputs from ⌈(first + P − D(K − 1)) / S⌉ to ⌊(last + P) / S⌋ read a pixel of first … last
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from cnncourse.layers.stride_arithmetic import effective_kernel_size, output_size
from cnncourse.workbench import checks


def changed(
    first: int,
    last: int,
    input_size: int,
    kernel_size: int,
    stride: int = 1,
    padding: int = 0,
    dilation: int = 1,
    ceil_mode: bool = False,
) -> range:
    """Outputs that can change when only the inputs `first` … `last` do: those whose window reaches over them.

    Parameters
    ----------
    first, last
        Interval of the input, `last` included; ``last = first − 1`` means that nothing changed.
    input_size, kernel_size, stride, padding, dilation, ceil_mode
        As in `stride_arithmetic.output_size`.

    Returns
    -------
    range
        A run of outputs, empty if no window reaches them. All other outputs are certain to stay as they were.

    Raises
    ------
    ValueError
        If a value is out of range, or the interval leaves the input.
    """
    outputs = output_size(input_size, kernel_size, stride, padding, dilation, ceil_mode)
    checks.whole_number("first", first, 0, "It is the first changed pixel, counted from 0.")
    checks.whole_number("last", last, first - 1, "It is the last changed pixel, and included.")
    if last >= input_size:
        raise ValueError(f"last is {last}, but the input has {input_size} pixels, counted from 0")
    reach = effective_kernel_size(kernel_size, dilation)
    return reading(range(first, last + 1), reach, stride, padding, outputs)


def reading(inputs: range, reach: int, stride: int, before: int, outputs: int) -> range:
    """Which of `outputs` windows of `reach` pixels read some of `inputs`, if `before` pixels of padding come first."""
    if not inputs:
        return range(0)
    start = -(-(inputs.start + before - reach + 1) // stride)
    stop = (inputs.stop - 1 + before) // stride + 1
    return range(max(start, 0), min(stop, outputs)) or range(0)


def read(
    first: int, last: int, kernel_size: int, stride: int = 1, padding: int = 0, dilation: int = 1
) -> tuple[int, int]:
    """First and last input that the outputs `first` … `last` read; below 0 and past the end lies the padding."""
    checks.whole_number("first", first, 0, "It is the first output, counted from 0.")
    checks.whole_number("last", last, first, "It is the last output, and not before the first.")
    reach = effective_kernel_size(kernel_size, dilation)
    return first * stride - padding, last * stride - padding + reach - 1


def changed_through(first: int, last: int, input_size: int, layers: Sequence[dict[str, Any]]) -> list[range]:
    """What can have changed before the first and after each of several layers, along one axis.

    Each layer is a dictionary of arguments of `stride_arithmetic.output_size`, for example ``{"kernel_size": 3}``.
    """
    checks.whole_number("input_size", input_size, 1, "Pass the number of pixels along the axis.")
    changed(first, last, input_size, 1)  # checks the interval
    runs = [range(first, last + 1)]
    for layer in layers:
        run = runs[-1]
        runs.append(changed(run.start, run.stop - 1, input_size, **layer) if run else run)
        input_size = output_size(input_size, **layer)
    return runs
