"""Connectivity: the untied layer against torch's convolution, the lecture's counts, and clear errors."""

import contextlib

import pytest
import torch
from hypothesis import assume, given
from hypothesis import strategies as st

from cnncourse.layers import Convolution
from cnncourse.layers.connectivity import (
    REGIMES,
    LocallyConnected,
    count_weights,
    region_size,
    response_bytes,
    volume_shape,
)

GEOMETRY = {
    "channels": st.integers(1, 3),
    "filters": st.integers(1, 4),
    "size": st.tuples(st.integers(1, 9), st.integers(1, 9)),
    "kernel_size": st.tuples(st.integers(1, 4), st.integers(1, 4)),
    "stride": st.tuples(st.integers(1, 3), st.integers(1, 3)),
    "padding": st.tuples(st.integers(0, 2), st.integers(0, 2)),
    "bias": st.booleans(),
}


def convolution_and_image(channels, filters, size, kernel_size, stride, padding, bias):
    assume(all(k <= s + 2 * p for k, s, p in zip(kernel_size, size, padding, strict=True)))
    options = {"stride": stride, "padding": padding, "bias": bias, "dtype": torch.float64}
    return torch.nn.Conv2d(channels, filters, kernel_size, **options), torch.randn(
        2, channels, *size, dtype=torch.float64
    )


@given(**GEOMETRY)
def test_with_tied_weights_it_equals_torch_s_convolution(**geometry):
    convolution, image = convolution_and_image(**geometry)
    untied = LocallyConnected.from_convolution(convolution, geometry["size"])
    torch.testing.assert_close(untied(image), convolution(image))


def test_with_tied_weights_it_equals_the_course_s_own_convolution():
    convolution = Convolution(3, 4, kernel_size=(3, 2), stride=(2, 1), padding=1)
    image = torch.randn(2, 3, 9, 8)
    torch.testing.assert_close(LocallyConnected.from_convolution(convolution, (9, 8))(image), convolution(image))


@given(**GEOMETRY)
def test_the_gradient_of_a_shared_weight_is_the_sum_over_its_untied_copies(**geometry):
    convolution, image = convolution_and_image(**geometry)
    untied = LocallyConnected.from_convolution(convolution, geometry["size"])
    convolution(image).square().sum().backward()
    untied(image).square().sum().backward()
    torch.testing.assert_close(untied.weight.grad.sum(dim=(0, 1)), convolution.weight.grad)
    if geometry["bias"]:
        torch.testing.assert_close(untied.bias.grad.sum(dim=(0, 1)), convolution.bias.grad)


@given(**GEOMETRY)
def test_counts_are_those_of_real_layers(**geometry):
    convolution, image = convolution_and_image(**geometry)
    untied = LocallyConnected.from_convolution(convolution, geometry["size"])
    channels, filters, size, *options = (geometry[name] for name in GEOMETRY)
    shape = (channels, *size)
    units = convolution(image)[0].numel()
    full = torch.nn.Linear(image[0].numel(), units, bias=options[-1], device="meta")
    for regime, layer in zip(REGIMES, (full, untied, convolution), strict=True):
        assert count_weights(regime, shape, filters, *options) == sum(p.numel() for p in layer.parameters())
    assert volume_shape(shape, filters, *options[:-1]) == tuple(convolution(image).shape[1:])
    assert response_bytes(shape, filters, *options[:-1]) == 4 * units


def test_each_position_has_filters_of_its_own():
    layer = LocallyConnected(1, 1, kernel_size=2, input_size=4, stride=2, bias=False)
    with torch.no_grad():
        layer.weight.zero_()
        layer.weight[1, 0] = 1.0
    assert layer(torch.ones(1, 1, 4, 4))[0, 0].tolist() == [[0.0, 0.0], [4.0, 0.0]]


def test_the_lecture_s_counts():
    image = (1, 1000, 1000)
    counts = [count_weights(regime, image, 100, 10, padding="same") for regime in REGIMES]
    assert counts == [10**14, 10**10, 10**4]
    assert count_weights("shared", image, 100, 10, padding="same", bias=True) == 10_100
    assert response_bytes(image, 100, 10, padding="same") == 400_000_000
    assert (region_size((3, 32, 32), 32), region_size((3, 32, 32), 5)) == (3072, 75)


def test_alexnet_s_first_layer_with_and_without_sharing():
    geometry = {"input_shape": (3, 227, 227), "filters": 96, "kernel_size": 11, "stride": 4, "bias": True}
    assert count_weights("local", **geometry) == 105_705_600
    assert count_weights("shared", **geometry) == 34_944


def test_a_new_layer_starts_within_the_bounds_of_torch_s_convolution():
    torch.manual_seed(0)
    layer = LocallyConnected(2, 4, 3, input_size=(6, 7))
    assert layer.weight.abs().max() <= (2 * 9) ** -0.5
    assert layer.weight.abs().max() > 0.95 * (2 * 9) ** -0.5
    assert "input_size=(6, 7)" in repr(layer)


@pytest.mark.parametrize(
    ("image", "error", "words"),
    [
        ("photo", TypeError, "image is a str"),
        (torch.zeros(1, 2, 6, 6), ValueError, r"\(1, 2, 6, 6\); expected \(N, 3, 6, 6\)"),
        (torch.zeros(3, 6, 6), ValueError, "expected"),
        (torch.zeros(1, 3, 7, 6), ValueError, "expected"),
        (torch.zeros(1, 3, 6, 6, dtype=torch.float64), ValueError, "one dtype"),
        (torch.zeros(1, 3, 6, 6, device="meta"), ValueError, "one device"),
    ],
)
def test_a_wrong_image_is_named(image, error, words):
    with pytest.raises(error, match=words):
        LocallyConnected(3, 2, 3, input_size=6)(image)


@pytest.mark.parametrize(
    ("layer", "error", "words"),
    [
        (torch.nn.Linear(2, 2), TypeError, "no weight"),
        (torch.nn.Conv2d(2, 2, 3, dilation=2), ValueError, "dilation"),
        (torch.nn.Conv2d(2, 2, 3, groups=2), ValueError, "groups is 2"),
        (torch.nn.Conv2d(2, 2, 3, padding=1, padding_mode="reflect"), ValueError, "padding_mode"),
        (torch.nn.ConvTranspose2d(2, 2, 3), ValueError, "transposed"),
        (torch.nn.Conv2d(2, 2, 3, padding="same"), ValueError, "padding is 'same'"),
        (None, TypeError, "NoneType"),
    ],
)
def test_only_a_plain_convolution_can_be_untied(layer, error, words):
    with pytest.raises(error, match=words):
        LocallyConnected.from_convolution(layer, 8)


def test_tying_needs_filters_and_bias_that_fit():
    layer = LocallyConnected(1, 2, 3, input_size=5)
    with pytest.raises(ValueError, match="expected"):
        layer.tie(torch.zeros(2, 1, 2, 2), torch.zeros(2))
    with pytest.raises(ValueError, match="the layer has a bias"):
        layer.tie(torch.zeros(2, 1, 3, 3))
    with pytest.raises(ValueError, match="bias has shape"):
        layer.tie(torch.zeros(2, 1, 3, 3), torch.zeros(3))


ANYTHING = st.one_of(st.none(), st.floats(), st.text(), st.booleans(), st.integers(-2, 0), st.lists(st.integers(-2, 0)))


@given(value=ANYTHING)
def test_nothing_but_value_errors_escape_from_the_counts(value):
    good = {"input_shape": (1, 6, 6), "filters": 2, "kernel_size": 3, "stride": 1, "padding": 0}
    for name in ("input_shape", "filters", "kernel_size", "stride", "regime"):
        with pytest.raises(ValueError, match=name):
            count_weights(**{"regime": "local", **good, name: value})
    for name in good:
        for function in (volume_shape, response_bytes):
            arguments = {**good, name: value}
            with contextlib.suppress(ValueError):
                function(**arguments)
        with contextlib.suppress(ValueError):
            region_size(good["input_shape"], value)


@given(value=st.one_of(ANYTHING, st.just(torch.zeros(2, 2)), st.builds(torch.zeros, st.integers(0, 3))))
def test_nothing_but_value_and_type_errors_escape_from_the_layer(value):
    layer = LocallyConnected(1, 1, 2, input_size=4)
    with pytest.raises((ValueError, TypeError)):
        layer(value)
    with pytest.raises((ValueError, TypeError)):
        layer.tie(value)
    with pytest.raises((ValueError, TypeError)):
        LocallyConnected.from_convolution(value, 4)
    for name in ("in_channels", "out_channels", "kernel_size", "input_size", "stride"):
        good = {"in_channels": 1, "out_channels": 1, "kernel_size": 2, "input_size": 4, "stride": 1}
        with pytest.raises((ValueError, TypeError)):
            LocallyConnected(**{**good, name: value})
