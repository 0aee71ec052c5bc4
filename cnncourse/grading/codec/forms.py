"""What both directions of the codec share: errors, limits, references and the tables of plain types."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch


class CodecError(Exception):
    """A value or a message that the codec refuses."""


class EncodeError(CodecError):
    """A value that cannot be sent; the text says which and why."""


class DecodeError(CodecError):
    """Bytes that are no message of this codec."""


@dataclass(frozen=True)
class Reference:
    """A thing that stays on the sender's side: its number there and plain facts about it."""

    number: int
    facts: Any = None


MAX_BYTES = 256 * 2**20
MAX_DEPTH = 64  # deeper than any honest result; cyclic data reaches it and is refused
MAX_ITEMS = 2_000_000
MAX_INTEGER_BYTES = 16 * 2**10
MAX_AXES = 32
COUNT, LENGTH, FLOAT, COMPLEX = (struct.Struct(code) for code in ("<I", "<Q", "<d", "<dd"))

DTYPES: tuple[torch.dtype, ...] = (
    torch.float32, torch.float64, torch.float16, torch.bfloat16, torch.int64, torch.int32, torch.int16, torch.int8,
    torch.uint8, torch.bool, torch.complex64, torch.complex128, torch.uint16, torch.uint32, torch.uint64,
)  # fmt: skip
DTYPE_NUMBER = {dtype: number for number, dtype in enumerate(DTYPES)}
_ARRAY_CODES = "? i1 i2 i4 i8 u1 u2 u4 u8 f2 f4 f8 c8 c16"
ARRAY_DTYPES = tuple(np.dtype(code) for code in _ARRAY_CODES.split())
ARRAY_NUMBER = {dtype: number for number, dtype in enumerate(ARRAY_DTYPES)}
DEVICES = ("cpu", "cuda", "mps", "meta", "xpu")
PARAMETER, REQUIRES_GRAD, HAS_GRAD = 1, 2, 4  # flags of a tensor
CONSTANT_TAGS: dict[object, bytes] = {None: b"0", True: b"T", False: b"F", Ellipsis: b"."}
