"""Near-duplicates: the same picture after JPEG, resizing, a crop or a mirror, found by 64 bits of it.

Bit (r, c) of the difference hash says whether, in a 9×8 copy in grey, a pixel is darker than its right neighbour.

Chapter: `applications/own_picture`.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor

from cnncourse.workbench import checks, resize
from cnncourse.workbench.images import to_grey

ROWS, COLUMNS = 8, 8
BITS = ROWS * COLUMNS


def difference_hash(image: Tensor) -> Tensor:
    """64 bits of a picture (C, H, W) with one or three channels, bool (64,); its scale and its size do not matter."""
    checks.tensor("image", image, "C H W")
    if image.shape[0] not in (1, 3) or 0 in image.shape:
        raise ValueError(f"image has shape {tuple(image.shape)}; give one channel or three, and at least one pixel")
    small = resize(to_grey(image.float()), (ROWS, COLUMNS + 1))[0]
    return (small[:, 1:] > small[:, :-1]).flatten()


def hashes(images: Sequence[Tensor]) -> Tensor:
    """The bits of many pictures of any sizes, bool (N, 64)."""
    return torch.stack([difference_hash(one) for one in images]) if len(images) else torch.zeros(0, BITS).bool()


def mirrored(bits: Tensor) -> Tensor:
    """The bits of the same pictures, mirrored left to right, bool (…, 64); equal neighbours are rare."""
    return ~bits.reshape(*bits.shape[:-1], ROWS, COLUMNS).flip(-1).reshape(bits.shape)


def distances(first: Tensor, second: Tensor, mirror: bool = True) -> Tensor:
    """Number of bits that differ, int64 (N, M); with `mirror` the smaller one of a picture and its mirror image.

    Raises
    ------
    ValueError
        If these are no bits of shape (N, 64) and (M, 64).
    """
    for name, bits in (("first", first), ("second", second)):
        checks.tensor(name, bits, "N B", B=BITS)
        if bits.dtype != torch.bool:
            raise ValueError(f"{name} has dtype {bits.dtype}; give the bits of `difference_hash`")
    apart = _different(first, second)
    return torch.minimum(apart, _different(first, mirrored(second))) if mirror else apart


def near_duplicates(first: Tensor, second: Tensor, most: int = 8, mirror: bool = True) -> list[tuple[int, int, int]]:
    """Pairs (place in first, place in second, bits that differ) with at most `most` bits, the closest first."""
    checks.whole_number("most", most, 0, "Equal pictures differ in no bit.")
    apart = distances(first, second, mirror)
    pairs = [(one, other, int(apart[one, other])) for one, other in (apart <= most).nonzero().tolist()]
    return sorted(pairs, key=lambda pair: (pair[2], pair[0], pair[1]))


def _different(first: Tensor, second: Tensor) -> Tensor:
    one, other = first.float(), second.float()
    ones = one @ other.T
    return (one.sum(dim=1)[:, None] + other.sum(dim=1)[None] - 2 * ones).round().long()


# What happens to pictures on their way through the web -------------------------------------------------------------


def recompressed(image: Tensor, quality: int = 30) -> Tensor:
    """Through a JPEG file of low quality and back, uint8 (3, H, W)."""
    from PIL import Image

    file = io.BytesIO()
    Image.fromarray(image.permute(1, 2, 0).numpy()).save(file, "JPEG", quality=quality)
    with Image.open(file) as again:
        return torch.from_numpy(np.array(again.convert("RGB"))).permute(2, 0, 1)


def smaller(image: Tensor, factor: float = 0.5) -> Tensor:
    """Made smaller, uint8 (3, H, W)."""
    size = (max(1, round(image.shape[1] * factor)), max(1, round(image.shape[2] * factor)))
    return resize(image.float(), size).round().clamp(0, 255).to(torch.uint8)


def cropped(image: Tensor, share: float = 0.05) -> Tensor:
    """Without a border of this share of each side, uint8 (3, H, W)."""
    height, width = image.shape[1:]
    top, left = round(height * share), round(width * share)
    return image[:, top : height - top, left : width - left]


def brighter(image: Tensor, factor: float = 1.3) -> Tensor:
    """Every value times a factor, at most 255, uint8 (3, H, W)."""
    return (image.float() * factor).round().clamp(0, 255).to(torch.uint8)


def flipped(image: Tensor) -> Tensor:
    """Mirrored left to right, (3, H, W)."""
    return image.flip(-1)


CHANGES: dict[str, Callable[[Tensor], Tensor]] = {
    "recompressed": recompressed,
    "smaller": smaller,
    "brighter": brighter,
    "cropped": cropped,
    "mirrored": flipped,
}
