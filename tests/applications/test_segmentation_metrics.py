"""The measures of a segmentation: identities of the paper, scikit-learn's matrix, and the outlines by brute force."""

import contextlib
import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import confusion_matrix as by_sklearn
from sklearn.metrics import jaccard_score

from cnncourse.applications.segmentation_metrics import (
    boundary,
    boundary_f_score,
    boundary_f_scores,
    class_accuracies,
    class_ious,
    confusion_matrix,
    frequency_weighted_iou,
    mean_accuracy,
    mean_iou,
    pixel_accuracy,
)

MEASURES = (pixel_accuracy, mean_accuracy, mean_iou, frequency_weighted_iou)


def some_maps(seed=0, classes=4, shape=(3, 9, 7)):
    generator = torch.Generator().manual_seed(seed)
    return (torch.randint(classes, shape, generator=generator) for _ in range(2))


@pytest.mark.parametrize("seed", range(4))
def test_the_matrix_is_that_of_scikit_learn(seed):
    prediction, truth = some_maps(seed)
    expected = by_sklearn(truth.flatten(), prediction.flatten(), labels=range(4))
    assert confusion_matrix(prediction, truth, 4).tolist() == expected.tolist()
    jaccard = jaccard_score(truth.flatten(), prediction.flatten(), average="macro")
    assert mean_iou(confusion_matrix(prediction, truth, 4)) == pytest.approx(jaccard)


def test_rows_are_the_truth():
    assert confusion_matrix(torch.tensor([[1]]), torch.tensor([[0]]), 2).tolist() == [[0, 1], [0, 0]]


def test_the_four_measures_by_hand():
    n = torch.tensor([[6, 2], [1, 1]])  # IoU 6/9 and 1/4
    assert pixel_accuracy(n) == pytest.approx(7 / 10)
    assert mean_accuracy(n) == pytest.approx((6 / 8 + 1 / 2) / 2)
    assert mean_iou(n) == pytest.approx((6 / 9 + 1 / 4) / 2)
    assert frequency_weighted_iou(n) == pytest.approx(0.8 * 6 / 9 + 0.2 / 4)


def test_a_perfect_segmentation_has_ones_and_a_wholly_wrong_one_zeros():
    truth = torch.tensor([[0, 1], [2, 0]])
    for measure in MEASURES:
        assert measure(confusion_matrix(truth, truth, 3)) == 1
        assert measure(confusion_matrix((truth + 1) % 3, truth, 3)) == 0


def test_pixels_of_the_ignored_label_do_not_count_whatever_is_predicted_there():
    prediction, truth = some_maps()
    expected = confusion_matrix(prediction[:, :5], truth[:, :5], 4)
    truth[:, 5:], prediction[:, 5:] = 255, 77
    assert torch.equal(confusion_matrix(prediction, truth, 4, ignore=255), expected)


def test_an_ignored_label_may_be_a_class():
    prediction, truth = some_maps()
    assert confusion_matrix(prediction, truth, 4, ignore=0)[0].tolist() == [0, 0, 0, 0]


def test_a_label_that_is_no_class_is_named():
    ones = torch.ones(2, 2, dtype=torch.long)
    with pytest.raises(ValueError, match="truth has the label 255, but classes are 0 to 20; give it as `ignore`"):
        confusion_matrix(ones, 255 * ones, 21)
    with pytest.raises(ValueError, match="prediction has the label 1"):
        confusion_matrix(ones, 0 * ones, 1)


def test_classes_that_do_not_occur_are_left_out_of_the_means():
    prediction, truth = some_maps()
    for measure in MEASURES:
        few, many = (measure(confusion_matrix(prediction, truth, classes)) for classes in (4, 9))
        assert few == pytest.approx(many)
    assert class_ious(confusion_matrix(prediction, truth, 5))[4].isnan()


def test_a_class_that_is_only_predicted_costs_iou_but_has_no_accuracy():
    confusion = confusion_matrix(torch.tensor([0, 1]), torch.tensor([0, 0]), 2)
    assert class_accuracies(confusion)[0] == 0.5
    assert class_accuracies(confusion)[1].isnan()
    assert class_ious(confusion).tolist() == [0.5, 0]


def test_no_pixels_have_no_measure():
    nothing = confusion_matrix(torch.zeros(0, 4, 4).long(), torch.zeros(0, 4, 4).long(), 3)
    assert all(math.isnan(measure(nothing)) for measure in MEASURES)


def test_one_pixel():
    zero = torch.zeros(1, 1, dtype=torch.long)
    assert all(measure(confusion_matrix(zero, zero, 7)) == 1 for measure in MEASURES)
    assert math.isnan(boundary_f_score(zero, zero))


def test_matrices_of_several_pictures_may_be_added():
    prediction, truth = some_maps()
    together = sum(confusion_matrix(p, t, 4) for p, t in zip(prediction, truth, strict=True))
    assert torch.equal(together, confusion_matrix(prediction, truth, 4))


def test_the_boundary_of_a_square_is_its_rim_and_the_edge_of_the_picture_is_none():
    mask = torch.zeros(5, 5, dtype=torch.bool)
    mask[1:4, 1:4] = True
    rim = mask.clone()
    rim[2, 2] = False
    assert torch.equal(boundary(mask), rim)
    assert not boundary(torch.ones(3, 3)).any()


def test_an_outline_one_pixel_off_is_forgiven_by_a_tolerance_of_one():
    truth, prediction = torch.zeros(12, 12, dtype=torch.long), torch.zeros(12, 12, dtype=torch.long)
    truth[3:9, 3:9], prediction[3:9, 4:10] = 1, 1
    assert boundary_f_score(prediction, truth, 0) < boundary_f_score(prediction, truth, 1) == 1
    assert boundary_f_score(truth, truth, 0) == 1


def test_a_class_on_one_side_only_scores_nothing_and_one_without_an_outline_is_left_out():
    truth, blank = torch.zeros(8, 8, dtype=torch.long), torch.zeros(8, 8, dtype=torch.long)
    truth[2:5, 2:5] = 3
    scores = boundary_f_scores(blank, truth)
    assert scores == {0: 0.0, 3: 0.0}
    assert boundary_f_score(blank, truth) == 0
    assert math.isnan(boundary_f_scores(blank, blank)[0])


def brute_f(prediction, truth, tolerance):
    """Distances from every pixel of one boundary to every pixel of the other."""
    one, other = (mask.nonzero().double() for mask in (prediction, truth))
    if len(one) == 0 or len(other) == 0:
        return math.nan if len(one) == len(other) else 0.0
    near = torch.cdist(one, other) <= tolerance + 1e-9
    precision, recall = float(near.any(1).double().mean()), float(near.any(0).double().mean())
    return 2 * precision * recall / max(precision + recall, 1e-12)


@given(st.integers(0, 10_000), st.integers(1, 9), st.integers(1, 9), st.floats(0, 12))
@settings(max_examples=60, deadline=None)
def test_the_outlines_score_as_by_brute_force(seed, height, width, tolerance):
    prediction, truth = some_maps(seed, 3, (height, width))
    scores = boundary_f_scores(prediction, truth, tolerance)
    for label, score in scores.items():
        expected = brute_f(boundary(prediction == label), boundary(truth == label), tolerance)
        assert score == pytest.approx(expected, nan_ok=True)


ANYTHING = st.one_of(
    st.none(), st.booleans(), st.integers(-2, 9), st.floats(), st.text(max_size=2),
    st.sampled_from([torch.zeros(2, 2), torch.ones(2, 2).long(), torch.ones(2).long(), torch.ones(1, 2, 2).cfloat()]),
)  # fmt: skip


@given(ANYTHING, ANYTHING, ANYTHING, ANYTHING)
@settings(max_examples=80, deadline=None)
def test_bad_arguments_are_refused_in_words(one, other, third, fourth):
    calls = [lambda: confusion_matrix(one, other, third, fourth), lambda: boundary_f_scores(one, other, third)]
    calls += [lambda measure=measure: measure(one) for measure in (*MEASURES, boundary)]
    for call in calls:
        with contextlib.suppress(TypeError, ValueError):
            call()
