"""The imitated detector: as many boxes as asked for, in the image, exact if undisturbed, the same every time."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from cnncourse.applications.average_precision import Truth, mean_average_precision
from cnncourse.applications.boxes import clip
from cnncourse.applications.imitation import imitate_detector
from cnncourse.data import scenes


def truth_of(index):
    scene = scenes.draw(index, 48, objects=(0, 3))
    return Truth(scene.boxes, scene.labels)


@given(index=st.integers(0, 20), copies=st.integers(0, 4), strays=st.integers(0, 3), seed=st.integers(0, 99))
def test_it_says_as_many_boxes_as_asked_for_inside_the_image(index, copies, strays, seed):
    truth = truth_of(index)
    found = imitate_detector(truth, (48, 48), copies, 0.2, strays, seed)
    assert len(found.boxes) == len(found.scores) == len(found.labels) == copies * len(truth.boxes) + strays
    torch.testing.assert_close(clip(found.boxes, (48, 48)), found.boxes)
    assert ((found.scores >= 0) & (found.scores <= 1)).all()
    again = imitate_detector(truth, (48, 48), copies, 0.2, strays, seed)
    assert torch.equal(again.boxes, found.boxes)


def test_without_disturbance_it_is_perfect():
    truths = [truth_of(index) for index in range(10)]
    found = [imitate_detector(truth, (48, 48), copies=1, spread=0.0, strays=0) for truth in truths]
    assert mean_average_precision(found, truths, len(scenes.CLASSES), threshold=0.99) == 1


@pytest.mark.parametrize("options", [{"copies": -1}, {"spread": 2}, {"strays": 1.5}, {"seed": -1}, {"size": 0}])
def test_impossible_arguments_are_named(options):
    (name,) = options
    with pytest.raises(ValueError, match=f"{name} is"):
        imitate_detector(truth_of(0), **{"size": (48, 48), **options})
