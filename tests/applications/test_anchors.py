"""Anchors: shapes, places, counts, and matching against a plain loop over random boxes."""

import math

import pytest
import torch
from applications.test_boxes import ANYTHING, EMPTY, SEEDS, boxes_of
from hypothesis import given
from hypothesis import strategies as st

from cnncourse.applications.anchors import (
    BACKGROUND,
    BETWEEN,
    anchor_grid,
    anchor_shapes,
    count_anchors,
    inside,
    match,
)
from cnncourse.applications.boxes import areas, convert, iou

POSITIVE = st.lists(st.floats(0.1, 100), min_size=1, max_size=4)


@given(sizes=POSITIVE, ratios=POSITIVE)
def test_a_ratio_changes_the_shape_and_not_the_area(sizes, ratios):
    shapes = anchor_shapes(sizes, ratios)
    _, _, width, height = convert(shapes.double(), "xyxy", "xywh").unbind(1)
    expected = torch.tensor([[s * s, r] for s in sizes for r in ratios], dtype=torch.float64)
    torch.testing.assert_close(torch.stack([width * height, height / width], 1), expected, rtol=1e-5, atol=1e-5)


@given(height=st.integers(1, 5), width=st.integers(1, 5), stride=st.integers(1, 16), sizes=POSITIVE)
def test_every_cell_carries_the_same_anchors_around_its_centre(height, width, stride, sizes):
    grid = anchor_grid((height, width), stride, sizes, (0.5, 2)).reshape(height, width, -1, 4)
    shapes = anchor_shapes(sizes, (0.5, 2))
    for y in range(height):
        for x in range(width):
            centre = torch.tensor([(x + 0.5) * stride, (y + 0.5) * stride] * 2)
            torch.testing.assert_close(grid[y, x], shapes + centre)


def test_anchors_by_hand():
    assert anchor_grid((1, 2), 16, [8], [1]).tolist() == [[4, 4, 12, 12], [20, 4, 28, 12]]
    (tall,) = anchor_shapes([8], [4]).tolist()
    assert tall == [-2, -8, 2, 8]


def test_the_paper_s_map_has_twenty_one_thousand_six_hundred():
    assert count_anchors((40, 60), 9) == len(anchor_grid((40, 60), 16, (128, 256, 512))) == 21600


def test_many_anchors_reach_over_the_border():
    grid = anchor_grid((4, 4), 16, [32], [1])
    within = inside(grid, (64, 64))
    assert int(within.sum()) == 4
    assert (iou(grid, torch.tensor([[0.0, 0, 64, 64]])).squeeze(1)[within] == 32 * 32 / 64**2).all()
    assert (areas(grid) == 1024).all()


def plain_match(overlaps, high, low, force_best):
    matches = []
    for row in overlaps:
        best = max(row, default=0.0)
        matches.append(row.index(best) if row and best >= high else BACKGROUND if best < low or not row else BETWEEN)
    strength = [0.0] * len(overlaps)
    if force_best:
        for column in range(len(overlaps[0]) if overlaps else 0):
            record = max(row[column] for row in overlaps)
            for index, row in enumerate(overlaps):
                if record > strength[index] and row[column] == record:
                    matches[index], strength[index] = column, record
    return matches


@given(
    anchors=st.integers(0, 12), objects=st.integers(0, 4), seed=SEEDS, force_best=st.booleans(),
    limits=st.sampled_from([(0.7, 0.3), (0.5, 0.5), (0.5, 0.1), (1.0, 0.0)]),
)  # fmt: skip
def test_matching_is_what_the_loop_finds(anchors, objects, seed, force_best, limits):
    some, truth = boxes_of(anchors, seed), boxes_of(objects, seed + 1)
    found = match(some, truth, *limits, force_best=force_best)
    assert found.tolist() == plain_match(iou(some, truth).tolist(), *limits, force_best)


@given(objects=st.integers(1, 3), seed=SEEDS)
def test_every_object_that_is_touched_at_all_gets_an_anchor_unless_another_needs_it_more(objects, seed):
    anchors, truth = anchor_grid((3, 3), 8, [4, 9]).double(), boxes_of(objects, seed, smallest=1)
    matches, overlaps = match(anchors, truth), iou(anchors, truth)
    for number in range(objects):
        best = overlaps[:, number] == overlaps[:, number].max()
        if overlaps[best, number].max() > 0:
            assert (matches[best] >= 0).all()


def test_matching_by_hand():
    anchors = torch.tensor([[0.0, 0, 10, 10], [0, 1, 10, 11], [0, 5, 10, 15], [40, 40, 50, 50], [60, 0, 70, 10]])
    truth = torch.tensor([[0.0, 0, 10, 10], [45, 45, 60, 60]])
    assert match(anchors, truth).tolist() == [0, 0, BETWEEN, 1, BACKGROUND]
    assert match(anchors, truth, force_best=False).tolist() == [0, 0, BETWEEN, BACKGROUND, BACKGROUND]


def test_without_objects_everything_is_background_and_without_anchors_there_is_nothing():
    assert match(boxes_of(3, 0), EMPTY.double()).tolist() == [BACKGROUND] * 3
    assert match(EMPTY, boxes_of(3, 0, dtype=torch.float32)).tolist() == []


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: anchor_shapes([]), r"sizes is \[\]; give positive numbers"),
        (lambda: anchor_shapes([1], [0]), r"ratios is \[0\]"),
        (lambda: anchor_shapes([math.inf]), "sizes is"),
        (lambda: anchor_grid((2, 2), 0, [1]), "stride is 0"),
        (lambda: match(EMPTY, EMPTY, 0.3, 0.7), "low must not be larger"),
        (lambda: match(EMPTY, EMPTY, 70), "high is 70"),
        (lambda: inside(EMPTY, (0, 3)), "size is 0"),
    ],
)
def test_impossible_arguments_are_named(call, words):
    with pytest.raises(ValueError, match=words):
        call()


@given(value=ANYTHING)
def test_nothing_but_value_and_type_errors_escape(value):
    for call in (
        lambda: anchor_shapes(value), lambda: anchor_shapes([1], value), lambda: anchor_grid(value, 1, [1]),
        lambda: anchor_grid((1, 1), value, [1]), lambda: match(value, boxes_of(1, 0)),
        lambda: match(boxes_of(1, 0), value),
        lambda: inside(value, (1, 1)), lambda: inside(EMPTY, value), lambda: count_anchors(value, 1),
        lambda: count_anchors((1, 1), value),
    ):  # fmt: skip
        with pytest.raises((ValueError, TypeError)):
            call()
