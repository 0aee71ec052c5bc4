"""Pooling: values, switches, ties and gradients against torch over random geometries, and clear errors."""

import math

import pytest
import torch
import torch.nn.functional as F
from hypothesis import assume, given
from hypothesis import strategies as st

from cnncourse.layers.pooling import (
    AveragePooling,
    BlurPooling,
    MaxPooling,
    adaptive_average_pooling,
    adaptive_windows,
    average_pooling,
    binomial_filter,
    blur_pooling,
    discarded_share,
    global_max_pooling,
    max_pooling,
    max_unpooling,
)

PAIRS = {
    "kernel_size": st.tuples(st.integers(1, 4), st.integers(1, 4)),
    "stride": st.none() | st.tuples(st.integers(1, 4), st.integers(1, 4)),
    "padding": st.tuples(st.integers(0, 2), st.integers(0, 2)),
    "ceil_mode": st.booleans(),
}
IMAGES = st.tuples(st.integers(1, 2), st.integers(1, 3), st.integers(2, 9), st.integers(2, 9), st.integers(0, 10**6))
LECTURE = torch.tensor([[1, 1, 2, 4], [5, 6, 7, 8], [3, 2, 1, 0], [1, 2, 3, 4]]).float()[None, None]


def image_of(*shape_and_seed, levels=4):
    """Few levels make many ties."""
    *shape, seed = shape_and_seed
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(-levels, levels, shape, generator=generator).double()


def possible(image, kernel_size, padding, dilation=(1, 1)):
    return all(
        p <= k // 2 and d * (k - 1) + 1 <= size + 2 * p
        for k, p, d, size in zip(kernel_size, padding, dilation, image.shape[2:], strict=True)
    )


@given(image=IMAGES, dilation=st.tuples(st.integers(1, 2), st.integers(1, 2)), **PAIRS)
def test_max_pooling_matches_torch_in_values_switches_and_gradient(image, **geometry):
    ours = image_of(*image).requires_grad_()
    assume(possible(ours, geometry["kernel_size"], geometry["padding"], geometry["dilation"]))
    theirs = ours.detach().clone().requires_grad_()
    expected, indices = F.max_pool2d(theirs, **geometry, return_indices=True)
    values, switches = max_pooling(ours, **geometry)
    torch.testing.assert_close(values, expected)
    assert torch.equal(switches, indices)
    weights = torch.arange(values.numel()).reshape(values.shape).double()
    (values * weights).sum().backward()
    (expected * weights).sum().backward()
    torch.testing.assert_close(ours.grad, theirs.grad)


@given(image=IMAGES, count_include_pad=st.booleans(), **PAIRS)
def test_average_pooling_matches_torch_in_values_and_gradient(image, **geometry):
    ours = image_of(*image).requires_grad_()
    assume(possible(ours, geometry["kernel_size"], geometry["padding"]))
    theirs = ours.detach().clone().requires_grad_()
    expected, values = F.avg_pool2d(theirs, **geometry), average_pooling(ours, **geometry)
    torch.testing.assert_close(values, expected)
    values.square().sum().backward()
    expected.square().sum().backward()
    torch.testing.assert_close(ours.grad, theirs.grad)


@given(image=IMAGES, **PAIRS)
def test_unpooling_matches_torch(image, **geometry):
    picture = image_of(*image)
    assume(possible(picture, geometry["kernel_size"], geometry["padding"]))
    values, switches = max_pooling(picture, **geometry)
    size = tuple(picture.shape[2:])
    back = max_unpooling(values, switches, size)
    expected = torch.zeros_like(picture).flatten(2).scatter(2, switches.flatten(2), values.flatten(2)).view_as(picture)
    assert torch.equal(back, expected)
    if geometry["stride"] in (None, geometry["kernel_size"]) and geometry["padding"] == (0, 0):
        kernel = geometry["kernel_size"]
        assert torch.equal(back, F.max_unpool2d(values, switches, kernel, output_size=size))


@given(image=IMAGES, output_size=st.tuples(st.integers(1, 12), st.integers(1, 12)))
def test_adaptive_pooling_matches_torch(image, output_size):
    picture = image_of(*image)
    expected = F.adaptive_avg_pool2d(picture, output_size)
    torch.testing.assert_close(adaptive_average_pooling(picture, output_size), expected)
    assert len(adaptive_windows(picture.shape[2], output_size[0])) == output_size[0]


@given(image=IMAGES)
def test_global_pooling_is_adaptive_pooling_to_one(image):
    picture = image_of(*image)
    torch.testing.assert_close(adaptive_average_pooling(picture), picture.mean(dim=(2, 3), keepdim=True))
    torch.testing.assert_close(global_max_pooling(picture), F.adaptive_max_pool2d(picture, 1))


@given(image=IMAGES, stride=st.integers(1, 3), kernel_size=st.sampled_from([1, 3, 5]))
def test_blur_pooling_is_a_grouped_convolution_with_a_fixed_kernel(image, stride, kernel_size):
    picture = image_of(*image)
    assume(min(picture.shape[2:]) > kernel_size // 2)
    channels = picture.shape[1]
    kernel = binomial_filter(kernel_size).double().expand(channels, 1, -1, -1)
    padded = F.pad(picture, [kernel_size // 2] * 4, mode="reflect")
    torch.testing.assert_close(
        blur_pooling(picture, stride, kernel_size), F.conv2d(padded, kernel, stride=stride, groups=channels)
    )
    assert blur_pooling(picture, stride, kernel_size).shape[2] == math.ceil(picture.shape[2] / stride)


def test_binomial_filters_are_rows_of_pascal_s_triangle():
    assert (binomial_filter(3) * 16).tolist() == [[1, 2, 1], [2, 4, 2], [1, 2, 1]]
    assert (binomial_filter(5)[0] * 256).tolist() == [1, 4, 6, 4, 1]
    assert binomial_filter(1).tolist() == [[1]]


def test_the_lecture_s_example():
    values, switches = max_pooling(LECTURE, 2)
    assert values[0, 0].tolist() == [[6, 8], [3, 4]]
    assert switches[0, 0].tolist() == [[5, 7], [8, 15]]
    assert average_pooling(LECTURE, 2)[0, 0].tolist() == [[3.25, 5.25], [2, 2]]


def test_the_first_of_equals_wins_as_in_torch():
    _, switches = max_pooling(torch.ones(1, 1, 4, 4), 2)
    assert switches[0, 0].tolist() == [[0, 2], [8, 10]]


def test_each_slice_is_pooled_alone():
    image = image_of(2, 5, 6, 6, 0)
    alone = torch.cat([max_pooling(image[:, c : c + 1], 2)[0] for c in range(5)], dim=1)
    assert torch.equal(max_pooling(image, 2)[0], alone)


@pytest.mark.parametrize("layer", [MaxPooling(2), AveragePooling(3, 2), BlurPooling()])
def test_pooling_has_no_parameters_and_keeps_the_slices(layer):
    assert list(layer.parameters()) == []
    assert layer(torch.zeros(2, 7, 9, 9)).shape[:2] == (2, 7)
    assert "kernel_size" in repr(layer)


def test_layers_return_what_the_functions_return():
    image = image_of(2, 3, 8, 8, 1)
    values, switches = MaxPooling(3, stride=2, padding=1, return_indices=True)(image)
    assert torch.equal(values, max_pooling(image, 3, 2, 1)[0])
    assert torch.equal(switches, max_pooling(image, 3, 2, 1)[1])
    assert torch.equal(AveragePooling(3, 2)(image), average_pooling(image, 3, 2))
    assert torch.equal(BlurPooling(2, 5)(image), blur_pooling(image, 2, 5))


def test_minus_infinity_wins_only_inside_the_image():
    image = torch.full((1, 1, 3, 3), -torch.inf)
    values, switches = max_pooling(image, 3, padding=1)
    expected, indices = F.max_pool2d(image, 3, padding=1, return_indices=True)
    assert torch.equal(values, expected)
    assert torch.equal(switches, indices)


def test_nan_is_passed_on():
    image = torch.tensor([[1.0, torch.nan], [2.0, 3.0]])[None, None]
    assert max_pooling(image, 2)[0].isnan().all()


def test_a_window_of_two_throws_three_quarters_away():
    assert discarded_share(2) == 0.75
    assert discarded_share(3, stride=2) == 0.75
    assert discarded_share(3, stride=1) == 0.0


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        ({"image": [[1.0]]}, TypeError, "image is a list"),
        ({"image": torch.zeros(4, 4)}, ValueError, r"\(4, 4\); expected \(N, C, H, W\)"),
        ({"image": torch.zeros(1, 1, 4, 4, dtype=torch.long)}, TypeError, "torch.int64.*float"),
        ({"kernel_size": 5}, ValueError, "does not fit"),
        ({"kernel_size": 0}, ValueError, "kernel_size is 0"),
        ({"stride": 0}, ValueError, "stride is 0.*overlap"),
        ({"padding": 2}, ValueError, "padding is 2.*half a window"),
        ({"kernel_size": (2, 2, 2)}, ValueError, r"kernel_size is \(2, 2, 2\)"),
    ],
)
@pytest.mark.parametrize("function", [max_pooling, average_pooling])
def test_impossible_pooling_names_value_and_remedy(function, arguments, error, words):
    with pytest.raises(error, match=words):
        function(**{"image": torch.zeros(1, 1, 4, 4), "kernel_size": 2, **arguments})


@pytest.mark.parametrize(
    ("values", "switches", "size", "words"),
    [
        (torch.zeros(1, 1, 2, 2), torch.zeros(1, 1, 2, 3).long(), 4, "expected"),
        (torch.zeros(1, 1, 2, 2), torch.zeros(1, 1, 2, 2), 4, "int64"),
        (torch.zeros(1, 1, 2, 2), torch.full((1, 1, 2, 2), 16), 4, "pixel 16"),
        (torch.zeros(1, 1, 2, 2), torch.full((1, 1, 2, 2), -1), 4, "points"),
    ],
)
def test_unpooling_needs_fitting_switches(values, switches, size, words):
    with pytest.raises(ValueError, match=words):
        max_unpooling(values, switches, (size, size))


ANYTHING = st.one_of(
    st.none(), st.floats(), st.text(), st.booleans(), st.integers(-3, 0), st.lists(st.integers(-2, 0)),
    st.builds(torch.zeros, st.lists(st.integers(0, 2), max_size=3)),
)  # fmt: skip


@given(value=ANYTHING)
def test_nothing_but_value_and_type_errors_escape(value):
    image = torch.zeros(1, 1, 6, 6)
    both = (ValueError, TypeError)
    for function in (max_pooling, average_pooling):
        with pytest.raises(both):
            function(value, 2)
        with pytest.raises(both):
            function(image, value)
        for name in ("stride", "padding"):
            if repr(value) not in ("None", "0", "[0, 0]"):
                with pytest.raises(both):
                    function(image, 2, **{name: value})
    for call in (
        lambda: max_unpooling(value, value, value),
        lambda: max_unpooling(image, image.long(), value),
        lambda: adaptive_windows(value, 2),
        lambda: adaptive_windows(2, value),
        lambda: adaptive_average_pooling(value),
        lambda: adaptive_average_pooling(image, value),
        lambda: global_max_pooling(value),
        lambda: blur_pooling(value),
        lambda: blur_pooling(image, value),
        lambda: blur_pooling(image, 2, value),
        lambda: binomial_filter(value),
        lambda: discarded_share(value),
        lambda: MaxPooling(value),
        lambda: AveragePooling(value),
        lambda: BlurPooling(value),
    ):
        with pytest.raises(both):
            call()
