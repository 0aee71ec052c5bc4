"""Three small networks trained alike: what the residual stream and the bootstrapped loss change on drawn scenes.

`python -m cnncourse.applications.frrn.train` trains them again and writes `applications/weights/frrn*`.

Chapter: `applications/frrn`.
"""

from __future__ import annotations

import argparse
import json
import logging
import platform
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import cache, partial
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from cnncourse.applications.frrn.bootstrapping import bootstrapped_cross_entropy
from cnncourse.applications.frrn.network import FRRN, narrow
from cnncourse.applications.segmentation_metrics import boundary_f_score, confusion_matrix, mean_iou
from cnncourse.data import scene_sets
from cnncourse.models.counting import parameters
from cnncourse.workbench import checks
from cnncourse.workbench.training import Settings, predict, train

WEIGHTS = Path(__file__).parents[1] / "weights"
SIDE, TRAINED, TESTED = 48, 800, 200  # pixels of a scene, and numbers of scenes
HARDEST = SIDE * SIDE // 4
SETTINGS = {
    "epochs": 10,
    "batch_size": 8,
    "learning_rate": 3e-3,
    "weight_decay": 1e-3,
    "optimizer": "adamw",
    "precision": "float32",
}
_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class Kind:
    """One network of the comparison; `plain` networks are a little wider, for no fewer parameters."""

    network: Callable[[], FRRN]
    hardest: int | None  # pixels that teach; None for all

    def loss(self, network: nn.Module, images: Tensor, truth: Tensor) -> Tensor:
        """What the training makes small."""
        scores = network(images)
        if self.hardest is None:
            return F.cross_entropy(scores, truth)
        return bootstrapped_cross_entropy(scores, truth, self.hardest)


KINDS = {
    "two streams": Kind(narrow, None),
    "pooling stream": Kind(partial(narrow, base=9, lanes=0), None),
    "hardest pixels": Kind(narrow, HARDEST),
}
FILES = {"two streams": "frrn", "pooling stream": "frrn_plain", "hardest pixels": "frrn_hardest"}


@dataclass(frozen=True)
class Run:
    """What happened to one network: mean loss of each epoch, and its measures on scenes it has never seen."""

    kind: str
    seed: int
    parameters: int
    loss: tuple[float, ...]
    mean_iou: float
    boundary_f: float
    seconds: float


def measure(network: nn.Module, scenes: scene_sets.SceneSet) -> tuple[float, float]:
    """Mean IoU over all pixels, and the mean boundary F-score of the pictures within one pixel."""
    prediction = predict(network, scenes.for_segmentation()).argmax(dim=1)
    truth = scenes.segmentation.long()
    confusion = confusion_matrix(prediction, truth, len(scenes.classes) + 1)
    pairs = zip(prediction, truth, strict=True)
    scores = torch.tensor([boundary_f_score(one, wanted) for one, wanted in pairs])
    return mean_iou(confusion), float(scores.nanmean())


def scenes(split: str, number: int) -> scene_sets.SceneSet:
    """The scenes of the experiment."""
    return scene_sets.load(split, number, SIDE)


def run(kind: str, seed: int, checkpoint: Path | None = None, epochs: int | None = None) -> tuple[FRRN, Run]:
    """Train one network, round its weights to half precision, and measure it on the test scenes.

    Raises
    ------
    ValueError
        If there is no such kind; the message lists them.
    """
    chosen = _kind(kind)
    settings: dict[str, Any] = SETTINGS | ({} if epochs is None else {"epochs": epochs})
    torch.manual_seed(checks.whole_number("seed", seed, 0, "Any whole number will do."))
    network = chosen.network()
    history = train(
        network,
        scenes("train", TRAINED).for_segmentation(),
        Settings(**settings, seed=seed),
        loss=chosen.loss,
        checkpoint=checkpoint,
        device=torch.device("cpu"),
        progress=False,
    )
    network.load_state_dict({name: _half(value).to(value.dtype) for name, value in network.state_dict().items()})
    iou, boundary = measure(network, scenes("test", TESTED))
    loss = tuple(round(value, 4) for value in history.loss)
    seconds = round(sum(history.seconds), 1)
    return network, Run(kind, seed, parameters(network), loss, round(iou, 4), round(boundary, 4), seconds)


def trained(kind: str = "two streams") -> FRRN:
    """The network of a kind that comes with the course (seed 0), in evaluation mode."""
    chosen = _kind(kind)
    network = chosen.network()
    network.load_state_dict(torch.load(WEIGHTS / f"{FILES[kind]}.pt", weights_only=True))
    return network.eval()


@cache
def measured() -> tuple[Run, ...]:
    """The runs that come with the course."""
    stored = json.loads((WEIGHTS / "frrn.json").read_text(encoding="utf-8"))
    return tuple(_from(row) for row in stored["runs"])


def mean_of(kind: str, measure: str) -> float:
    """Mean over the seeds of ``"mean_iou"`` or ``"boundary_f"``, in per cent.

    Raises
    ------
    ValueError
        If there is no such kind or measure.
    """
    _kind(kind)
    if measure not in ("mean_iou", "boundary_f"):
        raise ValueError(f"measure is {measure!r}; choose mean_iou or boundary_f")
    values = [float(getattr(one, measure)) for one in measured() if one.kind == kind]
    return round(100 * sum(values) / len(values), 2)


def main(arguments: list[str] | None = None) -> None:
    """Train every kind from every seed, and write weights and measures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--checkpoints", type=Path, required=True, help="where an interrupted experiment goes on")
    parser.add_argument("--output", type=Path, default=WEIGHTS)
    parser.add_argument("--seeds", type=int, default=2)
    given = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    given.output.mkdir(parents=True, exist_ok=True)
    rows: list[dict[str, Any]] = []
    for seed in range(given.seeds):
        for kind in KINDS:
            start = time.process_time()
            network, row = run(kind, seed, given.checkpoints / f"{FILES[kind]}_{seed}.ckpt")
            rows.append(asdict(row))
            _LOG.info("%s, %.0f s of one core", row, time.process_time() - start)
            if seed == 0:
                weights = {name: _half(value) for name, value in network.state_dict().items()}
                torch.save(weights, given.output / f"{FILES[kind]}.pt")
            (given.output / "frrn.json").write_text(_document(rows), encoding="utf-8")


def _document(rows: list[dict[str, Any]]) -> str:
    head = {
        "script": "python -m cnncourse.applications.frrn.train",
        "data": f"{TRAINED} drawn scenes of {SIDE}×{SIDE} pixels, measured on {TESTED} others",
        "hardest": HARDEST,
        "settings": SETTINGS,
        "torch": torch.__version__,
        "python": platform.python_version(),
        "note": "seconds on a busy machine",
    }
    lines = ",\n".join("  " + json.dumps(row, ensure_ascii=False) for row in rows)
    return json.dumps(head, indent=1, ensure_ascii=False)[:-2] + f',\n "runs": [\n{lines}\n ]\n}}\n'


def _from(row: dict[str, Any]) -> Run:
    return Run(**(row | {"loss": tuple(row["loss"])}))


def _kind(kind: str) -> Kind:
    if kind not in KINDS:
        raise ValueError(f"kind is {kind!r}; choose one of {', '.join(KINDS)}")
    return KINDS[kind]


def _half(value: Tensor) -> Tensor:
    return value.half() if value.is_floating_point() else value


if __name__ == "__main__":
    main()
