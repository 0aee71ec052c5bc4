"""The reader's own picture in Python: the bundled photographs, their names, and what the website fetches when."""

import json

import pytest
import torch
import traitlets
from vectors import own_picture as vectors

from cnncourse.applications.own_picture.page_file import PREFERRED, page_file, page_network
from cnncourse.widgets import OwnPicture
from cnncourse.widgets.own_picture import NAMES, PHOTOGRAPHS, UNSURE, sample, samples

needs_squeezenet = pytest.mark.skipif(page_network() != PREFERRED, reason="the compressed SqueezeNet is not at hand")


@needs_squeezenet
def test_the_vectors_are_what_torch_computes():
    stored = json.loads(vectors.FILE.read_text(encoding="utf-8"))
    for index, case in enumerate(stored["photographs"]):
        logits = OwnPicture(picture=index).logits
        assert case["name"] == NAMES[index]
        assert logits.topk(5).indices.tolist() == case["labels"]
        for place, value in case["logits"].items():
            assert float(logits[int(place)]) == pytest.approx(value, abs=1e-3)


@needs_squeezenet
def test_the_astronaut_is_no_cocktail_shaker_after_calibration():
    widget = OwnPicture(picture=PHOTOGRAPHS.index("astronaut"))
    assert widget.names_seen[0][1] < UNSURE
    widget.calibrated = False
    assert widget.names_seen[0][1] > widget.names_seen[1][1]


def test_calibration_changes_confidence_and_no_name():
    widget = OwnPicture(picture=2)
    careful = widget.names_seen
    widget.calibrated = False
    assert [name for name, _ in widget.names_seen] == [name for name, _ in careful]
    assert widget.names_seen[0][1] > careful[0][1]


def test_the_website_fetches_the_photographs_at_once_and_the_network_when_it_is_needed():
    text = OwnPicture()._repr_mimebundle_()[0]["text/html"]
    assert '"weights":{"$file":"own_picture.bin","$later":true}' in text
    assert '"samples":{"$file":"own_picture_samples.bin"}' in text
    assert OwnPicture().weights == page_file()


def test_the_photographs_stand_one_behind_another():
    content = samples()
    number = int.from_bytes(content[:4], "little")
    lengths = [int.from_bytes(content[4 + 4 * i : 8 + 4 * i], "little") for i in range(number)]
    assert lengths == [len(sample(name)) for name in PHOTOGRAPHS]
    assert len(content) == 4 + 4 * number + sum(lengths)
    assert min(OwnPicture(picture=1).image.shape[1:]) == 256


def test_the_still_picture_says_what_is_seen():
    alt = OwnPicture().still().alt
    assert all(name in alt for name in NAMES)


def test_wrong_state_is_refused_in_words():
    for wrong in ({"picture": 6}, {"picture": -2}, {"rank": 5}, {"shown": "all"}):
        with pytest.raises(traitlets.TraitError):
            OwnPicture(**wrong)


def test_the_bits_of_the_photographs_are_64_each():
    hashes = OwnPicture().hashes
    assert torch.tensor([len(each) for each in hashes]).eq(64).all()
    assert len(set(hashes)) == len(PHOTOGRAPHS)
