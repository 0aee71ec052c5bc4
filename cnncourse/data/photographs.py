"""Photographs of many sizes with one label each, kept as JPEG files and decoded when they are looked at.

Chapter: `applications/transfer`.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from cnncourse.data.labelled_images import LabelledImages
from cnncourse.workbench import checks, resize
from cnncourse.workbench.images import crop_square


@dataclass(frozen=True)
class Photographs:
    """JPEG files, their labels int64 (N,), the names of the classes, and what was really loaded."""

    files: tuple[bytes, ...]
    labels: Tensor
    classes: tuple[str, ...]
    origin: str

    def __len__(self) -> int:
        return len(self.files)

    def image(self, index: int) -> Tensor:
        """One photograph in its own size, uint8 (3, H, W)."""
        return decode(self.files[index])

    def select(self, index: Iterable[int]) -> Photographs:
        """Only some of the photographs, in the order of `index`."""
        chosen = list(index)
        labels = self.labels[torch.tensor(chosen, dtype=torch.long)]
        return replace(self, files=tuple(self.files[one] for one in chosen), labels=labels)

    def per_class(self, number: int) -> Photographs:
        """The first `number` photographs of each class, class by class."""
        checks.whole_number("number", number, 1, "Ask for at least one photograph of each class.")
        members = [(self.labels == label).nonzero().flatten()[:number] for label in range(len(self.classes))]
        return self.select(torch.cat(members).tolist())

    def squares(self, side: int) -> LabelledImages:
        """All of them decoded, cropped to the square around the centre and resized, uint8 (N, 3, side, side)."""
        checks.whole_number("side", side, 1, "Give the number of pixels.")
        images = [
            resize(crop_square(decode(file)).float(), (side, side)).round().to(torch.uint8) for file in self.files
        ]
        stacked = torch.stack(images) if images else torch.zeros(0, 3, side, side, dtype=torch.uint8)
        return LabelledImages(stacked, self.labels, self.classes, f"{self.origin}, {side}×{side} pixels")


def decode(jpeg: bytes) -> Tensor:
    """The pixels of a JPEG file, uint8 (3, H, W); grey pictures get three equal channels."""
    from PIL import Image

    with Image.open(io.BytesIO(jpeg)) as image:
        return torch.from_numpy(np.array(image.convert("RGB"))).permute(2, 0, 1)


def from_zip(
    archive: zipfile.ZipFile, names: Sequence[str], prefix: str, classes: Sequence[str], origin: str
) -> Photographs:
    """The photographs `prefix` + ``"class/file.jpg"`` of an archive, labelled by their folder."""
    numbers = {name: label for label, name in enumerate(classes)}
    labels = torch.tensor([numbers[name.split("/")[-2]] for name in names], dtype=torch.long)
    return Photographs(tuple(archive.read(prefix + name) for name in names), labels, tuple(classes), origin)
