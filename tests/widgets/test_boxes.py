"""The boxes to drag: the vectors are the modules', and the traits follow them."""

import json

import pytest
import traitlets
from vectors.boxes import FILE, vectors

from cnncourse.widgets import Boxes


def test_the_vectors_are_what_the_modules_compute():
    assert json.loads(FILE.read_text(encoding="utf-8")) == vectors()


def test_exact_boxes_are_a_perfect_list():
    widget = Boxes()
    widget.boxes, widget.scores = list(widget.truth), [0.9, 0.8, 0.7]
    assert widget.verdicts == [1, 1, 1]
    assert widget.average_precision == pytest.approx(1)


def test_suppression_raises_the_average_precision_of_the_first_list():
    assert Boxes(suppression=0.5).average_precision > Boxes(suppression=1.0).average_precision
    assert len(Boxes(suppression=0.5).kept) < len(Boxes(suppression=1.0).kept)


def test_the_list_begins_with_its_best_and_lies_in_the_scene():
    widget = Boxes()
    assert widget.scores == sorted(widget.scores, reverse=True)
    assert all(0 <= value <= widget.side for box in widget.boxes for value in box)
    with pytest.raises(traitlets.TraitError, match="suppression"):
        widget.suppression = 1.5


def test_the_still_picture_tells_the_average_precision():
    widget = Boxes()
    assert f"average precision {widget.average_precision:.2f}" in widget.still().alt
