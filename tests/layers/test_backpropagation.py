"""The gradients written out: equal to autograd, to finite differences and to the transpose."""

import contextlib

import pytest
import torch
import torch.nn.functional as F
from hypothesis import assume, given
from hypothesis import strategies as st

from cnncourse.layers import backpropagation as bp

EXACT = {"rtol": 1e-10, "atol": 1e-10}
AXIS = {
    "size": st.integers(1, 9),
    "kernel": st.integers(1, 4),
    "stride": st.integers(1, 3),
    "padding": st.integers(0, 4),
    "dilation": st.integers(1, 3),
}


@st.composite
def layers(draw):
    """A random layer with its input, in float64: (input, weight, bias, geometry)."""
    axes = [{name: draw(values) for name, values in AXIS.items()} for _ in range(2)]
    for axis in axes:
        assume(axis["dilation"] * (axis["kernel"] - 1) + 1 <= axis["size"] + 2 * axis["padding"])
    groups = draw(st.integers(1, 2))
    batch, channels, filters = (draw(st.integers(1, 3)) for _ in range(3))
    torch.manual_seed(draw(st.integers(0, 1000)))
    size, kernel = ([axis[name] for axis in axes] for name in ("size", "kernel"))
    geometry = [tuple(axis[name] for axis in axes) for name in ("stride", "padding", "dilation")]
    image = torch.randn(batch, channels * groups, *size, dtype=torch.float64)
    weight = torch.randn(filters * groups, channels, *kernel, dtype=torch.float64)
    return image, weight, torch.randn(filters * groups, dtype=torch.float64), [*geometry, groups]


def autograd_of(image, weight, bias, geometry):
    leaves = [tensor.clone().requires_grad_() for tensor in (image, weight, bias)]
    output = F.conv2d(*leaves, *geometry)
    delta = torch.randn_like(output)
    return delta, torch.autograd.grad(output, leaves, delta)


@given(layers())
def test_all_three_gradients_match_autograd(layer):
    image, weight, _, geometry = layer
    delta, (by_input, by_weight, by_bias) = autograd_of(*layer)
    torch.testing.assert_close(bp.input_gradient(delta, weight, image.shape[-2:], *geometry), by_input, **EXACT)
    torch.testing.assert_close(bp.weight_gradient(image, delta, weight.shape[-2:], *geometry), by_weight, **EXACT)
    torch.testing.assert_close(bp.bias_gradient(delta), by_bias, **EXACT)


@given(layers())
def test_the_function_gives_torch_s_outputs_and_gradients(layer):
    *tensors, geometry = layer
    ours, theirs = ([t.clone().requires_grad_() for t in tensors] for _ in range(2))
    output, expected = bp.convolve(*ours, *geometry), F.conv2d(*theirs, *geometry)
    torch.testing.assert_close(output, expected, **EXACT)
    for gradients in zip(
        torch.autograd.grad(output.square().sum(), ours),
        torch.autograd.grad(expected.square().sum(), theirs),
        strict=True,
    ):
        torch.testing.assert_close(*gradients, **EXACT)


@pytest.mark.parametrize("geometry", [(1, 0, 1, 1), (2, 1, 1, 1), (3, 2, 2, 1), (2, 3, 1, 2)])
def test_gradcheck_accepts_first_and_second_derivatives(geometry):
    torch.manual_seed(0)
    image = torch.randn(2, 2, 6, 5, dtype=torch.float64, requires_grad=True)
    weight = torch.randn(2, 2 // geometry[-1], 2, 2, dtype=torch.float64, requires_grad=True)
    bias = torch.randn(2, dtype=torch.float64, requires_grad=True)

    def layer(*tensors):
        return bp.convolve(*tensors, *geometry)

    assert torch.autograd.gradcheck(layer, (image, weight, bias))
    assert torch.autograd.gradgradcheck(layer, (image, weight, bias))


def test_only_the_gradients_that_are_wanted_are_computed():
    weight = torch.randn(1, 1, 2, 2, requires_grad=True)
    image = torch.randn(1, 1, 3, 3)
    bp.convolve(image, weight).sum().backward()
    assert image.grad is None
    assert weight.grad.shape == weight.shape


@given(layers(), st.data())
def test_the_contributions_of_all_positions_add_up_to_the_weight_s_gradient(layer, data):
    image, weight, _, geometry = layer
    assume(geometry[-1] == 1)
    delta, (_, by_weight, _) = autograd_of(*layer)
    index = tuple(data.draw(st.integers(0, size - 1)) for size in weight.shape)
    terms = bp.contributions(image, delta, index, weight.shape[-2:], *geometry[:-1])
    assert terms.shape == (image.shape[0], *delta.shape[-2:])
    torch.testing.assert_close(terms.sum(), by_weight[index], **EXACT)


@given(
    values=st.integers(1, 5),
    size=st.tuples(st.integers(2, 8), st.integers(2, 8)),
    kernel=st.integers(2, 3),
    stride=st.integers(1, 3),
    padding=st.integers(0, 1),
)
def test_max_pooling_routes_as_torch_does_also_with_ties(values, size, kernel, stride, padding):
    assume(min(size) + 2 * padding >= kernel)
    image = torch.randint(values, (2, 2, *size)).double().requires_grad_()  # few values: many ties
    output = F.max_pool2d(image, kernel, stride, padding)
    delta = torch.randn_like(output)
    (expected,) = torch.autograd.grad(output, image, delta)
    result = bp.max_pooling_gradient(image.detach(), delta, kernel, stride, padding)
    torch.testing.assert_close(result, expected, **EXACT)


def test_among_equal_pixels_the_first_gets_everything():
    image, delta = torch.ones(1, 1, 2, 2), torch.full((1, 1, 1, 1), 5.0)
    assert bp.max_pooling_gradient(image, delta, 2).flatten().tolist() == [5, 0, 0, 0]


def test_a_window_of_minus_infinity_still_has_a_winner():
    image = torch.full((1, 1, 2, 2), float("-inf"))
    assert bp.max_pooling_gradient(image, torch.ones(1, 1, 1, 1), 2).sum() == 1


@given(layers())
def test_the_backward_pass_is_the_transpose(layer):
    image, weight, _, geometry = layer
    delta, _ = autograd_of(*layer)
    gap = bp.adjoint_gap(
        lambda x: F.conv2d(x, weight, None, *geometry),
        lambda y: bp.input_gradient(y, weight, image.shape[-2:], *geometry),
        image,
        delta,
    )
    assert gap < 1e-9 or float(F.conv2d(image, weight, None, *geometry).abs().max()) < 1e-6


def test_the_adjoint_test_finds_a_kernel_that_was_not_flipped():
    torch.manual_seed(0)
    weight = torch.randn(1, 1, 3, 3)
    x, y = torch.randn(1, 1, 6, 6), torch.randn(1, 1, 6, 6)
    gap = bp.adjoint_gap(lambda x: F.conv2d(x, weight, padding=1), lambda y: F.conv2d(y, weight, padding=1), x, y)
    assert gap > 0.01


def test_finite_differences_have_a_best_step_in_the_middle():
    torch.manual_seed(0)
    weight = torch.randn(1, 1, 3, 3, dtype=torch.float64)
    image = torch.randn(1, 1, 5, 5, dtype=torch.float64)
    steps = [10.0**-exponent for exponent in range(13)]
    errors = bp.difference_errors(lambda w: F.conv2d(image, w).tanh().sum(), weight, (0, 0, 1, 1), steps)
    best = errors.index(min(errors))
    assert 3 <= best <= 7
    assert errors[best] < 1e-8
    assert errors[0] > 1e-4 < errors[-1] * 100


def test_the_best_step_of_float64_lies_near_the_measured_one():
    torch.manual_seed(0)
    x = torch.randn(4, dtype=torch.float64)
    near, far = bp.best_step(torch.float64), 1e-12
    assert near == pytest.approx(6.06e-6, rel=1e-2)
    errors = bp.difference_errors(lambda x: x.exp().sum(), x, (2,), [near, far])
    assert errors[0] < errors[1] / 100


def test_a_weight_of_alexnet_s_first_layer_works_at_3025_locations():
    assert bp.filter_locations((227, 227), 11, stride=4) == 55 * 55


ANYTHING = st.one_of(
    st.none(), st.booleans(), st.integers(-2, 0), st.floats(), st.text(), st.lists(st.integers(-1, 1), max_size=3)
)
IMAGE, DELTA, WEIGHT = torch.ones(1, 2, 5, 5), torch.ones(1, 3, 3, 3), torch.ones(3, 2, 3, 3)
CALLS = {
    "weight_gradient": (bp.weight_gradient, {"x": IMAGE, "grad_output": DELTA, "kernel_size": 3}),
    "input_gradient": (bp.input_gradient, {"grad_output": DELTA, "weight": WEIGHT, "input_size": (5, 5)}),
    "filter_locations": (bp.filter_locations, {"input_size": (9, 9), "kernel_size": 3, "stride": 2}),
    "best_step": (bp.best_step, {"dtype": torch.float32}),
    "difference_errors": (
        bp.difference_errors,
        {"function": torch.sum, "x": IMAGE, "index": (0, 0, 0, 0), "steps": [0.1]},
    ),
    "bias_gradient": (bp.bias_gradient, {"grad_output": DELTA}),
    "convolve": (bp.convolve, {"x": IMAGE, "weight": WEIGHT, "stride": 1, "groups": 1}),
    "contributions": (
        bp.contributions,
        {"x": IMAGE, "grad_output": DELTA, "weight_index": (0, 0, 0, 0), "kernel_size": 3},
    ),
    "max_pooling_gradient": (
        bp.max_pooling_gradient,
        {"x": IMAGE, "grad_output": torch.ones(1, 2, 1, 1), "kernel_size": 3},
    ),
    "finite_difference": (
        bp.finite_difference,
        {"function": torch.sum, "x": IMAGE, "index": (0, 0, 0, 0), "step": 0.1},
    ),
    "adjoint_gap": (bp.adjoint_gap, {"forward": torch.neg, "backward": torch.neg, "x": IMAGE, "y": IMAGE}),
}


@pytest.mark.parametrize("name", CALLS)
@given(data=st.data())
def test_nothing_but_type_and_value_errors_escape(name, data):
    function, arguments = CALLS[name]
    function(**arguments)  # the arguments themselves are right
    wrong = data.draw(st.sampled_from([key for key in arguments if key not in ("function", "forward", "backward")]))
    value = data.draw(st.one_of(ANYTHING, st.just(torch.ones(2, 2)), st.just(torch.ones(1, 2, 5, 4).int())))
    with contextlib.suppress(TypeError, ValueError):
        function(**{**arguments, wrong: value})


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: bp.weight_gradient(IMAGE, DELTA, 2), r"size \(3, 3\); an input of \(5, 5\).*gives \(4, 4\)"),
        (lambda: bp.weight_gradient(IMAGE, DELTA.double(), 3), "all tensors must have one dtype"),
        (lambda: bp.input_gradient(DELTA[:, :2], WEIGHT, (5, 5)), r"expected \(N, 3, H', W'\)"),
        (lambda: bp.convolve(IMAGE, WEIGHT, groups=2), "groups is 2, which does not divide"),
        (lambda: bp.contributions(IMAGE, DELTA, (0, 2, 0, 0), 3), r"weight_index is \(0, 2, 0, 0\)"),
        (lambda: bp.max_pooling_gradient(IMAGE, DELTA, 3, stride=1, padding=2), "at most half"),
        (lambda: bp.finite_difference(torch.neg, IMAGE, (0, 0, 0, 0), 0.1), "a slope needs one number"),
        (lambda: bp.finite_difference(torch.sum, IMAGE, (0, 0, 0, 9), 0.1), "must name one element"),
        (lambda: bp.adjoint_gap(torch.sum, torch.neg, IMAGE, IMAGE), r"forward\(x\) has shape \(\)"),
    ],
)
def test_an_error_names_the_value_and_what_was_wanted(call, words):
    with pytest.raises((TypeError, ValueError), match=words):
        call()
