"""Part I of the course, Layers: what a convolutional layer does, computed and shown equal to torch."""

from cnncourse.layers.budget import Budget, count
from cnncourse.layers.connectivity import LocallyConnected, count_weights, region_size, response_bytes, volume_shape

__all__ = ["Budget", "LocallyConnected", "count", "count_weights", "region_size", "response_bytes", "volume_shape"]
