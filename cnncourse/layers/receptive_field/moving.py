"""Rules for what moves the dimensions of a map: permuting, reshaping, splitting, cropping."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from cnncourse.layers.receptive_field.field import Reads, through
from cnncourse.layers.receptive_field.seen import Seen, bare, give_up, pointwise, rule


@rule("permute", "transpose", "swapaxes", "swapdims", "movedim", "moveaxis", "t", "squeeze", "expand", "expand_as")
def _rearrange(func: Any, input: Seen, *args: Any, **kwargs: Any) -> Seen:
    """Ask torch itself: give each dimension a size of its own, and see where it goes."""
    result = func(bare(input), *[bare(each) for each in args], **kwargs)
    if func.__name__ in ("expand", "expand_as"):
        carried = (frozenset[int](),) * (result.dim() - input.dim()) + input.carried
        return Seen.of(result.shape, input.axes, carried, input.unknown)
    sizes = [1 if size == 1 and func.__name__ == "squeeze" else 2 + i for i, size in enumerate(input.shape)]
    moved = func(torch.empty(sizes, device="meta"), *args, **kwargs).shape
    carried = tuple(input.carried[size - 2] if size > 1 else frozenset[int]() for size in moved)
    return Seen.of(result.shape, input.axes, carried, input.unknown)


@rule("unsqueeze")
def _unsqueeze(func: Any, input: Seen, dim: int) -> Seen:
    dim %= input.dim() + 1
    shape = (*input.shape[:dim], 1, *input.shape[dim:])
    carried = (*input.carried[:dim], frozenset[int](), *input.carried[dim:])
    return Seen.of(shape, input.axes, carried, input.unknown)


@rule("flatten", "view", "reshape", "unflatten", "view_as", "reshape_as")
def _reshape(func: Any, input: Seen, *args: Any, **kwargs: Any) -> Seen:
    """Follow which old dimensions make up each new one: groups of equal product belong together."""
    if args and isinstance(args[0], torch.dtype):
        return pointwise(input)
    new = func(bare(input), *(bare(each) for each in args), **kwargs).shape
    old = input.shape
    carried: list[frozenset[int]] = []
    i = j = 0
    while i < len(old) or j < len(new):
        start_i, start_j = i, j
        left, right = 1, 1
        while True:
            if i < len(old) and (left <= right or j == len(new)):
                left *= old[i]
                i += 1
            elif j < len(new):
                right *= new[j]
                j += 1
            if left == right and i > start_i and (j > start_j or j == len(new)):
                break
            if i == len(old) and j == len(new):
                break
        group = frozenset[int]().union(*input.carried[start_i:i])
        carried += [group if new[each] > 1 or j - start_j == 1 else frozenset[int]() for each in range(start_j, j)]
    return Seen.of(new, input.axes, tuple(carried), input.unknown)


@rule("chunk", "split", "tensor_split", "unbind")
def _split(func: Any, input: Seen, *args: Any, **kwargs: Any) -> Any:
    pieces = func(bare(input), *args, **kwargs)
    position = 0 if func.__name__ == "unbind" else 1
    dim = kwargs.get("dim", args[position] if len(args) > position else 0) % input.dim()
    carried = input.carried[:dim] + input.carried[dim + 1 :] if func.__name__ == "unbind" else input.carried
    if input.carried[dim]:
        return tuple(give_up(input, piece.shape, "splits a map in space", carried) for piece in pieces)
    return tuple(Seen.of(piece.shape, input.axes, carried, input.unknown) for piece in pieces)


@rule("__getitem__")
def _index(func: Any, input: Seen, key: Any) -> Seen:
    shape = input.as_subclass(Tensor)[key].shape
    keys = list(key) if isinstance(key, tuple) else [key]
    if not all(each is None or each is ... or isinstance(each, int | slice) for each in keys):
        return give_up(input, shape, "picks positions by a list or a mask")
    named = sum(each is not None and each is not ... for each in keys)
    if ... in keys:
        place = keys.index(...)
        keys[place : place + 1] = [slice(None)] * (input.dim() - named)
    keys += [slice(None)] * (input.dim() - sum(each is not None for each in keys))
    axes, carried, dimension = list(input.axes), [], 0
    for each in keys:
        if each is None:
            carried.append(frozenset[int]())
            continue
        here, size = input.carried[dimension], input.shape[dimension]
        dimension += 1
        whole = each == slice(None)
        if here and not whole and (len(here) > 1 or sum(bool(here & other) for other in input.carried) > 1):
            return give_up(input, shape, "crops a map whose axes were mixed by a reshape")
        for axis in here if not whole else ():
            start, step = (each % size, 0) if isinstance(each, int) else each.indices(size)[::2]
            axes[axis] = through(axes[axis], Reads(step, ((start,),)))
        if isinstance(each, slice):
            carried.append(here)
    return Seen.of(shape, tuple(axes), tuple(carried), input.unknown)


@rule("zeros_like", "ones_like", "empty_like", "rand_like", "randn_like", "full_like", "new_zeros", "new_ones",
       "new_empty", "new_full", "new_tensor")  # fmt: skip
def _constant(func: Any, input: Tensor, *args: Any, **kwargs: Any) -> Any:
    return func(bare(input), *args, **{**kwargs, "device": "meta"})
