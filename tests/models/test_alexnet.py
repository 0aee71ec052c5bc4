"""AlexNet's towers, its normalization against the paper's formula, and sizes from layer to layer."""

import pytest
import torch

from cnncourse.models import AlexNet, ZFNet, activations
from cnncourse.models.alexnet import response_normalization


def narrow(kind=AlexNet, **options):
    torch.manual_seed(0)
    return kind(width=1 / 16, **options).eval()


def test_normalization_is_the_paper_s_formula():
    maps = torch.randn(2, 12, 3, 3) * 20
    result = response_normalization()(maps)
    for channel in range(12):
        neighbours = maps[:, max(0, channel - 2) : channel + 3]
        expected = maps[:, channel] / (2 + 1e-4 * neighbours.square().sum(dim=1)) ** 0.75
        torch.testing.assert_close(result[:, channel], expected)


def test_the_second_layer_s_towers_do_not_see_each_other():
    network = narrow()
    first, second = network.features[0].out_channels, network.features[4]
    maps = torch.randn(1, first, 27, 27, requires_grad=True)
    second(maps)[:, : second.out_channels // 2].sum().backward()
    assert maps.grad[:, : first // 2].abs().sum() > 0
    assert maps.grad[:, first // 2 :].abs().sum() == 0


def test_the_third_layer_sees_both_towers():
    assert [layer.groups for layer in AlexNet(device="meta").features if hasattr(layer, "groups")] == [1, 2, 1, 2, 2]


@pytest.mark.parametrize(
    ("network", "size", "sides"),
    [
        (narrow(), 227, [55, 27, 13, 6]),
        (narrow(towers=1), 224, [55, 27, 13, 6]),
        (narrow(ZFNet), 224, [110, 26, 13, 6]),
    ],
)
def test_the_maps_shrink_as_in_the_paper(network, size, sides):
    seen = activations(network, torch.zeros(1, 3, size, size), ["conv1", "conv2", "conv5", "pool5"])
    assert [value.shape[-1] for value in seen.values()] == sides


def test_pooling_windows_overlap():
    pools = [layer for layer in AlexNet(device="meta").features if isinstance(layer, torch.nn.MaxPool2d)]
    assert [(pool.kernel_size, pool.stride) for pool in pools] == [(3, 2)] * 3


def test_biases_start_as_the_paper_says():
    network = narrow()
    starts = [network.features[index].bias.unique().item() for index in (0, 4, 8, 10, 12)]
    assert starts == [0, 1, 0, 1, 1]
    assert [network.classifier[index].bias.unique().item() for index in (0, 3, 6)] == [1, 1, 1]


def test_dropout_is_silent_in_evaluation_and_loud_in_training():
    network = narrow()
    images = torch.randn(1, 3, 227, 227)
    assert torch.equal(network(images), network(images))
    network.train()
    assert not torch.equal(network(images), network(images))


def test_there_are_one_or_two_towers():
    with pytest.raises(ValueError, match="towers is 3"):
        AlexNet(towers=3)
