"""A small YOLO without dense layers: convolutions down to one column of channels for each 16×16 pixels.

The paper's network ends in two dense layers and sees exactly 448×448 pixels; this one takes any size.
Paper: Redmon, Divvala, Girshick & Farhadi 2016, section 2.1.

Chapter: `applications/yolo`.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from cnncourse.applications.yolo.grid import outputs_per_cell
from cnncourse.models.network import Network

STRIDE = 16  # pixels of a cell
SLOPE = 0.1  # of the leaky rectifier, equation 2 of the paper


class Yolo(Network):
    """Images (N, 3, H, W) to (N, H/16, W/16, 5B + C), every number in [0, 1].

    Parameters
    ----------
    classes, boxes
        C and B.
    width
        Channels after the first convolution; the others follow.
    """

    smallest_input = STRIDE

    def __init__(self, classes: int = 6, boxes: int = 2, width: int = 16) -> None:
        super().__init__()
        outputs = outputs_per_cell(boxes, classes)
        self.boxes, self.classes = boxes, classes
        self.features = nn.Sequential(
            _convolution(3, width, stride=2),
            _convolution(width, 2 * width),
            nn.MaxPool2d(2),
            _convolution(2 * width, 4 * width),
            nn.MaxPool2d(2),
            _convolution(4 * width, 6 * width),
            nn.MaxPool2d(2),
            _convolution(6 * width, 8 * width),
            _convolution(8 * width, 8 * width),
        )
        self.head = nn.Conv2d(8 * width, outputs, 1)

    def forward(self, images: Tensor) -> Tensor:
        """One pass; the positions, sizes and confidences pass a logistic function, the classes a softmax."""
        self.check_input(images)
        numbers = self.head(self.features(images)).permute(0, 2, 3, 1).float()
        cut = 5 * self.boxes
        return torch.cat([numbers[..., :cut].sigmoid(), numbers[..., cut:].softmax(dim=3)], dim=3)


def _convolution(in_channels: int, out_channels: int, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(in_channels, out_channels, 3, stride, padding=1, bias=False),
        nn.BatchNorm2d(out_channels),
        nn.LeakyReLU(SLOPE, inplace=True),
    )
