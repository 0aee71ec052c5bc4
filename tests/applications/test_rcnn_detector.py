"""The R-CNN that comes with the course: its log is true, and nothing odd throws it off."""

import hashlib

import pytest
import torch

from cnncourse.applications import truths
from cnncourse.applications.average_precision import class_average_precisions
from cnncourse.applications.rcnn import RCNN, STEPS, load
from cnncourse.applications.rcnn.detector import WEIGHTS
from cnncourse.data import scene_sets, scenes


@pytest.fixture(scope="module")
def held_out():
    return scene_sets.load("test", 24)


def test_the_weights_are_those_of_the_log():
    log = load().log
    assert hashlib.sha256(WEIGHTS.read_bytes()).hexdigest() == log["sha256"]
    assert WEIGHTS.stat().st_size == log["bytes"] <= 1_500_000
    assert len({run["seed"] for run in log["runs"]}) == len(log["runs"]) >= 2


def test_the_first_scenes_confirm_the_log(held_out):
    stated = load().log["runs"][0]["mean_average_precision"]
    images = held_out.for_detection().batch(torch.arange(len(held_out)))[0]
    found = load()(images)
    measured = float(class_average_precisions(found, truths(held_out), 6).nanmean())
    assert abs(measured - stated) < 0.12
    assert all((one.scores.diff() <= 0).all() for one in found)


def test_an_image_without_objects_gives_hardly_any_detection():
    empty = scene_sets.load("test", 6, 96, (0, 0))
    images = empty.for_detection().batch(torch.arange(6))[0]
    found = load()(images)
    assert sum(int((one.scores > 0).sum()) for one in found) <= 2
    assert load()(images[:0]) == []
    flat = load().detect(torch.zeros(3, 96, 96))
    assert flat.boxes.shape[1] == 4
    assert flat.labels.dtype == torch.int64


def test_the_time_of_every_step_is_told(held_out):
    seconds = {}
    load().detect(held_out.for_detection().batch(torch.tensor([0]))[0][0], seconds)
    assert tuple(seconds) == STEPS
    assert all(value >= 0 for value in seconds.values())


def test_given_proposals_of_one_pixel_or_over_the_border_do_no_harm():
    odd = torch.tensor([[3.0, 3, 4, 4], [-30, -30, 20, 20], [90, 90, 200, 200], [300, 300, 320, 330]])
    found = load().detect(scenes.draw(1, 96).image * 4 - 2, proposals=odd)
    assert found.boxes.isfinite().all()
    assert (found.boxes >= 0).all()
    assert (found.boxes <= 96).all()


def test_only_the_refined_boxes_differ(held_out):
    image = held_out.for_detection().batch(torch.tensor([1]))[0][0]
    detector = load()
    plain = RCNN(detector.network, detector.machines, detector.regressors, refine=False, threshold=1.0)
    moved = RCNN(detector.network, detector.machines, detector.regressors, threshold=1.0)
    one, two = plain.detect(image), moved.detect(image)
    assert torch.equal(one.scores, two.scores)
    assert not torch.equal(one.boxes, two.boxes)
