"""Learning from few pictures of each class, measured fairly: the same pictures for everyone, drawn several times.

Mean ± standard error over the draws, as in Zeiler & Fergus 2014, section 5.2.

Chapter: `applications/transfer`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from cnncourse.applications.transfer.features import standardized
from cnncourse.applications.transfer.linear import fit_linear
from cnncourse.data import LabelledImages
from cnncourse.models import Network
from cnncourse.workbench import Settings, accuracy, checks, set_seed, train


@dataclass(frozen=True)
class Split:
    """Numbers of the pictures to learn from and of those to be tested with; none is in both."""

    training: Tensor
    test: Tensor


Contestant = Callable[[Split], float]  # learns from one part, returns its accuracy on the other


@dataclass(frozen=True)
class Curve:
    """Accuracies, one row for each number of pictures per class and one column for each draw."""

    numbers: tuple[int, ...]
    accuracies: Tensor

    @property
    def mean(self) -> list[float]:
        """Mean accuracy for each number of pictures per class."""
        means: list[float] = self.accuracies.mean(dim=1).tolist()
        return means

    @property
    def standard_error(self) -> list[float]:
        """How uncertain the mean is: standard deviation over the draws / √draws."""
        errors: list[float] = (self.accuracies.std(dim=1) / self.accuracies.shape[1] ** 0.5).tolist()
        return errors


def draw(labels: Tensor, per_class: int, seed: int = 0, largest: int | None = None) -> Split:
    """Draw `per_class` pictures of each class to learn from.

    Draws with one seed are nested: more pictures are the same ones and others. With one `largest` they are all tested
    with the same pictures.

    Parameters
    ----------
    labels
        int64 (N,).
    per_class
        Pictures of each class to learn from.
    seed
        Which draw.
    largest
        The most that you will ever draw; the pictures beyond are those to test with. Without it, all the rest.

    Raises
    ------
    ValueError
        If a class has not so many pictures and one more.
    """
    checks.tensor("labels", labels, "N")
    checks.whole_number("per_class", per_class, 1, "Learn from at least one picture of each class.")
    checks.whole_number("seed", seed, 0, "Any whole number will do.")
    most = (
        per_class if largest is None else checks.whole_number("largest", largest, per_class, "It is the most you draw.")
    )
    generator = torch.Generator().manual_seed(seed)
    training, test = [], []
    for label in sorted(set(labels.tolist())):
        members = (labels == label).nonzero().flatten()
        if len(members) <= most:
            raise ValueError(
                f"class {label} has {len(members)} pictures; to learn from {most} and test with at least one, "
                f"it needs {most + 1}"
            )
        members = members[torch.randperm(len(members), generator=generator)]
        training.append(members[:per_class])
        test.append(members[most:])
    return Split(torch.cat(training), torch.cat(test)) if training else Split(labels, labels)


def learning_curve(contestant: Contestant, labels: Tensor, numbers: Sequence[int], draws: int = 5) -> Curve:
    """How accurate a contestant is after 1, 2, 4, … pictures of each class, in several draws.

    Whoever is measured with the same labels, numbers and draws sees the same pictures.
    """
    checks.whole_number("draws", draws, 2, "One draw has no error bar.")
    if not numbers:
        raise ValueError("numbers is empty; give at least one number of pictures per class")
    rows = [[contestant(draw(labels, number, seed, max(numbers))) for seed in range(draws)] for number in numbers]
    return Curve(tuple(numbers), torch.tensor(rows, dtype=torch.float64))


def on_features(table: Tensor, labels: Tensor, penalty: float = 1.0) -> Contestant:
    """The contestant that fits a linear classifier to standardized features (N, D)."""
    checks.tensor("table", table, "N D")
    checks.tensor("labels", labels, "N", N=len(table))
    classes = int(labels.max()) + 1

    def contestant(split: Split) -> float:
        seen, unseen = standardized(table[split.training], table[split.test])
        return fit_linear(seen, labels[split.training], classes, penalty).accuracy(unseen, labels[split.test])

    return contestant


def from_scratch(
    build: Callable[[], Network],
    images: LabelledImages,
    mean: Sequence[float],
    std: Sequence[float],
    settings: Settings,
    steps: int = 75,
) -> Contestant:
    """The contestant that trains a new network with nothing but the pictures of the draw.

    It makes `steps` steps of training, however few pictures there are: `settings.epochs` is replaced by as many epochs
    as that takes.
    """
    checks.whole_number("steps", steps, 1, "One step sees one batch.")

    def contestant(split: Split) -> float:
        set_seed(settings.seed)
        network = build()
        in_an_epoch = math.ceil(len(split.training) / settings.batch_size)
        enough = replace(settings, epochs=math.ceil(steps / in_an_epoch))
        seen = images.select(split.training).prepared(mean, std)
        train(network, seen, enough, device=torch.device("cpu"), progress=False)
        return accuracy(network, images.select(split.test).prepared(mean, std))

    return contestant
