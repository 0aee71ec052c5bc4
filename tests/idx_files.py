"""Writes the idx format, for tests."""

import numpy as np


def written(array):
    """Bytes of an idx file with the values of an array of any shape."""
    header = bytes([0, 0, 8, array.ndim]) + b"".join(size.to_bytes(4, "big") for size in array.shape)
    return header + array.astype(np.uint8).tobytes()
