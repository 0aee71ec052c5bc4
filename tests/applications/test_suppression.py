"""Suppression: greedy and soft against plain loops on random boxes with ties, per class, and without boxes."""

import math

import pytest
import torch
from applications.test_boxes import ANYTHING, EMPTY, SEEDS, boxes_of
from hypothesis import given
from hypothesis import strategies as st

from cnncourse.applications.boxes import iou
from cnncourse.applications.suppression import non_maximum_suppression, soft_suppression

NOTHING = torch.zeros(0)
THRESHOLDS = st.sampled_from([0.0, 0.1, 0.25, 1 / 3, 0.5, 0.7, 1.0])


def draw(number, seed, levels=6):
    """Boxes close together, scores with ties, three classes."""
    generator = torch.Generator().manual_seed(seed)
    scores = torch.randint(0, levels + 1, (number,), generator=generator).double() / levels
    return boxes_of(number, seed), scores, torch.randint(0, 3, (number,), generator=generator)


def plain_suppression(boxes, scores, threshold, labels):
    overlaps = iou(boxes, boxes).tolist()
    waiting = sorted(range(len(boxes)), key=lambda i: (-float(scores[i]), i))
    kept = []
    while waiting:
        best, *rest = waiting
        kept.append(best)
        waiting = [i for i in rest if labels[i] != labels[best] or overlaps[best][i] <= threshold]
    return kept


def plain_soft(boxes, scores, labels, factor, floor):
    overlaps = iou(boxes, boxes).tolist()
    left, kept, new = dict(enumerate(scores.tolist())), [], []
    while left:
        best = max(left, key=lambda i: (left[i], -i))
        if left[best] < floor:
            break
        kept.append(best)
        new.append(left.pop(best))
        left = {i: s * (factor(overlaps[best][i]) if labels[i] == labels[best] else 1) for i, s in left.items()}
    return kept, new


@given(number=st.integers(0, 30), seed=SEEDS, threshold=THRESHOLDS, classes=st.booleans())
def test_greedy_suppression_is_what_the_loop_finds(number, seed, threshold, classes):
    boxes, scores, labels = draw(number, seed)
    found = non_maximum_suppression(boxes, scores, threshold, labels if classes else None)
    assert found.tolist() == plain_suppression(boxes, scores, threshold, labels if classes else [0] * number)


@given(number=st.integers(0, 25), seed=SEEDS, threshold=THRESHOLDS)
def test_what_stays_is_apart_and_what_goes_has_a_better_neighbour(number, seed, threshold):
    boxes, scores, _ = draw(number, seed)
    kept = non_maximum_suppression(boxes, scores, threshold)
    overlaps = iou(boxes, boxes)
    assert (overlaps[kept][:, kept].fill_diagonal_(0) <= threshold).all()
    assert (scores[kept].diff() <= 0).all()
    for gone in set(range(number)) - set(kept.tolist()):
        assert ((overlaps[gone, kept] > threshold) & (scores[kept] >= scores[gone])).any()


@given(
    number=st.integers(0, 15),
    seed=SEEDS,
    kind=st.sampled_from(["gaussian", "linear"]),
    floor=st.sampled_from([0.0, 0.2]),
)
def test_soft_suppression_is_what_the_loop_finds(number, seed, kind, floor):
    boxes, scores, labels = draw(number, seed)
    factors = {
        "gaussian": lambda overlap: math.exp(-(overlap**2) / 0.4),
        "linear": lambda overlap: 1 - overlap if overlap >= 0.25 else 1,
    }
    kept, new = soft_suppression(boxes, scores, labels, kind, sigma=0.4, threshold=0.25, floor=floor)
    expected, values = plain_soft(boxes, scores, labels, factors[kind], floor)
    torch.testing.assert_close(new, torch.tensor(values, dtype=torch.float64))
    assert sorted(kept.tolist()) == sorted(expected)
    assert (new.diff() <= 0).all()


CHAIN = torch.tensor([[0.0, 0, 10, 10], [0, 4, 10, 14], [0, 8, 10, 18]])  # neighbours overlap, the ends hardly


def test_a_box_that_was_dropped_drops_no_other():
    assert non_maximum_suppression(CHAIN, torch.tensor([0.9, 0.8, 0.7]), 0.4).tolist() == [0, 2]
    assert non_maximum_suppression(CHAIN, torch.tensor([0.8, 0.9, 0.7]), 0.4).tolist() == [1]


def test_exactly_at_the_threshold_both_stay():
    pair = torch.tensor([[0.0, 0, 4, 4], [2, 0, 6, 4]])  # 8 of 24
    scores = torch.tensor([0.5, 0.9])
    exact = float(iou(pair, pair)[0, 1])
    assert non_maximum_suppression(pair, scores, exact).tolist() == [1, 0]
    assert non_maximum_suppression(pair, scores, 0.33).tolist() == [1]


def test_classes_do_not_suppress_each_other():
    twins = torch.tensor([[0.0, 0, 4, 4], [0, 0, 4, 4]])
    scores = torch.tensor([0.9, 0.8])
    assert non_maximum_suppression(twins, scores, 0.5).tolist() == [0]
    assert non_maximum_suppression(twins, scores, 0.5, torch.tensor([1, 2])).tolist() == [0, 1]


def test_boxes_without_area_suppress_nothing():
    flat = torch.zeros(3, 4)
    assert non_maximum_suppression(flat, torch.ones(3), 0.0).tolist() == [0, 1, 2]


def test_no_boxes_leave_no_boxes():
    assert non_maximum_suppression(EMPTY, NOTHING).tolist() == []
    assert [part.tolist() for part in soft_suppression(EMPTY, NOTHING)] == [[], []]


def test_a_thousand_boxes_in_one_pile():
    generator = torch.Generator().manual_seed(0)
    corner = torch.rand(1000, 2, generator=generator) * 30
    boxes, scores = torch.cat([corner, corner + 20], dim=1), torch.rand(1000, generator=generator)
    assert non_maximum_suppression(boxes, scores).tolist() == plain_suppression(boxes, scores, 0.5, [0] * 1000)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: non_maximum_suppression(CHAIN, torch.ones(2)), r"scores has shape \(2,\); expected \(3\)"),
        (lambda: non_maximum_suppression(CHAIN, torch.ones(3), 50), "threshold is 50.*from 0 to 1"),
        (lambda: non_maximum_suppression(CHAIN, torch.ones(3), 0.5, torch.zeros(2)), "labels has shape"),
        (lambda: non_maximum_suppression(CHAIN, torch.full((3,), math.nan)), "without nan"),
        (lambda: soft_suppression(CHAIN, -torch.ones(3)), "a score is negative"),
        (lambda: soft_suppression(CHAIN, torch.ones(3), kind="hard"), "kind is 'hard'"),
        (lambda: soft_suppression(CHAIN, torch.ones(3), sigma=0), "sigma is 0"),
    ],
)
def test_impossible_arguments_are_named(call, words):
    with pytest.raises(ValueError, match=words):
        call()


@given(value=ANYTHING)
def test_nothing_but_value_and_type_errors_escape(value):
    scores = torch.ones(3)
    for call in (
        lambda: non_maximum_suppression(value, scores),
        lambda: non_maximum_suppression(CHAIN, value),
        lambda: non_maximum_suppression(CHAIN, scores, labels=value if value is not None else 1),
        lambda: soft_suppression(value, scores),
        lambda: soft_suppression(CHAIN, value),
        lambda: soft_suppression(CHAIN, scores, sigma=value),
        lambda: soft_suppression(CHAIN, scores, kind=value),
    ):
        if isinstance(value, torch.Tensor) and tuple(value.shape) in ((3,), (3, 4)):
            continue
        with pytest.raises((ValueError, TypeError)):
            call()


@pytest.mark.cuda
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_the_processor_does_not_matter():
    boxes, scores, labels = draw(200, 0)
    found = non_maximum_suppression(boxes.cuda(), scores.cuda(), 0.5, labels.cuda())
    assert found.tolist() == non_maximum_suppression(boxes, scores, 0.5, labels).tolist()
