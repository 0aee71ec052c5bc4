"""Photographs that need no network, as tensors.

The pictures come with scikit-image, whose documentation states the origin and licence of each:
https://scikit-image.org/docs/stable/api/skimage.data.html.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)

PHOTOGRAPHS = ("astronaut", "camera", "chelsea", "coffee", "motorcycle", "rocket")


def photograph(name: str, size: int | tuple[int, int] | None = None, grey: bool = False) -> Tensor:
    """Return a bundled photograph, float32 in [0, 1], shape (C, H, W).

    Parameters
    ----------
    name
        One of `PHOTOGRAPHS`.
    size
        Without it the photograph keeps its own size. A pair is (height, width); a number makes a square
        after the longer side is cropped around the centre.
    grey
        One channel of brightness in place of red, green and blue.

    Raises
    ------
    ValueError
        If there is no such photograph or the size is not positive.
    """
    if name not in PHOTOGRAPHS:
        raise ValueError(f"there is no photograph {name!r}; choose one of {', '.join(PHOTOGRAPHS)}")
    pixels = _loader(name)()
    pixels = pixels[..., None] if pixels.ndim == 2 else pixels
    image = torch.from_numpy(pixels.copy()).permute(2, 0, 1).float() / 255  # (C, H, W)
    if grey:
        image = to_grey(image)
    if isinstance(size, int):
        image = resize(crop_square(image), (size, size))
    elif size is not None:
        image = resize(image, size)
    return image


def to_grey(image: Tensor) -> Tensor:
    """Brightness of an image (..., 3, H, W) as (..., 1, H, W), with the weights of ITU-R BT.601."""
    if image.shape[-3] == 1:
        return image
    weights = image.new_tensor([0.299, 0.587, 0.114]).reshape(3, 1, 1)
    return (image * weights).sum(dim=-3, keepdim=True)


def crop_square(image: Tensor) -> Tensor:
    """The largest square around the centre of an image (..., H, W)."""
    height, width = image.shape[-2:]
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    return image[..., top : top + side, left : left + side]


def resize(image: Tensor, size: tuple[int, int]) -> Tensor:
    """Resize (C, H, W) or (N, C, H, W) to `size` = (height, width), bilinear and without aliasing."""
    if len(size) != 2 or min(size) < 1:
        raise ValueError(f"size is {size}; give (height, width), both at least 1")
    batch = image if image.dim() == 4 else image[None]
    resized = F.interpolate(batch, size=size, mode="bilinear", align_corners=False, antialias=True)
    return resized if image.dim() == 4 else resized[0]


def normalise(image: Tensor, mean: Sequence[float] = IMAGENET_MEAN, std: Sequence[float] = IMAGENET_STD) -> Tensor:
    """Subtract the mean and divide by the standard deviation of each channel, (..., C, H, W)."""
    centre, scale = _per_channel(image, mean), _per_channel(image, std)
    return (image - centre) / scale


def denormalise(image: Tensor, mean: Sequence[float] = IMAGENET_MEAN, std: Sequence[float] = IMAGENET_STD) -> Tensor:
    """Undo `normalise`, (..., C, H, W)."""
    centre, scale = _per_channel(image, mean), _per_channel(image, std)
    return image * scale + centre


def _per_channel(image: Tensor, values: Sequence[float]) -> Tensor:
    if image.dim() < 3 or image.shape[-3] != len(values):
        raise ValueError(
            f"{len(values)} channel values do not fit an image of shape {tuple(image.shape)}; "
            "the channels are expected in the third dimension from the end, (..., C, H, W)"
        )
    return image.new_tensor(list(values)).reshape(-1, 1, 1)


def _loader(name: str) -> Callable[[], NDArray[np.uint8]]:
    from skimage import data  # slow to import, and only needed here

    if name == "motorcycle":
        return lambda: data.stereo_motorcycle()[0]
    loader: Callable[[], NDArray[np.uint8]] = getattr(data, name)
    return loader
