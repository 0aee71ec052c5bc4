"""Aliasing of strided layers: what a grid can hold, and what it makes of the rest."""

import itertools
import math
from contextlib import suppress

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from cnncourse.models.first_layers import (
    alias_of_zone_plate,
    alias_share,
    held,
    kept_of_zone_plate,
    seen_period,
    smoothed,
    zone_plate,
)


def stripes(period, size=120):
    return torch.cos(2 * torch.pi * torch.arange(size, dtype=torch.float64) / period).expand(size, size)


def noise(*shape):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


def test_coarse_stripes_are_held_and_fine_ones_are_not():
    torch.testing.assert_close(held(stripes(10), 4), stripes(10))
    torch.testing.assert_close(held(stripes(5), 4), torch.zeros(120, 120, dtype=torch.float64))


@pytest.mark.parametrize(
    ("period", "stride", "expected"), [(5, 4, 20), (8, 4, 8), (3, 2, 6), (12, 1, 12), (10, 7, 70 / 3)]
)
def test_the_period_that_is_seen_is_that_of_the_samples(period, stride, expected):
    assert seen_period(period, stride) == pytest.approx(expected)
    samples = torch.cos(2 * torch.pi * torch.arange(0, 10_000, stride, dtype=torch.float64) / period)
    coarse = torch.cos(2 * torch.pi * torch.arange(0, 10_000, stride, dtype=torch.float64) / expected)
    torch.testing.assert_close(samples, coarse, rtol=0, atol=1e-8)


def test_stripes_that_fit_the_stride_vanish():
    assert seen_period(4, 4) == math.inf
    assert seen_period(2, 4) == math.inf
    assert stripes(4)[0, ::4].std() < 1e-12


def test_the_alias_share_is_the_mean_over_all_grids():
    maps = noise(24, 36)
    lost = maps - held(maps, 4)
    whole = maps - maps.mean()
    grids = list(itertools.product(range(4), repeat=2))
    strays = sum(float(lost[y::4, x::4].square().sum()) for y, x in grids)
    assert alias_share(maps, 4) == pytest.approx(strays / float(whole.square().sum()), rel=1e-9)


def test_a_stride_of_one_has_no_alias_and_a_larger_one_never_has_less():
    maps = noise(3, 24, 24)
    shares = [alias_share(maps, stride) for stride in (1, 2, 4, 8)]
    assert shares[0] == 0
    assert shares == sorted(shares)
    assert alias_share(torch.full((8, 8), 3.0), 2) == 0


def test_rings_get_finer_outwards():
    row = zone_plate(64)[0, 32]
    assert row[32] == 1
    assert (row[:4].diff().abs() > 0.8).all()
    assert (row[30:35].diff().abs() < 0.15).all()


def test_a_wide_filter_trades_ghosts_for_detail():
    assert alias_of_zone_plate(11, 4) < alias_of_zone_plate(3, 4) / 3
    assert kept_of_zone_plate(11) < kept_of_zone_plate(3) / 3
    torch.testing.assert_close(smoothed(torch.ones(2, 16, 16), 3), torch.ones(2, 16, 16))


def test_maps_that_the_steps_do_not_tile_are_refused():
    with pytest.raises(ValueError, match="maps of 10×12 cannot be tiled by steps of 4; crop"):
        held(torch.zeros(10, 12), 4)
    with pytest.raises(TypeError, match="floating point"):
        alias_share(torch.zeros(8, 8, dtype=torch.int64), 2)
    with pytest.raises(ValueError, match="no less than 2"):
        seen_period(1.5, 2)


things = st.one_of(st.none(), st.booleans(), st.integers(-3, 9), st.floats(), st.text(max_size=2))
tensors = st.tuples(st.integers(0, 6), st.integers(0, 6)).map(lambda shape: torch.ones(*shape))


@given(st.one_of(things, tensors), things)
def test_nothing_but_value_and_type_errors_escape(first, second):
    for function in (held, alias_share, seen_period, smoothed, alias_of_zone_plate):
        with suppress(TypeError, ValueError):
            function(first, second)
    for function in (zone_plate, kept_of_zone_plate):
        with suppress(TypeError, ValueError):
            function(first)
