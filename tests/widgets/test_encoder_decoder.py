"""Skips to switch: the vectors are the modules', and the traits follow the trained networks."""

import json

import pytest
import traitlets
from vectors.encoder_decoder import FILE, vectors

from cnncourse.applications.encoder_decoder import experiment
from cnncourse.widgets import EncoderDecoder


def test_the_vectors_are_what_the_modules_compute():
    assert json.loads(FILE.read_text(encoding="utf-8")) == vectors()


def test_the_predictions_are_those_of_the_trained_network():
    widget = EncoderDecoder(scene=2, network="skips", fine=True, middle=False, coarse=True)
    images, _ = experiment.scenes("test", 4).for_segmentation().batch([2])
    expected = experiment.segment(experiment.load("skips"), images, (True, False, True))[0]
    assert (widget.prediction != expected).float().mean() < 0.002  # sums in batches of another size round differently


def test_the_skips_mend_the_outlines():
    scores = {}
    for on in (False, True):
        pictures = [EncoderDecoder(scene=index, fine=on, middle=on, coarse=on) for index in range(4)]
        scores[on] = sum(widget.boundary for widget in pictures)
    assert scores[True] > scores[False]


def test_the_traits_are_whole_pictures_and_refuse_what_is_none():
    widget = EncoderDecoder()
    pixels = widget.side**2
    assert (len(widget.pictures), len(widget.truths), len(widget.predictions)) == (12 * pixels, 4 * pixels, 64 * pixels)
    assert EncoderDecoder(kernel_size=3, stride=2).phases == [2, 1]
    for name, value in {"scene": 4, "stride": 0, "kernel_size": 8, "network": "none"}.items():
        with pytest.raises(traitlets.TraitError, match=name):
            setattr(widget, name, value)


def test_the_still_picture_tells_how_many_pixels_are_wrong():
    widget = EncoderDecoder(fine=True)
    assert f"{widget.wrong} of {widget.side**2} pixels are wrong" in widget.still().alt
