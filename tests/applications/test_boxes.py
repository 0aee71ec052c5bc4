"""Boxes: overlaps and targets against plain computations on random boxes, by hand, and at the edges."""

import math

import pytest
import torch
from hypothesis import assume, given
from hypothesis import strategies as st

from cnncourse.applications.boxes import (
    FORMATS,
    areas,
    clip,
    convert,
    decode,
    encode,
    intersections,
    iou,
    iou_after_shift,
)
from cnncourse.data import scenes

SEEDS = st.integers(0, 10**6)
CORNERS = st.integers(-6, 12)
EMPTY = torch.zeros(0, 4)


def boxes_of(number, seed, smallest=0, dtype=torch.float64):
    """Boxes with whole corners, so that they often touch, coincide or have no area."""
    generator = torch.Generator().manual_seed(seed)
    corner = torch.randint(-6, 12, (number, 2), generator=generator)
    size = torch.randint(smallest, 9, (number, 2), generator=generator)
    return torch.cat([corner, corner + size], dim=1).to(dtype)


def pixels(box):
    """The unit squares of a box with whole corners."""
    x1, y1, x2, y2 = (int(value) for value in box)
    return {(x, y) for x in range(x1, x2) for y in range(y1, y2)}


@given(first=st.integers(0, 6), second=st.integers(0, 6), seed=SEEDS)
def test_iou_counts_pixels(first, second, seed):
    ours, theirs = boxes_of(first, seed), boxes_of(second, seed + 1)
    found = iou(ours, theirs)
    assert found.shape == (first, second)
    for row, a in enumerate(ours):
        for column, b in enumerate(theirs):
            both, either = pixels(a) & pixels(b), pixels(a) | pixels(b)
            assert float(intersections(ours, theirs)[row, column]) == len(both)
            expected = len(both) / len(either) if either else 0
            assert float(found[row, column]) == pytest.approx(expected, abs=1e-12)


@given(number=st.integers(0, 8), seed=SEEDS, scale=st.floats(0.01, 100), move=st.floats(-50, 50))
def test_iou_is_symmetric_and_does_not_depend_on_scale_or_place(number, seed, scale, move):
    boxes = boxes_of(number, seed)
    found = iou(boxes, boxes)
    assert torch.equal(found, found.T)
    assert ((found >= 0) & (found <= 1)).all()
    torch.testing.assert_close(iou(boxes * scale + move, boxes * scale + move), found, rtol=1e-6, atol=1e-6)
    assert torch.equal(found.diagonal() == 1, areas(boxes) > 0)


def test_iou_by_hand():
    one = torch.tensor([[0.0, 0.0, 4.0, 4.0]])
    others = torch.tensor([[0, 0, 4, 4], [2, 0, 6, 4], [1, 1, 3, 3], [4, 0, 8, 4], [9, 9, 10, 10]]).float()
    assert iou(one, others).tolist() == [pytest.approx([1, 8 / 24, 4 / 16, 0, 0])]


def test_a_box_without_area_overlaps_nothing_not_even_itself():
    flat = torch.tensor([[2.0, 2.0, 2.0, 5.0], [3.0, 3.0, 3.0, 3.0]])
    assert torch.equal(iou(flat, flat), torch.zeros(2, 2))
    assert torch.equal(iou(flat, torch.tensor([[0.0, 0.0, 9.0, 9.0]])), torch.zeros(2, 1))


def test_one_pixel_has_area_one_and_half_a_pixel_of_shift_costs_two_thirds():
    pixel = torch.tensor([[5.0, 7.0, 6.0, 8.0]])
    assert areas(pixel).tolist() == [1]
    assert iou(pixel, pixel).item() == 1
    assert iou(pixel, pixel + torch.tensor([0.5, 0, 0.5, 0])).item() == pytest.approx(1 / 3)


def test_the_iou_of_boxes_far_outside_the_image_is_as_anywhere():
    boxes = boxes_of(5, 0, smallest=1)
    torch.testing.assert_close(iou(boxes - 1000, boxes - 1000), iou(boxes, boxes))


@given(share=st.floats(0, 1), width=st.integers(1, 50), height=st.integers(1, 50))
def test_a_shift_costs_the_same_share_of_every_box(share, width, height):
    box = torch.tensor([[0, 0, width, height]]).double()
    moved = box + torch.tensor([share * width, 0, share * width, 0], dtype=torch.float64)
    assert iou(box, moved).item() == pytest.approx(iou_after_shift(share), abs=1e-9)


def test_gradients_of_iou_are_finite_even_without_overlap():
    first = boxes_of(6, 1).requires_grad_()
    iou(first, boxes_of(6, 2)).sum().backward()
    assert first.grad.isfinite().all()


@given(number=st.integers(0, 6), seed=SEEDS, source=st.sampled_from(FORMATS), target=st.sampled_from(FORMATS))
def test_formats_lead_back(number, seed, source, target):
    boxes = convert(boxes_of(number, seed), "xyxy", source)
    torch.testing.assert_close(convert(convert(boxes, source, target), target, source), boxes)


def test_formats_by_hand():
    box = torch.tensor([[2.0, 3.0, 8.0, 7.0]])
    assert convert(box, "xyxy", "xywh").tolist() == [[2, 3, 6, 4]]
    assert convert(box, "xyxy", "cxcywh").tolist() == [[5, 5, 6, 4]]
    assert convert(torch.tensor([[5.0, 5.0, 6.0, 4.0]]), "cxcywh", "xywh").tolist() == [[2, 3, 6, 4]]


def test_the_boxes_of_scenes_are_corners_one_past_the_last_pixel():
    scene = scenes.draw(3, 48, objects=(3, 3))
    rows = scene.masks.any(dim=2).sum(dim=1)
    height = convert(scene.boxes, "xyxy", "xywh")[:, 3]
    assert (height >= rows).all()
    assert torch.equal(clip(scene.boxes, (48, 48)), scene.boxes)


@given(number=st.integers(0, 6), seed=SEEDS)
def test_clipping_leaves_the_pixels_inside(number, seed):
    boxes = boxes_of(number, seed)
    image = {(x, y) for x in range(7) for y in range(5)}
    clipped = clip(boxes, (5, 7))
    assert [pixels(box) for box in clipped] == [pixels(box) & image for box in boxes]
    assert ((clipped >= 0) & (clipped <= torch.tensor([7, 5, 7, 5]))).all()


@given(number=st.integers(0, 6), seed=SEEDS)
def test_decoding_inverts_encoding(number, seed):
    boxes, truth = boxes_of(number, seed, smallest=1), boxes_of(number, seed + 1, smallest=1)
    torch.testing.assert_close(decode(boxes, encode(boxes, truth)), truth)
    torch.testing.assert_close(decode(boxes, torch.zeros_like(boxes)), boxes)


@given(seed=SEEDS, scale=st.floats(0.1, 10), move=st.floats(-20, 20))
def test_targets_do_not_depend_on_scale_or_place(seed, scale, move):
    boxes, truth = boxes_of(4, seed, smallest=1), boxes_of(4, seed + 1, smallest=1)
    torch.testing.assert_close(
        encode(boxes * scale + move, truth * scale + move), encode(boxes, truth), rtol=1e-6, atol=1e-6
    )


def test_targets_by_hand():
    box, truth = torch.tensor([[0.0, 0.0, 10.0, 20.0]]), torch.tensor([[5.0, 5.0, 25.0, 25.0]])
    expected = [1.0, 0.25, math.log(2), 0.0]
    assert encode(box, truth)[0].tolist() == pytest.approx(expected)


def test_growth_is_limited_on_request():
    box, wild = torch.tensor([[0.0, 0.0, 16.0, 16.0]]), torch.tensor([[0.0, 0.0, 100.0, -100.0]])
    assert decode(box, wild, growth=1000 / 16)[0].tolist() == pytest.approx([-492, 8, 508, 8], abs=1e-3)
    targets = torch.zeros(1, 4, requires_grad=True)
    decode(box, targets).sum().backward()
    assert targets.grad.abs().sum() > 0


def test_nothing_gives_nothing():
    assert iou(EMPTY, EMPTY).shape == (0, 0)
    assert iou(EMPTY, boxes_of(3, 0, dtype=torch.float32)).shape == (0, 3)
    for result in (clip(EMPTY, (4, 4)), encode(EMPTY, EMPTY), decode(EMPTY, EMPTY), convert(EMPTY, "xyxy", "cxcywh")):
        assert result.shape == (0, 4)
    assert areas(EMPTY).shape == (0,)


REVERSED = torch.tensor([[0.0, 0.0, 2.0, 2.0], [5.0, 1.0, 3.0, 4.0]])


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (
            lambda: iou(REVERSED, EMPTY),
            ValueError,
            r"first\[1\] is \[5.0, 1.0.*reversed corners.*convert",
        ),
        (lambda: iou(EMPTY, REVERSED), ValueError, r"second\[1\]"),
        (lambda: iou(torch.zeros(4), EMPTY), ValueError, r"first has shape \(4,\); expected \(N, 4\)"),
        (lambda: iou([[0, 0, 1, 1]], EMPTY), TypeError, "first is a list"),
        (lambda: iou(torch.zeros(1, 4).long(), EMPTY), TypeError, "int64.*float"),
        (lambda: iou(torch.full((1, 4), math.nan), EMPTY), ValueError, "nan or infinity"),
        (lambda: iou(EMPTY, EMPTY.double()), ValueError, "one dtype"),
        (lambda: convert(REVERSED, "xyxy", "xywh"), ValueError, "negative size"),
        (lambda: convert(EMPTY, "xyxy", "corners"), ValueError, "target is 'corners'.*cxcywh"),
        (lambda: encode(torch.zeros(1, 4), torch.ones(1, 4)), ValueError, r"boxes\[0\].*without area"),
        (lambda: encode(torch.tensor([[0.0, 0, 1, 1]]), torch.ones(1, 4)), ValueError, r"truth\[0\].*without area"),
        (lambda: encode(torch.tensor([[0.0, 0, 1, 1]]), EMPTY), ValueError, r"truth has shape \(0, 4\)"),
        (lambda: decode(EMPTY, EMPTY, growth=0), ValueError, "growth is 0"),
        (lambda: clip(EMPTY, (0, 4)), ValueError, "size is 0"),
    ],
)
def test_what_is_no_box_is_refused_with_value_and_remedy(call, error, words):
    with pytest.raises(error, match=words):
        call()


ANYTHING = st.one_of(
    st.none(), st.text(), st.booleans(), st.integers(-3, 0), st.floats(max_value=0),
    st.builds(torch.zeros, st.lists(st.integers(0, 3), max_size=3)),
)  # fmt: skip


@given(value=ANYTHING)
def test_nothing_but_value_and_type_errors_escape(value):
    one = torch.tensor([[0.0, 0.0, 2.0, 2.0]])
    for call in (
        lambda: areas(value), lambda: iou(value, one), lambda: iou(one, value), lambda: intersections(value, one),
        lambda: clip(value, (4, 4)), lambda: clip(one, value), lambda: convert(value, "xyxy", "xywh"),
        lambda: convert(one, value, "xyxy"), lambda: convert(one, "xyxy", value), lambda: encode(value, one),
        lambda: encode(one, value), lambda: decode(value, one), lambda: decode(one, value),
        lambda: decode(one, one, value),
    ):  # fmt: skip
        with pytest.raises((ValueError, TypeError)):
            call()


@pytest.mark.cuda
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_the_processor_does_not_matter():
    first, second = boxes_of(50, 0, dtype=torch.float32), boxes_of(40, 1, dtype=torch.float32)
    torch.testing.assert_close(iou(first.cuda(), second.cuda()).cpu(), iou(first, second))


@given(numbers=st.lists(st.tuples(CORNERS, CORNERS, CORNERS, CORNERS), max_size=5))
def test_reversed_corners_are_refused_wherever_they_stand(numbers):
    boxes = torch.tensor(numbers, dtype=torch.float64).reshape(-1, 4)
    fine = bool((boxes[:, 2:] >= boxes[:, :2]).all())
    assume(not fine)
    with pytest.raises(ValueError, match="reversed corners"):
        areas(boxes)
