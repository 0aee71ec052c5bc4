"""What was packed is unpacked bit for bit, damage is noticed, and gaps are counted as the paper says."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from cnncourse.models.deep_compression import (
    decode,
    encode,
    find_gaps,
    layers_of,
    pack_gaps,
    scatter,
    size_in_bits,
    unpack_gaps,
)


def sparse_layers(seed, kept):
    """Two layers whose weights are mostly zero and otherwise one of a few values."""
    generator = torch.Generator().manual_seed(seed)
    values = torch.linspace(-1, 1, 20)
    state = {}
    for name, shape in (("first", (4, 3, 3, 3)), ("second", (5, 4, 1, 1))):
        weight = values[torch.randint(20, shape, generator=generator)]
        state[f"{name}.weight"] = weight * (torch.rand(shape, generator=generator) < kept)
        state[f"{name}.bias"] = torch.randn(shape[0], generator=generator)
    return state


@given(seed=st.integers(0, 99), kept=st.floats(0, 1))
def test_unpacking_gives_back_what_was_packed(seed, kept):
    state = sparse_layers(seed, kept)
    result = decode(encode(state), layers_of(state))
    assert list(result) == list(state)
    assert all(torch.equal(result[name], value) for name, value in state.items())


@given(gaps=st.lists(st.integers(0, 15)))
def test_two_gaps_share_a_byte(gaps):
    packed = pack_gaps(np.array(gaps, dtype=np.int64))
    assert len(packed) == (len(gaps) + 1) // 2
    assert unpack_gaps(packed, len(gaps)).tolist() == gaps


def test_the_low_half_of_a_byte_comes_first():
    assert unpack_gaps(np.array([0x52], dtype=np.uint8), 2).tolist() == [2, 5]


def test_a_long_gap_needs_a_stored_zero():
    flat = np.zeros(40, dtype=np.float32)
    flat[[0, 3, 36]] = 1
    kept, gaps = find_gaps(flat)
    assert kept.tolist() == [0, 3, 19, 35, 36]
    assert gaps.tolist() == [0, 2, 15, 15, 0]
    np.testing.assert_array_equal(scatter(flat[kept], gaps, 40), flat)


@given(cut=st.integers(1, 60), seed=st.integers(0, 9))
def test_a_truncated_file_is_refused(cut, seed):
    state = sparse_layers(seed, 0.4)
    with pytest.raises(ValueError, match="truncated"):
        decode(encode(state)[:-cut], layers_of(state))


def test_other_damage_is_refused_too():
    state = sparse_layers(0, 0.4)
    with pytest.raises(ValueError, match="3 bytes are left over"):
        decode(encode(state) + b"abc", layers_of(state))
    with pytest.raises(ValueError, match="position 16 of a layer of 10"):
        scatter(np.ones(1, dtype=np.float32), np.array([16]), 10)


def test_more_than_256_values_cannot_be_shared():
    state = {"a.weight": torch.linspace(0, 1, 300).reshape(300, 1), "a.bias": torch.zeros(300)}
    with pytest.raises(ValueError, match="a has 300 different weights"):
        encode(state)


def test_the_size_is_that_of_the_file():
    state = sparse_layers(1, 0.5)
    stored = [len(find_gaps(state[f"{name}.weight"].flatten().numpy())[0]) for name in ("first", "second")]
    bits = sum(size_in_bits(number, biases) for number, biases in zip(stored, (4, 5), strict=True))
    assert bits == 8 * len(encode(state))
