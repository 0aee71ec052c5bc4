"""Residual networks: y = F(x) + x (He et al. 2016, table 1 for ImageNet and section 4.2 for CIFAR-10).

`stride_in` says which layer of a bottleneck halves the maps: the paper's first 1×1, or torchvision's 3×3 ("v1.5").

Chapter: `models/resnet`.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from cnncourse.models.network import Network, factory, scaled
from cnncourse.workbench import checks

# Depth: kind of block, and blocks in each stage.
DEPTHS = {
    18: ("basic", (2, 2, 2, 2)),
    34: ("basic", (3, 4, 6, 3)),
    50: ("bottleneck", (3, 4, 6, 3)),
    101: ("bottleneck", (3, 4, 23, 3)),
    152: ("bottleneck", (3, 8, 36, 3)),
}
STRIDE_IN = ("3×3", "1×1")


class PaddedShortcut(nn.Module):
    """Shortcut without parameters, the paper's option A: every second pixel, and zeros for the new channels.

    Shape: (N, in_channels, H, W) → (N, out_channels, ⌈H/stride⌉, ⌈W/stride⌉).
    """

    def __init__(self, in_channels: int, out_channels: int, stride: int) -> None:
        super().__init__()
        self.stride, self.missing = stride, out_channels - in_channels

    def forward(self, maps: Tensor) -> Tensor:
        """Half of the missing channels stand before the old ones and half behind."""
        before = self.missing // 2
        picked = maps[:, :, :: self.stride, :: self.stride]
        return F.pad(picked, (0, 0, 0, 0, before, self.missing - before))


class BasicBlock(nn.Module):
    """Two 3×3 layers beside a shortcut; without `residual` the shortcut is cut, which gives the plain net.

    Shape: (N, in_channels, H, W) → (N, channels, ⌈H/stride⌉, ⌈W/stride⌉).
    """

    expansion = 1

    def __init__(
        self,
        in_channels: int,
        channels: int,
        stride: int = 1,
        *,
        shortcut: str = "B",
        residual: bool = True,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        dd = factory(device, dtype)
        self.conv1 = nn.Conv2d(in_channels, channels, 3, stride, padding=1, bias=False, **dd)
        self.bn1 = nn.BatchNorm2d(channels, **dd)
        self.relu = nn.ReLU()
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1, bias=False, **dd)
        self.bn2 = nn.BatchNorm2d(channels, **dd)
        self.residual = residual
        self.downsample = _shortcut(in_channels, channels, stride, shortcut, residual, dd)

    def forward(self, maps: Tensor) -> Tensor:
        """ReLU(F(x) + x), or ReLU(F(x)) without `residual`."""
        change = self.bn2(self.conv2(self.relu(self.bn1(self.conv1(maps)))))
        if not self.residual:
            return F.relu(change)
        return F.relu(change + (maps if self.downsample is None else self.downsample(maps)))


class Bottleneck(nn.Module):
    """1×1 down to `channels`, 3×3, 1×1 up to four times as many, beside a shortcut.

    Shape: (N, in_channels, H, W) → (N, 4 · channels, ⌈H/stride⌉, ⌈W/stride⌉).
    """

    expansion = 4

    def __init__(
        self,
        in_channels: int,
        channels: int,
        stride: int = 1,
        *,
        stride_in: str = "3×3",
        shortcut: str = "B",
        residual: bool = True,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        if stride_in not in STRIDE_IN:
            raise ValueError(f"stride_in is {stride_in!r}; choose one of {', '.join(STRIDE_IN)}")
        dd = factory(device, dtype)
        first, second = (stride, 1) if stride_in == "1×1" else (1, stride)
        out = self.expansion * channels
        self.conv1 = nn.Conv2d(in_channels, channels, 1, first, bias=False, **dd)
        self.bn1 = nn.BatchNorm2d(channels, **dd)
        self.conv2 = nn.Conv2d(channels, channels, 3, second, padding=1, bias=False, **dd)
        self.bn2 = nn.BatchNorm2d(channels, **dd)
        self.conv3 = nn.Conv2d(channels, out, 1, bias=False, **dd)
        self.bn3 = nn.BatchNorm2d(out, **dd)
        self.relu = nn.ReLU()
        self.residual = residual
        self.downsample = _shortcut(in_channels, out, stride, shortcut, residual, dd)

    def forward(self, maps: Tensor) -> Tensor:
        """ReLU(F(x) + x), or ReLU(F(x)) without `residual`."""
        change = self.relu(self.bn1(self.conv1(maps)))
        change = self.relu(self.bn2(self.conv2(change)))
        change = self.bn3(self.conv3(change))
        if not self.residual:
            return F.relu(change)
        return F.relu(change + (maps if self.downsample is None else self.downsample(maps)))


class ResNet(Network):
    """A stem, stages of blocks whose maps halve from stage to stage, global average pooling, one linear layer.

    Parameters
    ----------
    block
        ``"basic"`` or ``"bottleneck"``.
    blocks
        Blocks in each stage.
    channels
        Channels of the first stage; each further stage has twice as many.
    stem
        ``"imagenet"``: 7×7 at stride 2, then 3×3 max pooling at stride 2; ``"cifar"``: 3×3 at stride 1.
    shortcut
        Where sizes change, ``"A"`` pads with zeros and ``"B"`` projects with a 1×1 layer.
    residual
        Without it, the plain network of the same layers.

    Shape: images (N, C, H, W) → logits (N, num_classes); names of parameters as in torchvision.
    """

    def __init__(
        self,
        block: str,
        blocks: tuple[int, ...],
        num_classes: int = 1000,
        *,
        channels: int = 64,
        stem: str = "imagenet",
        stride_in: str = "3×3",
        shortcut: str = "B",
        residual: bool = True,
        width: float = 1.0,
        in_channels: int = 3,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        for name, value, choices in (("block", block, ("basic", "bottleneck")), ("stem", stem, ("imagenet", "cifar"))):
            if value not in choices:
                raise ValueError(f"{name} is {value!r}; choose one of {', '.join(choices)}")
        dd = factory(device, dtype)
        self.in_channels, self.stages = in_channels, len(blocks)
        channels = scaled(channels, width)
        large = stem == "imagenet"
        self.conv1 = nn.Conv2d(
            in_channels, channels, 7 if large else 3, 2 if large else 1, padding=3 if large else 1, bias=False, **dd
        )
        self.bn1 = nn.BatchNorm2d(channels, **dd)
        self.relu = nn.ReLU()
        self.maxpool = nn.MaxPool2d(3, stride=2, padding=1) if large else nn.Identity()
        kind = Bottleneck if block == "bottleneck" else BasicBlock
        options = {"shortcut": shortcut, "residual": residual, **dd}
        if block == "bottleneck":
            options["stride_in"] = stride_in
        inside = channels
        for stage, number in enumerate(blocks):
            layers: list[nn.Module] = []
            for position in range(number):
                stride = 2 if stage > 0 and position == 0 else 1
                layers.append(kind(inside, channels * 2**stage, stride, **options))
                inside = kind.expansion * channels * 2**stage
            self.add_module(f"layer{stage + 1}", nn.Sequential(*layers))
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(inside, num_classes, **dd)
        self.apply(_initialise)

    def forward(self, images: Tensor) -> Tensor:
        """Logits (N, num_classes)."""
        self.check_input(images)
        maps = self.maxpool(self.relu(self.bn1(self.conv1(images))))
        for stage in range(self.stages):
            maps = getattr(self, f"layer{stage + 1}")(maps)
        logits: Tensor = self.fc(self.avgpool(maps).flatten(1))
        return logits

    @property
    def places(self) -> dict[str, str]:
        """The stem, each stage and each block, for example `layer2` and `layer2.0`."""
        names = {"conv1": "conv1", "relu1": "relu", "maxpool": "maxpool"}
        for stage in range(1, self.stages + 1):
            blocks = len(self.get_submodule(f"layer{stage}"))  # type: ignore[arg-type]
            names |= {f"layer{stage}.{index}": f"layer{stage}.{index}" for index in range(blocks)}
            names[f"layer{stage}"] = f"layer{stage}"
        return names | {"avgpool": "avgpool", "fc": "fc"}


def resnet(depth: int = 50, num_classes: int = 1000, **options: object) -> ResNet:
    """ResNet for ImageNet with 18, 34, 50, 101 or 152 weight layers; options as for `ResNet`."""
    if depth not in DEPTHS:
        raise ValueError(f"depth is {depth!r}; choose one of {', '.join(map(str, DEPTHS))}")
    block, blocks = DEPTHS[depth]
    return ResNet(block, blocks, num_classes, **options)  # type: ignore[arg-type]


def cifar_resnet(depth: int = 20, num_classes: int = 10, **options: object) -> ResNet:
    """ResNet for 32×32 pictures with 6n + 2 weight layers and shortcuts without parameters (20, 32, 44, 56, 110)."""
    checks.whole_number("depth", depth, 8, "The smallest has one block in each of three stages.")
    if depth % 6 != 2:
        raise ValueError(f"depth is {depth}; it must be 6n + 2, for example 20, 32, 44, 56 or 110")
    settings: dict[str, object] = {"channels": 16, "stem": "cifar", "shortcut": "A"} | options
    return ResNet("basic", (depth // 6,) * 3, num_classes, **settings)  # type: ignore[arg-type]


def block_weights(block: str, channels: int, inside: int) -> int:
    """Weights of the convolutions of one block that keeps its `channels`, with `inside` channels between its layers.

    ``"basic"``: 3×3 twice, C → I → C; ``"bottleneck"``: 1×1, 3×3, 1×1, C → I → I → C. The skip has none.
    """
    checks.whole_number("channels", channels, 1, "A map has at least one channel.")
    checks.whole_number("inside", inside, 1, "A map has at least one channel.")
    if block == "basic":
        return 2 * 9 * channels * inside
    if block == "bottleneck":
        return 2 * channels * inside + 9 * inside**2
    raise ValueError(f"block is {block!r}; choose basic or bottleneck")


def _shortcut(
    in_channels: int, out_channels: int, stride: int, option: str, residual: bool, dd: dict[str, object]
) -> nn.Module | None:
    if option not in ("A", "B"):
        raise ValueError(f"shortcut is {option!r}; choose A (zeros) or B (a 1×1 layer)")
    if not residual or (stride == 1 and in_channels == out_channels):
        return None
    if option == "A":
        return PaddedShortcut(in_channels, out_channels, stride)
    return nn.Sequential(
        nn.Conv2d(in_channels, out_channels, 1, stride, bias=False, **dd),  # type: ignore[arg-type]
        nn.BatchNorm2d(out_channels, **dd),  # type: ignore[arg-type]
    )


def _initialise(module: nn.Module) -> None:
    if isinstance(module, nn.Conv2d):
        nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
