"""Selective search unfolding: a slider over the merges of a scene, the boxes that appear, and the recall so far.

Chapter: `applications/rcnn`.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import torch
import traitlets
from torch import Tensor

from cnncourse.applications.rcnn import KINDS, Hierarchy, best_overlaps, group, segment
from cnncourse.applications.rcnn.grouping import describe_regions
from cnncourse.data import scenes
from cnncourse.widgets.base import Widget
from cnncourse.widgets.boxes import picture_of
from cnncourse.workbench.figures import DescribedFigure, show, show_boxes, show_image, subplots

SIDE, SCALE = 96, 15.0
_SCENE = scenes.draw(8, size=SIDE, objects=(3, 3))


class Rcnn(Widget, stem="rcnn"):
    """The hierarchy of a scene; `hierarchy`, `best` and `recall` follow from the traits.

    Parameters
    ----------
    merges
        How many merges are done; more than there are means all.
    without
        A similarity that is left out of the sum: ``"colour"``, ``"texture"``, ``"size"``, ``"fill"``, or ``""``.
    """

    merges = traitlets.Int(0, min=0).tag(sync=True)
    without = traitlets.Enum(("", *KINDS), "").tag(sync=True)
    truth = traitlets.List(read_only=True).tag(sync=True)
    names = traitlets.List(read_only=True).tag(sync=True)
    side = traitlets.Int(SIDE, read_only=True).tag(sync=True)
    picture = traitlets.Bytes(read_only=True).tag(sync=True)
    segments = traitlets.Bytes(read_only=True).tag(sync=True)
    counts = traitlets.Bytes(read_only=True).tag(sync=True)

    @traitlets.default("truth")
    def _true_boxes(self) -> list[list[int]]:
        return _SCENE.boxes.int().tolist()

    @traitlets.default("names")
    def _true_names(self) -> list[str]:
        return [scenes.CLASSES[label] for label in _SCENE.labels]

    @traitlets.default("picture")
    def _draw(self) -> bytes:
        return picture_of(_SCENE)

    @traitlets.default("segments")
    def _cut(self) -> bytes:
        return bytes(_segments().flatten().tolist())

    @traitlets.default("counts")
    def _count(self) -> bytes:
        """Histograms of all segments as counts, 75 bins of colour and 240 of texture, uint16."""
        regions = describe_regions(_SCENE.image, _segments())
        rows = [np.concatenate([3 * one.size * one.colour, 24 * one.size * one.texture]) for one in regions]
        return np.stack(rows).round().astype("<u2").tobytes()

    @property
    def hierarchy(self) -> Hierarchy:
        """All merges."""
        return _grouped(self.without)

    @property
    def boxes(self) -> Tensor:
        """Boxes of all regions that existed so far, (N, 4)."""
        tree = self.hierarchy
        return tree.boxes[: len(tree.boxes) - len(tree.merges) + self.merges]

    @property
    def best(self) -> list[float]:
        """IoU of each object with the best box so far."""
        return best_overlaps(self.boxes.double(), _SCENE.boxes.double()).tolist()

    @property
    def recall(self) -> float:
        """Share of the objects with IoU of one half or more."""
        return sum(value >= 0.5 for value in self.best) / len(self.best)

    def still(self) -> DescribedFigure:
        """The scene, its segments, and the regions when few are left."""
        tree = self.hierarchy
        figure, axes = subplots(1, 3, width=7.6, height=2.7)
        show_image(axes[0, 0], _SCENE.image, "scene")
        for panel, merges in zip(axes[0, 1:], (0, len(tree.merges) - 3), strict=True):
            regions = tree.regions_after(merges)
            show_image(panel, _painted(regions), f"after {merges} merges")
            show_boxes(panel, _SCENE.boxes, "green", linewidth=1.2)
        return show(
            figure,
            alt=f"A drawn scene, its {len(tree.boxes) - len(tree.merges)} segments, and the four regions that are left "
            f"after {len(tree.merges) - 3} merges.",
            caption="Segments of a scene, and what becomes of them. Every region on the way is a proposal.",
        )


@cache
def _segments() -> Tensor:
    return segment(_SCENE.image, SCALE)


@cache
def _grouped(without: str) -> Hierarchy:
    return group(_SCENE.image, _segments(), tuple(kind for kind in KINDS if kind != without))


def _painted(regions: Tensor) -> Tensor:
    """Every region in the mean colour of its pixels."""
    picture = torch.zeros_like(_SCENE.image)
    for region in torch.unique(regions):
        inside = regions == region
        picture[:, inside] = _SCENE.image[:, inside].mean(dim=1, keepdim=True)
    return picture
