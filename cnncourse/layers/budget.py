"""What a network costs: parameters, activations, multiply-adds and bytes of any module, counted exactly.

Conv2d: F·C/G·K² (+ F) parameters, F·H'·W' activations, F·H'·W'·C/G·K² multiply-adds.
The network runs on shapes alone (torch's *meta* device): no memory, no arithmetic, no weights needed.

Chapter: `layers/connectivity`.
"""

from __future__ import annotations

import html
import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from cnncourse.workbench import checks

Shape = Sequence[int]


def count(model: nn.Module, input_shape: Shape | Sequence[Shape], dtype: torch.dtype | None = None) -> Budget:
    """Count what one forward pass costs at test time, without running it on numbers.

    Parameters
    ----------
    model
        Any module; it is left as it was. Dropout is off and normalisation uses its running statistics.
    input_shape
        Shape of the input with its batch axis, (N, C, H, W) for images; several shapes for several inputs.
    dtype
        Type of the input; by default that of the parameters.

    Returns
    -------
    Budget
        One row per layer in the order of the calls, and totals.

    Raises
    ------
    TypeError
        If `model` is no module.
    ValueError
        If the shape is none, the model is lazy and has no weights yet, or it cannot run on shapes alone.

    Notes
    -----
    A *layer* is a module without children. Its activations are the values of its output. They are none where the
    output can take the input's place in memory: elementwise functions (ReLU), views (flatten), dropout. What a
    container's `forward` calls itself (`F.max_pool2d`, a sum, a matrix product) has a row of its own.
    Multiply-adds are those of convolutions and matrix products, zeros of the padding included; additions of
    biases, pooling and normalisation count as none. Shared weights are counted once.
    """
    if not isinstance(model, nn.Module):
        raise TypeError(f"model is a {type(model).__name__}; it must be a torch.nn.Module")
    inputs = [torch.empty(shape, dtype=dtype or _dtype(model), device="meta") for shape in _shapes(input_shape)]
    lazy = [name for name, p in model.named_parameters() if isinstance(p, nn.parameter.UninitializedParameter)]
    if lazy:
        raise ValueError(f"{lazy[0]} has no shape yet, because its layer is lazy. Run the model once on an input.")
    recorder = _Recorder(model)
    with _test_time(model), recorder.watching(), torch.no_grad():
        try:
            torch.func.functional_call(model, _as_shapes(model), tuple(inputs))
        except Exception as error:
            shapes = ", ".join(str(tuple(x.shape)) for x in inputs)
            raise ValueError(f"{type(model).__name__} does not run on an input of shape {shapes}: {error}") from error
    recorder.add_uncalled()
    first = Row("input", "", tuple(inputs[0].shape), 0, sum(x.numel() for x in inputs), 0, 0, sum(map(_bytes, inputs)))
    return Budget((first, *recorder.rows), tuple(recorder.unknown.items()))


@dataclass(frozen=True)
class Row:
    """What one call of one layer costs."""

    name: str
    kind: str
    output: tuple[int, ...]
    parameters: int
    activations: int
    multiply_adds: int
    parameter_bytes: int = 0
    activation_bytes: int = 0


@dataclass(frozen=True)
class Budget:
    """A table of costs; prints as text and shows as a table in a notebook.

    Attributes
    ----------
    rows
        The input, then each layer in the order of the calls.
    unknown
        Operations whose multiply-adds the table does not know, (name, calls): they are counted as none.
    """

    rows: tuple[Row, ...]
    unknown: tuple[tuple[str, int], ...] = ()
    parameters: int = field(init=False)
    activations: int = field(init=False)
    multiply_adds: int = field(init=False)
    parameter_bytes: int = field(init=False)
    activation_bytes: int = field(init=False)

    def __post_init__(self) -> None:
        for name in ("parameters", "activations", "multiply_adds", "parameter_bytes", "activation_bytes"):
            object.__setattr__(self, name, sum(getattr(row, name) for row in self.rows))

    def __str__(self) -> str:
        lines = [_HEADER, *map(_cells, self.rows), self._total()]
        widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
        template = "  ".join(f"{{:{'<' if i < 3 else '>'}{width}}}" for i, width in enumerate(widths))
        texts = [template.format(*line) for line in lines]
        rule = "-" * len(texts[0])
        return "\n".join([texts[0], rule, *texts[1:-1], rule, texts[-1], *self._remarks()])

    def _repr_html_(self) -> str:
        def row(cells: Sequence[str], tag: str = "td") -> str:
            sides = ["left"] * 3 + ["right"] * 3
            texts = zip(sides, map(html.escape, cells), strict=True)
            return (
                "<tr>" + "".join(f'<{tag} style="text-align:{side}">{text}</{tag}>' for side, text in texts) + "</tr>"
            )

        body = "".join(row(_cells(entry)) for entry in self.rows)
        remarks = "".join(f"<p>{html.escape(remark)}</p>" for remark in self._remarks())
        return (
            f'<div style="overflow-x:auto"><table class="dataframe"><thead>{row(_HEADER, "th")}</thead>'
            f"<tbody>{body}</tbody>"
            f"<tfoot>{row(self._total(), 'th')}</tfoot></table></div>{remarks}"
        )

    def _total(self) -> tuple[str, ...]:
        return ("total", "", "", *(f"{value:,}" for value in (self.parameters, self.activations, self.multiply_adds)))

    def _remarks(self) -> list[str]:
        remarks = [f"{_size(self.parameter_bytes)} of parameters, {_size(self.activation_bytes)} of activations"]
        if self.unknown:
            named = ", ".join(f"{name} (×{calls})" for name, calls in self.unknown)
            remarks.append(f"not counted, because the cost is unknown: {named}")
        return remarks


def _size(count_of_bytes: int) -> str:
    return f"{count_of_bytes / 1e6:,.1f} MB" if count_of_bytes >= 1e6 else f"{count_of_bytes:,} bytes"


_HEADER = ("layer", "kind", "output", "parameters", "activations", "multiply-adds")


def _cells(row: Row) -> tuple[str, ...]:
    numbers = (row.parameters, row.activations, row.multiply_adds)
    return (row.name, row.kind, "×".join(map(str, row.output)), *(f"{value:,}" if value else "–" for value in numbers))


@dataclass
class _Call:
    """A module that is running: what its own operations have cost so far."""

    name: str
    module: nn.Module
    is_layer: bool
    multiply_adds: int = 0
    makes_values: bool = False


class _Recorder(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Watches modules (through hooks) and operations (through the dispatcher) and writes rows."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.rows: list[Row] = []
        self.unknown: Counter[str] = Counter()
        self.calls: list[_Call] = []
        self.counted: set[int] = set()  # parameters that have been counted, by identity
        self.names = {module: name or type(module).__name__ for name, module in model.named_modules()}
        self.own = {module: list(module.parameters(recurse=False)) for module in self.names}

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Put hooks on every module, and take them away again whatever happens."""
        handles = []
        try:
            for module in self.names:
                handles.append(module.register_forward_pre_hook(self.begin))
                handles.append(module.register_forward_hook(self.end))
            with self:
                yield
        finally:
            for handle in handles:
                handle.remove()

    def begin(self, module: nn.Module, _: Any) -> None:
        self.calls.append(_Call(self.names[module], module, next(module.children(), None) is None))

    def end(self, module: nn.Module, _: Any, output: Any) -> None:
        call = self.calls.pop()
        held = self.claim(module)
        if call.is_layer or held[0]:
            values = [x for x in tree_leaves(output) if isinstance(x, Tensor)] if call.is_layer else []
            self.write(call.name, type(module).__name__, values, call.makes_values, call.multiply_adds, held)

    def write(
        self, name: str, kind: str, values: list[Tensor], fresh: bool, macs: int, held: tuple[int, int] = (0, 0)
    ) -> None:
        """Add a row; `values` need memory of their own if they are `fresh`, `held` are parameters and their bytes."""
        values = [x for x in values if x.is_floating_point()] or values  # pooling also returns indices
        shape = tuple(values[0].shape) if values else ()
        made = values if fresh else []
        size = sum(map(_bytes, made))
        self.rows.append(Row(name, kind, shape, held[0], sum(x.numel() for x in made), macs, held[1], size))

    def claim(self, module: nn.Module) -> tuple[int, int]:
        """Number and bytes of a module's own parameters that nobody has counted yet."""
        fresh = [p for p in self.own[module] if id(p) not in self.counted]
        self.counted.update(map(id, fresh))
        return sum(p.numel() for p in fresh), sum(map(_bytes, fresh))

    def add_uncalled(self) -> None:
        """Rows for modules that have parameters but were not called."""
        for module, name in self.names.items():
            held = self.claim(module)
            if held[0]:
                self.write(name, f"{type(module).__name__}, not called", [], False, 0, held)

    def __torch_dispatch__(self, operation: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = operation(*args, **(kwargs or {}))
        name = operation.overloadpacket.__name__.removesuffix("_")
        if self.calls and not (operation.is_view or name in _VIEWS or _MAKERS.match(name)):
            in_place = torch.Tag.pointwise in operation.tags or operation._schema.is_mutable or name in _POINTWISE
            self.note(self.calls[-1], name, in_place, args, result)
        return result

    def note(self, call: _Call, name: str, in_place: bool, args: Any, result: Any) -> None:
        """Add one operation to the layer that called it, or give it a row if a container called it."""
        macs = _MULTIPLY_ADDS[name](args, result) if name in _MULTIPLY_ADDS else 0
        if not (in_place or name in _MULTIPLY_ADDS or _FREE.search(name)):
            self.unknown[name] += 1
        if call.is_layer:
            call.multiply_adds += macs
            call.makes_values |= not in_place
        else:
            values = [x for x in tree_leaves(result) if isinstance(x, Tensor)][:1]
            self.write(f"{call.name}: {name.strip('_')}", "function", values, not in_place, macs)


def _convolution(args: Any, result: Tensor) -> int:
    image, weight, transposed = args[0], args[1], args[6]
    positions = image if transposed else result  # a transposed convolution spreads each input value
    weights_per_position: int = weight[0].numel()
    return positions.numel() * weights_per_position


def _product(left: Tensor, right: Tensor) -> int:
    columns = right.shape[-1] if right.dim() > 1 else 1
    return left.numel() * columns  # each value on the left meets one row on the right


def _attention(query: Tensor, key: Tensor, value: Tensor) -> int:
    scores = query.shape[:-1].numel() * key.shape[-2]
    return scores * (query.shape[-1] + value.shape[-1])


_MULTIPLY_ADDS: dict[str, Callable[[Any, Any], int]] = {
    "convolution": _convolution,
    **dict.fromkeys(("mm", "bmm", "mv", "dot"), lambda args, _: _product(*args[:2])),
    **dict.fromkeys(("addmm", "baddbmm", "addbmm", "addmv"), lambda args, _: _product(*args[1:3])),
    **dict.fromkeys(
        ("_scaled_dot_product_flash_attention", "_scaled_dot_product_flash_attention_for_cpu"),
        lambda args, _: _attention(*args[:3]),
    ),
}
_VIEWS = {"_unsafe_view", "unsafe_split", "unsafe_chunk", "detach", "lift_fresh", "squeeze", "unsqueeze"}
_POINTWISE = {"_prelu_kernel", "hardswish", "log_sigmoid_forward", "rrelu_with_noise"}  # torch does not tag them
_MAKERS = re.compile("_?(arange|bernoulli|empty|fill|full|normal|ones|rand|scalar_tensor|uniform|zero)")
_FREE = re.compile(  # no matrix product: reductions, pooling, normalisation, copies
    "pool|norm|pad|upsample|softmax|dropout|copy|cat|stack|gather|index|scatter|roll|flip|shuffle|im2col|col2im"
    "|embedding|repeat|sort|topk|sum|mean|median|max|min|var|std|any|all|clone|^glu|^tri[lu]"
)


@contextmanager
def _test_time(model: nn.Module) -> Iterator[None]:
    """Switch to evaluation, and back to each module's own mode afterwards."""
    modes = {module: module.training for module in model.modules()}
    model.eval()
    try:
        yield
    finally:
        for module, training in modes.items():
            module.training = training


def _as_shapes(model: nn.Module) -> dict[str, Tensor]:
    """Stand-ins without memory for all parameters and buffers."""
    tensors = [*model.named_parameters(), *model.named_buffers()]
    return {name: torch.empty_like(tensor, device="meta") for name, tensor in tensors}


def _dtype(model: nn.Module) -> torch.dtype:
    return next((p.dtype for p in model.parameters() if p.is_floating_point()), torch.float32)


def _bytes(tensor: Tensor) -> int:
    return tensor.numel() * tensor.element_size()


def _shapes(given: Any) -> list[tuple[int, ...]]:
    remedy = "Give the shape with its batch axis, for example (1, 3, 224, 224)."
    if not isinstance(given, Sequence) or isinstance(given, str) or not given:
        raise ValueError(f"input_shape is {given!r}; it must be a sequence of whole numbers. {remedy}")
    several = given if all(isinstance(part, Sequence) and not isinstance(part, str) for part in given) else [given]
    return [tuple(checks.whole_number("input_shape", size, 1, remedy) for size in shape) for shape in several]
