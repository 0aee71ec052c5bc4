"""Upsampling equals torch's, the checkerboard is counted, and an encoder–decoder answers for pictures of any size."""

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st

from cnncourse.applications.encoder_decoder import (
    UPSAMPLINGS,
    EncoderDecoder,
    any_skips,
    bilinear,
    interpolation_matrix,
    is_even,
    nearest,
    overlap_counts,
    overlap_map,
    pattern,
    phase_counts,
    transposed_convolution,
    unpadded_size,
)

SMALL = st.integers(1, 6)
ANYTHING = st.one_of(st.integers(-3, 9), st.floats(), st.booleans(), st.none(), st.text(max_size=3))


def noise(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def small(**options):
    torch.manual_seed(0)
    return EncoderDecoder(classes=3, channels=(4, 8, 8), **options).eval()


@given(SMALL, SMALL, st.integers(1, 4), st.integers(1, 4))
def test_nearest_equals_torch(height, width, down, across):
    values = noise(2, 3, height, width)
    assert torch.equal(nearest(values, (down, across)), torch.nn.Upsample(scale_factor=(down, across))(values))


@given(SMALL, SMALL, st.integers(1, 13), st.integers(1, 13))
def test_bilinear_equals_torch_for_any_size(height, width, larger, wider):
    values = noise(2, 3, height, width)
    theirs = F.interpolate(values, (larger, wider), mode="bilinear")
    torch.testing.assert_close(bilinear(values, (larger, wider)), theirs)


@given(st.integers(1, 20), st.integers(1, 20))
def test_interpolation_takes_means(inward, outward):
    matrix = interpolation_matrix(inward, outward)
    assert matrix.shape == (outward, inward)
    assert (matrix >= 0).all()
    torch.testing.assert_close(matrix.sum(dim=1), torch.ones(outward, dtype=torch.float64))


@given(SMALL, SMALL, SMALL, SMALL, st.integers(1, 4), st.integers(1, 4), st.booleans(), st.integers(0, 2))
def test_stamps_equal_the_transposed_convolution_of_torch(height, width, tall, wide, down, across, biased, padding):
    values, weight = noise(2, 3, height, width), noise(3, 2, tall, wide, seed=1)
    bias = noise(2, seed=2) if biased else None
    left = min((height - 1) * down + tall, (width - 1) * across + wide) - 2 * padding
    if left < 1:
        with pytest.raises(ValueError, match="cut off less"):
            transposed_convolution(values, weight, bias, (down, across), padding)
        return
    ours = transposed_convolution(values, weight, bias, (down, across), padding)
    torch.testing.assert_close(ours, F.conv_transpose2d(values, weight, bias, (down, across), padding))


def test_a_transposed_convolution_is_no_inverse_but_the_adjoint():
    """⟨conv(x), y⟩ = ⟨x, convᵀ(y)⟩, with the same weights; and convᵀ(conv(x)) is not x."""
    x, weight = noise(1, 2, 9, 7), noise(3, 2, 3, 3, seed=1)
    forward = F.conv2d(x, weight, stride=2)
    y = noise(*forward.shape, seed=2)
    back = transposed_convolution(y, weight, stride=2)
    torch.testing.assert_close((forward * y).sum(), (x * back).sum())
    assert not torch.allclose(transposed_convolution(forward, weight, stride=2), x)


@given(st.integers(1, 8), st.integers(1, 7), st.integers(1, 5))
def test_counts_are_the_stamps_of_a_kernel_of_ones(size, kernel_size, stride):
    ones, kernel = torch.ones(1, 1, size, size), torch.ones(1, 1, kernel_size, kernel_size)
    stamps = F.conv_transpose2d(ones, kernel, stride=stride)[0, 0].long()
    assert torch.equal(overlap_map(size, kernel_size, stride), stamps)


@given(st.integers(1, 7), st.integers(1, 5))
def test_inner_counts_repeat_with_the_stride_and_are_equal_only_if_it_divides_the_kernel(kernel_size, stride):
    phases, start = phase_counts(kernel_size, stride), stride * kernel_size
    assert overlap_counts(20, kernel_size, stride)[start : start + 2 * stride].tolist() == 2 * phases
    assert is_even(kernel_size, stride) == (kernel_size % stride == 0)
    assert sum(phases) == kernel_size


def test_padding_cuts_the_counts():
    assert torch.equal(overlap_counts(5, 4, 2, 1), overlap_counts(5, 4, 2)[1:-1])
    with pytest.raises(ValueError, match="padding is 2"):
        overlap_counts(1, 4, 2, 2)


def test_a_pattern_is_found_where_it_is_and_nowhere_else():
    board = (torch.arange(8)[:, None] + torch.arange(8)) % 2 * 2 - 1
    assert pattern(board.double()[None, None], 2) == pytest.approx(1)
    assert pattern(board.double()[None, None] + 1, 2) == pytest.approx(0.5**0.5)
    assert pattern(torch.zeros(1, 1, 4, 4), 2) == 0
    assert pattern(torch.ones(1, 1, 9, 9), 3) == 0
    assert pattern(noise(1, 4, 200, 200), 2) < 0.02
    assert pattern(nearest(noise(1, 1, 40, 40)), 2) < 0.02


@pytest.mark.parametrize("kernel_size", [2, 3, 4, 5, 6])
def test_equal_weights_leave_a_pattern_unless_the_stride_divides_the_kernel(kernel_size):
    stamped = F.conv_transpose2d(torch.ones(1, 1, 20, 20), torch.ones(1, 1, kernel_size, kernel_size), stride=2)
    inner = stamped[:, :, 6:-6, 6:-6]
    assert (pattern(inner, 2) > 0.1) == (kernel_size % 2 == 1)
    assert (pattern(inner, 2) < 1e-6) == (kernel_size % 2 == 0)


@pytest.mark.parametrize("upsampling", UPSAMPLINGS)
@pytest.mark.parametrize("size", [(1, 1), (1, 5), (2, 3), (7, 9), (8, 8), (13, 4)])
def test_any_size_comes_back_as_it_went_in(upsampling, size):
    with torch.no_grad():
        scores = small(upsampling=upsampling)(noise(2, 3, *size).float())
    assert scores.shape == (2, 3, *size)
    assert scores.isfinite().all()


def test_each_image_may_have_its_own_skips():
    network, images = small(), noise(2, 3, 8, 8).float()
    mixed = network(images, torch.tensor([[True, False], [False, True]]))
    torch.testing.assert_close(mixed[:1], network(images[:1], (True, False)))
    torch.testing.assert_close(mixed[1:], network(images[1:], (False, True)))
    with pytest.raises(ValueError, match="skips has shape"):
        network(images, torch.ones(1, 2))


def test_the_loss_with_any_skips_trains_every_weight():
    network, images = small().train(), noise(16, 3, 8, 8).float()
    torch.manual_seed(1)
    any_skips(network, images, torch.zeros(16, 8, 8, dtype=torch.int64)).backward()
    assert all(weight.grad.isfinite().all() for weight in network.parameters())


def test_u_net_loses_its_border_and_refuses_what_does_not_fit():
    assert unpadded_size(572) == 388
    assert unpadded_size(9, 1) == 5
    block = torch.nn.Conv2d(1, 1, 5)  # as much border as two of 3×3
    with torch.no_grad():
        x = block(torch.zeros(1, 1, 188, 188))
        for _ in range(4):
            x = block(F.max_pool2d(x, 2))
        for _ in range(4):
            x = block(nearest(x))
    assert x.shape[2] == unpadded_size(188)
    for size in (571, 512, 60, 4):
        with pytest.raises(ValueError, match=r"must be even there|nothing is left"):
            unpadded_size(size)


def test_the_network_is_the_same_with_and_without_skips():
    with_skips, without = small(), small(skips=False)
    images = noise(1, 3, 12, 12).float()
    assert [p.shape for p in with_skips.parameters()] == [p.shape for p in without.parameters()]
    assert torch.equal(with_skips(images, False), without(images))
    assert torch.equal(without(images, True), with_skips(images))
    assert not torch.allclose(with_skips(images, (True, False)), with_skips(images, (False, True)))


@given(st.one_of(ANYTHING, st.lists(ANYTHING, max_size=3)), ANYTHING, ANYTHING)
def test_wrong_arguments_are_refused_in_words(first, second, third):
    for call in (
        lambda: overlap_counts(first, second, third),
        lambda: phase_counts(first, second),
        lambda: is_even(second, third),
        lambda: interpolation_matrix(first, second),
        lambda: nearest(torch.ones(1, 1, 2, 2), first),
        lambda: bilinear(torch.ones(1, 1, 2, 2), first),
        lambda: transposed_convolution(torch.ones(1, 1, 2, 2), torch.ones(1, 1, 2, 2), None, first, second),
        lambda: pattern(first, second),
        lambda: nearest(first),
        lambda: bilinear(first, 2),
        lambda: transposed_convolution(first, torch.ones(1, 1, 2, 2)),
    ):
        try:
            call()
        except (TypeError, ValueError) as error:
            assert len(str(error)) > 20  # noqa: PT017 - what is raised is the finding


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"channels": (4,)}, "at least two levels"),
        ({"channels": (4, 0)}, "channels is 0"),
        ({"upsampling": "magic"}, "bilinear, nearest"),
        ({"skips": (True,)}, "3 of them"),
        ({"classes": 0}, "classes is 0"),
    ],
)
def test_an_impossible_network_is_refused(options, words):
    with pytest.raises(ValueError, match=words):
        EncoderDecoder(**options)
