"""Joint training of all parts on drawn scenes: the sum of four losses, one backward pass.

`python -m cnncourse.applications.faster_rcnn` trains from two seeds, writes the weights of the first to
`weights/faster_rcnn.pt` and what happened to all to `weights/faster_rcnn.json`.

Chapter: `applications/faster_rcnn`.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import logging
import platform
from dataclasses import asdict
from functools import cache
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from cnncourse.applications.evaluation import evaluate
from cnncourse.applications.faster_rcnn.network import LOSSES, FasterRCNN
from cnncourse.data import scene_sets
from cnncourse.data.scene_sets import SceneSet
from cnncourse.workbench.training import History, Settings, train

PLACE = Path(__file__).parents[1] / "weights" / "faster_rcnn.pt"
SEEDS = (16, 17)
SIZE, SCENES, WATCHED, TESTED = 96, 2000, 100, 500
SETTINGS = {
    "epochs": 9,
    "batch_size": 16,
    "learning_rate": 2e-3,
    "weight_decay": 1e-2,
    "optimizer": "adamw",
    "precision": "float32",
}
_LOG = logging.getLogger(__name__)


def joint_loss(network: FasterRCNN, images: Tensor, boxes: Tensor, labels: Tensor) -> Tensor:
    """The sum of the four losses, for `workbench.training.train`."""
    return torch.stack(list(network.losses(images, boxes, labels).values())).sum()


def mean_losses(network: FasterRCNN, scenes: SceneSet, batch_size: int = 50) -> dict[str, float]:
    """Each of the four losses on scenes, in the network's mode, with the same samples every time."""
    samples, batches = scenes.for_detection(), torch.split(torch.arange(len(scenes)), batch_size)
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.manual_seed(0)
        found = [network.losses(*samples.batch(index)) for index in batches]
    return {name: float(torch.stack([one[name] for one in found]).mean()) for name in LOSSES}


@cache
def load() -> FasterRCNN:
    """The trained network that comes with the course, in evaluation mode, on the CPU."""
    network = FasterRCNN()
    stored = torch.load(PLACE, map_location="cpu", weights_only=True)
    network.load_state_dict({name: _single(value) for name, value in stored.items()})
    return network.eval().requires_grad_(False)


@cache
def log() -> dict[str, Any]:
    """How the weights that come with the course were trained, and what came out."""
    stored: dict[str, Any] = json.loads(PLACE.with_suffix(".json").read_text(encoding="utf-8"))
    return stored


def stored_result(seed: int) -> float:
    """The mAP@0.5 on held-out scenes of the training from a seed, in per cent, as the log tells it.

    Raises
    ------
    ValueError
        If there was no training from that seed.
    """
    found = {run["seed"]: float(run["mean_average_precision"]) for run in log()["runs"]}
    if seed not in found:
        raise ValueError(f"seed is {seed!r}; the log tells of {', '.join(map(str, found))}")
    return round(100 * found[seed], 2)


def follow(seed: int, checkpoint: Path | None = None, epochs: int | None = None) -> tuple[FasterRCNN, dict[str, Any]]:
    """Train from one seed; the network returned has weights in half precision, and the log is about those."""
    training = scene_sets.load("train", SCENES, SIZE)
    watched, held_out = scene_sets.load("validation", WATCHED, SIZE), scene_sets.load("test", TESTED, SIZE)
    settings = Settings(**SETTINGS | {"seed": seed} | ({"epochs": epochs} if epochs else {}))  # type: ignore[arg-type]
    torch.manual_seed(seed)
    network = FasterRCNN()
    parts: list[dict[str, float]] = []

    def score(trained: Any) -> float:
        parts.append(mean_losses(trained, watched))
        value = evaluate(trained, watched, batch_size=WATCHED).mean_average_precision
        _LOG.info("seed %d: mAP %.4f, %s", seed, value, " ".join(f"{name} {x:.3f}" for name, x in parts[-1].items()))
        return value

    history = train(
        network,
        training.for_detection(),
        settings,
        loss=joint_loss,
        score=score,
        checkpoint=checkpoint,
        device=torch.device("cpu"),
        progress=False,
    )
    network.load_state_dict({name: _single(_half(value)) for name, value in network.state_dict().items()})
    return network, _run(history, parts, evaluate(network, held_out))


def main(arguments: list[str] | None = None) -> None:
    """Train from every seed, and write weights and log."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--checkpoints", type=Path, help="folder in which an interrupted training finds its way back")
    parser.add_argument("--output", type=Path, default=PLACE)
    parser.add_argument("--seeds", type=int, nargs="+", default=SEEDS)
    parser.add_argument("--epochs", type=int, help="train for another number of epochs")
    given = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    runs: list[dict[str, Any]] = []
    for seed in given.seeds:
        checkpoint = given.checkpoints / f"faster_rcnn_{seed}.ckpt" if given.checkpoints else None
        network, run = follow(seed, checkpoint, given.epochs)
        _LOG.info("seed %d: mAP@0.5 %.4f on held-out scenes", seed, run["mean_average_precision"])
        if not runs:
            given.output.parent.mkdir(parents=True, exist_ok=True)
            torch.save({name: _half(value) for name, value in network.state_dict().items()}, given.output)
        runs.append(run)
        given.output.with_suffix(".json").write_text(_document(network, given.output, runs), encoding="utf-8")


def _run(history: History, parts: list[dict[str, float]], result: Any) -> dict[str, Any]:
    return {
        "seed": history.seed,
        "mean_average_precision": round(result.mean_average_precision, 4),
        "average_precisions": [round(value, 4) for value in result.average_precisions.tolist()],
        "seconds_per_image": round(result.seconds, 5),
        "seconds": round(sum(history.seconds), 1),
        "history": {name: _short(values) for name, values in asdict(history).items()}
        | {name: _short([one[name] for one in parts]) for name in LOSSES},
    }


def _document(network: FasterRCNN, weights: Path, runs: list[dict[str, Any]]) -> str:
    content = {
        "script": "python -m cnncourse.applications.faster_rcnn",
        "parameters": sum(parameter.numel() for parameter in network.parameters()),
        "data": f"{SCENES} drawn scenes of {SIZE}×{SIZE} pixels; tested on {TESTED} others",
        "settings": SETTINGS,
        "choices": asdict(network.choices),
        "torch": torch.__version__,
        "python": platform.python_version(),
        "bytes": weights.stat().st_size,
        "sha256": hashlib.sha256(weights.read_bytes()).hexdigest(),
        "runs": runs,
    }
    return json.dumps(content, indent=1, ensure_ascii=False) + "\n"


def _short(values: Any) -> Any:
    """Numbers of a list with five digits; anything else as it is."""
    return [float(f"{value:.5g}") for value in values] if isinstance(values, list) else values


def _half(value: Tensor) -> Tensor:
    return value.half().contiguous() if value.is_floating_point() else value


def _single(value: Tensor) -> Tensor:
    return value.float() if value.is_floating_point() else value
