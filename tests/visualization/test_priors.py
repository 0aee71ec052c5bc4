"""Priors of a class image, one at a time: two measures, on waves that can be counted and on pictures made."""

import contextlib

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from cnncourse.visualization.priors import SWITCHED, agreement_of_colours, fine_share, fine_share_of, imagined


def wave(length):
    return torch.cos(2 * torch.pi * torch.arange(24) / length).expand(3, 24, 24)


@pytest.mark.parametrize(("length", "share"), [(12, 0), (6, 0), (3, 1), (2, 1)])
def test_waves_shorter_than_four_pixels_are_fine(length, share):
    assert fine_share(wave(length) + 7) == pytest.approx(share, abs=1e-9)


def test_two_waves_share_their_energy():
    both = 3 * wave(12) + wave(3).mT
    assert fine_share(both) == pytest.approx(1 / 10, abs=1e-6)


def test_grey_pictures_agree_and_opposite_channels_do_not():
    grey = torch.rand(1, 5, 6, generator=torch.Generator().manual_seed(0))
    assert agreement_of_colours(grey.expand(3, -1, -1)) == pytest.approx(1)
    assert agreement_of_colours(torch.cat([grey, -grey, grey])) == pytest.approx(-1 / 3)


def test_the_network_is_certain_whatever_the_priors():
    assert min(imagined(name).probability for name in SWITCHED) > 0.95


def test_each_prior_does_what_its_sentence_says():
    nothing = imagined("no priors").image
    for name in ("total variation", "blur", "jitter", "octaves", "all of them"):
        assert fine_share_of(name) < 0.8 * fine_share(nothing)
    assert agreement_of_colours(imagined("colours").image) > agreement_of_colours(nothing) + 0.2


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: imagined("magic"), "priors is 'magic'; choose one of no priors"),
        (lambda: imagined("blur", "socks"), "label is 'socks'"),
        (lambda: fine_share(torch.ones(3, 4, 4)), "the same everywhere"),
        (lambda: agreement_of_colours(torch.ones(1, 4, 4)), "expected"),
    ],
)
def test_wrong_arguments_name_value_and_remedy(call, words):
    with pytest.raises(ValueError, match=words):
        call()


@given(value=st.one_of(st.none(), st.integers(), st.floats(), st.text(), st.booleans()))
@settings(deadline=None, max_examples=20)
def test_nothing_but_type_and_value_errors_escape(value):
    for call in (
        lambda: imagined(value),
        lambda: imagined("blur", value),
        lambda: fine_share(value),
        lambda: agreement_of_colours(value),
    ):
        with contextlib.suppress(TypeError, ValueError):
            call()
