"""The sanity check: ranks as scipy counts them, layers randomized from the top, the network untouched."""

import contextlib

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import spearmanr
from torch import nn

from cnncourse.models import build, load
from cnncourse.visualization.deconvnet import project
from cnncourse.visualization.sanity import randomized_from_the_top, rank_correlation, sanity_check, score_on_photographs


def drawn(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


@given(seed=st.integers(0, 999), number=st.integers(3, 40), coarse=st.booleans())
@settings(deadline=None)
def test_the_rank_correlation_is_scipy_s(seed, number, coarse):
    first, second = drawn(number, seed=seed), drawn(number, seed=seed + 1)
    if coarse:  # many equal values
        first, second = first.round(), second.round()
    a, b = first.abs(), second.abs()
    if a.unique().numel() == 1 or b.unique().numel() == 1:
        assert rank_correlation(first, second) == 0
        return
    assert rank_correlation(first, second) == pytest.approx(spearmanr(a, b).statistic, abs=1e-12)


def test_only_the_order_of_absolute_values_counts():
    values = drawn(4, 5)
    assert rank_correlation(values, -values.pow(3)) == pytest.approx(1)
    assert rank_correlation(values, 1 / values) == pytest.approx(-1)


def test_layers_lose_their_weights_from_the_top_and_keep_them_below():
    torch.manual_seed(0)
    network = build("vgg_small").eval()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    images = drawn(4, 3, 32, 32)
    weights = [name for name, _ in network.named_parameters() if name.endswith(".weight")]
    done = []
    for path, other in randomized_from_the_top(network, images):
        done.append(path)
        for name in weights:
            changed = not torch.equal(other.state_dict()[name], before[name])
            normal = name.removesuffix(".weight") not in done or isinstance(
                network.get_submodule(name.removesuffix(".weight")), nn.BatchNorm2d
            )
            assert changed != normal, name
        assert not other.training
    assert done[0] == "classifier.0"
    assert done[-1] == "features.0"
    assert len(done) == 13
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())
    assert not network.training


def test_randomized_networks_are_repeatable_and_alive():
    torch.manual_seed(0)
    network, images = build("vgg_small"), drawn(4, 3, 32, 32)
    outputs = []
    for seed in (1, 1, 2):
        _, other = list(randomized_from_the_top(network, images, seed))[-1]
        with torch.no_grad():
            outputs.append(other(images))
        for module in other.modules():
            if isinstance(module, nn.BatchNorm2d):
                assert module.momentum == 0.1
    assert torch.equal(outputs[0], outputs[1])
    assert not torch.equal(outputs[0], outputs[2])
    assert float(outputs[0].std(dim=0).mean()) > 0.05  # the statistics fit, so the pictures still differ


def test_an_explanation_that_ignores_the_network_scores_one():
    network, images = build("lenet"), drawn(2, 1, 28, 28)
    scores = sanity_check(network, images, lambda _, x: x)
    assert list(scores.values()) == pytest.approx([1.0] * 5)
    assert list(scores) == ["output", "f6", "c5", "c3", "c1"]


def test_the_gradient_notices_the_weights_more_than_guided_backpropagation():
    network, images = load("lenet_mnist", torch.device("cpu")), drawn(3, 1, 28, 28).abs()
    scores = {
        rule: list(
            sanity_check(network, images, lambda net, x, rule=rule: project(net, x, channel=3, rule=rule)).values()
        )
        for rule in ("gradient", "guided")
    }
    assert scores["gradient"][0] < scores["guided"][0]


def test_the_check_can_stop_at_chosen_layers():
    network, images = build("lenet"), drawn(2, 1, 28, 28)

    def explain(net, x):
        return project(net, x, channel=3, rule="gradient")

    every, some = sanity_check(network, images, explain), sanity_check(network, images, explain, at=["c3", "f6"])
    assert some == pytest.approx({name: every[name] for name in ("f6", "c3")})
    with pytest.raises(ValueError, match="at has 'c4'; layers with parameters are c1, c3"):
        sanity_check(network, images, explain, at=["c4"])


def test_guided_backpropagation_hardly_changes_and_the_gradient_does():
    guided, gradient = (
        [score_on_photographs(rule, layer) for layer in ("fc", "layer2.0.conv1")] for rule in ("guided", "gradient")
    )
    assert guided[0] > 0.9 > 0.7 > gradient[0]
    assert guided[1] > 0.6 > 0.4 > gradient[1]
    with pytest.raises(ValueError, match="layer is 'layer9'"):
        score_on_photographs("guided", "layer9")


@pytest.mark.parametrize(
    ("first", "second", "error", "words"),
    [
        (torch.zeros(3), torch.zeros(4), ValueError, "two maps of one shape"),
        (torch.zeros(1), torch.zeros(1), ValueError, "two maps of one shape"),
        (torch.tensor([1.0, torch.nan]), torch.zeros(2), ValueError, "first has values that are not finite"),
        ([1.0, 2.0], torch.zeros(2), TypeError, "first is a list"),
    ],
)
def test_maps_that_cannot_be_compared_are_refused(first, second, error, words):
    with pytest.raises(error, match=words):
        rank_correlation(first, second)


@given(value=st.one_of(st.none(), st.integers(-3, 3), st.floats(), st.text(), st.booleans()))
@settings(deadline=None, max_examples=20)
def test_nothing_but_type_and_value_errors_escape(value):
    network, images = nn.Sequential(nn.Conv2d(1, 2, 1)), torch.ones(1, 1, 2, 2)
    calls = [
        lambda: rank_correlation(value, images),
        lambda: list(randomized_from_the_top(value, images)),
        lambda: list(randomized_from_the_top(network, value)),
        lambda: list(randomized_from_the_top(network, images, value)),
        lambda: sanity_check(network, images, lambda net, x: x, seed=value),
    ]
    for call in calls:
        with contextlib.suppress(TypeError, ValueError):
            call()
