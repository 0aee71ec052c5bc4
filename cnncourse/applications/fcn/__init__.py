"""Fully convolutional networks: a score for every pixel, of pictures of any size (Long et al. 2015).

Chapter: `applications/fcn`.
"""

from cnncourse.applications.fcn.colours import COLOURS, coloured
from cnncourse.applications.fcn.convolutionalized import ScoreMaps, convolutionalized, dense_to_convolution
from cnncourse.applications.fcn.ladder import (
    CONTINUED,
    RUNGS,
    Measures,
    gain,
    measure,
    measured,
    seeds,
    segment,
    shares_enlarged,
    spread,
    trained,
)
from cnncourse.applications.fcn.network import FCN, STRIDES, pixel_cross_entropy
from cnncourse.applications.fcn.upsampling import Upsampling, bilinear_kernel

__all__ = [
    "COLOURS",
    "CONTINUED",
    "FCN",
    "RUNGS",
    "STRIDES",
    "Measures",
    "ScoreMaps",
    "Upsampling",
    "bilinear_kernel",
    "coloured",
    "convolutionalized",
    "dense_to_convolution",
    "gain",
    "measure",
    "measured",
    "pixel_cross_entropy",
    "seeds",
    "segment",
    "shares_enlarged",
    "spread",
    "trained",
]
