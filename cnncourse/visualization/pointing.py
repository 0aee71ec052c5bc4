"""Does a map point to what decided? Scores against a planted cue, and six methods side by side.

hit  the largest value lies in the mark (pointing game, Zhang et al. 2018)    share  mass in the mark / mass of the map

Chapter: `visualization/saliency`.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from cnncourse.visualization.planted_cue import LAST_MAPS, PlantedCues, plant, reader
from cnncourse.visualization.saliency import grad_cam, gradient, gradient_times_input, magnitude
from cnncourse.visualization.sanity import randomized_from_the_top, rank_correlation
from cnncourse.workbench import checks

Method = Callable[[nn.Module, Tensor, Tensor], Tensor]
NETWORKS = {"trained": "", "last layer random": "12", "random above the second": "6", "random": "0"}
MEASURES = ("hits", "share", "distractor", "same")


def hits(maps: Tensor, marks: Tensor) -> Tensor:
    """Whether the largest value of each map lies in its mark, bool (N,); of equals, the first one counts.

    Parameters
    ----------
    maps
        (N, H, W), not negative.
    marks
        bool (N, H, W).

    Raises
    ------
    TypeError, ValueError
        If the shapes differ, a map has a negative or infinite value, or `marks` is not bool.
    """
    _checked(maps, marks)
    return marks.flatten(1).gather(1, maps.flatten(1).argmax(dim=1)[:, None])[:, 0]


def share_inside(maps: Tensor, marks: Tensor) -> Tensor:
    """Which part of the sum of each map lies in its mark, (N,); a map of zeros points nowhere and gets 0."""
    _checked(maps, marks)
    total = maps.sum(dim=(1, 2))
    inside = (maps * marks).sum(dim=(1, 2))
    return torch.where(total > 0, inside / total.clamp(min=torch.finfo(maps.dtype).tiny), 0)


def edges(images: Tensor) -> Tensor:
    """Length of Sobel's gradient of grey pictures (N, 1, H, W) → (N, H, W). It knows of no network: the control."""
    checks.tensor("images", images, "N C H W", C=1)
    kernel = images.new_tensor([[1, 2, 1], [0, 0, 0], [-1, -2, -1]])
    both = torch.stack([kernel, kernel.T])[:, None]
    return F.conv2d(F.pad(images, (1,) * 4, mode="replicate"), both).square().sum(dim=1).sqrt()


def covered_logit(
    network: nn.Module, images: Tensor, target: Tensor, patch: int = 8, stride: int = 4, fill: float = 0.0
) -> Tensor:
    """Mean loss of the logit over the occluders that cover a pixel, (N, C, H, W) → (N, H, W); gains count as 0."""
    checks.tensor("images", images, "N C H W")
    height, width = images.shape[2:]
    total, covering = images.new_zeros(len(images), height, width), images.new_zeros(height, width)
    with torch.no_grad():
        before = network(images).gather(1, target[:, None])[:, 0]
        for top in range(0, height - patch + 1, stride):
            for left in range(0, width - patch + 1, stride):
                window = (..., slice(top, top + patch), slice(left, left + patch))
                covered = images.clone()
                covered[window] = fill
                lost = before - network(covered).gather(1, target[:, None])[:, 0]
                total[window] += lost[:, None, None]
                covering[window] += 1
    return (total / covering.clamp(min=1)).clamp(min=0)


def _by(rule: str) -> Method:
    return lambda network, images, target: magnitude(gradient(network, images, target, rule))


METHODS: dict[str, Method] = {
    "gradient": _by("gradient"),
    "gradient × input": lambda network, images, target: magnitude(gradient_times_input(network, images, target)),
    "deconvnet": _by("deconvnet"),
    "guided": _by("guided"),
    "Grad-CAM": lambda network, images, target: grad_cam(network, images, LAST_MAPS, target, images.shape[2:]),
    "occlusion": covered_logit,
    "edges": lambda _network, images, _target: edges(images),
}


@cache
def pictures_compared(distractor: str = "ring", count: int = 40) -> PlantedCues:
    """The pictures on which the methods are compared."""
    return plant(count, seed=4, distractor=distractor)


@cache
def network_called(name: str) -> nn.Module:
    """One of `NETWORKS`: the trained reader, or a copy whose weights are random from the top down to some layer."""
    if name not in NETWORKS:
        raise ValueError(f"there is no network {name!r}; choose one of {', '.join(NETWORKS)}")
    if name == "trained":
        return reader()
    stages = randomized_from_the_top(reader(), pictures_compared().inputs, at=[NETWORKS[name]])
    return next(stages)[1]


@cache
def maps_of(method: str, name: str = "trained", distractor: str = "ring") -> Tensor:
    """The maps (N, H, W) of the true class by one of `METHODS` on one of `NETWORKS`."""
    if method not in METHODS:
        raise ValueError(f"there is no method {method!r}; choose one of {', '.join(METHODS)}")
    pictures = pictures_compared(distractor)
    return METHODS[method](network_called(name), pictures.inputs, pictures.labels)


def score(method: str, measure: str, name: str = "trained", distractor: str = "ring") -> float:
    """Mean over the test pictures of one of `MEASURES`.

    ``"hits"`` and ``"share"`` ask for the mark, ``"distractor"`` for the share in the distractor, ``"same"`` for the
    rank correlation with the map of the trained network.
    """
    if measure not in MEASURES:
        raise ValueError(f"there is no measure {measure!r}; choose one of {', '.join(MEASURES)}")
    pictures, maps = pictures_compared(distractor), maps_of(method, name, distractor)
    if measure == "same":
        trained = maps_of(method, "trained", distractor)
        return sum(map(rank_correlation, trained, maps)) / len(maps)
    if measure == "hits":
        return float(hits(maps, pictures.marks).double().mean())
    return float(share_inside(maps, pictures.marks if measure == "share" else pictures.distractors).double().mean())


def preference(method: str) -> float:
    """Two marks in one picture: share of the mass in both that lies in the mark of the class that was asked for."""
    asked, other = (score(method, measure, distractor="mark") for measure in ("share", "distractor"))
    return asked / (asked + other)


def area_of_the_mark() -> float:
    """Share of a picture's pixels in the mark: what a map scores that is the same everywhere."""
    return float(pictures_compared().marks.double().mean())


def _checked(maps: Tensor, marks: Tensor) -> None:
    checks.tensor("maps", maps, "N H W")
    checks.tensor("marks", marks, "N H W", **dict(zip("NHW", maps.shape, strict=True)))
    if marks.dtype != torch.bool:
        raise ValueError(f"marks have dtype {marks.dtype}; use torch.bool, True inside the mark")
    if not maps.is_floating_point() or maps.numel() == 0 or not maps.isfinite().all() or float(maps.min()) < 0:
        raise ValueError("maps must be finite floats that are not negative; take absolute or positive values first")
