"""The explorer of networks: its state is the layer table, small enough for a page, and its words are the model's."""

import json

import pytest
import traitlets
from vectors.architecture import FILE, vectors

from cnncourse.models import NETWORKS, layer_table
from cnncourse.widgets import Architecture
from cnncourse.widgets.architecture import title_of

FOUR = ("alexnet", "vgg16", "googlenet_paper", "resnet50")


def test_the_vectors_are_what_the_tables_say():
    assert json.loads(FILE.read_text(encoding="utf-8")) == vectors()


def test_the_four_great_networks_weigh_little():
    html = Architecture(FOUR)._repr_mimebundle_()[0]["text/html"]
    assert len(html.encode()) < 40_000


def test_what_is_chosen_follows_the_traits():
    widget = Architecture(FOUR, layer="conv2")
    assert [layer.words for layer in widget.chosen] == ["5×5 convolution"]
    widget.network = "googlenet_paper"
    widget.layer = "inception3a"
    assert widget.chosen == layer_table("googlenet_paper").blocks["inception3a"]
    widget.layer = "fc6"  # of another network
    assert widget.chosen == widget.table.layers[:1]


def test_one_name_is_enough():
    assert list(Architecture("lenet5").tables) == ["lenet5"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"networks": []}, "networks is empty"),
        ({"networks": ["vgg17"]}, "no network 'vgg17'; choose one of lenet5"),
        ({"networks": "lenet", "network": "alexnet"}, "network is 'alexnet'; choose one of lenet"),
        ({"networks": "lenet", "layer": "c9"}, "lenet has no layer 'c9'; choose one of input, c1, s2"),
    ],
)
def test_what_does_not_exist_is_named(arguments, words):
    with pytest.raises(ValueError, match=words):
        Architecture(**arguments)


def test_a_network_that_was_not_brought_is_refused():
    widget = Architecture("lenet")
    with pytest.raises(traitlets.TraitError, match="choose one of lenet"):
        widget.network = "alexnet"


@pytest.mark.parametrize("name", FOUR)
def test_the_still_picture_has_a_box_for_each_block(name):
    widget = Architecture(name)
    still = widget.still()
    assert still.svg.count("<path") == 3 * len(widget.table.blocks)
    assert f"{widget.table.parameters:,} parameters" in still.caption


def test_every_network_has_a_title_of_its_own():
    titles = [title_of(name) for name in NETWORKS]
    assert len(set(titles)) == len(titles)
    assert not set(titles) & set(NETWORKS)
