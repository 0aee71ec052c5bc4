"""The proposal network's widget: the vectors are the modules', and the properties follow the traits."""

import json

import pytest
import torch
import traitlets
from vectors.faster_rcnn import FILE, vectors

from cnncourse.applications import iou
from cnncourse.widgets import FasterRcnn


def test_the_vectors_are_what_the_modules_compute():
    assert json.loads(FILE.read_text(encoding="utf-8")) == json.loads(json.dumps(vectors()))


def test_a_page_carries_every_anchor_of_four_scenes():
    widget = FasterRcnn()
    assert len(widget.pictures) == 4 * 96 * 96 * 3
    assert len(widget.objectness) * 4 == len(widget.boxes) == 4 * 1296 * 4


def test_objectness_is_high_where_objects_are_and_low_in_an_empty_scene():
    best = [max(FasterRcnn().objectness[scene * 1296 : (scene + 1) * 1296]) for scene in range(4)]
    assert min(best[:3]) > 200
    assert best[3] < 128
    assert FasterRcnn(scene=3).proposals == []


def test_suppression_leaves_proposals_that_lie_apart():
    before, after = FasterRcnn(suppressed=False), FasterRcnn(suppressed=True, suppression=0.5)
    assert set(after.proposals) < set(before.proposals)
    boxes = torch.tensor(list(after.boxes), dtype=torch.float64).reshape(4, -1, 4)[0, after.proposals] / 2
    assert (iou(boxes, boxes).fill_diagonal_(0) <= 0.5).all()


def test_a_position_has_nine_anchors_around_it():
    widget = FasterRcnn(row=2, column=9)
    centres = (widget.shapes[:, :2] + widget.shapes[:, 2:]) / 2
    torch.testing.assert_close(centres, torch.tensor([[76.0, 20.0]]).expand(9, 2))
    assert widget.scores.shape == (9,)
    assert (widget.moved[:, 2:] >= widget.moved[:, :2]).all()


def test_what_lies_outside_of_the_map_is_refused():
    for values in ({"row": 12}, {"column": -1}, {"scene": 4}, {"threshold": 0.0}):
        with pytest.raises(traitlets.TraitError):
            FasterRcnn(**values)


def test_the_still_picture_tells_how_many_proposals_there_are():
    widget = FasterRcnn()
    assert f"with {len(widget.proposals)} proposals" in widget.still().alt
