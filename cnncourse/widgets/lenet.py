"""A digit to draw, and what a trained LeNet sees in it: maps, units and the answer, computed in the page.

Chapter: `models/lenet`.
"""

from __future__ import annotations

from functools import partial
from typing import ClassVar

import torch
import torch.nn.functional as F
import traitlets
from torch import Tensor

from cnncourse.models.lenet import digit_codes
from cnncourse.models.page_format import write_network
from cnncourse.models.pretrained import checkpoint
from cnncourse.widgets.base import Widget
from cnncourse.workbench.figures import DescribedFigure, show, show_image, subplots
from cnncourse.workbench.images import resize

SIDE = 28
NETWORK = "lenet_mnist"


class Lenet(Widget, stem="lenet"):
    """The course's LeNet on a drawing; `image` and `probabilities` follow the controls.

    Parameters
    ----------
    ink
        The drawing, 28·28 numbers row by row, 0 for paper and 255 for ink.
    right, down
        How far it is moved, in pixels from −10 to 10.
    """

    page_files: ClassVar = {f"{NETWORK}.bin": partial(write_network, NETWORK)}

    ink = traitlets.List(traitlets.Int(min=0, max=255), minlen=SIDE**2, maxlen=SIDE**2).tag(sync=True)
    right = traitlets.Int(0, min=-10, max=10).tag(sync=True)
    down = traitlets.Int(0, min=-10, max=10).tag(sync=True)
    weights = traitlets.Bytes(read_only=True).tag(sync=True)
    stencils = traitlets.Bytes(read_only=True).tag(sync=True)  # ten drawings to begin with

    @traitlets.default("ink")
    def _first_drawing(self) -> list[int]:
        return stencil(5)

    @traitlets.default("weights")
    def _trained(self) -> bytes:
        return write_network(NETWORK)

    @traitlets.default("stencils")
    def _all_stencils(self) -> bytes:
        return b"".join(bytes(stencil(digit)) for digit in range(10))

    def files(self) -> dict[str, str]:
        """The network is a file on the website."""
        return {"weights": f"{NETWORK}.bin"}

    @property
    def image(self) -> Tensor:
        """The moved drawing in [0, 1], (1, 1, 28, 28)."""
        drawing = torch.tensor(self.ink, dtype=torch.float32).reshape(1, 1, SIDE, SIDE) / 255
        return F.pad(drawing, (self.right, -self.right, self.down, -self.down))

    @property
    def probabilities(self) -> Tensor:
        """What the network answers, (10,)."""
        one = checkpoint(NETWORK)
        with torch.inference_mode():
            result: Tensor = one.load(torch.device("cpu"))(one.preprocess(self.image)).softmax(dim=1)[0]
        return result

    def still(self) -> DescribedFigure:
        """The drawing and the ten probabilities."""
        answers = self.probabilities
        digit = int(answers.argmax())
        figure, axes = subplots(1, 2, width=5.4, height=2.4)
        show_image(axes[0, 0], 1 - self.image[0], vmin=0, vmax=1)
        axes[0, 1].bar(range(10), answers.numpy())
        axes[0, 1].set(xticks=range(10), ylim=(0, 1), xlabel="digit", ylabel="probability")
        return show(
            figure,
            alt=f"A drawing of a digit, and ten bars of which the one for {digit} is the longest, "
            f"with {answers[digit]:.0%}.",
            caption="A drawing and what LeNet reads in it. With JavaScript you can draw here yourself.",
        )


def stencil(digit: int) -> list[int]:
    """A drawing of a digit, twenty pixels high in the middle, as `ink` holds it."""
    code = digit_codes()[digit].reshape(1, 12, 7)[:, :11]  # the last row is empty
    drawn = resize((code + 1) / 2, (20, 13)).clamp(0, 1)
    numbers: list[int] = (F.pad(drawn, (7, 8, 4, 4)) * 255).round().int().flatten().tolist()
    return numbers
