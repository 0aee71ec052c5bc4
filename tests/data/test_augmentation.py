"""Augmented pictures are made of the given pixels alone, repeat with their seed, and keep their shape."""

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st

from cnncourse.data.augmentation import crops, crops_and_mirrors, random_crops, random_erasures, random_mirrors


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
