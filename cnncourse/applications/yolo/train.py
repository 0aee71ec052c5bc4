"""How the course's YOLO was trained, from two seeds.

`python -m cnncourse.applications.yolo.train` trains again and writes `applications/weights/yolo.pt` and its log.

Chapter: `applications/yolo`.
"""

from __future__ import annotations

import argparse
import json
import logging
import platform
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from functools import cache, partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from cnncourse.applications.average_precision import class_average_precisions
from cnncourse.applications.evaluation import evaluate, truths
from cnncourse.applications.yolo.detection import YoloDetector
from cnncourse.applications.yolo.grid import assign
from cnncourse.applications.yolo.loss import yolo_loss
from cnncourse.applications.yolo.network import Yolo
from cnncourse.data import scene_sets
from cnncourse.data.scene_sets import SceneSet
from cnncourse.models.recipes import write
from cnncourse.workbench.downloads import PACKAGE
from cnncourse.workbench.training import Settings, train

WEIGHTS = PACKAGE / "applications" / "weights"
SCENES, VALIDATION, TESTED = 2000, 100, 500
SEEDS = (0, 1)
SETTINGS = Settings(epochs=20, batch_size=32, learning_rate=3e-3, optimizer="adamw", precision="float32")
_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class Run:
    """One training: mAP on the held-out scenes at an IoU of 0.5 and of 0.75, and how the loss fell."""

    seed: int
    scenes: int
    epochs: int
    mean_average_precision: float
    at_75: float
    average_precisions: tuple[float, ...]
    history: tuple[float, ...]
    validation: tuple[float, ...]
    seconds: float


def batch_loss(network: nn.Module, images: Tensor, boxes: Tensor, labels: Tensor) -> Tensor:
    """What `workbench.training.train` asks for: the loss of one batch of `DetectionSamples`."""
    predictions: Tensor = network(images)
    targets = assign(boxes, labels, (images.shape[2], images.shape[3]), (predictions.shape[1], predictions.shape[2]))
    number = network.boxes if isinstance(network, Yolo) else 2
    return yolo_loss(predictions, targets, number)


def measure(
    settings: Settings, scenes: SceneSet, held_out: SceneSet, checkpoint: Path | None = None
) -> tuple[Yolo, Run]:
    """Train one network; its weights are rounded to half precision before it is shown the held-out scenes."""
    torch.manual_seed(settings.seed)
    network = Yolo()
    validation = scene_sets.load("validation", VALIDATION)
    history = train(
        network,
        scenes.for_detection(),
        settings,
        loss=batch_loss,
        score=partial(_score, validation),
        checkpoint=checkpoint,
        device=torch.device("cpu"),
        progress=False,
    )
    network.load_state_dict({key: _rounded(value) for key, value in network.state_dict().items()})
    result = evaluate(YoloDetector(network), held_out, batch_size=50)
    strict = class_average_precisions(result.detections, truths(held_out), len(held_out.classes), 0.75)
    run = Run(
        seed=settings.seed,
        scenes=len(scenes),
        epochs=settings.epochs,
        mean_average_precision=round(result.mean_average_precision, 4),
        at_75=round(float(strict.nanmean()), 4),
        average_precisions=_short(result.average_precisions.tolist()),
        history=_short(history.loss),
        validation=_short(history.score),
        seconds=round(sum(history.seconds), 1),
    )
    return network, run


@cache
def measured() -> tuple[Run, ...]:
    """The runs that come with the course, one for each seed; the weights are those of the first."""
    stored = json.loads((WEIGHTS / "yolo.json").read_text(encoding="utf-8"))
    return tuple(_run(row) for row in stored["runs"])


def stated(seed: int = 0) -> float:
    """The mAP in per cent, on held-out scenes, of the network that was trained from that seed."""
    chosen = [run for run in measured() if run.seed == seed]
    if not chosen:
        raise ValueError(f"no network was trained from seed {seed!r}; there are {', '.join(map(str, SEEDS))}")
    return round(100 * chosen[0].mean_average_precision, 1)


@cache
def network() -> Yolo:
    """The trained network that comes with the course, in evaluation mode, on the CPU."""
    result = Yolo()
    state = torch.load(WEIGHTS / "yolo.pt", map_location="cpu", weights_only=True)
    result.load_state_dict({key: value.float() if value.is_floating_point() else value for key, value in state.items()})
    return result.eval()


def load() -> YoloDetector:
    """The trained detector; call it with images (N, 3, H, W), prepared as `SceneSet` gives them."""
    return YoloDetector(network())


def main(arguments: list[str] | None = None) -> None:
    """Train the network from each seed, and write the weights of the first and the log of all."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--checkpoints", type=Path, help="folder in which an interrupted training finds its way back")
    parser.add_argument("--output", type=Path, default=WEIGHTS)
    given = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    if given.checkpoints:
        given.checkpoints.mkdir(parents=True, exist_ok=True)
    scenes, held_out = scene_sets.load("train", SCENES), scene_sets.load("test", TESTED)
    trained = []
    for seed in SEEDS:
        checkpoint = given.checkpoints / f"yolo_{seed}.ckpt" if given.checkpoints else None
        trained.append(measure(replace(SETTINGS, seed=seed), scenes, held_out, checkpoint))
        _LOG.info("seed %d: mAP %.3f", seed, trained[-1][1].mean_average_precision)
    write("yolo", trained[0][0], _log(SETTINGS, [run for _, run in trained]), given.output)


def _score(validation: SceneSet, trained: nn.Module) -> float:
    detector: Callable[..., Any] = YoloDetector(trained)  # type: ignore[arg-type]
    value: float = evaluate(detector, validation, batch_size=50).mean_average_precision
    _LOG.info("validation %.3f", value)
    return value


def _log(settings: Settings, runs: list[Run]) -> dict[str, Any]:
    return {
        "network": "Yolo",
        "parameters": sum(parameter.numel() for parameter in Yolo().parameters()),
        "data": f"{runs[0].scenes} drawn scenes of 96×96 pixels, one to three objects of 6 classes, mirrored at random",
        "test": f"{TESTED} drawn scenes from another seed; weights rounded to half precision",
        "settings": {name: value for name, value in asdict(settings).items() if name != "seed"},
        "torch": torch.__version__,
        "python": platform.python_version(),
        "runs": [asdict(run) for run in runs],
    }


def _run(row: dict[str, Any]) -> Run:
    values: dict[str, Any] = {name: tuple(v) if isinstance(v, list) else v for name, v in row.items()}
    return Run(**values)


def _short(values: list[float]) -> tuple[float, ...]:
    return tuple(float(f"{value:.4g}") for value in values)


def _rounded(value: Tensor) -> Tensor:
    return value.half().float() if value.is_floating_point() else value


if __name__ == "__main__":
    main()
