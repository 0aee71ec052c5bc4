"""Drawn scenes: the truth fits the picture exactly, and a number always gives the same picture."""

import pytest
import torch
from hypothesis import given
from hypothesis import settings as few
from hypothesis import strategies as st

from cnncourse.data import scenes

SIZES = st.one_of(st.integers(16, 70), st.tuples(st.integers(16, 60), st.integers(16, 60)))


@few(max_examples=40)
@given(index=st.integers(0, 10**6), seed=st.integers(0, 99), size=SIZES, most=st.integers(0, 5))
def test_boxes_masks_and_classes_fit_each_other(index, seed, size, most):
    scene = scenes.draw(index, size, (0, most), seed=seed)
    height, width = (size, size) if isinstance(size, int) else size
    number = len(scene.labels)
    assert scene.image.shape == (3, height, width)
    assert scene.masks.shape == (number, height, width)
    assert scene.boxes.shape == (number, 4)
    assert number <= most
    assert 0 <= float(scene.image.min()) <= float(scene.image.max()) <= 1
    assert scene.masks.sum(dim=0).max() <= 1 if number else True
    for box, mask, label in zip(scene.boxes.int().tolist(), scene.masks, scene.labels.tolist(), strict=True):
        x1, y1, x2, y2 = box
        assert mask[y1:y2, x1:x2].sum() == mask.sum() > 0
        assert mask[y1, :].any()
        assert mask[y2 - 1, :].any()
        assert mask[:, x1].any()
        assert mask[:, x2 - 1].any()
        assert (scene.segmentation[mask] == label + 1).all()
    assert int((scene.segmentation == 0).sum()) == height * width - int(scene.masks.sum())


def test_a_number_and_a_seed_always_give_the_same_picture():
    first, again, other, seeded = scenes.draw(5), scenes.draw(5), scenes.draw(6), scenes.draw(5, seed=1)
    assert torch.equal(first.image, again.image)
    assert torch.equal(first.boxes, again.boxes)
    assert not torch.equal(first.image, other.image)
    assert not torch.equal(first.image, seeded.image)


def test_an_object_has_one_colour_that_differs_from_what_is_around_it():
    scene = scenes.draw_one_class(1, index=3, size=64, noise=0.0)
    inside = scene.image[:, scene.masks[0]]
    spread = (inside - inside.median(dim=1, keepdim=True).values).abs().amax(dim=0)
    assert (spread < 1e-3).float().mean() > 0.8  # only the rim mixes with the ground
    outside = scene.image[:, ~scene.masks[0]].mean(dim=1)
    assert (inside.median(dim=1).values - outside).abs().max() > 0.15


def test_areas_are_those_of_the_shapes():
    """A disc of radius 0.85 r in a ring of radii 0.5 r and 0.9 r: areas against their formulas."""
    disc, ring = (scenes.draw_one_class(label, index=2, size=128, noise=0.0) for label in (0, 4))
    for scene, outer, inner in ((disc, 1.0, 0.0), (ring, 1.0, 0.5 / 0.9)):
        x1, y1, x2, y2 = scene.boxes[0].tolist()
        radius = (x2 - x1 + y2 - y1) / 4
        expected = torch.pi * radius**2 * (outer - inner**2)
        assert float(scene.masks.sum()) == pytest.approx(expected, rel=0.05)


def test_a_data_set_has_as_many_of_each_class_and_other_pictures_to_test():
    training, test = scenes.load("train", 12, 16), scenes.load("test", 12, 16)
    assert training.labels.bincount().tolist() == [2] * 6
    assert training.images.shape == (12, 3, 16, 16)
    assert training.images.dtype == torch.uint8
    assert not torch.equal(training.images, test.images)
    assert torch.equal(training.images, scenes.load("train", 12, 16).images)


def test_all_classes_are_drawn():
    labels = torch.cat([scenes.draw(index, 32, (2, 4)).labels for index in range(30)])
    assert set(labels.tolist()) == set(range(len(scenes.CLASSES)))


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"size": 15}, "size is 15"),
        ({"size": (64,)}, "size is"),
        ({"objects": (3, 1)}, "first number must not be larger"),
        ({"objects": -1}, "objects is -1"),
        ({"index": -1}, "index is -1"),
        ({"seed": 0.5}, "seed is 0.5"),
        ({"noise": 2}, "noise is 2"),
        ({"noise": None}, "noise is None"),
    ],
)
def test_numbers_out_of_range_are_named(options, words):
    with pytest.raises(ValueError, match=words):
        scenes.draw(**options)


@given(value=st.one_of(st.none(), st.text(), st.booleans(), st.just(-1), st.floats(), st.just(6)))
def test_nothing_but_clear_errors_escape(value):
    with pytest.raises(ValueError, match="label is"):
        scenes.draw_one_class(value)
    with pytest.raises(ValueError, match="no split"):
        scenes.load(value)
    with pytest.raises((TypeError, ValueError), match="masks"):
        scenes.tight_boxes(value)


def test_nothing_has_no_box():
    with pytest.raises(ValueError, match="no box around nothing"):
        scenes.tight_boxes(torch.zeros(1, 4, 4, dtype=torch.bool))
