"""Run a network on receptive fields in place of pixels.

A `Seen` stands for a map: it has the map's shape but no values, and knows what each unit sees. Torch hands it to us
at every function that a network calls (``__torch_function__``), and the table of rules says what the result sees.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from cnncourse.layers.receptive_field.field import EVERYTHING, Axis, ReceptiveField

Rule = Callable[..., Any]
RULES: dict[str, Rule] = {}
_IN_PLACE = ("__iadd__", "__isub__", "__imul__", "__itruediv__")


@dataclass
class Journey:
    """What is written down while the fields pass through a network."""

    names: dict[int, str]
    open_modules: list[nn.Module] = field(default_factory=list)
    misaligned: list[tuple[str, tuple[ReceptiveField, ...]]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def here(self) -> str:
        """The module whose forward pass runs now, with its type."""
        module = self.open_modules[-1] if self.open_modules else None
        if module is None or id(module) not in self.names:
            return "the network"
        name = self.names[id(module)]
        return f"'{name}' ({type(module).__name__})" if name else f"the network ({type(module).__name__})"

    def note(self, text: str) -> None:
        """Write a remark down once."""
        if text not in self.notes:
            self.notes.append(text)


JOURNEY: ContextVar[Journey] = ContextVar("JOURNEY")


class Seen(Tensor):
    """A map without values.

    `axes` holds the field along each axis of the picture; `carried` says for each dimension of the tensor which of
    those axes it carries; `unknown` is the reason why the fields are not known, or empty.
    """

    axes: tuple[Axis, ...]
    carried: tuple[frozenset[int], ...]
    unknown: str

    @staticmethod
    def of(
        shape: Iterable[int], axes: tuple[Axis, ...], carried: tuple[frozenset[int], ...], unknown: str = ""
    ) -> Seen:
        """Make a map of `shape` that sees `axes`."""
        seen = torch.empty(tuple(shape), device="meta").as_subclass(Seen)
        seen.axes, seen.carried, seen.unknown = axes, carried, unknown
        return seen

    @classmethod
    def __torch_function__(
        cls, func: Any, types: Any, args: Sequence[Any] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        """Apply the rule for `func`, or let torch compute the shape and call the fields unknown."""
        kwargs = kwargs or {}
        name = func.__name__
        if name == "__get__":
            return _property(func, args)
        in_place = (name.endswith("_") and not name.endswith("__")) or name in _IN_PLACE
        found = RULES.get(name.rstrip("_") if name.endswith("_") and not name.endswith("__") else name)
        with torch._C.DisableTorchFunctionSubclass():
            if found is None:
                return _without_rule(func, name, args, kwargs)
            result = found(func, *args, **kwargs)
            if in_place and isinstance(args[0], Seen):
                args[0].__dict__.update(result.__dict__)
                return args[0]
            return result

    def __repr__(self, **_: Any) -> str:  # type: ignore[override]  # torch would want to print values
        return f"a map of shape {tuple(self.shape)} whose units see {self.axes}"


def picture(shape: Sequence[int]) -> Seen:
    """An input (N, C, …) whose pixels see themselves."""
    count = len(shape) - 2
    carried = (frozenset[int](), frozenset[int](), *(frozenset((axis,)) for axis in range(count)))
    return Seen.of(shape, (Axis(),) * count, carried)


def rule(*names: str) -> Callable[[Rule], Rule]:
    """Enter a function into the table as the rule for torch's functions and methods called `names`."""

    def enter(given: Rule) -> Rule:
        RULES.update(dict.fromkeys(names, given))
        return given

    return enter


def pointwise(x: Seen) -> Seen:
    """A map whose units see what the units of `x` see, one by one."""
    return Seen.of(x.shape, x.axes, x.carried, x.unknown)


def see_everything(x: Seen, dimensions: Iterable[int]) -> Seen:
    """The same map, now with units that see all that `dimensions` carry."""
    contracted = frozenset[int]().union(*(x.carried[dimension] for dimension in dimensions))
    if contracted and not x.unknown:
        x.axes = tuple(EVERYTHING if index in contracted else axis for index, axis in enumerate(x.axes))
    return x


def give_up(x: Seen, shape: Iterable[int], reason: str, carried: tuple[frozenset[int], ...] | None = None) -> Seen:
    """A map of `shape` whose fields are not known, because the module that runs now does what `reason` says."""
    shape = tuple(shape)
    carried = x.carried if carried is None else carried
    carried = carried if len(carried) == len(shape) else (frozenset[int](),) * len(shape)
    return Seen.of(shape, x.axes, carried, x.unknown or f"{JOURNEY.get().here()} {reason}")


def _property(func: Any, args: Sequence[Any]) -> Any:
    name = func.__self__.__name__
    if name == "data":
        return args[0]
    with torch._C.DisableTorchFunctionSubclass():
        result = func(args[0])
        if isinstance(result, Tensor) and result.device.type == "meta":
            return give_up(args[0], result.shape, f"takes the attribute {name!r} of a map")
    return result


def _without_rule(func: Any, name: str, args: Sequence[Any], kwargs: dict[str, Any]) -> Any:
    result = func(*(bare(each) for each in args), **{key: bare(value) for key, value in kwargs.items()})
    maps = [each for each in _leaves((args, kwargs)) if isinstance(each, Seen)]
    if not any(isinstance(each, Tensor) for each in _leaves(result)):
        return result
    return _replace(result, lambda each: give_up(maps[0], each.shape, f"calls {name!r}, for which there is no rule"))


def bare(value: Any) -> Any:
    """The same argument with plain tensors without values in place of all tensors."""
    return _replace(value, lambda each: each.as_subclass(Tensor) if isinstance(each, Seen) else each.to("meta"))


def _replace(value: Any, change: Callable[[Tensor], Any]) -> Any:
    if isinstance(value, Tensor):
        return change(value)
    if isinstance(value, tuple | list) and not isinstance(value, torch.Size):
        changed = [_replace(each, change) for each in value]
        return changed if isinstance(value, list) else tuple(changed)
    if isinstance(value, dict):
        return {key: _replace(each, change) for key, each in value.items()}
    return value


def _leaves(value: Any) -> Iterable[Any]:
    if isinstance(value, tuple | list):
        for each in value:
            yield from _leaves(each)
    elif isinstance(value, dict):
        for each in value.values():
            yield from _leaves(each)
    else:
        yield value
