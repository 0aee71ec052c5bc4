"""Every number of the lecture and of the literature, counted from the networks themselves."""

import pytest
import torch

from cnncourse.layers.budget import count
from cnncourse.models import NaiveInception, build, parameters
from cnncourse.models.counting import (
    activations_of,
    budget_of,
    multiply_adds_of,
    neurons_of,
    parameters_of,
    share_of,
    ungrouped_parameters_of,
    weights,
)
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
    budget = budget_of("alexnet_two_towers")
    convolutions = sum(row.multiply_adds for row in budget.rows if row.kind == "Conv2d")
    assert convolutions / budget.multiply_adds == pytest.approx(0.919, abs=5e-4)


def test_alexnet_s_neurons_and_vgg_s_memory():
    assert neurons_of("alexnet_two_towers") == 659_272
    assert activations_of("vgg16") == 15_237_608


def test_inception_3a_naive_and_reduced():
    naive, reduced = NaiveInception(192, 64, 128, 32), Inception(192, 64, 96, 128, 16, 32, 32)
    maps = torch.zeros(1, 192, 28, 28)
    assert (weights(naive), weights(reduced)) == (387_072, 163_328)
    assert (naive(maps).shape[1], reduced(maps).shape[1]) == (416, 256)
    work = [count(module, maps.shape).multiply_adds for module in (naive, reduced)]
    assert work == [303_464_448, 128_049_152]


def test_a_network_s_own_size_is_the_default():
    assert budget_of("lenet").rows[0].output == (1, 1, 28, 28)
    assert budget_of("vgg11", 64).rows[0].output == (1, 3, 64, 64)
    assert multiply_adds_of("lenet") == 117_600 + 240_000 + 48_000 + 10_080 + 840


def test_frozen_parameters_are_not_trainable():
    network = build("lenet")
    network.c1.requires_grad_(False)
    assert parameters(network) == 61_706 - 156


def test_alexnet_s_parameters_sit_in_its_linear_layers_and_its_work_in_the_convolutions():
    assert round(share_of("alexnet_two_towers", "parameters", "Linear"), 1) == 96.2
    assert round(share_of("alexnet_two_towers", "multiply_adds", "Conv2d"), 1) == 91.9
    assert share_of("alexnet", "parameters", "Conv2d") + share_of("alexnet", "parameters", "Linear") == 100


def test_two_of_alexnet_s_convolutions_have_more_than_one_per_cent_of_its_parameters():
    shares = [share_of("alexnet_two_towers", "parameters", f"features.{layer}") for layer in (0, 4, 8, 10, 12)]
    assert [round(share, 2) for share in shares] == [0.06, 0.50, 1.45, 1.09, 0.73]


@pytest.mark.parametrize(("cost", "layers"), [("bytes", "Linear"), ("parameters", "Subsampling")])
def test_a_share_of_something_else_is_refused(cost, layers):
    with pytest.raises(ValueError, match=f"cost is '{cost}' and layers '{layers}'; choose parameters"):
        share_of("alexnet", cost, layers)


def test_the_neurons_of_one_layer_are_its_outputs():
    assert neurons_of("alexnet_two_towers", "features.0") == 55 * 55 * 96
    with pytest.raises(ValueError, match=r"no convolution or linear layer 'features\.1'"):
        neurons_of("alexnet_two_towers", "features.1")


def test_towers_halve_the_weights_of_three_convolutions():
    assert ungrouped_parameters_of("alexnet_two_towers") == 62_378_344
    assert ungrouped_parameters_of("alexnet_two_towers", "features.4") == 614_656
    assert ungrouped_parameters_of("alexnet") == parameters_of("alexnet")
