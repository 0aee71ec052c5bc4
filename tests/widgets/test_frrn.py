"""The two streams: the vectors are the modules', and the maps are those of the trained network."""

import json

import pytest
import torch
import traitlets
from vectors.frrn import FILE, vectors

from cnncourse.applications.frrn.train import SIDE, trained
from cnncourse.widgets import Frrn


def test_the_vectors_are_what_the_modules_compute():
    assert json.loads(FILE.read_text(encoding="utf-8")) == vectors()


def test_the_maps_have_the_sizes_of_the_trained_network():
    widget = Frrn()
    streams = list(trained().streams(torch.zeros(1, 3, SIDE, SIDE)))
    assert len(widget.maps) == sum(one.pooling.shape[2] ** 2 + one.residual.shape[2] ** 2 for one in streams)
    assert len(widget.pictures) == 3 * 3 * SIDE * SIDE


def test_the_still_picture_tells_the_words():
    widget = Frrn(plan="A", place=3)
    assert widget.words in widget.still().alt
    with pytest.raises(traitlets.TraitError, match="plan"):
        widget.plan = "C"
