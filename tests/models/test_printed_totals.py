"""What a printed total can stand for, against counting every case."""

import itertools
from contextlib import suppress

from hypothesis import given
from hypothesis import strategies as st

from cnncourse.models.counting import activations_of
from cnncourse.models.printed_totals import (
    MEBIBYTE,
    MEGABYTE,
    floats_behind,
    share_of_doublings,
    volumes_of,
    ways,
)


@given(st.integers(1, 2000), st.sampled_from([MEGABYTE, MEBIBYTE]))
def test_the_bounds_are_the_first_and_last_that_round_to_the_printed_number(printed, unit):
    low, high = floats_behind(printed, unit)
    assert (printed - 0.5) * unit <= low * 4 < (printed + 0.5) * unit
    assert (printed - 0.5) * unit <= high * 4 < (printed + 0.5) * unit
    assert (low - 1) * 4 < (printed - 0.5) * unit
    assert (high + 1) * 4 >= (printed + 0.5) * unit


@given(st.lists(st.integers(0, 9), max_size=6), st.integers(0, 40), st.integers(0, 60))
def test_ways_are_those_that_one_finds_by_trying(values, low, high):
    tried = sum(
        low <= sum(times * value for times, value in zip(choice, values, strict=True)) <= high
        for choice in itertools.product((1, 2), repeat=len(values))
    )
    assert ways(values, low, high) == tried


def test_vgg16_s_volumes_add_up_to_its_activations():
    volumes = volumes_of("vgg16")
    assert len(volumes) == 22
    assert sum(volumes) == activations_of("vgg16") == 15_237_608


def test_the_famous_total_is_24_million_only_in_mebibytes():
    assert [round(bound / 1e6) for bound in floats_behind(93)] == [24, 25]
    assert [round(bound / 1e6) for bound in floats_behind(93, MEGABYTE)] == [23, 23]


def test_many_wrong_sums_give_the_famous_total():
    assert share_of_doublings("vgg16", 93) == 3.1
    assert share_of_doublings("vgg16", 57) == 0


things = st.one_of(st.none(), st.booleans(), st.integers(-2, 5), st.floats(), st.text(max_size=2))


@given(things, things, things)
def test_nothing_but_value_and_type_errors_escape(first, second, third):
    for call in (
        lambda: floats_behind(first, second),
        lambda: ways(first, second, third),
        lambda: ways([first], second, third),
        lambda: volumes_of(first),
        lambda: share_of_doublings(first, second),
    ):
        with suppress(TypeError, ValueError):
            call()
