"""Late penalties and extra attempts: the rules themselves, and what they do to a class."""

import math
from datetime import datetime

import pytest
from grading.classes import SmallCourse, grades, line_of
from hypothesis import given
from hypothesis import strategies as st

from cnncourse.grading.policies import DAY, AttemptPolicy, LatePolicy
from cnncourse.grading.recorder import Recorder

POINTS = st.floats(0, 1000)


@given(
    rate=st.floats(0, 1), of=st.sampled_from(["score", "maximum"]), score=POINTS, maximum=POINTS, late=st.floats(0, 1e9)
)
def test_a_penalty_never_exceeds_the_score(rate, of, score, maximum, late):
    assert 0 <= LatePolicy(rate, of).penalty(score, maximum, late) <= score


@given(score=POINTS, first=st.floats(0, 1e7), second=st.floats(0, 1e7))
def test_later_never_costs_less(score, first, second):
    policy = LatePolicy(0.2, grace_minutes=30, zero_after_days=3)
    costs = [policy.penalty(score, 1000, late) for late in sorted((first, second))]
    assert costs[0] <= costs[1]


def test_each_started_day_costs_the_rate():
    policy = LatePolicy(0.1)
    assert [policy.penalty(20, 40, late) for late in (0, 1, DAY, DAY + 1)] == [0, 2, 2, 4]
    assert LatePolicy(0.1, of="maximum").penalty(20, 40, 1) == 4


def test_the_grace_ends_and_zero_comes():
    policy = LatePolicy(0.1, grace_minutes=15, zero_after_days=2)
    assert [policy.penalty(10, 10, late) for late in (900, 901, 2 * DAY, 2 * DAY + 1)] == [0, 1, 2, 10]


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"rate": 10}, "rate is 10; it is the fraction"),
        ({"of": "all"}, "of='all'"),
        ({"grace_minutes": -1}, "grace_minutes is -1"),
        ({"zero_after_days": math.nan}, "zero_after_days is nan"),
    ],
)
def test_impossible_late_policies_are_refused(settings, words):
    with pytest.raises(ValueError, match=words):
        LatePolicy(**settings)


def test_which_attempt_counts():
    scores = [3.0, 9.0, 5.0, 9.0]
    assert AttemptPolicy().choose("a", scores) == 3
    assert AttemptPolicy("first").choose("a", scores) == 0
    assert AttemptPolicy("best").choose("a", scores) == 3
    assert AttemptPolicy("best", allowed=3).choose("a", scores) == 1
    assert AttemptPolicy("last", allowed=2, extra={"a": 1}).choose("a", scores) == 2
    assert AttemptPolicy("last", allowed=2, extra={"a": 1}).choose("b", scores) == 1


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"counts": "worst"}, "counts='worst'"),
        ({"allowed": 0}, "allowed is 0"),
        ({"extra": {"a": -1}}, r"extra\['a'\] is -1"),
    ],
)
def test_impossible_attempt_policies_are_refused(settings, words):
    with pytest.raises(ValueError, match=words):
        AttemptPolicy(**settings)


def test_no_attempt_cannot_be_chosen():
    with pytest.raises(ValueError, match="ana has no attempt"):
        AttemptPolicy().choose("ana", [])


LATE = "late=__import__('cnncourse.grading.policies', fromlist=['x']).LatePolicy(0.1, grace_minutes=5)"
BEST = "attempts=__import__('cnncourse.grading.policies', fromlist=['x']).AttemptPolicy('best')"


def set_due(course, moment):
    with Recorder(course.course) as recorder:
        recorder.gradebook.update_or_create_assignment("ps1", duedate=moment)


def penalties(course):
    return {row[1]: row[4] for row in grades(course.root) if len(row) == 10}


def test_late_submissions_lose_points_and_an_extension_helps(tmp_path):
    course = SmallCourse(tmp_path, settings=LATE)
    course.submit("ana", timestamp="2026-03-01 12:00:00 UTC")
    course.submit("bob", timestamp="2026-03-02 12:00:01 UTC")
    course.submit("cem", timestamp="2026-03-01 12:04:00 UTC")
    set_due(course, datetime(2026, 3, 1, 12))
    summary = course.grade()
    assert penalties(course) == {"ana": None, "bob": 1.0, "cem": None}
    assert line_of(summary, "bob").text.startswith("4 of 9; late: −1")
    with Recorder(course.course) as recorder:
        recorder.gradebook.grant_extension("ps1", "bob", days=2)
    course.grade()
    assert penalties(course)["bob"] is None


def test_the_best_attempt_counts_and_all_are_regraded(tmp_path):
    course = SmallCourse(tmp_path, settings=BEST)
    course.submit("ana", course.right(mean="def mean(values):\n    return 0"))
    assert line_of(course.grade(), "ana").score == 2
    course.submit("ana")
    assert line_of(course.grade(), "ana").text.startswith("5 of 9; attempt 2 of 2")
    course.submit("ana", course.answered())
    line = line_of(course.grade(), "ana")
    assert (line.score, line.attempt) == (5, "2 of 3")
    assert "attempt 2 of 3" in course.feedback("ana")
    assert line_of(course.grade(), "ana").attempt == "2 of 3", "the same submission is no new attempt"
