"""Writing a message of the codec: plain data by value, everything else as a reference or not at all."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from cnncourse.grading.codec import forms, library, records
from cnncourse.grading.codec.forms import EncodeError, Reference


class Encoder:
    """Writes one message.

    Parameters
    ----------
    refer
        Gives the `Reference` for a value that the codec cannot express, or raises `EncodeError`.
    recall
        Gives the number under which the receiver knows a mutable value already (an argument of the call that is
        being answered), or `None`.
    keep
        Gives the number under which a tensor is known on the sender's side, or `None`; the receiver learns it.
    track
        Collects the mutable values in the order in which they are written; the decoder's list is in the same order.
    """

    def __init__(
        self,
        refer: Callable[[object], Reference] | None = None,
        recall: Callable[[object], int | None] | None = None,
        track: list[object] | None = None,
        keep: Callable[[Tensor], int | None] | None = None,
    ) -> None:
        self._refer, self._recall, self._track, self._keep = refer, recall, track, keep
        self._chunks: list[bytes] = []
        self._items = self._bytes = 0

    def encode(self, value: object) -> bytes:
        """Return the message that stands for `value`.

        Raises
        ------
        EncodeError
            If it holds something that the codec has no form for, is too deep (or cyclic) or too large.
        """
        self._write(value, 0)
        return b"".join(self._chunks)

    def _put(self, *chunks: bytes) -> None:
        self._chunks += chunks
        self._bytes += sum(map(len, chunks))
        if self._bytes > forms.MAX_BYTES:
            raise EncodeError(f"the value is larger than {forms.MAX_BYTES >> 20} MiB")

    def _write(self, value: object, depth: int) -> None:
        self._items += 1
        if depth > forms.MAX_DEPTH or self._items > forms.MAX_ITEMS:
            raise EncodeError("the value is nested too deeply, contains itself, or has too many items")
        kind = type(value)
        if self._recall and (kind in _MUTABLE or kind not in _WRITERS) and (number := self._recall(value)) is not None:
            return self._put(b"A", forms.COUNT.pack(number))
        if name := library.name_of(value):
            return self._put(b"L", _text(name))
        writer = _WRITERS.get(kind) or _writer_of_base(kind)
        if writer is None:
            if self._refer is None:
                raise EncodeError(f"a {kind.__name__} cannot be sent between the processes")
            if self._track is not None:
                self._track.append(value)
            reference = self._refer(value)
            self._put(b"H", forms.COUNT.pack(reference.number))
            return self._write(reference.facts, depth + 1)
        if self._track is not None and (kind in _MUTABLE or issubclass(kind, tuple(_MUTABLE))):
            self._track.append(value)
        return writer(self, value, depth)

    def _constant(self, value: object, _: int) -> None:
        self._put(forms.CONSTANT_TAGS[value])

    def _int(self, value: int, _: int) -> None:
        value = int.__add__(value, 0)  # a subclass becomes a plain int, whatever it overrides
        size = value.bit_length() // 8 + 1
        if size > forms.MAX_INTEGER_BYTES:
            raise EncodeError(f"an integer of {size} bytes is too large")
        self._put(b"i", forms.COUNT.pack(size), value.to_bytes(size, "little", signed=True))

    def _float(self, value: float, _: int) -> None:
        self._put(b"f", forms.FLOAT.pack(float.__add__(value, 0.0) if type(value) is not float else value))

    def _complex(self, value: complex, _: int) -> None:
        self._put(b"c", forms.COMPLEX.pack(complex.__add__(value, 0).real, complex.__add__(value, 0).imag))

    def _str(self, value: str, _: int) -> None:
        self._put(b"s", _text(str.__str__(value)))

    def _bytes_like(self, value: bytes | bytearray, _: int) -> None:
        tag = b"y" if isinstance(value, bytes) else b"Y"
        self._put(tag, forms.LENGTH.pack(len(value)), bytes(memoryview(value)))

    def _sequence(self, value: Any, depth: int) -> None:
        base, tag = next((base, tag) for base, tag in _SEQUENCE_TAGS.items() if isinstance(value, base))
        items = list(base.__iter__(value))
        if base is tuple and (fields := _field_names(type(value), len(items))):
            self._put(b"N", _text(_class_name(value)))
            self._write(fields, depth + 1)
        self._put(tag, forms.COUNT.pack(len(items)))
        for item in items:
            self._write(item, depth + 1)

    def _dict(self, value: dict[Any, Any], depth: int) -> None:
        items = list(dict.items(value))
        self._put(b"d", forms.COUNT.pack(len(items)))
        for key, item in items:
            self._write(key, depth + 1)
            self._write(item, depth + 1)

    def _range(self, value: range, depth: int) -> None:
        self._put(b"r")
        self._write((value.start, value.stop, value.step), depth + 1)

    def _slice(self, value: slice, depth: int) -> None:
        self._put(b":")
        self._write((value.start, value.stop, value.step), depth + 1)

    def _array(self, value: np.ndarray[Any, Any], depth: int) -> None:
        plain = np.asarray(value)
        if plain.dtype.kind == "U":
            self._put(b"u")
            return self._write((plain.shape, tuple(plain.reshape(-1).tolist())), depth + 1)
        native = plain.dtype.newbyteorder("=")
        if native not in forms.ARRAY_NUMBER or plain.ndim > forms.MAX_AXES:
            raise EncodeError(f"an array of dtype {plain.dtype} cannot be sent between the processes")
        data = np.ascontiguousarray(plain, dtype=native)
        return self._put(
            b"n",
            bytes([forms.ARRAY_NUMBER[native]]),
            _shape(plain.shape),
            forms.LENGTH.pack(data.nbytes),
            data.tobytes(),
        )

    def _scalar(self, value: np.generic, _: int) -> None:
        dtype = value.dtype.newbyteorder("=")
        if dtype not in forms.ARRAY_NUMBER:
            raise EncodeError(f"a number of type {dtype} cannot be sent between the processes")
        self._put(b"g", bytes([forms.ARRAY_NUMBER[dtype]]), np.asarray(value, dtype=dtype).tobytes())

    def _tensor(self, value: Tensor, depth: int) -> None:
        if self._keep and (number := self._keep(value)) is not None:
            self._put(b"K", forms.COUNT.pack(number))
        with torch._C.DisableTorchFunctionSubclass():  # a subclass must not act while it is written
            flags, grad = _leaf_flags(value)
            plain = value.detach()
            if plain.layout is not torch.strided or plain.is_quantized or plain.is_meta:
                raise EncodeError(f"a tensor of layout {plain.layout} on {plain.device} cannot be sent; make it dense")
            if plain.dtype not in forms.DTYPE_NUMBER or plain.dim() > forms.MAX_AXES:
                raise EncodeError(f"a tensor of dtype {plain.dtype} cannot be sent between the processes")
            if plain.numel() * plain.element_size() > forms.MAX_BYTES:
                raise EncodeError(f"a tensor of shape {tuple(plain.shape)} is larger than {forms.MAX_BYTES >> 20} MiB")
            data = _bytes_of(plain)
        head = bytes([forms.DTYPE_NUMBER[plain.dtype], flags])
        self._put(b"t", head, _shape(plain.shape), forms.LENGTH.pack(len(data)), data)
        if grad is not None:
            keep, self._keep = self._keep, None
            self._tensor(grad.detach(), depth + 1)
            self._keep = keep

    def _size(self, value: torch.Size, depth: int) -> None:
        self._put(b"z")
        self._write(tuple(value), depth + 1)

    def _dtype(self, value: torch.dtype, _: int) -> None:
        if value not in forms.DTYPE_NUMBER:
            raise EncodeError(f"{value} cannot be sent between the processes")
        self._put(b"D", bytes([forms.DTYPE_NUMBER[value]]))

    def _array_dtype(self, value: np.dtype[Any], _: int) -> None:
        if value not in forms.ARRAY_NUMBER:
            raise EncodeError(f"the dtype {value} cannot be sent between the processes")
        self._put(b"G", bytes([forms.ARRAY_NUMBER[value]]))

    def _device(self, value: torch.device, depth: int) -> None:
        self._put(b"V")
        self._write((value.type, value.index), depth + 1)


def encode(value: object, refer: Callable[[object], Reference] | None = None) -> bytes:
    """Return the message that stands for `value`; see `Encoder`."""
    return Encoder(refer).encode(value)


_SEQUENCE_TAGS: dict[Any, bytes] = {list: b"[", tuple: b"(", set: b"{", frozenset: b"<"}
_WRITERS: dict[type, Callable[[Encoder, Any, int], None]] = {
    type(None): Encoder._constant,
    bool: Encoder._constant,
    type(Ellipsis): Encoder._constant,
    int: Encoder._int,
    float: Encoder._float,
    complex: Encoder._complex,
    str: Encoder._str,
    bytes: Encoder._bytes_like,
    bytearray: Encoder._bytes_like,
    torch.Size: Encoder._size,
    list: Encoder._sequence,
    tuple: Encoder._sequence,
    set: Encoder._sequence,
    frozenset: Encoder._sequence,
    dict: Encoder._dict,
    range: Encoder._range,
    slice: Encoder._slice,
    np.ndarray: Encoder._array,
    Tensor: Encoder._tensor,
    nn.Parameter: Encoder._tensor,
    torch.dtype: Encoder._dtype,
    torch.device: Encoder._device,
}
_MUTABLE = {list, dict, set, bytearray, np.ndarray, Tensor, nn.Parameter}


def _writer_of_base(kind: type) -> Callable[[Encoder, Any, int], None] | None:
    """The writer for an instance of a subclass, which is sent as its plain base."""
    if issubclass(kind, np.generic) and not issubclass(kind, str):
        return Encoder._scalar
    if issubclass(kind, np.dtype):
        return Encoder._array_dtype
    return next((_WRITERS[base] for base in kind.__mro__ if base in _WRITERS), None)


def _field_names(kind: type, count: int) -> tuple[str, ...]:
    """Names of a named tuple's fields, or of those of torch's own (`torch.max` returns one)."""
    fields: Any = getattr(kind, "_fields", None) or (getattr(kind, "__match_args__", ()) if kind is not tuple else ())
    return fields if records.are_fields(fields, count) else ()


def _class_name(value: object) -> str:
    name = type(value).__name__[:100]
    return name if name.isidentifier() else "record"


def _leaf_flags(value: Tensor) -> tuple[int, Tensor | None]:
    """What autograd knows of a leaf; a result of a computation is sent without its history."""
    flags = forms.PARAMETER if isinstance(value, nn.Parameter) else 0
    if not value.is_leaf or not value.requires_grad:
        return flags, None
    grad = value.grad
    fits = grad is not None and grad.shape == value.shape and grad.dtype == value.dtype and not grad.is_sparse
    return flags | forms.REQUIRES_GRAD | (forms.HAS_GRAD if fits else 0), grad if fits else None


def _bytes_of(plain: Tensor) -> bytes:
    if plain.numel() == 0:
        return b""
    dense = plain.resolve_conj().resolve_neg().cpu().contiguous()
    flat = dense.as_strided((dense.numel(),), (1,))  # reshape would keep the odd stride of a single element
    return flat.view(torch.uint8).numpy().tobytes()


def _text(text: str) -> bytes:
    data = text.encode("utf-8", "surrogatepass")
    return forms.LENGTH.pack(len(data)) + data


def _shape(shape: Sequence[int]) -> bytes:
    return bytes([len(shape)]) + b"".join(map(forms.LENGTH.pack, shape))
