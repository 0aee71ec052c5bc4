"""Jobs and outcomes: plain data with a stable key that survives the journey through JSON."""

import dataclasses
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cnncourse.grading.job import Cell, CellOutcome, Job, Limits, Outcome

text = st.text(st.characters(), max_size=40)  # with lone surrogates, which notebooks can hold
cells = st.builds(
    Cell,
    grade_id=text,
    kind=st.just("check"),
    source=text,
    hidden=text,
    title=text,
    points=st.floats(0, 100),
)
jobs = st.builds(
    Job,
    assignment=text,
    student=text,
    cells=st.lists(cells, max_size=3).map(tuple),
    names=st.lists(st.sampled_from(["conv2d", "größe", "_x1"]), max_size=3).map(tuple),
    files=st.lists(st.tuples(st.sampled_from(["a.csv", "data/b.npy"]), st.binary(max_size=20)), max_size=2).map(tuple),
    limits=st.builds(Limits, cell_seconds=st.floats(0.1, 100), memory_bytes=st.integers(1, 2**40)),
)
outcomes = st.builds(
    Outcome,
    cells=st.lists(
        st.builds(
            CellOutcome,
            grade_id=text,
            status=st.sampled_from(["passed", "failed", "error", "timeout", "crashed", "not_run"]),
            points=st.floats(0, 10),
            max_points=st.floats(0, 10),
            message=text,
            where=st.sampled_from(["", "visible", "hidden", "answer"]),
            partial=st.booleans(),
            output=text,
        ),
        max_size=3,
    ).map(tuple),
    confinement=text,
    seconds=st.floats(0, 1e6),
)


@given(jobs)
def test_a_job_survives_json(job):
    assert Job.from_json(job.to_json()) == job
    assert Job.from_json(job.to_json()).key() == job.key()


@given(outcomes)
def test_an_outcome_survives_json(outcome):
    assert Outcome.from_json(outcome.to_json()) == outcome


def test_every_field_of_a_job_changes_its_key():
    job = Job("ps1", "ada", (Cell("c", "check", "assert True", "assert 1", "Task", 2.0),), ("f",))
    variants = [
        dataclasses.replace(job, assignment="ps2"),
        dataclasses.replace(job, student="grace"),
        dataclasses.replace(job, cells=()),
        *(
            dataclasses.replace(job, cells=(dataclasses.replace(job.cells[0], **{name: value}),))
            for name, value in {"grade_id": "d", "source": "", "hidden": "", "title": "", "points": 1.0}.items()
        ),
        dataclasses.replace(job, names=()),
        dataclasses.replace(job, files=(("a", b""),)),
        dataclasses.replace(job, limits=Limits(cell_seconds=1)),
    ]
    keys = {variant.key() for variant in [job, *variants]}
    assert len(keys) == len(variants) + 1


def test_the_package_version_changes_the_key(monkeypatch):
    job = Job("ps1", "ada", (), ())
    before = job.key()
    monkeypatch.setattr("cnncourse.__version__", "999")
    assert job.key() != before


@given(st.recursive(st.none() | st.integers() | text, lambda x: st.lists(x) | st.dictionaries(text, x), max_leaves=8))
def test_other_json_is_refused_with_a_value_error(data):
    for kind in (Job, Outcome):
        with pytest.raises(ValueError, match="not the JSON of a grading"):
            kind.from_json(json.dumps(data))


@given(text)
def test_other_text_is_refused_with_a_value_error(data):
    with pytest.raises(ValueError, match="not the JSON of a grading"):
        Job.from_json(data)


@pytest.mark.parametrize("path", ["/etc/passwd", "../x", "a/../../x", "", "a\0b"])
def test_files_stay_inside_the_assignment(path):
    with pytest.raises(ValueError, match="relative path"):
        Job("ps1", "ada", (), (), files=((path, b""),))


@pytest.mark.parametrize("kind", ["given", "answer", "inline"])
def test_only_a_check_may_have_hidden_tests(kind):
    with pytest.raises(ValueError, match="hidden tests"):
        Cell("c", kind, "", hidden="assert True")


def test_wrong_values_are_named():
    with pytest.raises(ValueError, match="'exam'"):
        Cell("c", "exam", "")
    with pytest.raises(ValueError, match="points"):
        Cell("c", "check", "", points=float("nan"))
    with pytest.raises(ValueError, match="cell_seconds is 0"):
        Limits(cell_seconds=0)
    with pytest.raises(ValueError, match="'a b'"):
        Job("ps1", "ada", (), ("a b",))
    with pytest.raises(ValueError, match="'great'"):
        CellOutcome("c", "great", 0, 0)
    with pytest.raises(ValueError, match="'there'"):
        CellOutcome("c", "passed", 0, 0, where="there")
