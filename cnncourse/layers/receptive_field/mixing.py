"""Rules for layers that keep the positions, bring branches together, or look at every position."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from cnncourse.layers.receptive_field.field import EVERYTHING, ReceptiveField, aligned, union
from cnncourse.layers.receptive_field.seen import JOURNEY, RULES, Seen, bare, give_up, pointwise, rule, see_everything

# What changes values one by one, or not at all.
POINTWISE = """
    relu relu6 leaky_relu rrelu prelu elu selu celu gelu silu mish hardtanh hardswish hardsigmoid sigmoid tanh softplus
    softsign logsigmoid tanhshrink hardshrink softshrink threshold exp expm1 log log1p log2 log10 sqrt rsqrt square pow
    abs neg negative sign sin cos tan erf floor ceil round clamp clip clamp_min clamp_max reciprocal logit
    dropout dropout1d dropout2d dropout3d alpha_dropout feature_dropout feature_alpha_dropout batch_norm
    local_response_norm contiguous clone detach to type type_as float double half bfloat16 cpu cuda positive
    requires_grad nan_to_num __neg__ __pos__ __abs__ __pow__ __rpow__ channel_shuffle native_channel_shuffle fill zero
""".split()  # noqa: SIM905  a table is easier to read than a list of quotes

# What combines two maps, or a map and a number.
MERGING = """
    add sub subtract mul multiply div divide true_divide maximum minimum where lerp addcmul addcdiv fmax fmin rsub
    __add__ __radd__ __iadd__ __sub__ __rsub__ __isub__ __mul__ __rmul__ __imul__ __truediv__ __rtruediv__ __rdiv__
    __itruediv__ __div__ __gt__ __lt__ __ge__ __le__ __eq__ __ne__ gt lt ge le eq ne logical_and logical_or atan2
""".split()  # noqa: SIM905  a table is easier to read than a list of quotes


@rule(*POINTWISE)
def _pointwise(func: Any, input: Any, *args: Any, **kwargs: Any) -> Any:
    return pointwise(input) if isinstance(input, Seen) else func(input, *args, **kwargs)


@rule("group_norm", "instance_norm", "layer_norm", "rms_norm")
def _normalise(func: Any, input: Seen, shape: Any = None, *_: Any, **__: Any) -> Seen:
    last = len(shape) if func.__name__ in ("layer_norm", "rms_norm") else input.dim() - 1
    if any(input.carried[-last:]):
        JOURNEY.get().note(
            f"{JOURNEY.get().here()} normalises with statistics of the whole map; the field given leaves them out"
        )
    return pointwise(input)


@rule(*MERGING)
def _merge(func: Any, *args: Any, **kwargs: Any) -> Any:
    tensors = [each for each in (*args, *kwargs.values()) if isinstance(each, Tensor)]
    maps = [each for each in tensors if isinstance(each, Seen)]
    if len(maps) == 1 and maps[0].dim() >= max(each.dim() for each in tensors):
        return Seen.of(_broadcast(tensors), maps[0].axes, maps[0].carried, maps[0].unknown)
    if not maps:
        return func(*args, **kwargs)
    return join(maps, _broadcast(tensors), "adds")


def join(maps: Sequence[Seen], shape: Sequence[int], verb: str) -> Seen:
    """Bring branches together in a map of `shape`; branches that do not look at the same place are written down."""
    carried = [frozenset[int]()] * len(shape)
    for each in maps:
        for back in range(1, each.dim() + 1):
            carried[-back] |= each.carried[-back]
    reasons = [each.unknown for each in maps if each.unknown]
    if reasons:
        return Seen.of(shape, maps[0].axes, tuple(carried), reasons[0])
    columns = list(zip(*(each.axes for each in maps), strict=True))
    if not all(column[0] == each for column in columns for each in column[1:]) and not all(map(aligned, columns)):
        branches = tuple(dict.fromkeys(ReceptiveField(each.axes) for each in maps))
        JOURNEY.get().misaligned.append((JOURNEY.get().here(), branches))
    joined = [union(column) for column in columns]
    if any(axis is None for axis in joined):
        strides = " and ".join(str(ReceptiveField(each.axes).stride) for each in maps)
        reason = f"{JOURNEY.get().here()} {verb} branches that move at different strides, {strides}"
        return Seen.of(shape, maps[0].axes, tuple(carried), reason)
    return Seen.of(shape, tuple(axis for axis in joined if axis is not None), tuple(carried))


def _broadcast(tensors: Sequence[Tensor]) -> tuple[int, ...]:
    if len(tensors) == 1:
        return tuple(tensors[0].shape)
    return tuple(torch.broadcast_shapes(*(each.shape for each in tensors)))  # type: ignore[no-untyped-call]


@rule("cat", "concat", "concatenate")
def _cat(func: Any, tensors: Sequence[Tensor], dim: int = 0, **_: Any) -> Seen:
    return join_along(tensors, dim)


def join_along(tensors: Sequence[Tensor], dim: int) -> Seen:
    """Put maps behind each other along dimension `dim`."""
    maps = [each for each in tensors if isinstance(each, Seen)]
    dim %= maps[0].dim()
    shape = list(maps[0].shape)
    for each in tensors:
        if [*each.shape[:dim], *each.shape[dim + 1 :]] != [*shape[:dim], *shape[dim + 1 :]]:
            raise ValueError(f"cannot join maps of shapes {[tuple(each.shape) for each in tensors]}")
    shape[dim] = sum(each.shape[dim] for each in tensors)
    if any(each.carried[dim] for each in maps):
        return give_up(maps[0], shape, "joins maps side by side in space")
    return join(maps, shape, "joins")


@rule("stack")
def _stack(func: Any, tensors: Sequence[Tensor], dim: int = 0, **_: Any) -> Seen:
    maps = [RULES["unsqueeze"](func, each, dim) for each in tensors if isinstance(each, Seen)]
    return join_along(maps, dim)


@rule("linear")
def _linear(func: Any, input: Seen, weight: Tensor, bias: Any = None) -> Seen:
    if input.shape[-1] != weight.shape[1]:
        raise ValueError(f"{input.shape[-1]} features meet a linear layer for {weight.shape[1]}")
    result = see_everything(pointwise(input), [-1])
    carried = (*input.carried[:-1], frozenset[int]())
    return Seen.of((*input.shape[:-1], weight.shape[0]), result.axes, carried, result.unknown)


@rule("softmax", "log_softmax", "softmin", "normalize", "cumsum", "glu")
def _over_one_dimension(func: Any, input: Seen, *args: Any, **kwargs: Any) -> Seen:
    shape = func(bare(input), *args, **kwargs).shape
    numbers = [each for each in args if isinstance(each, int) and not isinstance(each, bool)]
    default = -1 if func.__name__ == "glu" else 1
    dim = kwargs.get("dim", numbers[-1] if numbers else default)
    return see_everything(Seen.of(shape, input.axes, input.carried, input.unknown), [default if dim is None else dim])


@rule("mean", "sum", "amax", "amin", "prod", "std", "var", "median", "norm", "logsumexp", "argmax", "argmin", "max",
      "min")  # fmt: skip
def _reduce(func: Any, input: Seen, *args: Any, **kwargs: Any) -> Any:
    if args and isinstance(args[0], Tensor):
        return _merge(func, input, *args)
    result = func(bare(input), *args, **kwargs)
    dim = kwargs.get("dim", kwargs.get("axis", args[1] if func.__name__ == "norm" and len(args) > 1 else None))
    if dim is None and func.__name__ != "norm" and args:
        dim = args[0]
    dims = range(input.dim()) if dim is None else [dim] if isinstance(dim, int) else list(dim)
    gone = {each % input.dim() for each in dims}
    axes = see_everything(pointwise(input), gone).axes
    keep = isinstance(result, Tensor) and result.dim() == input.dim()
    carried = tuple(
        frozenset[int]() if i in gone else each for i, each in enumerate(input.carried) if keep or i not in gone
    )
    if isinstance(result, Tensor):
        return Seen.of(result.shape, axes, carried, input.unknown)
    return type(result)(Seen.of(each.shape, axes, carried, input.unknown) for each in result)


@rule("matmul", "bmm", "__matmul__", "__rmatmul__", "scaled_dot_product_attention", "multi_head_attention_forward",
       "_native_multi_head_attention", "_transformer_encoder_layer_fwd")  # fmt: skip
def _attend(func: Any, *args: Any, **kwargs: Any) -> Any:
    """Products of maps, and attention: each unit may look at every position."""
    maps = [each for each in (*args, *kwargs.values()) if isinstance(each, Seen)]
    if func.__name__ in ("multi_head_attention_forward", "_native_multi_head_attention"):
        shapes: list[Any] = [maps[0].shape, None]
    elif func.__name__ == "_transformer_encoder_layer_fwd":
        shapes = [maps[0].shape]
    else:
        shapes = [func(*(bare(each) for each in args), **{k: bare(v) for k, v in kwargs.items()}).shape]
    one_sided = len(maps) == 1 and maps[0] is args[0] and not maps[0].carried[-1]
    axes = maps[0].axes if one_sided else (EVERYTHING,) * len(maps[0].axes)
    carried = tuple(maps[0].carried[: len(shapes[0])]) + (frozenset[int](),) * (len(shapes[0]) - maps[0].dim())
    results = [None if shape is None else Seen.of(shape, axes, carried, maps[0].unknown) for shape in shapes]
    return results[0] if len(results) == 1 else tuple(results)
