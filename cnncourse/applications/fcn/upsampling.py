"""Upsampling as a transposed convolution that begins as bilinear interpolation (Long et al. 2015, section 3.3).

Chapter: `applications/fcn`.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from cnncourse.workbench import checks


def bilinear_kernel(factor: int) -> Tensor:
    """The tent that a transposed convolution of stride `factor` spreads each value with, float32 (k, k).

    k is 2·factor for even factors and 2·factor − 1 for odd ones; at every place the tents that overlap add up to 1.

    Raises
    ------
    ValueError
        If the factor is no whole number from 1.
    """
    checks.whole_number("factor", factor, 1, "A factor of 1 leaves the size as it is.")
    size = 2 * factor - factor % 2
    tent = 1 - (torch.arange(size) - (size - 1) / 2).abs() / factor
    return torch.outer(tent, tent)


class Upsampling(nn.Module):
    """Each map enlarged by a whole factor; at the beginning as by bilinear interpolation.

    Every output map may read every input map, as in the authors' network; at the beginning, it reads its own alone.
    The outermost values are repeated beyond the edge, so that nothing fades there.

    Parameters
    ----------
    channels
        Maps in and out.
    trainable
        False keeps the interpolation as it is, as the paper does in its last layer.

    Shape: (N, C, H, W) → (N, C, factor·H, factor·W).
    """

    def __init__(self, channels: int, factor: int, trainable: bool = True) -> None:
        super().__init__()
        checks.whole_number("channels", channels, 1, "There is at least one map.")
        kernel = bilinear_kernel(factor)
        self.factor = factor
        self.spread = nn.ConvTranspose2d(
            channels, channels, len(kernel), stride=factor, padding=factor // 2 + factor, bias=False
        )
        with torch.no_grad():
            self.spread.weight.copy_(torch.eye(channels)[:, :, None, None] * kernel)
        self.spread.weight.requires_grad_(trainable)

    def forward(self, maps: Tensor) -> Tensor:
        """Enlarged maps."""
        larger: Tensor = self.spread(F.pad(maps, (1, 1, 1, 1), mode="replicate"))
        return larger
