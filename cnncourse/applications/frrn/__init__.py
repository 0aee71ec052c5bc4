"""Full-resolution residual networks: one stream pools for context, one keeps every pixel's place (Pohlen et al. 2017).

y' = G(y, pool(z)), z' = z + unpool(H(y')).

Chapter: `applications/frrn`.
"""

from cnncourse.applications.frrn.bootstrapping import (
    IGNORE,
    bootstrapped_cross_entropy,
    hardest_pixels,
    pixel_losses,
)
from cnncourse.applications.frrn.network import FRRN, STAGES, Stage, Streams, frrn, narrow
from cnncourse.applications.frrn.units import FullResolutionResidualUnit, ResidualUnit, unpool

__all__ = [
    "FRRN",
    "IGNORE",
    "STAGES",
    "FullResolutionResidualUnit",
    "ResidualUnit",
    "Stage",
    "Streams",
    "bootstrapped_cross_entropy",
    "frrn",
    "hardest_pixels",
    "narrow",
    "pixel_losses",
    "unpool",
]
