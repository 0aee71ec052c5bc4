"""The measure of all detectors: perfect ones get 1, blind ones 0, and a wrong number of answers is noticed."""

import pytest
import torch

from cnncourse.applications import Detections, evaluate, truths
from cnncourse.data import scene_sets


@pytest.fixture(scope="module")
def held_out():
    return scene_sets.load("test", 10, 48)


def nothing():
    return Detections(torch.zeros(0, 4), torch.zeros(0), torch.zeros(0, dtype=torch.int64))


def test_a_detector_that_knows_the_truth_has_a_mean_average_precision_of_one(held_out):
    known = iter(truths(held_out))
    result = evaluate(
        lambda images: [Detections(t.boxes, torch.ones(len(t.boxes)), t.labels) for t in [next(known)]], held_out
    )
    assert result.mean_average_precision == 1
    assert result.seconds > 0
    assert len(result.detections) == 10


def test_a_blind_detector_gets_nothing(held_out):
    assert evaluate(lambda images: [nothing() for _ in images], held_out, batch_size=4).mean_average_precision == 0


def test_a_detector_must_answer_for_every_image(held_out):
    with pytest.raises(ValueError, match="answered for 1 images, but saw 5"):
        evaluate(lambda images: [nothing()], held_out, batch_size=5)
