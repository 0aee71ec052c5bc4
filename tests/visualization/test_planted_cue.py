"""Planted cues: the mark alone decides, its place is known, and a small network learns to read it in seconds."""

import contextlib

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from cnncourse.visualization.planted_cue import (
    CLASSES,
    SIDE,
    accuracy_on,
    plant,
    prepared,
    reader,
    share_named,
    small_network,
)


@pytest.mark.parametrize("distractor", ["ring", "mark"])
def test_mark_and_distractor_do_not_touch_and_the_rest_is_the_photograph(distractor):
    drawn = plant(30, seed=5, distractor=distractor)
    assert drawn.images.shape == (30, 1, SIDE, SIDE)
    assert 0 <= float(drawn.images.min()) < float(drawn.images.max()) <= 1
    assert not (drawn.marks & drawn.distractors).any()
    assert drawn.marks.flatten(1).sum(dim=1).unique().numel() == 1, "a mark is cut off by the border"
    changed = (drawn.images != drawn.without)[:, 0]
    assert not (changed & ~drawn.marks).any()
    assert (changed.flatten(1).sum(dim=1) > 0.9 * drawn.marks.flatten(1).sum(dim=1)).all()


def test_the_places_of_marks_and_rings_tell_nothing_about_the_class():
    drawn = plant(400, seed=6)
    assert drawn.labels.bincount(minlength=len(CLASSES)).min() > 70
    for masks in (drawn.marks, drawn.distractors):
        rows = (masks.float().mean(dim=2) * torch.arange(SIDE)).sum(dim=1) / masks.float().mean(dim=2).sum(dim=1)
        means = torch.stack([rows[drawn.labels == label].mean() for label in range(len(CLASSES))])
        assert float(means.max() - means.min()) < 4


def test_equal_seeds_give_equal_pictures():
    first, second, other = plant(4, 7), plant(4, 7), plant(4, 8)
    assert torch.equal(first.images, second.images)
    assert not torch.equal(first.images, other.images)


def test_the_network_reads_the_mark_and_nothing_else():
    assert share_named("whole") > 0.95
    assert share_named("without") < 0.4, "without the mark it can only guess one of four"
    drawn = plant(100, seed=9)
    assert accuracy_on(small_network(3), drawn.images, drawn.labels) < 0.6
    assert reader() is reader()


ANYTHING = st.one_of(st.none(), st.integers(-2, 2), st.floats(), st.text(), st.booleans())


@given(value=ANYTHING)
@settings(deadline=None, max_examples=25)
def test_nothing_but_type_and_value_errors_escape(value):
    for call in (
        lambda: plant(value),
        lambda: plant(1, value),
        lambda: plant(1, 0, value),
        lambda: small_network(value),
        lambda: prepared(value),
    ):
        with contextlib.suppress(TypeError, ValueError):
            call()
