"""The challenge's measure against torch and by properties; ties, error bars, groups and crops."""

import contextlib

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from cnncourse.data import caltech101, ilsvrc
from cnncourse.models import imagenet
from cnncourse.models.imagenet import (
    CALTECH101,
    KINDS,
    averaged,
    classes_of,
    days_of_looking,
    group_numbers,
    hours_of_looking,
    margin_in_points,
    mistakes_by_group,
    number_of_classes,
    numbers_of,
    only_the_group,
    standard_errors_apart,
    ten_crops,
    top_k_error,
    top_k_hits,
    wilson_interval,
)

anything = st.one_of(
    st.none(), st.text(max_size=3), st.booleans(), st.integers(-3, 3), st.floats(), st.just(torch.ones(2, 2))
)


def scores(rows=40, classes=12, seed=0):
    return torch.rand(rows, classes, generator=torch.Generator().manual_seed(seed)).double()


@pytest.mark.parametrize("k", [1, 2, 5, 12, 50])
@pytest.mark.parametrize("ties", imagenet.TIES)
def test_hits_are_those_of_torch_topk_when_there_are_no_ties(k, ties):
    logits, labels = scores(), torch.arange(40) % 12
    expected = (logits.topk(min(k, 12), dim=1).indices == labels[:, None]).any(dim=1).double()
    torch.testing.assert_close(top_k_hits(logits, labels, k, ties), expected)


def test_a_network_that_scores_all_classes_alike_is_wrong_unless_ties_are_shared_out():
    logits, labels = torch.zeros(7, 1000), torch.arange(7)
    assert top_k_error(logits, labels, 5) == 1
    assert top_k_error(logits, labels, 5, "fair") == pytest.approx(0.995)
    assert top_k_error(logits, labels, 5, "for") == 0


def test_a_tie_within_the_first_k_harms_nobody():
    logits = torch.tensor([[3.0, 3.0, 1.0, 0.0]])
    for ties in imagenet.TIES:
        assert top_k_error(logits, torch.tensor([0]), 2, ties) == 0
    assert [top_k_error(logits, torch.tensor([1]), 1, ties) for ties in imagenet.TIES] == [1, 0.5, 0]


def test_the_fair_share_is_the_mean_over_random_orders_of_the_classes():
    logits, label, generator = torch.tensor([[2.0, 1.0, 1.0, 1.0, 0.0]]), 2, torch.Generator().manual_seed(1)
    hits = 0
    for _ in range(3000):
        order = torch.randperm(5, generator=generator)
        best = order[logits[0, order].argsort(descending=True, stable=True)][:3]
        hits += int(label in best)
    assert top_k_hits(logits, torch.tensor([label]), 3, "fair").item() == pytest.approx(hits / 3000, abs=0.03)


@settings(deadline=None, max_examples=50)
@given(st.lists(st.lists(st.integers(-2, 2), min_size=4, max_size=4), min_size=1, max_size=6), st.integers(1, 5))
def test_the_three_rules_stand_in_order_and_larger_k_never_harms(rows, k):
    logits, labels = torch.tensor(rows), torch.tensor([len(row) - 1 for row in rows])
    against, fair, favour = (top_k_error(logits, labels, k, ties) for ties in imagenet.TIES)
    assert favour <= fair + 1e-12 <= against + 2e-12
    assert top_k_error(logits, labels, k + 1) <= top_k_error(logits, labels, k)


def test_infinite_scores_are_allowed_and_missing_ones_are_not():
    logits = torch.tensor([[float("-inf"), 1.0, float("inf")]])
    assert top_k_error(logits, torch.tensor([2]), 1) == 0
    with pytest.raises(ValueError, match="not numbers"):
        top_k_error(torch.tensor([[float("nan"), 1.0]]), torch.tensor([1]), 1)


@pytest.mark.parametrize(
    ("logits", "labels", "words"),
    [
        (torch.ones(3), torch.zeros(3).long(), r"expected \(N, C\)"),
        (torch.ones(3, 4), torch.zeros(2).long(), r"expected \(3\)"),
        (torch.ones(0, 4), torch.zeros(0).long(), "at least one picture"),
        (torch.ones(2, 4), torch.tensor([0, 4]), "the classes are 0 to 3"),
        (torch.ones(2, 4), torch.tensor([0, -1]), "the classes are 0 to 3"),
        (torch.ones(2, 4), torch.tensor([0.0, 1.0]), "integers"),
        (torch.ones(2, 4, dtype=torch.bool), torch.tensor([0, 1]), "real numbers"),
    ],
)
def test_what_does_not_fit_is_said(logits, labels, words):
    with pytest.raises(ValueError, match=words):
        top_k_error(logits, labels)


@settings(deadline=None)
@given(anything, anything, anything, anything)
def test_nothing_but_clear_errors_escapes(first, second, third, fourth):
    for call in (
        lambda: top_k_hits(first, second, third, fourth),
        lambda: top_k_error(torch.ones(2, 3), torch.tensor([0, 1]), first, second),
        lambda: wilson_interval(first, second, third),
        lambda: margin_in_points(first, second, third),
        lambda: standard_errors_apart(first, second, third, fourth),
        lambda: mistakes_by_group(first, second),
        lambda: ten_crops(first, second),
    ):
        with contextlib.suppress(ValueError, TypeError):
            call()


def test_the_interval_of_published_rates():
    """Half a width on 100,000 and on 1,500 pictures: the challenge's and the human's."""
    assert margin_in_points(6.656, ilsvrc.TEST_IMAGES) == pytest.approx(0.155, abs=0.001)
    assert margin_in_points(ilsvrc.HUMAN_TOP5_ERROR, 1500) == pytest.approx(1.12, abs=0.01)
    low, high = wilson_interval(50, 1000)
    assert (low, high) == pytest.approx((0.03813, 0.06531), abs=1e-5)  # the same as of statsmodels


def test_an_interval_holds_the_truth_about_as_often_as_it_says():
    generator = torch.Generator().manual_seed(3)
    wrong = (torch.rand(2000, 300, generator=generator) < 0.05).sum(dim=1).tolist()
    held = [low <= 0.05 <= high for low, high in (wilson_interval(number, 300) for number in wrong)]
    assert 0.93 < sum(held) / len(held) < 0.975


@given(st.integers(1, 10**6), st.data())
def test_an_interval_lies_between_zero_and_one_around_the_share(images, data):
    errors = data.draw(st.integers(0, images))
    low, high = wilson_interval(errors, images)
    assert 0 <= low <= errors / images + 1e-12
    assert errors / images - 1e-12 <= high <= 1
    assert low < high


def test_a_small_difference_counts_on_many_pictures_and_not_on_few():
    assert standard_errors_apart(6.656, 7.3, ilsvrc.TEST_IMAGES) > 5
    assert standard_errors_apart(5.1, 5.6, 1500) < 1
    assert standard_errors_apart(0, 0, 10) == 0
    assert standard_errors_apart(0, 100, 10) == float("inf")


def test_the_classes_that_pascal_calls_bird_cat_and_dog():
    assert [number_of_classes(name) for name in ("bird", "cat", "dog")] == [59, 5, 118]
    assert {"flamingo", "cock", "ruffed grouse", "quail", "partridge"} <= set(classes_of("bird"))
    assert {"Egyptian cat", "Persian cat", "Siamese cat", "tabby"} <= set(classes_of("cat"))
    assert {"dalmatian", "keeshond", "giant schnauzer"} <= set(classes_of("dog"))
    with pytest.raises(ValueError, match="choose one of bird, cat, dog"):
        classes_of("lynx")


def test_a_network_that_knows_only_the_group_gains_from_five_answers_where_the_group_is_small():
    for name, (first, last) in ilsvrc.GROUPS.items():
        labels = torch.arange(first, last + 1)
        logits = torch.zeros(len(labels), ilsvrc.CLASSES)
        logits[:, first : last + 1] = 1
        for k in (1, 5):
            assert only_the_group(name, k) == pytest.approx(100 * top_k_error(logits, labels, k, "fair"))
    assert only_the_group("domestic cats") == 0
    assert only_the_group("dogs") == pytest.approx(95.76, abs=0.01)


def test_a_slide_show_of_the_pictures():
    assert hours_of_looking(ilsvrc.VALIDATION_IMAGES) == pytest.approx(27.8, abs=0.05)
    assert days_of_looking(ilsvrc.TRAINING_IMAGES) == pytest.approx(29.7, abs=0.05)


def test_groups_do_not_overlap():
    covered = [index for ranges in KINDS.values() for first, last in ranges for index in range(first, last + 1)]
    assert len(covered) == len(set(covered)) == int((group_numbers() >= 0).sum())


def test_mistakes_are_told_apart():
    names = ["Egyptian cat", "beagle", "beagle", "espresso", "tabby"]
    answers = ["tabby", "basset", "tabby", "cup", "tabby"]
    found = mistakes_by_group(torch.tensor(numbers_of(answers)), torch.tensor(numbers_of(names)))
    assert (found.images, found.errors) == (5, 4)
    assert (found.same_group, found.other_group, found.no_group) == (2, 1, 1)
    with pytest.raises(ValueError, match="2 answers and 1 labels"):
        mistakes_by_group(torch.tensor([1, 2]), torch.tensor([1]))
    with pytest.raises(ValueError, match="0 to 999"):
        mistakes_by_group(torch.tensor([1000]), torch.tensor([1]))


def test_numbers_of_names_come_back():
    assert numbers_of(["tench", "Egyptian cat", "espresso"]) == [0, 285, 967]
    with pytest.raises(ValueError, match="'astronaut' is none of the 1000 classes"):
        numbers_of(["astronaut"])


def test_classes_of_caltech_are_classes_of_ilsvrc():
    assert len(set(numbers_of(list(CALTECH101.values())))) == len(CALTECH101) == 31
    try:
        known = caltech101.load("test").classes
    except FileNotFoundError:
        pytest.skip("Caltech-101 is not on this machine")
    assert set(CALTECH101) <= set(known)


def test_ten_crops_are_five_and_their_mirror_images():
    images = torch.arange(2 * 3 * 6 * 8.0).reshape(2, 3, 6, 8)
    crops = ten_crops(images, 4)
    assert crops.shape == (2, 10, 3, 4, 4)
    torch.testing.assert_close(crops[:, 0], images[:, :, :4, :4])
    torch.testing.assert_close(crops[:, 3], images[:, :, 2:, 4:])
    torch.testing.assert_close(crops[:, 4], images[:, :, 1:5, 2:6])
    torch.testing.assert_close(crops[:, 5:], crops[:, :5].flip(-1))
    with pytest.raises(ValueError, match="size is 7, but the pictures have 6×8"):
        ten_crops(images, 7)


def test_probabilities_are_averaged_over_the_crops():
    torch.manual_seed(0)
    network = nn.Sequential(nn.Flatten(), nn.Linear(3 * 16, 5))
    crops = ten_crops(torch.rand(2, 3, 6, 8), 4)
    found = averaged(network, crops)
    torch.testing.assert_close(found.sum(dim=1), torch.ones(2))
    torch.testing.assert_close(
        found[1], torch.stack([network(c[None]).softmax(1)[0] for c in crops[1]]).mean(0).detach()
    )
