"""Photographs keep their sizes until they are cut to squares."""

import io

import pytest
import torch
from jpeg_files import one_colour
from PIL import Image

from cnncourse.data import Photographs
from cnncourse.data.photographs import decode


def album():
    files = tuple(one_colour((40 * number, 100, 200), height=20 + number, width=30) for number in range(4))
    return Photographs(files, torch.tensor([0, 1, 0, 1]), ("a", "b"), "drawn for a test")


def test_each_keeps_its_own_size():
    assert [tuple(album().image(index).shape) for index in (0, 3)] == [(3, 20, 30), (3, 23, 30)]
    assert album().image(2).float().mean(dim=(1, 2)).tolist() == pytest.approx([80, 100, 200], abs=3)


def test_squares_have_one_size_and_keep_labels():
    squares = album().squares(8)
    assert squares.images.shape == (4, 3, 8, 8)
    assert squares.images.dtype == torch.uint8
    assert squares.labels.tolist() == [0, 1, 0, 1]
    assert squares.origin == "drawn for a test, 8×8 pixels"
    assert album().select([]).squares(8).images.shape == (0, 3, 8, 8)


def test_a_selection_keeps_photographs_with_their_labels():
    chosen = album().select([3, 0])
    assert chosen.labels.tolist() == [1, 0]
    assert chosen.image(0).shape == (3, 23, 30)
    assert album().per_class(1).labels.tolist() == [0, 1]


def test_a_grey_picture_gets_three_equal_channels():
    buffer = io.BytesIO()
    Image.new("L", (5, 4), 90).save(buffer, "JPEG")
    pixels = decode(buffer.getvalue())
    assert pixels.shape == (3, 4, 5)
    assert torch.equal(pixels[0], pixels[2])


@pytest.mark.parametrize("number", [0, -1, 2.0, None])
def test_impossible_numbers_are_named(number):
    with pytest.raises(ValueError, match="side is"):
        album().squares(number)
    with pytest.raises(ValueError, match="number is"):
        album().per_class(number)
