"""The challenge's tables: complete, consistent with each other, and as the lecture's slides say."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cnncourse.data import ilsvrc


def test_a_thousand_different_classes():
    names = ilsvrc.class_names()
    assert len(names) == len(set(names)) == ilsvrc.CLASSES


def test_groups_are_what_they_say():
    assert len(ilsvrc.group("dogs")) == 118
    assert ilsvrc.group("dogs")[0] == "Chihuahua"
    assert "Egyptian cat" in ilsvrc.group("domestic cats")
    ranges = sorted(ilsvrc.GROUPS.values())
    assert all(first[1] < second[0] for first, second in itertools.pairwise(ranges))
    with pytest.raises(ValueError, match="no group 'cars'; choose one of fishes"):
        ilsvrc.group("cars")


def test_the_lecture_s_table():
    assert len(ilsvrc.RESULTS) == 15
    errors = {(row.method, row.networks): row.top5_test for row in ilsvrc.RESULTS}
    assert errors["GoogLeNet", 7] == 6.7
    assert errors["AlexNet", 5] == 16.4
    for row in ilsvrc.RESULTS:
        if row.top1_validation is not None and row.top5_validation is not None:
            assert row.top5_validation < row.top1_validation


def test_more_networks_are_never_worse_than_one_of_the_same_team():
    for row in ilsvrc.RESULTS:
        for other in ilsvrc.RESULTS:
            if (
                row.reference == other.reference
                and row.networks > other.networks == 1
                and "submitted" not in row.method
            ):
                assert row.top5_test is None or other.top5_test is None or row.top5_test <= other.top5_test


def test_the_winners_got_better_every_year_and_deeper():
    errors = [entry.top5_error for entry in ilsvrc.WINNERS]
    assert errors == sorted(errors, reverse=True)
    assert [entry.year for entry in ilsvrc.WINNERS] == list(range(2010, 2018))
    assert [ilsvrc.winner(year).layers for year in (2012, 2014, 2015)] == [8, 22, 152]
    assert ilsvrc.winner(2013).team == "Clarifai"
    with pytest.raises(ValueError, match="year is 2018"):
        ilsvrc.winner(2018)


def test_the_lecture_s_arithmetic_of_looking():
    assert ilsvrc.minutes(ilsvrc.CLASSES) == pytest.approx(16.7, abs=0.05)
    assert ilsvrc.minutes(ilsvrc.VALIDATION_IMAGES, 2) / 60 == pytest.approx(27.8, abs=0.05)
    assert ilsvrc.minutes(1_200_000, 2) / 60 / 24 == pytest.approx(27.8, abs=0.05)


@given(value=st.one_of(st.none(), st.text(), st.booleans(), st.just(-1), st.just(float("nan"))))
def test_nothing_but_value_errors_escape(value):
    with pytest.raises(ValueError, match="items"):
        ilsvrc.minutes(value)
    with pytest.raises(ValueError, match="seconds_each"):
        ilsvrc.minutes(1, value)
