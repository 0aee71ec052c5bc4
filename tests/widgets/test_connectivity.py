"""The sharing counter: the vectors are the module's, and the traits follow the module."""

import json

import pytest
import traitlets
from vectors.connectivity import FILE, vectors

from cnncourse.widgets import Connectivity


def test_the_vectors_are_what_the_module_computes():
    assert json.loads(FILE.read_text(encoding="utf-8")) == vectors()


def test_the_counts_follow_the_controls():
    widget = Connectivity()
    assert widget.weights == {"full": 10**14, "local": 10**10, "shared": 10**4}
    assert widget.memory == 400_000_000
    widget.bias = True
    assert widget.weights["shared"] == 10_100


def test_what_cannot_be_drawn_is_refused():
    with pytest.raises(traitlets.TraitError, match="filters"):
        Connectivity(filters=0)
    with pytest.raises(traitlets.TraitError, match="regime"):
        Connectivity(regime="tied")


def test_the_still_picture_says_the_numbers():
    assert "shared 10,000" in Connectivity().still().alt
