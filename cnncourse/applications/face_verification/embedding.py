"""A small siamese network: two pictures go through the same weights, and the distance of the results is compared.

f: (N, 1, 32, 32) → (N, D) on the unit sphere, so that ‖f(a) − f(b)‖² = 2 − 2·cos.

Chapter: `applications/face_verification`.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from cnncourse.data.faces import FaceSet
from cnncourse.workbench import checks
from cnncourse.workbench.device import run_in_batches

SIDE = 32


class FaceEmbedding(nn.Module):
    """Three convolutions with pooling, one dense layer, and a division by the length.

    Parameters
    ----------
    dimensions
        D of the embedding.
    width
        Maps of the first convolution; each next one has twice as many.
    """

    def __init__(self, dimensions: int = 64, width: int = 16) -> None:
        super().__init__()
        checks.whole_number("dimensions", dimensions, 2, "On a line there are only two unit vectors.")
        checks.whole_number("width", width, 1, "Each filter makes one map.")
        self.dimensions = dimensions
        blocks: list[nn.Module] = []
        channels = [1, width, 2 * width, 4 * width]
        for before, after in pairwise(channels):
            blocks += [nn.Conv2d(before, after, 3, padding=1, bias=False), nn.BatchNorm2d(after), nn.ReLU()]
            blocks += [nn.MaxPool2d(2)]
        self.features = nn.Sequential(*blocks)
        self.dense = nn.Linear(channels[-1] * (SIDE // 8) ** 2, dimensions)

    def forward(self, images: Tensor) -> Tensor:
        """Map prepared images (N, 1, 32, 32) to unit vectors (N, D).

        Raises
        ------
        TypeError, ValueError
            If `images` is no tensor or has another shape.
        """
        checks.tensor("images", images, "N C H W", C=1, H=SIDE, W=SIDE)
        return F.normalize(self.dense(self.features(images).flatten(1)), dim=1)


def embed(network: nn.Module, faces: FaceSet, batch_size: int = 256) -> Tensor:
    """Embeddings (N, D) of all pictures of a set, on the CPU; the network ends in the mode that it came in."""
    device = next(network.parameters()).device
    was_training = network.training
    network.eval()
    try:
        with torch.inference_mode():
            return run_in_batches(
                lambda images: network(images.to(device)).float().cpu(), faces.prepared(), batch_size
            ).clone()
    finally:
        network.train(was_training)


@dataclass(frozen=True)
class People:
    """Samples for `workbench.training.train`, one *person* each: a batch holds several pictures of several people.

    A random batch of pictures would hardly ever show anybody twice.
    """

    source: FaceSet
    pictures: int = 4

    def __post_init__(self) -> None:
        checks.whole_number("pictures", self.pictures, 2, "One picture of a person makes no pair.")
        object.__setattr__(self, "_known", self.source.people.unique())  # type: ignore[no-untyped-call]

    def __len__(self) -> int:
        return len(self._known)  # type: ignore[attr-defined]

    def batch(self, index: Tensor, generator: torch.Generator | None = None) -> tuple[Tensor, Tensor]:
        """Images (n, 1, H, W) and who is on them (n,); with a generator any pictures, else the first ones."""
        rows = []
        for person in self._known[index]:  # type: ignore[attr-defined]
            of_one = (self.source.people == person).nonzero().flatten()
            if generator is not None:
                of_one = of_one[torch.randperm(len(of_one), generator=generator)]
            rows.append(of_one[: self.pictures])
        chosen = self.source.select(torch.cat(rows))
        return chosen.prepared(), chosen.people
