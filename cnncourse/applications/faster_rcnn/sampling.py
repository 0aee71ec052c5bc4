"""Which anchors and regions are learned from: a few of each kind, because nearly all are background.

Ren et al. 2015, section 3.1.3 (256 anchors, half of them positive if there are so many); Girshick 2015, section 2.3.

Chapter: `applications/faster_rcnn`.
"""

from __future__ import annotations

import torch
from torch import Tensor

from cnncourse.applications.anchors import BACKGROUND, match
from cnncourse.workbench import checks


def sample(
    matches: Tensor, number: int = 256, share: float = 0.5, generator: torch.Generator | None = None
) -> tuple[Tensor, Tensor]:
    """Draw some positives and some background at random.

    Parameters
    ----------
    matches
        int64 (N,) as `match` returns them: an object's index, or −1 for background; −2 is never drawn.
    number
        How many to draw; fewer where there are not so many.
    share
        Largest share of positives. Background fills their places where they are too few.

    Returns
    -------
    positives, background
        int64 indices into `matches`, in no order.
    """
    checks.tensor("matches", matches, "N")
    checks.whole_number("number", number, 1, "The paper draws 256 anchors of an image.")
    checks.fraction("share", share, "The paper uses one half.")
    (positives,), (background,) = torch.where(matches >= 0), torch.where(matches == BACKGROUND)
    positives = _some(positives, int(number * share), generator)
    return positives, _some(background, number - len(positives), generator)


def label_regions(regions: Tensor, boxes: Tensor, labels: Tensor, threshold: float = 0.5) -> tuple[Tensor, Tensor]:
    """Compare regions with the truth: from IoU `threshold` on with some object they take its class.

    Parameters
    ----------
    regions, boxes
        (R, 4) and (M, 4).
    labels
        int64 (M,), classes from 0.

    Returns
    -------
    matches, classes
        int64 (R,) each: the object's index or −1, and its class + 1 or 0 for the background.
    """
    checks.tensor("labels", labels, "M", M=len(boxes))
    matches = match(regions, boxes, threshold, threshold, force_best=False)
    padded = torch.cat([labels + 1, labels.new_zeros(1)])  # index −1 finds the background
    return matches, padded[matches]


def _some(candidates: Tensor, number: int, generator: torch.Generator | None) -> Tensor:
    order = torch.randperm(len(candidates), generator=generator)
    return candidates[order[: max(0, number)].to(candidates.device)]
