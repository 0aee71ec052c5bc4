"""Deep compression: a layer as 256 shared values, an 8-bit code for each weight kept, and 4-bit gaps between them.

position_i = Σ_{j ≤ i} (gap_j + 1) − 1. A gap over 15 needs a stored zero on the way. (Han, Mao & Dally 2016)

Chapter: `models/googlenet`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

_Value = TypeVar("_Value", bound=np.generic)
_LONGEST_GAP = 15
_CODES = 256


def decode(content: bytes, layers: Mapping[str, tuple[int, ...]]) -> dict[str, Tensor]:
    """Unpack a file of compressed layers.

    Parameters
    ----------
    content
        How many weights each layer stores, as 32-bit numbers; then, layer by layer, the 256 shared values and the
        biases (float32), the codes (8 bits each) and the gaps (4 bits each, the low half of a byte first).
    layers
        Name of each layer, in the file's order, and the shape of its weight, (C_out, C_in, K, K).

    Returns
    -------
    dict
        ``name.weight`` and ``name.bias``, float32.

    Raises
    ------
    ValueError
        If the content is longer or shorter than its own numbers say, or a position lies outside of its layer.
    """
    reader = _Reader(content)
    stored = reader.take(np.dtype("<u4"), len(layers)).tolist()
    state: dict[str, Tensor] = {}
    for (name, shape), number in zip(layers.items(), stored, strict=True):
        shared = reader.take(np.dtype("<f4"), _CODES)
        bias = reader.take(np.dtype("<f4"), shape[0])
        codes = reader.take(np.dtype("u1"), number)
        gaps = unpack_gaps(reader.take(np.dtype("u1"), -(-number // 2)), number)
        weight = scatter(shared[codes], gaps, int(np.prod(shape)))
        state[f"{name}.weight"] = torch.from_numpy(weight).reshape(shape)
        state[f"{name}.bias"] = torch.from_numpy(bias.astype(np.float32))
    reader.finish()
    return state


def encode(state: Mapping[str, Tensor]) -> bytes:
    """Pack layers (``name.weight``, ``name.bias``) whose weights have at most 255 different values besides zero."""
    names = [name.removesuffix(".weight") for name in state if name.endswith(".weight")]
    numbers, parts = [], []
    for name in names:
        flat = state[f"{name}.weight"].float().flatten().numpy()
        shared = _shared_values(name, flat)
        kept, gaps = find_gaps(flat)
        codes = np.searchsorted(shared, flat[kept]).astype("u1")
        numbers.append(len(kept))
        parts += [shared.astype("<f4"), state[f"{name}.bias"].float().numpy().astype("<f4"), codes, pack_gaps(gaps)]
    return b"".join(part.tobytes() for part in [np.array(numbers, dtype="<u4"), *parts])


def find_gaps(flat: NDArray[np.float32]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Positions to store and the zeros before each: all weights that are not zero, and a zero after each 15 zeros."""
    kept, gaps, last = [], [], -1
    for position in np.flatnonzero(flat).tolist():
        while position - last - 1 > _LONGEST_GAP:
            last += _LONGEST_GAP + 1
            kept.append(last)
            gaps.append(_LONGEST_GAP)
        kept.append(position)
        gaps.append(position - last - 1)
        last = position
    return np.array(kept, dtype=np.int64), np.array(gaps, dtype=np.int64)


def scatter(values: NDArray[np.float32], gaps: NDArray[np.int64], size: int) -> NDArray[np.float32]:
    """Put values back at the positions that the gaps describe, zeros elsewhere, (size,)."""
    positions = np.cumsum(gaps + 1) - 1
    if len(positions) and positions[-1] >= size:
        raise ValueError(f"a weight lies at position {positions[-1]} of a layer of {size}: the file is damaged")
    flat = np.zeros(size, dtype=np.float32)
    flat[positions] = values
    return flat


def unpack_gaps(packed: NDArray[np.uint8], number: int) -> NDArray[np.int64]:
    """Two gaps from each byte, the low half first; a last half that is left over is dropped."""
    return np.stack([packed & 15, packed >> 4], axis=1).reshape(-1)[:number].astype(np.int64)


def pack_gaps(gaps: NDArray[np.int64]) -> NDArray[np.uint8]:
    """Two gaps into each byte; the inverse of `unpack_gaps`."""
    even = np.append(gaps, 0)[: 2 * (-(-len(gaps) // 2))].astype(np.uint8)
    return (even[::2] | even[1::2] << 4).astype(np.uint8)


def size_in_bits(stored: int, biases: int) -> int:
    """Bits of one compressed layer: the shared values, the biases, and twelve bits for each stored weight."""
    return 32 * (_CODES + biases) + 8 * stored + 8 * (-(-stored // 2)) + 32


def _shared_values(name: str, flat: NDArray[np.float32]) -> NDArray[np.float32]:
    values = np.unique(np.append(flat, np.float32(0)))
    if len(values) > _CODES:
        raise ValueError(f"{name} has {len(values)} different weights; share them among at most {_CODES} values first")
    return np.append(values, np.full(_CODES - len(values), np.inf, dtype=np.float32))


class _Reader:
    """Takes arrays from bytes, one behind another, and notices when they do not suffice."""

    def __init__(self, content: bytes) -> None:
        self.content, self.position = content, 0

    def take(self, dtype: np.dtype[_Value], number: int) -> NDArray[_Value]:
        end = self.position + number * dtype.itemsize
        if end > len(self.content):
            raise ValueError(f"the file ends after {len(self.content)} bytes, but {end} are needed: it is truncated")
        part = np.frombuffer(self.content, dtype, number, self.position)
        self.position = end
        return part

    def finish(self) -> None:
        if self.position != len(self.content):
            raise ValueError(f"{len(self.content) - self.position} bytes are left over: not a file for these layers")


def layers_of(state: Mapping[str, Tensor], order: Sequence[str] | None = None) -> dict[str, tuple[int, ...]]:
    """Names and shapes that `decode` wants, from a network's `state_dict`, in its own or another order."""
    names = [name.removesuffix(".weight") for name in state if name.endswith(".weight")] if order is None else order
    return {name: tuple(state[f"{name}.weight"].shape) for name in names}
