"""Train the networks of the experiment and write their weights and the log.

Chapter: `applications/encoder_decoder`.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import logging
import platform
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from torch import nn

from cnncourse.applications.encoder_decoder import experiment
from cnncourse.applications.encoder_decoder.experiment import Run, Scores
from cnncourse.applications.encoder_decoder.network import EncoderDecoder
from cnncourse.applications.segmentation_metrics import confusion_matrix, mean_iou
from cnncourse.models.counting import parameters
from cnncourse.workbench.training import train

_LOG = logging.getLogger(__name__)


def plan() -> list[tuple[str, int]]:
    """Every (variant, seed), the most telling first."""
    return [("any", 0), *((variant, seed) for seed in experiment.SEEDS for variant in ("skips", "none"))]


def measure(variant: str, seed: int, checkpoint: Path | None = None) -> tuple[Run, EncoderDecoder]:
    """Train one network, round its weights to half precision and judge it on the test scenes."""
    training, validation = experiment.scenes("train", experiment.SCENES), experiment.scenes("validation", 100)
    network = experiment.network(variant, seed)
    images, truth = validation.for_segmentation().batch(torch.arange(len(validation)))

    def score(trained: nn.Module) -> float:
        assert isinstance(trained, EncoderDecoder)
        confusion = confusion_matrix(experiment.segment(trained, images), truth, experiment.CLASSES)
        _LOG.info("%s, seed %d: mean IU %.4f", variant, seed, value := mean_iou(confusion))
        return value

    history = train(
        network,
        training.for_segmentation(),
        experiment.SETTINGS(seed=seed),
        loss=experiment.loss(variant),
        score=score,
        checkpoint=checkpoint,
        device=torch.device("cpu"),
        progress=False,
    )
    rounded = {k: v.half().float() if v.is_floating_point() else v for k, v in network.state_dict().items()}
    network.load_state_dict(rounded)
    subsets = experiment.SUBSETS if seed == 0 else ()
    run = Run(
        variant=variant,
        seed=seed,
        parameters=parameters(network),
        loss=_short(history.loss),
        validation=_short(history.score),
        scores=judged(network),
        subsets=tuple(judged(network, subset) for subset in subsets),
        seconds=round(sum(history.seconds), 1),
    )
    return run, network


def judged(network: EncoderDecoder, skips: tuple[bool, ...] | None = None) -> Scores:
    """Scores on the test scenes, to four figures."""
    test = experiment.scenes("test", experiment.TESTED)
    images, truth = test.for_segmentation().batch(torch.arange(len(test)))
    scores = experiment.judge_segmentation(experiment.segment(network, images, skips), truth)
    return Scores(*_short(asdict(scores).values()))


def main(arguments: list[str] | None = None) -> None:
    """Train everything in the plan that has not been trained yet."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--checkpoints", type=Path, required=True, help="folder for what is done; it may be empty")
    parser.add_argument("--output", type=Path, default=experiment.PLACE)
    given = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    torch.set_num_threads(1)  # sums in another order are other sums
    given.output.mkdir(parents=True, exist_ok=True)
    rows: list[dict[str, Any]] = []
    for variant, seed in plan():
        kept = given.checkpoints / f"{variant}{seed}.json"
        if not kept.exists():
            run, network = measure(variant, seed, given.checkpoints / f"{variant}{seed}.ckpt")
            if seed == 0:
                halved = {k: v.half() if v.is_floating_point() else v for k, v in network.state_dict().items()}
                torch.save(halved, given.output / f"encoder_decoder_{variant}.pt")
            kept.write_text(json.dumps(asdict(run)), encoding="utf-8")
            _LOG.info("%s, seed %d: %s", variant, seed, run.scores)
        rows.append(json.loads(kept.read_text(encoding="utf-8")))
        (given.output / "encoder_decoder.json").write_text(document(rows, given.output), encoding="utf-8")


def document(rows: list[dict[str, Any]], folder: Path) -> str:
    """The log: how it was made, the checksums of the weights, and a line for each run."""
    files = sorted(folder.glob("encoder_decoder_*.pt"))
    head = {
        "script": "python -m cnncourse.applications.encoder_decoder.train --checkpoints FOLDER",
        "data": f"{experiment.SCENES} drawn scenes of {experiment.SIZE}×{experiment.SIZE} pixels with "
        f"{experiment.OBJECTS[0]} to {experiment.OBJECTS[1]} objects; scores on {experiment.TESTED} others",
        "settings": asdict(experiment.SETTINGS()) | {"seed": "that of the run"},
        "torch": torch.__version__,
        "python": platform.python_version(),
        "seconds": round(sum(row["seconds"] for row in rows), 1),
        "sha256": {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in files},
    }
    lines = ",\n".join("  " + json.dumps(row) for row in rows)
    return json.dumps(head, indent=1, ensure_ascii=False)[:-2] + f',\n "runs": [\n{lines}\n ]\n}}\n'


def _short(values: Any) -> tuple[float, ...]:
    return tuple(float(f"{value:.4g}") for value in values)


if __name__ == "__main__":
    main()
