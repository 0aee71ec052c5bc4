"""The sheet that LeNet reads: the vectors are the network's, and the answers follow the drawing."""

import json

import pytest
import torch
import traitlets
from vectors.lenet import FILE, vectors

from cnncourse.models import write_network
from cnncourse.widgets import Lenet
from cnncourse.widgets.lenet import stencil


def test_the_vectors_are_what_the_network_computes():
    kept, computed = json.loads(FILE.read_text(encoding="utf-8")), vectors()
    assert len(kept) == len(computed)
    for old, new in zip(kept, computed, strict=True):
        assert (old["digit"], old["right"], old["down"], old["ink"]) == (
            new["digit"],
            new["right"],
            new["down"],
            new["ink"],
        )
        for name in ("c1", "c3", "logits"):
            assert new[name] == pytest.approx(old[name], abs=2e-3)


@pytest.mark.parametrize("digit", range(10))
def test_the_stencils_are_read_as_what_they_are(digit):
    assert int(Lenet(ink=stencil(digit)).probabilities.argmax()) == digit


def test_moving_the_drawing_changes_the_answer_in_the_end():
    still, moved = Lenet(ink=stencil(5)), Lenet(ink=stencil(5), right=10)
    assert float(moved.probabilities[5]) < float(still.probabilities[5])
    assert torch.equal(moved.image[..., 10:], still.image[..., :-10])


def test_the_network_is_a_file_on_the_website_and_bytes_in_jupyter():
    widget = Lenet()
    assert widget.weights == write_network("lenet_mnist") == Lenet.page_files["lenet_mnist.bin"]()
    assert '"weights":{"$file":"lenet_mnist.bin"}' in widget._repr_mimebundle_()[0]["text/html"]


def test_a_drawing_has_784_numbers_of_ink():
    with pytest.raises(traitlets.TraitError, match="ink"):
        Lenet(ink=[0, 255])
    with pytest.raises(traitlets.TraitError):
        Lenet(ink=[256] * 784)
    with pytest.raises(traitlets.TraitError, match="right"):
        Lenet(right=11)


def test_the_still_picture_says_what_is_read():
    assert "the one for 5 is the longest" in Lenet().still().alt
