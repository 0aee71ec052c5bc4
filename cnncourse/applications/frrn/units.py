"""The units of full-resolution residual networks (Pohlen et al. 2017, figures 1 and 2).

A residual unit computes y + F(y). A full-resolution residual unit has two streams, y pooled and z of full size:
y' = G(y, pool(z)) and z' = z + unpool(H(G(y, pool(z)))), equations 4 and 5.

Chapter: `applications/frrn`.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from cnncourse.models.network import factory
from cnncourse.workbench import checks


class ConvNormRelu(nn.Sequential):
    """A convolution without bias that keeps the size, batch normalization, and a ReLU unless it is told not to.

    Shape: (N, in_channels, H, W) → (N, channels, H, W).
    """

    def __init__(
        self,
        in_channels: int,
        channels: int,
        kernel_size: int = 3,
        *,
        relu: bool = True,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        dd = factory(device, dtype)
        conv = nn.Conv2d(in_channels, channels, kernel_size, padding=kernel_size // 2, bias=False, **dd)
        nn.init.kaiming_normal_(conv.weight, nonlinearity="relu" if relu else "linear")
        super().__init__(conv, nn.BatchNorm2d(channels, **dd), *([nn.ReLU()] if relu else []))


class ResidualUnit(nn.Module):
    """Two 3×3 layers beside a shortcut, nothing behind the sum; a 1×1 layer fits the shortcut to other channels.

    Shape: (N, in_channels, H, W) → (N, channels, H, W).
    """

    def __init__(
        self,
        in_channels: int,
        channels: int,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        dd = factory(device, dtype)
        self.change = nn.Sequential(
            ConvNormRelu(in_channels, channels, **dd), ConvNormRelu(channels, channels, relu=False, **dd)
        )
        same = in_channels == channels
        self.shortcut = nn.Identity() if same else nn.Conv2d(in_channels, channels, 1, bias=False, **dd)

    def forward(self, maps: Tensor) -> Tensor:
        """Add F(maps) to the maps."""
        result: Tensor = self.shortcut(maps) + self.change(maps)
        return result


class FullResolutionResidualUnit(nn.Module):
    """One step of both streams: the pooling stream sees the residual stream, and the residual stream gets a change.

    Parameters
    ----------
    in_channels, channels
        Channels of the pooling stream before and after.
    lanes
        Channels of the residual stream, which never change; 0 cuts it: two plain layers are left.
    factor
        How much smaller the maps of the pooling stream are than those of the residual stream.

    Shape: (N, in_channels, H / factor, W / factor), (N, lanes, H, W) → (N, channels, H / factor, W / factor),
    (N, lanes, H, W).
    """

    def __init__(
        self,
        in_channels: int,
        channels: int,
        lanes: int,
        factor: int,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        checks.whole_number("lanes", lanes, 0, "It is the number of channels of the residual stream.")
        checks.whole_number("factor", factor, 1, "The pooling stream is smaller by a whole factor.")
        dd = factory(device, dtype)
        self.lanes, self.factor = lanes, factor
        self.maps = nn.Sequential(
            ConvNormRelu(in_channels + lanes, channels, **dd), ConvNormRelu(channels, channels, **dd)
        )
        self.change = nn.Conv2d(channels, lanes, 1, **dd) if lanes else None

    def forward(self, pooling: Tensor, residual: Tensor) -> tuple[Tensor, Tensor]:
        """Return both streams, the pooling stream first.

        Raises
        ------
        ValueError
            If the residual stream is not `factor` times as large as the pooling stream.
        """
        if self.change is None:
            return self.maps(pooling), residual
        self._check(pooling, residual)
        seen = F.max_pool2d(residual, self.factor) if self.factor > 1 else residual
        maps = self.maps(torch.cat([pooling, seen], dim=1))
        return maps, residual + unpool(self.change(maps), self.factor)

    def _check(self, pooling: Tensor, residual: Tensor) -> None:
        wanted = tuple(self.factor * size for size in pooling.shape[2:])
        if tuple(residual.shape[2:]) != wanted:
            raise ValueError(
                f"the residual stream has {_size(residual)} pixels and the pooling stream {_size(pooling)}; this unit "
                f"needs {wanted[0]}×{wanted[1]} and {_size(pooling)}. Pad the picture to a multiple of {self.factor}"
            )


def unpool(maps: Tensor, factor: int) -> Tensor:
    """Repeat every value `factor` times in both directions, (N, C, H, W) → (N, C, factor · H, factor · W)."""
    return F.interpolate(maps, scale_factor=float(factor), mode="nearest") if factor > 1 else maps


def _size(maps: Tensor) -> str:
    return "×".join(map(str, maps.shape[2:]))
