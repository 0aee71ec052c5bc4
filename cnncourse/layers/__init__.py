"""Part I of the course, Layers: what a convolutional layer does, computed and shown equal to torch."""

from cnncourse.layers.budget import Budget, count
from cnncourse.layers.connectivity import LocallyConnected, count_weights, region_size, response_bytes, volume_shape
from cnncourse.layers.convolution import (
    Convolution,
    convolve,
    convolve_by_im2col,
    convolve_by_loops,
    convolve_by_torch,
    depth_column,
    filter_bank,
    true_convolution,
)
from cnncourse.layers.pooling import (
    AveragePooling,
    BlurPooling,
    MaxPooling,
    adaptive_average_pooling,
    average_pooling,
    blur_pooling,
    global_max_pooling,
    max_pooling,
    max_unpooling,
)
from cnncourse.layers.receptive_field import (  # its function of the same name stays there, beside the module
    ReceptiveField,
    ReceptiveFields,
    effective_receptive_field,
    fields_through,
    measured_receptive_field,
)
from cnncourse.layers.robustness import detector_response, moving_crops, shift, shift_gaps

__all__ = [
    "AveragePooling",
    "BlurPooling",
    "Budget",
    "Convolution",
    "LocallyConnected",
    "MaxPooling",
    "ReceptiveField",
    "ReceptiveFields",
    "adaptive_average_pooling",
    "average_pooling",
    "blur_pooling",
    "convolve",
    "convolve_by_im2col",
    "convolve_by_loops",
    "convolve_by_torch",
    "count",
    "count_weights",
    "depth_column",
    "detector_response",
    "effective_receptive_field",
    "fields_through",
    "filter_bank",
    "global_max_pooling",
    "max_pooling",
    "max_unpooling",
    "measured_receptive_field",
    "moving_crops",
    "region_size",
    "response_bytes",
    "shift",
    "shift_gaps",
    "true_convolution",
    "volume_shape",
]
