"""What does each prior of a class image do? One is switched on at a time, and its effect on the picture is measured.

Chapter: `visualization/inceptionism`.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import torch
from torch import Tensor

from cnncourse.models.pretrained import checkpoint, load
from cnncourse.visualization.inceptionism import NO_PRIORS, ClassImage, Priors, class_image
from cnncourse.workbench import checks

SWITCHED = {
    "no priors": NO_PRIORS,
    "total variation": replace(NO_PRIORS, total_variation=20.0),
    "blur": replace(NO_PRIORS, blur=1.0),
    "jitter": replace(NO_PRIORS, jitter=4),
    "colours": replace(NO_PRIORS, colours=True),
    "frequencies": replace(NO_PRIORS, frequencies=True),
    "octaves": replace(NO_PRIORS, octaves=3),
    "all of them": Priors(total_variation=20.0, blur=0.5, jitter=4, octaves=1),
}
_SIDE, _STEPS = 112, 40


@cache
def imagined(priors: str, label: str = "pants") -> ClassImage:
    """A class image of the course's `resnet18_clothing`, 112 × 112 pixels, with one set of `SWITCHED`.

    Raises
    ------
    ValueError
        If there is no such set of priors, or no such class.
    """
    if priors not in SWITCHED:
        raise ValueError(f"priors is {priors!r}; choose one of {', '.join(SWITCHED)}")
    known = checkpoint("resnet18_clothing")
    names = known.classes()
    if label not in names:
        raise ValueError(f"label is {label!r}; choose one of {', '.join(names)}")
    mean, std = known.preprocess.mean, known.preprocess.std
    network = load(known.name, torch.device("cpu"))
    return class_image(network, names.index(label), _SIDE, SWITCHED[priors], _STEPS, mean=mean, std=std)


def fine_share(image: Tensor) -> float:
    """Part of a picture's energy around its mean in waves shorter than four pixels; image (C, H, W).

    Raises
    ------
    TypeError, ValueError
        If it is no picture, or is the same everywhere.
    """
    checks.tensor("image", image, "C H W")
    energy = torch.fft.fft2(image.double()).abs().square().sum(dim=0)
    energy[0, 0] = 0
    total = float(energy.sum())
    if not total > 0 or not torch.isfinite(energy).all():
        raise ValueError("the picture is the same everywhere, or not finite: it has no waves to compare")
    down, right = (torch.fft.fftfreq(length) for length in image.shape[1:])
    frequency = torch.hypot(down[:, None], right[None, :])
    return float(energy[frequency > 0.25].sum()) / total


def agreement_of_colours(image: Tensor) -> float:
    """Mean correlation of each two of the three channels of a picture (3, H, W)."""
    checks.tensor("image", image, "C H W", C=3)
    matrix = torch.corrcoef(image.double().flatten(1))
    return float((matrix.sum() - 3) / 6)


def fine_share_of(priors: str) -> float:
    """`fine_share` of the class image with these priors."""
    return fine_share(imagined(priors).image)
