"""The measured curves that come with the course: complete, honest, and made by the script beside them."""

import json
import statistics

import pytest
import torch

from cnncourse.data import LabelledImages
from cnncourse.models import degradation, parameters
from cnncourse.models.degradation import DEPTHS, KINDS, REPEATED, final_error, measured, network, plan, runs
from cnncourse.models.propagation import gradient_norms


def small_pictures(number):
    generator = torch.Generator().manual_seed(0)
    images = torch.randint(0, 256, (number, 3, 32, 32), dtype=torch.uint8, generator=generator)
    return LabelledImages(images, torch.arange(number) % 10, tuple("abcdefghij"), "noise")


def test_every_network_of_the_plan_has_its_run():
    assert [(run.kind, run.depth, run.seed) for run in measured()] == plan()
    assert {(run.kind, run.depth) for run in measured()} == {(kind, depth) for kind in KINDS for depth in DEPTHS}
    for depth in REPEATED:
        assert [run.seed for run in runs("plain", depth)] == [0, 1, 2]


@pytest.mark.parametrize("run", measured(), ids=lambda run: f"{run.kind} {run.depth}, seed {run.seed}")
def test_a_run_belongs_to_the_network_that_it_names(run):
    epochs = degradation.SETTINGS["epochs"]
    assert {len(curve) for curve in (run.training_loss, run.training_error, run.test_error)} == {epochs}
    assert len(run.gradient_before) == len(run.gradient_after) == run.depth - 1
    assert run.parameters == parameters(network(run.kind, run.depth, run.seed))


def test_plain_nets_get_worse_with_depth_by_more_than_the_noise_and_residual_nets_do_not():
    def errors(kind, depth):
        return [run.training_error[-1] for run in runs(kind, depth)]

    assert min(errors("plain", 56)) > max(errors("plain", 20))
    assert statistics.mean(errors("plain", 56)) > statistics.mean(errors("residual", 56)) + 0.1
    assert statistics.mean(errors("residual", 56)) < statistics.mean(errors("residual", 20)) + 0.03


def test_both_kinds_begin_with_the_same_weights():
    plain, residual = network("plain", 14, 3).state_dict(), network("residual", 14, 3).state_dict()
    torch.testing.assert_close(dict(plain), dict(residual))


def test_the_script_writes_what_the_module_reads_and_goes_on_where_it_stopped(tmp_path, monkeypatch):
    monkeypatch.setattr(degradation.cifar10, "load", lambda _split: small_pictures(80))
    monkeypatch.setattr(degradation, "PICTURES", 40)
    monkeypatch.setattr(degradation, "TESTED", 20)
    monkeypatch.setattr(degradation, "SETTINGS", degradation.SETTINGS | {"epochs": 2, "batch_size": 20})
    monkeypatch.setattr(degradation, "plan", lambda: [("plain", 8, 0), ("residual", 8, 0)])
    output = tmp_path / "curves.json"
    arguments = ["--checkpoints", str(tmp_path), "--output", str(output)]
    degradation.main(arguments)
    document = output.read_text()
    stored = json.loads(document)
    assert [row["kind"] for row in stored["runs"]] == ["plain", "residual"]
    assert stored["torch"] == torch.__version__
    assert "noise" in stored["data"]
    training, _ = degradation.pictures()
    order = torch.randperm(40, generator=torch.Generator().manual_seed(16))
    norms = gradient_norms(network("plain", 8, 0), *training.batch(order))
    assert stored["runs"][0]["gradient_before"] == pytest.approx(list(norms.values()), rel=2e-3)
    monkeypatch.setattr(degradation, "measure", None)
    degradation.main(arguments)
    assert output.read_text() == document


@pytest.mark.parametrize(
    ("ask", "words"),
    [
        (lambda: runs("plain", 110), "no run of kind 'plain' and depth 110; choose plain or residual"),
        (lambda: runs("dense", 20), "'dense'"),
        (lambda: final_error("plain", 8, seed=1), "was not trained from seed 1"),
        (lambda: final_error("plain", 8, "validation"), "split is 'validation'"),
        (lambda: network("dense", 20, 0), "kind is 'dense'"),
    ],
)
def test_what_was_not_measured_is_named(ask, words):
    with pytest.raises(ValueError, match=words):
        ask()
