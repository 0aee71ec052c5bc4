"""The comparison: counts under a threshold by hand, pictures counted, and the three detectors on the same scenes."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from cnncourse.applications import Detections, Truth, precision_recall, truths
from cnncourse.applications.detectors import DETECTORS, Counts, compare, counts, pictures_shown, ranking
from cnncourse.data import scene_sets

BOX = torch.tensor([[0.0, 0, 10, 10]])
SCENES = [
    (Detections(torch.cat([BOX, BOX, BOX + 50]), torch.tensor([0.9, 0.8, 0.4]), torch.tensor([1, 1, 1])), [1]),
    (Detections(torch.cat([BOX, BOX]), torch.tensor([0.7, 0.6]), torch.tensor([0, 1])), [1]),
    (Detections(torch.zeros(0, 4), torch.zeros(0), torch.zeros(0).long()), [1, 0]),
]
FOUND = [found for found, _ in SCENES]
THERE = [Truth(BOX.repeat(len(labels), 1), torch.tensor(labels)) for _, labels in SCENES]


def test_a_ranking_goes_through_all_scenes_from_the_best_score_down():
    ranked = ranking(FOUND, THERE, 1)
    assert ranked.scores.tolist() == pytest.approx([0.9, 0.8, 0.6, 0.4])
    assert ranked.verdicts.tolist() == [1, 0, 1, 0]
    assert ranked.scenes.tolist() == [0, 0, 1, 0]
    assert ranked.positives == 3


@pytest.mark.parametrize(
    ("threshold", "expected"),
    [(0.95, Counts(0, 0, 3)), (0.85, Counts(1, 0, 2)), (0.7, Counts(1, 1, 2)), (0.0, Counts(2, 2, 1))],
)
def test_a_threshold_hands_in_what_lies_above_it(threshold, expected):
    assert counts(ranking(FOUND, THERE, 1), threshold) == expected


def test_nothing_handed_in_has_no_precision_and_nothing_to_find_no_recall():
    assert math.isnan(Counts(0, 0, 3).precision)
    assert Counts(0, 0, 3).recall == 0
    assert math.isnan(Counts(0, 2, 0).recall)
    assert Counts(1, 3, 1).precision == 0.25


@given(seed=st.integers(0, 10**6))
def test_the_counts_at_each_score_are_the_points_of_the_curve(seed):
    generator = torch.Generator().manual_seed(seed)
    found = [
        Detections(
            BOX + 4 * torch.randint(0, 3, (6, 1), generator=generator),
            torch.rand(6, generator=generator),
            torch.zeros(6).long(),
        )
        for _ in range(3)
    ]
    ranked = ranking(found, [Truth(BOX, torch.tensor([0]))] * 3, 0)
    precision, recall = precision_recall(ranked.scores, ranked.verdicts, ranked.positives)
    for index, score in enumerate(ranked.scores.tolist()):
        at = counts(ranked, score)
        assert (at.precision, at.recall) == pytest.approx((float(precision[index]), float(recall[index])))


def test_pictures_are_counted_where_they_enter_a_network():
    first = torch.nn.Conv2d(3, 2, 3)

    def pieces(images):
        for image in images:
            first(image[None].repeat(5, 1, 1, 1))
        return FOUND

    assert pictures_shown(pieces, torch.zeros(2, 3, 8, 8)) == 5
    assert pictures_shown(lambda images: FOUND, torch.zeros(1, 3, 8, 8)) == 0


@pytest.fixture(scope="module")
def rows():
    return compare({name: load() for name, load in DETECTORS.items()}, scene_sets.load("test", 6))


def test_all_three_find_objects_and_the_one_pass_detectors_look_once(rows):
    by_name = {row.name: row for row in rows}
    assert list(by_name) == ["R-CNN", "YOLO", "Faster R-CNN"]
    assert all(row.mean_average_precision > 0.3 and row.seconds > 0 for row in rows)
    assert by_name["YOLO"].shown == by_name["Faster R-CNN"].shown == 1
    assert by_name["R-CNN"].shown > 10


def test_each_ranking_counts_the_same_objects(rows):
    there = truths(scene_sets.load("test", 6))
    for label in range(6):
        assert len({ranking(row.detections, there, label).positives for row in rows}) == 1


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: ranking(FOUND, THERE[:2], 1), "3 scenes, and truths for 2"),
        (lambda: ranking(FOUND, THERE, -1), "label is -1"),
        (lambda: counts(ranking(FOUND, THERE, 1), math.inf), "threshold is inf"),
        (lambda: pictures_shown(lambda images: FOUND, torch.zeros(1, 1, 8, 8)), "images has shape"),
        (lambda: pictures_shown(lambda images: FOUND, torch.zeros(0, 3, 8, 8)), "at least one"),
    ],
)
def test_impossible_arguments_are_named(call, words):
    with pytest.raises(ValueError, match=words):
        call()
