"""Boxes to drag over a drawn scene: their IoU, which of them survive, and the precision–recall curve of the list.

Chapter: `applications/boxes`.
"""

from __future__ import annotations

from typing import Any

import torch
import traitlets
from torch import Tensor

from cnncourse.applications.average_precision import Truth, average_precision, judge, precision_recall
from cnncourse.applications.boxes import iou
from cnncourse.applications.imitation import imitate_detector
from cnncourse.applications.suppression import non_maximum_suppression
from cnncourse.data import scenes
from cnncourse.widgets.base import Widget
from cnncourse.workbench.figures import DescribedFigure, show, show_boxes, show_image, subplots

SIDE = 96
SCENE = scenes.draw(8, size=SIDE, objects=(3, 3))


class Boxes(Widget, stem="boxes"):
    """A list of detections to change; `overlaps`, `kept`, `verdicts` and `curve` follow.

    All objects count as one class here.

    Parameters
    ----------
    boxes
        Detections as [x1, y1, x2, y2] in whole pixels of the scene, from the best score to the worst.
    scores
        Their scores, which do not change when a box is moved.
    chosen
        Index of the box that the keys move.
    suppression
        IoU above which the worse of two boxes is dropped; 1 drops none.
    cut
        Score from which on detections are handed in.
    """

    boxes = traitlets.List(traitlets.List(traitlets.Int())).tag(sync=True)
    scores = traitlets.List(traitlets.Float()).tag(sync=True)
    chosen = traitlets.Int(0, min=0).tag(sync=True)
    suppression = traitlets.Float(0.5, min=0.0, max=1.0).tag(sync=True)
    cut = traitlets.Float(0.0, min=0.0, max=1.0).tag(sync=True)
    truth = traitlets.List(read_only=True).tag(sync=True)
    names = traitlets.List(read_only=True).tag(sync=True)
    picture = traitlets.Bytes(read_only=True).tag(sync=True)
    side = traitlets.Int(SIDE, read_only=True).tag(sync=True)

    def __init__(self, **values: Any) -> None:
        found = imitate_detector(Truth(SCENE.boxes, SCENE.labels), (SIDE, SIDE), 3, 0.12, 1, seed=4)
        order = found.scores.argsort(descending=True)
        values.setdefault("boxes", found.boxes[order].round().int().tolist())
        values.setdefault("scores", [round(score, 2) for score in found.scores[order].tolist()])
        super().__init__(**values)

    @traitlets.default("truth")
    def _true_boxes(self) -> list[list[int]]:
        return SCENE.boxes.int().tolist()

    @traitlets.default("names")
    def _true_names(self) -> list[str]:
        return [scenes.CLASSES[label] for label in SCENE.labels]

    @traitlets.default("picture")
    def _draw(self) -> bytes:
        return picture_of(SCENE)

    @property
    def overlaps(self) -> Tensor:
        """IoU of each detection with each object, (N, 3), float64."""
        return iou(_tensor(self.boxes), _tensor(self.truth))

    @property
    def kept(self) -> list[int]:
        """Indices of the detections that survive the suppression, best first."""
        scores = torch.tensor(self.scores, dtype=torch.float64)
        return non_maximum_suppression(_tensor(self.boxes), scores, self.suppression).tolist()

    @property
    def verdicts(self) -> list[int]:
        """Whether each of `kept` is true (1) or false (0)."""
        scores = torch.tensor([self.scores[index] for index in self.kept], dtype=torch.float64)
        return judge(_tensor(self.boxes)[self.kept], scores, _tensor(self.truth)).tolist()

    @property
    def curve(self) -> tuple[list[float], list[float]]:
        """Precision and recall after each of `kept`."""
        scores = torch.tensor([self.scores[index] for index in self.kept], dtype=torch.float64)
        precision, recall = precision_recall(scores, torch.tensor(self.verdicts, dtype=torch.int64), len(self.truth))
        return precision.tolist(), recall.tolist()

    @property
    def average_precision(self) -> float:
        """Area under the envelope of the whole list."""
        precision, recall = (torch.tensor(values, dtype=torch.float64) for values in self.curve)
        return average_precision(precision, recall)

    def still(self) -> DescribedFigure:
        """The scene with the boxes that survive, and the curve."""
        figure, axes = subplots(1, 2, width=6.6, height=3.3)
        show_image(axes[0, 0], SCENE.image)
        show_boxes(axes[0, 0], _tensor(self.truth), "green", self.names)
        show_boxes(axes[0, 0], _tensor(self.boxes)[self.kept], "orange", linewidth=1.4)
        precision, recall = self.curve
        axes[0, 1].step([0, *recall], [1, *precision], where="pre")
        axes[0, 1].set(xlabel="recall", ylabel="precision", xlim=(0, 1.05), ylim=(0, 1.05))
        return show(
            figure,
            alt=f"A scene with three objects in green boxes and {len(self.kept)} detections in orange that survive "
            f"suppression, beside the precision–recall curve of this list, with average precision "
            f"{self.average_precision:.2f}.",
            caption="Detections, what suppression leaves of them, and how good the list is.",
        )


def picture_of(scene: scenes.Scene) -> bytes:
    """A scene as the page paints it, three bytes for each pixel, row by row."""
    return bytes((scene.image.permute(1, 2, 0) * 255).round().to(torch.uint8).flatten().tolist())


def _tensor(boxes: list[list[int]]) -> Tensor:
    return torch.tensor(boxes, dtype=torch.float64).reshape(-1, 4)
