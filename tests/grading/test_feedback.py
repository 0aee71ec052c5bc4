"""Feedback: right answers pass in silence, wrong ones get words that name the mistake and keep the answer."""

import contextlib

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from cnncourse.grading.feedback import (
    expect_close,
    expect_device,
    expect_dtype,
    expect_equal,
    expect_number,
    expect_raises,
    expect_results,
    expect_secret,
    expect_shape,
    expect_type,
    secret,
)

RIGHT = torch.arange(24.0).reshape(2, 3, 4).sin()


def words_of(function, *arguments, **keywords):
    with pytest.raises(AssertionError) as caught:
        function(*arguments, **keywords)
    return str(caught.value)


def test_right_answers_pass_in_silence():
    expect_type(3, int)
    expect_shape(np.zeros((1, 8)), (1, 8))
    expect_shape([[1, 2], [3, 4]], (2, 2))
    expect_dtype(RIGHT, torch.float32)
    expect_device(RIGHT, "cpu")
    expect_equal([3, np.int64(4)], (3, torch.tensor(4)))
    expect_equal({"a": 1}, {"a": 1})
    expect_number(torch.tensor(0.5), 0.5)
    expect_close(RIGHT.double().numpy(), RIGHT)
    expect_close(RIGHT.tolist(), RIGHT)
    expect_close(RIGHT.clone().requires_grad_(), RIGHT)


@pytest.mark.parametrize(
    ("found", "wanted", "words"),
    [
        ((1, 5, 5, 8), (1, 8, 5, 5), "is transposed: expected (1, 8, 5, 5), got (1, 5, 5, 8)"),
        ((8, 5, 5), (1, 8, 5, 5), "lost its batch axis"),
        ((1, 8, 5, 5), (8, 5, 5), "has an extra batch axis"),
        ((2, 1, 5, 5), (2, 5, 5), "has one axis too many"),
        ((2, 5), (2, 5, 7), "lost an axis"),
        ((5,), (2, 5, 7), "has 1 axes instead of 3"),
        ((1, 8, 6, 6), (1, 8, 5, 5), "is one too large"),
        ((1, 8, 4, 5), (1, 8, 5, 5), "is one too small"),
        ((1, 8, 2, 9), (1, 8, 5, 5), "has the wrong shape"),
    ],
)
def test_wrong_shapes_are_recognised(found, wanted, words):
    assert words in words_of(expect_shape, torch.zeros(found), wanted)


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (-RIGHT, "wrong sign"),
        (RIGHT.flip(2), "mirrored along axis 2"),
        (RIGHT.flip(1, 2), "mirrored along axis 1 and 2"),
        (RIGHT * 9, "constant factor"),
        (RIGHT + 2, "the same number is added"),
        (torch.zeros(2, 3, 4), "zero everywhere"),
        (RIGHT / 0, "not finite"),
        (RIGHT.index_fill(0, torch.tensor(1), 7.0), "12 of 24 values are wrong, the first at index (1, 0, 0)"),
        (RIGHT.permute(0, 2, 1), "is transposed"),
        (None, "return statement"),
        ("text", "expected a tensor"),
        ([[1], [2, 3]], "not a full grid of numbers"),
    ],
)
def test_wrong_values_are_recognised(wrong, words):
    assert words in words_of(expect_close, wrong, RIGHT)


def test_swapped_axes_are_recognised():
    square = RIGHT[:, :2, :2]
    assert "axes 1 and 2 swapped" in words_of(expect_close, square.transpose(1, 2), square)


def test_a_known_misconception_is_named_before_anything_else():
    wrong = {"the kernel is flipped": RIGHT.flip(2), "the border is lost": RIGHT[..., 1:]}
    assert words_of(expect_close, RIGHT.flip(2), RIGHT, misconceptions=wrong) == (
        "your output is what you get when the kernel is flipped."
    )
    assert "the border is lost" in words_of(expect_close, RIGHT[..., 1:], RIGHT, misconceptions=wrong)
    assert "mirrored" in words_of(expect_close, RIGHT.flip(0, 2), RIGHT.flip(0), misconceptions=wrong)


def test_plain_values_differ_in_words():
    assert "a float; a whole number" in words_of(expect_equal, 3.0, 3)
    assert "2 values; expected 3" in words_of(expect_equal, (1, 2), (1, 2, 3))
    assert "order is reversed" in words_of(expect_equal, (1, 2), (2, 1))
    assert "a str; expected an int" in words_of(expect_equal, "3", 3)
    assert "return statement" in words_of(expect_equal, None, 3)
    assert "when you floor" in words_of(expect_equal, 2, 3, misconceptions={"you floor": 2})
    assert "is a bool; expected an int" in words_of(expect_type, True, int)
    assert "dtype torch.float64" in words_of(expect_dtype, RIGHT.double(), torch.float32)
    assert "expected cuda" in words_of(expect_device, RIGHT, "cuda")


@given(st.integers(-(10**6), 10**6), st.integers(-(10**6), 10**6))
def test_the_expected_value_stays_hidden_unless_the_author_reveals_it(found, wanted):
    if found == wanted:
        expect_equal(found, wanted)
        return
    assert words_of(expect_equal, found, wanted) == f"your result is {found}; that is not right yet."
    assert words_of(expect_equal, found, wanted, reveal=True) == f"your result is {found}; expected {wanted}."
    assert "not right yet" in words_of(expect_number, float(found), float(wanted), 0)


def test_numbers_know_their_misconceptions():
    assert "you forget the bias" in words_of(expect_number, 75, 76, misconceptions={"you forget the bias": 75})
    assert "is a str" in words_of(expect_number, "75", 76)
    assert "is a bool" in words_of(expect_number, True, 1)
    assert "expected 76" in words_of(expect_number, 75.0, 76, reveal=True)


def test_exceptions_are_expected_with_their_words():
    def picky(stride):
        if stride == 0:
            raise ValueError("stride is 0; use stride=1")
        if stride == 1:
            raise KeyError("stride")
        if stride == 2:
            raise NotImplementedError
        return stride

    expect_raises(picky, ValueError, 0, naming=("stride", 0))
    assert "does not name padding" in words_of(expect_raises, picky, ValueError, 0, naming=["stride", "padding"])
    assert "picky(1) should raise a ValueError, but it raises a KeyError" in words_of(
        expect_raises, picky, ValueError, 1
    )
    assert "picky(stride=3) returns 3, but" in words_of(expect_raises, picky, ValueError, stride=3)
    assert words_of(expect_raises, torch.nn.Identity().forward, ValueError, RIGHT).startswith(
        "forward(a tensor of shape (2, 3, 4)) returns a tensor of shape (2, 3, 4), but"
    )
    with pytest.raises(NotImplementedError):
        expect_raises(picky, ValueError, 2)


def test_a_misconception_about_a_function_must_explain_every_result():
    def right(size, stride):
        return (size - 3) // stride + 1

    def ceil(size, stride):
        return -(-(size - 3) // stride) + 1

    cases = [({"size": size, "stride": stride}, right(size, stride)) for size in range(3, 9) for stride in (1, 2, 3)]
    expect_results(right, cases)
    assert "ceil(size=4, stride=2) is 2. That is what you get when you round up" in words_of(
        expect_results, ceil, cases, {"you forget the one": lambda size, stride: size - 3, "you round up": ceil}
    )

    def other(size, stride):
        return 0 if size == 8 else ceil(size, stride)

    assert "round up" not in words_of(expect_results, other, cases, {"you round up": ceil})
    assert "a whole number" in words_of(expect_results, lambda size, stride: float(right(size, stride)), cases)


def test_a_secret_answer_is_checked_without_being_there():
    digest, wrong = secret(34944, "alexnet"), secret(34848, "alexnet")
    for answer in (34944, 34944.0, torch.tensor(34944), np.float64(34944.2)):
        expect_secret(answer, digest, "alexnet")
    assert "when the bias is missing" in words_of(
        expect_secret, 34848, digest, "alexnet", hints={wrong: "the bias is missing"}
    )
    for answer, words in [
        (1, "is 1; that is not right yet"),
        (None, "is None; that"),
        ({}, "expected a number, a word"),
        (float("nan"), "finite"),
    ]:
        assert words in words_of(expect_secret, answer, digest, "alexnet")


def test_secrets_round_numbers_and_tidy_words():
    assert secret(0.333333, "s", 3) == secret(1 / 3, "s", 3) != secret(0.334, "s", 3)
    assert secret(-0.0001, "s", 2) == secret(0, "s", 2)
    assert secret(" ReLU ", "s") == secret("relu", "s")
    assert secret([1, 2], "s") == secret((1, 2.0), "s") != secret((2, 1), "s")
    assert secret(1, "s") != secret(1, "t")


ANYTHING = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=4),
    st.lists(st.floats() | st.text(max_size=2) | st.none(), max_size=3),
    st.dictionaries(st.text(max_size=2), st.integers(), max_size=2),
    st.builds(object),
    st.complex_numbers(),
)


@given(ANYTHING)
def test_nothing_but_assertions_escape_whatever_the_answer(answer):
    for check in (
        lambda: expect_type(answer, list),
        lambda: expect_shape(answer, (2, 2)),
        lambda: expect_equal(answer, (1, 2)),
        lambda: expect_number(answer, 0.25),
        lambda: expect_close(answer, RIGHT),
        lambda: expect_close(answer, torch.ones(())),
        lambda: expect_secret(answer, "", "salt"),
        lambda: expect_results(lambda x: answer, [({"x": 1}, 4)]),
    ):
        with contextlib.suppress(AssertionError):
            check()
