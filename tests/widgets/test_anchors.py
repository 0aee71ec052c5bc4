"""The anchors over a scene: the vectors are the module's, and the traits follow them."""

import json

from vectors.anchors import FILE, vectors

from cnncourse.widgets import Anchors


def test_the_vectors_are_what_the_module_computes():
    assert json.loads(FILE.read_text(encoding="utf-8")) == vectors()


def test_without_force_an_object_may_stay_alone():
    assert not any(one >= 0 for one in Anchors(high=1.0, force=False).matches)
    forced = Anchors(high=1.0).matches
    assert {one for one in forced if one >= 0} == {0, 1, 2}


def test_a_low_above_high_counts_as_high():
    assert Anchors(low=0.9, high=0.4).matches == Anchors(low=0.4, high=0.4).matches


def test_the_still_picture_counts_the_positive_anchors():
    widget = Anchors(high=0.5)
    assert f"{sum(one >= 0 for one in widget.matches)} of 324" in widget.still().alt
