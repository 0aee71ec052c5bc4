"""Residual blocks against their formula, the two places of the stride, and the shortcut without parameters."""

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st

from cnncourse.models import BasicBlock, Bottleneck, cifar_resnet, parameters, resnet
from cnncourse.models.counting import weights
from cnncourse.models.resnet import PaddedShortcut, ResNet, block_weights


@pytest.mark.parametrize("block", [BasicBlock, Bottleneck])
def test_a_block_whose_last_normalization_is_zero_passes_its_input_through(block):
    layer = block(8 * block.expansion, 8)
    last = layer.bn2 if block is BasicBlock else layer.bn3
    torch.nn.init.zeros_(last.weight)
    maps = torch.rand(2, 8 * block.expansion, 6, 6)
    torch.testing.assert_close(layer(maps), maps)


@pytest.mark.parametrize("block", [BasicBlock, Bottleneck])
def test_the_plain_block_computes_the_change_alone(block):
    torch.manual_seed(0)
    layer, plain = block(8 * block.expansion, 8).eval(), block(8 * block.expansion, 8, residual=False).eval()
    plain.load_state_dict(layer.state_dict())
    maps = torch.rand(1, 8 * block.expansion, 6, 6)
    change = []
    last = layer.bn2 if block is BasicBlock else layer.bn3
    last.register_forward_hook(lambda _module, _inputs, output: change.append(output))
    torch.testing.assert_close(layer(maps), F.relu(change[0] + maps))
    torch.testing.assert_close(plain(maps), F.relu(change[0]))


@given(channels=st.integers(1, 5), more=st.integers(0, 6), stride=st.integers(1, 3), size=st.integers(1, 9))
def test_the_padded_shortcut_keeps_every_stride_th_pixel_and_adds_empty_maps(channels, more, stride, size):
    maps = torch.rand(1, channels, size, size) + 1
    result = PaddedShortcut(channels, channels + more, stride)(maps)
    convolved = F.conv2d(maps, torch.eye(channels)[:, :, None, None], stride=stride)
    before = more // 2
    torch.testing.assert_close(result[:, before : before + channels], convolved)
    assert result.sum() == pytest.approx(float(convolved.sum()), rel=1e-5)
    assert result.shape[1] == channels + more


def test_the_stride_stands_where_it_was_asked_for():
    for place, strides in (("3×3", [(1, 1), (2, 2)]), ("1×1", [(2, 2), (1, 1)])):
        block = resnet(50, stride_in=place, device="meta").layer2[0]
        assert [block.conv1.stride, block.conv2.stride] == strides


def test_the_depth_counts_the_layers_with_weights():
    for depth in (18, 34, 50, 101, 152):
        assert longest_path(resnet(depth, device="meta")) == depth
    for depth in (20, 32, 44, 56, 110):
        assert longest_path(cifar_resnet(depth, device="meta")) == depth


def longest_path(network):
    names = [name for name, module in network.named_modules() if isinstance(module, torch.nn.Conv2d | torch.nn.Linear)]
    return sum("downsample" not in name for name in names)


def test_a_plain_net_has_as_many_parameters_as_the_residual_one():
    assert parameters(cifar_resnet(56)) == parameters(cifar_resnet(56, residual=False))


def test_projections_cost_parameters_and_padding_does_not():
    assert parameters(cifar_resnet(20, shortcut="B")) - parameters(cifar_resnet(20)) == 16 * 32 + 32 * 64 + 2 * (
        32 + 64
    )


def test_stages_halve_the_maps():
    network = resnet(18, width=1 / 16).eval()
    maps = network.maxpool(network.relu(network.bn1(network.conv1(torch.zeros(1, 3, 224, 224)))))
    sides = [maps.shape[-1]]
    for stage in range(1, 5):
        maps = getattr(network, f"layer{stage}")(maps)
        sides.append(maps.shape[-1])
    assert sides == [56, 56, 28, 14, 7]


@pytest.mark.parametrize(
    ("build", "words"),
    [
        (lambda: resnet(19), "depth is 19; choose one of 18, 34, 50"),
        (lambda: resnet("50"), "depth is '50'"),
        (lambda: cifar_resnet(21), "depth is 21; it must be 6n"),
        (lambda: cifar_resnet(2.0), "depth is 2.0"),
        (lambda: Bottleneck(4, 1, stride_in="7×7"), "stride_in is '7×7'"),
        (lambda: BasicBlock(4, 4, shortcut="C"), "shortcut is 'C'"),
        (lambda: ResNet("basic", (1,), stem="tiny"), "stem is 'tiny'"),
        (lambda: ResNet("dense", (1,)), "block is 'dense'"),
    ],
)
def test_what_does_not_exist_is_named(build, words):
    with pytest.raises(ValueError, match=words):
        build()


@given(channels=st.integers(1, 8))
def test_the_weights_of_a_block_are_those_of_its_layers(channels):
    assert block_weights("basic", channels, channels) == weights(BasicBlock(channels, channels, device="meta"))
    bottleneck = Bottleneck(4 * channels, channels, device="meta")
    assert block_weights("bottleneck", 4 * channels, channels) == weights(bottleneck)


@pytest.mark.parametrize("arguments", [("dense", 4, 4), ("basic", 0, 4), ("basic", 4, 1.5), (None, 4, 4)])
def test_a_block_that_does_not_exist_has_no_weights(arguments):
    with pytest.raises(ValueError, match="is"):
        block_weights(*arguments)
