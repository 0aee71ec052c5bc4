"""What Inception modules cost: the numbers of the lecture, and the module between naive and reduced."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from cnncourse.models import Inception, NaiveInception, parameters
from cnncourse.models.googlenet import MODULES
from cnncourse.models.inception import (
    MixedInception,
    Widths,
    cost,
    googlenet_modules,
    of_module,
    of_modules,
    place,
    single,
    stacked,
)

WIDTHS = Widths(3, 2, 4, 1, 5, 6)


def same_weights(module, other):
    """Give `other` the weights of `module`, layer by layer."""
    other.load_state_dict(dict(zip(other.state_dict(), module.state_dict().values(), strict=True)))
    return other


def test_the_module_of_the_lecture_counted_both_ways():
    naive, reduced = (cost(192, 28, row) for row in (Widths(*MODULES["3a"]).naive, MODULES["3a"]))
    assert (naive.weights, naive.channels) == (387_072, 416)
    assert (reduced.weights, reduced.channels) == (163_328, 256)
    assert (naive.multiply_adds // 10**6, reduced.multiply_adds // 10**6) == (303, 128)
    assert (naive.biases, reduced.biases) == (64 + 128 + 32, 64 + 96 + 128 + 16 + 32 + 32)


def test_with_all_reductions_it_is_the_published_module():
    maps = torch.randn(2, 7, 6, 5)
    mixed = MixedInception(7, WIDTHS)
    torch.testing.assert_close(same_weights(mixed, Inception(7, *WIDTHS))(maps), mixed(maps))


def test_without_any_it_is_the_naive_module():
    maps = torch.randn(2, 7, 6, 5)
    mixed = MixedInception(7, WIDTHS.naive)
    torch.testing.assert_close(same_weights(mixed, NaiveInception(7, 3, 4, 5))(maps), mixed(maps))


@given(
    widths=st.tuples(*(st.integers(low, 6) for low in (1, 0, 1, 0, 1, 0))),
    in_channels=st.integers(1, 9),
    size=st.integers(1, 8),
)
def test_the_formula_agrees_with_the_count(widths, in_channels, size):
    one, reduced3, three, reduced5, five, projected = widths
    weights = in_channels * one
    for reduced, filters, kernel_size in ((reduced3, three, 3), (reduced5, five, 5)):
        weights += in_channels * reduced + (reduced or in_channels) * filters * kernel_size**2
    weights += in_channels * projected
    found = cost(in_channels, size, widths)
    assert found.weights == weights
    assert found.biases == sum(widths)
    assert found.multiply_adds == weights * size**2
    assert found.channels == one + three + five + (projected or in_channels)
    assert found.parameters == parameters(MixedInception(in_channels, widths))


def test_places_are_those_of_the_paper_s_table():
    assert place("3a") == (192, 28)
    assert place("4e") == (528, 14)
    assert place("5b") == (832, 7)


def test_googlenet_s_modules_count_as_the_network_does():
    reduced = googlenet_modules()
    assert [one.channels for one in reduced.values()] == [256, 480, 512, 512, 512, 528, 832, 832, 1024]
    assert of_modules("channels") == 1024
    assert of_module("3a", "parameters") == reduced["3a"].parameters


def test_naive_modules_never_forget_a_channel():
    naive = googlenet_modules(naive=True)
    filters = sum(row[0] + row[2] + row[4] for row in MODULES.values())
    assert of_modules("channels", naive=True) == 192 + filters
    assert of_modules("multiply_adds", naive=True) == sum(one.multiply_adds for one in naive.values())


def test_a_stack_of_naive_modules_grows_and_a_stack_of_reduced_ones_does_not():
    naive = [one.channels for one in stacked(192, 28, Widths(*MODULES["3a"]).naive, 4)]
    assert naive == [416, 640, 864, 1088]
    assert [one.channels for one in stacked(192, 28, MODULES["3a"], 3)] == [256] * 3


def test_a_single_layer_is_counted_as_a_convolution():
    assert single(192, 28, 256, 5) == (192 * 256 * 25, 256, 192 * 256 * 25 * 28 * 28, 256)
    assert single(3, 4, 5, 1).multiply_adds == 3 * 5 * 16


@given(value=st.one_of(st.none(), st.floats(), st.text(), st.booleans(), st.integers(max_value=-1)))
def test_nothing_but_value_errors_escape(value):
    for wrong in (
        lambda: cost(value, 4, WIDTHS),
        lambda: cost(4, value, WIDTHS),
        lambda: cost(4, 4, WIDTHS._replace(ch3x3red=value)),
        lambda: cost(4, 4, value),
        lambda: stacked(4, 4, WIDTHS, value),
        lambda: single(4, 4, value, 3),
        lambda: place(value),
    ):
        with pytest.raises(ValueError, match=r"is|there"):
            wrong()


def test_each_branch_but_its_reduction_is_needed():
    for name in ("ch1x1", "ch3x3", "ch5x5"):
        with pytest.raises(ValueError, match=f"{name} is 0"):
            cost(4, 4, WIDTHS._replace(**{name: 0}))
