"""R-CNN, regions with CNN features: propose, warp, describe, judge, move, suppress; and the time of each step.

Every proposal passes through the network on its own: 2,000 proposals are 2,000 passes.
Paper: Girshick et al. 2014.

Chapter: `applications/rcnn`.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from cnncourse.applications.average_precision import Detections
from cnncourse.applications.boxes import clip, decode
from cnncourse.applications.rcnn.crop_network import CONTEXT, SIDE, CropNetwork
from cnncourse.applications.rcnn.proposals import FOR_SCENES, Strategy, propose
from cnncourse.applications.rcnn.warping import warp
from cnncourse.applications.suppression import non_maximum_suppression
from cnncourse.data.scenes import MEAN, STD
from cnncourse.workbench import checks, denormalise

WEIGHTS = Path(__file__).parent.parent / "weights" / "rcnn.pt"
STEPS = ("proposals", "warping", "network", "machines", "boxes", "suppression")
GROWTH = 4.0


@dataclass
class RCNN:
    """A trained detector: call it with images, or ask `detect` for one image and the time of each step.

    Parameters
    ----------
    network
        In evaluation mode.
    machines
        Weights and biases of the linear SVMs, (D + 1, classes), the bias last.
    regressors
        Weights and biases of the box regression, (classes, D' + 1, 4), the bias last.
    strategies, number
        How to propose, and how many boxes at most.
    threshold
        Above this IoU two boxes of a class count as one.
    refine
        Whether boxes are moved by the regressors.
    """

    network: CropNetwork
    machines: Tensor
    regressors: Tensor
    strategies: Sequence[Strategy] = FOR_SCENES
    number: int = 2000
    threshold: float = 0.3
    floor: float = -1.0
    refine: bool = True
    log: dict[str, Any] = field(default_factory=dict)

    def __call__(self, images: Tensor) -> list[Detections]:
        """Detections in each of the images (N, 3, H, W), normalised as `SceneSet` gives them."""
        checks.tensor("images", images, "N C H W", C=3)
        return [self.detect(image) for image in images]

    def detect(
        self, image: Tensor, seconds: dict[str, float] | None = None, proposals: Tensor | None = None
    ) -> Detections:
        """Detections in one normalised image (3, H, W), best first.

        Parameters
        ----------
        seconds
            A dictionary to which the time of each of `STEPS` is added.
        proposals
            Boxes (N, 4) to judge; without them it searches by itself.
        """
        size = (image.shape[1], image.shape[2])
        with torch.no_grad(), _clock(seconds) as clock:
            if proposals is None:
                proposals = propose(colours(image), self.strategies, self.number)
            clock("proposals")
            crops = warp(image[None], proposals, SIDE, CONTEXT)
            clock("warping")
            maps, features = self.describe(crops)
            clock("network")
            scores = features @ self.machines[:-1] + self.machines[-1]  # (N, classes)
            proposal, label = (scores > self.floor).nonzero(as_tuple=True)
            clock("machines")
            boxes, scores = proposals[proposal], scores[proposal, label]
            if self.refine:
                boxes = self.refined(boxes, maps[proposal], label, size)
            clock("boxes")
            keep = non_maximum_suppression(boxes, scores, self.threshold, label)
            clock("suppression")
        return Detections(boxes[keep], scores[keep], label[keep])

    def describe(self, crops: Tensor) -> tuple[Tensor, Tensor]:
        """Maps (N, D') and features (N, D) of crops, on the CPU."""
        maps = self.network.maps(crops.to(next(self.network.parameters()).device))
        return maps.cpu(), self.network.fc6(maps).cpu()

    def refined(self, boxes: Tensor, maps: Tensor, labels: Tensor, size: tuple[int, int]) -> Tensor:
        """Boxes (N, 4), each moved by the regressor of its class and cut at the border of the image."""
        regressors = self.regressors[labels]  # (N, D' + 1, 4)
        targets = torch.einsum("nd,ndt->nt", maps, regressors[:, :-1]) + regressors[:, -1]
        return clip(decode(boxes, targets, GROWTH), size)


def colours(image: Tensor) -> Tensor:
    """A normalised image (3, H, W) in colours from 0 to 1 again."""
    checks.tensor("image", image, "C H W", C=3)
    return denormalise(image, MEAN, STD).clamp(0, 1)


@cache
def load() -> RCNN:
    """The detector that comes with the course; its `log` says how it was trained and how good it is."""
    stored = torch.load(WEIGHTS, map_location="cpu", weights_only=True)
    log = json.loads(WEIGHTS.with_suffix(".json").read_text(encoding="utf-8"))
    network = CropNetwork()
    network.load_state_dict(stored["network"])
    return RCNN(network.eval(), stored["machines"].float(), stored["regressors"].float(), log=log)


def logged(what: str, seed: int | None = None) -> float:
    """A number of the training log: of one seed, or without it the mean over all seeds.

    Raises
    ------
    ValueError
        If there is no such number or seed.
    """
    log = load().log
    if what in log and not isinstance(log[what], str | list | dict):
        return float(log[what])
    rows = [run for run in log["runs"] if seed is None or run["seed"] == seed]
    if not rows or not isinstance(rows[0].get(what), int | float):
        raise ValueError(f"the log has no number {what!r} for seed {seed!r}; look at `load().log`")
    return float(sum(row[what] for row in rows) / len(rows))


@contextmanager
def _clock(seconds: dict[str, float] | None) -> Iterator[Any]:
    """A function that notes the seconds since it was called last."""
    last = time.perf_counter()

    def note(step: str) -> None:
        nonlocal last
        now = time.perf_counter()
        if seconds is not None:
            seconds[step] = seconds.get(step, 0.0) + now - last
        last = now

    yield note
