"""One measure for every detector: mAP on scenes that it has never seen, and the time that it takes for one.

Chapter: `applications/boxes`.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from cnncourse.applications.average_precision import Detections, Truth, class_average_precisions
from cnncourse.data.scene_sets import SceneSet
from cnncourse.workbench import checks

Detector = Callable[[Tensor], list[Detections]]
"""From images (N, 3, H, W), prepared as `SceneSet` gives them, to what is found in each."""


@dataclass(frozen=True)
class Evaluation:
    """`average_precisions` float64 (classes,), nan for a class that does not occur, and `seconds` for one image."""

    average_precisions: Tensor
    seconds: float
    detections: list[Detections]

    @property
    def mean_average_precision(self) -> float:
        """Mean over the classes that occur."""
        return float(self.average_precisions.nanmean())


def truths(scenes: SceneSet) -> list[Truth]:
    """What stands in each scene."""
    return [Truth(boxes, labels) for boxes, labels in zip(scenes.boxes, scenes.labels, strict=True)]


def evaluate(detector: Detector, scenes: SceneSet, threshold: float = 0.5, batch_size: int = 1) -> Evaluation:
    """Show all scenes to a detector.

    Parameters
    ----------
    detector
        Gets images (N, 3, H, W) and returns a list of N `Detections`, in pixels of the image.
    threshold
        The IoU from which on a detection is true.
    batch_size
        Scenes shown at once; 1 is how a camera shows them.

    Raises
    ------
    ValueError
        If the detector answers for more or fewer images than it was shown.
    """
    checks.whole_number("batch_size", batch_size, 1, "Show at least one scene at a time.")
    samples = scenes.for_detection()
    found: list[Detections] = []
    seconds = 0.0
    for first in range(0, len(scenes), batch_size):
        images = samples.batch(torch.arange(first, min(first + batch_size, len(scenes))))[0]
        start = time.perf_counter()
        with torch.no_grad():
            answers = detector(images)
        seconds += time.perf_counter() - start
        if len(answers) != len(images):
            raise ValueError(f"the detector answered for {len(answers)} images, but saw {len(images)}")
        found += answers
    precisions = class_average_precisions(found, truths(scenes), len(scenes.classes), threshold)
    return Evaluation(precisions, seconds / len(scenes), found)
