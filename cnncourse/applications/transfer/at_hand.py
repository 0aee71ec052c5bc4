"""What this machine can show transfer with: ImageNet's SqueezeNet on Caltech-101, or what the course brings along.

Chapter: `applications/transfer`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor

from cnncourse.data import LabelledImages, Photographs, PreparedImages, caltech101, mnist, scenes
from cnncourse.models import Network, build, checkpoint
from cnncourse.workbench import checks, downloads, resize, set_seed
from cnncourse.workbench.images import to_grey

PRETRAINED = "squeezenet_compressed"
BUNDLED = "lenet_mnist"


@dataclass(frozen=True)
class Task:
    """A trained network, new pictures for it, and what both are.

    `near` holds pictures like those that the network was trained with, `far` drawn shapes, unlike anything that it
    has seen. `layers` are worth probing, in order; `last` is the highest below the old classes; `grid` suits their
    maps. `scratch` builds a small network that can be trained on `small`, the near pictures at its size.
    """

    words: str
    network: Network
    untrained: Network
    layers: tuple[str, ...]
    last: str
    grid: int
    near: LabelledImages
    far: LabelledImages
    prepare: Callable[[LabelledImages], PreparedImages]
    small: LabelledImages
    scratch: Callable[[], Network]


def at_hand(classes: int = 15, per_class: int = 18, side: int = 128, seed: int = 0) -> Task:
    """The task that the chapter shows: Caltech-101 with SqueezeNet where both are on this machine, nothing downloaded.

    Parameters
    ----------
    classes, per_class
        How much of Caltech-101: classes spread evenly over the alphabet, and pictures of each, at most 25.
    side
        Pixels of its pictures.
    seed
        Weights of the untrained network.

    Raises
    ------
    ValueError
        If a number is out of range.
    """
    checks.whole_number("classes", classes, 2, "There are 101 classes.")
    checks.whole_number("per_class", per_class, 2, "Learn from one, test with another.")
    checks.whole_number("side", side, 32, "Smaller pictures show nothing.")
    if classes > 101 or per_class > 25:
        raise ValueError(f"classes is {classes} and per_class {per_class}; at most 101 and 25 are at hand")
    have = downloads.find(caltech101.OFFICIAL, caltech101.SMALL_COPY) and downloads.find(
        checkpoint(PRETRAINED).resource
    )
    return _caltech(classes, per_class, side, seed) if have else bundled(per_class, seed)


def bundled(per_class: int = 18, seed: int = 0) -> Task:
    """The task that needs nothing but the course: LeNet, trained on MNIST, sees digits and drawn shapes."""
    checks.whole_number("per_class", per_class, 2, "Learn from one, test with another.")
    digits = mnist.load_or_bundled("test").per_class(per_class)
    drawn = scenes.load("train", per_class * len(scenes.CLASSES), 28, seed=1)
    set_seed(seed)
    return Task(
        words=f"LeNet, trained on MNIST, sees {digits.origin}",
        network=checkpoint(BUNDLED).load(torch.device("cpu")),
        untrained=build("lenet").eval(),
        layers=("s2", "s4", "a5", "a6", "output"),
        last="a6",
        grid=3,
        near=digits,
        far=LabelledImages(_grey(drawn.images), drawn.labels, drawn.classes, f"{drawn.origin}, in grey"),
        prepare=lambda images: images.prepared(mnist.MEAN, mnist.STD),
        small=digits,
        scratch=partial(build, "lenet"),
    )


def _caltech(classes: int, per_class: int, side: int, seed: int) -> Task:
    photographs = _some_classes(classes, per_class)
    near = photographs.squares(side)
    drawn = scenes.load("train", per_class * len(scenes.CLASSES), 96, seed=1)
    one = checkpoint(PRETRAINED)
    set_seed(seed)
    mean, std = one.preprocess.mean, one.preprocess.std
    small = resize(near.images.float(), (32, 32)).round().to(torch.uint8)
    return Task(
        words=f"SqueezeNet, trained on ImageNet, sees {near.origin}",
        network=one.load(torch.device("cpu")),
        untrained=one.network().eval(),
        layers=("relu1", *(f"fire{number}" for number in range(2, 10)), "conv10"),
        last="fire9",
        grid=1,
        near=near,
        far=drawn,
        prepare=lambda images: images.prepared(mean, std),
        small=LabelledImages(small, near.labels, near.classes, f"{near.origin}, made 32×32"),
        scratch=partial(build, "lenet", num_classes=classes, in_channels=3, padding=0),
    )


def _some_classes(classes: int, per_class: int) -> Photographs:
    """Classes spread evenly over the alphabet, with `per_class` photographs each, in order of their new labels."""
    parts = [caltech101.load("train"), caltech101.load("test")]
    names = parts[0].classes
    chosen = [round(number * (len(names) - 1) / (classes - 1)) for number in range(classes)]
    files: list[bytes] = []
    labels: list[int] = []
    for new, old in enumerate(chosen):
        members = [part.files[index] for part in parts for index in (part.labels == old).nonzero().flatten().tolist()]
        files += members[:per_class]
        labels += [new] * len(members[:per_class])
    kept = tuple(names[old] for old in chosen)
    return Photographs(tuple(files), torch.tensor(labels), kept, f"{classes} classes of {parts[0].origin}")


def _grey(images: Tensor) -> Tensor:
    return to_grey(images.float()).round().to(torch.uint8)
