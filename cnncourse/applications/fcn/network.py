"""FCN-32s, -16s and -8s: coarse scores, added to scores of finer maps, enlarged to the picture's size.

FCN-16s adds scores of the fourth pooling to the doubled scores of the fifth; FCN-8s goes on to the third. New skip
scores begin at zero (Long et al. 2015, section 4.2). Chapter: `applications/fcn`.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch.nn.functional as F
from torch import Tensor, nn

from cnncourse.applications.fcn.upsampling import Upsampling
from cnncourse.data.scenes import CLASSES
from cnncourse.models.network import Network
from cnncourse.workbench import checks

STRIDES = (32, 16, 8)
CHANNELS = (12, 24, 48, 64, 96)


class FCN(Network):
    """A fully convolutional network over five stages, each of which halves the maps.

    Parameters
    ----------
    stride
        32, 16 or 8: how many pixels lie between two scores before the last enlargement.
    classes
        Maps of scores, one of them for the background; the drawn scenes have seven.
    channels
        Maps of the five stages. The paper's network has VGG-16's.

    Shape: images (N, 3, H, W) of any size from 1×1 → scores (N, classes, H, W).

    Raises
    ------
    ValueError
        If there is no such stride, or a number is out of range.
    """

    def __init__(
        self,
        stride: int = 8,
        classes: int = len(CLASSES) + 1,
        *,
        channels: Sequence[int] = CHANNELS,
        in_channels: int = 3,
    ) -> None:
        super().__init__()
        if stride not in STRIDES:
            raise ValueError(f"stride is {stride!r}; choose one of {', '.join(map(str, STRIDES))}")
        checks.whole_number("classes", classes, 1, "The background counts as a class.")
        if len(channels) != 5:
            raise ValueError(f"channels is {tuple(channels)}; five stages need five numbers")
        self.stride, self.classes, self.in_channels = stride, classes, in_channels
        self.channels = tuple(channels)
        self.stages = nn.ModuleList(
            _stage(before, after, 1 if number == 0 else 2)
            for number, (before, after) in enumerate(zip((in_channels, *channels), channels, strict=False))
        )
        self.score = nn.Conv2d(channels[4], classes, 1)
        skips = STRIDES.index(stride)
        self.skip_scores = nn.ModuleList(nn.Conv2d(channels[3 - skip], classes, 1) for skip in range(skips))
        self.doublings = nn.ModuleList(Upsampling(classes, 2) for _ in range(skips))
        self.enlargement = Upsampling(classes, stride, trainable=False)
        for layer in self.skip_scores:
            assert isinstance(layer, nn.Conv2d)
            nn.init.zeros_(layer.weight)
            assert layer.bias is not None
            nn.init.zeros_(layer.bias)

    def forward(self, images: Tensor) -> Tensor:
        """Scores (N, classes, H, W); their `argmax` over the classes is the segmentation."""
        self.check_input(images)
        return cropped(self.enlargement(self.coarse_scores(images)), images)

    def coarse_scores(self, images: Tensor) -> Tensor:
        """Scores before the last enlargement, (N, classes, ⌈H/stride⌉, ⌈W/stride⌉)."""
        pooled = []
        maps = images
        for stage in self.stages:
            maps = stage(maps)
            pooled.append(maps)
        scores: Tensor = self.score(maps)
        for skip, (double, skip_score) in enumerate(zip(self.doublings, self.skip_scores, strict=True)):
            finer = pooled[3 - skip]
            scores = cropped(double(scores), finer) + skip_score(finer)
        return scores

    def refined(self) -> FCN:
        """The next network of the ladder, of half the stride, with a copy of all that this one has learned.

        Its new skip scores are zero: it predicts what this one predicts, until it is trained.

        Raises
        ------
        ValueError
            If the stride is 8 already.
        """
        if self.stride == STRIDES[-1]:
            raise ValueError("FCN-8s is the last of the ladder; there is nothing finer to go to")
        finer = FCN(self.stride // 2, self.classes, channels=self.channels, in_channels=self.in_channels)
        known = {name: value for name, value in self.state_dict().items() if not name.startswith("enlargement")}
        finer.load_state_dict(known, strict=False)
        return finer.train(self.training)


def cropped(maps: Tensor, like: Tensor) -> Tensor:
    """The upper left part of maps, as large as another tensor: what odd sizes were rounded up by is cut off."""
    return maps[..., : like.shape[-2], : like.shape[-1]]


def pixel_cross_entropy(network: nn.Module, images: Tensor, segmentation: Tensor, ignore: int = 255) -> Tensor:
    """The loss of a segmentation network: cross-entropy, mean over all pixels but the ignored ones."""
    return F.cross_entropy(network(images), segmentation, ignore_index=ignore)


def _stage(before: int, after: int, convolutions: int) -> nn.Sequential:
    layers: list[nn.Module] = []
    for number in range(convolutions):
        layers += [nn.Conv2d(after if number else before, after, 3, padding=1, bias=False)]
        layers += [nn.BatchNorm2d(after), nn.ReLU()]
    layers.append(nn.MaxPool2d(2, stride=2, ceil_mode=True))  # an odd size is rounded up: one pixel stays one
    for layer in layers:
        if isinstance(layer, nn.Conv2d):
            nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
    return nn.Sequential(*layers)
