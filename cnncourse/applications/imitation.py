"""A detector that is only imitated: the truth, disturbed in a known way, until the next chapters have trained one.

box = decode(truth, spread · N(0, 1))        score = IoU(box, truth) · (1 − hesitation · U(0, 1))        and some strays

Chapter: `applications/boxes`.
"""

from __future__ import annotations

import torch

from cnncourse.applications.average_precision import Detections, Truth
from cnncourse.applications.boxes import areas, clip, decode, iou
from cnncourse.workbench import checks


def imitate_detector(
    truth: Truth, size: tuple[int, int], copies: int = 4, spread: float = 0.15, strays: int = 2, seed: int = 0
) -> Detections:
    """Several detections around each object, as a real detector gives them, and a few on nothing.

    Parameters
    ----------
    truth
        What stands in the image.
    size
        (height, width) of the image; the boxes are cut at its border.
    copies
        Detections for each object.
    spread
        Standard deviation of the four targets that move and stretch a copy, from 0 to 1.
    strays
        Detections at random places, with low scores and a random class out of those in the image.
    seed
        Which disturbance.
    """
    height, width = checks.pair("size", size, 1, "Give (height, width) of the image.")
    checks.whole_number("copies", copies, 0, "A detector gives several for each object.")
    checks.whole_number("strays", strays, 0, "Use 0 for a detector that sees nothing where nothing is.")
    checks.fraction("spread", spread, "Use 0 for exact boxes.")
    checks.whole_number("seed", seed, 0, "Any whole number will do.")
    areas(truth.boxes)
    random = torch.Generator().manual_seed(seed)
    wanted = truth.boxes.cpu().float().repeat_interleave(copies, dim=0)
    boxes = clip(decode(wanted, spread * torch.randn(len(wanted), 4, generator=random)), (height, width))
    sure = 1 - 0.3 * torch.rand(len(wanted), generator=random)
    scores = iou(boxes, wanted).diagonal() * sure
    labels = truth.labels.cpu().repeat_interleave(copies)
    corner = torch.rand(strays, 2, generator=random) * torch.tensor([width, height]) * 0.7
    stray = torch.cat(
        [corner, corner + (0.15 + 0.15 * torch.rand(strays, 2, generator=random)) * min(height, width)], dim=1
    )
    known = truth.labels.cpu() if len(truth.labels) else torch.zeros(1, dtype=torch.int64)
    return Detections(
        torch.cat([boxes, stray]),
        torch.cat([scores, 0.2 + 0.4 * torch.rand(strays, generator=random)]),
        torch.cat([labels, known[torch.randint(len(known), (strays,), generator=random)]]),
    )
