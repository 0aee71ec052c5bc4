"""The segmentation to paint: the vectors are the module's, and the measures follow the mask."""

import json
import math

import pytest
import torch
import traitlets
from vectors.fcn import FILE, vectors

from cnncourse.widgets import Fcn


def test_the_vectors_are_what_the_module_computes():
    assert json.loads(FILE.read_text(encoding="utf-8")) == vectors()


def test_all_background_has_a_high_pixel_accuracy_and_a_low_mean_iou():
    found = Fcn().measures
    assert found.pixel_accuracy > 0.8
    assert found.mean_iou < 0.3
    assert found.boundary_f_score == 0


def test_the_truth_is_perfect():
    widget = Fcn(mask="The truth")
    assert widget.measures.mean_iou == widget.measures.boundary_f_score == 1
    assert torch.equal(widget.confusion, widget.confusion.diag().diag())


def test_each_rung_is_better_than_the_one_before():
    ious = [Fcn(mask=f"FCN-{stride}s").measures.mean_iou for stride in (32, 16, 8)]
    assert ious == sorted(ious)


def test_a_painted_pixel_is_counted():
    widget = Fcn()
    before = widget.confusion
    widget.mask = "6" + widget.mask[1:]
    assert int((widget.confusion - before).abs().sum()) == 2
    assert 6 in widget.outlines
    assert not math.isnan(widget.measures.mean_iou)


@pytest.mark.parametrize("mask", ["", "0" * 95, "7" * 96**2, "FCN-4s"])
def test_a_mask_of_another_size_or_with_unknown_classes_is_refused(mask):
    with pytest.raises(traitlets.TraitError, match="9216 digits"):
        Fcn(mask=mask)


def test_the_still_picture_tells_the_measures():
    widget = Fcn()
    assert f"mean IU {widget.measures.mean_iou:.2f}" in widget.still().alt
