"""VGG's table, its places, and its small version."""

import pytest
import torch
from torch import nn

from cnncourse.models import VGG, vgg_small
from cnncourse.models.vgg import CONFIGURATIONS


def weight_layers(network):
    return sum(isinstance(module, nn.Conv2d | nn.Linear) for module in network.modules())


def test_the_columns_have_the_paper_s_numbers_of_weight_layers():
    columns = ("A", "A-LRN", "B", "C", "D", "E")
    assert [weight_layers(VGG(column, device="meta")) for column in columns] == [11, 11, 13, 16, 16, 19]


def test_only_column_c_has_1x1_kernels_and_only_a_lrn_normalizes():
    for column in CONFIGURATIONS:
        network = VGG(column, device="meta")
        kernels = {module.kernel_size for module in network.modules() if isinstance(module, nn.Conv2d)}
        assert ((1, 1) in kernels) == (column == "C")
        assert any(isinstance(module, nn.LocalResponseNorm) for module in network.modules()) == (column == "A-LRN")


def test_every_convolution_keeps_the_size_and_every_pooling_halves_it():
    network = VGG("D", width=1 / 64).eval()
    maps = torch.zeros(1, 3, 224, 224)
    for layer in network.features:
        before, maps = maps.shape[-1], layer(maps)
        assert maps.shape[-1] == (before // 2 if isinstance(layer, nn.MaxPool2d) else before)
    assert maps.shape[-2:] == (7, 7)


def test_blocks_are_written_as_in_the_paper_s_table():
    assert VGG("A-LRN", device="meta").blocks[:2] == [["conv3-64", "LRN"], ["conv3-128"]]
    assert VGG("C", device="meta").blocks[2] == ["conv3-256", "conv3-256", "conv1-256"]
    assert [len(block) for block in VGG("E", batch_norm=True, device="meta").blocks] == [2, 2, 4, 4, 4]


def test_places_are_named_by_block_and_layer():
    places = VGG("D", device="meta").places
    assert places["conv1_1"] == "features.0"
    assert places["relu5_3"] == "features.29"
    assert places["pool5"] == "features.30"
    assert [places[f"fc{number}"] for number in (6, 7, 8)] == ["classifier.0", "classifier.3", "classifier.6"]


def test_batch_normalization_follows_each_convolution():
    network = VGG("A", batch_norm=True, device="meta")
    kinds = [type(module) for module in network.features]
    assert all(kinds[index + 1] is nn.BatchNorm2d for index, kind in enumerate(kinds) if kind is nn.Conv2d)


def test_the_small_one_has_six_convolutions_and_one_linear_layer():
    network = vgg_small()
    assert weight_layers(network) == 7
    assert network(torch.zeros(2, 3, 32, 32)).shape == (2, 10)
    assert vgg_small(num_classes=3, in_channels=1)(torch.zeros(2, 1, 8, 8)).shape == (2, 3)


def test_an_unknown_column_lists_the_known_ones():
    with pytest.raises(ValueError, match="no configuration 'F'; choose one of A, A-LRN"):
        VGG("F")
