"""Fully convolutional networks: a score for every pixel, of pictures of any size (Long et al. 2015).

Chapter: `applications/fcn`.
"""

from cnncourse.applications.fcn.convolutionalized import ScoreMaps, convolutionalized, dense_to_convolution
from cnncourse.applications.fcn.network import FCN, STRIDES, pixel_cross_entropy
from cnncourse.applications.fcn.upsampling import Upsampling, bilinear_kernel

__all__ = [
    "FCN",
    "STRIDES",
    "ScoreMaps",
    "Upsampling",
    "bilinear_kernel",
    "convolutionalized",
    "dense_to_convolution",
    "pixel_cross_entropy",
]
