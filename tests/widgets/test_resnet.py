"""The depth slider over measured curves: its vectors are Python's, and its words are what was measured."""

import json

import pytest
import traitlets
from vectors.resnet import FILE, vectors

from cnncourse.models.degradation import DEPTHS, runs
from cnncourse.widgets import Resnet


def test_the_vectors_are_what_python_says():
    assert json.loads(FILE.read_text(encoding="utf-8")) == vectors()


@pytest.mark.parametrize("rung", range(len(DEPTHS)))
def test_the_words_name_the_measured_errors(rung):
    widget = Resnet(rung=rung, kind="residual")
    for kind in ("plain", "residual"):
        run = runs(kind, widget.depth)[0]
        assert f"{100 * run.training_error[-1]:.1f} %" in widget.words
        assert f"{100 * run.test_error[-1]:.1f} %" in widget.words
    assert ("from 3 seeds" in widget.words) == (widget.depth in (20, 56))


def test_the_gradient_of_the_deep_plain_net_explodes_towards_the_first_layer_before_training():
    assert Resnet(kind="plain").ratio > 100
    assert Resnet(kind="residual").ratio < 20


def test_there_are_only_the_measured_networks():
    for wrong in ({"rung": 6}, {"rung": -1}, {"kind": "dense"}, {"moment": "during"}):
        with pytest.raises(traitlets.TraitError):
            Resnet(**wrong)


def test_the_page_carries_gradients_of_one_seed_only():
    assert [bool(row["gradient_before"]) for row in Resnet().runs] == [row["seed"] == 0 for row in Resnet().runs]


def test_the_still_picture_says_what_it_shows():
    assert "Training error by epoch for 20 layers" in Resnet(rung=2).still().alt
