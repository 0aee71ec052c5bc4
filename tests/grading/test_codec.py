"""The strict codec: what goes in comes out as plain data, and no message whatever does anything else."""

import collections
import contextlib
import enum
import math
import random

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import example, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from torch import nn

from cnncourse.grading.codec import DecodeError, Decoder, EncodeError, Encoder, Reference, decode, encode, forms

hashable = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.complex_numbers(allow_nan=False)
    | st.text(st.characters())
    | st.binary(),
    lambda inner: st.lists(inner, max_size=3).map(tuple) | st.frozensets(inner, max_size=3),
    max_leaves=5,
)
plain = st.recursive(
    hashable | st.builds(range, st.integers(), st.integers()) | st.builds(slice, st.integers()) | st.just(...),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(hashable, inner, max_size=4) | st.sets(hashable),
    max_leaves=12,
)
arrays = st.sampled_from(forms.ARRAY_DTYPES).flatmap(
    lambda dtype: npst.arrays(dtype, npst.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=3))
)
dtypes = st.sampled_from(forms.DTYPES)
shapes = st.lists(st.integers(0, 3), max_size=3)


def same(a, b):
    """Equal in value and in exact type, all the way down."""
    if type(a) is not type(b):
        return False
    if isinstance(a, (list, tuple)):
        return len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, dict):
        return len(a) == len(b) and all(key in b and same(a[key], b[key]) for key in a)
    return a == b


@given(plain)
def test_plain_data_come_back_equal_and_of_the_same_type(value):
    assert same(decode(encode(value)), value)


@pytest.mark.parametrize("value", [math.nan, math.inf, -0.0, 2**5000, -(2**5000), "\ud800", bytearray(b"ab")])
def test_awkward_values_come_back(value):
    back = decode(encode(value))
    assert type(back) is type(value)
    assert repr(back) == repr(value)


@given(arrays)
def test_arrays_come_back(array):
    back = decode(encode(array))
    assert (back.dtype, back.shape) == (array.dtype, array.shape)
    assert back.tobytes() == array.tobytes()
    assert back.flags.writeable


@given(dtypes, shapes, st.integers(0, 2**32))
def test_tensors_come_back(dtype, shape, seed):
    numbers = torch.randint(0, 256, (*shape, 3), generator=torch.Generator().manual_seed(seed))
    tensor = numbers.to(dtype)
    back = decode(encode(tensor))
    assert (back.dtype, back.shape) == (tensor.dtype, tensor.shape)
    assert torch.equal(back.view(torch.uint8), tensor.view(torch.uint8))


def test_views_and_big_endian_arrays_are_sent_by_their_values():
    for array in (np.arange(6).reshape(2, 3).T, np.arange(6)[::-2], np.arange(3, dtype=">i4")):
        assert np.array_equal(decode(encode(array)), array)
    tensor = torch.arange(6.0).reshape(2, 3)
    for view in (tensor.T, tensor[:, ::2], torch.ones(1, 3).expand(4, 3), tensor.to(torch.complex64).conj()):
        assert torch.equal(decode(encode(view)), view)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.bool])
def test_a_single_element_is_sent_whatever_its_strides(dtype):
    element = torch.arange(9).reshape(1, 9).to(dtype)[:, 3:4].transpose(0, 1)
    assert element.stride() != (1, 1)
    assert torch.equal(decode(encode(element)), element)


def test_torch_kinds_and_text_arrays_come_back():
    values = [torch.Size([2, 3]), torch.float16, torch.device("cpu"), torch.device("cuda", 1), np.dtype("f4")]
    assert decode(encode(values)) == values
    assert type(decode(encode(torch.Size([2])))) is torch.Size
    assert np.array_equal(decode(encode(np.array([["a", "bc"]]))), [["a", "bc"]])


@given(npst.from_dtype(np.dtype("f4")) | npst.from_dtype(np.dtype("i8")) | st.booleans().map(np.bool_))
def test_numpy_scalars_come_back(scalar):
    back = decode(encode(scalar))
    assert type(back) is type(scalar)
    assert back.tobytes() == scalar.tobytes()


def test_a_parameter_keeps_what_checks_ask_it():
    parameter = nn.Parameter(torch.ones(2))
    parameter.grad = torch.full((2,), 3.0)
    frozen = nn.Parameter(torch.ones(2), requires_grad=False)
    back, still = decode(encode([parameter, frozen]))
    assert isinstance(back, nn.Parameter)
    assert back.requires_grad
    assert torch.equal(back.grad, parameter.grad)
    assert isinstance(still, nn.Parameter)
    assert not still.requires_grad


def test_a_result_is_sent_without_its_history():
    back = decode(encode(torch.ones(2, requires_grad=True) * 2))
    assert not back.requires_grad
    assert back.grad_fn is None


Point = collections.namedtuple("Point", "x y")


def test_named_tuples_keep_their_fields_and_are_plain_tuples_otherwise():
    point = decode(encode(Point(1, [2])))
    assert point == (1, [2])
    assert point.y == [2]
    assert point._asdict() == {"x": 1, "y": [2]}
    best = decode(encode(torch.max(torch.tensor([[1.0, 5.0]]), dim=1)))
    assert best.indices == 1


class Colour(enum.IntEnum):
    RED = 3


class Liar(int):
    def __eq__(self, other):
        return True

    __hash__ = int.__hash__

    def __add__(self, other):
        return 7


class Listed(list):
    def __iter__(self):
        return iter("evil")


class Evil(torch.Tensor):
    @classmethod
    def __torch_function__(cls, *args, **kwargs):
        return torch.tensor(1.0)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (Colour.RED, 3),
        (Liar(0), 0),
        (Listed([1, 2]), [1, 2]),
        (collections.OrderedDict(a=1), {"a": 1}),
        (collections.defaultdict(int, a=1), {"a": 1}),
        (type("Word", (str,), {"__str__": lambda self: "evil"})("good"), "good"),
        (type("Real", (float,), {"__add__": lambda self, other: 9.0})(1.5), 1.5),
    ],
)
def test_subclasses_become_their_plain_base(value, expected):
    back = decode(encode(value))
    assert type(back) is type(expected)
    assert back == expected


def test_a_tensor_subclass_becomes_a_plain_tensor_with_its_real_values():
    back = decode(encode(torch.zeros(2).as_subclass(Evil)))
    assert type(back) is torch.Tensor
    assert torch.equal(back, torch.zeros(2))


def test_the_library_travels_by_name_and_keeps_its_identity():
    things = [nn.Conv2d, F.relu, torch.sigmoid, torch.optim.SGD, int, ValueError, np.float32, np.mean, max, np.exp]
    for thing, back in zip(things, decode(encode(things)), strict=True):
        assert back is thing


@pytest.mark.parametrize("name", ["open", "eval", "exec", "torch.load", "nn.Conv2d.forward", "F.torch", "", "F.grad"])
def test_no_other_name_can_be_reached(name):
    text = name.encode()
    with pytest.raises(DecodeError):
        decode(b"L" + len(text).to_bytes(8, "little") + text)


def cyclic():
    ring = []
    ring.append(ring)
    return ring


@pytest.mark.parametrize(
    "value",
    [
        cyclic(),
        object(),
        lambda: 1,
        np.array([object()]),
        np.zeros(2, dtype=[("a", "i4")]),
        torch.eye(2).to_sparse(),
        torch.empty(2, device="meta"),
        torch.zeros(1).expand(2**40),
        10 ** (10**6),
        open,
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_has_no_form_is_refused_in_words(value):
    with pytest.raises(EncodeError):
        encode(value)


def test_references_carry_a_number_and_facts():
    things = [object(), object()]
    message = encode([things[1], 5], refer=lambda thing: Reference(things.index(thing), ("object",)))
    assert decode(message, resolve=lambda reference: (things[reference.number], reference.facts)) == [
        (things[1], ("object",)),
        5,
    ]
    with pytest.raises(DecodeError):
        decode(message)


def test_mutable_values_are_tracked_in_the_same_order_on_both_sides():
    value = [{"a": np.zeros(2)}, (torch.ones(3), {1}), np.array(["a"]), bytearray(b"x"), [torch.ones(1)]]
    written, read = [], []
    back = Decoder(track=read).decode(Encoder(track=written).encode(value))
    assert [type(thing) for thing in written] == [type(thing) for thing in read]
    assert read[0] is back
    assert read[2] is back[0]["a"]


def test_an_argument_that_comes_back_is_recognised():
    argument = torch.ones(2)
    message = Encoder(recall=lambda value: 4 if value is argument else None).encode([argument, torch.zeros(1)])
    back = Decoder(recalled=lambda number: {4: argument}[number]).decode(message)
    assert back[0] is argument
    with pytest.raises(DecodeError):
        Decoder(recalled=lambda number: {}[number]).decode(message)


@settings(max_examples=400)
@given(st.binary(max_size=200))
@example(b"[" + b"\xff" * 4)
@example(b"t\x00\x00\x02" + b"\xff" * 24)
@example(b"(" + (1).to_bytes(4, "little") * 400)
def test_random_bytes_give_a_clean_error_or_plain_data(message):
    with contextlib.suppress(DecodeError):
        decode(message)


SAMPLE = encode(
    [
        1,
        "text",
        {"a": (1.5, None, True)},
        {1, 2},
        torch.ones(2, 3),
        np.zeros((2, 2), np.bool_),
        nn.Parameter(torch.ones(1)),
        Point(1, 2),
        np.array(["a"]),
        torch.Size([3]),
        range(3),
        F.relu,
        torch.device("cpu"),
        np.float32(1),
    ]
)


@settings(max_examples=600)
@given(st.lists(st.tuples(st.integers(0, len(SAMPLE) - 1), st.integers(0, 255)), min_size=1, max_size=4))
def test_mutated_messages_give_a_clean_error_or_plain_data(changes):
    message = bytearray(SAMPLE)
    for place, byte in changes:
        message[place] = byte
    with contextlib.suppress(DecodeError):
        decode(message)


def test_shortened_lengthened_and_spliced_messages_give_a_clean_error():
    dice = random.Random(0)
    for size in range(len(SAMPLE)):
        with pytest.raises(DecodeError):
            decode(SAMPLE[:size])
        cut = dice.randrange(len(SAMPLE))
        with contextlib.suppress(DecodeError):
            decode(SAMPLE[:size] + SAMPLE[cut:])
    with pytest.raises(DecodeError):
        decode(SAMPLE + b"0")


def test_a_bool_tensor_never_holds_anything_but_zero_and_one():
    message = encode(torch.tensor([True, False])).replace(b"\x01\x00", b"\x07\x02")
    assert message != encode(torch.tensor([True, False]))
    assert decode(message).view(torch.uint8).tolist() == [1, 1]


def test_depth_is_limited_when_reading_too():
    with pytest.raises(DecodeError):
        decode(b"[\x01\x00\x00\x00" * 10_000 + b"0")


def test_unhashable_and_foreign_keys_are_refused():
    with pytest.raises(DecodeError):
        decode(b"{" + (1).to_bytes(4, "little") + encode(torch.ones(1)))
