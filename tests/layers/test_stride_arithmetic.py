"""Sizes: the formula against torch over random geometries, the lecture's cases, and clear errors."""

import pytest
import torch
import torch.nn.functional as F
from hypothesis import assume, given
from hypothesis import strategies as st

from cnncourse.layers.stride_arithmetic import (
    effective_kernel_size,
    layers_until_gone,
    lost_border,
    output_shape,
    output_size,
    same_padding,
    sizes_through,
    transposed_output_size,
    unread_pixels,
    window,
)

GEOMETRY = {
    "input_size": st.integers(1, 24),
    "kernel_size": st.integers(1, 6),
    "stride": st.integers(1, 5),
    "padding": st.integers(0, 4),
    "dilation": st.integers(1, 3),
}


def fits(input_size, kernel_size, padding, dilation, **_):
    return dilation * (kernel_size - 1) + 1 <= input_size + 2 * padding


@given(**GEOMETRY)
def test_output_size_matches_torch(**geometry):
    assume(fits(**geometry))
    input_size = geometry.pop("input_size")
    kernel = torch.ones(1, 1, geometry.pop("kernel_size"))
    expected = F.conv1d(torch.zeros(1, 1, input_size), kernel, **geometry).shape[-1]
    assert output_size(input_size, kernel.shape[-1], **geometry) == expected


@given(**GEOMETRY)
def test_ceil_mode_matches_torch(**geometry):
    assume(fits(**geometry) and geometry["padding"] <= geometry["kernel_size"] // 2)
    pool = torch.nn.MaxPool1d(**{k: v for k, v in geometry.items() if k != "input_size"}, ceil_mode=True)
    expected = pool(torch.zeros(1, 1, geometry["input_size"])).shape[-1]
    assert output_size(**geometry, ceil_mode=True) == expected


@given(**GEOMETRY)
def test_the_pixels_never_read_are_those_without_gradient(**geometry):
    assume(fits(**geometry))
    signal = torch.zeros(1, 1, geometry["input_size"], requires_grad=True)
    options = {name: geometry[name] for name in ("stride", "padding", "dilation")}
    F.conv1d(signal, torch.ones(1, 1, geometry["kernel_size"]), **options).sum().backward()
    assert unread_pixels(**geometry) == torch.nonzero(signal.grad[0, 0] == 0).flatten().tolist()


@given(**GEOMETRY, output_padding=st.integers(0, 3))
def test_transposed_output_size_matches_torch(output_padding, **geometry):
    assume(output_padding < max(geometry["stride"], geometry["dilation"]))
    input_size = geometry.pop("input_size")
    kernel_size = geometry.pop("kernel_size")
    kernel = torch.ones(1, 1, kernel_size)
    reach = effective_kernel_size(kernel_size, geometry["dilation"])
    expected = (input_size - 1) * geometry["stride"] - 2 * geometry["padding"] + reach + output_padding
    if expected < 1:
        with pytest.raises(ValueError, match="output size would be"):
            transposed_output_size(input_size, kernel_size, output_padding=output_padding, **geometry)
        return
    result = F.conv_transpose1d(torch.zeros(1, 1, input_size), kernel, output_padding=output_padding, **geometry)
    assert (
        transposed_output_size(input_size, kernel_size, output_padding=output_padding, **geometry) == result.shape[-1]
    )


@given(**GEOMETRY)
def test_a_transposed_convolution_can_return_to_every_size(**geometry):
    assume(fits(**geometry))
    size = output_size(**geometry)
    lost = lost_border(**geometry)
    input_size = geometry.pop("input_size")
    assert transposed_output_size(size, output_padding=lost, **geometry) == input_size


@pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel lengths")
@given(kernel_size=st.integers(1, 9), dilation=st.integers(1, 4), input_size=st.integers(1, 30))
def test_same_padding_keeps_the_size_as_torch_does(kernel_size, dilation, input_size):
    before, after = same_padding(kernel_size, dilation)
    padded = F.pad(torch.randn(1, 1, input_size), (before, after))
    kernel = torch.randn(1, 1, kernel_size)
    expected = F.conv1d(padded[..., before : before + input_size], kernel, padding="same", dilation=dilation)
    torch.testing.assert_close(F.conv1d(padded, kernel, dilation=dilation), expected)


def test_the_lecture_s_sizes():
    assert [output_size(7, 3, stride) for stride in (1, 2, 3)] == [5, 3, 2]
    assert unread_pixels(7, 3, stride=3) == [6]
    assert [lost_border(7, 3, stride) for stride in (1, 2, 3)] == [0, 0, 1]


def test_both_axes_may_differ():
    expected = F.conv2d(torch.zeros(1, 1, 9, 17), torch.ones(1, 1, 3, 5), stride=(2, 3), padding=(1, 0))
    assert output_shape((9, 17), (3, 5), stride=(2, 3), padding=(1, 0)) == tuple(expected.shape[2:])


def test_windows_read_consecutive_or_dilated_pixels():
    assert window(0, 3, padding=1) == [-1, 0, 1]
    assert window(2, 3, stride=2, dilation=2) == [4, 6, 8]


def test_an_image_shrinks_layer_by_layer():
    assert sizes_through(32, [{"kernel_size": 5}, {"kernel_size": 2, "stride": 2}]) == [32, 28, 14]
    assert layers_until_gone(32, 3) == 15


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"input_size": 4, "kernel_size": 7}, "does not fit into 4 pixels.*padding of at least 2"),
        ({"input_size": 4, "kernel_size": 3, "dilation": 2}, "covers 5 pixels"),
        ({"input_size": 7, "kernel_size": 3, "stride": 0}, "stride is 0.*use stride=1"),
        ({"input_size": 7, "kernel_size": 3, "padding": -1}, "padding is -1.*crop the input"),
        ({"input_size": 7.0, "kernel_size": 3}, "input_size is 7.0; it must be a whole number"),
        ({"input_size": 7, "kernel_size": True}, "kernel_size is True"),
        ({"input_size": 7, "kernel_size": "3"}, "kernel_size is '3'"),
        ({"input_size": 7, "kernel_size": 3, "dilation": 0}, "dilation is 0"),
    ],
)
def test_impossible_geometry_names_value_and_remedy(arguments, words):
    with pytest.raises(ValueError, match=words):
        output_size(**arguments)


def test_output_padding_must_be_below_the_stride():
    with pytest.raises(ValueError, match="output_padding is 2"):
        transposed_output_size(3, 3, stride=2, output_padding=2)


def test_kernels_of_one_pixel_never_shrink():
    with pytest.raises(ValueError, match="never shrinks"):
        layers_until_gone(8, 1)


@given(value=st.one_of(st.none(), st.floats(), st.text(), st.booleans(), st.integers(-3, 0), st.lists(st.integers())))
def test_nothing_but_value_errors_escape(value):
    for name in ("input_size", "kernel_size", "stride", "dilation"):
        with pytest.raises(ValueError, match=name):
            output_size(**{"input_size": 7, "kernel_size": 3, name: value})
