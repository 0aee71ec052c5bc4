"""Paths through a network: counted by hand on small ones, against the papers' depths on large ones."""

import math

import pytest
import torch
from torch import nn

from cnncourse.models import cifar_resnet, resnet
from cnncourse.models.paths import (
    billions_of_multiply_adds,
    longest_path,
    number_of_paths,
    path_lengths,
    path_lengths_of,
    shortest_path,
)

IMAGE = torch.zeros(1, 3, 8, 8)


class Skip(nn.Module):
    """x + F(x)."""

    def __init__(self, *layers):
        super().__init__()
        self.layers = nn.Sequential(*layers)

    def forward(self, x):
        return x + self.layers(x)


def test_a_chain_has_one_path():
    chain = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(144, 5), nn.Linear(5, 2, bias=False))
    assert path_lengths(chain, IMAGE) == {3: 1}


def test_skips_within_skips_are_counted():
    inner = Skip(nn.Conv2d(3, 3, 1))
    assert path_lengths(Skip(nn.Conv2d(3, 3, 1), inner, nn.Conv2d(3, 3, 1)), IMAGE) == {0: 1, 2: 1, 3: 1}


@pytest.mark.parametrize("depth", [8, 20, 56])
def test_blocks_of_two_layers_give_binomial_numbers_of_paths(depth):
    blocks = 3 * (depth // 6)
    found = path_lengths(cifar_resnet(depth, width=0.25).eval(), IMAGE)
    assert found == {2 + 2 * taken: math.comb(blocks, taken) for taken in range(blocks + 1)}


def test_a_plain_network_has_one_path():
    assert path_lengths(cifar_resnet(20, width=0.25, residual=False).eval(), IMAGE) == {20: 1}


@pytest.mark.parametrize(
    ("name", "depth"), [("alexnet", 8), ("vgg19", 19), ("googlenet_paper", 22), ("resnet152", 152)]
)
def test_the_longest_path_is_the_depth_that_the_paper_states(name, depth):
    assert longest_path(name) == depth


def test_every_block_doubles_the_number_of_paths():
    assert number_of_paths("resnet50") == 2**16
    assert number_of_paths("resnet152") == 2**50
    assert shortest_path("resnet152") == 1 + 4 + 1  # the first layer, four projections, the linear layer
    assert set(path_lengths_of("alexnet")) == {8}


def test_the_papers_billions():
    assert billions_of_multiply_adds("resnet50_original") == 3.86
    assert billions_of_multiply_adds("resnet50") == 4.09


def test_counting_leaves_the_network_as_it_was():
    network = resnet(18, 10, width=1 / 16).eval()
    path_lengths(network, torch.zeros(1, 3, 32, 32))
    assert all(parameter.grad is None for parameter in network.parameters())


def test_an_output_that_does_not_depend_on_the_image_has_no_path():
    class Constant(nn.Module):
        def __init__(self):
            super().__init__()
            self.bias = nn.Parameter(torch.zeros(2))

        def forward(self, _images):
            return self.bias * 2

    with pytest.raises(ValueError, match="no path"):
        path_lengths(Constant(), IMAGE)
    with pytest.raises(ValueError, match="image has shape"):
        path_lengths(Constant(), IMAGE[0])
