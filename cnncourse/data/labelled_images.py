"""Pictures with one label each, held as bytes: what every classification data set of the course returns.

A batch becomes numbers only when it is needed: (N, C, H, W) uint8 in [0, 255] → float32, centred and scaled.

Chapter: `models/lenet`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from cnncourse.workbench import checks, normalise

Augmentation = Callable[[Tensor, torch.Generator], Tensor]


@dataclass(frozen=True)
class LabelledImages:
    """A data set that fits into memory.

    `images` is uint8 (N, C, H, W), `labels` int64 (N,), `classes` names the labels, and `origin` says in words
    what was really loaded, because a copy can differ from the official files.
    """

    images: Tensor
    labels: Tensor
    classes: tuple[str, ...]
    origin: str

    def __post_init__(self) -> None:
        checks.tensor("images", self.images, "N C H W")
        checks.tensor("labels", self.labels, "N", N=len(self.images))

    def __len__(self) -> int:
        return len(self.images)

    def select(self, index: Tensor | Sequence[int] | slice) -> LabelledImages:
        """The same data set with only some of its pictures, in the order of `index`."""
        chosen = index if isinstance(index, slice | Tensor) else torch.as_tensor(index)
        return replace(self, images=self.images[chosen], labels=self.labels[chosen])

    def sample(self, number: int, seed: int = 0) -> LabelledImages:
        """`number` pictures, drawn without replacement.

        Raises
        ------
        ValueError
            If there are not so many.
        """
        checks.whole_number("number", number, 1, f"The data set has {len(self)} pictures.")
        if number > len(self):
            raise ValueError(f"number is {number}, but there are only {len(self)} pictures")
        generator = torch.Generator().manual_seed(seed)
        return self.select(torch.randperm(len(self), generator=generator)[:number])

    def per_class(self, number: int) -> LabelledImages:
        """The first `number` pictures of each class, class by class."""
        checks.whole_number("number", number, 1, "Ask for at least one picture of each class.")
        members = [(self.labels == label).nonzero().flatten()[:number] for label in range(len(self.classes))]
        return self.select(torch.cat(members))

    def prepared(
        self, mean: Sequence[float], std: Sequence[float], augment: Augmentation | None = None
    ) -> PreparedImages:
        """The data set as a training loop wants it: batches of float32, centred with `mean` and scaled by `std`."""
        return PreparedImages(self, tuple(mean), tuple(std), augment)


@dataclass(frozen=True)
class PreparedImages:
    """Batches (images, labels) on demand; see `LabelledImages.prepared`."""

    source: LabelledImages
    mean: tuple[float, ...]
    std: tuple[float, ...]
    augment: Augmentation | None = None

    def __len__(self) -> int:
        return len(self.source)

    def batch(self, index: Tensor, generator: torch.Generator | None = None) -> tuple[Tensor, Tensor]:
        """Images (n, C, H, W) float32 and labels (n,) at `index`; augmented only if a generator is given."""
        images = self.source.images[index]
        if self.augment is not None and generator is not None:
            images = self.augment(images, generator)
        return normalise(images.float() / 255, self.mean, self.std), self.source.labels[index]


def channel_statistics(images: Tensor) -> tuple[list[float], list[float]]:
    """Mean and standard deviation of each channel of uint8 images (N, C, H, W), for values in [0, 1]."""
    checks.tensor("images", images, "N C H W")
    channels = images.transpose(0, 1).reshape(images.shape[1], -1)
    levels = torch.arange(256, dtype=torch.float64) / 255
    shares = torch.stack([torch.bincount(channel.long(), minlength=256) / channel.numel() for channel in channels])
    mean = shares.double() @ levels
    variance = shares.double() @ levels.square() - mean.square()
    return mean.tolist(), variance.sqrt().tolist()
