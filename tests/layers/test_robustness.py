"""Shifts: who is equivariant, who is invariant, and a detector that is a real correlation."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st

from cnncourse.layers.pooling import adaptive_average_pooling, blur_pooling, global_max_pooling, max_pooling
from cnncourse.layers.robustness import detector_response, moving_crops, shift, shift_gaps
from cnncourse.workbench.images import photograph

IMAGE = torch.rand(1, 2, 12, 16, generator=torch.Generator().manual_seed(3), dtype=torch.float64)
TINY = 1e-12


def pool(image):
    return max_pooling(image, 4)[0]


@given(right=st.integers(-20, 20))
def test_pooling_is_equivariant_exactly_for_multiples_of_its_stride(right):
    equivariance, _ = shift_gaps(pool, IMAGE, right)
    assert (equivariance < TINY) == (right % 4 == 0)


@given(right=st.integers(-20, 20))
def test_a_pixelwise_layer_is_equivariant_and_a_global_one_invariant(right):
    assert shift_gaps(torch.relu, IMAGE - 0.5, right)[0] < TINY
    for layer in (global_max_pooling, adaptive_average_pooling):
        assert max(shift_gaps(layer, IMAGE, right)) < TINY


def test_what_is_equivariant_is_not_invariant():
    equivariance, invariance = shift_gaps(torch.relu, IMAGE, 3)
    assert equivariance < TINY
    assert invariance > 0.1


def test_a_low_pass_filter_halves_the_gap_of_max_pooling_on_a_photograph():
    image = photograph("chelsea", 128, grey=True)[None]

    def low_passed(picture):
        return blur_pooling(max_pooling(picture, 2, stride=1)[0], 2, kernel_size=5)

    assert shift_gaps(low_passed, image, 1)[0] < 0.7 * shift_gaps(lambda x: max_pooling(x, 2)[0], image, 1)[0]


@given(right=st.integers(-30, 30), down=st.integers(-30, 30))
def test_shifting_back_undoes_a_shift(right, down):
    assert torch.equal(shift(shift(IMAGE, right, down), -right, -down), IMAGE)


def test_crops_move_their_content_to_the_right():
    image = torch.arange(5.0 * 9).reshape(1, 5, 9)
    crops = moving_crops(image, size=4, top=1, left=4, shifts=[0, 1, 3])
    assert crops.shape == (3, 1, 4, 4)
    assert torch.equal(crops[1, :, :, 1:], crops[0, :, :, :-1])
    assert torch.equal(crops[2, :, :, 3], crops[0, :, :, 0])


def test_a_detector_answers_one_on_its_own_pattern_and_is_a_correlation_coefficient_elsewhere():
    image = photograph("chelsea", 64)
    template = image[:, 20:31, 30:41]
    response = detector_response(image[None], template)
    assert response.shape == (1, 1, 54, 54)
    assert divmod(int(response.argmax()), 54) == (20, 30)
    assert float(response.max()) == pytest.approx(1, abs=1e-4)
    for row, column in ((0, 0), (53, 53), (10, 40)):
        patch = image[:, row : row + 11, column : column + 11]
        expected = np.corrcoef(patch.flatten().numpy(), template.flatten().numpy())[0, 1]
        assert float(response[0, 0, row, column]) == pytest.approx(expected, abs=1e-4)


def test_a_detector_sees_nothing_in_a_flat_image():
    template = torch.eye(3)[None]
    assert float(detector_response(torch.ones(1, 1, 6, 6), template).abs().max()) == 0


def test_a_detector_ignores_brightness_and_contrast():
    image = photograph("camera", 48)[None]
    template = image[0, :, 8:17, 8:17]
    torch.testing.assert_close(
        detector_response(0.5 * image + 0.2, template), detector_response(image, template), atol=2e-3, rtol=0
    )


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: shift("x", 1), TypeError, "must be a tensor"),
        (lambda: shift(IMAGE, 1.5), ValueError, "right is 1.5"),
        (lambda: moving_crops(IMAGE[0], 9, 0, 4, [5]), ValueError, "leaves the image"),
        (lambda: moving_crops(IMAGE[0], 4, 0, 4, [-1]), ValueError, "shift is -1"),
        (lambda: moving_crops(IMAGE[0], 4, 0, 4, []), ValueError, "at least one"),
        (lambda: detector_response(IMAGE, torch.zeros(3, 2, 2)), ValueError, "expected"),
        (lambda: detector_response(IMAGE, IMAGE[0, :, :2, :2].float()), ValueError, "one dtype"),
        (lambda: detector_response(IMAGE, torch.rand(2, 13, 3).double()), ValueError, "does not fit"),
        (lambda: detector_response(IMAGE, torch.ones(2, 3, 3).double()), ValueError, "constant"),
        (lambda: shift_gaps(3, IMAGE, 1), TypeError, "layer is a int"),
        (lambda: shift_gaps(torch.sum, IMAGE, 1), ValueError, "answer has shape"),
        (lambda: shift_gaps(lambda x: 3, IMAGE, 1), TypeError, "answer is a int"),
    ],
)
def test_impossible_requests_are_named(call, error, words):
    with pytest.raises(error, match=words):
        call()


@given(
    value=st.one_of(
        st.none(), st.floats(), st.text(), st.booleans(), st.integers(-3, 0), st.lists(st.integers(-2, -1)),
        st.builds(torch.zeros, st.lists(st.integers(0, 2), max_size=2)),
    )
)  # fmt: skip
def test_nothing_but_value_and_type_errors_escape(value):
    both = (ValueError, TypeError)
    calls = [
        lambda: moving_crops(value, 2, 0, 2, [0]),
        lambda: moving_crops(IMAGE[0], value, 0, 2, [0]),
        lambda: detector_response(value, IMAGE[0, :, :2, :2]),
        lambda: detector_response(IMAGE, value),
        lambda: shift_gaps(value, IMAGE, 1),
        lambda: shift_gaps(F.relu, value, 1),
    ]
    if not isinstance(value, int) or isinstance(value, bool):
        calls += [lambda: shift(IMAGE, value), lambda: shift_gaps(F.relu, IMAGE, value)]
    if value != []:
        calls.append(lambda: moving_crops(IMAGE[0], 2, 0, 2, value))
    for call in calls:
        with pytest.raises(both):
            call()
