"""Reading a message of the codec; whatever is not exactly of its form is refused with `DecodeError`."""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from cnncourse.grading.codec import forms, library, records
from cnncourse.grading.codec.forms import DecodeError, Reference

# Types whose hash is computed by Python itself, never by the sender.
_HASHABLE = (
    type(None), bool, int, float, complex, str, bytes, range, frozenset, torch.Size, torch.dtype, torch.device,
)  # fmt: skip


class Decoder:
    """Reads one message; see `Encoder`.

    Parameters
    ----------
    resolve
        Gives the object for a `Reference`; without it references are refused.
    recalled
        Gives the receiver's own object for a number that `recall` gave.
    kept
        Takes a tensor with the number that `keep` gave, and returns what stands for it here.
    track
        Collects the mutable values in the order in which they are read.
    """

    def __init__(
        self,
        resolve: Callable[[Reference], object] | None = None,
        recalled: Callable[[int], object] | None = None,
        track: list[object] | None = None,
        kept: Callable[[int, Tensor], object] | None = None,
    ) -> None:
        self._resolve, self._recalled, self._track, self._kept = resolve, recalled, track, kept
        self._view, self._at, self._items = memoryview(b""), 0, 0

    def decode(self, message: bytes | bytearray | memoryview) -> Any:
        """Return the value that a message stands for.

        Raises
        ------
        DecodeError
            If the bytes are no message of this codec, or exceed its limits.
        """
        self._view = memoryview(message)
        try:
            value = self._read(0)
            if self._at != len(self._view):
                raise DecodeError("bytes are left over after the value")
        except DecodeError:
            raise
        except (ValueError, TypeError, OverflowError, LookupError, RuntimeError, MemoryError, struct.error) as error:
            # numpy and torch check more than we do; whatever they refuse is malformed too
            raise DecodeError(f"malformed: {type(error).__name__}") from None
        return value

    def _take(self, size: int) -> memoryview:
        if size > len(self._view) - self._at:
            raise DecodeError("the message ends too early")
        self._at += size
        return self._view[self._at - size : self._at]

    def _count(self) -> int:
        count: int = forms.COUNT.unpack(self._take(4))[0]
        if count > forms.MAX_ITEMS or count > len(self._view) - self._at:  # every item takes a byte at least
            raise DecodeError("a count is too large")
        return count

    def _length(self) -> int:
        length: int = forms.LENGTH.unpack(self._take(8))[0]
        return length

    def _read(self, depth: int) -> Any:
        self._items += 1
        if depth > forms.MAX_DEPTH or self._items > forms.MAX_ITEMS:
            raise DecodeError("nested too deeply or too many items")
        tag = bytes(self._take(1))
        if tag in _CONSTANTS:
            return _CONSTANTS[tag]
        reader = _READERS.get(tag)
        if reader is None:
            raise DecodeError(f"unknown tag {tag!r}")
        return reader(self, depth)

    def _expect(self, kind: type, depth: int) -> Any:
        value = self._read(depth + 1)
        if type(value) is not kind:
            raise DecodeError(f"expected {kind.__name__}")
        return value

    def _keep(self, value: Any) -> Any:
        if self._track is not None:
            self._track.append(value)
        return value

    def _int(self, _: int) -> int:
        size = forms.COUNT.unpack(self._take(4))[0]
        if not 0 < size <= forms.MAX_INTEGER_BYTES:
            raise DecodeError("an integer of a wrong size")
        return int.from_bytes(self._take(size), "little", signed=True)

    def _float(self, _: int) -> float:
        number: float = forms.FLOAT.unpack(self._take(8))[0]
        return number

    def _complex(self, _: int) -> complex:
        return complex(*forms.COMPLEX.unpack(self._take(16)))

    def _str(self, _: int) -> str:
        return str(self._take(self._length()), "utf-8", "surrogatepass")

    def _bytes(self, _: int) -> bytes:
        return bytes(self._take(self._length()))

    def _bytearray(self, _: int) -> bytearray:
        array: bytearray = self._keep(bytearray())
        array += self._take(self._length())
        return array

    def _list(self, depth: int) -> list[Any]:
        values: list[Any] = self._keep([])
        for _ in range(self._count()):
            values.append(self._read(depth + 1))  # noqa: PERF401 (it must stand in `track` before its items)
        return values

    def _tuple(self, depth: int) -> tuple[Any, ...]:
        return tuple([self._read(depth + 1) for _ in range(self._count())])

    def _named_tuple(self, depth: int) -> tuple[Any, ...]:
        name, fields = self._str(depth), self._expect(tuple, depth)
        values = self._expect(tuple, depth)
        if not records.are_fields(fields, len(values)) or not name.isidentifier():
            raise DecodeError("a named tuple with wrong names")
        return records.record(name, fields, values)

    def _set(self, depth: int) -> set[Any]:
        values: set[Any] = self._keep(set())
        for _ in range(self._count()):
            values.add(self._key(depth))
        return values

    def _frozenset(self, depth: int) -> frozenset[Any]:
        return frozenset([self._key(depth) for _ in range(self._count())])

    def _dict(self, depth: int) -> dict[Any, Any]:
        values: dict[Any, Any] = self._keep({})
        for _ in range(self._count()):
            key = self._key(depth)
            values[key] = self._read(depth + 1)
        return values

    def _key(self, depth: int) -> Any:
        referred = bytes(self._view[self._at : self._at + 1]) == b"H"  # hashed by identity, on the receiver's side
        key = self._read(depth + 1)
        if not referred and not _hashes_safely(key):
            raise DecodeError(f"a {type(key).__name__} cannot be a key here")
        return key

    def _range(self, depth: int) -> range:
        return range(*self._three(depth))

    def _slice(self, depth: int) -> slice:
        return slice(*self._three(depth))

    def _three(self, depth: int) -> tuple[Any, Any, Any]:
        parts = self._expect(tuple, depth)
        if len(parts) != 3 or not all(part is None or type(part) is int for part in parts):
            raise DecodeError("expected three integers")
        return parts  # type: ignore[no-any-return]

    def _shape(self, itemsize: int) -> tuple[list[int], memoryview]:
        """A shape and the bytes that fill it, checked against each other before anything is allocated."""
        shape = [self._length() for _ in range(self._take(1)[0])]
        elements = 1
        for size in shape:
            elements *= size
        if len(shape) > forms.MAX_AXES or any(size >= 2**40 for size in shape):
            raise DecodeError("an impossible shape")
        data = self._take(self._length())
        if len(data) != elements * itemsize:
            raise DecodeError("the data do not fill the shape")
        return shape, data

    def _array(self, _: int) -> np.ndarray[Any, Any]:
        dtype = forms.ARRAY_DTYPES[self._take(1)[0]]
        shape, data = self._shape(dtype.itemsize)
        if dtype == np.bool_:
            return self._keep(np.array(np.frombuffer(data, np.uint8).reshape(shape) != 0))  # type: ignore[no-any-return]
        return self._keep(np.frombuffer(bytearray(data), dtype).reshape(shape))  # type: ignore[no-any-return]

    def _text_array(self, depth: int) -> np.ndarray[Any, Any]:
        shape, items = self._expect(tuple, depth)
        if not all(type(item) is str for item in items):
            raise DecodeError("an array of text with something else in it")
        return self._keep(np.array(items, dtype=np.str_).reshape(shape))  # type: ignore[no-any-return]

    def _scalar(self, _: int) -> np.generic:
        dtype = forms.ARRAY_DTYPES[self._take(1)[0]]
        if dtype == np.bool_:
            return np.bool_(self._take(1)[0] != 0)
        scalar: np.generic = np.frombuffer(bytes(self._take(dtype.itemsize)), dtype)[0]
        return scalar

    def _tensor(self, depth: int) -> Tensor:
        number, flags = self._take(2)
        dtype = forms.DTYPES[number]
        shape, data = self._shape(dtype.itemsize)
        if len(data) == 0:
            tensor = torch.empty(shape, dtype=dtype)
        elif dtype is torch.bool:
            # bytes other than 0 and 1 in a bool tensor would be undefined behaviour in torch's kernels
            tensor = torch.frombuffer(bytearray(data), dtype=torch.uint8).reshape(shape) != 0
        else:
            tensor = torch.frombuffer(bytearray(data), dtype=dtype).reshape(shape)
        if flags & forms.PARAMETER:
            tensor = nn.Parameter(tensor, requires_grad=False)
        self._keep(tensor)
        if flags & forms.REQUIRES_GRAD:
            tensor.requires_grad_(True)
        if flags & forms.HAS_GRAD:
            if bytes(self._take(1)) != b"t" or depth > forms.MAX_DEPTH:
                raise DecodeError("a gradient that is no tensor")
            track, self._track = self._track, None
            tensor.grad = self._tensor(depth + 1)
            self._track = track
        return tensor

    def _size(self, depth: int) -> torch.Size:
        return torch.Size(self._expect(tuple, depth))

    def _dtype(self, _: int) -> torch.dtype:
        return forms.DTYPES[self._take(1)[0]]

    def _array_dtype(self, _: int) -> np.dtype[Any]:
        return forms.ARRAY_DTYPES[self._take(1)[0]]

    def _device(self, depth: int) -> torch.device:
        kind, index = self._expect(tuple, depth)
        if kind not in forms.DEVICES or not (index is None or (type(index) is int and 0 <= index < 128)):
            raise DecodeError("an unknown device")
        return torch.device(kind) if index is None else torch.device(kind, index)

    def _reference(self, depth: int) -> object:
        number = forms.COUNT.unpack(self._take(4))[0]
        facts = self._read(depth + 1)
        if self._resolve is None:
            raise DecodeError("a reference where only plain data are allowed")
        return self._keep(self._resolve(Reference(number, facts)))

    def _own(self, _: int) -> object:
        number = forms.COUNT.unpack(self._take(4))[0]
        if self._recalled is None:
            raise DecodeError("a reference where only plain data are allowed")
        return self._recalled(number)

    def _kept_tensor(self, depth: int) -> object:
        number = forms.COUNT.unpack(self._take(4))[0]
        if self._kept is None or bytes(self._take(1)) != b"t":
            raise DecodeError("a tensor with a number where only plain data are allowed")
        return self._kept(number, self._tensor(depth))

    def _library(self, depth: int) -> object:
        return library.thing_called(self._str(depth))


def decode(message: bytes | bytearray | memoryview, resolve: Callable[[Reference], object] | None = None) -> Any:
    """Return the value that a message stands for; see `Decoder`."""
    return Decoder(resolve).decode(message)


def _hashes_safely(key: object) -> bool:
    if type(key) is tuple:
        return all(map(_hashes_safely, key))
    return type(key) in _HASHABLE or isinstance(key, np.generic) or library.name_of(key) is not None


_CONSTANTS = {tag: value for value, tag in forms.CONSTANT_TAGS.items()}
_READERS: dict[bytes, Callable[[Decoder, int], Any]] = {
    b"i": Decoder._int,
    b"f": Decoder._float,
    b"c": Decoder._complex,
    b"s": Decoder._str,
    b"y": Decoder._bytes,
    b"Y": Decoder._bytearray,
    b"[": Decoder._list,
    b"(": Decoder._tuple,
    b"N": Decoder._named_tuple,
    b"{": Decoder._set,
    b"<": Decoder._frozenset,
    b"d": Decoder._dict,
    b"r": Decoder._range,
    b":": Decoder._slice,
    b"n": Decoder._array,
    b"u": Decoder._text_array,
    b"g": Decoder._scalar,
    b"t": Decoder._tensor,
    b"z": Decoder._size,
    b"D": Decoder._dtype,
    b"G": Decoder._array_dtype,
    b"V": Decoder._device,
    b"H": Decoder._reference,
    b"A": Decoder._own,
    b"K": Decoder._kept_tensor,
    b"L": Decoder._library,
}
