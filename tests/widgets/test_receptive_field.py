"""The receptive field to touch: the vectors are the module's and torch's, and the traits follow the module."""

import json

import pytest
import traitlets
from vectors.receptive_field import FILE, vectors

from cnncourse.layers.receptive_field import published_size
from cnncourse.widgets import ReceptiveField

SMALL = {"kernel_size": 3}


def test_the_vectors_are_what_module_and_gradients_say():
    assert json.loads(FILE.read_text(encoding="utf-8")) == list(vectors())


def test_the_field_follows_the_stack_and_the_chosen_map():
    widget = ReceptiveField(layers=[SMALL, {**SMALL, "stride": 2}, SMALL], input_size=20)
    assert widget.field.size == 9
    widget.row = 1
    assert widget.field.size == 3
    widget.row = 0
    assert widget.field.size == 1


@pytest.mark.parametrize(
    ("preset", "network", "layer"),
    [("AlexNet", "alexnet", "pool5"), ("VGG-16", "vgg16", "pool5"), ("ResNet-18", "resnet18", "layer4")],
)
def test_presets_see_what_the_published_networks_see(preset, network, layer):
    chosen = ReceptiveField().presets[preset]
    assert ReceptiveField(**chosen).field.size == published_size(network, layer)


def test_every_preset_fits_and_can_be_drawn():
    for preset in ReceptiveField().presets.values():
        still = ReceptiveField(**preset).still()
        assert still.svg.count("<rect") == 2 * (len(preset["layers"]) + 1)


def test_the_still_picture_tells_what_is_seen():
    still = ReceptiveField(layers=[SMALL, SMALL], input_size=9, position=0).still()
    assert "5 pixels, from 0 to 4" in still.alt
    assert "does not fit" in ReceptiveField(layers=[{"kernel_size": 9}], input_size=4).still().alt


@pytest.mark.parametrize(
    "layers", [[{"stride": 2}], [{"kernel_size": 0}], [{"kernel_size": 3, "strides": 1}], [SMALL] * 25]
)
def test_what_is_no_stack_is_refused(layers):
    with pytest.raises(traitlets.TraitError, match="layers"):
        ReceptiveField(layers=layers)
