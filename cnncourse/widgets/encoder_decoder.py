"""Skips to switch over drawn scenes, answered by trained networks, and the checkerboard of any kernel and stride.

Chapter: `applications/encoder_decoder`.
"""

from __future__ import annotations

from functools import cache

import torch
import traitlets
from torch import Tensor

from cnncourse.applications.encoder_decoder import experiment
from cnncourse.applications.encoder_decoder.checkerboard import overlap_map, phase_counts
from cnncourse.applications.segmentation_metrics import boundary_f_score
from cnncourse.data.scene_sets import SceneSet
from cnncourse.data.scenes import CLASSES
from cnncourse.widgets.base import Widget
from cnncourse.workbench.figures import DescribedFigure, show, show_image, subplots

SIDE = experiment.SIZE
NETWORKS = ("any", "skips")
SCENES = 4


class EncoderDecoder(Widget, stem="encoder_decoder"):
    """Which skips are on, and what a trained network answers then; `prediction` and `wrong` follow.

    Parameters
    ----------
    scene
        Index of a held-out scene.
    network
        ``"any"`` was trained with each skip on or off by chance, ``"skips"`` with all of them on.
    fine, middle, coarse
        Whether the skip of the finest, the second and the third level is on.
    kernel_size, stride
        Of the transposed convolution whose stamps are counted.
    """

    scene = traitlets.Int(0, min=0, max=SCENES - 1).tag(sync=True)
    network = traitlets.Enum(NETWORKS, default_value="any").tag(sync=True)
    fine = traitlets.Bool(False).tag(sync=True)
    middle = traitlets.Bool(False).tag(sync=True)
    coarse = traitlets.Bool(False).tag(sync=True)
    kernel_size = traitlets.Int(3, min=1, max=7).tag(sync=True)
    stride = traitlets.Int(2, min=1, max=4).tag(sync=True)
    side = traitlets.Int(SIDE, read_only=True).tag(sync=True)
    classes = traitlets.List(["ground", *CLASSES], read_only=True).tag(sync=True)
    pictures = traitlets.Bytes(read_only=True).tag(sync=True)
    truths = traitlets.Bytes(read_only=True).tag(sync=True)
    predictions = traitlets.Bytes(read_only=True).tag(sync=True)

    @traitlets.default("pictures")
    def _pictures(self) -> bytes:
        return bytes(held_out().images.permute(0, 2, 3, 1).flatten().tolist())

    @traitlets.default("truths")
    def _truths(self) -> bytes:
        return bytes(held_out().segmentation.flatten().tolist())

    @traitlets.default("predictions")
    def _predictions(self) -> bytes:
        return bytes(answers().flatten().tolist())

    @property
    def truth(self) -> Tensor:
        """Class of every pixel of the scene, int64 (side, side)."""
        return held_out().segmentation[self.scene].long()

    @property
    def prediction(self) -> Tensor:
        """What the chosen network answers with the chosen skips, int64 (side, side)."""
        subset = experiment.SUBSETS.index((self.fine, self.middle, self.coarse))
        return answers()[NETWORKS.index(self.network), subset, self.scene].long()

    @property
    def wrong(self) -> int:
        """How many pixels are wrong."""
        return int((self.prediction != self.truth).sum())

    @property
    def boundary(self) -> float:
        """Boundary F-score of this prediction, one pixel forgiven."""
        return boundary_f_score(self.prediction, self.truth)

    @property
    def phases(self) -> list[int]:
        """Stamps on an inner pixel along one axis, for each place modulo the stride."""
        return phase_counts(self.kernel_size, self.stride)

    def still(self) -> DescribedFigure:
        """The scene, its truth, the prediction with what is wrong, and the stamps."""
        figure, axes = subplots(1, 4, width=7.6, height=2.1)
        show_image(axes[0, 0], held_out().images[self.scene].float() / 255, "scene")
        shades = torch.linspace(0, 1, len(self.classes))
        show_image(axes[0, 1], shades[self.truth][None].expand(3, -1, -1), "truth")
        answer = shades[self.prediction][None].repeat(3, 1, 1)
        answer[:, self.prediction != self.truth] = torch.tensor([1.0, 0.15, 0.15])[:, None]
        show_image(axes[0, 2], answer, "answer, wrong in red")
        axes[0, 3].imshow(overlap_map(6, self.kernel_size, self.stride).numpy(), cmap="gray", vmin=0)
        axes[0, 3].set(title="stamps", xticks=[], yticks=[])
        on = [name for name in ("fine", "middle", "coarse") if getattr(self, name)]
        return show(
            figure,
            alt=f"A drawn scene, its true classes, and the answer of a network with {', '.join(on) or 'no'} skips on: "
            f"{self.wrong} of {SIDE * SIDE} pixels are wrong, in red. Beside it the stamps of a kernel of "
            f"{self.kernel_size} at stride {self.stride} on each output pixel.",
            caption="What the skips carry over, and how evenly stamps overlap.",
        )


@cache
def held_out() -> SceneSet:
    """The scenes of the widget, which no network was trained on."""
    return experiment.scenes("test", SCENES)


@cache
def answers() -> Tensor:
    """Classes of all pixels: uint8 (networks, subsets of skips, scenes, side, side)."""
    images, _ = held_out().for_segmentation().batch(torch.arange(SCENES))
    each = [
        [experiment.segment(network, images, subset).byte() for subset in experiment.SUBSETS]
        for network in map(experiment.load, NETWORKS)
    ]
    return torch.stack([torch.stack(subsets) for subsets in each])
