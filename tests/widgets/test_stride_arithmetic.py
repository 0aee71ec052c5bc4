"""The widget on sizes: the vectors are the module's, and the traits follow the module."""

import json

import pytest
import traitlets
from vectors.stride_arithmetic import FILE, vectors

from cnncourse.layers.stride_arithmetic import output_size
from cnncourse.widgets import StrideArithmetic


def test_the_vectors_are_what_the_module_computes():
    assert json.loads(FILE.read_text(encoding="utf-8")) == vectors()


def test_the_output_size_follows_the_controls():
    widget = StrideArithmetic(stride=3)
    assert widget.output_size == 2
    widget.ceil_mode = True
    assert widget.output_size == output_size(7, 3, stride=3, ceil_mode=True) == 3


def test_impossible_geometry_is_told_by_the_module_and_still_drawn():
    widget = StrideArithmetic(input_size=2, kernel_size=5)
    with pytest.raises(ValueError, match="does not fit"):
        _ = widget.output_size
    assert "no output" in widget.still().alt


def test_what_cannot_be_drawn_is_refused():
    with pytest.raises(traitlets.TraitError, match="stride"):
        StrideArithmetic(stride=0)


def test_the_still_picture_has_every_pixel():
    still = StrideArithmetic(input_size=4, kernel_size=3, padding=1).still()
    assert still.svg.count("<rect") == 6 * 6 + 3 * 3 + 4 * 4
    assert "an output of 4 by 4" in still.alt
