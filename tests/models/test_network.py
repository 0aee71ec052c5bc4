"""Looking inside leaves no trace, and the smallest input is the one that a search finds."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from cnncourse.models import activations, build
from cnncourse.models.network import scaled, smallest_input


def test_the_places_of_the_paper_are_the_modules_of_the_network():
    network = build("alexnet_two_towers", width=1 / 16).eval()
    images = torch.randn(1, 3, 227, 227)
    seen = activations(network, images, ["conv1", "norm1", "pool5", "fc8"])
    assert [tuple(value.shape) for value in seen.values()] == [(1, 6, 55, 55), (1, 6, 55, 55), (1, 16, 6, 6), (1, 1000)]
    torch.testing.assert_close(seen["fc8"], network(images))
    assert (seen["conv1"] < 0).any()  # before the ReLU, and not overwritten by it


def test_no_hook_is_left_behind_even_after_an_error():
    network = build("vgg_small")
    with pytest.raises(ValueError, match=r"no place 'conv9_9'; choose one of conv1_1"):
        activations(network, torch.randn(1, 3, 32, 32), ["conv1_1", "conv9_9"])
    with pytest.raises(ValueError, match="images"):
        activations(network, torch.randn(1, 1, 32, 32), ["conv1_1"])
    assert not any(module._forward_hooks for module in network.modules())


def test_gradients_flow_through_what_was_seen():
    network = build("vgg_small").eval()
    images = torch.randn(1, 3, 32, 32, requires_grad=True)
    activations(network, images, ["conv3_2"])["conv3_2"].sum().backward()
    assert images.grad.abs().sum() > 0


LAYER = st.tuples(st.booleans(), st.integers(1, 5), st.integers(1, 3), st.integers(0, 2), st.booleans())


@given(layers=st.lists(LAYER, max_size=5))
def test_the_smallest_input_matches_a_search(layers):
    chain = []
    for pooling, kernel_size, stride, padding, ceil_mode in layers:
        if pooling:
            chain.append(nn.MaxPool2d(kernel_size, stride, min(padding, kernel_size // 2), ceil_mode=ceil_mode))
        else:
            chain.append(nn.Conv2d(1, 1, kernel_size, stride, padding, device="meta"))
    assert smallest_input(chain) == next(side for side in range(1, 2000) if survives(chain, side))


def survives(chain, side):
    maps = torch.zeros(1, 1, side, side, device="meta")
    try:
        for layer in chain:
            maps = layer(maps)
    except RuntimeError:
        return False
    return maps.numel() > 0


@given(value=st.one_of(st.none(), st.text(), st.booleans(), st.just(0), st.just(-1.0), st.just(float("nan"))))
def test_widths_that_are_no_positive_numbers_are_named(value):
    with pytest.raises(ValueError, match="width is"):
        scaled(64, value)


def test_at_least_one_channel_is_left():
    assert scaled(64, 1 / 1000) == 1
    assert scaled(64, 0.5) == 32
