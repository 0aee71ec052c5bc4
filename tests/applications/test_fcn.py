"""Dense layers as convolutions, upsampling as torch's interpolation, and the ladder that begins where it stood."""

import contextlib
import hashlib
import json

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from cnncourse.applications.fcn import (
    FCN,
    RUNGS,
    STRIDES,
    Upsampling,
    bilinear_kernel,
    coloured,
    convolutionalized,
    dense_to_convolution,
    gain,
    ladder,
    measure,
    measured,
    pixel_cross_entropy,
    seeds,
    segment,
    shares_enlarged,
    spread,
    train,
    trained,
)
from cnncourse.data import scene_sets
from cnncourse.models import VGG, AlexNet, GoogLeNet, LeNet, LeNet5, ZFNet, vgg_small

CLASSIFIERS = {
    "VGG": (lambda: VGG("A", 10, width=0.05), 224),
    "VGG-16, pooled to one": (lambda: VGG("D", 10, width=0.03, pooled=1), 32),
    "VGG small, averaged": (lambda: vgg_small(), 32),
    "AlexNet": (lambda: AlexNet(10, width=0.1), 227),
    "AlexNet of one tower": (lambda: AlexNet(10, towers=1, width=0.1), 224),
    "ZFNet": (lambda: ZFNet(10, width=0.1), 224),
    "LeNet": (lambda: LeNet(), 28),
    "LeNet of the nineties": (lambda: LeNet(padding=0, activation="tanh", pooling="average"), 32),
}


def noise(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def classifier(name):
    torch.manual_seed(0)
    make, size = CLASSIFIERS[name]
    return make().eval(), size


@pytest.mark.parametrize("name", CLASSIFIERS)
def test_the_score_maps_equal_the_classifier_where_the_sizes_agree(name):
    network, size = classifier(name)
    pictures = noise(2, network.in_channels, size, size)
    with torch.no_grad():
        scores, expected = convolutionalized(network, size)(pictures), network(pictures)
    assert scores.shape == (*expected.shape, 1, 1)
    torch.testing.assert_close(scores.flatten(1), expected, rtol=1e-5, atol=1e-5)


@pytest.mark.large
@pytest.mark.parametrize(("make", "size"), [(VGG, 224), (AlexNet, 227)], ids=["VGG-16", "AlexNet"])
def test_so_they_do_at_full_width(make, size):
    torch.manual_seed(0)
    network = make().eval()
    pictures = noise(1, 3, size, size)
    with torch.no_grad():
        scores, expected = convolutionalized(network, size)(pictures), network(pictures)
    torch.testing.assert_close(scores.flatten(1), expected, rtol=1e-5, atol=1e-5)


def test_a_map_without_padding_holds_the_answers_for_every_window():
    network, size = LeNet(padding=0).eval(), 32
    maps = convolutionalized(network, size)
    large = noise(1, 1, 45, 52)
    with torch.no_grad():
        scores = maps(large)
        assert (maps.window, maps.stride, scores.shape[2:]) == (32, 4, (4, 6))
        for row in range(4):
            for column in range(6):
                window = large[:, :, 4 * row : 4 * row + 32, 4 * column : 4 * column + 32]
                torch.testing.assert_close(scores[:, :, row, column], network(window), rtol=1e-4, atol=1e-5)


def test_the_first_dense_layer_of_vgg_has_as_many_numbers_as_a_convolution():
    with torch.device("meta"):
        layer = dense_to_convolution(nn.Linear(512 * 49, 4096), 7)
    assert layer.weight.shape == (4096, 512, 7, 7)
    assert sum(parameter.numel() for parameter in layer.parameters()) == 102_764_544


def test_vgg_gives_six_by_six_scores_for_384_pixels():
    maps = convolutionalized(VGG("A", 3, width=0.03), 224)
    assert maps.eval()(noise(1, 3, 384, 384)).shape[2:] == (6, 6)
    assert maps(noise(1, 3, 223 + 40, 500)).shape[2:] == (2, 9)


def test_the_copy_keeps_mode_and_weights_of_the_network():
    network = LeNet().train()
    maps = convolutionalized(network, 28)
    assert network.training
    assert maps.training
    before = network.c5.weight.clone()
    with torch.no_grad():
        maps.layers[6].weight.zero_()
    assert torch.equal(network.c5.weight, before)


@pytest.mark.parametrize(
    ("network", "size", "words"),
    [
        (LeNet5(), 32, "ScaledTanh"),
        (GoogLeNet(width=0.05), 224, "one row"),
        (VGG("A", 3, width=0.03), 64, "unequal sizes"),
        (LeNet(), 20, "at least 28"),
        (LeNet(), 40, "reads 400 numbers"),
        (nn.Linear(2, 2), 32, "one of the course's networks"),
    ],
)
def test_what_is_no_chain_or_of_another_size_is_refused(network, size, words):
    with pytest.raises((TypeError, ValueError), match=words):
        convolutionalized(network, size)


@given(st.integers(1, 4), st.integers(1, 3), st.integers(1, 3), st.booleans(), st.integers(0, 99))
@settings(max_examples=30, deadline=None)
def test_any_dense_layer_folds_into_its_convolution(channels, height, width, bias, seed):
    dense = nn.Linear(channels * height * width, 5, bias=bias)
    maps = noise(2, channels, height, width, seed=seed)
    scores = dense_to_convolution(dense, (height, width))(maps)
    torch.testing.assert_close(scores.flatten(1), dense(maps.flatten(1)), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("factor", [1, 2, 3, 4, 5, 8, 16, 32])
@pytest.mark.parametrize("size", [(1, 1), (1, 5), (4, 3)])
def test_upsampling_begins_as_the_bilinear_interpolation_of_torch(factor, size):
    maps = noise(2, 3, *size)
    expected = F.interpolate(maps, scale_factor=factor, mode="bilinear", align_corners=False)
    torch.testing.assert_close(Upsampling(3, factor)(maps), expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("factor", range(1, 9))
def test_overlapping_tents_add_up_to_one_everywhere(factor):
    flat = Upsampling(2, factor)(torch.ones(1, 2, 4, 4))
    torch.testing.assert_close(flat, torch.ones_like(flat))
    assert bilinear_kernel(factor).max() <= 1


def test_the_tent_of_factor_two_by_hand():
    assert bilinear_kernel(2)[0].tolist() == [0.0625, 0.1875, 0.1875, 0.0625]


def test_the_last_enlargement_is_not_trained_but_the_doublings_are():
    network = FCN(8)
    assert not network.enlargement.spread.weight.requires_grad
    assert [layer.spread.weight.requires_grad for layer in network.doublings] == [True, True]


def coarse(stride=32, seed=0):
    torch.manual_seed(seed)
    return FCN(stride, 4, channels=(4, 4, 6, 6, 8)).eval()


@pytest.mark.parametrize("stride", STRIDES)
@pytest.mark.parametrize("size", [(1, 1), (1, 40), (33, 7), (64, 64), (65, 63), (97, 130)])
def test_every_pixel_of_a_picture_of_any_size_gets_its_scores(stride, size):
    scores = coarse(stride)(noise(1, 3, *size))
    assert scores.shape == (1, 4, *size)
    assert scores.isfinite().all()


@pytest.mark.parametrize("size", [(64, 96), (65, 63), (1, 1)])
def test_the_finer_network_begins_with_the_scores_of_the_coarser_one(size):
    """Before training, FCN-16s is FCN-32s enlarged in two steps, and FCN-8s in three."""
    before = coarse()
    pictures = noise(1, 3, *size)
    expected = before.coarse_scores(pictures)
    for stride in (16, 8):
        before = before.refined()
        expected = F.interpolate(expected, scale_factor=2, mode="bilinear")
        found = before.coarse_scores(pictures)
        expected = expected[..., : found.shape[2], : found.shape[3]]
        torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)
        assert before.stride == stride


def test_two_enlargements_are_not_quite_one():
    """The corner that bilinear interpolation has at the centre of a cell is cut: a quarter of a cell to each side."""
    values = noise(1, 1, 1, 6)
    once = Upsampling(1, 32)(values)[0, 0, 0]
    twice = Upsampling(1, 16)(Upsampling(1, 2)(values))[0, 0, 0]
    place = (torch.arange(192) % 32 + 0.5) / 32
    differs = (once - twice).abs() > 1e-5
    assert differs.any()
    assert ((place[differs] - 0.5).abs() < 0.25).all()


def test_the_refined_network_learns_apart_from_the_coarse_one():
    before = coarse()
    after = before.refined()
    with torch.no_grad():
        after.score.weight.zero_()
    assert before.score.weight.abs().sum() > 0


def test_skip_scores_that_are_zero_still_learn():
    network = coarse(8).train()
    loss = pixel_cross_entropy(network, noise(2, 3, 64, 64), torch.randint(4, (2, 64, 64)))
    loss.backward()
    assert all(layer.weight.grad.abs().sum() > 0 for layer in network.skip_scores)


def test_ignored_pixels_do_not_move_the_loss():
    network, pictures = coarse(), noise(1, 3, 40, 40)
    truth = torch.zeros(1, 40, 40, dtype=torch.long)
    truth[:, :20] = 255
    expected = F.cross_entropy(network(pictures)[:, :, 20:], truth[:, 20:])
    torch.testing.assert_close(pixel_cross_entropy(network, pictures, truth), expected)


ANYTHING = st.one_of(st.none(), st.booleans(), st.integers(-3, 40), st.floats(), st.text(max_size=2))


@given(ANYTHING, ANYTHING)
@settings(max_examples=60, deadline=None)
def test_bad_arguments_are_refused_in_words(one, other):
    for call in (
        lambda: FCN(one, other),
        lambda: Upsampling(one, other),
        lambda: bilinear_kernel(one),
        lambda: dense_to_convolution(nn.Linear(8, 2), one),
        lambda: dense_to_convolution(one, other),
        lambda: convolutionalized(LeNet(), one),
        lambda: FCN(32, 2, channels=[one, other]),
    ):
        with contextlib.suppress(TypeError, ValueError):
            call()


def test_the_last_of_the_ladder_cannot_be_refined():
    with pytest.raises(ValueError, match="last of the ladder"):
        coarse(8).refined()


def test_shares_of_single_pixels_are_the_truth_itself():
    truth = torch.randint(4, (2, 9, 7), generator=torch.Generator().manual_seed(0))
    assert torch.equal(shares_enlarged(truth, 4, 1), truth)


@pytest.mark.parametrize("size", [(1, 1), (33, 50), (64, 64)])
def test_a_picture_of_one_class_survives_any_grid(size):
    truth = torch.full((1, *size), 3)
    assert torch.equal(shares_enlarged(truth, 5, 32), truth)


def test_the_grid_costs_less_the_finer_it_is():
    truth = scene_sets.load("test", 12, 96).segmentation.long()
    found = [measure(shares_enlarged(truth, 7, stride), truth, 7).mean_iou for stride in (32, 16, 8, 4, 1)]
    assert found == sorted(found)
    assert found[-1] == 1


def test_the_second_skip_brings_less_than_the_first():
    for seed in seeds():
        coarse, middle, fine = (measured(rung, seed=seed) for rung in RUNGS[:3])
        first, second = middle - coarse, fine - middle
        assert 0 < second < first


def test_three_seeds_climbed_every_rung():
    assert len(seeds()) >= 3
    for seed in seeds():
        assert measured("32s", seed=seed) < measured("16s", seed=seed) < measured("8s", seed=seed)


def test_the_stored_networks_are_as_good_as_their_log_says():
    """On a part of the test scenes, within what such a part may differ."""
    part = scene_sets.load("test", 40, 96)
    truth = part.segmentation.long()
    for stride in STRIDES:
        found = measure(segment(trained(stride), part), truth, 7)
        assert abs(100 * found.mean_iou - measured(f"{stride}s", seed=seeds()[0])) < 8
        assert abs(100 * found.pixel_accuracy - measured(f"{stride}s", "pixel_accuracy", seeds()[0])) < 3


def test_the_weights_are_those_of_the_log_and_small():
    for name, digest in ladder.log()["sha256"].items():
        content = (ladder.WEIGHTS / name).read_bytes()
        assert hashlib.sha256(content).hexdigest() == digest
        assert len(content) < 1.5e6


def test_the_gain_is_the_difference_of_the_means():
    assert gain("32s", "8s") == pytest.approx(measured("8s") - measured("32s"))
    assert gain("32s", ladder.CONTINUED) == pytest.approx(-gain(ladder.CONTINUED, "32s"))
    assert spread("32s", "32s") == 0


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: measured("4s"), "rung is '4s'; choose one of 32s, 16s, 8s"),
        (lambda: measured("8s", "iou"), "pixel_accuracy"),
        (lambda: measured("8s", seed=77), "the seeds are 0"),
        (lambda: trained(4), "choose one of 32, 16, 8"),
        (lambda: coloured(torch.full((2, 2), 7)), "seven are known"),
    ],
)
def test_what_was_not_measured_is_named(call, words):
    with pytest.raises(ValueError, match=words):
        call()


def test_a_rehearsal_writes_log_and_weights(tmp_path):
    train.main(["--fewer", "125", "--seeds", "5", "--output", str(tmp_path)])
    stored = json.loads((tmp_path / "fcn.json").read_text())
    assert [run["rung"] for run in stored["runs"]] == list(RUNGS)
    assert sorted(stored["sha256"]) == sorted(path.name for path in tmp_path.glob("*.pt"))


def test_every_class_has_its_colour():
    picture = coloured(torch.arange(7)[None])
    assert picture.shape == (3, 1, 7)
    assert len({tuple(colour) for colour in picture[:, 0].T.tolist()}) == 7
