"""The widget on convolution: the vectors are torch's, and the state is checked."""

import json

import pytest
import torch
import traitlets
from vectors.convolution import FILE, vectors

from cnncourse import widgets


def test_the_vectors_are_what_torch_computes():
    assert json.loads(FILE.read_text(encoding="utf-8")) == vectors()


def test_the_output_is_torch_s_for_the_photograph_shown():
    widget = widgets.Convolution(photograph="chelsea", kernel=[[0, 0, 0], [0, 1, 0], [0, 0, 0]], padding=1)
    assert widget.output.shape == (112, 112)
    torch.testing.assert_close(widget.output, widget.image[0, 0])
    camera = widgets.Convolution(photographs=["camera"], kernel=widget.kernel, padding=1)
    assert not torch.equal(camera.output, widget.output)


def test_a_flipped_kernel_is_a_convolution():
    shift = [1, 0, 0, 0, 0, 0, 0, 0, 0]
    there, back = (widgets.Convolution(photographs=["coffee"], kernel=shift, flip=flip) for flip in (False, True))
    torch.testing.assert_close(there.output, there.image[0, 0, :-2, :-2])
    torch.testing.assert_close(back.output, back.image[0, 0, 2:, 2:])


def test_the_divisor_divides():
    widget = widgets.Convolution(photographs=["rocket"], kernel=[1] * 25, divisor=25, stride=2)
    assert widget.output.shape == (54, 54)
    assert float(widget.output.max()) <= 255


def test_the_photographs_travel_as_bytes():
    widget = widgets.Convolution(photographs=["camera", "rocket"], size=32)
    assert len(widget.pixels) == 2 * 32 * 32
    widget.size = 64
    assert len(widget.pixels) == 2 * 64 * 64


@pytest.mark.parametrize(
    ("state", "words"),
    [
        ({"kernel": [1, 2]}, "kernel has 2 weights; give 9 or 25"),
        ({"divisor": 0}, "divisor is 0; use 1"),
        ({"photograph": "dog"}, "photograph is 'dog'; choose from camera"),
        ({"stride": 9}, "stride"),
        ({"display": "pink"}, "display"),
    ],
)
def test_impossible_state_is_refused_with_a_remedy(state, words):
    with pytest.raises(traitlets.TraitError, match=words):
        widgets.Convolution(**state)


def test_the_still_picture_says_what_it_shows():
    still = widgets.Convolution(photographs=["camera"], size=32, display="grey").still()
    assert "a kernel of 3 by 3 weights" in still.alt
    assert "<svg" in still.svg
