"""Classes and functions of Python, torch and numpy that both processes have: they travel as a name from a fixed list.

The list holds only things that compute; a name outside it is refused, so no message can reach `open` or `eval`.
"""

from __future__ import annotations

import builtins
import math
from functools import cache
from importlib import import_module
from types import BuiltinFunctionType, FunctionType
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn, optim
from torch.utils.data import DataLoader, Dataset, IterableDataset

from cnncourse.grading.codec.forms import DecodeError

_TYPES = "bool int float complex str bytes list tuple dict set frozenset range slice"
_FUNCTIONS = "abs all any divmod len max min pow round sorted sum"
_TENSOR_FUNCTIONS = (
    "abs add cat clamp cos div einsum exp eye log matmul max maximum mean min minimum mul neg ones prod relu rsqrt "
    "sigmoid sign sin softmax sqrt square stack std sub sum tan tanh tensor var where zeros"
)
_ARRAY_FUNCTIONS = "abs cos exp log max maximum mean min minimum prod sign sin sqrt square std sum tan tanh var"
_MATHS = "ceil cos exp floor log sin sqrt tan tanh"
_NOT_FUNCTIONAL = {"assert_int_or_pair", "boolean_dispatch", "grad", "handle_torch_function"}


def name_of(value: object) -> str | None:
    """The name under which a thing of the library travels, or `None` for everything else."""
    return _names().get(id(value)) if isinstance(value, _KINDS) else None


def thing_called(name: str) -> Any:
    """The thing of the library with this name.

    Raises
    ------
    DecodeError
        If the list has no such name.
    """
    if name not in _things():
        raise DecodeError("an unknown name of the library")
    return _things()[name]


@cache
def _things() -> dict[str, Any]:
    errors = [name for name, value in vars(builtins).items() if _is_class(value, Exception)]
    things: dict[str, Any] = {name: getattr(builtins, name) for name in [*_TYPES.split(), *_FUNCTIONS.split(), *errors]}
    things |= {f"torch.{name}": getattr(torch, name) for name in ["Tensor", *_TENSOR_FUNCTIONS.split()]}
    things |= {f"np.{name}": getattr(np, name) for name in ["ndarray", *_ARRAY_FUNCTIONS.split()]}
    things |= {f"np.{kind.__name__}": kind for kind in np.sctypeDict.values() if issubclass(kind, np.number)}
    things |= {f"math.{name}": getattr(math, name) for name in _MATHS.split()}
    things |= {f"nn.{name}": value for name, value in vars(nn).items() if _is_class(value, nn.Module)}
    things["nn.Parameter"] = nn.Parameter
    things |= {f"optim.{name}": value for name, value in vars(optim).items() if _is_class(value, optim.Optimizer)}
    things |= {f"init.{name}": value for name, value in vars(nn.init).items() if name.endswith("_") and callable(value)}
    things |= {f"data.{kind.__name__}": kind for kind in (Dataset, IterableDataset, DataLoader)}
    things |= {f"plot.{kind.__name__}": kind for kind in _figures()}
    things |= {f"F.{name}": value for name, value in vars(F).items() if _is_functional(name, value)}
    return {name: value for name, value in things.items() if not name.split(".")[-1].startswith("_")}


@cache
def _names() -> dict[int, str]:
    return {id(value): name for name, value in reversed(_things().items())}


def _figures() -> list[Any]:
    try:
        return [import_module("matplotlib.axes").Axes, import_module("matplotlib.figure").Figure]
    except ImportError:
        return []


def _is_class(value: object, base: type) -> bool:
    return isinstance(value, type) and issubclass(value, base)


def _is_functional(name: str, value: object) -> bool:
    function = isinstance(value, (FunctionType, BuiltinFunctionType))
    return function and name not in _NOT_FUNCTIONAL and not name.startswith(("_", "has_torch_function"))


_KINDS = (type, FunctionType, BuiltinFunctionType, np.ufunc, type(np.mean))
