"""One engine for all tests: starting it imports torch, which takes seconds."""

import os

import pytest

from cnncourse.grading.engine import Engine


@pytest.fixture(scope="session")
def engine():
    os.environ["INSTRUCTOR_SECRET"] = "must not be seen by student code"
    with Engine() as running:
        yield running
