"""A network as one table of layers: what each makes, costs and sees, what it reads, and the block it belongs to.

Costs are those of `cnncourse.layers.budget`, fields those of `cnncourse.layers.receptive_field`; the wiring is watched.

Chapter: `models/lenet`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from cnncourse.layers.budget import Budget, Row, count
from cnncourse.layers.receptive_field import ReceptiveFields, receptive_field
from cnncourse.models.catalogue import build, native_size
from cnncourse.models.network import Network
from cnncourse.workbench import checks

GROUPS = ("input", "convolution", "pooling", "dense", "join")
INPUT = "input"


@dataclass(frozen=True)
class Layer:
    """One layer of a network, together with what only changes its values in place.

    Attributes
    ----------
    name
        The paper's name where it has one, else the path in the network.
    group
        One of `GROUPS`.
    words
        What it is, for example ``"3×3 convolution, stride 2"``.
    then
        What follows in place, for example ``("batch normalization", "ReLU")``; its parameters are counted here.
    shape
        Output (C, H, W) for one image; (C, 1, 1) behind the last map.
    parameters, multiply_adds
        What it costs.
    field, jump
        Side of the region of the input that a unit sees, and pixels between those of neighbours; `None` if a unit
        sees everything.
    block
        Name of the block that it belongs to; a layer outside of blocks is its own.
    reads
        Positions in the table of the layers that it reads.
    """

    name: str
    group: str
    words: str
    shape: tuple[int, int, int]
    parameters: int
    multiply_adds: int
    field: int | None
    jump: int | None
    block: str
    reads: tuple[int, ...]
    then: tuple[str, ...] = ()


@dataclass(frozen=True)
class LayerTable:
    """All layers of a network in the order of their calls, the input first.

    `idle` parameters belong to parts that do not answer at test time: GoogLeNet's auxiliary classifiers.
    """

    network: str
    layers: tuple[Layer, ...]
    idle: int

    @property
    def parameters(self) -> int:
        """Parameters of all layers that answer at test time."""
        return sum(layer.parameters for layer in self.layers)

    @property
    def multiply_adds(self) -> int:
        """Multiply-adds for one image."""
        return sum(layer.multiply_adds for layer in self.layers)

    @property
    def blocks(self) -> dict[str, tuple[Layer, ...]]:
        """The layers of each block, in order."""
        found: dict[str, tuple[Layer, ...]] = {}
        for layer in self.layers:
            found[layer.block] = (*found.get(layer.block, ()), layer)
        return found

    def share(self, group: str, cost: str) -> float:
        """Share of a group of layers in a cost, ``"parameters"`` or ``"multiply_adds"``.

        Raises
        ------
        ValueError
            If there is no such group or cost.
        """
        if group not in GROUPS or cost not in ("parameters", "multiply_adds"):
            raise ValueError(
                f"group is {group!r} and cost {cost!r}; choose one of {', '.join(GROUPS)}, "
                "and parameters or multiply_adds"
            )
        part = sum(getattr(layer, cost) for layer in self.layers if layer.group == group)
        return float(part / getattr(self, cost))


def layer_table(name: str, size: int | None = None, **options: Any) -> LayerTable:
    """The layers of a network of the catalogue for one square image, at its own size unless told.

    Options are those of its class. Nothing is computed but shapes.

    Raises
    ------
    ValueError
        If there is no such network, or the image is too small for it.
    """
    network = build(name, **{**options, "device": "meta"}).eval()
    side = native_size(name) if size is None else checks.whole_number("size", size, 1, "It is a side in pixels.")
    image = (network.in_channels, side, side)
    network.check_input(torch.empty(1, *image, device="meta"))
    budget, fields = count(network, (1, *image)), receptive_field(network, image)
    wiring = _watched(network, image)
    rows = _folded(budget)
    positions = {row.name: position for position, (row, _) in enumerate(rows)}
    blocks = _blocks(network, [row.name for row, _ in rows])
    layers = [
        Layer(
            name=_named(network, row),
            group=_group(row),
            words=_words(network, row),
            shape=_as_maps(row.output),
            parameters=row.parameters,
            multiply_adds=row.multiply_adds,
            **_seen(row, fields),
            block=_place(network, blocks[row.name]) if row.name in blocks else _named(network, row),
            reads=tuple(sorted(positions[source] for source in wiring.get(row.name, ()))),
            then=then,
        )
        for row, then in rows
    ]
    idle = sum(row.parameters for row in budget.rows if row.kind.endswith(", not called"))
    return LayerTable(name, tuple(layers), idle)


def share_of(name: str, group: str, cost: str) -> float:
    """Share in per cent of a group of layers in the parameters or multiply-adds of a network of the catalogue."""
    return 100 * layer_table(name).share(group, cost)


# Kinds of budget rows that have a place of their own in the table; the others work in place on the one before.
_CONVOLUTIONS = ("Conv2d", "SparseConvolution")
_POOLINGS = ("MaxPool2d", "AvgPool2d", "AdaptiveAvgPool2d", "Subsampling")
_DENSE = ("Linear", "DistanceToCodes")
_JOINS = {"cat": "branches, one behind the other", "add": "sum with the shortcut"}
_IN_PLACE = {
    "ReLU": "ReLU", "relu": "ReLU", "Tanh": "tanh", "ScaledTanh": "tanh", "Dropout": "dropout",
    "BatchNorm2d": "batch normalization", "LocalResponseNorm": "local response normalization",
}  # fmt: skip


def _folded(budget: Budget) -> list[tuple[Row, tuple[str, ...]]]:
    """Rows with a place of their own, each with the words for what follows in place and its parameters added."""
    found: list[tuple[Row, tuple[str, ...]]] = [(budget.rows[0], ())]
    for row in budget.rows[1:]:
        last, then = found[-1]
        if row.kind.endswith(", not called"):
            continue
        if _stands_alone(row, last):
            found.append((row, ()))
            continue
        word = _IN_PLACE.get(row.name.rpartition(": ")[2] if row.kind == "function" else row.kind, "")
        costs = (last.parameters + row.parameters, last.multiply_adds + row.multiply_adds)
        found[-1] = (replace(last, parameters=costs[0], multiply_adds=costs[1]), (*then, word) if word else then)
    return found


def _stands_alone(row: Row, last: Row) -> bool:
    if row.kind == "function":
        return row.name.rpartition(": ")[2] in _JOINS
    return _has_row(row.kind, last.output, row.output)


def _has_row(kind: str, before: tuple[int, ...], after: tuple[int, ...]) -> bool:
    if kind == "AdaptiveAvgPool2d":  # at its native size a network may have nothing left to average
        return after != before
    return kind in (*_CONVOLUTIONS, *_POOLINGS, *_DENSE, "PaddedShortcut")


def _group(row: Row) -> str:
    if row.name == INPUT:
        return "input"
    kinds = {"convolution": _CONVOLUTIONS, "pooling": _POOLINGS, "dense": _DENSE}
    return next((group for group, members in kinds.items() if row.kind in members), "join")


def _words(network: Network, row: Row) -> str:
    if row.name == INPUT:
        return "picture"
    if row.kind == "function":
        return _JOINS[row.name.rpartition(": ")[2]]
    layer: Any = network.get_submodule(row.name)
    fixed = {
        "Linear": "fully connected layer",
        "DistanceToCodes": "distance to fixed codes",
        "Subsampling": "2×2 subsampling with trained coefficients",
        "PaddedShortcut": "shortcut padded with zeros",
        "AdaptiveAvgPool2d": "average over each map" if row.output[-1] == 1 else f"average to {row.output[-1]} pixels",
    }
    if row.kind in fixed:
        return fixed[row.kind]
    side, stride, groups = (_first(getattr(layer, name, 1)) for name in ("kernel_size", "stride", "groups"))
    noun = {"MaxPool2d": "max pooling", "AvgPool2d": "average pooling"}.get(row.kind, "convolution")
    details = [
        f", stride {stride}" * (stride > 1),
        f" in {groups} groups" * (groups > 1),
        " with a table of connections" * (row.kind == "SparseConvolution"),
    ]
    return f"{side}×{side} {noun}{''.join(details)}"


def _seen(row: Row, fields: ReceptiveFields) -> dict[str, int | None]:
    if row.name == INPUT:
        return {"field": 1, "jump": 1}
    field = fields.of(row.name.partition(": ")[0])  # a join ends its block, which sees what the join sees
    return {"field": None, "jump": None} if field.covers_everything else {"field": field.size, "jump": field.stride}


def _as_maps(output: tuple[int, ...]) -> tuple[int, int, int]:
    channels, height, width = (*output[1:], 1, 1)[:3]
    return channels, height, width


def _first(value: Any) -> int:
    return int(value[0] if isinstance(value, tuple) else value)


# Names and blocks ------------------------------------------------------------------------------------------------


def _place(network: Network, path: str) -> str:
    """The paper's name for a path: that of the longest named place above it, and the rest of the path."""
    names = {module: name for name, module in network.places.items()}
    parts = path.removesuffix(".conv").split(".")
    for length in range(len(parts), 0, -1):
        name = names.get(".".join(parts[:length]))
        if name is not None:
            return ".".join([name, *parts[length:]])
    return ".".join(parts)


def _named(network: Network, row: Row) -> str:
    path, _, function = row.name.partition(": ")
    return f"{_place(network, path)}, {'join' if function == 'cat' else 'sum'}" if function else _place(network, path)


def _blocks(network: Network, names: list[str]) -> dict[str, str]:
    """The outermost module with a `forward` of its own around a row, if it holds more than one row."""
    around: dict[str, str] = {}
    for name in names:
        parts = name.partition(": ")[0].split(".")
        paths = [".".join(parts[:length]) for length in range(1, len(parts) + 1)]
        inner = [path for path in paths if name != INPUT and _is_block(network.get_submodule(path))]
        if inner:
            around[name] = inner[0]
    held = list(around.values())
    return {name: block for name, block in around.items() if held.count(block) > 1}


def _is_block(module: nn.Module) -> bool:
    return next(module.children(), None) is not None and not isinstance(module, nn.Sequential)


# The wiring ------------------------------------------------------------------------------------------------------


def _watched(network: Network, image: tuple[int, int, int]) -> dict[str, frozenset[str]]:
    """Which rows each row reads, by name, seen while the network runs on shapes."""
    picture = torch.empty(1, *image, device="meta")
    watcher = _Wiring(picture)
    with watcher.on(network), torch.no_grad():
        network(picture)
    return watcher.reads


class _Wiring(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Follows each value from the row that made it to the rows that read it; all else hands its sources on."""

    def __init__(self, picture: Tensor) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.reads: dict[str, frozenset[str]] = {}
        self.sources: dict[int, frozenset[str]] = {id(picture): frozenset([INPUT])}
        self.kept: list[Tensor] = [picture]  # so that no identity is given twice
        self.running: list[str] = []

    @contextmanager
    def on(self, network: Network) -> Iterator[None]:
        """Watch every module, and leave no hook behind."""
        handles = []
        try:
            for name, module in network.named_modules():
                handles.append(module.register_forward_pre_hook(self._beginner(name)))
                handles.append(module.register_forward_hook(self._ender(name)))
            with self:
                yield
        finally:
            for handle in handles:
                handle.remove()

    def _beginner(self, name: str) -> Callable[..., None]:
        return lambda _module, _inputs: self.running.append(name)

    def _ender(self, name: str) -> Callable[..., None]:
        def end(module: nn.Module, inputs: Any, output: Any) -> None:
            self.running.pop()
            if _has_row(type(module).__name__, inputs[0].shape, output.shape):
                self.make(name, self.of(inputs), output)

        return end

    def __torch_dispatch__(self, operation: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = operation(*args, **(kwargs or {}))
        name = operation.overloadpacket.__name__.removesuffix("_")
        sources = self.of((args, kwargs))
        if name in _JOINS and len(sources) > 1:
            self.make(f"{self.running[-1]}: {name}", sources, result)
        else:
            self.keep(sources, result)
        return result

    def of(self, values: Any) -> frozenset[str]:
        """All rows that some values come from."""
        return frozenset().union(*(self.sources.get(id(each), frozenset()) for each in tree_leaves(values)))

    def make(self, name: str, sources: frozenset[str], result: Any) -> None:
        """A row has read its sources and made a result."""
        self.reads[name] = sources
        self.keep(frozenset([name]), result)

    def keep(self, sources: frozenset[str], result: Any) -> None:
        """Remember where a result comes from."""
        for each in tree_leaves(result):
            if isinstance(each, Tensor):
                self.kept.append(each)
                self.sources[id(each)] = sources
