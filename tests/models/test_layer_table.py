"""The table of layers against the counters of the course, the published fields and the wiring of the networks."""

from functools import cache

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cnncourse.layers.receptive_field import published_size
from cnncourse.models import NETWORKS, layer_table
from cnncourse.models.counting import budget_of, multiply_adds_of, parameters_of
from cnncourse.models.layer_table import GROUPS, share_of

table_of = cache(layer_table)


@pytest.mark.parametrize("name", NETWORKS)
def test_nothing_is_lost_or_counted_twice(name):
    table = table_of(name)
    assert table.parameters + table.idle == parameters_of(name)
    assert table.multiply_adds == multiply_adds_of(name)
    assert sum(len(layers) for layers in table.blocks.values()) == len(table.layers)
    assert len({layer.name for layer in table.layers}) == len(table.layers)


@pytest.mark.parametrize("name", NETWORKS)
def test_every_layer_reads_earlier_ones_and_every_output_is_read(name):
    layers = table_of(name).layers
    assert layers[0].reads == ()
    assert all(layer.reads and max(layer.reads) < position for position, layer in enumerate(layers) if position)
    assert {source for layer in layers for source in layer.reads} == set(range(len(layers) - 1))


@pytest.mark.parametrize("name", NETWORKS)
def test_shapes_fit_together(name):
    layers = table_of(name).layers
    for layer in layers:
        read = [layers[source] for source in layer.reads]
        if layer.words.startswith("branches"):
            assert layer.shape[0] == sum(each.shape[0] for each in read)
        if layer.words.startswith("sum"):
            assert {each.shape for each in read} == {layer.shape}


def test_only_the_auxiliary_classifiers_are_idle():
    idle = {name: table_of(name).idle for name in NETWORKS}
    assert {name for name, number in idle.items() if number} == {"googlenet_paper", "googlenet"}
    assert idle["googlenet_paper"] == 13_378_280 - 6_998_552
    assert layer_table("googlenet_paper", aux_logits=False).idle == 0


def test_branches_and_shortcuts_are_those_of_the_blocks():
    table = layer_table("googlenet_paper")
    join = next(layer for layer in table.layers if layer.name == "inception3a, join")
    read = [table.layers[source].name for source in join.reads]
    assert read == [f"inception3a.branch{branch}" for branch in ("1", "2.1", "3.1", "4.1")]
    assert len(table.blocks["inception3a"]) == 8
    residual = layer_table("resnet50")
    block = residual.blocks["layer1.1"]
    before = residual.layers[block[-1].reads[0]]
    assert (before.name, before.block) == ("layer1.0, sum", "layer1.0")  # the shortcut passes the block by
    assert [layer.words[:3] for layer in block] == ["1×1", "3×3", "1×1", "sum"]


def test_a_plain_net_has_the_blocks_and_no_sums():
    plain, residual = layer_table("cifar_plain20"), layer_table("cifar_resnet20")
    assert list(plain.blocks) == list(residual.blocks)
    assert not any(layer.group == "join" for layer in plain.layers)
    assert plain.parameters == residual.parameters


@pytest.mark.parametrize(
    ("network", "published", "layer", "known_as"),
    [
        ("alexnet", "alexnet", "pool5", "pool5"),
        ("vgg16", "vgg16", "pool5", "pool5"),
        ("zfnet", "zfnet", "conv5", "conv5"),
        ("resnet18", "resnet18", "layer4", "layer4.1, sum"),
        ("resnet50", "resnet50", "layer4", "layer4.2, sum"),
    ],
)
def test_fields_are_the_published_ones(network, published, layer, known_as):
    found = next(each for each in table_of(network).layers if each.name == known_as)
    assert found.field == published_size(published, layer)


def test_what_works_in_place_stands_behind_its_layer():
    layers = {layer.name: layer for layer in layer_table("vgg11_bn").layers}
    assert layers["conv1_1"].then == ("batch normalization", "ReLU")
    assert layers["conv1_1"].parameters == 64 * 27 + 64 + 2 * 64
    towers = {layer.name: layer for layer in layer_table("alexnet_two_towers").layers}
    assert towers["conv2"].words == "5×5 convolution in 2 groups"
    assert towers["conv1"].words == "11×11 convolution, stride 4"
    assert towers["conv1"].then == ("ReLU", "local response normalization")


def test_dense_layers_hold_the_parameters_and_convolutions_do_the_work():
    dense = sum(row.parameters for row in budget_of("alexnet_two_towers").rows if row.kind == "Linear")
    share = 100 * dense / parameters_of("alexnet_two_towers")
    assert share_of("alexnet_two_towers", "dense", "parameters") == pytest.approx(share)
    assert share_of("vgg16", "dense", "parameters") == pytest.approx(89.4, abs=0.05)
    assert share_of("vgg16", "convolution", "multiply_adds") == pytest.approx(99.2, abs=0.05)
    assert layer_table("resnet50").share("dense", "parameters") < 0.1


def test_another_size_changes_work_and_maps_but_no_parameters():
    small, native = layer_table("vgg11", 64), layer_table("vgg11")
    assert small.layers[0].shape == (3, 64, 64)
    assert small.parameters == native.parameters
    assert small.multiply_adds == multiply_adds_of("vgg11", 64) < native.multiply_adds


@given(
    name=st.sampled_from(["vgg17", "", "alexnet"]), size=st.one_of(st.integers(-3, 3), st.floats(), st.text(max_size=3))
)
def test_nothing_but_value_errors_escape(name, size):
    with pytest.raises(ValueError, match=r"no network|size is|too small"):
        layer_table(name, size)


@pytest.mark.parametrize(("group", "cost"), [("conv", "parameters"), ("dense", "flops")])
def test_unknown_groups_and_costs_are_named(group, cost):
    with pytest.raises(ValueError, match=f"choose one of {', '.join(GROUPS)}"):
        layer_table("lenet").share(group, cost)
