"""VGG: 3×3 kernels all the way down, in the paper's configurations A to E (Simonyan & Zisserman 2015, table 1).

Two 3×3 layers see 5×5 pixels with 2·9·C² weights in place of 25·C².

Chapter: `models/vgg`.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from cnncourse.models.alexnet import response_normalization
from cnncourse.models.network import Network, factory, scaled, smallest_input

# Channels of 3×3 layers; 1× marks a 1×1 layer, N local response normalization, M max pooling.
CONFIGURATIONS = {
    "A": "64 M 128 M 256 256 M 512 512 M 512 512 M",
    "A-LRN": "64 N M 128 M 256 256 M 512 512 M 512 512 M",
    "B": "64 64 M 128 128 M 256 256 M 512 512 M 512 512 M",
    "C": "64 64 M 128 128 M 256 256 1×256 M 512 512 1×512 M 512 512 1×512 M",
    "D": "64 64 M 128 128 M 256 256 256 M 512 512 512 M 512 512 512 M",
    "E": "64 64 M 128 128 M 256 256 256 256 M 512 512 512 512 M 512 512 512 512 M",
    "small": "32 32 M 64 64 M 128 128 M",
}


class VGG(Network):
    """Convolutions `features`, then pooling to a fixed size, then fully connected layers `classifier`.

    Parameters
    ----------
    configuration
        A key of `CONFIGURATIONS`.
    num_classes
        Outputs.
    batch_norm
        Normalize after each convolution, which the paper does not (it appeared half a year later).
    pooled
        Side of the maps that the classifier sees; the paper's 224 pixels give 7.
    hidden
        Units of each of the two hidden fully connected layers, or 0 for none.
    width
        Multiplies all channels, to make a small network of the same shape.

    Shape: images (N, C, H, W) → logits (N, num_classes); names of parameters as in torchvision.

    Raises
    ------
    ValueError
        If there is no such configuration, or a number is out of range.
    """

    def __init__(
        self,
        configuration: str = "D",
        num_classes: int = 1000,
        *,
        batch_norm: bool = False,
        pooled: int = 7,
        hidden: int = 4096,
        dropout: float = 0.5,
        width: float = 1.0,
        in_channels: int = 3,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        if configuration not in CONFIGURATIONS:
            raise ValueError(f"there is no configuration {configuration!r}; choose one of {', '.join(CONFIGURATIONS)}")
        self.configuration, self.in_channels = configuration, in_channels
        dd = factory(device, dtype)
        layers: list[nn.Module] = []
        channels = in_channels
        for entry in CONFIGURATIONS[configuration].split():
            if entry == "M":
                layers.append(nn.MaxPool2d(2, stride=2))
            elif entry == "N":
                layers.append(response_normalization())
            else:
                kernel_size = 1 if entry.startswith("1×") else 3
                out = scaled(int(entry.removeprefix("1×")), width)
                layers.append(nn.Conv2d(channels, out, kernel_size, padding=kernel_size // 2, **dd))
                layers += [nn.BatchNorm2d(out, **dd), nn.ReLU()] if batch_norm else [nn.ReLU()]
                channels = out
        self.features = nn.Sequential(*layers)
        self.smallest_input = smallest_input(layers)
        self.avgpool = nn.AdaptiveAvgPool2d(pooled)
        self.classifier = _classifier(
            channels * pooled**2, scaled(hidden, width) if hidden else 0, num_classes, dropout, dd
        )
        self.apply(_initialise)

    def forward(self, images: Tensor) -> Tensor:
        """Logits (N, num_classes)."""
        self.check_input(images)
        maps = self.avgpool(self.features(images))  # (N, C, pooled, pooled)
        logits: Tensor = self.classifier(maps.flatten(1))
        return logits

    @property
    def blocks(self) -> list[list[str]]:
        """The layers between poolings as the paper's table 1 writes them, for example ``["conv3-64", "LRN"]``."""
        blocks: list[list[str]] = [[]]
        for module in self.features:
            if isinstance(module, nn.MaxPool2d):
                blocks.append([])
            elif isinstance(module, nn.Conv2d):
                blocks[-1].append(f"conv{module.kernel_size[0]}-{module.out_channels}")
            elif isinstance(module, nn.LocalResponseNorm):
                blocks[-1].append("LRN")
        return [block for block in blocks if block]

    @property
    def places(self) -> dict[str, str]:
        """`conv3_2`, `relu3_2`, `pool3`, `fc6` and so on, as the paper and its readers name them."""
        names: dict[str, str] = {}
        block, layer = 1, 0
        for index, module in enumerate(self.features):
            if isinstance(module, nn.Conv2d):
                layer += 1
                names[f"conv{block}_{layer}"] = f"features.{index}"
            elif isinstance(module, nn.ReLU):
                names[f"relu{block}_{layer}"] = f"features.{index}"
            elif isinstance(module, nn.MaxPool2d):
                names[f"pool{block}"] = f"features.{index}"
                block, layer = block + 1, 0
        linear = [index for index, module in enumerate(self.classifier) if isinstance(module, nn.Linear)]
        return names | {f"fc{block + order}": f"classifier.{index}" for order, index in enumerate(linear)}


def vgg_small(num_classes: int = 10, **options: object) -> VGG:
    """Six 3×3 layers with batch normalization and one linear layer, for 32×32 pictures: 289,194 parameters."""
    settings: dict[str, object] = {"batch_norm": True, "pooled": 1, "hidden": 0} | options
    return VGG("small", num_classes, **settings)  # type: ignore[arg-type]


def _classifier(inputs: int, hidden: int, num_classes: int, dropout: float, dd: dict[str, object]) -> nn.Sequential:
    if not hidden:
        return nn.Sequential(nn.Linear(inputs, num_classes, **dd))  # type: ignore[arg-type]
    return nn.Sequential(
        nn.Linear(inputs, hidden, **dd),  # type: ignore[arg-type]
        nn.ReLU(),
        nn.Dropout(dropout),
        nn.Linear(hidden, hidden, **dd),  # type: ignore[arg-type]
        nn.ReLU(),
        nn.Dropout(dropout),
        nn.Linear(hidden, num_classes, **dd),  # type: ignore[arg-type]
    )


def _initialise(module: nn.Module) -> None:
    if isinstance(module, nn.Conv2d):
        nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
        if module.bias is not None:
            nn.init.zeros_(module.bias)
    elif isinstance(module, nn.Linear):
        nn.init.normal_(module.weight, std=0.01)
        nn.init.zeros_(module.bias)
