"""The threshold over pairs: the vectors are the module's, and the traits follow it."""

import json
import math

import pytest
import traitlets
from vectors.face_verification import FILE, vectors

from cnncourse.widgets import FaceVerification


def test_the_vectors_are_what_the_module_computes():
    assert json.loads(FILE.read_text(encoding="utf-8")) == vectors()


def test_a_higher_threshold_accepts_more_of_both():
    rates = [FaceVerification(threshold=value).rates for value in (0.0, 0.5, 1.0, 2.0)]
    assert rates == sorted(rates)
    assert rates[-1] == (1, 1)


def test_the_uneven_training_set_is_worse_for_the_coast_alone():
    errors = {
        (group, uneven): FaceVerification(group=group, uneven=uneven).equal_error_rate
        for group in ("valley", "coast")
        for uneven in (False, True)
    }
    assert errors["coast", True] > errors["coast", False] + 0.05
    assert errors["valley", True] < errors["coast", True]


def test_a_group_that_does_not_exist_is_refused_by_name():
    with pytest.raises(traitlets.TraitError, match="no group 'moon'"):
        FaceVerification(group="moon")


def test_the_examples_have_their_pictures():
    widget = FaceVerification()
    assert len(widget.examples) == len(set(widget.examples)) == 20
    assert len(widget.pictures) == 20 * 2 * 32 * 32
    assert len(widget.distances[0]) == len(widget.distances[1]) == len(widget.same) == len(widget.groups)


def test_the_still_picture_tells_the_rates():
    widget = FaceVerification(threshold=0.9)
    assert f"TAR is {widget.rates[0]:.2f} and FAR is {widget.rates[1]:.2f}" in widget.still().alt
    assert not math.isnan(widget.equal_error_rate)
