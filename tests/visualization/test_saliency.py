"""Gradient and Grad-CAM: equal to captum on the same network, and to what their definitions promise."""

import contextlib

import captum.attr
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from cnncourse.models import build
from cnncourse.visualization.saliency import classes, grad_cam, gradient, gradient_times_input, magnitude


def drawn(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


pytestmark = pytest.mark.filterwarnings("ignore:Input Tensor 0 did not already require gradients")


@pytest.fixture(scope="module", params=["vgg_small", "resnet18"])
def network(request):
    torch.manual_seed(2)
    options = {"num_classes": 6, "width": 0.125} if request.param == "resnet18" else {}
    return build(request.param, **options).double().eval()


LAST = {"VGG": "features.17", "ResNet": "layer4.1.conv2"}
EARLY = {"VGG": "features.9", "ResNet": "layer2"}


def test_the_gradient_is_captum_s_saliency(network):
    images = drawn(2, 3, 64, 64)
    saliency = captum.attr.Saliency(network)
    expected = saliency.attribute(images.clone(), target=torch.tensor([1, 4]), abs=False)
    torch.testing.assert_close(gradient(network, images, [1, 4]), expected, rtol=1e-9, atol=1e-12)
    expected = saliency.attribute(images.clone(), target=2).amax(dim=1)
    torch.testing.assert_close(magnitude(gradient(network, images, 2)), expected, rtol=1e-9, atol=1e-12)


def test_gradient_times_input_is_captum_s(network):
    images = drawn(2, 3, 64, 64)
    expected = captum.attr.InputXGradient(network).attribute(images.clone(), target=5)
    torch.testing.assert_close(gradient_times_input(network, images, 5), expected, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("which", [LAST, EARLY])
def test_grad_cam_is_captum_s(network, which):
    images, layer = drawn(2, 3, 64, 64), which[type(network).__name__]
    cam = captum.attr.LayerGradCam(network, network.get_submodule(layer))
    small = cam.attribute(images, target=3, relu_attributions=True)
    torch.testing.assert_close(grad_cam(network, images, layer, 3), small[:, 0].detach(), rtol=1e-9, atol=1e-12)
    large = captum.attr.LayerAttribution.interpolate(small, (64, 64), interpolate_mode="bilinear")
    mine = grad_cam(network, images, layer, 3, size=(64, 64))
    torch.testing.assert_close(mine, large[:, 0].detach(), rtol=1e-9, atol=1e-12)


def test_without_a_target_the_network_s_own_answer_is_explained(network):
    images = drawn(3, 3, 64, 64)
    answers = network(images).argmax(dim=1)
    torch.testing.assert_close(gradient(network, images), gradient(network, images, answers))


def test_without_biases_gradient_times_input_adds_up_to_the_logit():
    torch.manual_seed(0)
    chain = nn.Sequential(
        nn.Conv2d(1, 4, 3, bias=False), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(36, 3, bias=False)
    ).double()
    images = drawn(5, 1, 8, 8)
    total = gradient_times_input(chain, images, 1).sum(dim=(1, 2, 3))
    torch.testing.assert_close(total, chain(images)[:, 1].detach())


def test_grad_cam_before_global_pooling_adds_up_to_the_positive_part_of_the_logit():
    """With global average pooling and one linear layer, the map before ReLU sums to the logit without its bias."""
    torch.manual_seed(0)
    chain = nn.Sequential(nn.Conv2d(1, 4, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 2)).double()
    nn.init.uniform_(chain[3].weight, 0.1, 1.0)
    images = drawn(2, 1, 6, 6).abs()
    nn.init.uniform_(chain[0].weight, 0.1, 1.0)
    expected = (chain(images) - chain[3].bias)[:, 0].detach()
    torch.testing.assert_close(grad_cam(chain, images, "0", 0).sum(dim=(1, 2)), expected)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda net, x: gradient(net, x, 6000), "target is 6000; there are"),
        (lambda net, x: gradient(net, x, [1, 2]), "target has 2 classes for 1 pictures"),
        (lambda net, x: gradient(net, x, "cat"), "target is 'cat'"),
        (lambda net, x: gradient(net, x, rule="up"), "there is no rule 'up'"),
        (lambda net, x: grad_cam(net, x, "nowhere"), "there is no layer 'nowhere'"),
        (lambda net, x: grad_cam(net, x, ""), "Grad-CAM needs maps"),
        (lambda net, x: gradient(nn.Conv2d(3, 2, 1).double(), x), "logits .N, classes. are needed"),
    ],
)
def test_wrong_arguments_name_value_and_remedy(network, call, words):
    with pytest.raises(ValueError, match=words):
        call(network, drawn(1, 3, 64, 64))


ANYTHING = st.one_of(st.none(), st.integers(-3, 3), st.floats(), st.text(), st.lists(st.integers()), st.booleans())


@given(value=ANYTHING)
@settings(deadline=None, max_examples=30)
def test_nothing_but_type_and_value_errors_escape(value):
    chain = nn.Sequential(nn.Conv2d(1, 2, 1), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    images = torch.zeros(1, 1, 2, 2)
    calls = [
        lambda: gradient(value, images),
        lambda: gradient(chain, value),
        lambda: gradient(chain, images, value),
        lambda: gradient_times_input(chain, images, value),
        lambda: grad_cam(chain, images, value),
        lambda: grad_cam(chain, images, "0", size=value),
        lambda: magnitude(value),
        lambda: classes(torch.zeros(1, 2), value),
    ]
    for call in calls:
        with contextlib.suppress(TypeError, ValueError):
            call()
