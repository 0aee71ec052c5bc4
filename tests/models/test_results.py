"""The results as data: conditions, filters, what may be ranked, what an answer cost, and famous wrong statements."""

import contextlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cnncourse.data import ilsvrc
from cnncourse.models import results
from cnncourse.models.pretrained import CHECKPOINTS, checkpoint
from cnncourse.models.results import (
    CONDITIONS,
    improvement_of,
    in_words,
    mixed,
    multiply_adds_in_tera,
    pareto_front,
    records,
    relative_improvement,
    scores,
    select,
    times_fewer_parameters,
    winning_error,
)


def test_every_row_of_the_lecture_s_table_is_there():
    known = {(entry.method, entry.networks, entry.measured_on, entry.top5_error) for entry in scores()}
    for row in ilsvrc.RESULTS:
        if row.method in ("AlexNet", "Clarifai") and row.networks != 1:
            continue  # the winners' entries, which are there with three decimals
        for measured_on, error in (("validation", row.top5_validation), ("test", row.top5_test)):
            if error is not None and row.method != "GoogLeNet":
                assert (row.method, row.networks, measured_on, error) in known
    errors = {
        entry.networks: entry.top5_error for entry in scores() if entry.method == "GoogLeNet" and entry.crops == 144
    }
    assert errors[1] == 7.89
    assert errors[7] == pytest.approx(6.66, abs=0.02)


def test_every_winner_is_there_once_for_each_kind_of_data():
    for entry in ilsvrc.WINNERS:
        ours = [score for score in scores() if score.method == entry.team and score.networks != 1]
        found = [score for score in ours if score.reference == "russakovsky2015imagenet"]
        assert {score.data: score.top5_error for score in found}["provided"] == entry.top5_error
        assert len(found) == 1 + (entry.with_extra_data is not None)


def test_every_checkpoint_for_imagenet_is_there_with_its_published_error():
    published = {name: 100 * (1 - checkpoint(name).top5) for name in CHECKPOINTS if checkpoint(name).top5}
    del published["squeezenet_compressed"]  # the same network, compressed
    found = {entry.network: entry.top5_error for entry in scores() if entry.reference == "torchvision2016"}
    assert found == {name: pytest.approx(error) for name, error in published.items()}


def test_filters_keep_what_they_say_and_the_best_stands_first():
    chosen = select(measured_on="validation", networks="one", crops="one", years=(2012, 2015))
    assert {entry.conditions for entry in chosen} == {("validation", "provided", "one", "one")}
    assert [entry.top5_error for entry in chosen] == sorted(entry.top5_error for entry in chosen)
    assert mixed(chosen) == {}
    assert select(data="more") != ()
    assert all(entry.extra_data for entry in select(data="more"))
    assert select(years=(2020, 2021)) == ()


def test_what_must_not_be_ranked_is_named():
    assert set(mixed(scores())) == set(CONDITIONS)
    assert mixed(select(measured_on="test", networks="several", crops="more", data="provided")) == {}
    pair = [entry for entry in scores() if entry.method == "GoogLeNet" and entry.networks == 1][:2]
    assert mixed(pair) == {"crops": ("one", "ten")}
    assert mixed([]) == {}


@settings(deadline=None, max_examples=40)
@given(st.sampled_from(CONDITIONS), st.one_of(st.text(max_size=4), st.none(), st.integers()), st.integers())
def test_nothing_but_value_errors_escapes(name, value, year):
    for call in (
        lambda: select(**{name: value}),
        lambda: select(years=value),
        lambda: select(years=(year, value)),
        lambda: relative_improvement(value, year),
        lambda: winning_error(year),
        lambda: multiply_adds_in_tera(value, year, 1),
    ):
        with contextlib.suppress(ValueError):
            call()


def test_more_crops_and_more_networks_make_the_same_network_better():
    by_passes = sorted(
        (entry.crops, entry.networks, entry.top5_error)
        for entry in scores()
        if entry.method == "GoogLeNet" and entry.measured_on == "validation"
    )
    assert len(by_passes) == 6
    for crops, networks, error in by_passes:
        for more_crops, more_networks, other in by_passes:
            if more_crops >= crops and more_networks >= networks:
                assert other <= error


def test_the_winner_of_2014_looked_a_thousand_and_eight_times():
    entry = next(entry for entry in scores() if entry.method == "GoogLeNet" and entry.measured_on == "test")
    assert entry.passes == 1008
    assert multiply_adds_in_tera("GoogLeNet", 7, 144) == pytest.approx(1.595, abs=0.001)


def test_zeiler_and_fergus_did_not_win_2013():
    best = select(years=(2013, 2013), measured_on="test", data="provided")
    assert best[0].method == ilsvrc.winner(2013).team == "Clarifai"
    assert min(entry.top5_error for entry in best if entry.method == "Zeiler & Fergus") == 14.8


def test_the_famous_fifteen_per_cent_of_alexnet_is_with_more_data():
    entry = next(entry for entry in scores() if entry.top5_error == 15.315)
    assert entry.extra_data
    assert winning_error(2012) == 16.422
    assert winning_error(2012, extra_data=True) == 15.315
    with pytest.raises(ValueError, match="no entry with more data in 2015"):
        winning_error(2015, extra_data=True)


def test_googlenet_is_less_than_nine_times_smaller_than_alexnet():
    assert times_fewer_parameters() == pytest.approx(8.711, abs=0.001)


def test_one_row_of_the_table_stands_in_the_wrong_column():
    moved = [entry for entry in scores() if entry.printed_on]
    assert [(entry.method, entry.networks, entry.measured_on, entry.printed_on) for entry in moved] == [
        ("GoogLeNet", 1, "validation", "test")
    ]


def test_relative_improvement():
    assert relative_improvement(26.172, 16.422) == pytest.approx(37.25, abs=0.01)
    assert improvement_of(2015, 2014) == pytest.approx(46.41, abs=0.01)
    assert relative_improvement(10, 12) == pytest.approx(-20)
    with pytest.raises(ValueError, match="nothing can be improved"):
        relative_improvement(0, 0)


def test_the_front_holds_whom_nobody_beats():
    assert pareto_front([(1, 5), (2, 4), (2, 6), (3, 4), (4, 1)]) == [0, 1, 4]
    assert pareto_front([(1, 1), (1, 1)]) == [0, 1]
    assert pareto_front([]) == []
    one_crop = select(measured_on="validation", networks="one", crops="one")
    checkpoints = [entry for entry in one_crop if entry.reference == "torchvision2016"]
    front = [
        checkpoints[index].network
        for index in pareto_front([(entry.multiply_adds, entry.top5_error) for entry in checkpoints])
    ]
    assert "resnet50" in front
    assert not any(name.startswith("vgg") for name in front)


def test_a_result_is_told_with_all_its_conditions():
    entry = next(entry for entry in scores() if entry.networks == 5 and entry.measured_on == "validation")
    assert in_words(entry) == "AlexNet (2012): 16.4 % validation, 5 networks, 10 crops, provided data"


def test_records_are_plain():
    for record, entry in zip(records(), scores(), strict=True):
        assert record["top5"] == entry.top5_error
        assert all(value is None or isinstance(value, str | int | float) for value in record.values())


def test_costs_are_counted_from_the_networks_themselves():
    entry = next(entry for entry in scores() if entry.network == "vgg16")
    assert (entry.parameters, entry.multiply_adds) == (138_357_544, 15_470_264_320)
    assert all(entry.multiply_adds is None for entry in scores() if not entry.network)
    assert results.scores() is scores()
