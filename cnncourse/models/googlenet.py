"""GoogLeNet: nine Inception modules, filters of several sizes side by side (Szegedy et al. 2015, table 1).

A 1×1 layer in front of each costly one cuts the weights of module 3a from 387,072 to 163,328.

Chapter: `models/googlenet`.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from cnncourse.models.alexnet import response_normalization
from cnncourse.models.network import Network, factory, scaled, smallest_input
from cnncourse.workbench import checks

# Module: 1×1, 3×3 reduce, 3×3, 5×5 reduce, 5×5, pool projection.
MODULES = {
    "3a": (64, 96, 128, 16, 32, 32),
    "3b": (128, 128, 192, 32, 96, 64),
    "4a": (192, 96, 208, 16, 48, 64),
    "4b": (160, 112, 224, 24, 64, 64),
    "4c": (128, 128, 256, 24, 64, 64),
    "4d": (112, 144, 288, 32, 64, 64),
    "4e": (256, 160, 320, 32, 128, 128),
    "5a": (256, 160, 320, 32, 128, 128),
    "5b": (384, 192, 384, 48, 128, 128),
}


class GoogLeNetOutputs(NamedTuple):
    """What GoogLeNet returns while it trains: the logits and those of the two auxiliary classifiers."""

    logits: Tensor
    aux_logits2: Tensor
    aux_logits1: Tensor


class BasicConv2d(nn.Module):
    """Convolution and ReLU, with a bias or with batch normalization between the two."""

    def __init__(self, in_channels: int, out_channels: int, batch_norm: bool = False, **options: Any) -> None:
        super().__init__()
        dd = {name: options.get(name) for name in ("device", "dtype")}
        self.conv = nn.Conv2d(in_channels, out_channels, bias=not batch_norm, **options)
        self.bn = nn.BatchNorm2d(out_channels, eps=0.001, **dd) if batch_norm else None  # type: ignore[arg-type]

    def forward(self, maps: Tensor) -> Tensor:
        """Non-negative response maps."""
        maps = self.conv(maps)
        return F.relu(maps if self.bn is None else self.bn(maps))


class NaiveInception(nn.Module):
    """The Inception module that one would write first: 1×1, 3×3, 5×5 and 3×3 pooling on all input maps.

    Shape: (N, in_channels, H, W) → (N, ch1x1 + ch3x3 + ch5x5 + in_channels, H, W): it can only grow.
    """

    def __init__(
        self,
        in_channels: int,
        ch1x1: int,
        ch3x3: int,
        ch5x5: int,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        _check_channels(in_channels, ch1x1, ch3x3, ch5x5)
        dd = factory(device, dtype)
        self.branch1 = BasicConv2d(in_channels, ch1x1, kernel_size=1, **dd)
        self.branch2 = BasicConv2d(in_channels, ch3x3, kernel_size=3, padding=1, **dd)
        self.branch3 = BasicConv2d(in_channels, ch5x5, kernel_size=5, padding=2, **dd)
        self.branch4 = nn.MaxPool2d(3, stride=1, padding=1)

    def forward(self, maps: Tensor) -> Tensor:
        """All branches, one behind another."""
        return torch.cat([self.branch1(maps), self.branch2(maps), self.branch3(maps), self.branch4(maps)], dim=1)


class Inception(nn.Module):
    """The Inception module with dimension reduction: a 1×1 layer before 3×3 and 5×5, and one behind the pooling.

    `third` is the kernel size of the third branch: 5 as published, 3 in torchvision's checkpoints.

    Shape: (N, in_channels, H, W) → (N, ch1x1 + ch3x3 + ch5x5 + pool_proj, H, W).
    """

    def __init__(
        self,
        in_channels: int,
        ch1x1: int,
        ch3x3red: int,
        ch3x3: int,
        ch5x5red: int,
        ch5x5: int,
        pool_proj: int,
        *,
        third: int = 5,
        batch_norm: bool = False,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        _check_channels(in_channels, ch1x1, ch3x3red, ch3x3, ch5x5red, ch5x5, pool_proj)
        options: dict[str, Any] = {"batch_norm": batch_norm, **factory(device, dtype)}
        self.branch1 = BasicConv2d(in_channels, ch1x1, kernel_size=1, **options)
        self.branch2 = nn.Sequential(
            BasicConv2d(in_channels, ch3x3red, kernel_size=1, **options),
            BasicConv2d(ch3x3red, ch3x3, kernel_size=3, padding=1, **options),
        )
        self.branch3 = nn.Sequential(
            BasicConv2d(in_channels, ch5x5red, kernel_size=1, **options),
            BasicConv2d(ch5x5red, ch5x5, kernel_size=third, padding=third // 2, **options),
        )
        self.branch4 = nn.Sequential(
            nn.MaxPool2d(3, stride=1, padding=1, ceil_mode=True),
            BasicConv2d(in_channels, pool_proj, kernel_size=1, **options),
        )

    def forward(self, maps: Tensor) -> Tensor:
        """All branches, one behind another."""
        return torch.cat([self.branch1(maps), self.branch2(maps), self.branch3(maps), self.branch4(maps)], dim=1)


class AuxiliaryClassifier(nn.Module):
    """A small classifier on maps in the middle of the network, for training only.

    Shape: (N, in_channels, H, W) → (N, num_classes).
    """

    def __init__(
        self, in_channels: int, num_classes: int, width: float, dropout: float, batch_norm: bool, dd: dict[str, Any]
    ) -> None:
        super().__init__()
        maps, hidden = scaled(128, width), scaled(1024, width)
        self.conv = BasicConv2d(in_channels, maps, kernel_size=1, batch_norm=batch_norm, **dd)
        self.fc1 = nn.Linear(maps * 16, hidden, **dd)
        self.fc2 = nn.Linear(hidden, num_classes, **dd)
        self.dropout = nn.Dropout(dropout)

    def forward(self, maps: Tensor) -> Tensor:
        """Logits; 14×14 maps are averaged over 5×5 windows at stride 3, maps of other sizes to 4×4 as well."""
        pooled = F.avg_pool2d(maps, 5, 3) if maps.shape[2:] == (14, 14) else F.adaptive_avg_pool2d(maps, 4)
        units = F.relu(self.fc1(self.conv(pooled).flatten(1)))
        logits: Tensor = self.fc2(self.dropout(units))
        return logits


class GoogLeNet(Network):
    """GoogLeNet as published, or (`variant="checkpoint"`) the one that torchvision's checkpoint fits.

    Parameters
    ----------
    num_classes
        Outputs.
    variant
        ``"paper"``: 5×5 kernels, biases, local response normalization, 6,998,552 parameters without the auxiliary
        classifiers. ``"checkpoint"``: 3×3 where the paper has 5×5, batch normalization, no biases, a 2×2 pooling
        before module 5a, 6,624,904 parameters.
    aux_logits
        Have the two auxiliary classifiers. Then, in training mode, `forward` returns `GoogLeNetOutputs`.
    transform_input
        Turn ImageNet's usual normalization of the input into the one that the checkpoint was trained with.
    width
        Multiplies all channels.

    Shape: images (N, 3, H, W) → logits (N, num_classes); names of parameters as in torchvision.
    """

    def __init__(
        self,
        num_classes: int = 1000,
        *,
        variant: str = "paper",
        aux_logits: bool = True,
        transform_input: bool = False,
        dropout: float = 0.4,
        aux_dropout: float = 0.7,
        width: float = 1.0,
        in_channels: int = 3,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        if variant not in ("paper", "checkpoint"):
            raise ValueError(f"variant is {variant!r}; choose paper or checkpoint")
        dd = factory(device, dtype)
        self.in_channels, self.variant, self.transform_input = in_channels, variant, transform_input
        published = variant == "paper"
        options: dict[str, Any] = {"batch_norm": not published, **dd}
        c64, c192 = scaled(64, width), scaled(192, width)
        self.conv1 = BasicConv2d(in_channels, c64, kernel_size=7, stride=2, padding=3, **options)
        self.maxpool1 = nn.MaxPool2d(3, stride=2, ceil_mode=True)
        self.norm1 = response_normalization() if published else nn.Identity()
        self.conv2 = BasicConv2d(c64, c64, kernel_size=1, **options)
        self.conv3 = BasicConv2d(c64, c192, kernel_size=3, padding=1, **options)
        self.norm2 = response_normalization() if published else nn.Identity()
        self.maxpool2 = nn.MaxPool2d(3, stride=2, ceil_mode=True)
        self.maxpool3 = nn.MaxPool2d(3, stride=2, ceil_mode=True)
        self.maxpool4 = nn.MaxPool2d(3 if published else 2, stride=2, ceil_mode=True)
        channels, third = c192, 5 if published else 3
        inside: dict[str, int] = {}
        for name, numbers in MODULES.items():
            inside[name] = channels
            one, reduced3, three, reduced5, five, projected = (scaled(number, width) for number in numbers)
            module = Inception(channels, one, reduced3, three, reduced5, five, projected, third=third, **options)
            self.add_module(f"inception{name}", module)
            channels = one + three + five + projected
        self.aux1, self.aux2 = (
            AuxiliaryClassifier(inside[behind], num_classes, width, aux_dropout, not published, dd)
            if aux_logits
            else None
            for behind in ("4b", "4e")
        )
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.dropout = nn.Dropout(dropout)
        self.fc = nn.Linear(channels, num_classes, **dd)
        self.smallest_input = smallest_input(
            [self.conv1.conv, self.maxpool1, self.maxpool2, self.maxpool3, self.maxpool4]
        )
        self.apply(_initialise)

    def forward(self, images: Tensor) -> Tensor | GoogLeNetOutputs:
        """Logits (N, num_classes), or all three of them in training mode."""
        self.check_input(images)
        if self.transform_input:
            images = _to_checkpoint_range(images)
        maps = self.norm1(self.maxpool1(self.conv1(images)))  # (N, 64, 56, 56)
        maps = self.maxpool2(self.norm2(self.conv3(self.conv2(maps))))  # (N, 192, 28, 28)
        maps = self.maxpool3(self._through(maps, "3a", "3b"))  # (N, 480, 14, 14)
        maps = middle1 = self._through(maps, "4a")  # (N, 512, 14, 14)
        maps = middle2 = self._through(maps, "4b", "4c", "4d")  # (N, 528, 14, 14)
        maps = self.maxpool4(self._through(maps, "4e"))  # (N, 832, 7, 7)
        maps = self._through(maps, "5a", "5b")  # (N, 1024, 7, 7)
        logits: Tensor = self.fc(self.dropout(self.avgpool(maps).flatten(1)))
        if self.training and self.aux1 is not None and self.aux2 is not None:
            return GoogLeNetOutputs(logits, self.aux2(middle2), self.aux1(middle1))
        return logits

    @property
    def places(self) -> dict[str, str]:
        """`conv1`, `pool1`, …, `inception3a` … `inception5b`, `avgpool`, `fc`."""
        names = {"conv1": "conv1", "pool1": "maxpool1", "conv2": "conv2", "conv3": "conv3", "pool2": "maxpool2"}
        names |= {f"inception{name}": f"inception{name}" for name in MODULES}
        return names | {"pool3": "maxpool3", "pool4": "maxpool4", "avgpool": "avgpool", "fc": "fc"}

    def _through(self, maps: Tensor, *names: str) -> Tensor:
        for name in names:
            maps = getattr(self, f"inception{name}")(maps)
        return maps


def _check_channels(*channels: int) -> None:
    for number in channels:
        checks.whole_number("channels", number, 1, "Each branch needs at least one map.")


def _to_checkpoint_range(images: Tensor) -> Tensor:
    std, mean = images.new_tensor([0.229, 0.224, 0.225]), images.new_tensor([0.485, 0.456, 0.406])
    return images * (std / 0.5)[:, None, None] + ((mean - 0.5) / 0.5)[:, None, None]


def _initialise(module: nn.Module) -> None:
    if isinstance(module, nn.Conv2d):
        nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
        if module.bias is not None:
            nn.init.zeros_(module.bias)
    elif isinstance(module, nn.Linear):
        nn.init.trunc_normal_(module.weight, std=0.01, a=-0.02, b=0.02)
        nn.init.zeros_(module.bias)
