"""AlexNet: five convolutions and three fully connected layers, on two GPUs (Krizhevsky et al. 2012).

Two towers as in the paper, 60,965,224 parameters; the single tower that frameworks ship has 61,100,840.

Chapter: `models/alexnet`.
"""

from __future__ import annotations

import math
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from cnncourse.models.network import Network, factory, scaled, smallest_input
from cnncourse.workbench import checks


class AlexNet(Network):
    """AlexNet as published (`towers=2`) or as frameworks ship it (`towers=1`, Krizhevsky 2014).

    Parameters
    ----------
    num_classes
        Outputs.
    towers
        With 2, the second, fourth and fifth convolution see only the half of the maps that lies on their own GPU,
        which is a convolution in two groups; local response normalization follows the first two convolutions;
        the input has 227×227 pixels, though the paper prints 224. With 1 there are 64, 192, 384, 256 and 256 maps,
        no normalization, and 224×224 pixels.
    dropout
        Share of units of the first two fully connected layers that are silenced in training.
    width
        Multiplies all channels and hidden units.

    Shape: images (N, C, H, W) → logits (N, num_classes). Other sizes are averaged to 6×6 before the first fully
    connected layer. Names of parameters as in torchvision.
    """

    def __init__(
        self,
        num_classes: int = 1000,
        *,
        towers: int = 2,
        dropout: float = 0.5,
        width: float = 1.0,
        in_channels: int = 3,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        if towers not in (1, 2):
            raise ValueError(f"towers is {towers!r}; choose 2, as published, or 1, as frameworks ship it")
        dd = factory(device, dtype)
        self.in_channels, self.towers = in_channels, towers
        published = towers == 2
        maps = (96, 256, 384, 384, 256) if published else (64, 192, 384, 256, 256)
        c1, c2, c3, c4, c5 = (towers * scaled(channels // towers, width) for channels in maps)
        hidden = scaled(4096, width)
        norm1, norm2 = ([response_normalization()] if published else [] for _ in range(2))
        self.features = nn.Sequential(
            nn.Conv2d(in_channels, c1, 11, stride=4, padding=0 if published else 2, **dd),
            nn.ReLU(),
            *norm1,
            nn.MaxPool2d(3, stride=2),
            nn.Conv2d(c1, c2, 5, padding=2, groups=towers, **dd),
            nn.ReLU(),
            *norm2,
            nn.MaxPool2d(3, stride=2),
            nn.Conv2d(c2, c3, 3, padding=1, **dd),
            nn.ReLU(),
            nn.Conv2d(c3, c4, 3, padding=1, groups=towers, **dd),
            nn.ReLU(),
            nn.Conv2d(c4, c5, 3, padding=1, groups=towers, **dd),
            nn.ReLU(),
            nn.MaxPool2d(3, stride=2),
        )
        self.smallest_input = smallest_input(self.features)
        self.avgpool = nn.AdaptiveAvgPool2d(6)
        self.classifier = _classifier(c5 * 36, hidden, num_classes, dropout, published, dd)
        if published:
            self.apply(_initialise)
            for layer in (self.features[4], self.features[10], self.features[12]):
                nn.init.ones_(layer.bias)  # type: ignore[arg-type]

    def forward(self, images: Tensor) -> Tensor:
        """Logits (N, num_classes)."""
        self.check_input(images)
        maps = self.avgpool(self.features(images))  # (N, 256, 6, 6)
        logits: Tensor = self.classifier(maps.flatten(1))
        return logits

    @property
    def places(self) -> dict[str, str]:
        """`conv1` … `conv5`, `relu1` …, `norm1`, `norm2`, `pool1`, `pool2`, `pool5`, `fc6`, `fc7`, `fc8`."""
        return chain_places(self.features) | _linear_places(self.classifier)


class ZFNet(Network):
    """AlexNet after a look inside: 7×7 at stride 2 in the first layer, one tower (Zeiler & Fergus 2014, figure 3).

    Maps of 110, 55, 26, 13 and 6 pixels from 224; 62,357,608 parameters. Local response normalization stands in for
    the paper's contrast normalization across maps.

    Shape: images (N, C, H, W) → logits (N, num_classes).
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
        c1, c2, c3, c4, c5 = (scaled(channels, width) for channels in (96, 256, 384, 384, 256))
        self.features = nn.Sequential(
            nn.Conv2d(in_channels, c1, 7, stride=2, padding=1, **dd),
            nn.ReLU(),
            nn.MaxPool2d(3, stride=2, padding=1),
            response_normalization(),
            nn.Conv2d(c1, c2, 5, stride=2, **dd),
            nn.ReLU(),
            nn.MaxPool2d(3, stride=2, padding=1),
            response_normalization(),
            nn.Conv2d(c2, c3, 3, padding=1, **dd),
            nn.ReLU(),
            nn.Conv2d(c3, c4, 3, padding=1, **dd),
            nn.ReLU(),
            nn.Conv2d(c4, c5, 3, padding=1, **dd),
            nn.ReLU(),
            nn.MaxPool2d(3, stride=2),
        )
        self.smallest_input = smallest_input(self.features)
        self.avgpool = nn.AdaptiveAvgPool2d(6)
        self.classifier = _classifier(c5 * 36, scaled(4096, width), num_classes, dropout, True, dd)
        self.apply(_initialise)

    def forward(self, images: Tensor) -> Tensor:
        """Logits (N, num_classes)."""
        self.check_input(images)
        maps = self.avgpool(self.features(images))  # (N, 256, 6, 6)
        logits: Tensor = self.classifier(maps.flatten(1))
        return logits

    @property
    def places(self) -> dict[str, str]:
        """`conv1` … `conv5`, `relu1` …, `pool1`, `norm1` …, `pool5`, `fc6`, `fc7`, `fc8`."""
        return chain_places(self.features) | _linear_places(self.classifier)


def local_response_normalization(
    maps: Tensor, size: int = 5, alpha: float = 1e-4, beta: float = 0.75, k: float = 2.0
) -> Tensor:
    """Divide each value by (k + α Σ a²)^β, over the values of `size` neighbouring maps at the same position.

    Section 3.3 of the paper, written out. At the first and the last maps there are fewer neighbours and the sum is
    smaller. α multiplies the sum itself: `nn.LocalResponseNorm` divides its alpha by the size first.

    Parameters
    ----------
    maps
        (N, C, H, W), floating point.
    size
        Maps in the window, an odd number: as many on both sides.

    Raises
    ------
    TypeError, ValueError
        If the maps are no such tensor, the size is even, α is negative, k is not positive, or a number is not finite.
    """
    checks.tensor("maps", maps, "N C H W")
    if not maps.is_floating_point():
        raise TypeError(f"maps are {maps.dtype}; convert them with `.float()`")
    if checks.whole_number("size", size, 1, "A window holds at least the map itself.") % 2 == 0:
        raise ValueError(f"size is {size}; it must be odd, so that the map stands in the middle of its neighbours")
    for name, value in {"alpha": alpha, "beta": beta, "k": k}.items():
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            raise ValueError(f"{name} is {value!r}; it must be a finite number")
    if alpha < 0 or k <= 0:
        raise ValueError(f"alpha is {alpha} and k is {k}; with alpha ≥ 0 and k > 0 the divisor stays positive")
    reach = min(size // 2, maps.shape[1])  # further neighbours do not exist
    squares = F.pad(maps.square(), (0, 0, 0, 0, reach, reach))  # no maps beyond the first and the last
    sums = sum(squares[:, shift : shift + maps.shape[1]] for shift in range(2 * reach + 1))
    return maps / (k + alpha * sums) ** beta


def response_normalization() -> nn.LocalResponseNorm:
    """The paper's b = a / (2 + 10⁻⁴ Σ a²)^0.75 over five neighbouring maps; torch divides its alpha by the five."""
    return nn.LocalResponseNorm(5, alpha=5e-4, beta=0.75, k=2.0)


def chain_places(features: nn.Sequential) -> dict[str, str]:
    """Names such as `conv3`, `relu3`, `pool2`, `norm1` for the modules of a chain, numbered by convolution."""
    kinds = {nn.Conv2d: "conv", nn.ReLU: "relu", nn.MaxPool2d: "pool", nn.LocalResponseNorm: "norm"}
    names: dict[str, str] = {}
    number = 0
    for index, module in enumerate(features):
        number += isinstance(module, nn.Conv2d)
        names[f"{kinds[type(module)]}{number}"] = f"features.{index}"
    return names


def _linear_places(classifier: nn.Sequential) -> dict[str, str]:
    linear = [index for index, module in enumerate(classifier) if isinstance(module, nn.Linear)]
    return {f"fc{number}": f"classifier.{index}" for number, index in enumerate(linear, start=6)}


def _classifier(
    inputs: int, hidden: int, num_classes: int, dropout: float, published: bool, dd: dict[str, Any]
) -> nn.Sequential:
    layers = [
        [nn.Linear(inputs, hidden, **dd), nn.ReLU()],
        [nn.Linear(hidden, hidden, **dd), nn.ReLU()],
    ]
    ordered: list[nn.Module] = []
    for layer in layers:  # frameworks silence the inputs of the two layers, the paper their outputs
        ordered += [*layer, nn.Dropout(dropout)] if published else [nn.Dropout(dropout), *layer]
    return nn.Sequential(*ordered, nn.Linear(hidden, num_classes, **dd))


def _initialise(module: nn.Module) -> None:
    if isinstance(module, nn.Conv2d | nn.Linear):
        nn.init.normal_(module.weight, std=0.01)
        nn.init.constant_(module.bias, float(isinstance(module, nn.Linear)))  # type: ignore[arg-type]
