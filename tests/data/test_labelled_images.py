"""Selections keep pictures and labels together, batches are normalised, statistics are those of numpy."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from cnncourse.data import LabelledImages, channel_statistics


def numbered(number=12, classes=3):
    images = torch.arange(number, dtype=torch.uint8)[:, None, None, None].expand(number, 2, 4, 5).contiguous()
    return LabelledImages(images, torch.arange(number) % classes, tuple("abc"[:classes]), "drawn for a test")


def test_a_selection_keeps_pictures_with_their_labels():
    chosen = numbered().select([5, 2])
    assert chosen.images[:, 0, 0, 0].tolist() == [5, 2]
    assert chosen.labels.tolist() == [2, 2]
    assert chosen.origin == "drawn for a test"


@given(number=st.integers(1, 12), seed=st.integers(0, 99))
def test_a_sample_has_no_repetition_and_repeats_with_its_seed(number, seed):
    first, second = (numbered().sample(number, seed).images[:, 0, 0, 0].tolist() for _ in range(2))
    assert first == second
    assert len(set(first)) == number


def test_so_many_of_each_class():
    chosen = numbered().per_class(2)
    assert chosen.labels.tolist() == [0, 0, 1, 1, 2, 2]
    assert chosen.images[:, 0, 0, 0].tolist() == [0, 3, 1, 4, 2, 5]


def test_batches_are_centred_scaled_and_augmented_only_with_a_generator():
    data = numbered().prepared([0.5, 0.25], [0.5, 0.25], augment=lambda images, _: images + 100)
    images, labels = data.batch(torch.tensor([7]))
    assert images[0, :, 0, 0].tolist() == pytest.approx([(7 / 255 - 0.5) / 0.5, (7 / 255 - 0.25) / 0.25])
    assert labels.tolist() == [1]
    augmented, _ = data.batch(torch.tensor([7]), torch.Generator())
    assert augmented[0, 0, 0, 0].item() == pytest.approx((107 / 255 - 0.5) / 0.5)
    assert len(data) == 12


def test_statistics_match_numpy():
    pixels = np.random.default_rng(0).integers(0, 256, (5, 3, 8, 8), dtype=np.uint8)
    mean, std = channel_statistics(torch.from_numpy(pixels))
    np.testing.assert_allclose(mean, (pixels / 255).mean(axis=(0, 2, 3)), atol=1e-6)
    np.testing.assert_allclose(std, (pixels / 255).std(axis=(0, 2, 3)), atol=1e-6)


@pytest.mark.parametrize("number", [0, 13, -1, 2.0, None])
def test_impossible_samples_are_named(number):
    with pytest.raises(ValueError, match="number"):
        numbered().sample(number)


def test_labels_must_fit_the_pictures():
    with pytest.raises(ValueError, match=r"labels has shape \(3,\)"):
        LabelledImages(torch.zeros(2, 1, 4, 4), torch.zeros(3), (), "x")
