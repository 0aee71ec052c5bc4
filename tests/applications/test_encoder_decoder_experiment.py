"""The logged trainings: skips raise the outlines, the stored weights do what the log says, and the script goes on."""

import hashlib
import json
import statistics
from functools import partial

import pytest
import torch

from cnncourse.applications.encoder_decoder import experiment, train
from cnncourse.applications.encoder_decoder.experiment import PLACE, SEEDS, SUBSETS, VARIANTS, judge_segmentation, runs


@pytest.fixture(scope="module")
def held_out():
    return experiment.scenes("test", 40).for_segmentation().batch(torch.arange(40))


def outlines(variant):
    return [run.scores.outline for run in runs(variant)]


def test_every_network_with_skips_has_better_outlines_than_every_one_without_by_more_than_luck():
    with_skips, without = outlines("skips"), outlines("none")
    assert len(with_skips) == len(without) == len(SEEDS)
    spread = max(max(scores) - min(scores) for scores in (with_skips, without))
    assert min(with_skips) - max(without) > spread


def test_mean_iou_differs_more_between_seeds_than_between_networks_as_the_chapter_says():
    scores = {variant: [run.scores.mean_iou for run in runs(variant)] for variant in ("skips", "none")}
    between = abs(statistics.mean(scores["skips"]) - statistics.mean(scores["none"]))
    assert between < max(max(each) - min(each) for each in scores.values())


def test_all_networks_have_the_same_weights_to_learn():
    assert len({run.parameters for run in experiment.measured()}) == 1


def test_the_log_names_the_files_that_come_with_the_course():
    log = json.loads((PLACE / "encoder_decoder.json").read_text())
    assert set(log["sha256"]) == {f"encoder_decoder_{variant}.pt" for variant in VARIANTS}
    for name, digest in log["sha256"].items():
        file = (PLACE / name).read_bytes()
        assert hashlib.sha256(file).hexdigest() == digest
        assert len(file) < 1_500_000


@pytest.mark.parametrize("variant", VARIANTS)
def test_the_weights_reach_about_what_the_log_says(variant, held_out):
    images, truth = held_out
    found = judge_segmentation(experiment.segment(experiment.load(variant), images), truth)
    stated = next(run for run in runs(variant) if run.seed == 0).scores
    assert found.mean_iou == pytest.approx(stated.mean_iou, abs=0.08)
    assert found.outline == pytest.approx(stated.outline, abs=0.06)


def test_a_network_that_has_practised_does_better_with_any_missing_skip_than_one_that_has_not():
    practised, relying = runs("any")[0].subsets, runs("skips")[0].subsets
    missing = [index for index, subset in enumerate(SUBSETS) if not all(subset)]
    assert statistics.mean(practised[i].outline for i in missing) > statistics.mean(relying[i].outline for i in missing)


def test_perfect_segmentations_have_perfect_scores(held_out):
    _, truth = held_out
    assert set(vars(judge_segmentation(truth, truth)).values()) == {1.0}


def test_scores_of_a_subset_are_found_by_the_skips_that_are_on():
    assert experiment.subset_score("any", (True, True, True)) == runs("any")[0].subsets[-1].mean_iou
    assert experiment.subset_score("any", (False, False, False), "outline") == runs("any")[0].subsets[0].outline


def test_the_script_writes_what_the_module_reads_and_goes_on_where_it_stopped(tmp_path, monkeypatch):
    few = {"train": 12, "validation": 4, "test": 4}
    load = experiment.scenes
    monkeypatch.setattr(experiment, "scenes", lambda split, _number: load(split, few[split]))
    monkeypatch.setattr(experiment, "SETTINGS", partial(experiment.SETTINGS, epochs=1, batch_size=6))
    monkeypatch.setattr(train, "plan", lambda: [("none", 0), ("skips", 1)])
    arguments = ["--checkpoints", str(tmp_path / "kept"), "--output", str(tmp_path)]
    train.main(arguments)
    document = (tmp_path / "encoder_decoder.json").read_text()
    rows = [experiment.run_of(row) for row in json.loads(document)["runs"]]
    assert [(row.variant, row.seed, len(row.loss), len(row.subsets)) for row in rows] == [
        ("none", 0, 1, 8),
        ("skips", 1, 1, 0),
    ]
    assert (tmp_path / "encoder_decoder_none.pt").exists()
    monkeypatch.setattr(train, "measure", None)
    train.main(arguments)
    assert (tmp_path / "encoder_decoder.json").read_text() == document


@pytest.mark.parametrize(
    ("ask", "words"),
    [
        (lambda: experiment.network("all", 0), "variant is 'all'"),
        (lambda: experiment.load("all"), "choose one of skips, none, any"),
        (lambda: runs("all"), "no training of 'all'"),
        (lambda: experiment.mean_score("none", "luck"), "measure is 'luck'"),
        (lambda: experiment.subset_score("none", (True,)), r"skips is \(True,\)"),
    ],
)
def test_what_was_not_measured_is_named(ask, words):
    with pytest.raises(ValueError, match=words):
        ask()


def test_the_plan_has_every_variant_and_three_seeds_of_the_comparison():
    plan = train.plan()
    assert len(plan) == len(set(plan))
    assert {seed for variant, seed in plan if variant in ("skips", "none")} == set(SEEDS)
