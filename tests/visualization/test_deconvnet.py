"""Three rules and one function: equal to captum, to the chain written out, and to autograd; nothing is left behind."""

import contextlib
import warnings

import captum.attr
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from cnncourse.layers import max_unpooling
from cnncourse.models import build
from cnncourse.visualization.deconvnet import RULES, project, project_by_hand, rectifier_backward, rectifying, unpool


def drawn(*shape, seed=0, dtype=torch.float64):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def ready(name, **options):
    """A network with random weights whose normalization is no identity, in float64."""
    torch.manual_seed(3)
    network = build(name, **options)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.normal_(module.weight)
            nn.init.normal_(module.bias, std=0.1)
            nn.init.uniform_(module.running_var, 0.5, 2.0)
    return network.double().eval()


NETWORKS = {
    "lenet": ({}, (2, 1, 28, 28)),
    "vgg_small": ({}, (2, 3, 32, 32)),
    "squeezenet1_0": ({"width": 0.25, "num_classes": 7}, (2, 3, 64, 64)),
}
CAPTUM = {
    "gradient": lambda network: captum.attr.Saliency(network),
    "deconvnet": captum.attr.Deconvolution,
    "guided": captum.attr.GuidedBackprop,
}


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("name", NETWORKS)
def test_logits_come_back_as_captum_brings_them(name, rule):
    options, shape = NETWORKS[name]
    network, images = ready(name, **options), drawn(*shape)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # captum announces its hooks
        extra = {"abs": False} if rule == "gradient" else {}
        expected = CAPTUM[rule](network).attribute(images.clone(), target=3, **extra)
    torch.testing.assert_close(project(network, images, channel=3, rule=rule), expected, rtol=1e-9, atol=1e-12)


def test_captum_misses_functional_rectifiers_and_project_does_not():
    """A residual block ends in `F.relu`: captum's hooks on modules do not see it, and the results differ."""
    network, images = ready("resnet18", num_classes=4, width=0.125), drawn(1, 3, 64, 64)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = captum.attr.GuidedBackprop(network).attribute(images.clone(), target=1)
    ours = project(network, images, channel=1, rule="guided")
    assert not torch.allclose(ours, theirs)


@pytest.mark.parametrize("rule", RULES)
def test_the_chain_written_out_gives_the_same(rule):
    network, images = ready("vgg_small"), drawn(2, 3, 32, 32)
    for end, layer in ((3, "features.2"), (14, "features.13"), (21, "features.20")):
        mine = project_by_hand(network.features[:end], images, channel=5, rule=rule)
        torch.testing.assert_close(mine, project(network, images, layer, 5, rule=rule), rtol=1e-9, atol=1e-12)
    whole = [*network.features, network.avgpool, nn.Flatten(), *network.classifier]
    torch.testing.assert_close(
        project_by_hand(whole, images, 3, rule=rule), project(network, images, channel=3, rule=rule)
    )


@pytest.mark.parametrize("rule", RULES)
def test_overlapping_windows_strides_and_groups_come_back_too(rule):
    torch.manual_seed(1)
    chain = nn.Sequential(
        nn.Conv2d(3, 6, 5, stride=3, padding=1), nn.ReLU(), nn.MaxPool2d(3, stride=2, ceil_mode=True),
        nn.Conv2d(6, 8, 3, padding=2, dilation=2, groups=2, bias=False), nn.ReLU(inplace=True),
        nn.MaxPool2d(3, stride=1, padding=1), nn.Dropout(), nn.Conv2d(8, 4, 1), nn.AdaptiveAvgPool2d(1),
    ).double()  # fmt: skip
    images = drawn(2, 3, 32, 30)
    mine = project_by_hand(chain, images, channel=2, rule=rule)
    torch.testing.assert_close(mine, project(chain, images, channel=2, rule=rule), rtol=1e-9, atol=1e-12)


def test_the_gradient_rule_is_autograd():
    network, images = ready("resnet18", num_classes=4, width=0.125), drawn(1, 3, 64, 64).requires_grad_()
    (expected,) = torch.autograd.grad(network(images)[0, 2], images)
    torch.testing.assert_close(project(network, images, channel=2, rule="gradient"), expected)


@given(st.integers(0, 999))
@settings(deadline=None)
def test_guided_keeps_what_both_others_keep(seed):
    values, gradient = drawn(4, 5, seed=seed).round(), drawn(4, 5, seed=seed + 1000)
    results = {rule: rectifier_backward(values, gradient, rule) for rule in RULES}
    both = (results["gradient"] != 0) & (results["deconvnet"] != 0)
    torch.testing.assert_close(results["guided"], gradient * both)
    assert (results["deconvnet"] >= 0).all()
    assert (results["gradient"][values <= 0] == 0).all()


@pytest.mark.parametrize(
    "rectifier",
    [nn.ReLU(), nn.ReLU(inplace=True), F.relu, lambda x: F.relu(x, inplace=True), lambda x: F.relu(x, True), F.relu_,
     torch.relu, torch.relu_, lambda x: x.relu(), lambda x: x.relu_(), lambda x: F.relu(input=x)],
)  # fmt: skip
@pytest.mark.parametrize("rule", RULES)
def test_every_way_to_write_a_rectifier_has_the_rule(rectifier, rule):
    values, gradient = drawn(3, 4), drawn(3, 4, seed=1)
    leaf = values.clone().requires_grad_()
    with rectifying(rule):
        output = rectifier(leaf + 0)
    output.backward(gradient)
    torch.testing.assert_close(output.detach(), values.clamp(min=0))
    torch.testing.assert_close(leaf.grad, rectifier_backward(values, gradient, rule))


def test_in_place_rectifiers_change_their_argument_as_ever():
    with rectifying("guided"):
        values = drawn(5)
        F.relu_(values)
    assert (values >= 0).all()


def test_the_rule_ends_with_the_block_also_after_a_failure():
    with contextlib.suppress(RuntimeError), rectifying("deconvnet"):
        raise RuntimeError
    leaf = drawn(6).requires_grad_()
    leaf.relu().sum().backward()
    torch.testing.assert_close(leaf.grad, (leaf > 0).double())


def test_a_failing_network_is_left_as_it_was():
    class Failing(nn.Sequential):
        def forward(self, images):
            super().forward(images)
            raise RuntimeError("it fails at the end")

    network = Failing(nn.Conv2d(1, 1, 1), nn.ReLU()).train()
    with pytest.raises(RuntimeError, match="at the end"):
        project(network, torch.zeros(1, 1, 2, 2), "1")
    assert network.training
    assert network[1].training
    assert not any(module._forward_hooks for module in network.modules())
    assert all(parameter.grad is None for parameter in network.parameters())


def test_the_strongest_unit_is_taken_unless_a_position_is_given():
    network, images = ready("vgg_small"), drawn(2, 3, 32, 32)
    maps = network.features[:11](images).detach()[:, 4]
    for number in range(2):
        row, column = divmod(int(maps[number].argmax()), maps.shape[2])
        here = project(network, images[number : number + 1], "features.10", 4, (row, column))
        torch.testing.assert_close(here, project(network, images, "features.10", 4)[number : number + 1])
    places = [divmod(int(one.argmax()), maps.shape[2]) for one in maps]
    torch.testing.assert_close(
        project(network, images, "features.10", 4, places), project(network, images, "features.10", 4)
    )
    with pytest.raises(ValueError, match="position has 1 places for 2 pictures"):
        project(network, images, "features.10", 4, [(0, 0)])


@given(size=st.integers(4, 9), kernel=st.integers(1, 4), stride=st.integers(1, 4), seed=st.integers(0, 99))
@settings(deadline=None, max_examples=40)
def test_unpooling_is_the_gradient_of_pooling(size, kernel, stride, seed):
    leaf = drawn(1, 2, size, size, seed=seed).requires_grad_()
    pooled, switches = F.max_pool2d(leaf, kernel, stride, return_indices=True)
    values = drawn(*pooled.shape, seed=seed + 1)
    pooled.backward(values)
    unpooled = unpool(values, switches, (size, size))
    torch.testing.assert_close(unpooled, leaf.grad)
    if stride >= kernel:
        torch.testing.assert_close(unpooled, max_unpooling(values, switches, (size, size)))


def test_values_that_share_a_maximum_add_up_and_are_not_lost():
    image = torch.tensor([[0.0, 0.0, 0.0], [0.0, 9.0, 0.0], [0.0, 0.0, 0.0]]).reshape(1, 1, 3, 3)
    pooled, switches = F.max_pool2d(image, 2, 1, return_indices=True)
    assert unpool(pooled, switches, (3, 3))[0, 0, 1, 1] == 36
    assert max_unpooling(pooled, switches, (3, 3))[0, 0, 1, 1] == 9


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        ({"layer": "c9"}, ValueError, "there is no layer 'c9'"),
        ({"channel": 10}, ValueError, "channel is 10; the layer has 10"),
        ({"channel": 1.0}, ValueError, "channel is 1.0"),
        ({"position": (1, 1)}, ValueError, r"position is \(1, 1\); the channel's map has the shape \(\)"),
        ({"layer": "c1", "position": (28, 0)}, ValueError, r"the map has \(28, 28\) units"),
        ({"rule": "relu"}, ValueError, "there is no rule 'relu'; choose one of gradient, deconvnet, guided"),
        ({"images": torch.zeros(1, 1, 28)}, ValueError, "expected"),
        ({"images": torch.full((1, 1, 28, 28), torch.inf)}, ValueError, "not finite"),
    ],
)
def test_wrong_arguments_name_value_and_remedy(arguments, error, words):
    given = {"network": build("lenet"), "images": torch.zeros(1, 1, 28, 28)} | arguments
    with pytest.raises(error, match=words):
        project(**given)


def test_other_layers_are_refused_by_the_chain_that_is_written_out():
    with pytest.raises(ValueError, match=r"Sigmoid.*`project` knows it"):
        project_by_hand([nn.Sigmoid()], torch.zeros(1, 1, 2, 2))


def test_infinite_weights_are_told():
    network = nn.Sequential(nn.Conv2d(1, 1, 1))
    nn.init.constant_(network[0].weight, torch.inf)
    with pytest.raises(ValueError, match="not finite"):
        project(network, torch.ones(1, 1, 2, 2))


def test_a_layer_without_gradients_is_told():
    class Constant(nn.Module):
        def forward(self, images):
            return torch.ones(len(images), 3)

    with pytest.raises(ValueError, match="does not depend on the picture"):
        project(Constant(), torch.ones(1, 1, 2, 2))


ANYTHING = st.one_of(st.none(), st.integers(-3, 3), st.floats(), st.text(), st.lists(st.integers()), st.booleans())


@given(value=ANYTHING)
@settings(deadline=None, max_examples=30)
def test_nothing_but_type_and_value_errors_escape(value):
    network, images = nn.Sequential(nn.Conv2d(1, 2, 1)), torch.zeros(1, 1, 2, 2)
    switches = torch.zeros(1, 1, 1, 1, dtype=torch.int64)
    calls = [
        lambda: project(value, images),
        lambda: project(network, value),
        lambda: project(network, images, value),
        lambda: project(network, images, channel=value),
        lambda: project(network, images, position=value),
        lambda: project(network, images, rule=value),
        lambda: project_by_hand(network, images, channel=value),
        lambda: rectifying(value),
        lambda: rectifier_backward(value, images),
        lambda: rectifier_backward(images, images, value),
        lambda: unpool(value, switches, (2, 2)),
        lambda: unpool(switches.float(), value, (2, 2)),
        lambda: unpool(switches.float(), switches, value),
    ]
    for call in calls:
        with contextlib.suppress(TypeError, ValueError):
            call()
