"""The lecture's warning as an experiment: accuracy on pictures trained on, on near-duplicates of them, and on new ones.

Standard error of a share p of N pictures: √(p(1 − p)/N).

Chapter: `applications/own_picture`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from cnncourse.applications.own_picture.hashing import CHANGES
from cnncourse.data import Photographs, photographs
from cnncourse.models.pretrained import Checkpoint
from cnncourse.workbench import checks, resize
from cnncourse.workbench.images import crop_square


@dataclass(frozen=True)
class Share:
    """How many of how many were right."""

    right: int
    number: int

    @property
    def accuracy(self) -> float:
        """Share of right answers."""
        return self.right / self.number

    @property
    def error(self) -> float:
        """Standard error of the accuracy."""
        return standard_error(self.accuracy, self.number)


def standard_error(share: float, number: int) -> float:
    """√(p(1 − p)/N), the standard deviation of a share that is measured with N pictures."""
    checks.fraction("share", share, "It is right answers divided by answers.")
    checks.whole_number("number", number, 1, "Measure with at least one picture.")
    return math.sqrt(share * (1 - share) / number)


def accuracy_after(
    network: nn.Module, recipe: Checkpoint, pictures: Photographs, change: str = "", batch: int = 64
) -> Share:
    """How often the network is right about photographs, after one of the `CHANGES` or as they are.

    Raises
    ------
    ValueError
        If there is no such change.
    """
    if change and change not in CHANGES:
        raise ValueError(f"there is no change {change!r}; choose one of {', '.join(CHANGES)}")
    right = 0
    for start in range(0, len(pictures), batch):
        part = pictures.select(range(start, min(start + batch, len(pictures))))
        images = torch.stack([_prepared(file, recipe, change) for file in part.files])
        with torch.inference_mode():
            right += int((network(images).argmax(dim=1) == part.labels).sum())
    return Share(right, len(pictures))


def _prepared(file: bytes, recipe: Checkpoint, change: str) -> Tensor:
    image = photographs.decode(file)
    image = CHANGES[change](image) if change else image
    side = recipe.preprocess.crop
    square = resize(crop_square(image).float(), (side, side)).round() / 255
    return recipe.preprocess(square)[0]
