"""Scores of maps against the truth: exact on drawn maps, and what each method reaches on the planted cue."""

import contextlib

import captum.attr
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from cnncourse.visualization.planted_cue import reader
from cnncourse.visualization.pointing import (
    METHODS,
    NETWORKS,
    area_of_the_mark,
    covered_logit,
    edges,
    hits,
    maps_of,
    network_called,
    pictures_compared,
    preference,
    score,
    share_inside,
)


def test_hits_and_share_of_maps_that_can_be_counted():
    marks = torch.zeros(3, 2, 2, dtype=torch.bool)
    marks[:, 0] = True
    maps = torch.tensor([[[1.0, 3.0], [2.0, 2.0]], [[1.0, 1.0], [4.0, 0.0]], [[0.0, 0.0], [0.0, 0.0]]])
    assert hits(maps, marks).tolist() == [True, False, True]
    torch.testing.assert_close(share_inside(maps, marks), torch.tensor([1 / 2, 1 / 3, 0]))


def test_a_map_that_is_the_same_everywhere_scores_the_area_of_the_mark():
    pictures = pictures_compared()
    shares = share_inside(torch.ones_like(pictures.marks, dtype=torch.float32), pictures.marks)
    assert float(shares.mean()) == pytest.approx(area_of_the_mark())


def test_edges_are_scipy_s_sobel():
    image = pictures_compared().images[0, 0].double()
    both = [torch.from_numpy(ndimage.sobel(image.numpy(), axis=axis, mode="nearest")) for axis in (0, 1)]
    torch.testing.assert_close(edges(image[None, None])[0], torch.hypot(*both))


def test_occlusion_is_captum_s_loss_of_the_logit():
    """Captum's occluders hang over the border; with a stride that fits there is no difference."""
    pictures = pictures_compared()
    inputs, labels = pictures.inputs[:2], pictures.labels[:2]
    with torch.no_grad():
        expected = captum.attr.Occlusion(reader()).attribute(
            inputs, (1, 8, 8), strides=(1, 8, 8), target=labels, baselines=0.0
        )
    found = covered_logit(reader(), inputs, labels, patch=8, stride=8)
    torch.testing.assert_close(found, expected[:, 0].clamp(min=0).to(found), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("method", [name for name in METHODS if name != "edges"])
def test_every_method_finds_the_cue_far_more_often_than_chance(method):
    assert score(method, "hits") > 0.45
    assert score(method, "share") > 1.5 * area_of_the_mark()


def test_edges_do_not_find_it_and_do_not_notice_the_weights():
    assert score("edges", "hits") < 0.1
    assert score("edges", "same", "random") == pytest.approx(1)


def test_guided_backpropagation_still_finds_it_when_the_answer_is_random():
    trained, headless = (score("guided", "hits", name) for name in ("trained", "last layer random"))
    assert headless > trained - 0.25
    assert score("guided", "same", "last layer random") > score("Grad-CAM", "same", "last layer random") + 0.2


def test_of_two_marks_grad_cam_and_occlusion_show_the_one_that_was_asked_for():
    assert min(preference("Grad-CAM"), preference("occlusion")) > 0.9
    assert max(preference(name) for name in ("gradient", "deconvnet", "guided")) < 0.88
    assert preference("edges") == pytest.approx(0.5, abs=0.05)


def test_no_method_finds_it_in_a_random_network():
    assert max(score(method, "hits", "random") for method in METHODS) < 0.4


def test_all_networks_answer_and_the_trained_one_is_left_as_it_was():
    before = [parameter.clone() for parameter in reader().parameters()]
    for name in NETWORKS:
        assert network_called(name)(pictures_compared().inputs[:1]).shape == (1, 4)
        assert maps_of("gradient", name).shape == pictures_compared().marks.shape
    assert all(map(torch.equal, before, reader().parameters()))


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda m: hits(-m, m > 0), "not negative"),
        (lambda m: hits(m, m), "torch.bool"),
        (lambda m: share_inside(m, (m > 0)[:, :1]), "expected"),
        (lambda m: score("magic", "hits"), "there is no method 'magic'"),
        (lambda m: score("gradient", "beauty"), "there is no measure 'beauty'"),
        (lambda m: score("gradient", "hits", "other"), "there is no network 'other'"),
        (lambda m: pictures_compared("dog"), "distractor is 'dog'"),
    ],
)
def test_wrong_arguments_name_value_and_remedy(call, words):
    with pytest.raises(ValueError, match=words):
        call(torch.ones(1, 2, 2))


ANYTHING = st.one_of(st.none(), st.integers(-2, 2), st.floats(), st.text(), st.booleans())


@given(value=ANYTHING)
@settings(deadline=None, max_examples=25)
def test_nothing_but_type_and_value_errors_escape(value):
    maps = torch.ones(1, 2, 2)
    for call in (
        lambda: hits(value, maps > 0),
        lambda: hits(maps, value),
        lambda: share_inside(maps * (value if isinstance(value, float) else 1), maps > 0),
        lambda: edges(value),
        lambda: score(value, "hits"),
        lambda: score("edges", value),
        lambda: maps_of("edges", value),
    ):
        with contextlib.suppress(TypeError, ValueError):
            call()
