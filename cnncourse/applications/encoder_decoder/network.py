"""An encoder that halves the picture, a decoder that doubles it again, and skips between maps of one size.

decoder map of level l = block([up(decoder map of level l + 1), encoder map of level l])   (Ronneberger et al. 2015)

Chapter: `applications/encoder_decoder`.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from cnncourse.layers.pooling import max_unpooling
from cnncourse.models.network import Network
from cnncourse.workbench import checks

UPSAMPLINGS = ("bilinear", "nearest", "transposed", "unpooling")
CHANNELS = (12, 24, 48, 96)
Skips = bool | Sequence[bool]


class EncoderDecoder(Network):
    """A score for each class at each pixel: images (N, 3, H, W) → scores (N, classes, H, W), for any H and W ≥ 1.

    Each level but the last is pooled 2×2; an odd size is rounded up, so that no row or column is lost, and the decoder
    goes back to exactly the sizes that the encoder came from. A skip that is switched off is replaced by zeros: the
    network has the same weights with and without it.

    Parameters
    ----------
    classes
        How many scores a pixel gets.
    channels
        Of each level, the finest first; at least two levels.
    skips
        Which levels have a skip, the finest first: one truth value for all, or one for each level but the last.
    upsampling
        ``"bilinear"`` or ``"nearest"`` interpolation after a 1×1 convolution, ``"transposed"`` convolution 2×2 with
        stride 2 (Ronneberger et al. 2015), or ``"unpooling"`` with the pooling's switches (Badrinarayanan et al. 2017).

    Raises
    ------
    ValueError
        If a number or a name is not one of these.
    """

    def __init__(
        self,
        classes: int = 7,
        channels: Sequence[int] = CHANNELS,
        skips: Skips = True,
        upsampling: str = "bilinear",
    ) -> None:
        super().__init__()
        checks.whole_number("classes", classes, 1, "Count the ground too.")
        self.channels = _channels(channels)
        if upsampling not in UPSAMPLINGS:
            raise ValueError(f"upsampling is {upsampling!r}; choose one of {', '.join(UPSAMPLINGS)}")
        self.upsampling = upsampling
        self.skips = self.which(skips)
        inward = (self.in_channels, *self.channels[:-1])
        self.encoder = nn.ModuleList(_block(a, b) for a, b in zip(inward, self.channels, strict=True))
        pairs = list(zip(self.channels[1:], self.channels[:-1], strict=True))
        self.up = nn.ModuleList(_enlarge(a, b, upsampling) for a, b in pairs)
        self.decoder = nn.ModuleList(_block(2 * b, b) for _, b in pairs)
        self.score = nn.Conv2d(self.channels[0], classes, 1)

    def which(self, skips: Skips) -> tuple[bool, ...]:
        """One truth value for each level that can have a skip, the finest first."""
        levels = len(self.channels) - 1
        each = (skips,) * levels if isinstance(skips, bool) else tuple(skips)
        if len(each) != levels or not all(isinstance(one, bool) for one in each):
            raise ValueError(f"skips is {skips!r}; give True, False, or {levels} of them, the finest level first")
        return each

    def forward(self, images: Tensor, skips: Skips | Tensor | None = None) -> Tensor:
        """Scores (N, classes, H, W); `skips` overrides the network's own, for each image if it is bool (N, levels)."""
        self.check_input(images)
        use = self._switched(images, self.skips if skips is None else skips)
        maps, switches, x = [], [], images
        for level, block in enumerate(self.encoder):
            if level:
                x, places = F.max_pool2d(x, 2, ceil_mode=True, return_indices=True)
                switches.append(places)
            x = block(x)
            maps.append(x)
        for level in reversed(range(len(self.decoder))):
            x = self._larger(x, level, maps[level], switches[level])
            x = self.decoder[level](torch.cat([x, maps[level] * use[:, level, None, None, None]], dim=1))
        scores: Tensor = self.score(x)
        return scores

    def _switched(self, images: Tensor, skips: Skips | Tensor) -> Tensor:
        """1 for each skip that is on and 0 for others, in the type of the images, (N, levels)."""
        if isinstance(skips, Tensor):
            checks.tensor("skips", skips, "N levels", N=len(images), levels=len(self.decoder))
            return skips.to(images)
        return images.new_tensor(self.which(skips)).expand(len(images), -1)

    def _larger(self, x: Tensor, level: int, finer: Tensor, switches: Tensor) -> Tensor:
        height, width = finer.shape[2:]
        x = self.up[level](x)
        if self.upsampling == "transposed":
            return x[:, :, :height, :width]
        if self.upsampling == "unpooling":
            return max_unpooling(x, switches, (height, width))
        if self.upsampling == "nearest":
            return x.repeat_interleave(2, 2).repeat_interleave(2, 3)[:, :, :height, :width]
        return F.interpolate(x, size=(height, width), mode="bilinear", align_corners=False)


def any_skips(network: nn.Module, images: Tensor, truth: Tensor) -> Tensor:
    """Cross-entropy with each skip of each image on or off by chance: the network learns to do with any of them."""
    levels = len(network.decoder)  # type: ignore[arg-type]
    on = torch.rand(len(images), levels) < 0.5
    return F.cross_entropy(network(images, on.to(images.device)), truth)


def _block(inward: int, outward: int) -> nn.Sequential:
    """Two 3×3 convolutions that keep the size, each normalized and rectified."""
    layers: list[nn.Module] = []
    for channels in (inward, outward):
        layers += [nn.Conv2d(channels, outward, 3, padding=1, bias=False), nn.BatchNorm2d(outward), nn.ReLU(True)]
    return nn.Sequential(*layers)


def _enlarge(inward: int, outward: int, upsampling: str) -> nn.Module:
    return nn.ConvTranspose2d(inward, outward, 2, 2) if upsampling == "transposed" else nn.Conv2d(inward, outward, 1)


def _channels(channels: Sequence[int]) -> tuple[int, ...]:
    if isinstance(channels, str) or not isinstance(channels, Sequence) or len(channels) < 2:
        raise ValueError(f"channels is {channels!r}; give one number for each of at least two levels")
    for number in channels:
        checks.whole_number("channels", number, 1, "Each level has at least one channel.")
    return tuple(channels)


def unpadded_size(size: int, levels: int = 5) -> int:
    """Side of the output of a U-Net whose two 3×3 convolutions a level have no padding; 572 becomes 388.

    Raises
    ------
    ValueError
        If nothing is left, or an odd side would be pooled, so that the maps of a skip would not lie on each other.
    """
    checks.whole_number("size", size, 1, "Give one side of a square picture.")
    checks.whole_number("levels", levels, 1, "Ronneberger et al. have five.")
    side = size - 4
    for level in range(1, levels):
        if side < 2 or side % 2:
            raise ValueError(f"a side of {size} is {side} before pooling number {level}; it must be even there")
        side = side // 2 - 4
    for _ in range(1, levels):
        side = 2 * side - 4
    if side < 1:
        raise ValueError(f"nothing is left of a side of {size} after {levels} levels; take a larger picture")
    return side
