"""What a trained proposal network says about every anchor of a scene, and which proposals a threshold leaves.

Chapter: `applications/faster_rcnn`.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import torch
import traitlets
from torch import Tensor

from cnncourse.applications.faster_rcnn import load
from cnncourse.applications.faster_rcnn.network import RATIOS, SIZES, STRIDE
from cnncourse.applications.suppression import non_maximum_suppression
from cnncourse.data import scene_sets, scenes
from cnncourse.data.scene_sets import SceneSet
from cnncourse.widgets.base import Widget
from cnncourse.workbench.figures import DescribedFigure, show, show_boxes, show_image, subplots

SIDE, CELLS = 96, 96 // STRIDE
NAMES = ("Scene A", "Scene B", "Scene C", "Nothing in it")
SHAPES = len(SIZES) * len(RATIOS)


class FasterRcnn(Widget, stem="faster_rcnn"):
    """Choose a scene and a position of the map; `shapes`, `scores`, `moved` and `proposals` follow.

    Objectness comes in steps of 1/255 and boxes in half pixels, so that a page can carry them.

    Parameters
    ----------
    scene
        Which of the four scenes.
    row, column
        The position, from 0 to 11.
    threshold
        Objectness from which on an anchor makes a proposal.
    suppressed, suppression
        Whether the worse of two proposals is dropped, and above which IoU.
    """

    scene = traitlets.Int(0, min=0, max=len(NAMES) - 1).tag(sync=True)
    row = traitlets.Int(6, min=0, max=CELLS - 1).tag(sync=True)
    column = traitlets.Int(6, min=0, max=CELLS - 1).tag(sync=True)
    threshold = traitlets.Float(0.5, min=0.05, max=1.0).tag(sync=True)
    suppressed = traitlets.Bool(False).tag(sync=True)
    suppression = traitlets.Float(0.7, min=0.0, max=1.0).tag(sync=True)
    names = traitlets.List(list(NAMES), read_only=True).tag(sync=True)
    sizes = traitlets.List(list(SIZES), read_only=True).tag(sync=True)
    ratios = traitlets.List(list(RATIOS), read_only=True).tag(sync=True)
    stride = traitlets.Int(STRIDE, read_only=True).tag(sync=True)
    side = traitlets.Int(SIDE, read_only=True).tag(sync=True)
    pictures = traitlets.Bytes(read_only=True).tag(sync=True)
    objectness = traitlets.Bytes(read_only=True).tag(sync=True)
    boxes = traitlets.Bytes(read_only=True).tag(sync=True)

    @traitlets.default("pictures")
    def _pictures(self) -> bytes:
        return _bytes(_scenes().images.permute(0, 2, 3, 1))

    @traitlets.default("objectness")
    def _objectness(self) -> bytes:
        return _bytes(_said()[0])

    @traitlets.default("boxes")
    def _boxes(self) -> bytes:
        return _bytes(_said()[1])

    @property
    def shapes(self) -> Tensor:
        """The nine anchors at the position, (9, 4)."""
        return load().anchors((SIDE, SIDE))[self._here]

    @property
    def scores(self) -> Tensor:
        """Their objectness, (9,)."""
        return _said()[0][self.scene].double()[self._here] / 255

    @property
    def moved(self) -> Tensor:
        """Where the network moves them, (9, 4), in half pixels."""
        return _said()[1][self.scene].double()[self._here] / 2

    @property
    def proposals(self) -> list[int]:
        """Indices of the anchors of all positions whose proposals are left, best first."""
        scores, boxes = _said()[0][self.scene].double() / 255, _said()[1][self.scene].double() / 2
        (chosen,) = torch.where(scores >= self.threshold)
        limit = self.suppression if self.suppressed else 1.0
        found: list[int] = chosen[non_maximum_suppression(boxes[chosen], scores[chosen], limit)].tolist()
        return found

    @property
    def _here(self) -> slice:
        first = (self.row * CELLS + self.column) * SHAPES
        return slice(first, first + SHAPES)

    def still(self) -> DescribedFigure:
        """The scene with the objectness of every position, and with the proposals."""
        figure, axes = subplots(1, 3, width=7.6, height=2.8)
        picture = _scenes().images[self.scene].float() / 255
        show_image(axes[0, 0], picture, "nine anchors of a position")
        show_boxes(axes[0, 0], self.shapes, "blue", linewidth=1.2)
        best = _said()[0][self.scene].reshape(CELLS, CELLS, SHAPES).amax(dim=2)
        show_image(axes[0, 1], best.float() / 255, "objectness", vmin=0, vmax=1)
        show_image(axes[0, 2], picture, f"{len(self.proposals)} proposals")
        kept = self.proposals
        show_boxes(axes[0, 2], _said()[1][self.scene].double()[kept] / 2, "orange", linewidth=1.2)
        for panel in (axes[0, 0], axes[0, 2]):
            panel.set(xlim=(-0.5, SIDE - 0.5), ylim=(SIDE - 0.5, -0.5))
        return show(
            figure,
            alt="A drawn scene with nine anchors around one position, a map of the objectness at each of "
            f"{CELLS}×{CELLS} positions, and the scene with {len(kept)} proposals whose objectness is at least "
            f"{self.threshold:.2f}.",
            caption="What the trained proposal network says about a scene.",
        )


@cache
def _scenes() -> SceneSet:
    """Three held-out scenes, and one without objects."""
    drawn = [scenes.draw(index, SIDE, seed=2000) for index in (1, 2, 5)]
    return scene_sets.collect([*drawn, scenes.draw(0, SIDE, objects=(0, 0), seed=2000)])


@cache
def _said() -> tuple[Tensor, Tensor]:
    """Objectness in steps of 1/255, (scenes, anchors), and moved boxes in half pixels, (scenes, anchors, 4); uint8."""
    images = _scenes().for_detection().batch(torch.arange(len(NAMES)))[0]
    with torch.no_grad():
        _, proposals = load().propose(images)
    sure = torch.stack([(255 * one.logits.sigmoid()).round() for one in proposals])
    return sure.to(torch.uint8), torch.stack([(2 * one.boxes).round() for one in proposals]).to(torch.uint8)


def _bytes(values: Tensor) -> bytes:
    numbers: Any = values.contiguous().numpy()
    return bytes(numbers.tobytes())
