"""The auxiliary classifiers' part in the gradient of the first layer, measured."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from cnncourse.models import GoogLeNet
from cnncourse.models.auxiliary import INITIALIZATIONS, gradient_norms, initialized


def measured(name, seed=0):
    torch.manual_seed(seed)
    network = initialized(GoogLeNet(num_classes=10, width=1 / 4, dropout=0.0, aux_dropout=0.0), name).train()
    return gradient_norms(network, torch.randn(8, 3, 64, 64), torch.randint(10, (8,)))


@pytest.mark.parametrize("seed", range(2))
def test_with_the_weights_of_2012_next_to_nothing_arrives_from_the_output(seed):
    norms = measured("Gaussian, 0.01", seed)
    assert 0 < norms["output"] < 1e-3 * norms["all"]


@pytest.mark.parametrize("seed", range(2))
def test_with_he_s_weights_the_output_alone_is_enough(seed):
    norms = measured("He", seed)
    assert norms["output"] > 0.3 * norms["all"]


def test_the_sum_is_the_gradient_that_training_uses():
    torch.manual_seed(0)
    network = GoogLeNet(num_classes=4, width=1 / 16, dropout=0.0, aux_dropout=0.0).train()
    images, labels = torch.randn(3, 3, 64, 64), torch.tensor([0, 1, 3])
    norms = gradient_norms(network, images, labels)
    assert network.conv1.conv.weight.grad is None
    last, second, first = (torch.nn.functional.cross_entropy(logits, labels) for logits in network(images))
    (last + 0.3 * (first + second)).backward()
    assert float(network.conv1.conv.weight.grad.norm()) == pytest.approx(norms["all"], rel=1e-4)
    assert norms["all"] <= norms["output"] + norms["middle"]


def test_without_auxiliary_classifiers_there_is_nothing_to_compare():
    network = GoogLeNet(num_classes=3, width=1 / 16)
    images, labels = torch.zeros(2, 3, 64, 64), torch.zeros(2, dtype=torch.long)
    with pytest.raises(ValueError, match="without its auxiliary classifiers"):
        gradient_norms(network.eval(), images, labels)
    with pytest.raises(ValueError, match="without its auxiliary classifiers"):
        gradient_norms(GoogLeNet(num_classes=3, width=1 / 16, aux_logits=False), images, labels)


@given(name=st.one_of(st.none(), st.text()).filter(lambda name: name not in INITIALIZATIONS))
def test_unknown_initializations_are_named(name):
    with pytest.raises(ValueError, match="choose one of Gaussian"):
        initialized(torch.nn.Conv2d(1, 1, 1), name)
