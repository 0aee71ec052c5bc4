"""Average precision: against a plain computation on random lists, by hand, and where there is nothing to find."""

import math

import pytest
import torch
from applications.test_boxes import ANYTHING, EMPTY, SEEDS, boxes_of
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score

from cnncourse.applications.average_precision import (
    Detections,
    Truth,
    average_precision,
    class_average_precisions,
    judge,
    mean_average_precision,
    precision_recall,
)
from cnncourse.applications.boxes import iou

NOTHING = torch.zeros(0)


def plain_judge(boxes, scores, truth, difficult, threshold):
    overlaps, taken, verdicts = iou(boxes, truth).tolist(), set(), [0] * len(boxes)
    for index in sorted(range(len(boxes)), key=lambda i: (-float(scores[i]), i)):
        row = overlaps[index]
        best = max(row, default=0)
        if best < threshold or best == 0:
            continue
        target = row.index(best)
        if difficult[target]:
            verdicts[index] = -1
        elif target not in taken:
            verdicts[index] = 1
            taken.add(target)
    return verdicts


def plain_average_precision(scores, verdicts, positives, method):
    """PASCAL VOC's computation, with whole numbers as long as possible."""
    counted = sorted((-s, i) for i, (s, v) in enumerate(zip(scores, verdicts, strict=True)) if v >= 0)
    true, points = 0, []
    for rank, (_, index) in enumerate(counted, 1):
        true += verdicts[index]
        points.append((true, true / rank))
    if method == "eleven":
        reach = [max((p for t, p in points if 10 * t >= tenth * positives), default=0) for tenth in range(11)]
        return sum(reach) / 11
    return sum(max((p for t, p in points if t >= one), default=0) for one in range(1, positives + 1)) / positives


def random_list(number, positives, seed):
    """Scores with ties and verdicts of which at most `positives` are true."""
    generator = torch.Generator().manual_seed(seed)
    scores = torch.randint(0, 20, (number,), generator=generator).double() / 20
    verdicts = torch.randint(-1, 2, (number,), generator=generator)
    verdicts[verdicts.eq(1) & (verdicts.eq(1).cumsum(0) > positives)] = 0
    return scores, verdicts


@given(number=st.integers(0, 40), positives=st.integers(1, 30), seed=SEEDS, method=st.sampled_from(["area", "eleven"]))
def test_average_precision_is_what_the_plain_computation_finds(number, positives, seed, method):
    scores, verdicts = random_list(number, positives, seed)
    found = average_precision(*precision_recall(scores, verdicts, positives), method)
    expected = plain_average_precision(scores.tolist(), verdicts.tolist(), positives, method)
    assert found == pytest.approx(expected, abs=1e-12)


@given(number=st.integers(0, 15), objects=st.integers(0, 6), seed=SEEDS, threshold=st.sampled_from([0.0, 0.25, 0.5]))
def test_judging_is_what_the_loop_finds(number, objects, seed, threshold):
    boxes, truth = boxes_of(number, seed), boxes_of(objects, seed + 1)
    generator = torch.Generator().manual_seed(seed)
    scores = torch.randint(0, 6, (number,), generator=generator).double()
    difficult = torch.randint(0, 2, (objects,), generator=generator).bool()
    found = judge(boxes, scores, truth, difficult, threshold)
    assert found.tolist() == plain_judge(boxes, scores, truth, difficult.tolist(), threshold)


@given(number=st.integers(1, 30), seed=SEEDS)
def test_without_the_envelope_scikit_learn_s_area_is_never_larger(number, seed):
    generator = torch.Generator().manual_seed(seed)
    scores = torch.randperm(number, generator=generator).double()
    verdicts = torch.randint(0, 2, (number,), generator=generator)
    verdicts[0] = 1
    precision, recall = precision_recall(scores, verdicts, int(verdicts.sum()))
    plain = float((recall.diff(prepend=torch.zeros(1)) * precision).sum())
    assert plain == pytest.approx(average_precision_score(verdicts.numpy(), scores.numpy()))
    assert plain <= average_precision(precision, recall) + 1e-12


# three objects; the list is true, false, true, false, and one object is never found
SCORES, VERDICTS = torch.tensor([0.9, 0.8, 0.7, 0.6]), torch.tensor([1, 0, 1, 0])


def test_a_list_by_hand():
    precision, recall = precision_recall(SCORES, VERDICTS, 3)
    assert precision.tolist() == pytest.approx([1, 1 / 2, 2 / 3, 1 / 2])
    assert recall.tolist() == pytest.approx([1 / 3, 1 / 3, 2 / 3, 2 / 3])
    assert average_precision(precision, recall) == pytest.approx((1 + 2 / 3) / 3)
    assert average_precision(precision, recall, "eleven") == pytest.approx((4 * 1 + 3 * 2 / 3) / 11)


def test_three_tenths_reach_the_fourth_of_eleven_points():
    verdicts = torch.ones(3, dtype=torch.int64)
    assert average_precision(*precision_recall(torch.ones(3), verdicts, 10), "eleven") == pytest.approx(4 / 11)


def test_a_second_detection_of_one_object_is_false():
    truth = torch.tensor([[0.0, 0, 10, 10]])
    boxes = torch.tensor([[0.0, 0, 10, 9], [0, 0, 10, 10]])
    assert judge(boxes, torch.tensor([0.9, 0.8]), truth).tolist() == [1, 0]
    assert judge(boxes, torch.tensor([0.8, 0.9]), truth).tolist() == [0, 1]


def test_a_difficult_object_counts_neither_as_found_nor_as_missed():
    truth, hard = torch.tensor([[0.0, 0, 10, 10], [20, 20, 30, 30]]), torch.tensor([False, True])
    labels = torch.zeros(2, dtype=torch.int64)
    everything = Detections(truth, torch.tensor([0.5, 0.9]), labels)
    assert judge(truth, everything.scores, truth, hard).tolist() == [1, -1]
    assert mean_average_precision([everything], [Truth(truth, labels, hard)], 1) == 1
    nothing = Detections(truth[:1], torch.tensor([0.5]), labels[:1])
    assert mean_average_precision([nothing], [Truth(truth, labels, hard)], 1) == 1
    assert mean_average_precision([nothing], [Truth(truth, labels)], 1) == 0.5


def test_it_counts_from_exactly_the_threshold_on():
    truth, half = torch.tensor([[0.0, 0, 10, 10]]), torch.tensor([[0.0, 0, 10, 5]])
    assert judge(half, torch.ones(1), truth).tolist() == [1]
    assert judge(half, torch.ones(1), truth, threshold=0.51).tolist() == [0]


def test_classes_and_images_are_kept_apart():
    box, other = torch.tensor([[0.0, 0, 10, 10]]), torch.tensor([[20.0, 20, 30, 30]])
    truths = [Truth(box, torch.tensor([0])), Truth(other, torch.tensor([1]))]
    right = [Detections(box, torch.ones(1), torch.tensor([0])), Detections(other, torch.ones(1), torch.tensor([1]))]
    assert class_average_precisions(right, truths, 3).tolist() == pytest.approx([1, 1, math.nan], nan_ok=True)
    assert mean_average_precision(right, truths, 3) == 1
    swapped = [Detections(d.boxes, d.scores, 1 - d.labels) for d in right]
    assert mean_average_precision(swapped, truths, 3) == 0
    assert mean_average_precision(right[::-1], truths, 3) == 0


def test_scores_are_compared_across_images():
    box = torch.tensor([[0.0, 0, 10, 10]])
    label = torch.tensor([0])
    truths = [Truth(box, label), Truth(EMPTY, label[:0])]
    for false_score, expected in [(0.1, 1.0), (0.9, 0.5)]:
        found = [Detections(box, torch.tensor([0.5]), label), Detections(box, torch.tensor([false_score]), label)]
        assert mean_average_precision(found, truths, 1) == expected


def test_an_image_without_objects_has_no_average_precision_and_only_false_detections():
    none = Truth(EMPTY, torch.zeros(0, dtype=torch.int64))
    box = Detections(torch.tensor([[0.0, 0, 4, 4]]), torch.ones(1), torch.tensor([0]))
    assert judge(box.boxes, box.scores, EMPTY).tolist() == [0]
    assert math.isnan(mean_average_precision([box], [none], 2))
    silent = Detections(EMPTY, NOTHING, torch.zeros(0, dtype=torch.int64))
    assert mean_average_precision([silent], [Truth(box.boxes, box.labels)], 1) == 0
    assert judge(EMPTY, NOTHING, box.boxes).tolist() == []


def test_boxes_without_area_find_nothing_even_at_threshold_zero():
    flat = torch.zeros(1, 4)
    assert judge(flat, torch.ones(1), flat, threshold=0.0).tolist() == [0]


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: judge(boxes_of(2, 0), torch.ones(3), boxes_of(1, 1)), r"scores has shape \(3,\)"),
        (lambda: judge(boxes_of(2, 0), torch.ones(2), boxes_of(1, 1), torch.ones(3)), "difficult has shape"),
        (lambda: judge(boxes_of(2, 0), torch.ones(2), boxes_of(1, 1), threshold=50), "threshold is 50"),
        (lambda: precision_recall(SCORES, VERDICTS + 1, 3), r"verdicts hold \[2\]"),
        (lambda: precision_recall(SCORES, VERDICTS, 1), "positives is 1, but 2 detections are true"),
        (lambda: precision_recall(SCORES * math.nan, VERDICTS, 3), "nan"),
        (lambda: average_precision(NOTHING, NOTHING, "twelve"), "method is 'twelve'"),
        (lambda: average_precision(torch.ones(2), torch.tensor([0.5, 0.2])), "recall falls"),
        (lambda: average_precision(torch.ones(1), torch.tensor([math.nan])), "any object"),
        (lambda: class_average_precisions([], [Truth(EMPTY, NOTHING)], 1), "detections for 0 images"),
        (lambda: class_average_precisions([], [], 0), "classes is 0"),
    ],
)
def test_impossible_arguments_are_named(call, words):
    with pytest.raises(ValueError, match=words):
        call()


@given(value=ANYTHING)
def test_nothing_but_value_and_type_errors_escape(value):
    box, score = torch.tensor([[0.0, 0, 4, 4]]), torch.ones(1)
    for call in (
        lambda: judge(value, score, box), lambda: judge(box, value, box), lambda: judge(box, score, value),
        lambda: precision_recall(value, VERDICTS, 3), lambda: precision_recall(SCORES, value, 3),
        lambda: average_precision(value, NOTHING.reshape(0, 1)), lambda: average_precision(NOTHING, NOTHING, value),
    ):  # fmt: skip
        if isinstance(value, torch.Tensor) and tuple(value.shape) in ((1,), (4,), (0, 4), (1, 4)):
            continue
        with pytest.raises((ValueError, TypeError)):
            call()
