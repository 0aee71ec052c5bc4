"""Stacks against torch's own layers, and against the one layer that sees as much."""

from contextlib import suppress

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from cnncourse.layers import measured_receptive_field
from cnncourse.layers.budget import count
from cnncourse.models.stacks import StackCosts, one_layer, stack_costs

stacks = st.lists(st.tuples(st.sampled_from([1, 3, 5, 7]), st.integers(1, 3)), min_size=1, max_size=4)


def network(layers, channels):
    made = [
        nn.Conv2d(channels, channels, kernel, stride, kernel // 2, bias=False, device="meta")
        for kernel, stride in layers
    ]
    return nn.Sequential(*made)


@given(stacks, st.integers(1, 5), st.integers(1, 40))
def test_weights_and_work_are_torch_s(layers, channels, size):
    budget = count(network(layers, channels), (1, channels, size, size))
    costs = stack_costs(layers, channels, size)
    assert (costs.weights, costs.multiply_adds) == (budget.parameters, budget.multiply_adds)
    assert costs.relus == len(layers)


@pytest.mark.parametrize("layers", [[(3, 1), (3, 1)], [(3, 1)] * 3, [(3, 2), (3, 1)], [(5, 1), (1, 2), (3, 1)]])
def test_the_field_is_what_the_gradient_reaches(layers):
    chain = nn.Sequential(*(nn.Conv2d(1, 1, kernel, stride, kernel // 2) for kernel, stride in layers))
    assert measured_receptive_field(chain, (1, 41, 41)).size == stack_costs(layers).field


@given(stacks, st.integers(1, 60))
def test_the_one_layer_sees_as_much_and_answers_at_the_same_places(layers, size):
    stack, single = stack_costs(layers, 2, size), one_layer(layers, 2, size)
    assert (single.field, single.step, single.relus) == (stack.field, stack.step, 1)
    maps = torch.empty(1, 2, size, size, device="meta")
    assert network(layers, 2)(maps).shape == network([(single.field, single.step)], 2)(maps).shape


def test_the_lecture_s_example():
    assert stack_costs([(3, 1)] * 3, 1, 1) == StackCosts(7, 1, 27, 27, 3)
    assert one_layer([(3, 1)] * 3, 1, 1).weights == 49


def test_even_kernels_and_empty_stacks_are_refused():
    with pytest.raises(ValueError, match="a kernel of 4 has no middle"):
        stack_costs([(4, 1)])
    with pytest.raises(ValueError, match="at least one layer"):
        stack_costs([])


things = st.one_of(st.none(), st.booleans(), st.integers(-2, 3), st.floats(), st.text(max_size=2))


@given(st.one_of(things, st.lists(st.one_of(things, st.lists(things, max_size=3)), max_size=3)), things, things)
def test_nothing_but_value_and_type_errors_escape(layers, channels, size):
    for function in (stack_costs, one_layer):
        with suppress(ValueError, TypeError):
            function(layers, channels, size)
