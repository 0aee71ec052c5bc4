"""The chart of results: the vectors are the module's, and the traits follow the module."""

import json

import pytest
import traitlets
from vectors.ilsvrc import FILE, vectors

from cnncourse.models import results
from cnncourse.widgets import Ilsvrc


def test_the_vectors_are_what_the_module_computes():
    assert json.loads(FILE.read_text(encoding="utf-8")) == vectors()


def test_the_first_view_is_mixed_and_says_so():
    widget = Ilsvrc()
    assert len(widget.drawn) == len(widget.chosen) == len(results.select(measured_on="test"))
    assert set(widget.mixed) == {"data", "networks", "crops"}


def test_one_crop_of_one_network_on_validation_may_be_ranked():
    widget = Ilsvrc(measured_on="validation", networks="one", crops="one", across="multiply_adds")
    assert widget.mixed == {}
    best = min(widget.drawn, key=lambda index: widget.records[index]["top5"])
    assert best in widget.unbeaten
    assert len(widget.unbeaten) < len(widget.drawn)


def test_results_without_the_number_of_an_axis_are_chosen_but_not_drawn():
    widget = Ilsvrc(across="layers")
    assert 0 < len(widget.drawn) < len(widget.chosen)
    assert all(widget.records[index]["layers"] for index in widget.drawn)


def test_what_is_no_choice_is_refused():
    widget = Ilsvrc()
    for name, value in (("first", 2009), ("crops", "two"), ("across", "memory"), ("up", "top3"), ("picked", -2)):
        with pytest.raises(traitlets.TraitError, match=name):
            setattr(widget, name, value)


def test_the_still_picture_says_how_many_results_there_are():
    widget = Ilsvrc(across="parameters", log_across=True, log_up=True)
    assert f"A chart of {len(widget.drawn)} published results" in widget.still().alt
    assert "A chart of 0 published results" in Ilsvrc(data="more", networks="none").still().alt
