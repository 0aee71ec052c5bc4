"""Boxes drawn onto an image run along the edges of its pixels."""

import torch

from cnncourse.workbench.figures import show_boxes, show_image, subplots


def test_a_box_frames_its_pixels():
    _, axes = subplots()
    show_image(axes[0, 0], torch.zeros(4, 6))
    show_boxes(axes[0, 0], torch.tensor([[1.0, 0.0, 3.0, 2.0]]), labels=["disc"])
    (line,) = axes[0, 0].lines
    assert line.get_xydata().tolist() == [[0.5, -0.5], [2.5, -0.5], [2.5, 1.5], [0.5, 1.5], [0.5, -0.5]]
    assert [text.get_text() for text in axes[0, 0].texts] == ["disc"]
