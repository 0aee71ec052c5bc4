"""A picture made small to see what is there, and large again to say where: upsampling, checkerboards, skips.

U-Net: Ronneberger et al. 2015; SegNet: Badrinarayanan et al. 2017; the checkerboard: Odena et al. 2016.

Chapter: `applications/encoder_decoder`.
"""

from cnncourse.applications.encoder_decoder.checkerboard import (
    is_even,
    overlap_counts,
    overlap_map,
    pattern,
    phase_counts,
)
from cnncourse.applications.encoder_decoder.network import UPSAMPLINGS, EncoderDecoder, any_skips, unpadded_size
from cnncourse.applications.encoder_decoder.upsampling import (
    bilinear,
    interpolation_matrix,
    nearest,
    transposed_convolution,
)

__all__ = [
    "UPSAMPLINGS",
    "EncoderDecoder",
    "any_skips",
    "bilinear",
    "interpolation_matrix",
    "is_even",
    "nearest",
    "overlap_counts",
    "overlap_map",
    "pattern",
    "phase_counts",
    "transposed_convolution",
    "unpadded_size",
]
