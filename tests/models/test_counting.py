"""Every number of the lecture and of the literature, counted from the networks themselves."""

import pytest
import torch
from torch import nn

from cnncourse.models import NaiveInception, build, costs, multiply_adds, parameters
from cnncourse.models.counting import activations_of, multiply_adds_of, neurons_of, parameters_of, weights
from cnncourse.models.googlenet import Inception

PARAMETERS = {
    "lenet5": 60_000,
    "lenet": 61_706,
    "alexnet_two_towers": 60_965_224,
    "alexnet": 61_100_840,
    "zfnet": 62_357_608,
    "vgg11": 132_863_336,
    "vgg11_lrn": 132_863_336,
    "vgg13": 133_047_848,
    "vgg16_c": 133_638_952,
    "vgg16": 138_357_544,
    "vgg19": 143_667_240,
    "vgg11_bn": 132_868_840,
    "vgg13_bn": 133_053_736,
    "vgg16_bn": 138_365_992,
    "vgg19_bn": 143_678_248,
    "vgg_small": 289_194,
    "googlenet_paper": 13_378_280,
    "googlenet": 13_004_888,
    "squeezenet1_0": 1_248_424,
    "resnet18": 11_689_512,
    "resnet34": 21_797_672,
    "resnet50": 25_557_032,
    "resnet50_original": 25_557_032,
    "resnet101": 44_549_160,
    "resnet152": 60_192_808,
    "cifar_resnet20": 269_722,
    "cifar_resnet32": 464_154,
    "cifar_resnet44": 658_586,
    "cifar_resnet56": 853_018,
    "cifar_resnet110": 1_727_962,
    "cifar_plain20": 269_722,
}
# In millions of multiply-adds at the native size, rounded as the literature does.
MULTIPLY_ADDS = {
    "alexnet_two_towers": 724,
    "alexnet": 714,
    "vgg11": 7_609,
    "vgg13": 11_308,
    "vgg16_c": 11_771,
    "vgg16": 15_470,
    "vgg19": 19_632,
    "googlenet": 1_498,
    "resnet18": 1_814,
    "resnet34": 3_664,
    "resnet50": 4_089,
    "resnet50_original": 3_858,
    "resnet101": 7_801,
    "resnet101_original": 7_570,
    "resnet152": 11_514,
    "resnet152_original": 11_282,
    "cifar_resnet20": 41,
}


@pytest.mark.parametrize(("name", "expected"), PARAMETERS.items())
def test_parameters(name, expected):
    assert parameters_of(name) == expected


@pytest.mark.parametrize(("name", "expected"), MULTIPLY_ADDS.items())
def test_multiply_adds(name, expected):
    assert round(multiply_adds_of(name) / 1e6) == expected


def test_googlenet_without_its_auxiliary_classifiers():
    assert parameters_of("googlenet_paper", aux_logits=False) == 6_998_552
    assert parameters_of("googlenet", aux_logits=False) == 6_624_904
    assert parameters_of("googlenet_paper", "aux1") + parameters_of("googlenet_paper", "aux2") == 6_379_728
    assert weights(build("googlenet_paper", aux_logits=False, device="meta")) == 6_990_272


def test_the_dense_layers_hold_most_of_vgg_and_alexnet():
    for name in ("vgg11", "vgg13", "vgg16_c", "vgg16", "vgg19"):
        assert parameters_of(name, "classifier") == 123_642_856
    share = parameters_of("alexnet_two_towers", "classifier") / parameters_of("alexnet_two_towers")
    assert share == pytest.approx(0.962, abs=5e-4)


def test_the_convolutions_do_most_of_alexnet_s_work():
    network = build("alexnet_two_towers", device="meta")
    table = costs(network, (3, 227, 227))
    convolutions = sum(cost.multiply_adds for cost in table if cost.kind == "Conv2d")
    assert convolutions / sum(cost.multiply_adds for cost in table) == pytest.approx(0.919, abs=5e-4)


def test_alexnet_s_neurons_and_vgg_s_memory():
    assert neurons_of("alexnet_two_towers") == 659_272
    assert activations_of("vgg16") == 15_237_608


def test_inception_3a_naive_and_reduced():
    naive, reduced = NaiveInception(192, 64, 128, 32), Inception(192, 64, 96, 128, 16, 32, 32)
    maps = torch.zeros(1, 192, 28, 28)
    assert (weights(naive), weights(reduced)) == (387_072, 163_328)
    assert (naive(maps).shape[1], reduced(maps).shape[1]) == (416, 256)
    assert (multiply_adds(naive, (192, 28, 28)), multiply_adds(reduced, (192, 28, 28))) == (303_464_448, 128_049_152)


def test_a_table_has_one_row_for_each_layer_in_the_order_in_which_they_run():
    table = costs(build("lenet"), (1, 28, 28))
    assert [
        (cost.name, cost.output_shape, cost.parameters, cost.multiply_adds) for cost in table if cost.parameters
    ] == [
        ("c1", (6, 28, 28), 156, 117_600),
        ("c3", (16, 10, 10), 2_416, 240_000),
        ("c5", (120,), 48_120, 48_000),
        ("f6", (84,), 10_164, 10_080),
        ("output", (10,), 850, 840),
    ]
    assert table[0].values == 6 * 28 * 28


def test_groups_divide_the_work():
    for groups in (1, 2, 4):
        layer = nn.Conv2d(8, 16, 3, padding=1, groups=groups)
        assert multiply_adds(layer, (8, 5, 5)) == 5 * 5 * 16 * (8 // groups) * 9


def test_counting_leaves_a_network_as_it_was():
    network = build("googlenet", width=1 / 16).train()
    costs(network, (3, 64, 64))
    assert network.training
    assert not any(module._forward_hooks for module in network.modules())
    frozen = build("lenet")
    frozen.c1.requires_grad_(False)
    assert parameters(frozen) == 61_706 - 156
