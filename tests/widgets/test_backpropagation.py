"""The stepper's arithmetic: the page and Python read the same vectors, and Python's come from the chapter's module."""

import json
from pathlib import Path

import pytest

from cnncourse.widgets.backpropagation import Backpropagation, digits

VECTORS = json.loads((Path(__file__).parents[1] / "vectors" / "backpropagation.json").read_text())


def flat(tensor):
    return tensor.flatten().int().tolist()


@pytest.mark.parametrize("case", VECTORS, ids=lambda case: "-".join(map(str, case["state"].values())))
def test_the_vectors_are_what_the_module_computes(case):
    widget = Backpropagation(**case["state"])
    assert [flat(t) for t in widget.numbers()] == [case["x"], case["weight"], case["delta"]]
    assert [flat(t) for t in widget.gradients()] == [case["weight_gradient"], case["input_gradient"]]


def test_the_digits_are_small_and_differ_by_seed():
    assert set(digits(1, 500)) == {-2, -1, 0, 1, 2, 3}
    assert digits(1, 10) != digits(2, 10)


def test_the_still_picture_says_what_it_shows():
    assert "gradient of the kernel" in Backpropagation().still().alt
