"""Pictures that a network makes: each prior does what it says, results repeat, and a failure comes early."""

import contextlib

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import gaussian_filter
from torch import nn

from cnncourse.data import cifar10
from cnncourse.models import load
from cnncourse.visualization.activations import feature_maps
from cnncourse.visualization.inceptionism import (
    NO_PRIORS,
    Priors,
    amplify,
    blurred,
    class_image,
    total_variation,
)
from cnncourse.workbench import normalise, photograph

LOOK = {"mean": cifar10.MEAN, "std": cifar10.STD}


@pytest.fixture(scope="module")
def network():
    return load("vgg_cifar10", torch.device("cpu"))


def made(network, priors, **options):
    return class_image(network, 3, size=32, priors=priors, **({"steps": 40} | LOOK | options))


@pytest.mark.parametrize("priors", [NO_PRIORS, Priors(), Priors(octaves=2), Priors(colours=False, blur=0)])
def test_the_picture_convinces_the_network_and_lies_between_black_and_white(network, priors):
    result = made(network, priors)
    assert result.image.shape == (3, 32, 32)
    assert 0 <= float(result.image.min()) < float(result.image.max()) <= 1
    assert result.probability > 0.95
    assert result.history[0] < 0.5
    assert len(result.history) == 40
    with torch.no_grad():
        again = network(normalise(result.image[None], **LOOK)).softmax(dim=1)[0, 3]
    assert float(again) == pytest.approx(result.probability, abs=1e-5)


@pytest.mark.parametrize(
    "prior",
    [{"total_variation": 20.0}, {"blur": 1.5}, {"frequencies": True}, {"total_variation": 0.5, "frequencies": True}],
)
def test_a_prior_makes_the_picture_smoother(network, prior):
    rough = made(network, NO_PRIORS).image[None]
    options = {"total_variation": 0.0, "blur": 0.0, "jitter": 0, "colours": False, "frequencies": False} | prior
    smooth = made(network, Priors(**options)).image[None]
    assert float(total_variation(smooth)) < 0.9 * float(total_variation(rough))


def test_decorrelated_colours_let_the_channels_change_together(network):
    def correlation(priors):
        pictures = [made(network, priors, seed=seed).image.flatten(1) for seed in range(2)]
        return sum(float((torch.corrcoef(picture).sum() - 3) / 6) for picture in pictures) / len(pictures)

    assert correlation(Priors(0.0, 0.0, 0, colours=True, frequencies=False)) > correlation(NO_PRIORS) + 0.05


def test_results_repeat_and_depend_on_the_seed(network):
    first, second, other = (made(network, Priors(), steps=5, seed=seed).image for seed in (1, 1, 2))
    assert torch.equal(first, second)
    assert not torch.equal(first, other)


def test_the_network_is_left_as_it_was(network):
    before = {name: value.clone() for name, value in network.state_dict().items()}
    made(network.train(), Priors(), steps=2)
    assert network.training
    network.eval()
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())
    assert all(parameter.grad is None for parameter in network.parameters())


def test_a_layer_answers_more_strongly_to_the_amplified_photograph(network):
    image = photograph("chelsea", 48)
    more = amplify(network, image, "relu2_2", steps=4, octaves=2, jitter=2, **LOOK)
    assert more.shape == image.shape
    assert 0 <= float(more.min()) <= float(more.max()) <= 1
    before, after = (
        feature_maps(network, normalise(one[None], **LOOK), ["relu2_2"])["relu2_2"] for one in (image, more)
    )
    assert float(after.square().mean()) > 1.5 * float(before.square().mean())
    assert torch.equal(more, amplify(network, image, "relu2_2", steps=4, octaves=2, jitter=2, **LOOK))


def test_one_channel_can_be_amplified_alone(network):
    def energy(channel):
        image = amplify(network, photograph("coffee", 32), "relu1_2", channel, steps=4, octaves=1, jitter=0, **LOOK)
        maps = feature_maps(network, normalise(image[None], **LOOK), ["relu1_2"])["relu1_2"][0]
        return maps.square().mean(dim=(1, 2))

    seven, four = energy(7), energy(4)
    assert seven[7] > four[7]
    assert four[4] > seven[4]


@given(width=st.floats(0.3, 3.0), seed=st.integers(0, 99))
@settings(deadline=None, max_examples=20)
def test_blurring_is_scipy_s_gauss_filter(width, seed):
    images = torch.rand(1, 2, 9, 12, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    reach = max(1, int(-(-2 * width // 1)))
    expected = gaussian_filter(images.numpy(), width, mode="nearest", radius=reach, axes=(2, 3))
    torch.testing.assert_close(blurred(images, width), torch.from_numpy(expected))
    assert blurred(images, 0) is images


def test_total_variation_of_a_ramp_is_its_slope():
    ramp = torch.arange(5.0).expand(1, 1, 4, 5)
    assert float(total_variation(ramp)) == 1
    assert float(total_variation(torch.ones(1, 3, 1, 1))) == 0


def test_a_picture_that_diverges_stops_at_once():
    network = nn.Sequential(nn.Flatten(), nn.Linear(12, 2))
    nn.init.constant_(network[1].weight, torch.inf)
    with pytest.raises(ValueError, match=r"the objective is -inf in step 1: .*smaller learning rate"):
        class_image(network, 0, size=2, steps=3)


def test_a_layer_that_answers_nothing_cannot_be_amplified():
    network = nn.Sequential(nn.Conv2d(3, 2, 1), nn.ReLU())
    nn.init.zeros_(network[0].weight)
    nn.init.constant_(network[0].bias, -1.0)
    with pytest.raises(ValueError, match="the gradient of '1' is zero everywhere"):
        amplify(network, torch.rand(3, 4, 4), "1", octaves=1)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"target": 10}, "target is 10; there are 10 classes"),
        ({"size": 0}, "size is 0"),
        ({"steps": 0}, "steps is 0"),
        ({"learning_rate": float("nan")}, "learning_rate is nan"),
        ({"seed": -1}, "seed is -1"),
    ],
)
def test_wrong_arguments_name_value_and_remedy(network, arguments, words):
    with pytest.raises(ValueError, match=words):
        class_image(network, **({"target": 0, "size": 32, "steps": 1} | arguments))


ANYTHING = st.one_of(st.none(), st.integers(-3, 0), st.floats(), st.text(), st.lists(st.integers()), st.booleans())


@given(value=ANYTHING)
@settings(deadline=None, max_examples=20)
def test_nothing_but_type_and_value_errors_escape(value):
    network = nn.Sequential(nn.Conv2d(3, 2, 1), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    image = torch.rand(3, 4, 4)
    calls = [
        lambda: class_image(value, 0, size=4, steps=1),
        lambda: class_image(network, value, size=4, steps=1),
        lambda: class_image(network, 0, size=value, steps=1),
        lambda: class_image(network, 0, size=4, steps=value),
        lambda: class_image(network, 0, size=4, steps=1, priors=value),
        lambda: Priors(total_variation=value),
        lambda: Priors(blur=value),
        lambda: Priors(jitter=value),
        lambda: Priors(colours=value),
        lambda: Priors(octaves=value),
        lambda: amplify(value, image, "0"),
        lambda: amplify(network, value, "0"),
        lambda: amplify(network, image, value),
        lambda: amplify(network, image, "0", octaves=1, steps=1, channel=value),
        lambda: amplify(network, image, "0", octaves=value),
        lambda: amplify(network, image, "0", octave_scale=value),
        lambda: blurred(image[None], value) if not isinstance(value, float) else None,
        lambda: total_variation(value),
    ]
    for call in calls:
        with contextlib.suppress(TypeError, ValueError):
            call()
