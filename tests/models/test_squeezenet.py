"""Fire modules and the sizes of SqueezeNet's maps."""

import torch

from cnncourse.models import Fire, SqueezeNet, activations


def test_a_fire_module_expands_with_both_kernels():
    module = Fire(10, 2, 3)
    maps = torch.randn(1, 10, 7, 7)
    result = module(maps)
    assert result.shape == (1, 6, 7, 7)
    few = module.squeeze(maps).relu()
    torch.testing.assert_close(result[:, :3], module.expand1x1(few).relu())
    torch.testing.assert_close(result[:, 3:], module.expand3x3(few).relu())


def test_maps_shrink_as_in_the_paper_s_table():
    network = SqueezeNet(width=1 / 16).eval()
    seen = activations(network, torch.zeros(1, 3, 227, 227), ["conv1", "pool1", "fire4", "pool4", "fire8", "fire9"])
    assert [value.shape[-1] for value in seen.values()] == [111, 55, 55, 27, 27, 13]


def test_nothing_but_convolutions_has_parameters():
    kinds = {type(module).__name__ for module in SqueezeNet(device="meta").modules() if list(module.parameters(False))}
    assert kinds == {"Conv2d"}
