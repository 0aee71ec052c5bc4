"""The Inception builder: the vectors are the module's, and the costs follow the controls."""

import json

import pytest
import traitlets
from vectors.googlenet import FILE, vectors

from cnncourse.widgets import Googlenet


def test_the_vectors_are_what_the_module_counts():
    assert json.loads(FILE.read_text(encoding="utf-8")) == vectors()


def test_it_begins_as_the_module_of_the_lecture():
    widget = Googlenet()
    assert (widget.cost.weights, widget.cost.channels) == (163_328, 256)
    assert (widget.naive_cost.weights, widget.naive_cost.channels) == (387_072, 416)


def test_reductions_can_be_switched_off_one_by_one():
    widget = Googlenet(reduce_pool=False)
    assert widget.cost.channels == 64 + 128 + 32 + 192
    widget.reduce3 = widget.reduce5 = False
    assert widget.cost == widget.naive_cost


def test_the_stack_has_as_many_modules_as_asked():
    widget = Googlenet(times=3)
    assert [one.channels for one in widget.stack] == [256] * 3


def test_a_branch_without_filters_is_refused():
    with pytest.raises(traitlets.TraitError, match="ch3x3"):
        Googlenet(ch3x3=0)
    with pytest.raises(traitlets.TraitError, match="times"):
        Googlenet(times=10)


def test_the_still_picture_names_the_costs():
    assert "this module 128.0; naive module 303.5" in Googlenet().still().alt
