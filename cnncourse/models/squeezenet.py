"""SqueezeNet 1.0: AlexNet's accuracy with fifty times fewer parameters, 1,248,424 (Iandola et al. 2016, table 1).

A fire module squeezes with 1×1 layers and then expands with 1×1 and 3×3 side by side; there is no dense layer.

Chapter: `models/googlenet`.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from cnncourse.models.network import Network, factory, scaled, smallest_input

# Squeeze and expand channels of fire2 … fire9; M is 3×3 max pooling at stride 2.
FIRE_MODULES = ((16, 64), (16, 64), (32, 128), "M", (32, 128), (48, 192), (48, 192), (64, 256), "M", (64, 256))


class Fire(nn.Module):
    """Squeeze to few channels, then expand with half 1×1 and half 3×3 kernels.

    Shape: (N, in_channels, H, W) → (N, 2 · expand, H, W).
    """

    def __init__(
        self,
        in_channels: int,
        squeeze: int,
        expand: int,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        dd = factory(device, dtype)
        self.squeeze = nn.Conv2d(in_channels, squeeze, 1, **dd)
        self.squeeze_activation = nn.ReLU()
        self.expand1x1 = nn.Conv2d(squeeze, expand, 1, **dd)
        self.expand1x1_activation = nn.ReLU()
        self.expand3x3 = nn.Conv2d(squeeze, expand, 3, padding=1, **dd)
        self.expand3x3_activation = nn.ReLU()

    def forward(self, maps: Tensor) -> Tensor:
        """Both halves, one behind the other."""
        few = self.squeeze_activation(self.squeeze(maps))
        wide = [self.expand1x1_activation(self.expand1x1(few)), self.expand3x3_activation(self.expand3x3(few))]
        return torch.cat(wide, dim=1)


class SqueezeNet(Network):
    """SqueezeNet 1.0.

    Shape: images (N, C, H, W) → logits (N, num_classes); names of parameters as in torchvision.
    """

    def __init__(
        self,
        num_classes: int = 1000,
        *,
        dropout: float = 0.5,
        width: float = 1.0,
        in_channels: int = 3,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        dd = factory(device, dtype)
        self.in_channels = in_channels
        channels = scaled(96, width)
        first = nn.Conv2d(in_channels, channels, 7, stride=2, **dd)
        layers: list[nn.Module] = [first, nn.ReLU(), nn.MaxPool2d(3, stride=2, ceil_mode=True)]
        for entry in FIRE_MODULES:
            if isinstance(entry, str):
                layers.append(nn.MaxPool2d(3, stride=2, ceil_mode=True))
                continue
            squeeze, expand = (scaled(number, width) for number in entry)
            layers.append(Fire(channels, squeeze, expand, **dd))
            channels = 2 * expand
        self.features = nn.Sequential(*layers)
        self.smallest_input = smallest_input(layers)
        last = nn.Conv2d(channels, num_classes, 1, **dd)
        self.classifier = nn.Sequential(nn.Dropout(dropout), last, nn.ReLU(), nn.AdaptiveAvgPool2d(1))
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_uniform_(module.weight, nonlinearity="relu")
                nn.init.zeros_(module.bias)  # type: ignore[arg-type]
        nn.init.normal_(last.weight, std=0.01)

    def forward(self, images: Tensor) -> Tensor:
        """Logits (N, num_classes); they are averages of rectified maps, so none is negative."""
        self.check_input(images)
        logits: Tensor = self.classifier(self.features(images)).flatten(1)
        return logits

    @property
    def places(self) -> dict[str, str]:
        """`conv1`, `pool1`, `fire2` … `fire9`, `pool4`, `pool8`, `conv10`."""
        names = {"conv1": "features.0", "relu1": "features.1", "pool1": "features.2"}
        number = 1
        for index, module in enumerate(self.features):
            if isinstance(module, Fire):
                number += 1
                names[f"fire{number}"] = f"features.{index}"
            elif isinstance(module, nn.MaxPool2d):
                names[f"pool{number}"] = f"features.{index}"
        return names | {"conv10": "classifier.1"}
