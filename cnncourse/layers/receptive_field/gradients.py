"""The gradient of one unit with respect to the picture."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Any

import torch
from torch import Tensor, nn

from cnncourse.workbench import checks

Position = Sequence[int] | int | None


def copied(model: nn.Module, layer: str | None) -> nn.Module:
    """A copy in evaluation mode of a network that has a module at path `layer`."""
    if not isinstance(model, nn.Module):
        raise TypeError(f"model is a {type(model).__name__}; it must be a torch.nn.Module")
    paths = dict(model.named_modules())
    if layer is not None and layer not in paths:
        raise ValueError(f"layer is {layer!r}; the network has {', '.join(filter(None, list(paths)[:12]))} …")
    return copy.deepcopy(model).eval()


def picture_shape(given: Sequence[int] | None) -> tuple[int, ...]:
    """Check the shape (C, H, W) of a picture."""
    if not isinstance(given, Sequence) or isinstance(given, str) or len(given) < 2:
        raise ValueError(f"input_shape is {given!r}; give (C, H, W) of one picture, without the batch")
    return tuple(checks.whole_number("input_shape", size, 1, "Give (C, H, W) of one picture.") for size in given)


def unit_gradients(
    network: nn.Module, image: Tensor, layer: str | None, position: Position, mode: AbstractContextManager[Any]
) -> tuple[Tensor, tuple[int, ...]]:
    """Gradient (N, C, H, W) of one unit of `layer`, summed over its channels, and the unit's position."""
    caught: list[Any] = []
    module = network if layer is None else network.get_submodule(layer)
    handle = module.register_forward_hook(lambda *call: caught.append(call[2]))
    image = image.clone().requires_grad_()
    try:
        with mode:
            network(image)
        output = _first_tensor(caught[-1]) if caught else None
        if output is None:
            raise ValueError(f"{layer or 'the network'} returned no map")
        place = _place(output, position)
        (gradient,) = torch.autograd.grad(_unit(output, place).sum(), image)
    except _WrongPositionError as error:
        raise ValueError(str(error)) from None
    except Exception as error:  # a student's network may raise anything
        raise ValueError(
            f"the network cannot be measured on an input of {'×'.join(map(str, image.shape[1:]))}: {error}. "
            "Give the shape that it was made for, and a layer whose output depends on the picture."
        ) from error
    finally:
        handle.remove()
    return gradient.detach().cpu(), place


class _WrongPositionError(Exception):
    pass


def _place(output: Tensor, position: Position) -> tuple[int, ...]:
    sizes = output.shape[2:]
    if position is None:
        return tuple(size // 2 for size in sizes)
    places = tuple(position) if isinstance(position, Sequence) else (position,) * len(sizes)
    inside = len(places) == len(sizes) and all(
        isinstance(place, int) and not isinstance(place, bool) and 0 <= place < size
        for place, size in zip(places, sizes, strict=False)
    )
    if not inside:
        raise _WrongPositionError(f"position is {position!r}; the map has {tuple(sizes)} units, counted from 0")
    return places


def _unit(output: Tensor, place: tuple[int, ...]) -> Tensor:
    for position in place:
        output = output.select(2, position)
    return output


def _first_tensor(output: Any) -> Tensor | None:
    if isinstance(output, Tensor):
        return output
    values = list(output.values()) if isinstance(output, dict) else output
    if not isinstance(values, tuple | list):
        return None
    return next((found for found in map(_first_tensor, values) if found is not None), None)
