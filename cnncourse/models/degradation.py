"""Plain and residual networks of six depths, trained alike: the degradation of plain nets, measured on one core.

`python -m cnncourse.models.degradation` trains them all again and writes `weights/degradation.json` (He et al. 2016,
figure 6 shows the same comparison at full size).

Chapter: `models/resnet`.
"""

from __future__ import annotations

import argparse
import json
import logging
import platform
import time
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from cnncourse.data import LabelledImages, PreparedImages, cifar10
from cnncourse.models.counting import parameters
from cnncourse.models.propagation import gradient_norms
from cnncourse.models.resnet import ResNet, cifar_resnet
from cnncourse.workbench.training import Settings, accuracy, train

PLACE = Path(__file__).parent / "weights" / "degradation.json"
KINDS = ("plain", "residual")
DEPTHS = (8, 14, 20, 32, 44, 56)
REPEATED = (20, 56)  # depths that are trained from three seeds, to know the noise
WIDTH, SIDE = 0.5, 16  # 8, 16 and 32 channels; pictures of 16×16 pixels
PICTURES, SEEN, TESTED = 4000, 2000, 2000  # trained on; of these looked at for the training error; tested on
SETTINGS = {"epochs": 15, "batch_size": 64, "learning_rate": 0.1, "weight_decay": 1e-4, "precision": "float32"}
_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class Run:
    """What happened to one network: numbers after each epoch, and gradient norms of its convolutions."""

    kind: str
    depth: int
    seed: int
    parameters: int
    training_loss: tuple[float, ...]
    training_error: tuple[float, ...]
    test_error: tuple[float, ...]
    gradient_before: tuple[float, ...]
    gradient_after: tuple[float, ...]
    seconds: float


def plan() -> list[tuple[str, int, int]]:
    """Every (kind, depth, seed), the most telling first."""
    first = [(kind, depth, 0) for depth in (*REPEATED, *DEPTHS) for kind in KINDS]
    repeated = [(kind, depth, seed) for seed in (1, 2) for depth in REPEATED for kind in KINDS]
    return list(dict.fromkeys(first + repeated))


def network(kind: str, depth: int, seed: int) -> ResNet:
    """An untrained network of the experiment; the plain and the residual one of a seed begin with the same weights.

    Raises
    ------
    ValueError
        If there is no such kind or depth.
    """
    if kind not in KINDS:
        raise ValueError(f"kind is {kind!r}; choose one of {', '.join(KINDS)}")
    torch.manual_seed(seed)
    return cifar_resnet(depth, width=WIDTH, residual=kind == "residual")


def pictures() -> tuple[PreparedImages, PreparedImages]:
    """Training and test pictures: the first of each class of CIFAR-10, at half their size."""
    training = _small(cifar10.load("train").per_class(PICTURES // 10))
    return training, _small(cifar10.load("test").per_class(TESTED // 10))


def measure(kind: str, depth: int, seed: int, training: PreparedImages, test: PreparedImages) -> Run:
    """Train one network and keep what happened."""
    start = time.perf_counter()
    subject = network(kind, depth, seed)
    order = torch.randperm(len(training), generator=torch.Generator().manual_seed(16))
    seen = PreparedImages(training.source.select(order[:SEEN]), training.mean, training.std)
    batch = seen.batch(torch.arange(min(256, len(seen))))
    before = gradient_norms(subject, *batch)
    errors: list[tuple[float, float]] = []

    def score(trained: torch.nn.Module) -> float:
        errors.append((1 - accuracy(trained, seen), 1 - accuracy(trained, test)))
        return errors[-1][1]

    settings = Settings(**SETTINGS, seed=seed)  # type: ignore[arg-type]
    history = train(subject, training, settings, score=score, device=torch.device("cpu"), progress=False)
    after = gradient_norms(subject, *batch)
    return Run(
        kind=kind,
        depth=depth,
        seed=seed,
        parameters=parameters(subject),
        training_loss=_short(history.loss),
        training_error=_short(first for first, _ in errors),
        test_error=_short(second for _, second in errors),
        gradient_before=_short(before.values()),
        gradient_after=_short(after.values()),
        seconds=round(time.perf_counter() - start, 1),
    )


@cache
def measured() -> tuple[Run, ...]:
    """The runs that come with the course, in the order of `plan`."""
    stored = json.loads(PLACE.read_text(encoding="utf-8"))
    return tuple(_run(row) for row in stored["runs"])


def runs(kind: str, depth: int) -> list[Run]:
    """The stored runs of one network, one for each seed.

    Raises
    ------
    ValueError
        If that network was not trained; the message lists the depths.
    """
    found = [run for run in measured() if (run.kind, run.depth) == (kind, depth)]
    if not found:
        raise ValueError(
            f"there is no run of kind {kind!r} and depth {depth!r}; choose {' or '.join(KINDS)}, "
            f"and one of the depths {', '.join(map(str, DEPTHS))}"
        )
    return found


def final_error(kind: str, depth: int, split: str = "training", seed: int = 0) -> float:
    """Per cent of the ``"training"`` or ``"test"`` pictures that a stored run got wrong after its last epoch.

    Raises
    ------
    ValueError
        If that network was not trained from that seed, or there is no such split.
    """
    chosen = [run for run in runs(kind, depth) if run.seed == seed]
    if not chosen:
        raise ValueError(f"the {kind} network of {depth} layers was not trained from seed {seed!r}")
    if split not in ("training", "test"):
        raise ValueError(f"split is {split!r}; choose training or test")
    curve = chosen[0].training_error if split == "training" else chosen[0].test_error
    return round(100 * curve[-1], 2)


def main(arguments: list[str] | None = None) -> None:
    """Train every network of the plan that has not been trained yet, and write the curves."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--checkpoints", type=Path, help="folder in which an interrupted experiment finds its way back")
    parser.add_argument("--output", type=Path, default=PLACE)
    given = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    training, test = pictures()
    rows = []
    for kind, depth, seed in plan():
        kept = given.checkpoints / f"{kind}{depth}_{seed}.json" if given.checkpoints else None
        if kept is not None and kept.exists():
            run = _run(json.loads(kept.read_text(encoding="utf-8")))
        else:
            run = measure(kind, depth, seed, training, test)
            if kept is not None:
                kept.parent.mkdir(parents=True, exist_ok=True)
                kept.write_text(json.dumps(asdict(run)), encoding="utf-8")
        _LOG.info("%s %d, seed %d: training error %.3f", kind, depth, seed, run.training_error[-1])
        rows.append(asdict(run))
    given.output.write_text(_document(training.source, rows), encoding="utf-8")
    _LOG.info("%s written", given.output)


def _document(source: LabelledImages, rows: list[dict[str, Any]]) -> str:
    head = {
        "data": f"{source.origin}; the first {PICTURES // 10} pictures of each class, at {SIDE}×{SIDE} pixels",
        "test": f"the first {TESTED // 10} pictures of each class of the test split",
        "width": WIDTH,
        "settings": SETTINGS,
        "torch": torch.__version__,
        "python": platform.python_version(),
        "seconds": round(sum(row["seconds"] for row in rows), 1),
    }
    lines = ",\n".join("  " + json.dumps(row, ensure_ascii=False) for row in rows)
    return json.dumps(head, indent=1, ensure_ascii=False)[:-2] + f',\n "runs": [\n{lines}\n ]\n}}\n'


def _run(row: dict[str, Any]) -> Run:
    values: dict[str, Any] = {name: tuple(v) if isinstance(v, list) else v for name, v in row.items()}
    return Run(**values)


def _short(values: Any) -> tuple[float, ...]:
    return tuple(float(f"{value:.4g}") for value in values)


def _small(source: LabelledImages) -> PreparedImages:
    halved: Tensor = F.avg_pool2d(source.images.float(), source.images.shape[-1] // SIDE).round().to(torch.uint8)
    return LabelledImages(halved, source.labels, source.classes, source.origin).prepared(cifar10.MEAN, cifar10.STD)


if __name__ == "__main__":
    main()
