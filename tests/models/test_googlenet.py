"""GoogLeNet's modules, its two variants, and its auxiliary classifiers."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from cnncourse.models import GoogLeNet, GoogLeNetOutputs, Inception, NaiveInception, activations
from cnncourse.models.googlenet import MODULES
from cnncourse.workbench import normalise


def narrow(**options):
    torch.manual_seed(0)
    return GoogLeNet(num_classes=7, width=1 / 16, **options)


def test_a_module_joins_its_branches():
    module = Inception(6, 1, 2, 3, 4, 5, 7)
    maps = torch.randn(2, 6, 9, 8)
    result = module(maps)
    assert result.shape == (2, 1 + 3 + 5 + 7, 9, 8)
    torch.testing.assert_close(result[:, 1:4], module.branch2(maps))
    assert (result >= 0).all()


def test_the_third_branch_sees_five_pixels_as_published_and_three_in_the_checkpoint():
    for variant, reach in (("paper", 2), ("checkpoint", 1)):
        branch = narrow(variant=variant).eval().inception3a.branch3
        for layer in branch:
            torch.nn.init.ones_(layer.conv.weight)  # no unit may be silent
        maps = torch.rand(1, branch[0].conv.in_channels, 11, 11, requires_grad=True)
        branch(maps)[0, :, 5, 5].sum().backward()
        rows = (maps.grad[0].abs().sum(dim=(0, 2)) > 0).nonzero().flatten()
        assert (int(rows.min()), int(rows.max())) == (5 - reach, 5 + reach)


def test_the_naive_module_can_only_grow():
    assert NaiveInception(8, 1, 1, 1)(torch.zeros(1, 8, 5, 5)).shape == (1, 11, 5, 5)


def test_there_are_twenty_two_layers_with_parameters_on_the_longest_path():
    longest = 3 + 2 * len(MODULES) + 1  # three before the modules, two in each, one behind them
    assert longest == 22


def test_maps_shrink_as_in_the_paper_s_table():
    names = ["pool1", "pool2", "inception3b", "inception4e", "inception5b"]
    seen = activations(narrow().eval(), torch.zeros(1, 3, 224, 224), names)
    assert [value.shape[-1] for value in seen.values()] == [56, 28, 28, 14, 7]


def test_auxiliary_classifiers_speak_in_training_only():
    network = narrow()
    images = torch.randn(2, 3, 224, 224)
    outputs = network(images)
    assert isinstance(outputs, GoogLeNetOutputs)
    assert [tuple(logits.shape) for logits in outputs] == [(2, 7)] * 3
    assert isinstance(network.eval()(images), torch.Tensor)
    assert isinstance(narrow(aux_logits=False)(images), torch.Tensor)


def test_the_checkpoint_s_normalization_is_that_of_inception():
    picture = torch.rand(1, 3, 64, 64)
    network = narrow(variant="checkpoint", transform_input=True).eval()
    plain = narrow(variant="checkpoint").eval()
    torch.testing.assert_close(network(normalise(picture)), plain(2 * picture - 1))


def test_unknown_variants_and_channels_are_named():
    with pytest.raises(ValueError, match="variant is 'v2'"):
        GoogLeNet(variant="v2")


@given(value=st.one_of(st.none(), st.floats(), st.text(), st.booleans(), st.integers(-3, 0)))
def test_nothing_but_value_errors_escape(value):
    with pytest.raises(ValueError, match="channels is"):
        Inception(6, 1, 2, value, 4, 5, 7)
    with pytest.raises(ValueError, match="channels is"):
        NaiveInception(6, value, 1, 1)
