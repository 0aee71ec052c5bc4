"""A photograph to drag under an eye detector: its response map before and after pooling.

Chapter: `layers/pooling`.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
import traitlets
from torch import Tensor

from cnncourse.layers.pooling import average_pooling, blur_pooling, max_pooling
from cnncourse.layers.robustness import detector_response
from cnncourse.widgets.base import Widget
from cnncourse.workbench.figures import DescribedFigure, show, show_image, subplots
from cnncourse.workbench.images import photograph

POOLING: dict[str, Callable[[Tensor, int], Tensor]] = {
    "maximum": lambda maps, size: max_pooling(maps, size)[0],
    "average": average_pooling,
    "every": lambda maps, size: maps[..., ::size, ::size],
    "low-pass": lambda maps, size: blur_pooling(max_pooling(maps, size, stride=1)[0], size, 2 * size - 1),
}
_HEIGHT, _WIDTH = 75, 113


class Pooling(Widget, stem="pooling"):
    """Robustness to shifts to touch; `response` and `pooled` follow the controls.

    Parameters
    ----------
    right, down
        How far the cat is moved, in pixels of the picture, from −8 to 8.
    kind
        ``"maximum"``, ``"average"``, ``"every"`` K-th value, or ``"low-pass"``: the maximum at every place, filtered.
    window
        Height and width K of the pooling windows, which touch each other.
    """

    right = traitlets.Int(0, min=-8, max=8).tag(sync=True)
    down = traitlets.Int(0, min=-8, max=8).tag(sync=True)
    kind = traitlets.Enum(list(POOLING), default_value="maximum").tag(sync=True)
    window = traitlets.Int(8, min=1, max=8).tag(sync=True)
    photo = traitlets.Bytes(read_only=True).tag(sync=True)
    photo_width = traitlets.Int(_WIDTH, read_only=True).tag(sync=True)
    eye = traitlets.List([22, 36, 13], read_only=True).tag(sync=True)  # top, left and size of the template
    view = traitlets.List([14, 20, 44], read_only=True).tag(sync=True)  # top, left and size of the part that is shown

    @traitlets.default("photo")
    def _draw_photo(self) -> bytes:
        grey = photograph("chelsea", (_HEIGHT, _WIDTH), grey=True)
        return bytes((grey * 255).round().to(torch.uint8).flatten().tolist())

    @property
    def picture(self) -> Tensor:
        """The visible part of the photograph, (1, 1, 44, 44)."""
        top, left, size = self.view
        return self._photograph()[:, :, top - self.down :, left - self.right :][..., :size, :size]

    @property
    def response(self) -> Tensor:
        """The eye detector's response to the picture, (1, 1, 32, 32), by the chapter's own module."""
        top, left, size = self.eye
        template = self._photograph()[0, :, top : top + size, left : left + size]
        return torch.relu(detector_response(self.picture, template))

    @property
    def pooled(self) -> Tensor:
        """The pooled response, (1, 1, H', W')."""
        return POOLING[self.kind](self.response, self.window)

    def still(self) -> DescribedFigure:
        """Picture, response and pooled response."""
        figure, axes = subplots(1, 3, width=6.6, height=2.4)
        pooled = self.pooled[0]
        for panel, (title, values) in zip(
            axes[0], {"picture": self.picture[0], "response": self.response[0], "pooled": pooled}.items(), strict=True
        ):
            show_image(panel, values, title, vmin=0, vmax=1)
        return show(
            figure,
            alt="A cat's face around its left eye, the map of an eye detector's response with a spot at the eye, "
            f"and the same map pooled to {pooled.shape[1]} by {pooled.shape[2]} values with one bright square.",
            caption="The detector answers at one place; after pooling, one unit answers for a whole neighbourhood.",
        )

    def _photograph(self) -> Tensor:
        pixels = torch.tensor(list(self.photo), dtype=torch.float64).reshape(1, 1, _HEIGHT, _WIDTH)
        return pixels / 255
