"""Selective search: boxes of all regions of several hierarchies, and how many objects are among the first of them.

recall(n) = objects that one of the first n boxes overlaps by IoU ≥ 0.5 / all objects
Paper: Uijlings et al. 2013, sections 3.2 and 4.

Chapter: `applications/rcnn`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from skimage.color import rgb2hsv, rgb2lab
from torch import Tensor

from cnncourse.applications.boxes import iou
from cnncourse.applications.rcnn.graph_segmentation import segment
from cnncourse.applications.rcnn.grouping import KINDS, Hierarchy, group
from cnncourse.workbench import checks

SPACES = ("rgb", "hsv", "lab")
_LAB_START, _LAB_RANGE = np.array([0, 128, 128]), np.array([100, 255, 255])


@dataclass(frozen=True)
class Strategy:
    """One way to search: a colour space, the scale of the first segments, and what counts as similar."""

    space: str = "rgb"
    scale: float = 100.0
    kinds: tuple[str, ...] = field(default=KINDS)
    smallest: int = 12


SIMPLE = (Strategy(),)
SEVERAL = tuple(
    Strategy(space, scale, kinds) for space in ("hsv", "lab") for scale in (50.0, 100.0) for kinds in (KINDS, KINDS[1:])
)
"""Two colour spaces, two scales, with and without colour, as in the paper's fast version."""
FOR_SCENES = (Strategy(scale=50.0), Strategy(scale=50.0, kinds=KINDS[1:]))
"""Enough for drawn scenes, whose objects have one colour each."""


def count_boxes(size: int | tuple[int, int]) -> int:
    """How many boxes with whole corners an image of `size` (height, width) has: H(H+1)/2 · W(W+1)/2."""
    height, width = checks.pair("size", size, 1, "Give (height, width) of the image.")
    return height * (height + 1) // 2 * (width * (width + 1) // 2)


def hierarchy(image: Tensor, strategy: Strategy = SIMPLE[0]) -> Hierarchy:
    """Segment and group an image (3, H, W) with colours in [0, 1] in one way."""
    converted = in_space(image, strategy.space)
    return group(converted, segment(converted, strategy.scale, strategy.smallest), strategy.kinds)


def propose(
    image: Tensor, strategies: Sequence[Strategy] = SEVERAL, number: int = 2000, seed: int = 0, shortest: int = 3
) -> Tensor:
    """Guess where objects might be.

    Parameters
    ----------
    image
        (3, H, W), floating point, colours in [0, 1].
    strategies
        Hierarchies to take the boxes from.
    number
        As many boxes at most.
    seed
        Of the order. A region that came late in its hierarchy tends to stand early: its place from the top is
        multiplied by a random number, as the paper does, so that no hierarchy comes whole before the next.
    shortest
        Boxes with a shorter side are left out.

    Returns
    -------
    Tensor
        float32 (N, 4), no box twice.
    """
    checks.whole_number("number", number, 1, "Ask for one box at least.")
    checks.whole_number("seed", seed, 0, "Any whole number will do.")
    checks.whole_number("shortest", shortest, 1, "1 keeps every box.")
    if not isinstance(strategies, Sequence) or not all(isinstance(one, Strategy) for one in strategies):
        raise TypeError("strategies must be a sequence of `Strategy`, for example SEVERAL")
    if not strategies:
        raise ValueError("strategies is empty; give one at least")
    random = np.random.default_rng(seed)
    boxes, places = [], []
    segmented: dict[tuple[str, float, int], tuple[Tensor, Tensor]] = {}
    for one in strategies:
        key = (one.space, one.scale, one.smallest)
        if key not in segmented:
            converted = in_space(image, one.space)
            segmented[key] = converted, segment(converted, one.scale, one.smallest)
        found = group(*segmented[key], one.kinds).boxes.flip(0)  # from the whole image down to the segments
        boxes.append(found)
        places.append((np.arange(len(found)) + 1) * random.random(len(found)))
    together = torch.cat(boxes)[torch.from_numpy(np.argsort(np.concatenate(places), kind="stable"))]
    together = together[((together[:, 2:] - together[:, :2]) >= shortest).all(dim=1)]
    return _without_doublets(together)[:number]


def in_space(image: Tensor, space: str) -> Tensor:
    """An RGB image (3, H, W) in another colour space, each channel scaled to [0, 1]; float32.

    Raises
    ------
    TypeError, ValueError
        If the image is no floating point tensor (3, H, W) in [0, 1], or the space is unknown.
    """
    checks.tensor("image", image, "C H W", C=3)
    if space not in SPACES:
        raise ValueError(f"space is {space!r}; choose one of {', '.join(SPACES)}")
    if not image.is_floating_point() or not ((image >= 0) & (image <= 1)).all() or 0 in image.shape:
        raise ValueError("image must be floating point with colours in [0, 1] and have pixels; divide bytes by 255")
    if space == "rgb":
        return image.detach().cpu().float()
    pixels = image.detach().cpu().permute(1, 2, 0).double().numpy()
    converted = rgb2hsv(pixels) if space == "hsv" else (rgb2lab(pixels) + _LAB_START) / _LAB_RANGE
    return torch.from_numpy(np.ascontiguousarray(converted)).permute(2, 0, 1).float().clamp(0, 1)


def best_overlaps(proposals: Tensor, truth: Tensor, number: int | None = None) -> Tensor:
    """IoU of each object (M, 4) with the best of the first `number` proposals (N, 4), as (M,)."""
    if number is not None:
        checks.whole_number("number", number, 0, "0 looks at no proposal.")
    overlaps = iou(truth, proposals)[:, :number]
    return overlaps.max(dim=1).values if overlaps.shape[1] else overlaps.new_zeros(len(truth))


def recall(
    proposals: Sequence[Tensor], truths: Sequence[Tensor], number: int | None = None, threshold: float = 0.5
) -> float:
    """Share of the objects of all images that one of the first `number` proposals overlaps by `threshold`.

    Raises
    ------
    ValueError
        If there are proposals for another number of images, or no object at all.
    """
    checks.fraction("threshold", threshold, "PASCAL VOC uses 0.5.")
    for name, given in (("proposals", proposals), ("truths", truths)):
        if not isinstance(given, Sequence):
            raise TypeError(f"{name} is a {type(given).__name__}; give a list with the boxes of each image")
    if len(proposals) != len(truths):
        raise ValueError(f"there are proposals for {len(proposals)} images, and truths for {len(truths)}")
    best = [best_overlaps(some, truth, number) for some, truth in zip(proposals, truths, strict=True)]
    together = torch.cat(best) if best else torch.zeros(0)
    if len(together) == 0:
        raise ValueError("there is no object to find; recall has no meaning")
    return float(((together >= threshold) & (together > 0)).double().mean())


def _without_doublets(boxes: Tensor) -> Tensor:
    """Every box once, at its first place."""
    return torch.tensor(list(dict.fromkeys(map(tuple, boxes.tolist())))).reshape(-1, 4)
