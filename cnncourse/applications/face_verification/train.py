"""The trainings of this chapter, from the same people: four ways to learn an embedding, and one uneven training set.

`python -m cnncourse.applications.face_verification.train` writes `weights/face_verification*.pt` and the log.

Chapter: `applications/face_verification`.
"""

from __future__ import annotations

import argparse
import json
import logging
import platform
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from cnncourse.applications.face_verification.embedding import FaceEmbedding, People, embed
from cnncourse.applications.face_verification.losses import (
    contrastive_loss,
    random_triplets,
    semi_hard_triplets,
    squared_distances,
    triplet_loss,
)
from cnncourse.applications.face_verification.pairs import draw_pairs
from cnncourse.applications.face_verification.rates import (
    equal_error_rate,
    fold_accuracy,
    roc,
    tar_at_far,
)
from cnncourse.applications.face_verification.results import EVEN, UNEVEN, WEIGHTS, pretrained
from cnncourse.data import faces, orl_faces
from cnncourse.data.faces import FaceSet
from cnncourse.workbench.training import Settings, train

SEEDS = (0, 1, 2)
TRAINED_ON, TESTED_ON = (400, 10), (200, 8)  # people, pictures of each
SETTINGS = {
    "epochs": 30, "batch_size": 40, "learning_rate": 3e-3, "optimizer": "adamw", "weight_decay": 1e-3,
    "precision": "float32",
}  # fmt: skip
PICTURES = 5  # of each person in a batch
_LOG = logging.getLogger(__name__)


class Classifier(nn.Module):
    """An embedding with one direction for each person of the training set, thrown away after the training."""

    def __init__(self, embedding: FaceEmbedding, people: int) -> None:
        super().__init__()
        self.embedding = embedding
        self.head = nn.Linear(embedding.dimensions, people, bias=False)

    def forward(self, images: Tensor) -> Tensor:
        """Embeddings (N, D), as a network without the head would give them."""
        vectors: Tensor = self.embedding(images)
        return vectors


def contrastive(network: nn.Module, images: Tensor, people: Tensor) -> Tensor:
    """Contrastive loss of all pairs of one person, and of about as many different ones."""
    vectors = network(images)
    first, second = torch.combinations(torch.arange(len(vectors))).T
    same = people[first] == people[second]
    kept = same | (torch.rand(len(same)) < same.float().mean())
    return contrastive_loss(vectors[first[kept]], vectors[second[kept]], same[kept])


def random_mining(network: nn.Module, images: Tensor, people: Tensor) -> Tensor:
    """Triplet loss with any stranger."""
    vectors = network(images)
    return _of_triplets(vectors, random_triplets(squared_distances(vectors.detach()), people))


def semi_hard_mining(network: nn.Module, images: Tensor, people: Tensor) -> Tensor:
    """Triplet loss with the nearest stranger that is farther than the friend."""
    vectors = network(images)
    return _of_triplets(vectors, semi_hard_triplets(squared_distances(vectors.detach()), people))


def classification(network: nn.Module, images: Tensor, people: Tensor) -> Tensor:
    """Cross-entropy over the persons of the training set, from cosines times 16."""
    vectors = network(images)
    weight = network.head.weight  # type: ignore[union-attr]
    return F.cross_entropy(16 * vectors @ F.normalize(weight, dim=1).T, people)  # type: ignore[arg-type]


LOSSES: dict[str, Callable[[nn.Module, Tensor, Tensor], Tensor]] = {
    "semi-hard triplets": semi_hard_mining,
    "random triplets": random_mining,
    "contrastive": contrastive,
    "classification": classification,
}
PLAN = [*((name, EVEN) for name in LOSSES), ("semi-hard triplets", UNEVEN)]


@dataclass(frozen=True)
class Measured:
    """One embedding on pairs of persons that it has never seen."""

    accuracy: float
    standard_error: float
    equal_error_rate: float
    tar_at_one_percent: float


@dataclass(frozen=True)
class Run:
    """One training: how, on whom, and what came out, over all and for each group."""

    loss: str
    coast: float
    seed: int
    history: list[float]
    measured: dict[str, Measured]
    seconds: float


def learn(loss: str, training: FaceSet, seed: int, progress: bool = False, **changed: Any) -> tuple[nn.Module, Any]:
    """Train one embedding; the same seed begins with the same weights whatever the loss."""
    if loss not in LOSSES:
        raise ValueError(f"there is no loss {loss!r}; choose one of {', '.join(LOSSES)}")
    torch.manual_seed(seed)
    network: nn.Module = FaceEmbedding()
    if loss == "classification":
        network = Classifier(network, int(training.people.max()) + 1)  # type: ignore[arg-type]
    history = train(
        network,
        People(training, PICTURES),
        Settings(**{**SETTINGS, **changed}, seed=seed),
        loss=LOSSES[loss],
        device=torch.device("cpu"),
        progress=progress,
    )
    return (network.embedding if isinstance(network, Classifier) else network), history


def measure(vectors: Tensor, test: FaceSet, each: int = 250, folds: int = 10) -> Measured:
    """Ten folds, equal error rate and TAR of the embeddings (N, D) of a test set."""
    pairs = draw_pairs(test.people, each, folds, groups=test.groups)
    distances = pairs.distances(vectors)
    curve, judged = roc(distances, pairs.same), fold_accuracy(distances, pairs.same, pairs.fold)
    values = judged.mean, judged.standard_error, equal_error_rate(curve), tar_at_far(curve, 0.01)
    return Measured(*(round(value, 4) for value in values))


def measure_groups(vectors: Tensor, test: FaceSet) -> dict[str, Measured]:
    """`measure` for all pairs and for each group alone; a pair is always of one group."""
    of_groups = {
        name: measure(vectors[test.groups == number], test.of_group(number))
        for number, name in enumerate(test.group_names)
    }
    return {"all": measure(vectors, test), **of_groups}


def pixels(images: FaceSet) -> Tensor:
    """What to beat: the pixels themselves, without their mean, at length one (N, H·W)."""
    flat = images.prepared().flatten(1)
    return F.normalize(flat - flat.mean(dim=1, keepdim=True), dim=1)


def write(name: str, network: nn.Module) -> Path:
    """Write weights in half precision to `weights/<name>.pt`."""
    path = WEIGHTS / f"{name}.pt"
    state = {key: v.half() if v.is_floating_point() else v for key, v in network.state_dict().items()}
    torch.save(state, path)
    return path


def photographs(network: nn.Module, seed: int) -> dict[str, dict[str, float]]:
    """ORL's faces by pixels, by drawn faces, and by an embedding of half of the people; tested on the other half."""
    everybody = orl_faces.load()
    seen = everybody.select((everybody.people % 2 == 0).nonzero().flatten())
    test = everybody.select((everybody.people % 2 == 1).nonzero().flatten())
    trained, _ = learn("semi-hard triplets", seen, seed, epochs=120, batch_size=20)
    vectors = {"pixels": pixels(test), "drawn": embed(network, test), "photographs": embed(trained, test)}
    return {name: asdict(measure(value, test, each=90)) for name, value in vectors.items()}


def main(arguments: list[str] | None = None) -> None:
    """Follow the plan for every seed, and write the weights of seed 0 and the log."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kept", type=Path, required=True, help="folder in which finished runs are kept")
    given = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    given.kept.mkdir(parents=True, exist_ok=True)
    test = faces.load("test", *TESTED_ON)
    runs, photographed = [], []
    for seed in SEEDS:
        for loss, coast in PLAN:
            file = given.kept / f"{loss.replace(' ', '_')}_{coast}_{seed}.json"
            if not file.exists():
                file.write_text(json.dumps(_follow(loss, coast, seed, test)), encoding="utf-8")
            row = json.loads(file.read_text(encoding="utf-8"))
            if "photographs" in row:
                photographed.append({"seed": seed, **row.pop("photographs")})
            runs.append(row)
            _LOG.info("%s, coast %s, seed %d: %s", loss, coast, seed, row["measured"]["all"])
    head = {
        "script": "python -m cnncourse.applications.face_verification.train",
        "data": f"drawn faces: {TRAINED_ON[0]} people of {TRAINED_ON[1]} pictures to train on; "
        f"{TESTED_ON[0]} other people of {TESTED_ON[1]} pictures to test",
        "settings": SETTINGS | {"pictures of each person": PICTURES},
        "torch": torch.__version__,
        "python": platform.python_version(),
        "seconds": round(sum(row["seconds"] for row in runs), 1),
        "pixels": {name: asdict(value) for name, value in measure_groups(pixels(test), test).items()},
        "photographs": photographed,
    }
    lines = ",\n".join("  " + json.dumps(row) for row in runs)
    text = json.dumps(head, indent=1, ensure_ascii=False)[:-2] + f',\n "runs": [\n{lines}\n ]\n}}\n'
    (WEIGHTS / "face_verification.json").write_text(text, encoding="utf-8")


def _of_triplets(vectors: Tensor, triplets: Tensor) -> Tensor:
    anchor, positive, negative = (vectors[triplets[:, column]] for column in range(3))
    return triplet_loss(anchor, positive, negative)


def _follow(loss: str, coast: float, seed: int, test: FaceSet) -> dict[str, Any]:
    start = time.process_time()
    network, history = learn(loss, faces.load("train", *TRAINED_ON, coast=coast), seed)
    seconds = round(time.process_time() - start, 1)
    shipped = loss == "semi-hard triplets" and seed == 0
    if shipped:
        write("face_verification_uneven" if coast != EVEN else "face_verification", network)
        network = pretrained(uneven=coast != EVEN)  # measure the rounded weights
    run = Run(
        loss, coast, seed, [round(v, 4) for v in history.loss], measure_groups(embed(network, test), test), seconds
    )
    row = asdict(run)
    if loss == "semi-hard triplets" and coast == EVEN and orl_faces.at_hand():
        row["photographs"] = photographs(network, seed)
    return row


if __name__ == "__main__":
    main()
