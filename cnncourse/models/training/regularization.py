"""Dropout: units are silenced at random in training, and the others speak louder (Srivastava et al. 2014).

y = x · m / (1 − p) with m = 0 in a share p of the places: the expectation of y is x.

Chapter: `models/training`.
"""

from __future__ import annotations

import torch
from torch import Tensor

from cnncourse.workbench import checks


def dropout(values: Tensor, p: float, *, training: bool, generator: torch.Generator | None = None) -> Tensor:
    """Silence each value with probability `p` and divide the others by 1 − p; without `training`, change nothing.

    This is *inverted* dropout. The paper left the survivors alone and multiplied the weights by 1 − p in the test.

    Parameters
    ----------
    values
        Any shape, floating point.
    p
        In [0, 1]. With 1 everything is zero.

    Raises
    ------
    TypeError
        If the values are no floating point tensor.
    ValueError
        If `p` is no probability.
    """
    if not isinstance(values, Tensor) or not values.is_floating_point():
        raise TypeError("values must be a tensor of floating point numbers")
    checks.number("p", p, 0, 1)
    if not training or p == 0:
        return values
    if p == 1:
        return torch.zeros_like(values)
    kept = torch.rand(values.shape, generator=generator, device=values.device) >= p
    return torch.where(kept, values / (1 - p), 0.0)
