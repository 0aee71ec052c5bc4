"""The receptive field of every layer of a network."""

from __future__ import annotations

import difflib
import html
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules import module as hooks

from cnncourse.layers.receptive_field import mixing, moving, windows  # noqa: F401  they enter the rules
from cnncourse.layers.receptive_field.field import ReceptiveField, in_words, pixels
from cnncourse.layers.receptive_field.seen import JOURNEY, Journey, Seen, picture
from cnncourse.workbench import checks

_CONVOLUTIONS = {1: nn.Conv1d, 2: nn.Conv2d, 3: nn.Conv3d}
_DEFAULT_SIZE = {1: 4096, 2: 224, 3: 64}


@dataclass(frozen=True)
class Row:
    """One call of one module: its path in the network, its type, its output's shape and what it sees."""

    name: str
    kind: str
    shape: tuple[int, ...]
    field: ReceptiveField | None
    reason: str = ""


@dataclass(frozen=True)
class Misalignment:
    """A layer that adds or joins branches which look at different places."""

    where: str
    branches: tuple[ReceptiveField, ...]

    def __str__(self) -> str:
        seen = "".join(f"\n    {branch}" for branch in self.branches)
        return f"misaligned: {self.where} brings branches together that see{seen}"


class ReceptiveFields(Mapping[str, ReceptiveField]):
    """The receptive fields of a network by module path, in the order in which the modules answered.

    A mapping of those modules that could be analysed; `unanalysed` gives the reason for each of the others,
    `misaligned` lists where misaligned branches meet, and `notes` what else a reader must know.
    """

    def __init__(
        self,
        rows: Sequence[Row],
        input_shape: tuple[int, ...],
        misaligned: Sequence[Misalignment],
        notes: Sequence[str],
    ) -> None:
        self.rows, self.input_shape = tuple(rows), input_shape
        self.misaligned, self.notes = tuple(misaligned), tuple(notes)
        self._fields = {row.name: row.field for row in rows if row.field is not None}
        self.unanalysed = {row.name: row.reason for row in rows if row.field is None}
        for name in self.unanalysed:
            self._fields.pop(name, None)

    def of(self, name: str | None = None) -> ReceptiveField:
        """The receptive field of the module at path `name`; without a name, that of the network's output.

        Raises
        ------
        ValueError
            If the network has no such module, it was not used, or its field is not known; the message says why.
        """
        name = "" if name is None else name
        if name in self._fields:
            return self._fields[name]
        if name in self.unanalysed:
            which = repr(name) if name else "the output"
            raise ValueError(
                f"the receptive field of {which} is not known: {self.unanalysed[name]}. "
                "Measure it with measured_receptive_field, or analyse the network before that layer."
            )
        near = difflib.get_close_matches(str(name), self._fields) or list(self._fields)[:8]
        raise ValueError(f"no module {name!r} answered; there are, for example, {', '.join(filter(None, near))}")

    def __getitem__(self, name: str) -> ReceptiveField:
        return self._fields[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._fields)

    def __len__(self) -> int:
        return len(self._fields)

    def changes(self) -> list[Row]:
        """The rows at which the field changes, or stops being known."""
        last: tuple[Any, str] = (pixels(len(self.input_shape) - 1), "")
        found = []
        for row in self.rows:
            if (row.field, row.reason) != last:
                found.append(row)
            last = (row.field, row.reason)
        return found

    def table(self) -> list[list[str]]:
        """Header and rows, as text: layer, type, map, size, stride, padding and centre where the field changes."""
        lines = [["layer", "type", "map", "size", "stride", "padding", "centre"]]
        for row in self.changes():
            head = [row.name or "output", row.kind, "×".join(map(str, row.shape[1:]))]
            if row.field is None:
                lines.append([*head, "unknown", "", "", ""])
            elif row.field.covers_everything:
                lines.append([*head, "everything", "", "", ""])
            else:
                field = row.field
                lines.append([*head, *(in_words(v) for v in (field.size, field.stride, field.padding, field.centre))])
        return lines

    def remarks(self) -> list[str]:
        """What the numbers alone do not say: unknown fields, misaligned branches, notes."""
        reasons = list(dict.fromkeys(self.unanalysed.values()))
        return [f"unknown: {reason}" for reason in reasons] + [str(each) for each in self.misaligned] + list(self.notes)

    def __str__(self) -> str:
        lines = self.table()
        widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
        text = [
            "  ".join(
                cell.ljust(width) if i < 3 else cell.rjust(width)
                for i, (cell, width) in enumerate(zip(line, widths, strict=True))
            )
            for line in lines
        ]
        return "\n".join([line.rstrip() for line in text] + self.remarks())

    __repr__ = __str__

    def _repr_html_(self) -> str:
        head, *body = self.table()
        top = "".join(f'<th scope="col">{html.escape(cell)}</th>' for cell in head)
        rows = "".join("<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in line) + "</tr>" for line in body)
        notes = "".join(f"<p>{html.escape(remark)}</p>" for remark in self.remarks())
        return f"<table><thead><tr>{top}</tr></thead><tbody>{rows}</tbody></table>{notes}"


def receptive_field(model: nn.Module, input_shape: Sequence[int] | None = None) -> ReceptiveFields:
    """Find what one unit of each layer sees, by sending receptive fields through the network in place of a picture.

    Nothing is computed on pixels, so that it takes milliseconds, and the network is left as it was. It is analysed
    in evaluation mode. Convolution, transposed convolution, pooling, interpolation, padding and cropping follow
    their geometry; normalisation, activation and dropout are transparent; after global pooling, flattening and a
    linear layer, or attention, a unit sees everything; adding and joining branches takes the union of what they see.

    Parameters
    ----------
    model
        Any network for maps of shape (N, C, H, W), or with one or three axes in place of two.
    input_shape
        (C, H, W) of a picture. The fields do not depend on it, but a network whose layers do, for example
        a linear layer after flattening, cannot be run on another size. Without it, 224×224 pixels are assumed
        and the channels of the first convolution.

    Returns
    -------
    ReceptiveFields
        By module path; print it for a table.

    Raises
    ------
    TypeError
        If `model` is not a module.
    ValueError
        If `input_shape` is not a shape, or the network cannot be run; the message names the module and the remedy.
    """
    network = _network(model)
    shape = _input_shape(network, input_shape)
    journey = Journey({id(module): name for name, module in network.named_modules(remove_duplicate=True)})
    rows: list[Row] = []

    def enter(module: nn.Module, _: Any) -> None:
        journey.open_modules.append(module)

    def leave(module: nn.Module, _: Any, output: Any) -> None:
        journey.open_modules.pop()
        seen = _first_map(output)
        if seen is not None and id(module) in journey.names:
            rows.append(_row(journey.names[id(module)], module, seen))

    training = [module for module in network.modules() if module.training]
    token = JOURNEY.set(journey)
    handles = [hooks.register_module_forward_pre_hook(enter), hooks.register_module_forward_hook(leave)]
    try:
        for module in training:
            module.training = False
        with torch.no_grad():
            network(picture((1, *shape)))
    except Exception as error:  # a student's network may raise anything
        raise ValueError(_explain(journey, shape, input_shape is None, error)) from error
    finally:
        for handle in handles:
            handle.remove()
        JOURNEY.reset(token)
        for module in training:
            module.training = True
    return ReceptiveFields(rows, shape, [Misalignment(*each) for each in journey.misaligned], journey.notes)


def _network(model: nn.Module) -> nn.Module:
    if not isinstance(model, nn.Module):
        raise TypeError(f"model is a {type(model).__name__}; it must be a torch.nn.Module")
    model = getattr(model, "_orig_mod", model)  # what torch.compile wrapped
    lazy = [name for name, parameter in model.named_parameters() if isinstance(parameter, nn.UninitializedParameter)]
    if lazy:
        raise ValueError(f"parameter {lazy[0]!r} has no shape yet. Run the network once on a picture before.")
    return model


def _input_shape(network: nn.Module, given: Sequence[int] | None) -> tuple[int, ...]:
    first = next((m for m in network.modules() if isinstance(m, tuple(_CONVOLUTIONS.values()))), None)
    ranks = [rank for rank, kind in _CONVOLUTIONS.items() if first is None or isinstance(first, kind)]
    if given is None:
        channels: Any = 3 if first is None else first.in_channels
        rank = ranks[0] if len(ranks) == 1 else 2
        return (channels, *(_DEFAULT_SIZE[rank],) * rank)
    wanted = {1: "(C, L)", 2: "(C, H, W)", 3: "(C, D, H, W)"}[ranks[0] if len(ranks) == 1 else 2]
    if not isinstance(given, Sequence) or isinstance(given, str) or len(given) - 1 not in ranks:
        raise ValueError(f"input_shape is {given!r}; this network takes {wanted}, without the batch")
    remedy = f"Give {wanted} of one picture."
    return tuple(checks.whole_number("input_shape", size, 1, remedy) for size in given)


def _row(name: str, module: nn.Module, seen: Seen) -> Row:
    kind = type(module).__name__
    if seen.unknown:
        return Row(name, kind, tuple(seen.shape), None, seen.unknown)
    return Row(name, kind, tuple(seen.shape), ReceptiveField(seen.axes))


def _first_map(output: Any) -> Seen | None:
    if isinstance(output, Seen):
        return output
    values: Any = output.values() if isinstance(output, Mapping) else output
    if isinstance(values, Tensor | str | nn.Module) or not hasattr(values, "__iter__"):
        return None
    return next((found for found in map(_first_map, values) if found is not None), None)


def _explain(journey: Journey, shape: tuple[int, ...], assumed: bool, error: Exception) -> str:
    size = "×".join(map(str, shape))
    remedy = (
        f"An input of {size} was assumed; give the size that the network was made for as input_shape=(C, H, W)."
        if assumed
        else f"It was run on an input of {size}. Analyse a part of the network that does without this, such as "
        "receptive_field(model.features)."
    )
    return f"{journey.here()} cannot be analysed: {error}. {remedy}"
