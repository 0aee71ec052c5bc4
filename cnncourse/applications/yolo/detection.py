"""From YOLO's grid to detections: S·S·B boxes, each with a score for each class, and then suppression.

score of a class = Pr(class | object) · confidence
Paper: Redmon, Divvala, Girshick & Farhadi 2016, equation 1.

Chapter: `applications/yolo`.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from cnncourse.applications.average_precision import Detections
from cnncourse.applications.boxes import clip
from cnncourse.applications.suppression import non_maximum_suppression
from cnncourse.applications.yolo.grid import corners, split
from cnncourse.applications.yolo.network import Yolo
from cnncourse.workbench import checks


@dataclass(frozen=True)
class YoloDetector:
    """A network with what follows it; call it with images (N, 3, H, W) to get N `Detections`.

    `threshold` is the lowest score that is kept, and `overlap` the IoU up to which two boxes of a class may both stay.
    """

    network: Yolo
    threshold: float = 0.01
    overlap: float = 0.5

    @torch.no_grad()
    def __call__(self, images: Tensor) -> list[Detections]:
        """Look once; no gradient is recorded."""
        predictions = self.network(images)
        return detect(predictions, images.shape[2:], self.network.boxes, self.threshold, self.overlap)


def scored_boxes(predictions: Tensor, size: int | tuple[int, ...], boxes: int = 2) -> tuple[Tensor, Tensor]:
    """All boxes of all cells, before any is dropped.

    Parameters
    ----------
    predictions
        (N, S, S, 5B + C).
    size
        (height, width) of the images.
    boxes
        B.

    Returns
    -------
    boxes
        (N, S·S·B, 4) in pixels, cut at the border of the image.
    scores
        (N, S·S·B, C): the confidence of the box times the class probabilities of its cell.
    """
    cells = split(predictions, boxes)
    height, width = checks.pair("size", tuple(size) if not isinstance(size, int) else size, 1, "Give (height, width).")
    pixels = corners(cells.boxes).flatten(1, 3) * predictions.new_tensor([width, height, width, height])
    scores = cells.confidences[..., None] * cells.classes[..., None, :]
    return clip(pixels.flatten(0, 1), (height, width)).view_as(pixels), scores.flatten(1, 3)


def detect(
    predictions: Tensor,
    size: int | tuple[int, ...],
    boxes: int = 2,
    threshold: float = 0.01,
    overlap: float = 0.5,
) -> list[Detections]:
    """The boxes and classes whose score is above `threshold`, after suppression in each class; best first.

    A box may appear with several classes, as in the paper.
    """
    checks.fraction("threshold", threshold, "Scores are products of two probabilities.")
    places, scores = scored_boxes(predictions, size, boxes)
    found = []
    for image_boxes, image_scores in zip(places, scores, strict=True):
        which, labels = (image_scores > threshold).nonzero(as_tuple=True)
        kept, worth = image_boxes[which], image_scores[which, labels]
        stay = non_maximum_suppression(kept, worth, overlap, labels)
        found.append(Detections(kept[stay], worth[stay], labels[stay]))
    return found


@torch.no_grad()
def look(network: Yolo, image: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Everything that a network says about one prepared image (3, H, W), for pictures.

    Returns
    -------
    boxes, confidences, classes
        (S, S, B, 4) in pixels, (S, S, B) and (S, S, C).
    """
    checks.tensor("image", image, "C H W")
    predictions = network(image[None])
    cells = split(predictions, network.boxes)
    places, _ = scored_boxes(predictions, tuple(image.shape[1:]), network.boxes)
    return places.view(cells.boxes.shape)[0], cells.confidences[0], cells.classes[0]
