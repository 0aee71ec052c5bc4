"""Train the ladder: a classifier first, its layers kept for FCN-32s, that for FCN-16s, and that for FCN-8s.

`python -m cnncourse.applications.fcn.train` does it for three seeds, one core and about 8 minutes, and writes
`weights/fcn.json` and the weights of the first seed. Chapter: `applications/fcn`.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import logging
import platform
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from cnncourse.applications.fcn.ladder import CHANNELS, CONTINUED, SIZE, TOLERANCE, WEIGHTS, measure, segment
from cnncourse.applications.fcn.network import FCN, pixel_cross_entropy
from cnncourse.applications.segmentation_metrics import confusion_matrix, mean_iou
from cnncourse.data import scene_sets, scenes
from cnncourse.data.augmentation import crops_and_mirrors
from cnncourse.workbench.training import Settings, train

SEEDS = (0, 1, 2)
PICTURES, SIDE = 3000, 48  # single shapes that the classifier learns from
SCENES, TESTED, WATCHED = 1000, 200, 40
CLASSIFIER = {"epochs": 5, "batch_size": 32, "learning_rate": 6e-3}
FIRST = {"epochs": 5, "batch_size": 8, "learning_rate": 3e-3}
NEXT: dict[str, Any] = {"epochs": 3, "batch_size": 8, "learning_rate": 2e-3}
COMMON: dict[str, Any] = {"optimizer": "adamw", "weight_decay": 1e-2, "precision": "float32"}
_LOG = logging.getLogger(__name__)


def classification(network: nn.Module, images: Tensor, labels: Tensor) -> Tensor:
    """The loss of a classifier: the mean of the coarse scores, where map 0 stands for the ground and is never right."""
    assert isinstance(network, FCN)
    return F.cross_entropy(network.coarse_scores(images).mean(dim=(2, 3)), labels + 1)


class Experiment:
    """One seed of the ladder."""

    def __init__(self, seed: int, checkpoints: Path | None, fewer: int = 1) -> None:
        self.seed, self.checkpoints, self.fewer = seed, checkpoints, fewer
        self.scenes = scene_sets.load("train", SCENES // fewer, SIZE)
        self.watched = scene_sets.load("validation", max(4, WATCHED // fewer), SIZE)
        self.tested = scene_sets.load("test", max(4, TESTED // fewer), SIZE)

    def ladder(self) -> tuple[list[dict[str, Any]], dict[str, FCN]]:
        """Train a classifier, then every rung from the one before; returns what was measured, and the networks."""
        torch.manual_seed(self.seed)
        network = FCN(32, channels=CHANNELS)
        self._classifier(network)
        rows = [self._rung("32s", network, FIRST)]
        networks = {"32s": network}
        for rung in ("16s", "8s"):
            network = network.refined()
            rows.append(self._rung(rung, network, NEXT))
            networks[rung] = network
        return rows, networks

    def continued(self, start: FCN) -> dict[str, Any]:
        """Train FCN-32s for as many epochs more as FCN-8s got, so that the rungs can be told from mere patience."""
        network = FCN(32, channels=CHANNELS)
        network.load_state_dict(start.state_dict())
        return self._rung(CONTINUED, network, NEXT | {"epochs": 2 * NEXT["epochs"]})

    def _classifier(self, network: FCN) -> None:
        shapes = scenes.load("train", PICTURES // self.fewer, SIDE)
        samples = shapes.prepared(scenes.MEAN, scenes.STD, crops_and_mirrors(4))
        history = train(network, samples, self._settings(CLASSIFIER), loss=classification, **self._rest("classifier"))
        _LOG.info("seed %d, classifier: loss %.3f", self.seed, history.loss[-1])

    def _rung(self, rung: str, network: FCN, settings: dict[str, Any]) -> dict[str, Any]:
        start = time.process_time()
        history = train(
            network,
            self.scenes.for_segmentation(),
            self._settings(settings),
            loss=pixel_cross_entropy,
            score=self._watch,
            **self._rest(rung),
        )
        network.load_state_dict({name: _rounded(value) for name, value in network.state_dict().items()})
        found = measure(segment(network, self.tested), self.tested.segmentation.long(), network.classes)
        _LOG.info("seed %d, %s: mean IU %.3f, outlines %.3f", self.seed, rung, found.mean_iou, found.boundary_f_score)
        return {
            "rung": rung,
            "seed": self.seed,
            "test": {name: _short(value) for name, value in asdict(found).items()},
            "loss": _short(history.loss),
            "validation_mean_iou": _short(history.score),
            "core_seconds": round(time.process_time() - start, 1),
        }

    def _watch(self, network: nn.Module) -> float:
        truth = self.watched.segmentation.long()
        value = mean_iou(confusion_matrix(segment(network, self.watched), truth, len(scenes.CLASSES) + 1))
        _LOG.info("mean IU %.3f", value)
        return value

    def _settings(self, given: dict[str, Any]) -> Settings:
        values = COMMON | given | {"epochs": max(1, given["epochs"] // self.fewer)}
        return Settings(**values, seed=self.seed)

    def _rest(self, name: str) -> dict[str, Any]:
        kept = self.checkpoints / f"fcn_{name.replace(' ', '_')}_{self.seed}.ckpt" if self.checkpoints else None
        return {"checkpoint": kept, "device": torch.device("cpu"), "progress": False}


def main(arguments: list[str] | None = None) -> None:
    """Train the ladder from each seed and write what was measured after each."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, nargs="+", default=SEEDS)
    parser.add_argument("--checkpoints", type=Path, help="folder in which an interrupted experiment finds its way back")
    parser.add_argument("--output", type=Path, default=WEIGHTS)
    parser.add_argument("--fewer", type=int, default=1, help="divide scenes and epochs by this, for a rehearsal")
    given = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    given.output.mkdir(parents=True, exist_ok=True)
    rows: list[dict[str, Any]] = []
    sums: dict[str, str] = {}
    coarse: dict[int, FCN] = {}
    for seed in given.seeds:
        found, networks = Experiment(seed, given.checkpoints, given.fewer).ladder()
        rows += found
        coarse[seed] = networks["32s"]
        if seed == given.seeds[0]:
            sums = {f"fcn_{network.stride}s.pt": _save(network, given.output) for network in networks.values()}
        _write(rows, sums, given.fewer, given.output)
    for seed in given.seeds:
        rows.append(Experiment(seed, given.checkpoints, given.fewer).continued(coarse[seed]))
        _write(rows, sums, given.fewer, given.output)


def _save(network: FCN, folder: Path) -> str:
    """Write the weights in half precision, without the fixed enlargement; returns their checksum."""
    path = folder / f"fcn_{network.stride}s.pt"
    state = network.state_dict().items()
    torch.save({name: _halved(value) for name, value in state if not name.startswith("enlargement")}, path)
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _write(rows: list[dict[str, Any]], sums: dict[str, str], fewer: int, folder: Path) -> None:
    head = {
        "script": "python -m cnncourse.applications.fcn.train" + (f" --fewer {fewer}" if fewer > 1 else ""),
        "data": f"{SCENES // fewer} drawn scenes of {SIZE}×{SIZE} pixels; the classifier saw {PICTURES // fewer} "
        f"single shapes of {SIDE}×{SIDE} pixels",
        "test": f"the first {TESTED // fewer} scenes of the test split; outlines within {TOLERANCE:g} pixels",
        "channels": CHANNELS,
        "settings": {"all": COMMON, "classifier": CLASSIFIER, "32s": FIRST, "16s and 8s": NEXT},
        "torch": torch.__version__,
        "python": platform.python_version(),
        "sha256": sums,
    }
    lines = ",\n".join("  " + json.dumps(row, ensure_ascii=False) for row in rows)
    text = json.dumps(head, indent=1, ensure_ascii=False)[:-2] + f',\n "runs": [\n{lines}\n ]\n}}\n'
    (folder / "fcn.json").write_text(text, encoding="utf-8")
    _LOG.info("%d runs written", len(rows))


def _short(value: Any) -> Any:
    if isinstance(value, list | tuple):
        return [_short(one) for one in value]
    return float(f"{value:.5g}")


def _halved(value: Tensor) -> Tensor:
    return value.half().contiguous() if value.is_floating_point() else value


def _rounded(value: Tensor) -> Tensor:
    return value.half().float() if value.is_floating_point() else value


if __name__ == "__main__":
    main()
