"""The stack builder: the vectors are the module's, and the traits follow the module."""

import json

import pytest
import traitlets
from vectors.vgg import FILE, vectors

from cnncourse.models.stacks import one_layer, stack_costs
from cnncourse.widgets import Vgg


def test_the_vectors_are_what_the_module_computes():
    assert json.loads(FILE.read_text(encoding="utf-8")) == vectors()


def test_the_costs_follow_the_controls():
    widget = Vgg(layers=[[3, 1], [3, 2]], channels=16)
    assert widget.costs == stack_costs([(3, 1), (3, 2)], 16, 56)
    widget.layers = [[7, 1]]
    assert widget.one_layer == one_layer([(7, 1)], 16, 56) == widget.costs


@pytest.mark.parametrize("layers", [[], [[3, 1]] * 6, [[4, 1]], [[3, 3]], [[3]]])
def test_what_cannot_be_built_is_refused(layers):
    with pytest.raises(traitlets.TraitError):
        Vgg(layers=layers)


def test_the_still_picture_says_what_both_see():
    assert "sees 7 by 7 pixels with 110,592 weights" in Vgg().still().alt
