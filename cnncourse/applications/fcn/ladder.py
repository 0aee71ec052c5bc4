"""The ladder FCN-32s → 16s → 8s on drawn scenes, each from the one before: what was measured, and its weights.

`python -m cnncourse.applications.fcn.train` trains it again. Table 2 of Long et al. 2015 is the same at full size.

Chapter: `applications/fcn`.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, fields
from functools import cache
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from cnncourse.applications.fcn.network import FCN, STRIDES
from cnncourse.applications.fcn.upsampling import Upsampling
from cnncourse.applications.segmentation_metrics import (
    boundary_f_score,
    class_ious,
    confusion_matrix,
    frequency_weighted_iou,
    mean_accuracy,
    mean_iou,
    pixel_accuracy,
)
from cnncourse.data import scene_sets
from cnncourse.data.scene_sets import SceneSet
from cnncourse.data.scenes import CLASSES
from cnncourse.workbench import checks
from cnncourse.workbench.training import predict

WEIGHTS = Path(__file__).parents[1] / "weights"
CHANNELS = (8, 16, 32, 64, 96)
SIZE = 96
TOLERANCE = 2.0  # pixels by which an outline may be off
CONTINUED = "32s continued"  # trained for as long as FCN-8s, with the scores as coarse as ever
RUNGS = ("32s", "16s", "8s", CONTINUED)


@dataclass(frozen=True)
class Measures:
    """The four measures of the paper, the boundary F-score (mean over the pictures), and the IU of each class."""

    pixel_accuracy: float
    mean_accuracy: float
    mean_iou: float
    frequency_weighted_iou: float
    boundary_f_score: float
    class_ious: tuple[float, ...]


MEASURES = tuple(field.name for field in fields(Measures) if field.name != "class_ious")


def measure(prediction: Tensor, truth: Tensor, classes: int, tolerance: float = TOLERANCE) -> Measures:
    """Judge segmentations (N, H, W) of N pictures.

    Raises
    ------
    TypeError, ValueError
        If these are no maps of classes of one shape.
    """
    checks.tensor("truth", truth, "N H W")
    n = confusion_matrix(prediction, truth, classes)
    outlines = [boundary_f_score(one, other, tolerance) for one, other in zip(prediction, truth, strict=True)]
    return Measures(
        pixel_accuracy(n),
        mean_accuracy(n),
        mean_iou(n),
        frequency_weighted_iou(n),
        float(torch.tensor(outlines, dtype=torch.float64).nanmean()),
        tuple(class_ious(n).tolist()),
    )


def segment(network: nn.Module, scenes: SceneSet, batch_size: int = 50) -> Tensor:
    """The class of every pixel of all scenes, as a network sees it, int64 (N, H, W)."""
    samples = scenes.for_segmentation()
    parts = torch.split(torch.arange(len(samples)), batch_size)
    return torch.cat([predict(network, _Part(samples, part), batch_size).argmax(dim=1) for part in parts])


def shares_enlarged(truth: Tensor, classes: int, stride: int) -> Tensor:
    """What a network of some stride would say whose coarse scores were exactly right, (N, H, W).

    The score of a class in a cell is the share of the cell's pixels that are of it; the scores are enlarged
    bilinearly, and the largest wins. How far this is from the truth is what the coarse grid alone costs.

    Raises
    ------
    TypeError, ValueError
        If this is no map (N, H, W) of classes, or a number is out of range.
    """
    checks.tensor("truth", truth, "N H W")
    confusion_matrix(truth, truth, classes)  # refuses labels that are no class
    checks.whole_number("stride", stride, 1, "32, 16 and 8 are those of the ladder.")
    ones = F.one_hot(truth.long(), classes).permute(0, 3, 1, 2).float()
    height, width = truth.shape[1:]
    padded = F.pad(ones, (0, -width % stride, 0, -height % stride))
    counted = F.pad(torch.ones_like(ones[:, :1]), (0, -width % stride, 0, -height % stride))
    shares = F.avg_pool2d(padded, stride) / F.avg_pool2d(counted, stride)  # cells at the edge hold fewer pixels
    enlarged: Tensor = Upsampling(classes, stride)(shares)
    return enlarged[..., :height, :width].argmax(dim=1)


@cache
def log() -> dict[str, Any]:
    """All that is known of the experiment: settings, and a run for every rung and seed."""
    stored: dict[str, Any] = json.loads((WEIGHTS / "fcn.json").read_text(encoding="utf-8"))
    return stored


def seeds(rung: str = "8s") -> list[int]:
    """The seeds from which a rung was trained.

    Raises
    ------
    ValueError
        If there is no such rung.
    """
    _known("rung", rung, RUNGS)
    return sorted(run["seed"] for run in log()["runs"] if run["rung"] == rung)


def measured(rung: str, what: str = "mean_iou", seed: int | None = None) -> float:
    """A measure of a rung on held-out scenes, in per cent: of one seed, or the mean over all of them.

    Raises
    ------
    ValueError
        If there is no such rung, measure or seed; the message lists them.
    """
    _known("rung", rung, RUNGS)
    _known("what", what, MEASURES)
    values = [run["test"][what] for run in log()["runs"] if run["rung"] == rung and seed in (None, run["seed"])]
    if not values:
        raise ValueError(f"seed is {seed!r}; the seeds are {', '.join(map(str, seeds(rung)))}")
    return 100 * sum(map(float, values)) / len(values)


def gain(start: str, end: str, what: str = "mean_iou") -> float:
    """Points of per cent that one rung lies above another, mean over the seeds that have both."""
    gains = _gains(start, end, what)
    return sum(gains) / len(gains)


def spread(start: str, end: str, what: str = "mean_iou") -> float:
    """Standard deviation of the gain over the seeds, in points of per cent; nan for one seed."""
    gains = torch.tensor(_gains(start, end, what), dtype=torch.float64)
    return float(gains.std()) if len(gains) > 1 else math.nan


def _gains(start: str, end: str, what: str) -> list[float]:
    both = [seed for seed in seeds(start) if seed in seeds(end)]
    return [measured(end, what, seed) - measured(start, what, seed) for seed in both]


def scenes_trained_on() -> int:
    """How many scenes the networks learned from."""
    return int(log()["data"].split()[0])


def blank(what: str = "pixel_accuracy", number: int = 40) -> float:
    """Per cent that a blank picture, all background, gets on the first `number` test scenes.

    Raises
    ------
    ValueError
        If there is no such measure.
    """
    _known("what", what, MEASURES)
    truth = scene_sets.load("test", number, SIZE).segmentation.long()
    return 100 * float(getattr(measure(torch.zeros_like(truth), truth, len(CLASSES) + 1), what))


def trained(stride: int) -> FCN:
    """The network of a stride as trained from the first seed, in evaluation mode.

    Raises
    ------
    ValueError
        If there is no such stride.
    """
    _known("stride", stride, STRIDES)
    network = FCN(stride, channels=CHANNELS)
    state = torch.load(WEIGHTS / f"fcn_{stride}s.pt", weights_only=True)
    network.load_state_dict({name: value.float() for name, value in state.items()}, strict=False)
    return network.eval()


def _known(name: str, value: object, choices: tuple[Any, ...]) -> None:
    if isinstance(value, bool) or value not in choices:
        raise ValueError(f"{name} is {value!r}; choose one of {', '.join(map(str, choices))}")


@dataclass(frozen=True)
class _Part:
    """Some of the samples, so that the scores of all pictures need not be in memory together."""

    samples: Any
    index: Tensor

    def __len__(self) -> int:
        return len(self.index)

    def batch(self, index: Tensor, generator: torch.Generator | None = None) -> tuple[Tensor, ...]:
        batch: tuple[Tensor, ...] = self.samples.batch(self.index[index], generator)
        return batch
