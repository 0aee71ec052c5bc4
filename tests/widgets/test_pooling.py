"""The pooling pane: the vectors are the module's, and the traits follow the module."""

import json

import pytest
import torch
import traitlets
from vectors.pooling import FILE, vectors

from cnncourse.widgets import Pooling


def test_the_vectors_are_what_the_module_computes():
    assert json.loads(FILE.read_text(encoding="utf-8")) == vectors()


def test_the_detector_finds_the_eye_wherever_it_is_moved():
    for right, down in ((0, 0), (8, -8), (-5, 3)):
        response = Pooling(right=right, down=down).response
        assert response.shape == (1, 1, 32, 32)
        assert divmod(int(response.argmax()), 32) == (8 + down, 16 + right)
        assert float(response.max()) == pytest.approx(1, abs=1e-6)


def test_maximum_pooling_holds_the_eye_for_seven_pixels():
    answers = [float(Pooling(right=right, window=8).pooled[0, 0, 1, 2]) for right in range(9)]
    assert answers[:8] == pytest.approx([1] * 8, abs=1e-6)
    assert answers[8] < 0.9


def test_the_pooled_map_follows_kind_and_window():
    widget = Pooling(window=4)
    assert widget.pooled.shape == (1, 1, 8, 8)
    widget.kind = "average"
    assert torch.all(widget.pooled <= Pooling(window=4).pooled)
    with pytest.raises(traitlets.TraitError, match="kind"):
        widget.kind = "median"
    with pytest.raises(traitlets.TraitError, match="right"):
        widget.right = 9


def test_the_still_picture_says_the_size():
    assert "pooled to 4 by 4 values" in Pooling().still().alt
