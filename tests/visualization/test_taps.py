"""Looking inside: every hook is gone afterwards, also after a failure, and the network is as it was."""

import pytest
import torch
from torch import nn

from cnncourse.models import build
from cnncourse.visualization import (
    Priors,
    amplify,
    class_image,
    dead_filters,
    grad_cam,
    gradient,
    project,
    project_by_hand,
    sanity_check,
    strongest,
)
from cnncourse.visualization.taps import evaluating, in_order, locate, pictures, watching
from cnncourse.workbench.device import available_devices


class Failing(nn.Module):
    def __init__(self):
        super().__init__()
        self.first = nn.Conv2d(1, 2, 3)
        self.second = nn.Dropout()

    def forward(self, images):
        self.second(self.first(images))
        raise RuntimeError("this network fails in the middle")


def hooks(network):
    return sum(len(module._forward_hooks) + len(module._backward_hooks) for module in network.modules())


def test_hooks_are_gone_after_the_block():
    network = build("lenet")
    with watching(network, ["c1", "s4"]) as found:
        network(torch.zeros(1, 1, 28, 28))
        assert hooks(network) == 2
    assert hooks(network) == 0
    assert {name: tuple(maps.shape) for name, maps in found.items()} == {"c1": (1, 6, 28, 28), "s4": (1, 16, 5, 5)}


def test_hooks_are_gone_and_the_mode_is_back_when_the_network_fails():
    network = Failing()
    network.first.eval()
    modes = [module.training for module in network.modules()]
    with (
        pytest.raises(RuntimeError, match="in the middle"),
        evaluating(network),
        watching(network, ["first"]) as found,
    ):
        network(torch.zeros(1, 1, 5, 5))
    assert hooks(network) == 0
    assert [module.training for module in network.modules()] == modes
    assert found["first"].shape == (1, 2, 3, 3)


def test_hooks_are_gone_when_a_later_name_is_wrong():
    network = build("lenet")
    with pytest.raises(ValueError, match="there is no layer 'c9'; choose one of"), watching(network, ["c1", "c9"]):
        pass
    assert hooks(network) == 0


def test_layers_have_the_papers_names_or_paths():
    network = build("vgg_small")
    assert locate(network, "conv2_1")[1] is locate(network, "features.7")[1]
    assert locate(network, "") == ("", network)
    with pytest.raises(TypeError, match="network is a str"):
        locate("vgg", "conv1_1")
    with pytest.raises(ValueError, match="there is no layer 3"):
        locate(network, 3)
    with pytest.raises(ValueError, match="it has no modules"):
        locate(nn.ReLU(), "x")


def test_a_layer_that_returns_no_tensor_is_named():
    network = nn.Sequential(nn.MaxPool2d(2, return_indices=True))
    with pytest.raises(TypeError, match=r"'0' \(MaxPool2d\) returns a tuple"), watching(network, "0"):
        network(torch.zeros(1, 1, 2, 2))


def test_the_order_is_that_of_the_answers():
    class Backwards(nn.Module):
        def __init__(self):
            super().__init__()
            self.last, self.first = nn.Linear(2, 1), nn.Conv2d(1, 2, 1)

        def forward(self, images):
            return self.last(self.first(images).mean(dim=(2, 3)))

    network = Backwards()
    assert in_order(network, torch.zeros(1, 1, 2, 2)) == ["first", "last"]
    assert hooks(network) == 0


@pytest.mark.parametrize(
    ("images", "error", "words"),
    [
        ([[1.0]], TypeError, "images is a list"),
        (torch.zeros(1, 2, 2), ValueError, "expected"),
        (torch.zeros(1, 1, 2, 2, dtype=torch.uint8), TypeError, "Normalise them first"),
        (torch.zeros(0, 1, 2, 2), ValueError, "at least one picture"),
        (torch.full((1, 1, 2, 2), torch.nan), ValueError, "not finite"),
    ],
)
def test_pictures_are_checked(images, error, words):
    with pytest.raises(error, match=words):
        pictures(nn.ReLU(), images)


@pytest.mark.parametrize("name", available_devices())
def test_every_method_computes_where_the_network_is(name):
    device = torch.device(name)
    torch.manual_seed(0)
    network = build("vgg_small").eval().to(device)
    images = torch.randn(2, 3, 32, 32, generator=torch.Generator().manual_seed(0))  # still on the CPU
    assert strongest(network, images, "relu2_2", count=1)[0][0].index in (0, 1)
    assert len(dead_filters(network, images, "relu3_2")) < 128
    assert project(network, images, "relu2_2", 3, [(0, 1), (2, 3)]).device == device
    assert project_by_hand(network.features[:7], images, 3).device == device
    assert grad_cam(network, images, "conv3_2").device == device
    scores = sanity_check(network, images, lambda net, x: gradient(net, x, 1), at=["classifier.0", "features.0"])
    assert len(scores) == 2
    assert class_image(network, 1, size=32, priors=Priors(octaves=2), steps=4).image.shape == (3, 32, 32)
    assert amplify(network, images[0].sigmoid(), "relu2_2", steps=1, octaves=2).shape == (3, 32, 32)
