"""Gradient norms against autograd, networks without normalization, and the growth of variance against its formula."""

import copy

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from cnncourse.models import cifar_resnet, resnet
from cnncourse.models.propagation import gradient_agreement, gradient_norms, residual_variances, without_normalization


@pytest.fixture
def batch():
    generator = torch.Generator().manual_seed(7)  # not the noise's own: that would only scale the pictures
    return torch.randn(8, 3, 12, 12, generator=generator), torch.arange(8) % 10


def test_the_norms_are_those_of_the_gradient_that_backward_leaves(batch):
    torch.manual_seed(0)
    network = cifar_resnet(8, width=0.25)
    norms = gradient_norms(network, *batch)
    F.cross_entropy(network.train()(batch[0]), batch[1]).backward()
    for name, norm in norms.items():
        assert norm == pytest.approx(float(network.get_submodule(name).weight.grad.norm()), rel=1e-5)


@pytest.mark.parametrize("depth", [8, 20])
def test_every_layer_of_the_path_has_a_norm_and_projections_have_none(depth, batch):
    assert len(gradient_norms(cifar_resnet(depth, width=0.25, shortcut="B"), *batch)) == depth - 1


def test_a_look_at_the_gradient_leaves_the_network_as_it_was(batch):
    network = cifar_resnet(8, width=0.25).eval()
    before = copy.deepcopy(network.state_dict())
    gradient_norms(network, *batch)
    assert not network.training
    assert all(parameter.grad is None for parameter in network.parameters())
    torch.testing.assert_close(dict(network.state_dict()), dict(before))


def test_images_and_labels_must_fit_together(batch):
    with pytest.raises(ValueError, match="labels has shape"):
        gradient_norms(cifar_resnet(8), batch[0], batch[1][:3])
    with pytest.raises(TypeError, match="images is a list"):
        gradient_norms(cifar_resnet(8), [1], batch[1])


def test_a_gradient_agrees_with_itself_and_soon_with_no_other(batch):
    torch.manual_seed(0)
    network = cifar_resnet(8, width=0.25)
    assert gradient_agreement(network, *batch, 0) == pytest.approx(1)
    assert gradient_agreement(network, *batch, 0.001) > gradient_agreement(network, *batch, 1.0) + 0.3


def test_depth_shatters_the_gradients_of_plain_nets_more_than_of_residual_ones():
    generator = torch.Generator().manual_seed(7)  # not the noise's own: that would only scale the pictures
    images, labels = torch.randn(48, 3, 16, 16, generator=generator), torch.arange(48) % 10
    torch.manual_seed(0)
    plain, residual = (cifar_resnet(44, width=0.5, residual=residual) for residual in (False, True))
    assert gradient_agreement(plain, images, labels, 0.01) < 0.3
    assert gradient_agreement(residual, images, labels, 0.01) > 0.5


@pytest.mark.parametrize("noise", [-1, float("nan"), float("inf"), "much", None, True])
def test_noise_is_a_standard_deviation(batch, noise):
    with pytest.raises(ValueError, match="noise is"):
        gradient_agreement(cifar_resnet(8, width=0.25), *batch, noise)


@pytest.mark.parametrize("network", [cifar_resnet(8, width=0.25), resnet(18, 10, width=1 / 16)])
def test_a_network_without_normalization_keeps_its_weights_and_none_of_its_statistics(network):
    bare = without_normalization(network)
    assert any(isinstance(module, nn.BatchNorm2d) for module in network.modules())
    assert not any(isinstance(module, nn.BatchNorm2d) for module in bare.modules())
    weights = {name: value for name, value in network.state_dict().items() if value.dim() > 1 or name == "fc.bias"}
    torch.testing.assert_close(dict(bare.state_dict()), weights)


def test_variance_doubles_without_normalization_and_grows_by_one_with_it():
    blocks = torch.arange(13, dtype=torch.float64)
    doubled = residual_variances(12, normalize=False, width=1024)
    added = residual_variances(12, normalize=True, width=1024)
    torch.testing.assert_close(doubled.log2(), blocks, rtol=0.05, atol=0.15)
    torch.testing.assert_close(added, 1 + blocks, rtol=0.03, atol=0.1)


@settings(max_examples=25, deadline=None)
@given(
    blocks=st.integers(0, 4) | st.just(-1) | st.just(1.5),
    width=st.integers(1, 9) | st.just(0),
    samples=st.integers(2, 9) | st.just(1),
    seed=st.integers(0, 9) | st.just("a"),
    normalize=st.booleans(),
)
def test_bad_arguments_raise_nothing_but_value_errors(blocks, width, samples, seed, normalize):
    good = isinstance(blocks, int) and blocks >= 0 and width >= 1 and samples >= 2 and isinstance(seed, int)
    if not good:
        with pytest.raises(ValueError, match="must be"):
            residual_variances(blocks, normalize=normalize, width=width, samples=samples, seed=seed)
        return
    variances = residual_variances(blocks, normalize=normalize, width=width, samples=samples, seed=seed)
    assert variances.shape == (blocks + 1,)
