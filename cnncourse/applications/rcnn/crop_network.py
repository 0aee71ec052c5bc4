"""The network of R-CNN, small: it sees one warped crop at a time and knows nothing of where it came from.

24×24 → three times (3×3 convolution, batch normalization, ReLU, pooling) → 64 maps of 3×3 → 128 features → classes + 1
Paper: Girshick et al. 2014, section 2.1 (there AlexNet, 227×227 → 4096 features).

Chapter: `applications/rcnn`.
"""

from __future__ import annotations

from torch import Tensor, nn

SIDE, CONTEXT, FEATURES = 24, 3, 128


class CropNetwork(nn.Module):
    """Classifies crops (N, 3, 24, 24) into `classes` and, as the last one, background.

    `maps` are what box regression reads, because they still know where; `features` are what the machines read.
    """

    def __init__(self, classes: int = 6) -> None:
        super().__init__()
        self.maps = nn.Sequential(*_stage(3, 16), *_stage(16, 32), *_stage(32, 64), nn.Flatten())
        self.fc6 = nn.Sequential(nn.Linear(64 * 9, FEATURES), nn.ReLU())
        self.classifier = nn.Linear(FEATURES, classes + 1)

    def features(self, crops: Tensor) -> Tensor:
        """(N, 128)."""
        found: Tensor = self.fc6(self.maps(crops))
        return found

    def forward(self, crops: Tensor) -> Tensor:
        """Logits (N, classes + 1); the last one is the background."""
        logits: Tensor = self.classifier(self.features(crops))
        return logits


def _stage(inputs: int, outputs: int) -> list[nn.Module]:
    return [
        nn.Conv2d(inputs, outputs, 3, padding=1, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(),
        nn.MaxPool2d(2),
    ]
