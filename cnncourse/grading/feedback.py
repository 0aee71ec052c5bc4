"""What self-checks call: compare an answer with what was expected and say in words what is wrong.

Every function raises `AssertionError` with one or two plain sentences, and shows an expected value only where the
author asks for it. They look at returned values alone, so they also work on functions that live in another process.
"""

from __future__ import annotations

import hashlib
import itertools
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

__all__ = [
    "expect_close",
    "expect_device",
    "expect_dtype",
    "expect_equal",
    "expect_number",
    "expect_raises",
    "expect_results",
    "expect_secret",
    "expect_shape",
    "expect_type",
    "secret",
]

Misconceptions = Mapping[str, object]
_ROUNDS = 20_000  # about 10 ms a guess: enough to make guessing slower than thinking


def expect_type(actual: object, kind: type | tuple[type, ...], name: str = "your result") -> None:
    """Fail unless `actual` is an instance of `kind`; a bool is not accepted as an int."""
    kinds = kind if isinstance(kind, tuple) else (kind,)
    if isinstance(actual, kinds) and not (isinstance(actual, bool) and bool not in kinds):
        return
    if actual is None:
        raise AssertionError(f"{name} is None. Does your function end with a return statement?")
    wanted = " or ".join(a_or_an(k.__name__) for k in kinds)
    raise AssertionError(f"{name} is {a_or_an(type(actual).__name__)}; expected {wanted}.")


def expect_shape(actual: object, shape: Sequence[int], name: str = "your output") -> None:
    """Fail unless the shape is `shape`; transposed, dropped, extra and off-by-one axes are named.

    Parameters
    ----------
    actual
        A tensor, an array, or nested lists of numbers.
    shape
        The expected shape; it is shown to the student.
    """
    found, wanted = tuple(_numbers(actual, name).shape), tuple(shape)
    if found != wanted:
        raise AssertionError(f"{name} {_shape_problem(found, wanted)}: expected {wanted}, got {found}.")


def expect_dtype(actual: object, dtype: torch.dtype, name: str = "your output") -> None:
    """Fail unless `actual` is a tensor of `dtype`."""
    expect_type(actual, Tensor, name)
    found = _numbers(actual, name).dtype
    if found != dtype:
        raise AssertionError(f"{name} has dtype {found}; expected {dtype}.")


def expect_device(actual: object, device: str | torch.device, name: str = "your output") -> None:
    """Fail unless `actual` is a tensor on `device`."""
    expect_type(actual, Tensor, name)
    found, wanted = _numbers(actual, name).device, torch.device(device)
    if found.type != wanted.type or wanted.index not in (None, found.index):
        raise AssertionError(f"{name} is on {found}; expected {wanted}. Create new tensors on the input's device.")


def expect_equal(
    actual: object,
    expected: object,
    name: str = "your result",
    misconceptions: Misconceptions | None = None,
    reveal: bool = False,
) -> None:
    """Fail unless two plain values are the same: numbers, words, or tuples, lists and dictionaries of them.

    Lists and tuples count as the same, 3 and 3.0 do not.

    Parameters
    ----------
    misconceptions
        Known wrong answers: words that continue "what you get when …", and the value that one gets then.
    reveal
        Show the expected value.
    """
    found, wanted = _plain(actual), _plain(expected)
    if _same(found, wanted):
        return
    if actual is None:
        raise AssertionError(f"{name} is None. Does your function end with a return statement?")
    for words, wrong in (misconceptions or {}).items():
        if _same(found, _plain(wrong)):
            raise AssertionError(f"{name} is {_short(found)}. That is what you get when {words}.")
    ending = f"; expected {_short(wanted)}" if reveal else ""
    raise AssertionError(f"{name} is {_short(found)}{ending or _kind_of_difference(found, wanted)}.")


def expect_number(
    actual: object,
    expected: float,
    tolerance: float = 1e-6,
    name: str = "your answer",
    misconceptions: Mapping[str, float] | None = None,
    reveal: bool = False,
) -> None:
    """Fail unless `actual` is a number within `tolerance` (relative, and absolute near 0) of `expected`."""
    value = _number(actual, name)
    if math.isclose(value, expected, rel_tol=tolerance, abs_tol=tolerance):
        return
    for words, wrong in (misconceptions or {}).items():
        if math.isclose(value, wrong, rel_tol=tolerance, abs_tol=tolerance):
            raise AssertionError(f"{name} is {value:g}. That is what you get when {words}.")
    raise AssertionError(f"{name} is {value:g}; " + (f"expected {expected:g}." if reveal else "that is not right yet."))


def expect_close(
    actual: object,
    expected: object,
    rtol: float = 1e-5,
    atol: float = 1e-6,
    name: str = "your output",
    misconceptions: Misconceptions | None = None,
    reveal: bool = False,
) -> None:
    """Fail unless two tensors have one shape and close values; how they differ is said in words.

    Parameters
    ----------
    misconceptions
        Known wrong answers, as in `expect_equal`. They are looked up before the shapes are compared, so that
        one of them may have another shape.
    """
    found, wanted = _numbers(actual, name), _numbers(expected, "the expected output")

    def close(a: Tensor, b: Tensor) -> bool:
        return a.shape == b.shape and torch.allclose(_double(a), _double(b), rtol=rtol, atol=atol)

    if close(found, wanted):
        return
    for words, wrong in (misconceptions or {}).items():
        if close(found, _numbers(wrong, "the misconception")):
            raise AssertionError(f"{name} is what you get when {words}.")
    expect_shape(found, wanted.shape, name)
    raise AssertionError(f"{name} {_value_problem(found, wanted, close, reveal)}.")


def expect_raises(
    function: Callable[..., object],
    error: type[Exception],
    *arguments: object,
    naming: Iterable[object] = (),
    **keywords: object,
) -> None:
    """Fail unless the call raises `error` with a message that contains each of `naming`."""
    call = _call(function, arguments, keywords)
    try:
        returned = function(*arguments, **keywords)
    except error as caught:
        missing = [str(word) for word in naming if str(word) not in str(caught)]
        if missing and not isinstance(caught, NotImplementedError):
            raise AssertionError(
                f"{call} raises the right {error.__name__}, but its message does not name {' and '.join(missing)}."
            ) from None
        return
    except NotImplementedError:
        raise
    except Exception as caught:  # noqa: BLE001 - whatever the student's code raises is the finding
        raise AssertionError(
            f"{call} should raise {a_or_an(error.__name__)}, but it raises {a_or_an(type(caught).__name__)}."
        ) from None
    raise AssertionError(f"{call} returns {_short(returned)}, but it should raise {a_or_an(error.__name__)}.")


def expect_results(
    function: Callable[..., object],
    cases: Iterable[tuple[Mapping[str, Any], object]],
    misconceptions: Mapping[str, Callable[..., object]] | None = None,
) -> None:
    """Fail unless `function` returns the expected value for each case, a pair of (keyword arguments, value).

    Parameters
    ----------
    misconceptions
        Known wrong functions. One is named only if it explains every result, right and wrong.
    """
    cases = list(cases)
    results = [_plain(function(**arguments)) for arguments, _ in cases]
    failed = [i for i, (_, expected) in enumerate(cases) if not _same(results[i], _plain(expected))]
    if not failed:
        return
    first = failed[0]
    name = f"{_call(function, (), cases[first][0])}"
    for words, wrong in (misconceptions or {}).items():
        if all(_explains(wrong, arguments, result) for (arguments, _), result in zip(cases, results, strict=True)):
            raise AssertionError(f"{name} is {_short(results[first])}. That is what you get when {words}.")
    expect_equal(results[first], cases[first][1], name)


def secret(answer: object, salt: str, decimals: int = 0) -> str:
    """Salted hash of an answer, for a notebook that must not contain the answer.

    Numbers are rounded to `decimals` places first; words are compared in lower case without outer spaces.
    Authors call it once and paste the result.
    """
    return hashlib.pbkdf2_hmac("sha256", _canonical(answer, decimals).encode(), salt.encode(), _ROUNDS).hex()[:16]


def expect_secret(
    answer: object,
    digest: str,
    salt: str,
    decimals: int = 0,
    hints: Mapping[str, str] | None = None,
    name: str = "your answer",
) -> None:
    """Fail unless `secret(answer, salt, decimals)` is `digest`.

    Parameters
    ----------
    hints
        Words for known wrong answers, by their own digest; they continue "what you get when …".
    """
    try:
        found = secret(answer, salt, decimals)
    except TypeError as error:
        raise AssertionError(f"{name} {error}.") from None
    if found == digest:
        return
    shown = _short(answer)
    if hints and found in hints:
        raise AssertionError(f"{name} is {shown}. That is what you get when {hints[found]}.")
    raise AssertionError(f"{name} is {shown}; that is not right yet.")


def a_or_an(noun: str) -> str:
    """The noun with its article."""
    return f"{'an' if noun[:1].lower() in 'aeiou' else 'a'} {noun}"


# --- plain values -----------------------------------------------------------------------------------------------


def _plain(value: object) -> object:
    """Numbers of numpy and 0-dimensional tensors as Python's own, lists as tuples; everything else as it is."""
    if isinstance(value, Tensor):
        return _plain(value.detach().cpu().tolist())
    if isinstance(value, np.generic | np.ndarray):
        return _plain(value.tolist())
    if isinstance(value, list | tuple):
        return tuple(_plain(item) for item in value)
    if isinstance(value, dict):
        return {_plain(key): _plain(item) for key, item in value.items()}
    return value


def _same(a: object, b: object) -> bool:
    """Equal in type and value; only builtin types can be equal, so no foreign `__eq__` is asked."""
    if type(a) is not type(b):
        return False
    if isinstance(a, tuple) and isinstance(b, tuple):
        return len(a) == len(b) and all(map(_same, a, b))
    if isinstance(a, dict) and isinstance(b, dict):
        return a.keys() == b.keys() and all(_same(a[key], b[key]) for key in a)
    return type(a) in (int, float, bool, str, bytes, complex, type(None), set, frozenset) and a == b


def _kind_of_difference(found: object, wanted: object) -> str:
    if isinstance(found, float) and isinstance(wanted, int) and found.is_integer():
        return ", a float; a whole number (an int) was expected. In Python, // divides without leaving whole numbers"
    if isinstance(found, tuple) and isinstance(wanted, tuple) and len(found) != len(wanted):
        return f", {len(found)} values; expected {len(wanted)}"
    if isinstance(found, tuple) and isinstance(wanted, tuple) and _same(found, wanted[::-1]):
        return "; its order is reversed"
    if type(found) is not type(wanted) and not {type(found), type(wanted)} <= {int, float}:
        return f", {a_or_an(type(found).__name__)}; expected {a_or_an(type(wanted).__name__)}"
    return "; that is not right yet"


def _number(value: object, name: str) -> float:
    plain = _plain(value)
    if isinstance(plain, bool) or not isinstance(plain, int | float):
        expect_type(plain, (int, float), name)
    return float(plain)  # type: ignore[arg-type]


def _canonical(answer: object, decimals: int) -> str:
    plain = _plain(answer)
    if isinstance(plain, bool) or plain is None:
        return str(plain)
    if isinstance(plain, int | float):
        if not math.isfinite(plain):
            raise TypeError(f"is {plain}; expected a finite number")
        return f"{round(plain, decimals) + 0.0:.{max(decimals, 0)}f}"
    if isinstance(plain, str):
        return plain.strip().lower()
    if isinstance(plain, tuple):
        return "(" + ",".join(_canonical(item, decimals) for item in plain) + ")"
    raise TypeError(f"is {a_or_an(type(plain).__name__)}; expected a number, a word, or a tuple of them")


def _short(value: object, limit: int = 80) -> str:
    """A value as a sentence can carry it: tensors and arrays by their shape alone."""
    if isinstance(value, Tensor | np.ndarray) and value.ndim:
        return f"a tensor of shape {tuple(value.shape)}"
    text = repr(_plain(value))
    return text if len(text) <= limit else text[: limit - 1] + "…"


def _call(function: Callable[..., object], arguments: Sequence[object], keywords: Mapping[str, object]) -> str:
    shown = [_short(a, 40) for a in arguments] + [f"{k}={_short(v, 40)}" for k, v in keywords.items()]
    return f"{getattr(function, '__name__', 'your function')}({', '.join(shown)})"


def _explains(wrong: Callable[..., object], arguments: Mapping[str, Any], result: object) -> bool:
    try:
        return _same(_plain(wrong(**arguments)), result)
    except (ValueError, TypeError, ArithmeticError, RuntimeError):
        return False


# --- tensors ----------------------------------------------------------------------------------------------------


def _numbers(value: object, name: str) -> Tensor:
    """`value` as a detached tensor, or an assertion that says what it is instead."""
    if isinstance(value, Tensor):
        return value.detach()
    if value is None:
        raise AssertionError(f"{name} is None. Does your function end with a return statement?")
    if isinstance(value, np.ndarray | np.generic | int | float | list | tuple):
        try:
            return torch.as_tensor(np.asarray(_plain(value)))
        except (TypeError, ValueError):
            raise AssertionError(
                f"{name} is {a_or_an(type(value).__name__)} that is not a full grid of numbers."
            ) from None
    raise AssertionError(f"{name} is {a_or_an(type(value).__name__)}; expected a tensor.")


def _double(values: Tensor) -> Tensor:
    return values.to("cpu", torch.complex128 if values.is_complex() else torch.float64)


def _shape_problem(found: tuple[int, ...], wanted: tuple[int, ...]) -> str:
    if sorted(found) == sorted(wanted):
        return "is transposed"
    if found == (1, *wanted):
        return "has an extra batch axis"
    if (1, *found) == wanted:
        return "lost its batch axis"
    if len(found) == len(wanted) + 1 and _without_an_axis(found, wanted):
        return "has one axis too many"
    if len(found) + 1 == len(wanted) and _without_an_axis(wanted, found):
        return "lost an axis"
    if len(found) != len(wanted):
        return f"has {len(found)} axes instead of {len(wanted)}"
    differences = {a - b for a, b in zip(found, wanted, strict=True)} - {0}
    if differences == {1}:
        return "is one too large"
    if differences == {-1}:
        return "is one too small"
    return "has the wrong shape"


def _without_an_axis(longer: tuple[int, ...], shorter: tuple[int, ...]) -> bool:
    return any(longer[:i] + longer[i + 1 :] == shorter for i in range(len(longer)))


def _value_problem(found: Tensor, wanted: Tensor, close: Callable[[Tensor, Tensor], bool], reveal: bool) -> str:
    a, b = _double(found), _double(wanted)
    if not torch.isfinite(torch.view_as_real(a) if a.is_complex() else a).all():
        return "holds values that are not finite (nan or inf)"
    relation = _relation(a, b, close) if a.numel() >= 4 else None
    if relation:
        return relation
    scale = torch.maximum(b.abs(), torch.full_like(b.abs(), 1e-12))
    wrong = (a - b).abs() > 1e-5 * scale + 1e-6
    wrong = wrong if wrong.any() else a != b
    index = tuple(int(i) for i in wrong.nonzero()[0])
    ending = f", expected {b[index].item():.6g}" if reveal else ""
    count = int(wrong.sum())
    where = f"the first at index {index}, where it is {a[index].item():.6g}{ending}"
    return f"has the right shape, but {count} of {a.numel()} values are wrong, {where}"


def _relation(a: Tensor, b: Tensor, close: Callable[[Tensor, Tensor], bool]) -> str | None:
    """How all values of `a` hang together with those of `b`, if they do."""
    if not a.abs().max() > 0:
        return "is zero everywhere"
    if close(a, -b):
        return "has the wrong sign everywhere"
    for axes in itertools.chain.from_iterable(itertools.combinations(range(a.dim()), n) for n in (1, 2)):
        if close(a, b.flip(axes)):
            return f"is mirrored along axis {' and '.join(map(str, axes))}"
    for first, second in itertools.combinations(range(a.dim()), 2):
        if a.shape[first] == a.shape[second] and close(a, b.transpose(first, second)):
            return f"has axes {first} and {second} swapped"
    factor = (a * b.conj()).sum() / (b.abs() ** 2).sum().clamp_min(1e-300)
    if factor.abs() > 0 and close(a, factor * b):
        return "is right up to a constant factor: every value is scaled alike"
    if close(a - (a - b).mean(), b) and b.std() > 0:
        return "is right up to a constant: the same number is added to every value"
    return None
