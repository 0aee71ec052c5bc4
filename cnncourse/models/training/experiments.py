"""The chapter's experiments, small enough for a page: networks that read scikit-learn's digits of 8×8 pixels.

Each function takes one thing as its argument and keeps all others; a seed fixes weights and batches.

Chapter: `models/training`.
"""

from __future__ import annotations

import copy
import math
from functools import cache

import torch
from torch import nn

from cnncourse.data import LabelledImages, PreparedImages
from cnncourse.models.training.initialization import initialize
from cnncourse.workbench import checks, set_seed
from cnncourse.workbench.training import Settings, accuracy, train

BATCH = 64
SEEN = 512  # digits that are learned from, unless an experiment says something else
_MEAN, _STD = (0.305,), (0.376,)
_NONLINEARITIES: dict[str, type[nn.Module]] = {"relu": nn.ReLU, "tanh": nn.Tanh}
_FITTING = {"relu": "he", "tanh": "glorot"}  # initializations
_CPU = torch.device("cpu")


@cache
def digits() -> LabelledImages:
    """The 1,797 digits that come with scikit-learn, uint8 (1797, 1, 8, 8)."""
    from sklearn.datasets import load_digits  # slow to import, and only needed here

    found = load_digits()
    images = (torch.from_numpy(found.images)[:, None] * (255 / 16)).round().to(torch.uint8)
    labels = torch.from_numpy(found.target).long()
    return LabelledImages(images, labels, tuple("0123456789"), "scikit-learn's digits")


def some(start: int, end: int) -> PreparedImages:
    """The digits from number `start` to before number `end`, ready for training."""
    return digits().select(slice(start, end)).prepared(_MEAN, _STD)


def seen() -> int:
    """How many digits the networks of `learn` see."""
    return len(some(0, SEEN))


def plain_network(
    depth: int, activation: str = "relu", *, normalize: bool = False, initialization: str = "", seed: int = 0
) -> nn.Sequential:
    """`depth` convolutions of 3×3 with 16 maps, pooling after a quarter and after half of them, and a linear layer.

    With `normalize` each convolution is followed by batch normalization. Without a named `initialization` it is He's
    for ReLU and Glorot's for tanh.

    Raises
    ------
    ValueError
        If the depth is less than 3, or there is no such activation or initialization.
    """
    checks.whole_number("depth", depth, 3, "Two poolings stand between the convolutions.")
    if activation not in _NONLINEARITIES:
        raise ValueError(f"there is no activation {activation!r}; choose one of {', '.join(_NONLINEARITIES)}")
    layers: list[nn.Module] = []
    for number in range(depth):
        layers.append(nn.Conv2d(16 if number else 1, 16, 3, padding=1, bias=not normalize))
        layers += [nn.BatchNorm2d(16)] if normalize else []
        layers.append(_NONLINEARITIES[activation]())
        layers += [nn.MaxPool2d(2)] if number in (depth // 4, depth // 2) else []
    network = nn.Sequential(*layers, nn.Flatten(), nn.Linear(16 * 4, 10))
    initialize(network, initialization or _FITTING[activation], seed)
    return network


def learn(network: nn.Module, *, learning_rate: float, epochs: int, seed: int = 0) -> list[float]:
    """Training errors after each epoch on the first `SEEN` digits; nan after a loss that is no number.

    The learning rate begins at its peak and falls; no weight decay.
    """
    samples = some(0, SEEN)
    settings = Settings(epochs, BATCH, learning_rate, warm_up=0.0, weight_decay=0.0, precision="float32", seed=seed)
    errors: list[float] = []

    def watch(network: nn.Module) -> float:
        errors.append(1 - accuracy(network, samples))
        return errors[-1]

    try:
        train(network, samples, settings, score=watch, device=_CPU, progress=False)
    except FloatingPointError:
        errors += [math.nan] * (epochs - len(errors))
    return errors


def race(activation: str, learning_rate: float, *, epochs: int = 15, seed: int = 0) -> list[float]:
    """Training errors of a network of four layers, after each epoch (Krizhevsky et al. 2012, figure 1, in small)."""
    network = plain_network(3, activation, seed=seed)
    return learn(network, learning_rate=learning_rate, epochs=epochs, seed=seed)


def steps_to(errors: list[float], threshold: float) -> float:
    """Mini-batches until the training error is at most `threshold`; infinite if it never is."""
    epochs = next((number for number, error in enumerate(errors, start=1) if error <= threshold), math.inf)
    return epochs * (SEEN // BATCH)


def after_training(
    learning_rate: float, *, normalize: bool, initialization: str = "he", epochs: int = 8, seed: int = 0
) -> float:
    """Training error that eight convolutions and a linear layer end with."""
    network = plain_network(8, normalize=normalize, initialization=initialization, seed=seed)
    return learn(network, learning_rate=learning_rate, epochs=epochs, seed=seed)[-1]


def generalize(p: float, *, seen: int = 200, epochs: int = 60, seed: int = 0) -> tuple[float, float]:
    """Learn `seen` digits with dropout `p` before the last two of three linear layers.

    Returns (error on these digits, error on 797 others), both without dropout.
    """
    generator = set_seed(seed)
    network = nn.Sequential(
        *(nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Conv2d(16, 32, 3, padding=1), nn.ReLU(), nn.Flatten()),
        *(nn.Linear(32 * 16, 256), nn.ReLU(), nn.Dropout(p)),
        *(nn.Linear(256, 256), nn.ReLU(), nn.Dropout(p), nn.Linear(256, 10)),
    )
    initialize(network, "he", seed)
    chosen = digits().select(torch.randperm(1000, generator=generator)[:seen])
    samples = chosen.prepared(_MEAN, _STD)
    settings = Settings(epochs, 50, 0.03, weight_decay=0.0, precision="float32", seed=seed)
    train(network, samples, settings, device=_CPU, progress=False)
    return 1 - accuracy(network, samples), 1 - accuracy(network, some(1000, 1797))


def error_in_mode(network: nn.Module, samples: PreparedImages, *, training: bool, batch_size: int) -> float:
    """Error on the samples in their order, batch by batch, in training or evaluation mode; a copy does the work."""
    trial = copy.deepcopy(network).train(training)
    wrong = 0
    with torch.no_grad():
        for index in torch.split(torch.arange(len(samples)), batch_size):
            images, labels = samples.batch(index)
            wrong += int((trial(images).argmax(dim=1) != labels).sum())
    return wrong / len(samples)
