"""Every result that was computed before says how it was made."""

import json

import pytest

from cnncourse.workbench import provenance


@pytest.mark.parametrize("log", provenance.logs(), ids=lambda log: log.stem)
def test_every_log_says_from_what_it_was_made(log):
    found = provenance.read(log)
    assert found.data
    assert found.torch.startswith("2.")


def test_seconds_of_epochs_and_of_runs_add_up(tmp_path):
    log = tmp_path / "x.json"
    runs = [{"seed": 1, "history": {"seconds": [1.0, 2.0], "device": "cuda"}}, {"seed": 0, "seconds": 4}]
    log.write_text(json.dumps({"torch": "2.0", "data": "drawn", "runs": runs}))
    assert provenance.read(log) == provenance.Provenance("x", "drawn", "cuda", "2.0", (0, 1), 7.0)


def test_what_a_log_does_not_say_is_not_invented(tmp_path):
    (tmp_path / "x.json").write_text('{"accuracy": 1.0}')
    found = provenance.read(tmp_path / "x.json")
    assert (found.torch, found.seeds) == ("", ())
    assert provenance.duration(found.seconds) == "not logged"


def test_durations_suit_their_size():
    assert provenance.duration(59.6) == "60 s"
    assert provenance.duration(2258) == "38 min"
