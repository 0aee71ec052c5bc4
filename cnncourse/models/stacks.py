"""A stack of convolutions beside the one large kernel that sees as much: weights, work, non-linearities.

r ← r + (K − 1)j, j ← Sj; weights Σ K²C²; multiply-adds Σ K²C²·positions (Simonyan & Zisserman 2015, section 2.3).

Chapter: `models/vgg`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from cnncourse.layers.receptive_field import fields_through, stack_weights
from cnncourse.layers.stride_arithmetic import output_size
from cnncourse.workbench import checks

_LAYERS = "Give pairs (kernel, stride) from the input upwards, for example [(3, 1), (3, 1)]."


@dataclass(frozen=True)
class StackCosts:
    """What a stack costs and what its last unit sees; `field` and `step` are in pixels of the input.

    Weights are without biases; a ReLU follows every layer.
    """

    field: int
    step: int
    weights: int
    multiply_adds: int
    relus: int


def stack_costs(layers: Sequence[Sequence[int]], channels: int = 64, size: int = 56) -> StackCosts:
    """Costs of square convolutions (kernel, stride) from C to C channels, on maps of size × size pixels.

    Kernels are odd, and padded so that a stride of 1 keeps the size.

    Raises
    ------
    ValueError
        If a kernel is even, or something is no positive whole number.
    """
    pairs = _checked(layers)
    checks.whole_number("channels", channels, 1, "A map has at least one channel.")
    side = checks.whole_number("size", size, 1, "Give the side of the map in pixels.")
    work = 0
    for kernel, stride in pairs:
        side = output_size(side, kernel, stride, kernel // 2)
        work += stack_weights([kernel], channels) * side**2
    field: Any = fields_through([{"kernel_size": kernel, "stride": stride} for kernel, stride in pairs])[-1]
    return StackCosts(field.size, field.stride, stack_weights([k for k, _ in pairs], channels), work, len(pairs))


def one_layer(layers: Sequence[Sequence[int]], channels: int = 64, size: int = 56) -> StackCosts:
    """Costs of the one layer that sees as much as a stack and answers at the same places."""
    stack = stack_costs(layers, channels, size)
    return stack_costs([(stack.field, stack.step)], channels, size)


def _checked(layers: Any) -> list[tuple[int, int]]:
    if not isinstance(layers, Sequence) or isinstance(layers, str) or not layers:
        raise ValueError(f"layers is {layers!r}; there must be at least one layer. {_LAYERS}")
    pairs = [checks.pair("a layer", layer, 1, _LAYERS) for layer in layers]
    for kernel, _ in pairs:
        if kernel % 2 == 0:
            raise ValueError(f"a kernel of {kernel} has no middle; an odd one keeps the size of the map")
    return pairs
