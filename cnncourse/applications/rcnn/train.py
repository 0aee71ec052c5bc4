"""Train R-CNN in its stages: the network on warped proposals, then machines, then box regression, one after another.

`python -m cnncourse.applications.rcnn.train` does so from three seeds and writes `weights/rcnn.pt` and its log.
Paper: Girshick et al. 2014, sections 2.3 and appendices B, C.

Chapter: `applications/rcnn`.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import logging
import platform
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from cnncourse.applications.average_precision import class_average_precisions
from cnncourse.applications.boxes import encode, iou
from cnncourse.applications.evaluation import truths
from cnncourse.applications.rcnn.box_regression import fit_ridge
from cnncourse.applications.rcnn.crop_network import CONTEXT, SIDE, CropNetwork
from cnncourse.applications.rcnn.detector import RCNN, WEIGHTS, colours
from cnncourse.applications.rcnn.linear_svm import mine
from cnncourse.applications.rcnn.proposals import FOR_SCENES, propose, recall
from cnncourse.applications.rcnn.warping import warp
from cnncourse.data import scene_sets, scenes
from cnncourse.data.scene_sets import SceneSet
from cnncourse.workbench import denormalise, normalise
from cnncourse.workbench.training import Settings, train

SCENES, HELD_OUT, SEEDS = 400, 200, (16, 17, 18)
POSITIVE, NEGATIVE, CLOSE = 0.5, 0.3, 0.6  # IoU: for the network, for the machines, for the regression
BACKGROUND = 2  # crops of the ground for each crop of an object
COST, PENALTY = 0.01, 1000.0
SETTINGS = Settings(epochs=5, batch_size=64, learning_rate=0.05, precision="float32")
_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class Proposals:
    """All proposals of a set, one under the other: which scene, box (N, 4), best IoU with an object, which one.

    The objects themselves stand among them, with IoU 1. `overlaps` is (N, classes): the best IoU with each class.
    """

    scene: Tensor
    boxes: Tensor
    overlaps: Tensor
    targets: Tensor
    exact: Tensor

    @property
    def labels(self) -> Tensor:
        """Class of each, and the number of classes where the IoU stays below one half: background."""
        best, label = self.overlaps.max(dim=1)
        return torch.where(best >= POSITIVE, label, self.overlaps.shape[1])


@dataclass(frozen=True)
class Crops:
    """Warped proposals for `train`: batches (crops, labels) from crops uint8 (N, 3, side, side), labels (N,)."""

    crops: Tensor
    labels: Tensor

    def __len__(self) -> int:
        return len(self.crops)

    def batch(self, index: Tensor, generator: torch.Generator | None = None) -> tuple[Tensor, Tensor]:
        """Crops (n, 3, side, side), normalised, and labels (n,); with a generator, half of them are mirrored."""
        crops = normalise(self.crops[index].float() / 255, scenes.MEAN, scenes.STD)
        if generator is not None:
            mirrored = torch.rand(len(crops), generator=generator) < 0.5
            crops[mirrored] = crops[mirrored].flip(3)
        return crops, self.labels[index]


def propose_all(source: SceneSet, limit: int = 2000) -> Proposals:
    """Proposals and true boxes of all scenes, with their overlaps and the targets of the object that fits best."""
    rows: list[tuple[Tensor, ...]] = []
    images = source.for_detection()
    for number in range(len(source)):
        truth, labels = source.boxes[number], source.labels[number]
        found = propose(colours(images.batch(torch.tensor([number]))[0][0]), FOR_SCENES, limit)
        boxes = torch.cat([truth, found])
        exact = torch.arange(len(boxes)) < len(truth)
        overlaps, targets = torch.zeros(len(boxes), len(source.classes)), torch.zeros(len(boxes), 4)
        if len(truth):
            each = iou(boxes, truth)
            for one in range(len(truth)):
                overlaps[:, labels[one]] = overlaps[:, labels[one]].maximum(each[:, one])
            targets = encode(boxes, truth[each.argmax(dim=1)])
        rows.append((torch.full((len(boxes),), number), boxes, overlaps, targets, exact))
    return Proposals(*(torch.cat(column) for column in zip(*rows, strict=True)))


def warped(source: SceneSet, scene: Tensor, boxes: Tensor) -> Tensor:
    """Crops (n, 3, side, side) of boxes in scenes."""
    present, place = torch.unique(scene, return_inverse=True)
    return warp(source.for_detection().batch(present)[0], boxes, SIDE, CONTEXT, place)


def crops_for_training(source: SceneSet, proposals: Proposals, seed: int) -> Crops:
    """All proposals that are an object by half, and twice as many others, drawn at random."""
    is_object = proposals.labels < len(source.classes)
    ground = (~is_object).nonzero().flatten()
    ground = ground[torch.randperm(len(ground), generator=torch.Generator().manual_seed(seed))]
    rows = torch.cat([is_object.nonzero().flatten(), ground[: BACKGROUND * int(is_object.sum())]])
    parts = []
    for some in torch.split(rows, 512):
        crops = warped(source, proposals.scene[some], proposals.boxes[some])
        parts.append((denormalise(crops, scenes.MEAN, scenes.STD).clamp(0, 1) * 255).round().to(torch.uint8))
    return Crops(torch.cat(parts), proposals.labels[rows])


def train_network(
    source: SceneSet, proposals: Proposals, seed: int, checkpoint: Path | None = None
) -> tuple[CropNetwork, dict[str, Any]]:
    """A classifier of crops. The paper starts from ImageNet's weights, because VOC has few boxes; we draw enough."""
    torch.manual_seed(seed)
    network = CropNetwork(len(source.classes))
    crops = crops_for_training(source, proposals, seed)
    settings = replace(SETTINGS, seed=seed)
    history = train(network, crops, settings, checkpoint=checkpoint, progress=False, device=torch.device("cpu"))
    objects = int((crops.labels < len(source.classes)).sum())
    loss = [float(f"{value:.4g}") for value in history.loss]
    return network, {"crops": len(crops), "objects": objects, "loss": loss}


@torch.no_grad()
def describe(detector: RCNN, source: SceneSet, proposals: Proposals) -> tuple[Tensor, Tensor]:
    """Maps and features of all proposals."""
    found = [
        detector.describe(warped(source, proposals.scene[rows], proposals.boxes[rows]))
        for rows in torch.split(torch.arange(len(proposals.boxes)), 512)
    ]
    return torch.cat([maps for maps, _ in found]), torch.cat([features for _, features in found])


def fit_machines(features: Tensor, proposals: Proposals) -> tuple[Tensor, list[tuple[int, ...]]]:
    """One machine a class: the objects themselves against proposals that overlap none of this class by 0.3."""
    columns, caches = [], []
    for label in range(proposals.overlaps.shape[1]):
        overlap = proposals.overlaps[:, label]
        machine = mine(features[proposals.exact & (overlap == 1)], features[overlap < NEGATIVE], cost=COST)
        columns.append(torch.cat([machine.weight, machine.bias[None]]))
        caches.append(machine.cache)
    return torch.stack(columns, dim=1), caches


def fit_regressors(maps: Tensor, proposals: Proposals) -> Tensor:
    """One ridge regression a class, from proposals that are close to an object of this class."""
    best, label = proposals.overlaps.max(dim=1)
    blocks = []
    for one in range(proposals.overlaps.shape[1]):
        near = (best > CLOSE) & (label == one) & ~proposals.exact
        weight, bias = fit_ridge(maps[near], proposals.targets[near], PENALTY)
        blocks.append(torch.cat([weight, bias[None]]))
    return torch.stack(blocks)


def train_detector(
    source: SceneSet, proposals: Proposals, seed: int, checkpoint: Path | None = None
) -> tuple[RCNN, dict[str, Any]]:
    """All stages, with weights rounded to half precision; the log tells the seconds of each."""
    empty = torch.zeros(0)
    start = time.perf_counter()
    network, log = train_network(source, proposals, seed, checkpoint)
    seconds = {"network": time.perf_counter() - start}
    network.load_state_dict(
        {k: v.half().to(v.dtype) if v.is_floating_point() else v for k, v in network.state_dict().items()}
    )
    detector = RCNN(network.eval(), empty, empty)
    start = time.perf_counter()
    maps, features = describe(detector, source, proposals)
    seconds["features"] = time.perf_counter() - start
    start = time.perf_counter()
    machines, caches = fit_machines(features, proposals)
    seconds["machines"] = time.perf_counter() - start
    start = time.perf_counter()
    detector.machines, detector.regressors = machines.half().float(), fit_regressors(maps, proposals).half().float()
    seconds["boxes"] = time.perf_counter() - start
    return detector, log | {"caches": caches, "seconds": {key: round(value, 1) for key, value in seconds.items()}}


def measured(detector: RCNN, held_out: SceneSet, proposals: Sequence[Tensor]) -> dict[str, Any]:
    """Average precision on held-out scenes whose proposals are known, with and without box regression."""
    images = held_out.for_detection().batch(torch.arange(len(held_out)))[0]

    def precisions(refine: bool, threshold: float) -> Tensor:
        given = replace(detector, refine=refine)
        found = [given.detect(image, proposals=some) for image, some in zip(images, proposals, strict=True)]
        return class_average_precisions(found, truths(held_out), len(held_out.classes), threshold)

    each = precisions(True, 0.5)
    return {
        "mean_average_precision": round(float(each.nanmean()), 4),
        "mean_average_precision_75": round(float(precisions(True, 0.75).nanmean()), 4),
        "without_regression": round(float(precisions(False, 0.5).nanmean()), 4),
        "without_regression_75": round(float(precisions(False, 0.75).nanmean()), 4),
        "average_precisions": [round(value, 4) for value in each.tolist()],
    }


def main(arguments: list[str] | None = None) -> None:
    """Train from each seed, keep the weights of the first, and the results of all."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scenes", type=int, default=SCENES)
    parser.add_argument("--seeds", type=int, nargs="+", default=SEEDS)
    parser.add_argument("--checkpoints", type=Path, help="folder in which an interrupted training finds its way back")
    parser.add_argument("--output", type=Path, default=WEIGHTS)
    given = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    source, held_out = scene_sets.load("train", given.scenes), scene_sets.load("test", HELD_OUT)
    proposals, unseen = (_kept(one, given.checkpoints) for one in (source, held_out))
    _LOG.info("%d proposals", len(proposals.boxes))
    found = [unseen.boxes[(unseen.scene == number) & ~unseen.exact] for number in range(HELD_OUT)]
    log: dict[str, Any] = {
        "script": "python -m cnncourse.applications.rcnn.train",
        "data": f"{given.scenes} drawn scenes of 96×96 pixels, tested on {HELD_OUT} others",
        "proposals_per_scene": round(sum(map(len, found)) / HELD_OUT, 1),
        "recall": recall(found, held_out.boxes),
        "recall_75": recall(found, held_out.boxes, threshold=0.75),
        "settings": asdict(SETTINGS) | {"cost": COST, "penalty": PENALTY},
        "torch": torch.__version__,
        "python": platform.python_version(),
        "runs": [],
    }
    for seed in given.seeds:
        checkpoint = given.checkpoints / f"rcnn_{seed}.ckpt" if given.checkpoints else None
        detector, told = train_detector(source, proposals, seed, checkpoint)
        log["runs"].append({"seed": seed, **measured(detector, held_out, found), **told})
        _LOG.info("seed %d: %s", seed, json.dumps(log["runs"][-1]))
        if seed == given.seeds[0]:
            write(detector, given.output)
        given.output.with_suffix(".json").write_text(_document(log, given.output), encoding="utf-8")


def _kept(source: SceneSet, folder: Path | None) -> Proposals:
    """Proposals of a set, from the folder if they are there already."""
    place = folder / f"proposals_{len(source)}_{int(source.images.sum())}.pt" if folder else None
    if place is not None and place.exists():
        return Proposals(**torch.load(place, weights_only=True))
    found = propose_all(source)
    if place is not None:
        place.parent.mkdir(parents=True, exist_ok=True)
        torch.save(asdict(found), place)
    return found


def write(detector: RCNN, place: Path) -> None:
    """The weights in half precision."""
    state = {k: v.half() if v.is_floating_point() else v for k, v in detector.network.state_dict().items()}
    parts = {"network": state, "machines": detector.machines.half(), "regressors": detector.regressors.half()}
    place.parent.mkdir(parents=True, exist_ok=True)
    torch.save(parts, place)


def _document(log: dict[str, Any], place: Path) -> str:
    whole = log | {"sha256": hashlib.sha256(place.read_bytes()).hexdigest(), "bytes": place.stat().st_size}
    return json.dumps(whole, indent=1, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    main()
