"""All numbers of the chapter, measured: `python -m cnncourse.applications.own_picture.measure` writes the log.

Chapter: `applications/own_picture`.
"""

from __future__ import annotations

import json
import logging
import platform
import time
from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor

from cnncourse.applications.own_picture import known_things
from cnncourse.applications.own_picture.calibration import (
    answers,
    expected_calibration_error,
    fit_temperature,
    negative_log_likelihood,
    reliability,
)
from cnncourse.applications.own_picture.hashing import CHANGES, distances, hashes, near_duplicates
from cnncourse.applications.own_picture.leakage import Share, accuracy_after
from cnncourse.applications.own_picture.log import PLACE
from cnncourse.applications.own_picture.novelty import SCORES, separation, share_accepted, threshold_for
from cnncourse.data import Photographs, cifar10, clothing, photographs
from cnncourse.models.pretrained import checkpoint
from cnncourse.workbench import photograph
from cnncourse.workbench.images import PHOTOGRAPHS

SQUEEZENET, OWN, CLOTHES = "squeezenet_compressed", "vgg_cifar10", "resnet18_clothing"
MOST = 8  # different bits that still count as a near-duplicate
_LOG = logging.getLogger(__name__)


def logits_of(name: str, images: Iterable[Tensor]) -> Tensor:
    """Logits of pictures in [0, 1] of any sizes, one by one, (N, classes)."""
    one = checkpoint(name)
    network = one.load(torch.device("cpu"))
    with torch.inference_mode():
        return torch.cat([network(one.preprocess(image)) for image in images])


def plain_confidence(name: str) -> float:
    """The largest probability that plain softmax gives one of the bundled photographs."""
    image = photograph(name).expand(3, -1, -1)
    return round(float(SCORES["largest probability"](logits_of(SQUEEZENET, [image]))), 4)


def squeezenet() -> dict[str, Any]:
    """Temperature from one half of the known photographs; calibration, threshold and separation on the other."""
    (fitted, named), (tested, right) = known_things.known("train"), known_things.known("test")
    logits = logits_of(SQUEEZENET, _pictures(tested))
    temperature = fit_temperature(logits_of(SQUEEZENET, _pictures(fitted)), named)
    unknown = {
        "noise": logits_of(SQUEEZENET, known_things.noise()),
        "drawn scenes": logits_of(SQUEEZENET, known_things.drawn()),
        "digits": logits_of(SQUEEZENET, known_things.digits()),
        "scientific pictures": logits_of(SQUEEZENET, known_things.scientific()),
        "kinds not taught": logits_of(SQUEEZENET, _pictures(known_things.untaught())),
    }
    score = SCORES["total evidence"]
    threshold = threshold_for(score(logits_of(SQUEEZENET, _pictures(fitted))))
    colour = [image.expand(3, -1, -1) for image in map(photograph, PHOTOGRAPHS)]
    return {
        "fitted_on": f"{len(fitted)} photographs of {len(known_things.NAMES)} kinds of Caltech-101, its train split",
        "tested_on": f"{len(tested)} photographs of the same kinds, its test split",
        **_calibration(logits, right, temperature),
        "threshold": round(threshold, 4),
        "known_accepted": share_accepted(score(logits), threshold),
        "unknown": {
            group: {
                "number": len(values),
                "accepted": share_accepted(score(values), threshold),
                "separation": {name: separation(one(logits), one(values)) for name, one in SCORES.items()},
                "mean_confidence": float(SCORES["largest probability"](values).mean()),
            }
            for group, values in unknown.items()
        },
        "evidence": dict(zip(PHOTOGRAPHS, score(logits_of(SQUEEZENET, colour)).tolist(), strict=True)),
    }


def own_network() -> dict[str, Any]:
    """The same for the network that takes its place where it cannot be fetched: CIFAR-10's test pictures, halved."""
    pictures = cifar10.load("test").sample(4000, seed=16)
    logits = logits_of(OWN, (image.float() / 255 for image in pictures.images))
    fitted, tested = logits[:2000], logits[2000:]
    temperature = fit_temperature(fitted, pictures.labels[:2000])
    score = SCORES["total evidence"]
    threshold = threshold_for(score(fitted))
    return {
        "fitted_on": f"2,000 test pictures of {pictures.origin}",
        "tested_on": "2,000 others",
        **_calibration(tested, pictures.labels[2000:], temperature),
        "threshold": round(threshold, 4),
        "known_accepted": share_accepted(score(tested), threshold),
    }


def _calibration(logits: Tensor, right: Tensor, temperature: float) -> dict[str, Any]:
    result: dict[str, Any] = {"temperature": round(temperature, 4)}
    for name, value in (("before", 1.0), ("after", temperature)):
        confidence, correct = answers(logits, right, value)
        result[name] = {
            "ece": expected_calibration_error(confidence, correct),
            "nll": negative_log_likelihood(logits, right, value),
            "confidence": float(confidence.mean()),
            "bins": [[b.low, b.number, b.confidence, b.accuracy] for b in reliability(confidence, correct)],
        }
        result["accuracy"] = float(correct.double().mean())
    return result


def finder() -> dict[str, Any]:
    """Recall of the near-duplicate finder after each change, and false alarms among different photographs."""
    originals = _decoded(known_things.known("test")[0])
    stored = hashes(originals)
    apart = distances(stored, stored)
    off = ~torch.eye(len(stored), dtype=torch.bool)
    recall = {}
    for name, change in CHANGES.items():
        moved = distances(hashes([change(image) for image in originals]), stored).diagonal()
        recall[name] = [float((moved <= most).double().mean()) for most in range(21)]
    plain = distances(hashes([CHANGES["mirrored"](image) for image in originals]), stored, mirror=False).diagonal()
    return {
        "number": len(stored),
        "pairs": int(off.sum()) // 2,
        "recall": recall,
        "mirrored_without_mirror": float((plain <= MOST).double().mean()),
        "false_alarms": [float((apart[off] <= most).double().mean()) for most in range(21)],
    }


def warning() -> dict[str, Any]:
    """Accuracy of the clothing network on pictures that it was trained on, near-duplicates of them, and new ones."""
    one = checkpoint(CLOTHES)
    network = one.load(torch.device("cpu"))
    training, test = clothing.load("train"), clothing.load("test")
    generator = torch.Generator().manual_seed(16)
    chosen = training.select(torch.randperm(len(training), generator=generator)[:1000].tolist())
    rows = {"trained on": accuracy_after(network, one, chosen)}
    rows |= {f"trained on, {change}": accuracy_after(network, one, chosen, change) for change in CHANGES}
    rows |= {"new": accuracy_after(network, one, test)}
    rows |= {f"new, {change}": accuracy_after(network, one, test, change) for change in CHANGES}
    pairs = near_duplicates(hashes(_decoded(test)), hashes(_decoded(training)), most=MOST)
    copied = sorted({place for place, _, _ in pairs})
    parts = {
        "alarmed": accuracy_after(network, one, test.select(copied)) if copied else Share(0, 0),
        "others": accuracy_after(network, one, test.select(i for i in range(len(test)) if i not in set(copied))),
    }
    return {
        "network": CLOTHES,
        "rows": {name: [share.right, share.number] for name, share in rows.items()},
        "test_pictures_with_an_alarm": copied,
        "parts": {name: [share.right, share.number] for name, share in parts.items()},
        "number_of_pairs": len(pairs),
        "closest": pairs[0][2] if pairs else None,
        "closest_pairs": [list(pair) for pair in pairs[:20]],
    }


def _pictures(source: Photographs) -> Iterable[Tensor]:
    return (image.float() / 255 for image in _decoded(source))


def _decoded(source: Photographs) -> list[Tensor]:
    return [photographs.decode(file) for file in source.files]


def main() -> None:
    """Measure everything and write the log."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    start = time.perf_counter()
    log: dict[str, Any] = {"script": "python -m cnncourse.applications.own_picture.measure"}
    log["networks"] = {SQUEEZENET: squeezenet()}
    _LOG.info("%s measured", SQUEEZENET)
    log["networks"][OWN] = own_network()
    log["near_duplicates"] = finder()
    _LOG.info("near-duplicates measured")
    log["warning"] = warning()
    log |= {"torch": torch.__version__, "python": platform.python_version()}
    log["seconds"] = round(time.perf_counter() - start, 1)
    PLACE.parent.mkdir(exist_ok=True)
    PLACE.write_text(json.dumps(_short(log), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    _LOG.info("%s written in %.0f s", PLACE, log["seconds"])


def _short(value: Any) -> Any:
    """All floats with six digits."""
    if isinstance(value, float):
        return float(f"{value:.6g}")
    if isinstance(value, dict):
        return {key: _short(one) for key, one in value.items()}
    return [_short(one) for one in value] if isinstance(value, list) else value


if __name__ == "__main__":
    main()
