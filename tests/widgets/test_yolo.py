"""The grid to look into: the vectors are the module's, and the traits follow them."""

import json

import pytest
import traitlets
from vectors.yolo import FILE, vectors

from cnncourse.data import scene_sets
from cnncourse.widgets import Yolo
from cnncourse.widgets.yolo import SCENES


def test_the_vectors_are_what_the_module_computes():
    stored, computed = json.loads(FILE.read_text(encoding="utf-8")), vectors()
    assert stored["shape"] == computed["shape"]
    for scene, again in zip(stored["scenes"], computed["scenes"], strict=True):
        for cell, other in zip(scene, again, strict=True):
            assert cell == pytest.approx(other, abs=2e-3)  # the last decimal may differ between processors


def test_every_object_of_the_scenes_is_found_and_nothing_else():
    held_out = scene_sets.load("test", max(SCENES) + 1)
    for scene, index in enumerate(SCENES):
        found = Yolo(scene=scene, threshold=0.25).detections
        assert sorted(found.labels.tolist()) == sorted(held_out.labels[index].tolist())


def test_the_first_cell_holds_an_object():
    widget = Yolo(scene=2)
    assert widget.scenes[2]["objects"][widget.row * 6 + widget.column]
    with pytest.raises(traitlets.TraitError):
        widget.row = 6


def test_the_still_picture_names_what_is_found():
    widget = Yolo()
    assert f"{len(widget.detections.scores)} detections" in widget.still().alt
