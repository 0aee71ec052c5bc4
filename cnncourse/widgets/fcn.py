"""A segmentation to paint over a drawn scene: the four measures, the IU of each class and the outlines, live.

Chapter: `applications/fcn`.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import torch
import traitlets
from torch import Tensor

from cnncourse.applications.fcn import COLOURS, STRIDES, Measures, coloured, measure, trained
from cnncourse.applications.segmentation_metrics import boundary_f_scores, confusion_matrix
from cnncourse.data import scenes
from cnncourse.widgets.base import Widget
from cnncourse.widgets.boxes import picture_of
from cnncourse.workbench import normalise
from cnncourse.workbench.figures import DescribedFigure, show, show_image, subplots

SIDE = 96
NAMES = ("background", *scenes.CLASSES)
_SCENE = scenes.draw(8, size=SIDE, objects=(3, 3))
_TRUTH = _SCENE.segmentation


class Fcn(Widget, stem="fcn"):
    """A painted segmentation; `measures`, `confusion` and `outlines` follow.

    Parameters
    ----------
    mask
        The class of every pixel as a string of digits, row by row; all background at first.
    label
        The class that the brush paints, 0 for the background.
    brush
        Radius of the brush in pixels.
    tolerance
        Pixels by which an outline may be off.
    outlined
        Whether the true outlines are shown.
    """

    mask = traitlets.Unicode("0" * SIDE**2).tag(sync=True)
    label = traitlets.Int(1, min=0, max=len(NAMES) - 1).tag(sync=True)
    brush = traitlets.Int(5, min=0, max=12).tag(sync=True)
    tolerance = traitlets.Int(2, min=0, max=5).tag(sync=True)
    outlined = traitlets.Bool(True).tag(sync=True)
    truth = traitlets.Unicode(read_only=True).tag(sync=True)
    names = traitlets.List(read_only=True).tag(sync=True)
    colours = traitlets.List(read_only=True).tag(sync=True)
    presets = traitlets.Dict(read_only=True).tag(sync=True)
    picture = traitlets.Bytes(read_only=True).tag(sync=True)
    side = traitlets.Int(SIDE, read_only=True).tag(sync=True)

    def __init__(self, **values: Any) -> None:
        if values.get("mask") in presets():
            values["mask"] = presets()[values["mask"]]
        super().__init__(**values)

    @traitlets.validate("mask")
    def _whole(self, proposal: dict[str, Any]) -> str:
        mask = str(proposal["value"])
        if len(mask) != SIDE**2 or set(mask) - set("0123456"):
            raise traitlets.TraitError(f"mask must be {SIDE**2} digits from 0 to 6, or one of {', '.join(presets())}")
        return mask

    @traitlets.default("truth")
    def _true_mask(self) -> str:
        return _digits(_TRUTH)

    @traitlets.default("names")
    def _class_names(self) -> list[str]:
        return list(NAMES)

    @traitlets.default("colours")
    def _class_colours(self) -> list[str]:
        return list(COLOURS)

    @traitlets.default("presets")
    def _answers(self) -> dict[str, str]:
        return dict(presets())

    @traitlets.default("picture")
    def _draw(self) -> bytes:
        return picture_of(_SCENE)

    @property
    def painted(self) -> Tensor:
        """The mask as a map of classes, int64 (96, 96)."""
        return torch.tensor([int(digit) for digit in self.mask]).view(SIDE, SIDE)

    @property
    def confusion(self) -> Tensor:
        """Pixels by what they are (rows) and what is painted (columns), (7, 7)."""
        return confusion_matrix(self.painted, _TRUTH, len(NAMES))

    @property
    def measures(self) -> Measures:
        """The four measures, the boundary F-score, and the IU of each class."""
        return measure(self.painted[None], _TRUTH[None], len(NAMES), float(self.tolerance))

    @property
    def outlines(self) -> dict[int, float]:
        """Boundary F-score of each class that is there or painted."""
        return boundary_f_scores(self.painted, _TRUTH, float(self.tolerance))

    def still(self) -> DescribedFigure:
        """The scene, the mask and the truth."""
        figure, axes = subplots(1, 3, width=6.6, height=2.4)
        pictures = {"scene": _SCENE.image, "painted": coloured(self.painted), "truth": coloured(_TRUTH)}
        for panel, (title, picture) in zip(axes[0], pictures.items(), strict=True):
            show_image(panel, picture, title)
        found = self.measures
        return show(
            figure,
            alt="A scene with three shapes, a painted segmentation and the true one. Pixel accuracy is "
            f"{found.pixel_accuracy:.2f}, mean IU {found.mean_iou:.2f}, "
            f"and the outlines score {found.boundary_f_score:.2f}.",
            caption="A segmentation and what it is worth.",
        )


@cache
def presets() -> dict[str, str]:
    """Masks to begin with: nothing, what each rung of the ladder says, and the truth."""
    images = normalise(_SCENE.image[None], scenes.MEAN, scenes.STD)
    with torch.no_grad():
        found = {f"FCN-{stride}s": _digits(trained(stride)(images).argmax(dim=1)[0]) for stride in STRIDES}
    return {"All background": "0" * SIDE**2} | found | {"The truth": _digits(_TRUTH)}


def _digits(segmentation: Tensor) -> str:
    return "".join(str(label) for label in segmentation.flatten().tolist())
