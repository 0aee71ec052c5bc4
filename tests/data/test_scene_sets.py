"""Sets of drawn scenes: splits do not share a picture, batches hold the truth, mirrored ones too."""

import pytest
import torch

from cnncourse.data import scene_sets, scenes
from cnncourse.data.scene_sets import NO_OBJECT


@pytest.fixture(scope="module")
def training():
    return scene_sets.load("train", 12, 48)


def test_a_set_is_drawn_again_alike_and_splits_share_no_picture(training):
    again = scene_sets.collect([scenes.draw(index, 48, seed=1000) for index in range(12)])
    assert torch.equal(training.images, again.images)
    held_out = scene_sets.load("test", 12, 48)
    same = (training.images[:, None] == held_out.images[None]).flatten(2).all(dim=2)
    assert not same.any()


def test_a_batch_of_detection_holds_each_box_and_fills_up_with_no_object(training):
    images, boxes, labels = training.for_detection().batch(torch.tensor([3, 0, 7]))
    assert images.shape == (3, 3, 48, 48)
    assert images.abs().max() <= 2
    for row, index in enumerate((3, 0, 7)):
        number = len(training.labels[index])
        assert torch.equal(boxes[row, :number], training.boxes[index])
        assert torch.equal(labels[row, :number], training.labels[index])
        assert (labels[row, number:] == NO_OBJECT).all()
        assert (boxes[row, number:] == 0).all()


def test_mirrored_scenes_have_mirrored_boxes_and_masks(training):
    index = torch.arange(12)
    images, boxes, labels = training.for_detection().batch(index, torch.Generator().manual_seed(0))
    straight, before, _ = training.for_detection().batch(index)
    mirrored = (images != straight).flatten(1).any(dim=1)
    assert 0 < mirrored.sum() < 12
    there = labels != NO_OBJECT
    twice = torch.stack([48 - boxes[..., 2], boxes[..., 1], 48 - boxes[..., 0], boxes[..., 3]], dim=2)
    expected = torch.where(mirrored[:, None, None], twice, boxes)
    assert torch.equal(expected[there], before[there])
    seen, truth = training.for_segmentation().batch(index, torch.Generator().manual_seed(0))
    plain = training.for_segmentation().batch(index)[1]
    assert torch.equal(seen, images)
    assert torch.equal(torch.where(mirrored[:, None, None], truth.flip(2), truth), plain)


def test_a_scene_without_objects_has_a_place_in_a_batch():
    empty = scene_sets.load("test", 2, 32, objects=(0, 0))
    images, boxes, labels = empty.for_detection().batch(torch.arange(2), torch.Generator().manual_seed(0))
    assert images.shape == (2, 3, 32, 32)
    assert boxes.shape == (2, 0, 4)
    assert labels.shape == (2, 0)


def test_complaints_name_the_value():
    with pytest.raises(ValueError, match="'dev'"):
        scene_sets.load("dev")
    with pytest.raises(ValueError, match="number is 0"):
        scene_sets.load("test", 0)
    with pytest.raises(ValueError, match="2 sizes"):
        scene_sets.collect([scenes.draw(0, 32), scenes.draw(0, 40)])
