"""YOLO's grid over held-out scenes: what each cell says, and the detections that follow above a threshold.

Chapter: `applications/yolo`.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import torch
import traitlets
from torch import Tensor

from cnncourse.applications.average_precision import Detections
from cnncourse.applications.yolo import assign, count_outputs, detect, load
from cnncourse.data import scene_sets
from cnncourse.data.scene_sets import NO_OBJECT
from cnncourse.data.scenes import CLASSES
from cnncourse.widgets.base import Widget
from cnncourse.workbench.figures import DescribedFigure, show, show_boxes, show_image, subplots

SIDE, GRID, BOXES = 96, 6, 2
SCENES = (9, 4, 7, 23)  # of the held-out ones
_OVERLAP = 0.5


class Yolo(Widget, stem="yolo"):
    """What the trained network says about four scenes; `detections` follows.

    Parameters
    ----------
    scene
        Which of the four scenes, from 0.
    row, column
        The cell whose boxes and classes are shown.
    threshold
        The score above which detections are shown.
    suppressed
        Whether doubles are removed.
    """

    scene = traitlets.Int(0, min=0, max=len(SCENES) - 1).tag(sync=True)
    row = traitlets.Int(0, min=0, max=GRID - 1).tag(sync=True)
    column = traitlets.Int(0, min=0, max=GRID - 1).tag(sync=True)
    threshold = traitlets.Float(0.2, min=0.0, max=1.0).tag(sync=True)
    suppressed = traitlets.Bool(True).tag(sync=True)
    scenes = traitlets.List(read_only=True).tag(sync=True)
    pictures = traitlets.Bytes(read_only=True).tag(sync=True)
    classes = traitlets.List(list(CLASSES), read_only=True).tag(sync=True)
    grid = traitlets.Int(GRID, read_only=True).tag(sync=True)
    boxes = traitlets.Int(BOXES, read_only=True).tag(sync=True)
    side = traitlets.Int(SIDE, read_only=True).tag(sync=True)

    def __init__(self, **values: Any) -> None:
        objects = _said()[values.get("scene", 0)]["objects"]
        first = next((index for index, name in enumerate(objects) if name), 0)
        values.setdefault("row", first // GRID)
        values.setdefault("column", first % GRID)
        super().__init__(**values)

    @traitlets.default("scenes")
    def _scenes(self) -> list[dict[str, Any]]:
        return _said()

    @traitlets.default("pictures")
    def _pictures(self) -> bytes:
        return _drawn().permute(0, 2, 3, 1).contiguous().numpy().tobytes()

    @property
    def predictions(self) -> Tensor:
        """What the grid says about the scene, (1, 6, 6, 16), float64, rounded to three decimals."""
        numbers = torch.tensor(self.scenes[self.scene]["numbers"], dtype=torch.float64)
        return numbers.view(1, GRID, GRID, count_outputs(1, BOXES, len(CLASSES)))

    @property
    def detections(self) -> Detections:
        """What is handed in."""
        return detect(self.predictions, SIDE, BOXES, self.threshold, _OVERLAP if self.suppressed else 1.0)[0]

    def still(self) -> DescribedFigure:
        """The scene with its detections, and the confidence of every cell."""
        figure, axes = subplots(1, 2, width=6.2, height=3.2)
        found = self.detections
        show_image(axes[0, 0], _drawn()[self.scene].float() / 255)
        names = [f"{CLASSES[label]} {score:.2f}" for label, score in zip(found.labels, found.scores, strict=True)]
        show_boxes(axes[0, 0], found.boxes, "orange", names)
        confidences = self.predictions[0, :, :, 4 : 5 * BOXES : 5].max(dim=2).values
        axes[0, 1].imshow(confidences.numpy(), vmin=0, vmax=1, cmap="Blues")
        axes[0, 1].set(title="confidence of each cell", xticks=[], yticks=[])
        return show(
            figure,
            alt=f"A drawn scene with {len(found.scores)} detections in orange, {', '.join(names) or 'none'}, beside a "
            "grid of six by six cells that are the darker the surer they are of an object.",
            caption="What one pass of YOLO says about a scene.",
        )


@cache
def _drawn() -> Tensor:
    """The scenes, uint8 (4, 3, 96, 96)."""
    return scene_sets.load("test", max(SCENES) + 1).images[list(SCENES)]


@cache
def _said() -> list[dict[str, Any]]:
    """For each scene the numbers of all cells, and the name of the object that each answers for."""
    images, boxes, labels = scene_sets.load("test", max(SCENES) + 1).for_detection().batch(torch.tensor(SCENES))
    with torch.no_grad():
        predictions = load().network(images).flatten(1, 2).tolist()
    targets = assign(boxes, labels, SIDE, GRID).labels.flatten(1).tolist()
    return [
        {
            "numbers": [[round(number, 3) for number in cell] for cell in numbers],
            "objects": ["" if label == NO_OBJECT else CLASSES[label] for label in objects],
        }
        for numbers, objects in zip(predictions, targets, strict=True)
    ]
