"""Augmented pictures are made of the given pixels alone, repeat with their seed, and keep their shape."""

import contextlib

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st

from cnncourse.data.augmentation import (
    crops,
    crops_and_mirrors,
    different_windows,
    principal_colours,
    random_colours,
    random_crops,
    random_erasures,
    random_mirrors,
    random_windows,
    ten_windows,
)

ODD_VALUES = (st.none(), st.text(), st.floats(), st.integers(-3, 9))


def pictures(number=6, height=7, width=5):
    return torch.randint(
        1, 255, (number, 3, height, width), dtype=torch.uint8, generator=torch.Generator().manual_seed(1)
    )


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("mode", ["constant", "reflect"])
@given(padding=st.integers(0, 4), seed=st.integers(0, 50))
def test_each_crop_is_a_window_of_the_padded_picture(mode, padding, seed):
    images = pictures()
    padded = F.pad(images.float(), (padding,) * 4, mode=mode).to(torch.uint8)
    moved = random_crops(images, padding, seeded(seed), mode)
    windows = padded.unfold(2, 7, 1).unfold(3, 5, 1)  # (N, C, offsets, offsets, H, W)
    for image, choices in zip(moved, windows, strict=True):
        assert (choices == image[:, None, None]).all(dim=-1).all(dim=-1).all(dim=0).any()


def test_without_padding_nothing_moves():
    assert torch.equal(random_crops(pictures(), 0, seeded()), pictures())


def test_about_half_are_mirrored_and_the_others_stay():
    images = pictures(400)
    result = random_mirrors(images, seeded())
    mirrored = (result == images.flip(-1)).flatten(1).all(dim=1)
    same = (result == images).flatten(1).all(dim=1)
    assert (mirrored | same).all()
    assert 150 < int(mirrored.sum()) < 250


@given(side=st.integers(0, 9), seed=st.integers(0, 50))
def test_an_erased_square_is_grey_and_the_rest_stays(side, seed):
    images = pictures().clamp(max=100)
    result = random_erasures(images, side, seeded(seed))
    changed = result != images
    assert (result[changed] == 128).all()
    assert (changed.any(dim=1).flatten(1).sum(dim=1) <= side**2).all()
    if side:
        assert changed.flatten(1).any(dim=1).all()


@pytest.mark.parametrize("augment", [crops(2), crops_and_mirrors(2), crops_and_mirrors(2, erased=3)])
def test_a_seed_repeats_an_augmentation_and_the_shape_stays(augment):
    first, second, other = augment(pictures(), seeded()), augment(pictures(), seeded()), augment(pictures(), seeded(1))
    assert torch.equal(first, second)
    assert not torch.equal(first, other)
    assert first.shape == pictures().shape
    assert first.dtype == torch.uint8


@given(value=st.one_of(st.none(), st.text(), st.floats(), st.just(-1)))
def test_nothing_but_clear_errors_escape(value):
    for function in (random_crops, random_erasures):
        with pytest.raises(ValueError, match=r"padding|side"):
            function(pictures(), value, seeded())
    with pytest.raises((TypeError, ValueError), match="images"):
        random_mirrors(value, seeded())


@given(side=st.integers(1, 5), seed=st.integers(0, 50))
def test_a_window_is_cut_out_of_its_own_picture(side, seed):
    images = pictures()
    cut = random_windows(images, side, seeded(seed))
    assert cut.shape == (6, 3, side, side)
    windows = images.unfold(2, side, 1).unfold(3, side, 1)  # (N, C, rows, columns, side, side)
    for window, choices in zip(cut, windows, strict=True):
        assert (choices == window[:, None, None]).all(dim=-1).all(dim=-1).all(dim=0).any()


def test_all_windows_are_cut_in_the_long_run():
    image = torch.arange(12.0).reshape(1, 1, 3, 4).expand(300, -1, -1, -1)
    assert random_windows(image, 2, seeded())[:, 0, 0, 0].unique().tolist() == [0, 1, 2, 4, 5, 6]
    assert different_windows(3, 2) == 2 * 4


def test_the_ten_windows_are_corners_centre_and_their_mirror_images():
    images = torch.arange(2 * 25.0).reshape(2, 1, 5, 5)
    cut = ten_windows(images, 3)
    assert cut.shape == (2, 10, 1, 3, 3)
    assert cut[0, :5, 0, 0, 0].tolist() == [0, 2, 10, 12, 6]
    assert torch.equal(cut[:, 5:], cut[:, :5].flip(-1))


def test_the_paper_s_windows_are_more_than_its_2048():
    assert different_windows(256, 224) == 2_178


def test_principal_colours_are_uncorrelated_and_as_long_as_the_spread():
    images = torch.rand(4, 3, 6, 6, dtype=torch.float64, generator=seeded())
    images[:, 1] += 2 * images[:, 0]
    colours = principal_colours(images)
    pixels = images.permute(1, 0, 2, 3).flatten(1)
    torch.testing.assert_close(colours.T @ colours, pixels.cov())
    lengths = colours.norm(dim=1)
    assert lengths.tolist() == sorted(lengths.tolist(), reverse=True)
    torch.testing.assert_close((colours @ colours.T), torch.diag(lengths.square()), rtol=0, atol=1e-12)


def test_grey_pictures_get_brighter_or_darker_but_not_coloured():
    images = torch.rand(50, 1, 4, 4, dtype=torch.float64, generator=seeded()).expand(-1, 3, -1, -1)
    moved = random_colours(images, principal_colours(images), seeded(3))
    torch.testing.assert_close(moved[:, 0], moved[:, 2], rtol=0, atol=1e-7)
    assert (moved - images).std() > 0.01


@given(seed=st.integers(0, 50))
def test_all_pixels_of_a_picture_shift_alike(seed):
    images = torch.rand(3, 3, 4, 5, generator=seeded())
    shift = random_colours(images, principal_colours(images), seeded(seed)) - images
    torch.testing.assert_close(shift, shift[:, :, :1, :1].expand_as(shift), rtol=0, atol=1e-6)
    assert torch.equal(random_colours(images, torch.eye(3), seeded(seed), 0.0), images)


def test_the_shift_has_the_colours_covariance():
    colours = torch.tensor([[0.3, 0.2, 0.3], [0.1, 0.0, -0.1], [0.01, -0.03, 0.01]], dtype=torch.float64)
    shift = random_colours(torch.zeros(60_000, 3, 1, 1, dtype=torch.float64), colours, seeded(), strength=0.5)
    torch.testing.assert_close(shift[:, :, 0, 0].T.cov(), 0.25 * colours.T @ colours, rtol=0, atol=1e-3)


@given(images=st.one_of(st.none(), st.just(torch.ones(3, 3)), st.just(pictures())), value=st.one_of(ODD_VALUES))
def test_nothing_but_clear_errors_escape_from_windows_and_colours(images, value):
    for call in (
        lambda: random_windows(images, value, seeded()),
        lambda: ten_windows(images, value),
        lambda: different_windows(5, value),
        lambda: different_windows(value, 2),
        lambda: principal_colours(images),
        lambda: random_colours(images, torch.eye(3), seeded()),
        lambda: random_colours(torch.ones(1, 3, 2, 2), torch.eye(3), seeded(), value),
        lambda: random_colours(torch.ones(1, 3, 2, 2), value, seeded()),
    ):
        with contextlib.suppress(ValueError, TypeError):
            call()


def test_a_window_larger_than_the_picture_is_refused():
    with pytest.raises(ValueError, match="7×5 pixels; take a smaller window"):
        ten_windows(pictures(), 6)
    with pytest.raises(ValueError, match="1 pixels altogether"):
        principal_colours(torch.ones(1, 3, 1, 1))
