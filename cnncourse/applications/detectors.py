"""Three detectors on the same scenes: how many pictures each shows to a network, and what a threshold does to its list.

precision = TP / (TP + FP)        recall = TP / (TP + FN)

Chapter: `applications/detectors`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from cnncourse.applications import faster_rcnn, rcnn, yolo
from cnncourse.applications.average_precision import TRUE, Detections, Truth, judge
from cnncourse.applications.evaluation import Detector, evaluate
from cnncourse.data.scene_sets import SceneSet
from cnncourse.workbench import checks

DETECTORS: dict[str, Callable[[], Detector]] = {
    "R-CNN": rcnn.load,
    "YOLO": yolo.load,
    "Faster R-CNN": faster_rcnn.load,
}


@dataclass(frozen=True)
class Ranking:
    """All detections of one class in all scenes, best first: `scores`, `verdicts` (1 true, 0 false), `scenes`.

    `positives` objects were there to find.
    """

    scores: Tensor
    verdicts: Tensor
    scenes: Tensor
    positives: int


@dataclass(frozen=True)
class Counts:
    """What a threshold hands in: true and false detections, and objects that were not found."""

    true: int
    false: int
    missed: int

    @property
    def precision(self) -> float:
        """Share of what was handed in that is true; nan if that is nothing."""
        return self.true / (self.true + self.false) if self.true + self.false else float("nan")

    @property
    def recall(self) -> float:
        """Share of the objects that were found; nan if there are none."""
        return self.true / (self.true + self.missed) if self.true + self.missed else float("nan")


@dataclass(frozen=True)
class Row:
    """One line of the comparison; `shown` is the mean number of pictures that a network sees for one scene."""

    name: str
    mean_average_precision: float
    seconds: float
    shown: float
    detections: list[Detections]


def compare(detectors: dict[str, Detector], scenes: SceneSet, threshold: float = 0.5) -> list[Row]:
    """Show the same scenes, one at a time, to several detectors, after one scene that warms them up.

    Parameters
    ----------
    detectors
        By name.
    scenes
        Held-out scenes.
    threshold
        The IoU from which on a detection is true.
    """
    first = scenes.for_detection().batch(torch.arange(1))[0]
    rows = []
    for name, detector in detectors.items():
        detector(first)
        result = evaluate(detector, scenes, threshold)
        shown = pictures_shown(detector, first)
        rows.append(Row(name, result.mean_average_precision, result.seconds, shown, result.detections))
    return rows


@torch.no_grad()
def pictures_shown(detector: Detector, images: Tensor) -> float:
    """Pictures that enter a first convolution (of three input channels) while the detector answers, for each image.

    One for a detector that looks at the whole image once; as many as there are cut-out pieces for R-CNN.
    """
    checks.tensor("images", images, "N C H W", C=3)
    checks.whole_number("images", len(images), 1, "Show at least one.")
    seen = 0

    def count(module: nn.Module, arguments: tuple[Tensor, ...]) -> None:
        nonlocal seen
        if isinstance(module, nn.Conv2d) and module.in_channels == 3:
            seen += len(arguments[0])

    handle = nn.modules.module.register_module_forward_pre_hook(count)
    try:
        detector(images)
    finally:
        handle.remove()
    return seen / len(images)


def ranking(detections: Sequence[Detections], truths: Sequence[Truth], label: int, threshold: float = 0.5) -> Ranking:
    """Judge all detections of one class in all scenes and put them in order.

    Raises
    ------
    ValueError
        If there are not as many lists of detections as truths.
    """
    if len(detections) != len(truths):
        raise ValueError(f"there are detections for {len(detections)} scenes, and truths for {len(truths)}")
    checks.whole_number("label", label, 0, "Classes are numbered from 0.")
    scores, verdicts, scenes, positives = [torch.zeros(0)], [torch.zeros(0).long()], [torch.zeros(0).long()], 0
    for index, (found, truth) in enumerate(zip(detections, truths, strict=True)):
        mine, wanted = found.labels == label, truth.boxes[truth.labels == label]
        scores.append(found.scores[mine].cpu())
        verdicts.append(judge(found.boxes[mine], found.scores[mine], wanted, threshold=threshold).cpu())
        scenes.append(torch.full((int(mine.sum()),), index))
        positives += len(wanted)
    order = torch.cat(scores).sort(descending=True, stable=True).indices
    return Ranking(torch.cat(scores)[order], torch.cat(verdicts)[order], torch.cat(scenes)[order], positives)


def counts(ranked: Ranking, threshold: float) -> Counts:
    """True, false and missing ones if the detections with at least this score are handed in.

    Scores need not be probabilities: R-CNN's are margins of linear SVMs.
    """
    checks.number("threshold", threshold)
    handed_in = ranked.verdicts[ranked.scores >= threshold]
    true = int((handed_in == TRUE).sum())
    return Counts(true, len(handed_in) - true, ranked.positives - true)
