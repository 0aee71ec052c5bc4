"""The live network in Python: the same questions as on the page, asked of torch."""

import pytest
import torch
import traitlets

from cnncourse.models import checkpoint, write_network
from cnncourse.widgets import LiveNetwork
from cnncourse.widgets.live_network import LAYERS, NETWORKS, PICTURES, picture


def test_a_drawn_five_is_read_and_a_cat_is_seen():
    assert int(LiveNetwork().probabilities.argmax()) == 5
    answers = LiveNetwork(network="pictures").probabilities
    assert checkpoint("vgg_cifar10").classes()[int(answers.argmax())] == "cat"


def test_ink_lies_over_the_picture():
    ink = [0] * 1024
    ink[33] = 255
    plain, drawn = LiveNetwork(network="pictures").image, LiveNetwork(network="pictures", ink=ink).image
    assert drawn[0, :, 1, 1].tolist() == [0.5] * 3
    assert int((plain != drawn).any(dim=1).sum()) == 1


@pytest.mark.parametrize("network", NETWORKS)
def test_every_layer_of_the_page_can_be_asked_in_python(network):
    for layer in range(len(LAYERS[NETWORKS[network]])):
        widget = LiveNetwork(network=network, layer=layer, channel=3)
        assert widget.maps.dim() == 3
        assert widget.projection.shape == widget.image.shape[1:]


def test_the_strongest_unit_is_taken_where_none_is_chosen():
    widget = LiveNetwork(network="pictures", layer=3, channel=7)
    best = int(widget.maps[7].argmax())
    chosen = LiveNetwork(network="pictures", layer=3, channel=7, row=best // 16, column=best % 16)
    assert float(widget.projection.abs().sum()) > 0
    torch.testing.assert_close(chosen.projection, widget.projection)


def test_the_class_that_is_explained_can_be_chosen():
    best, other = LiveNetwork().saliency, LiveNetwork(target=3).saliency
    assert best.shape == (28, 28)
    torch.testing.assert_close(LiveNetwork(target=5).saliency, best)
    assert not torch.allclose(best, other)


def test_the_network_is_a_file_on_the_website():
    widget = LiveNetwork(network="pictures")
    assert '"weights":{"$file":"vgg_cifar10.bin"}' in widget._repr_mimebundle_()[0]["text/html"]
    assert widget.weights == write_network("vgg_cifar10") == widget.page_files["vgg_cifar10.bin"]()


def test_the_examples_are_the_pictures_in_bytes():
    widget = LiveNetwork(network="pictures")
    assert len(widget.examples) == len(PICTURES) * 3 * 32 * 32
    first = torch.tensor(list(widget.examples[:3072])).reshape(3, 32, 32) / 255
    torch.testing.assert_close(first, picture(PICTURES[0]), atol=1 / 255, rtol=0)
    assert len(widget.names) == len(PICTURES)
    assert len(LiveNetwork().examples) == 10 * 784


def test_wrong_state_is_refused_in_words():
    with pytest.raises(traitlets.TraitError, match="ink has 3 numbers; it must have 784"):
        LiveNetwork(ink=[1, 2, 3])
    for wrong in ({"network": "letters"}, {"picture": 99}, {"rule": "none"}, {"target": 10}, {"row": -2}):
        with pytest.raises(traitlets.TraitError):
            LiveNetwork(**wrong)


def test_the_still_picture_says_what_is_seen():
    assert "sees cat, with 79%" in LiveNetwork(network="pictures").still().alt
