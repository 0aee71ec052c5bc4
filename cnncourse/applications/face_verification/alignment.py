"""Why unshared weights need aligned faces: the same small network with a shared and with a local layer, and shifts.

Both are trained to name the same people; the local layer begins as a copy of the shared one. `python -m
cnncourse.applications.face_verification.alignment` trains all again and writes `face_verification_alignment.json`.

Chapter: `applications/face_verification`.
"""

from __future__ import annotations

import json
import platform
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from cnncourse.data import faces
from cnncourse.data.faces import FaceSet
from cnncourse.layers import LocallyConnected
from cnncourse.workbench import checks
from cnncourse.workbench.training import Settings, train

PLACE = Path(__file__).parents[1] / "weights" / "face_verification_alignment.json"
KINDS = ("shared", "local")
PEOPLE, PICTURES = 40, 40  # half of the pictures of each person to train on
SHIFTS = (0, 1, 2, 3, 4, 6)
SEEDS = (0, 1, 2)
TRAINED_WITH = (0, 3)  # largest shift of the training pictures, in pixels
SETTINGS = {
    "epochs": 15, "batch_size": 40, "learning_rate": 3e-3, "optimizer": "adamw", "weight_decay": 1e-3,
    "precision": "float32",
}  # fmt: skip


class Namer(nn.Module):
    """Convolution, pooling, a layer with or without sharing, pooling, a dense layer that names the person."""

    def __init__(self, kind: str, people: int = PEOPLE) -> None:
        super().__init__()
        if kind not in KINDS:
            raise ValueError(f"kind is {kind!r}; choose one of {', '.join(KINDS)}")
        self.first = nn.Conv2d(1, 8, 5)
        second = nn.Conv2d(8, 16, 5)
        self.second = second if kind == "shared" else LocallyConnected.from_convolution(second, 14)
        self.last = nn.Linear(16 * 5 * 5, people)

    def forward(self, images: Tensor) -> Tensor:
        """Logits (N, people) of prepared images (N, 1, 32, 32)."""
        hidden = F.max_pool2d(self.first(images).relu(), 2)
        logits: Tensor = self.last(F.max_pool2d(self.second(hidden).relu(), 2).flatten(1))
        return logits


class _Pictures:
    def __init__(self, source: FaceSet) -> None:
        self.images, self.people = source.prepared(), source.people

    def __len__(self) -> int:
        return len(self.people)

    def batch(self, index: Tensor, generator: torch.Generator | None = None) -> tuple[Tensor, Tensor]:  # noqa: ARG002
        return self.images[index], self.people[index]


def pictures(shift: float = 0, people: int = PEOPLE, number: int = PICTURES) -> tuple[FaceSet, FaceSet]:
    """Training and test pictures of the same people: every second one of each; `shift` in pixels, any direction."""
    drawn = faces.load("validation", people, number, variation=replace(faces.ALIGNED, shift=float(shift)))
    even = torch.arange(len(drawn)) % 2 == 0
    return drawn.select(even.nonzero().flatten()), drawn.select((~even).nonzero().flatten())


def moved(images: Tensor, right: int) -> Tensor:
    """Images moved by whole pixels to the right (or left, if negative); the border is repeated."""
    checks.tensor("images", images, "N C H W")
    columns = (torch.arange(images.shape[3]) - right).clamp(0, images.shape[3] - 1)
    return images[..., columns]


def learn_names(kind: str, training: FaceSet, seed: int = 0) -> Namer:
    """Train a `Namer`; both kinds of one seed begin with the same function."""
    torch.manual_seed(seed)
    network = Namer(kind, int(training.people.max()) + 1)
    settings = Settings(**SETTINGS, seed=seed)  # type: ignore[arg-type]
    train(network, _Pictures(training), settings, device=torch.device("cpu"), progress=False)
    return network


@torch.no_grad()
def right_names(network: nn.Module, test: FaceSet, right: int = 0) -> float:
    """Share of pictures whose person is named, after moving them by some pixels: mean of both directions."""
    images = test.prepared()
    hits = [
        (network(moved(images, step)).argmax(dim=1) == test.people).double().mean() for step in sorted({right, -right})
    ]
    return round(float(torch.stack(hits).mean()), 4)


@cache
def measured() -> dict[str, Any]:
    """The log that comes with the course."""
    log: dict[str, Any] = json.loads(PLACE.read_text(encoding="utf-8"))
    return log


def mean_right(kind: str, right: int = 0, trained_with: int = 0) -> float:
    """Share of right names in the log: mean over the seeds, after moving the test pictures by `right` pixels.

    Raises
    ------
    ValueError
        If that was not measured.
    """
    runs = [row for row in measured()["runs"] if (row["kind"], row["trained_with"]) == (kind, trained_with)]
    if not runs or right not in SHIFTS:
        raise ValueError(f"kind {kind!r}, {right} pixels, trained with {trained_with!r}: that was not measured")
    return float(sum(row["right"][SHIFTS.index(right)] for row in runs) / len(runs))


def main() -> None:
    """Train both kinds from every seed, on aligned pictures and on shifted ones, and write the log."""
    runs = []
    test = pictures(0)[1]
    for shift in TRAINED_WITH:
        training = pictures(shift)[0]
        for seed in SEEDS:
            for kind in KINDS:
                network = learn_names(kind, training, seed)
                right = [right_names(network, test, step) for step in SHIFTS]
                weights = sum(parameter.numel() for parameter in network.parameters())
                runs.append({"kind": kind, "trained_with": shift, "seed": seed, "parameters": weights, "right": right})
    head = {
        "script": "python -m cnncourse.applications.face_verification.alignment",
        "data": f"drawn faces: {PEOPLE} people of {PICTURES} pictures, half of them to test",
        "settings": SETTINGS,
        "shifts": SHIFTS,
        "torch": torch.__version__,
        "python": platform.python_version(),
    }
    lines = ",\n".join("  " + json.dumps(row) for row in runs)
    text = json.dumps(head, indent=1)[:-2] + f',\n "runs": [\n{lines}\n ]\n}}\n'
    PLACE.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
