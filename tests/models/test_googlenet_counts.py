"""The often quoted numbers about GoogLeNet, counted."""

import pytest

from cnncourse.models import GoogLeNet, parameters_of
from cnncourse.models.googlenet_counts import (
    alexnet_head,
    auxiliary_parameters,
    head,
    layers,
    step_to_checkpoint,
    steps_to_checkpoint,
    times_fewer,
    weight_layers,
)


def test_twenty_two_layers_lie_on_the_longest_path_and_fifty_eight_in_the_network():
    assert layers() == 22
    assert layers(longest_path=False) == 58
    assert weight_layers(GoogLeNet(width=1 / 16, variant="checkpoint")) == 22


def test_alexnet_has_not_twelve_times_the_parameters():
    assert round(times_fewer(), 1) == 8.7
    assert round(times_fewer(biases=False), 1) == 8.7
    assert round(times_fewer(auxiliary=True), 1) == 4.6


def test_the_steps_to_the_checkpoint_add_up():
    *steps, end = steps_to_checkpoint().values()
    assert sum(steps) == end == parameters_of("googlenet", aux_logits=False) == 6_624_904
    assert steps[0] == 6_998_552


def test_the_smaller_kernels_make_the_difference():
    assert step_to_checkpoint("3×3 kernels in place of 5×5") == -380_928
    assert step_to_checkpoint("no biases in the convolutions") == -7_280
    assert step_to_checkpoint("batch normalization") == 2 * 7_280


def test_auxiliary_classifiers_are_nearly_as_large_as_the_network():
    assert auxiliary_parameters() == 13_378_280 - 6_998_552 == 6_379_728


def test_a_global_average_saves_a_linear_layer_on_all_places():
    assert head() == 1_025_000
    assert head(pooled=False) == 50_177_000
    assert alexnet_head() == pytest.approx(0.962 * 60_965_224, rel=1e-3)
