"""Named tuples that a message describes: field names are kept, methods of the sender's class are not."""

from __future__ import annotations

import keyword
from functools import lru_cache
from operator import itemgetter
from typing import Any

_MAX_FIELDS = 64


def are_fields(fields: object, count: int) -> bool:
    """Tell whether these are `count` different names that a named tuple may have."""
    return (
        type(fields) is tuple
        and 0 < len(fields) == count <= _MAX_FIELDS
        and len({*fields}) == count
        and all(
            type(name) is str and name.isidentifier() and not name.startswith("_") and not keyword.iskeyword(name)
            for name in fields
        )
    )


def record(name: str, fields: tuple[str, ...], values: tuple[Any, ...]) -> tuple[Any, ...]:
    """Build the named tuple."""
    made: tuple[Any, ...] = tuple.__new__(_kind(name, fields), values)
    return made


@lru_cache(maxsize=256)
def _kind(name: str, fields: tuple[str, ...]) -> Any:
    # collections.namedtuple would evaluate source text made of the names
    getters = {field: property(itemgetter(number)) for number, field in enumerate(fields)}
    return type(name, (tuple,), {"__slots__": (), "_fields": fields, "_asdict": _asdict, **getters})


def _asdict(values: Any) -> dict[str, Any]:
    return dict(zip(values._fields, values, strict=True))
