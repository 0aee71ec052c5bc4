"""Writes small JPEG files, for tests."""

import io

import numpy as np
from PIL import Image


def one_colour(colour, height=20, width=30):
    """Bytes of a JPEG file of one colour (red, green, blue)."""
    buffer = io.BytesIO()
    pixels = np.broadcast_to(np.array(colour, dtype=np.uint8), (height, width, 3)).copy()
    Image.fromarray(pixels).save(buffer, "JPEG", quality=95)
    return buffer.getvalue()
