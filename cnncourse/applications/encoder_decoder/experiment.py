"""The same network with skips, without, and with each of them on or off by chance; the first two from three seeds.

`python -m cnncourse.applications.encoder_decoder.train` trains all of them again and writes the weights and the log.

Chapter: `applications/encoder_decoder`.
"""

from __future__ import annotations

import json
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, partial
from itertools import product
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from cnncourse.applications.encoder_decoder.network import EncoderDecoder, Skips, any_skips
from cnncourse.applications.segmentation_metrics import boundary_f_score, confusion_matrix, mean_iou, pixel_accuracy
from cnncourse.data import scene_sets
from cnncourse.data.scene_sets import SceneSet
from cnncourse.workbench.device import run_in_batches
from cnncourse.workbench.training import Loss, Settings, cross_entropy

PLACE = Path(__file__).parents[1] / "weights"
VARIANTS = ("skips", "none", "any")  # the weights of seed 0 come with the course
SEEDS = (0, 1, 2)
MEASURES = ("mean_iou", "boundary", "outline", "pixel_accuracy")
CLASSES = 7  # six shapes and the ground
SIZE, OBJECTS, SCENES, TESTED = 48, (2, 4), 1200, 200
SETTINGS = partial(Settings, epochs=8, batch_size=8, learning_rate=3e-3, optimizer="adamw", precision="bfloat16")
SUBSETS: tuple[tuple[bool, ...], ...] = tuple(product((False, True), repeat=3))


@dataclass(frozen=True)
class Scores:
    """How good a segmentation of many scenes is: over all pixels, and along the outlines.

    `boundary` is the boundary F-score of all classes, `outline` that of objects against the ground, whatever they are.
    """

    mean_iou: float
    boundary: float
    outline: float
    pixel_accuracy: float


@dataclass(frozen=True)
class Run:
    """One training: scores on the test scenes with the skips that it was made for, and with each subset of them."""

    variant: str
    seed: int
    parameters: int
    loss: tuple[float, ...]
    validation: tuple[float, ...]
    scores: Scores
    subsets: tuple[Scores, ...]
    seconds: float


def network(variant: str, seed: int) -> EncoderDecoder:
    """An untrained network of the experiment; those of one seed begin with the same weights.

    Raises
    ------
    ValueError
        If there is no such variant.
    """
    if variant not in VARIANTS:
        raise ValueError(f"variant is {variant!r}; choose one of {', '.join(VARIANTS)}")
    torch.manual_seed(seed)
    return EncoderDecoder(CLASSES, skips=variant != "none")


def loss(variant: str) -> Loss:
    """What a variant is trained with."""
    return any_skips if variant == "any" else cross_entropy


def scenes(split: str, number: int) -> SceneSet:
    """The drawn scenes of the experiment."""
    return scene_sets.load(split, number, SIZE, OBJECTS)


def segment(network: EncoderDecoder, images: Tensor, skips: Skips | None = None, batch_size: int = 50) -> Tensor:
    """Class of every pixel, int64 (N, H, W), by a network in evaluation mode."""
    network.eval()

    @torch.inference_mode()
    def classes(some: Tensor) -> Tensor:
        scores: Tensor = network(some, skips)
        return scores.argmax(dim=1)

    return run_in_batches(classes, images, batch_size)


def judge_segmentation(prediction: Tensor, truth: Tensor, classes: int = CLASSES) -> Scores:
    """Mean IU and pixel accuracy over all pixels, and means over pictures of the boundary F-scores (one pixel)."""
    confusion = confusion_matrix(prediction, truth, classes)
    boundary = _over_pictures(prediction, truth)
    outline = _over_pictures((prediction > 0).long(), (truth > 0).long())
    return Scores(mean_iou(confusion), boundary, outline, pixel_accuracy(confusion))


def load(variant: str = "skips") -> EncoderDecoder:
    """A trained network that comes with the course, in evaluation mode.

    Raises
    ------
    ValueError
        If there is no such variant.
    """
    trained = network(variant, 0)
    stored = torch.load(PLACE / f"encoder_decoder_{variant}.pt", weights_only=True)
    trained.load_state_dict(
        {name: value.float() if value.is_floating_point() else value for name, value in stored.items()}
    )
    return trained.eval()


@cache
def measured() -> tuple[Run, ...]:
    """The trainings whose log comes with the course."""
    stored = json.loads((PLACE / "encoder_decoder.json").read_text(encoding="utf-8"))
    return tuple(run_of(row) for row in stored["runs"])


def runs(variant: str) -> list[Run]:
    """The stored trainings of one variant, one for each seed.

    Raises
    ------
    ValueError
        If that variant was not trained.
    """
    found = [run for run in measured() if run.variant == variant]
    if not found:
        raise ValueError(f"there is no training of {variant!r}; choose one of {', '.join(VARIANTS)}")
    return found


def mean_score(variant: str, measure: str = "mean_iou") -> float:
    """Mean over the seeds of one of `MEASURES` on the test scenes."""
    return statistics.mean(_of(run.scores, measure) for run in runs(variant))


def subset_score(variant: str, skips: Sequence[bool], measure: str = "mean_iou") -> float:
    """The score of seed 0 of a variant when only some of its skips are on, the finest first.

    Raises
    ------
    ValueError
        If that was not measured.
    """
    if tuple(skips) not in SUBSETS:
        raise ValueError(f"skips is {skips!r}; give three truth values, the finest level first")
    return _of(runs(variant)[0].subsets[SUBSETS.index(tuple(skips))], measure)


def run_of(row: dict[str, Any]) -> Run:
    """A run from its line in the log."""
    values: dict[str, Any] = {name: tuple(value) if isinstance(value, list) else value for name, value in row.items()}
    values["scores"] = Scores(**row["scores"])
    values["subsets"] = tuple(Scores(**one) for one in row["subsets"])
    return Run(**values)


def _over_pictures(prediction: Tensor, truth: Tensor) -> float:
    each = [boundary_f_score(mine, true) for mine, true in zip(prediction, truth, strict=True)]
    return float(torch.tensor(each).nanmean())


def _of(scores: Scores, measure: str) -> float:
    if measure not in MEASURES:
        raise ValueError(f"measure is {measure!r}; choose one of {', '.join(MEASURES)}")
    value: float = getattr(scores, measure)
    return value
