"""AlexNet's towers, its normalization against the paper's formula, and sizes from layer to layer."""

import contextlib

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from cnncourse.models import AlexNet, ZFNet, activations
from cnncourse.models.alexnet import local_response_normalization, response_normalization


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


@pytest.mark.parametrize("size", [1, 3, 5, 9, 31])
@given(channels=st.integers(1, 12), alpha=st.floats(0, 2), k=st.floats(0.1, 3), beta=st.floats(-1, 2))
def test_normalization_written_out_is_torch_s_with_alpha_times_the_size(size, channels, alpha, k, beta):
    maps = torch.randn(2, channels, 3, 2, dtype=torch.float64) * 3
    library = torch.nn.LocalResponseNorm(size, alpha=alpha * size, beta=beta, k=k)
    torch.testing.assert_close(local_response_normalization(maps, size, alpha, beta, k), library(maps))


def test_normalization_s_constants_are_the_paper_s():
    maps = torch.randn(1, 9, 2, 2) * 50
    torch.testing.assert_close(local_response_normalization(maps), response_normalization()(maps))


def test_normalization_looks_across_maps_and_not_across_space():
    maps = torch.randn(1, 9, 3, 3, dtype=torch.float64, requires_grad=True)
    (gradient,) = torch.autograd.grad(local_response_normalization(maps, 3, alpha=1.0)[0, 4, 1, 1], maps)
    seen = gradient[0].nonzero().tolist()
    assert seen == [[3, 1, 1], [4, 1, 1], [5, 1, 1]]


def test_loud_neighbours_make_a_map_quieter():
    maps = torch.zeros(1, 5, 1, 1)
    maps[0, 2] = 10.0
    alone = local_response_normalization(maps, alpha=0.1)[0, 2].item()
    maps[0, 1] = 100.0
    assert local_response_normalization(maps, alpha=0.1)[0, 2].item() < alone / 5


@given(
    maps=st.one_of(st.none(), st.just(torch.ones(3)), st.just(torch.ones(1, 2, 1, 1))),
    numbers=st.lists(st.one_of(st.none(), st.text(), st.floats(), st.integers(-3, 9)), min_size=4, max_size=4),
)
def test_normalization_lets_nothing_but_clear_errors_escape(maps, numbers):
    with contextlib.suppress(ValueError, TypeError):
        assert local_response_normalization(maps, *numbers).shape == maps.shape


def test_whole_numbers_are_not_normalized():
    with pytest.raises(TypeError, match=r"maps are torch\.int64; convert them"):
        local_response_normalization(torch.ones(1, 2, 3, 3, dtype=torch.int64))
