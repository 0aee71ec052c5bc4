"""Many drawn scenes as a training set of a detector or of a segmentation network; held-out ones come from other seeds.

Batches are (images, boxes, labels) or (images, segmentation); images are float32 in [−2, 2].

Chapter: `applications/boxes`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from cnncourse.data.scenes import CLASSES, MEAN, STD, Scene, draw
from cnncourse.workbench import checks, normalise

SPLITS = ("train", "validation", "test")
NO_OBJECT = -1
_FIRST_SEED = 1000  # far from the seeds that chapters use for single pictures


@dataclass(frozen=True)
class SceneSet:
    """Scenes of one size, held in memory.

    `images` is uint8 (N, 3, H, W); `boxes` (one float32 (M, 4) for each scene) and `labels` (int64 (M,), from 0) say
    what stands where; `segmentation` is uint8 (N, H, W), 0 for the ground and label + 1 elsewhere.
    """

    images: Tensor
    boxes: tuple[Tensor, ...]
    labels: tuple[Tensor, ...]
    segmentation: Tensor
    classes: tuple[str, ...] = CLASSES

    def __len__(self) -> int:
        return len(self.images)

    def for_detection(self) -> DetectionSamples:
        """Batches (images, boxes, labels) for `workbench.training.train`."""
        return DetectionSamples(self)

    def for_segmentation(self) -> SegmentationSamples:
        """Batches (images, segmentation) for `workbench.training.train`."""
        return SegmentationSamples(self)


@dataclass(frozen=True)
class DetectionSamples:
    """Batches on demand: images (n, 3, H, W), boxes (n, M, 4), labels (n, M), where M fits the fullest scene.

    Scenes with fewer objects are filled with boxes of zeros and the label `NO_OBJECT`, −1.
    """

    source: SceneSet

    def __len__(self) -> int:
        return len(self.source)

    def batch(self, index: Tensor, generator: torch.Generator | None = None) -> tuple[Tensor, Tensor, Tensor]:
        """The scenes at `index`; with a generator, half of them are mirrored, boxes and all."""
        boxes = pad_sequence([self.source.boxes[int(one)] for one in index], batch_first=True)
        labels = pad_sequence([self.source.labels[int(one)] for one in index], True, float(NO_OBJECT))
        images = normalise(self.source.images[index].float() / 255, MEAN, STD)
        if generator is None:
            return images, boxes, labels
        chosen = torch.rand(len(images), generator=generator) < 0.5
        images[chosen] = images[chosen].flip(3)
        x1, x2 = boxes[..., 0].clone(), boxes[..., 2].clone()
        mirrored = chosen[:, None] & (labels != NO_OBJECT)
        boxes[..., 0] = torch.where(mirrored, images.shape[3] - x2, x1)
        boxes[..., 2] = torch.where(mirrored, images.shape[3] - x1, x2)
        return images, boxes, labels


@dataclass(frozen=True)
class SegmentationSamples:
    """Batches on demand: images (n, 3, H, W) and the class of every pixel, int64 (n, H, W), 0 for the ground."""

    source: SceneSet

    def __len__(self) -> int:
        return len(self.source)

    def batch(self, index: Tensor, generator: torch.Generator | None = None) -> tuple[Tensor, Tensor]:
        """The scenes at `index`; with a generator, half of them are mirrored."""
        images = normalise(self.source.images[index].float() / 255, MEAN, STD)
        segmentation = self.source.segmentation[index].long()
        if generator is not None:
            chosen = torch.rand(len(images), generator=generator) < 0.5
            images[chosen] = images[chosen].flip(3)
            segmentation[chosen] = segmentation[chosen].flip(2)
        return images, segmentation


@lru_cache(maxsize=4)
def load(
    split: str = "train",
    number: int = 2000,
    size: int | tuple[int, int] = 96,
    objects: tuple[int, int] = (1, 3),
    noise: float = 0.03,
) -> SceneSet:
    """Draw the first `number` scenes of a split; the splits are drawn from different seeds. About 12 ms each at 96.

    Raises
    ------
    ValueError
        If there is no such split, or a number is out of range.
    """
    if split not in SPLITS:
        raise ValueError(f"there is no split {split!r}; choose one of {', '.join(SPLITS)}")
    checks.whole_number("number", number, 1, "Draw at least one scene.")
    seed = _FIRST_SEED + SPLITS.index(split)
    return collect([draw(index, size, objects, noise, seed) for index in range(number)])


def collect(scenes: Sequence[Scene]) -> SceneSet:
    """A set of given scenes, all of one size."""
    sizes = {tuple(scene.image.shape) for scene in scenes}
    if len(sizes) != 1:
        raise ValueError(f"the scenes have {len(sizes)} sizes, {sorted(sizes)}; a set needs scenes of one size")
    return SceneSet(
        torch.stack([(scene.image * 255).round().to(torch.uint8) for scene in scenes]),
        tuple(scene.boxes for scene in scenes),
        tuple(scene.labels for scene in scenes),
        torch.stack([scene.segmentation.to(torch.uint8) for scene in scenes]),
    )
