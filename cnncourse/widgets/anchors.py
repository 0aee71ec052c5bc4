"""Anchors over a scene whose objects can be dragged: which are positive, which background, which count neither way.

Chapter: `applications/boxes`.
"""

from __future__ import annotations

from typing import Any

import torch
import traitlets
from torch import Tensor

from cnncourse.applications.anchors import anchor_grid, match
from cnncourse.data import scenes
from cnncourse.widgets.base import Widget
from cnncourse.widgets.boxes import SCENE, SIDE, picture_of
from cnncourse.workbench.figures import DescribedFigure, show, show_boxes, show_image, subplots

CELLS, SIZES, RATIOS = 6, (16.0, 32.0, 64.0), (0.5, 1.0, 2.0)


class Anchors(Widget, stem="anchors"):
    """Objects to drag under a grid of anchors; `matches` follows.

    Parameters
    ----------
    boxes
        The objects as [x1, y1, x2, y2] in whole pixels of the scene.
    chosen
        Index of the object that the keys move.
    high, low
        IoU from which an anchor is positive, and below which it is background; a `low` above `high` counts as `high`.
    force
        The best anchor of each object is positive in any case.
    """

    boxes = traitlets.List(traitlets.List(traitlets.Int())).tag(sync=True)
    chosen = traitlets.Int(0, min=0).tag(sync=True)
    high = traitlets.Float(0.7, min=0.0, max=1.0).tag(sync=True)
    low = traitlets.Float(0.3, min=0.0, max=1.0).tag(sync=True)
    force = traitlets.Bool(True).tag(sync=True)
    names = traitlets.List(read_only=True).tag(sync=True)
    picture = traitlets.Bytes(read_only=True).tag(sync=True)
    side = traitlets.Int(SIDE, read_only=True).tag(sync=True)
    cells = traitlets.Int(CELLS, read_only=True).tag(sync=True)
    sizes = traitlets.List(list(SIZES), read_only=True).tag(sync=True)
    ratios = traitlets.List(list(RATIOS), read_only=True).tag(sync=True)

    def __init__(self, **values: Any) -> None:
        values.setdefault("boxes", SCENE.boxes.int().tolist())
        super().__init__(**values)

    @traitlets.default("names")
    def _true_names(self) -> list[str]:
        return [scenes.CLASSES[label] for label in SCENE.labels]

    @traitlets.default("picture")
    def _draw(self) -> bytes:
        return picture_of(SCENE)

    @property
    def anchors(self) -> Tensor:
        """All anchors, (324, 4), float64, so that the page finds the same ties."""
        return anchor_grid((CELLS, CELLS), SIDE // CELLS, SIZES, RATIOS).double()

    @property
    def matches(self) -> list[int]:
        """For each anchor the index of its object, or −1 for background, or −2 for neither."""
        truth = torch.tensor(self.boxes, dtype=torch.float64).reshape(-1, 4)
        return match(self.anchors, truth, self.high, min(self.low, self.high), self.force).tolist()

    def still(self) -> DescribedFigure:
        """The scene with the anchors that are positive."""
        figure, axes = subplots(1, 1, width=3.8, height=3.6)
        positive = torch.tensor([one >= 0 for one in self.matches])
        show_image(axes[0, 0], SCENE.image)
        show_boxes(axes[0, 0], torch.tensor(self.boxes, dtype=torch.float64), "green", self.names)
        show_boxes(axes[0, 0], self.anchors[positive], "orange", linewidth=1.4)
        return show(
            figure,
            alt=f"A scene with three objects in green boxes, and in orange the {int(positive.sum())} of "
            f"{len(positive)} anchors that are positive.",
            caption="Each object has an anchor that answers for it; drag it, and another one takes over.",
        )
