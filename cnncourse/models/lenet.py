"""LeNet-5 as published, with exactly 60,000 trainable parameters, and LeNet as usually taught, with 61,706.

The difference: trainable subsampling, third layer with a sparse table, outputs by distance. (LeCun et al. 1998)

Chapter: `models/lenet`.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from cnncourse.models.network import Network, factory, scaled

# Table I of the paper: which of the six maps of S2 each of the sixteen maps of C3 reads.
C3_TABLE = (
    (0, 1, 2), (1, 2, 3), (2, 3, 4), (3, 4, 5), (0, 4, 5), (0, 1, 5),
    (0, 1, 2, 3), (1, 2, 3, 4), (2, 3, 4, 5), (0, 3, 4, 5), (0, 1, 4, 5), (0, 1, 2, 5),
    (0, 1, 3, 4), (1, 2, 4, 5), (0, 2, 3, 5),
    (0, 1, 2, 3, 4, 5),
)  # fmt: skip
_AMPLITUDE, _SLOPE = 1.7159, 2 / 3
# Digits of 7×12 pixels in the manner of the paper's figure 3: the fixed targets of the 84 units of F6.
_DIGITS = (
    "...#... ..###.. .##.##. ##...## ##...## ##...## ##...## ##...## ##...## .##.##. ..###.. .......",
    "...##.. ..###.. .####.. ...##.. ...##.. ...##.. ...##.. ...##.. ...##.. ...##.. .###### .......",
    ".#####. ##...## ##...## .....## ....##. ...##.. ..##... .##.... ##..... ##..... ####### .......",
    ".#####. ##...## .....## .....## ..####. .....## .....## .....## .....## ##...## .#####. .......",
    "....##. ...###. ..####. .##.##. ##..##. ##..##. ####### ....##. ....##. ....##. ....##. .......",
    "####### ##..... ##..... ##..... ######. .....## .....## .....## .....## ##...## .#####. .......",
    "..####. .##.... ##..... ##..... ######. ##...## ##...## ##...## ##...## ##...## .#####. .......",
    "####### .....## .....## ....##. ....##. ...##.. ...##.. ..##... ..##... ..##... ..##... .......",
    ".#####. ##...## ##...## ##...## .#####. ##...## ##...## ##...## ##...## ##...## .#####. .......",
    ".#####. ##...## ##...## ##...## ##...## .###### .....## .....## .....## ....##. .####.. .......",
)


def scaled_tanh(values: Tensor) -> Tensor:
    """1.7159 · tanh(2/3 · a), which maps ±1 to ±1 (appendix A of the paper)."""
    return _AMPLITUDE * torch.tanh(_SLOPE * values)


def digit_codes() -> Tensor:
    """The ten target patterns of F6, −1 and +1, shape (10, 84)."""
    drawn = ["".join(rows.split()) for rows in _DIGITS]
    return torch.tensor([[1.0 if pixel == "#" else -1.0 for pixel in digit] for digit in drawn])


class ScaledTanh(nn.Module):
    """`scaled_tanh` as a layer."""

    def forward(self, values: Tensor) -> Tensor:
        """Values between −1.7159 and 1.7159."""
        return scaled_tanh(values)


class Subsampling(nn.Module):
    """The sum of four neighbours times one trainable coefficient plus one trainable bias, for each map.

    Shape: (N, C, H, W) → (N, C, H/2, W/2).
    """

    def __init__(
        self, channels: int, device: torch.device | str | None = None, dtype: torch.dtype | None = None
    ) -> None:
        super().__init__()
        dd = factory(device, dtype)
        self.coefficient = nn.Parameter(torch.full((channels, 1, 1), 0.25, **dd))
        self.bias = nn.Parameter(torch.zeros((channels, 1, 1), **dd))

    def forward(self, maps: Tensor) -> Tensor:
        """Subsampled maps, before the squashing."""
        return 4 * F.avg_pool2d(maps, 2) * self.coefficient + self.bias


class SparseConvolution(nn.Module):
    """A convolution in which each output map reads only the input maps that a table lists.

    `weight` has one 5×5 slice for each connection of the table, (connections, K, K), and `bias` one number a map.

    Shape: (N, in_channels, H, W) → (N, len(table), H − K + 1, W − K + 1).
    """

    target: Tensor
    source: Tensor

    def __init__(
        self,
        in_channels: int,
        table: tuple[tuple[int, ...], ...],
        kernel_size: int,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        dd = factory(device, dtype)
        pairs = [(target, source) for target, sources in enumerate(table) for source in sources]
        self.in_channels, self.out_channels, self.kernel_size = in_channels, len(table), kernel_size
        self.weight = nn.Parameter(torch.empty((len(pairs), kernel_size, kernel_size), **dd))
        self.bias = nn.Parameter(torch.zeros(len(table), **dd))
        for name, values in zip(("target", "source"), zip(*pairs, strict=True), strict=True):
            self.register_buffer(name, torch.tensor(values, device=device), persistent=False)
        for target, sources in enumerate(table):
            bound = 2.4 / (len(sources) * kernel_size**2)
            rows = [index for index, (mine, _) in enumerate(pairs) if mine == target]
            nn.init.uniform_(self.weight[rows[0] : rows[-1] + 1], -bound, bound)

    def dense_weight(self) -> Tensor:
        """The same kernels with zeros where the table has no connection, (out_channels, in_channels, K, K)."""
        shape = (self.out_channels, self.in_channels, self.kernel_size, self.kernel_size)
        empty = torch.zeros(shape, device=self.weight.device, dtype=self.weight.dtype)
        return empty.index_put((self.target, self.source), self.weight)

    def forward(self, maps: Tensor) -> Tensor:
        """Response maps."""
        return F.conv2d(maps, self.dense_weight(), self.bias)


class DistanceToCodes(nn.Module):
    """How near 84 units are to the fixed pattern of each digit: the negative squared distance. Nothing is trained.

    Shape: (N, 84) → (N, 10).
    """

    codes: Tensor

    def __init__(self, device: torch.device | str | None = None, dtype: torch.dtype | None = None) -> None:
        super().__init__()
        self.register_buffer("codes", digit_codes().to(**factory(device, dtype)), persistent=False)

    def forward(self, units: Tensor) -> Tensor:
        """0 for a perfect likeness, and the less the further away."""
        return -(units[:, None] - self.codes).square().sum(dim=2)


class LeNet5(Network):
    """LeNet-5 of 1998 for 32×32 pictures in which −0.1 is white and 1.175 is black.

    C1 156, S2 12, C3 1,516, S4 32, C5 48,120 and F6 10,164 trainable parameters; the output layer measures the
    squared distance to fixed patterns. The logits returned are the negative distances: the nearest digit wins.

    Shape: images (N, 1, 32, 32) → logits (N, 10). Larger images have no meaning here and are refused.
    """

    in_channels, smallest_input = 1, 32

    def __init__(self, device: torch.device | str | None = None, dtype: torch.dtype | None = None) -> None:
        super().__init__()
        dd = factory(device, dtype)
        self.c1 = nn.Conv2d(1, 6, 5, **dd)
        self.a1 = ScaledTanh()
        self.s2 = Subsampling(6, **dd)
        self.a2 = ScaledTanh()
        self.c3 = SparseConvolution(6, C3_TABLE, 5, **dd)
        self.a3 = ScaledTanh()
        self.s4 = Subsampling(16, **dd)
        self.a4 = ScaledTanh()
        self.c5 = nn.Conv2d(16, 120, 5, **dd)
        self.a5 = ScaledTanh()
        self.f6 = nn.Linear(120, 84, **dd)
        self.a6 = ScaledTanh()
        self.output = DistanceToCodes(**dd)
        for layer in (self.c1, self.c5, self.f6):
            bound = 2.4 / layer.weight[0].numel()  # the paper's F_i is the fan-in
            nn.init.uniform_(layer.weight, -bound, bound)
            nn.init.zeros_(layer.bias)  # type: ignore[arg-type]

    def forward(self, images: Tensor) -> Tensor:
        """Negative squared distances to the ten patterns, (N, 10)."""
        self.check_input(images)
        if images.shape[2:] != (32, 32):
            raise ValueError(f"images are {tuple(images.shape[2:])}; LeNet-5 reads 32×32: pad MNIST by two pixels")
        maps = self.a2(self.s2(self.a1(self.c1(images))))  # (N, 6, 14, 14)
        maps = self.a4(self.s4(self.a3(self.c3(maps))))  # (N, 16, 5, 5)
        units = self.a6(self.f6(self.a5(self.c5(maps)).flatten(1)))  # (N, 84)
        logits: Tensor = self.output(units)
        return logits


def connections(network: LeNet5) -> dict[str, int]:
    """Connections of each layer of LeNet-5, biases included, as the paper counts them: 340,908 together."""

    def count(module: nn.Module) -> int:
        return sum(parameter.numel() for parameter in module.parameters())

    return {
        "C1": 28**2 * count(network.c1),
        "S2": 14**2 * 6 * (4 + 1),  # four pixels and a bias, though only two parameters
        "C3": 10**2 * count(network.c3),
        "S4": 5**2 * 16 * (4 + 1),
        "C5": count(network.c5),
        "F6": count(network.f6),
        "output": network.output.codes.numel(),
    }


def connections_of(layer: str = "") -> int:
    """Connections of one of LeNet-5's layers, or of all of them."""
    counted = connections(LeNet5())
    if layer and layer not in counted:
        raise ValueError(f"there is no layer {layer!r}; choose one of {', '.join(counted)}")
    return counted[layer] if layer else sum(counted.values())


class LeNet(Network):
    """LeNet as it is usually taught: every map of the second convolution reads all six, pooling has no parameters.

    Parameters
    ----------
    activation
        ``"relu"`` or ``"tanh"``.
    pooling
        ``"max"`` or ``"average"``.
    padding
        Pixels added around the input: 2 for MNIST's 28×28, 0 for pictures of 32×32.

    Shape: images (N, C, 28, 28) → logits (N, num_classes); with padding 0, (N, C, 32, 32).
    """

    def __init__(
        self,
        num_classes: int = 10,
        *,
        in_channels: int = 1,
        activation: str = "relu",
        pooling: str = "max",
        padding: int = 2,
        width: float = 1.0,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        if activation not in ("relu", "tanh") or pooling not in ("max", "average"):
            raise ValueError(
                f"activation is {activation!r} and pooling {pooling!r}; choose relu or tanh, and max or average"
            )
        dd = factory(device, dtype)
        c1, c3, c5, f6 = (scaled(units, width) for units in (6, 16, 120, 84))
        squash = nn.ReLU if activation == "relu" else nn.Tanh
        pool = nn.MaxPool2d if pooling == "max" else nn.AvgPool2d
        self.in_channels, self.smallest_input = in_channels, 32 - 2 * padding
        self.c1 = nn.Conv2d(in_channels, c1, 5, padding=padding, **dd)
        self.a1 = squash()
        self.s2 = pool(2)
        self.c3 = nn.Conv2d(c1, c3, 5, **dd)
        self.a3 = squash()
        self.s4 = pool(2)
        self.c5 = nn.Linear(c3 * 25, c5, **dd)
        self.a5 = squash()
        self.f6 = nn.Linear(c5, f6, **dd)
        self.a6 = squash()
        self.output = nn.Linear(f6, num_classes, **dd)

    def forward(self, images: Tensor) -> Tensor:
        """Logits (N, num_classes)."""
        self.check_input(images)
        maps = self.s2(self.a1(self.c1(images)))  # (N, 6, 14, 14)
        maps = self.s4(self.a3(self.c3(maps)))  # (N, 16, 5, 5)
        if maps.shape[2:] != (5, 5):
            size = self.smallest_input
            raise ValueError(
                f"images are {tuple(images.shape[2:])}; this LeNet's linear layer fits {size}×{size} alone"
            )
        units = self.a6(self.f6(self.a5(self.c5(maps.flatten(1)))))
        logits: Tensor = self.output(units)
        return logits
