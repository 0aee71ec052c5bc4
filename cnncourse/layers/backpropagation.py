"""How does a convolution learn? Its gradients, written out and equal to autograd.

∂L/∂w[o,c,u,v] = Σ over n,i,j of δ[n,o,i,j] · x[n,c, iS+uD−P, jS+vD−P]        (a weight works at every location)
∂L/∂x = full correlation of δ, spread by the stride, with the flipped kernel  (Dumoulin & Visin 2016, chapter 4)
Chapter: `layers/backpropagation`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, cast

import torch
import torch.nn.functional as F
from torch import Tensor

from cnncourse.layers.stride_arithmetic import effective_kernel_size, output_shape
from cnncourse.workbench import checks

Size = int | Sequence[int]


def weight_gradient(
    x: Tensor,
    grad_output: Tensor,
    kernel_size: Size,
    stride: Size = 1,
    padding: Size = 0,
    dilation: Size = 1,
    groups: int = 1,
) -> Tensor:
    """Gradient of the loss with respect to a convolution's weights: a sum over all locations of the filter.

    Parameters
    ----------
    x
        What the layer read, (N, C, H, W).
    grad_output
        δ, the gradient with respect to what it wrote, (N, O, H', W').
    kernel_size, stride, padding, dilation, groups
        The geometry of the layer, with torch's meaning; padding is with zeros.

    Returns
    -------
    Tensor
        (O, C / groups, K, K), in the dtype of `x`.

    Raises
    ------
    TypeError, ValueError
        If an argument is no tensor, or shapes, dtypes or geometry do not fit each other.
    """
    kernel, strides, paddings, dilations = _geometry(kernel_size, stride, padding, dilation)
    _check_pair_of_maps(x, grad_output, kernel, strides, paddings, dilations, groups)
    images = _by_group(_pad(x, paddings), 1, groups)  # (N, G, C/G, H, W)
    deltas = _by_group(grad_output, 1, groups)  # (N, G, O/G, H', W')
    rows = []
    for row in range(kernel[0]):
        pixels = [_read_by(images, (row, column), deltas.shape[-2:], strides, dilations) for column in range(kernel[1])]
        rows.append(torch.stack([torch.einsum("ngohw,ngchw->goc", deltas, read) for read in pixels], dim=-1))
    return torch.stack(rows, dim=-2).flatten(0, 1)  # (G, O/G, C/G, K, K) -> (O, C/G, K, K)


def filter_locations(
    input_size: Sequence[int], kernel_size: Size, stride: Size = 1, padding: Size = 0, dilation: Size = 1
) -> int:
    """At how many locations of an image (H, W) a filter works, and so how many terms each weight's gradient has.

    Raises
    ------
    ValueError
        If the geometry is impossible.
    """
    height, width = output_shape(input_size, kernel_size, stride, padding, dilation)
    return height * width


def contributions(
    x: Tensor,
    grad_output: Tensor,
    weight_index: Sequence[int],
    kernel_size: Size,
    stride: Size = 1,
    padding: Size = 0,
    dilation: Size = 1,
) -> Tensor:
    """The terms whose sum is one weight's gradient: δ times the pixel that the weight met there, (N, H', W').

    Parameters
    ----------
    weight_index
        (o, c, u, v): filter, input channel, row and column of the weight.

    Raises
    ------
    TypeError, ValueError
        As `weight_gradient`, and if there is no such weight.
    """
    kernel, strides, paddings, dilations = _geometry(kernel_size, stride, padding, dilation)
    _check_pair_of_maps(x, grad_output, kernel, strides, paddings, dilations, groups=1)
    out_channel, channel, row, column = _weight_index(
        weight_index, (grad_output.shape[1], x.shape[1], kernel[0], kernel[1])
    )
    read = _read_by(_pad(x, paddings), (row, column), grad_output.shape[-2:], strides, dilations)
    return grad_output[:, out_channel] * read[:, channel]


def input_gradient(
    grad_output: Tensor,
    weight: Tensor,
    input_size: Sequence[int],
    stride: Size = 1,
    padding: Size = 0,
    dilation: Size = 1,
    groups: int = 1,
) -> Tensor:
    """Gradient of the loss with respect to a convolution's input: again a convolution, with the kernel flipped.

    Parameters
    ----------
    grad_output
        δ, the gradient with respect to the layer's output, (N, O, H', W').
    weight
        (O, C / groups, K, K).
    input_size
        (H, W) of the input, which the stride's rounding makes ambiguous.

    Returns
    -------
    Tensor
        (N, C, H, W), in the dtype of `grad_output`.

    Raises
    ------
    TypeError, ValueError
        If an argument is no tensor, or shapes, dtypes or geometry do not fit each other.
    """
    checks.tensor("weight", weight, "O C K_h K_w")
    checks.tensor("grad_output", grad_output, "N O H' W'", O=weight.shape[0])
    checks.alike(grad_output=grad_output, weight=weight)
    _check_groups(groups, weight.shape[0], "weight's filters")
    kernel, strides, paddings, dilations = _geometry(tuple(weight.shape[-2:]), stride, padding, dilation)
    size = checks.pair("input_size", input_size, 1, "Pass (H, W) of the input.")
    _check_output_size(grad_output, size, kernel, strides, paddings, dilations)
    spread = _spread(grad_output, strides)
    margins = []
    for axis in (1, 0):  # F.pad wants the last axis first
        before = effective_kernel_size(kernel[axis], dilations[axis]) - 1 - paddings[axis]
        after = size[axis] + effective_kernel_size(kernel[axis], dilations[axis]) - 1 - before - spread.shape[2 + axis]
        margins += [before, after]  # negative margins crop: padding that was larger than the kernel
    return F.conv2d(F.pad(spread, margins), _flipped(weight, groups), dilation=dilations, groups=groups)


def bias_gradient(grad_output: Tensor) -> Tensor:
    """Gradient with respect to the bias, (O,): the bias is added at every location, so its terms are summed.

    Raises
    ------
    TypeError, ValueError
        If `grad_output` is not a tensor (N, O, H', W').
    """
    checks.tensor("grad_output", grad_output, "N O H' W'")
    return grad_output.sum(dim=(0, 2, 3))


def max_pooling_gradient(
    x: Tensor, grad_output: Tensor, kernel_size: Size, stride: Size | None = None, padding: Size = 0
) -> Tensor:
    """Gradient of max pooling with respect to its input (N, C, H, W): each δ goes to the pixel that won.

    Among equal pixels the first in reading order wins, as in torch; the others get nothing. Where windows
    overlap, a pixel may win several times and collects the sum.

    Raises
    ------
    TypeError, ValueError
        If an argument is no tensor, or shapes or geometry do not fit each other.
    """
    stride = kernel_size if stride is None else stride
    kernel, strides, paddings, _ = _geometry(kernel_size, stride, padding, 1)
    if any(pad > size // 2 for pad, size in zip(paddings, kernel, strict=True)):
        raise ValueError(f"padding is {padding}; it must be at most half of kernel_size={kernel_size}")
    _check_pair_of_maps(x, grad_output, kernel, strides, paddings, (1, 1), groups=1)
    if x.shape[1] != grad_output.shape[1]:
        raise ValueError(
            f"x has {x.shape[1]} channels and grad_output {grad_output.shape[1]}; pooling keeps channels apart"
        )
    padded = F.pad(x, (paddings[1], paddings[1], paddings[0], paddings[0]), value=float("-inf"))
    windows = F.unfold(padded.flatten(0, 1)[:, None], kernel, stride=strides)  # (N·C, K², H'·W')
    winner = F.one_hot(windows.argmax(dim=1), windows.shape[1]).movedim(-1, 1)  # 1 at the pixel that won
    routed = winner.to(grad_output) * grad_output.flatten(0, 1).flatten(1)[:, None]
    collected = F.fold(routed, padded.shape[-2:], kernel, stride=strides).view(padded.shape)
    return collected[..., paddings[0] : paddings[0] + x.shape[2], paddings[1] : paddings[1] + x.shape[3]]


class ConvolutionFunction(torch.autograd.Function):
    """A convolution whose backward pass is the three functions above; `convolve` calls it."""

    @staticmethod
    def forward(  # noqa: D102  the class says it
        ctx: Any, x: Tensor, weight: Tensor, bias: Tensor | None, *geometry: Any
    ) -> Tensor:
        ctx.save_for_backward(x, weight)
        ctx.geometry = geometry
        return F.conv2d(x, weight, bias, *geometry)

    @staticmethod
    def backward(ctx: Any, grad_output: Tensor) -> tuple[Tensor | None, ...]:  # noqa: D102
        x, weight = ctx.saved_tensors
        wants_input, wants_weight, wants_bias, *_ = ctx.needs_input_grad
        kernel_size, geometry = tuple(weight.shape[-2:]), ctx.geometry
        return (
            input_gradient(grad_output, weight, tuple(x.shape[-2:]), *geometry) if wants_input else None,
            weight_gradient(x, grad_output, kernel_size, *geometry) if wants_weight else None,
            bias_gradient(grad_output) if wants_bias else None,
            *[None] * len(geometry),
        )


def convolve(
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Size = 1,
    padding: Size = 0,
    dilation: Size = 1,
    groups: int = 1,
) -> Tensor:
    """`torch.nn.functional.conv2d` with the backward pass of this module, (N, C, H, W) → (N, O, H', W')."""
    checks.tensor("weight", weight, "O C K_h K_w")
    _, strides, paddings, dilations = _geometry(tuple(weight.shape[-2:]), stride, padding, dilation)
    _check_groups(groups, weight.shape[0], "weight's filters")
    checks.tensor("x", x, "N C H W", C=weight.shape[1] * groups)
    checks.alike(x=x, weight=weight, bias=bias)
    if bias is not None:
        checks.tensor("bias", bias, "O", O=weight.shape[0])
    output_shape(tuple(x.shape[-2:]), tuple(weight.shape[-2:]), strides, paddings, dilations)
    return cast(Tensor, ConvolutionFunction.apply(x, weight, bias, strides, paddings, dilations, groups))  # type: ignore[no-untyped-call]


def adjoint_gap(
    forward: Callable[[Tensor], Tensor], backward: Callable[[Tensor], Tensor], x: Tensor, y: Tensor
) -> float:
    """How far `backward` is from the transpose of the linear map `forward`: |⟨Ax, y⟩ − ⟨x, Aᵀy⟩|, relative.

    Zero up to rounding for any `x` and `y` if and only if the backward pass is right; it needs no
    finite differences and no autograd.

    Raises
    ------
    TypeError, ValueError
        If `x` or `y` is no tensor, or `forward(x)` has not the shape of `y`, or `backward(y)` not that of `x`.
    """
    _check_any_tensor(x=x, y=y)
    there, back = forward(x), backward(y)
    for name, value, like in (("forward(x)", there, y), ("backward(y)", back, x)):
        if value.shape != like.shape:
            raise ValueError(f"{name} has shape {tuple(value.shape)}; expected {tuple(like.shape)}")
    left, right = float((there * y).sum()), float((x * back).sum())
    return abs(left - right) / max(abs(left), abs(right), torch.finfo(x.dtype).tiny)


def finite_difference(function: Callable[[Tensor], Tensor], x: Tensor, index: Sequence[int], step: float) -> float:
    """Slope of a scalar function along one element of `x`: (f(x + h) − f(x − h)) / 2h.

    Raises
    ------
    TypeError, ValueError
        If `x` is no floating-point tensor, `index` is no element of it, `step` is not positive and finite, or
        the function returns more than one number.
    """
    _check_any_tensor(x=x)
    position = _element(x, index)
    if isinstance(step, bool) or not isinstance(step, int | float) or not 0 < step < float("inf"):
        raise ValueError(f"step is {step!r}; it must be a positive finite number such as 1e-5")
    values = []
    for signed in (step, -step):
        moved = x.detach().clone()
        moved[position] += signed
        value = function(moved)
        if value.numel() != 1:
            raise ValueError(f"the function returned shape {tuple(value.shape)}; a slope needs one number, e.g. a sum")
        values.append(float(value))
    return (values[0] - values[1]) / (2 * step)


def best_step(dtype: torch.dtype) -> float:
    """Step at which the two errors of a central difference balance: the cube root of the machine epsilon.

    The formula's own error grows with h², the rounding error with ε/h (Nocedal & Wright 2006, section 8.1).

    Raises
    ------
    ValueError
        If `dtype` is no real floating-point type.
    """
    if not isinstance(dtype, torch.dtype) or not dtype.is_floating_point:
        raise ValueError(f"dtype is {dtype!r}; slopes need a floating-point type such as torch.float64")
    return float(torch.finfo(dtype).eps ** (1 / 3))


def difference_errors(
    function: Callable[[Tensor], Tensor], x: Tensor, index: Sequence[int], steps: Sequence[float]
) -> list[float]:
    """Relative error of `finite_difference` against autograd for each step: too large and too small are both bad."""
    _check_any_tensor(x=x)
    leaf = x.detach().clone().requires_grad_()
    (gradient,) = torch.autograd.grad(function(leaf).sum(), leaf)
    exact = float(gradient[_element(x, index)])
    scale = max(abs(exact), torch.finfo(x.dtype).tiny)
    return [abs(finite_difference(function, x, index, step) - exact) / scale for step in steps]


def _read_by(
    padded: Tensor, element: tuple[int, int], output_size: Sequence[int], stride: Size, dilation: Size
) -> Tensor:
    """The pixels (…, H', W') of the padded input that one kernel element reads, one for each output position."""
    (row_stride, column_stride), (row_dilation, column_dilation) = stride, dilation  # type: ignore[misc]
    top, left = element[0] * row_dilation, element[1] * column_dilation
    rows = slice(top, top + (output_size[0] - 1) * row_stride + 1, row_stride)
    columns = slice(left, left + (output_size[1] - 1) * column_stride + 1, column_stride)
    return padded[..., rows, columns]


def _spread(values: Tensor, stride: tuple[int, int]) -> Tensor:
    """Put stride − 1 zeros between neighbours: (N, O, H', W') → (N, O, (H' − 1)S + 1, (W' − 1)S + 1)."""
    height, width = values.shape[-2:]
    result = values.new_zeros(*values.shape[:2], (height - 1) * stride[0] + 1, (width - 1) * stride[1] + 1)
    result[..., :: stride[0], :: stride[1]] = values
    return result


def _flipped(weight: Tensor, groups: int) -> Tensor:
    """Turn the kernel by 180° and swap inputs with outputs: (O, C/G, K, K) → (C, O/G, K, K)."""
    turned = _by_group(weight.flip(-2, -1), 0, groups)  # (G, O/G, C/G, K, K)
    return turned.transpose(1, 2).flatten(0, 1)


def _by_group(tensor: Tensor, axis: int, groups: int) -> Tensor:
    """Split an axis into (groups, size / groups)."""
    shape = tensor.shape
    return tensor.reshape(*shape[:axis], groups, shape[axis] // groups, *shape[axis + 1 :])


def _pad(images: Tensor, padding: tuple[int, int]) -> Tensor:
    return F.pad(images, (padding[1], padding[1], padding[0], padding[0]))


def _geometry(
    kernel_size: Size, stride: Size, padding: Size, dilation: Size
) -> tuple[tuple[int, int], tuple[int, int], tuple[int, int], tuple[int, int]]:
    return (
        checks.pair("kernel_size", kernel_size, 1, "A kernel covers at least one pixel."),
        checks.pair("stride", stride, 1, "The kernel has to move: use stride=1 to visit every position."),
        checks.pair("padding", padding, 0, "Padding adds pixels."),
        checks.pair("dilation", dilation, 1, "dilation=1 means that the kernel's elements are neighbours."),
    )


def _check_pair_of_maps(
    x: Tensor,
    grad_output: Tensor,
    kernel: tuple[int, int],
    stride: tuple[int, int],
    padding: tuple[int, int],
    dilation: tuple[int, int],
    groups: int,
) -> None:
    checks.tensor("x", x, "N C H W")
    checks.tensor("grad_output", grad_output, "N O H' W'", N=x.shape[0])
    checks.alike(x=x, grad_output=grad_output)
    _check_groups(groups, x.shape[1], "x's channels")
    _check_groups(groups, grad_output.shape[1], "grad_output's channels")
    _check_output_size(grad_output, tuple(x.shape[-2:]), kernel, stride, padding, dilation)


def _check_output_size(
    grad_output: Tensor,
    input_size: tuple[int, ...],
    kernel: tuple[int, int],
    stride: tuple[int, int],
    padding: tuple[int, int],
    dilation: tuple[int, int],
) -> None:
    expected = output_shape(input_size, kernel, stride, padding, dilation)
    if tuple(grad_output.shape[-2:]) != expected:
        raise ValueError(
            f"grad_output has size {tuple(grad_output.shape[-2:])}; an input of {tuple(input_size)} with "
            f"kernel_size={kernel}, stride={stride}, padding={padding}, dilation={dilation} gives {expected}"
        )


def _check_groups(groups: int, channels: int, what: str) -> None:
    checks.whole_number("groups", groups, 1, "groups=1 connects every input channel with every filter.")
    if channels % groups:
        raise ValueError(f"groups is {groups}, which does not divide {what} ({channels})")


def _weight_index(index: Sequence[int], shape: Sequence[int]) -> tuple[int, ...]:
    if not isinstance(index, Sequence) or isinstance(index, str) or len(index) != len(shape):
        raise ValueError(f"weight_index is {index!r}; give (filter, channel, row, column)")
    for value, size in zip(index, shape, strict=True):
        if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < size:
            raise ValueError(f"weight_index is {tuple(index)}; the weights have shape {tuple(shape)}")
    return tuple(index)


def _element(x: Tensor, index: Sequence[int]) -> tuple[int, ...]:
    position = tuple(index) if isinstance(index, Sequence) and not isinstance(index, str) else None
    fits = position is not None and len(position) == x.dim()
    if not fits or any(
        isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < size
        for value, size in zip(position or (), x.shape, strict=False)
    ):
        raise ValueError(f"index is {index!r}; it must name one element of a tensor of shape {tuple(x.shape)}")
    return position or ()


def _check_any_tensor(**tensors: object) -> None:
    for name, value in tensors.items():
        if not isinstance(value, Tensor):
            raise TypeError(f"{name} is a {type(value).__name__}; it must be a floating-point tensor")
        if not value.is_floating_point():
            raise ValueError(f"{name} has dtype {value.dtype}; slopes need a floating-point tensor")
