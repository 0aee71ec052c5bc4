"""The idx format, written by numpy and read back."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from idx_files import written

from cnncourse.data import idx


@given(shape=st.lists(st.integers(0, 4), min_size=1, max_size=3), seed=st.integers(0, 9))
def test_what_was_written_is_read(shape, seed):
    array = np.random.default_rng(seed).integers(0, 256, shape)
    np.testing.assert_array_equal(idx.parse(written(array)).numpy(), array)


@given(content=st.binary(max_size=40).filter(lambda content: content[:3] != b"\0\0\x08"))
def test_other_bytes_raise_value_errors_alone(content):
    with pytest.raises(ValueError, match="not an idx file of bytes"):
        idx.parse(content)


def test_a_file_that_is_too_short_says_how_long_it_should_be():
    with pytest.raises(ValueError, match="has 14 bytes, this one 13"):
        idx.parse(written(np.zeros((2, 1)))[:-1])
