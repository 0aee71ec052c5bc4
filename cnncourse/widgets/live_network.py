"""A trained network in the page, forwards and backwards: its maps, what it depends on, occlusion, dreams.

In JupyterLab the same questions can be asked in Python: `image`, `probabilities`, `saliency`, `projection`.

Chapter: `visualization/activations`.
"""

from __future__ import annotations

from functools import cache, partial
from typing import ClassVar

import torch
import traitlets
from skimage.data import horse
from torch import Tensor

from cnncourse.data import scenes
from cnncourse.models.network import Network
from cnncourse.models.page_format import write_network
from cnncourse.models.pretrained import checkpoint
from cnncourse.visualization import feature_maps, magnitude, project
from cnncourse.widgets.base import Widget
from cnncourse.widgets.lenet import stencil
from cnncourse.workbench import photograph, resize
from cnncourse.workbench.figures import DescribedFigure, show, show_image, subplots
from cnncourse.workbench.images import crop_square

NETWORKS = {"digits": "lenet_mnist", "pictures": "vgg_cifar10"}
LAYERS = {
    "lenet_mnist": ("a1", "a3", "a5", "a6"),
    "vgg_cifar10": ("relu1_1", "relu1_2", "relu2_1", "relu2_2", "relu3_1", "relu3_2"),
}
PICTURES = ("cat", "horse", "rocket", "coffee", "astronaut", "star")
PEN = {"digits": 1.0, "pictures": 0.5}  # the reader draws digits in white on black, and in grey over pictures


class LiveNetwork(Widget, stem="live_network"):
    """A network and all that can be asked of it about one picture.

    Parameters
    ----------
    network
        ``"digits"`` for LeNet on a drawing, ``"pictures"`` for the small VGG of CIFAR-10's ten classes.
    picture
        Which of the pictures, counted from 0; for digits there is only paper.
    ink
        What is drawn over it, side·side numbers from 0 to 255.
    layer, channel, row, column
        The unit: layer counts those of `LAYERS`; a negative row stands for the strongest unit of the map.
    rule
        Of the rectifiers on the way back from the unit: gradient, deconvnet or guided.
    target
        The class that is explained, occluded and dreamt of; negative for the most probable.
    goal, start
        What a dream wants, more of the ``"class"`` or of the ``"map"``, and whether it begins with ``"noise"`` or with
        the ``"picture"``.
    smooth, jitter
        Whether dreams are smoothed, and seen from a place that trembles.
    """

    page_files: ClassVar = {f"{name}.bin": partial(write_network, name) for name in NETWORKS.values()}

    network = traitlets.Enum(tuple(NETWORKS), "digits").tag(sync=True)
    picture = traitlets.Int(0, min=0, max=len(PICTURES) - 1).tag(sync=True)
    ink = traitlets.List(traitlets.Int(min=0, max=255)).tag(sync=True)
    layer = traitlets.Int(1, min=0).tag(sync=True)
    channel = traitlets.Int(0, min=0).tag(sync=True)
    row = traitlets.Int(-1, min=-1).tag(sync=True)
    column = traitlets.Int(-1, min=-1).tag(sync=True)
    rule = traitlets.Enum(("gradient", "deconvnet", "guided"), "guided").tag(sync=True)
    target = traitlets.Int(-1, min=-1, max=9).tag(sync=True)
    goal = traitlets.Enum(("class", "map"), "class").tag(sync=True)
    start = traitlets.Enum(("noise", "picture"), "noise").tag(sync=True)
    smooth = traitlets.Bool(True).tag(sync=True)
    jitter = traitlets.Bool(True).tag(sync=True)
    weights = traitlets.Bytes(read_only=True).tag(sync=True)
    examples = traitlets.Bytes(read_only=True).tag(sync=True)  # drawings or pictures, bytes (N, C, side, side)
    names = traitlets.List(read_only=True).tag(sync=True)  # what to call them
    pen = traitlets.Float(read_only=True).tag(sync=True)

    @traitlets.default("ink")
    def _first_ink(self) -> list[int]:
        return stencil(5) if self.network == "digits" else [0] * self.side**2

    @traitlets.validate("ink")
    def _whole_sheet(self, proposal: dict[str, list[int]]) -> list[int]:
        if len(proposal["value"]) != self.side**2:
            raise traitlets.TraitError(f"ink has {len(proposal['value'])} numbers; it must have {self.side**2}")
        return proposal["value"]

    @traitlets.default("weights")
    def _trained(self) -> bytes:
        return write_network(NETWORKS[self.network])

    @traitlets.default("examples")
    def _bytes_of_examples(self) -> bytes:
        if self.network == "digits":
            return b"".join(bytes(stencil(digit)) for digit in range(10))
        return bytes((torch.stack([picture(name) for name in PICTURES]) * 255).round().byte().flatten().tolist())

    @traitlets.default("names")
    def _names_of_examples(self) -> list[str]:
        return [str(digit) for digit in range(10)] if self.network == "digits" else list(PICTURES)

    @traitlets.default("pen")
    def _brightness(self) -> float:
        return PEN[self.network]

    def files(self) -> dict[str, str]:
        """The network is a file on the website."""
        return {"weights": f"{NETWORKS[self.network]}.bin"}

    @property
    def side(self) -> int:
        """Pixels of the picture in each direction."""
        return checkpoint(NETWORKS[self.network]).preprocess.crop

    @property
    def image(self) -> Tensor:
        """The picture with the drawing over it, in [0, 1], (1, C, side, side)."""
        drawn = torch.tensor(self.ink, dtype=torch.float32).reshape(1, 1, self.side, self.side) / 255
        base = torch.zeros_like(drawn) if self.network == "digits" else picture(PICTURES[self.picture])[None]
        return torch.lerp(base, torch.tensor(self.pen), drawn)

    @property
    def probabilities(self) -> Tensor:
        """What the network answers, (10,)."""
        with torch.no_grad():
            answers: Tensor = _trained(self.network)(self._prepared()).softmax(dim=1)[0]
        return answers

    @property
    def saliency(self) -> Tensor:
        """Largest slope of the target's logit over the channels of each pixel, (side, side)."""
        target = int(self.probabilities.argmax()) if self.target < 0 else self.target
        return magnitude(project(_trained(self.network), self._prepared(), "", target, rule="gradient"))[0]

    @property
    def maps(self) -> Tensor:
        """All maps of the chosen layer, (channels, height, width); a layer without maps has size 1."""
        layer = LAYERS[NETWORKS[self.network]][self.layer]
        values = feature_maps(_trained(self.network), self._prepared(), [layer])[layer][0]
        return values.reshape(len(values), *(values.shape[1:] or (1, 1)))

    @property
    def projection(self) -> Tensor:
        """The chosen unit brought back to the pixels by the chosen rule, (C, side, side)."""
        layer = LAYERS[NETWORKS[self.network]][self.layer]
        place = None if self.row < 0 or self.maps.shape[1] == 1 else (self.row, self.column)
        return project(_trained(self.network), self._prepared(), layer, self.channel, place, self.rule)[0]

    def _prepared(self) -> Tensor:
        return checkpoint(NETWORKS[self.network]).preprocess(self.image)

    def still(self) -> DescribedFigure:
        """The picture, its answer, and the strongest maps of the chosen layer."""
        answers, maps = self.probabilities, self.maps
        names = checkpoint(NETWORKS[self.network]).classes()
        best = int(answers.argmax())
        strongest = maps.amax(dim=(1, 2)).argsort(descending=True, stable=True)[:6].tolist()
        figure, axes = subplots(2, 4, width=7.2, height=3.4)
        show_image(axes[0, 0], self.image[0], "picture", vmin=0, vmax=1)
        show_image(axes[1, 0], self.saliency, "saliency")
        for panel, channel in zip([*axes[0, 1:], *axes[1, 1:]], strongest, strict=False):
            show_image(panel, maps[channel], f"map {channel + 1}")
        return show(
            figure,
            alt=f"A small picture in which a trained network sees {names[best]}, with {answers[best]:.0%}; below it a "
            "map of the pixels on which that depends, and beside them the six strongest feature maps of a layer.",
            caption="A picture, what the answer depends on, and maps of one layer. With JavaScript all of it is live.",
        )


@cache
def _trained(network: str) -> Network:
    return checkpoint(NETWORKS[network]).load(torch.device("cpu"))


@cache
def picture(name: str) -> Tensor:
    """One of the `PICTURES` as the network sees it, whole 255ths in [0, 1], (3, 32, 32)."""
    if name == "horse":  # a silhouette from openclipart, CC0
        shape = torch.from_numpy(horse()).float().expand(3, -1, -1)
        pixels = resize(crop_square(shape), (32, 32)).clamp(0, 1)
    elif name == "star":
        pixels = scenes.draw_one_class(scenes.CLASSES.index("star"), index=2).image
    else:
        pixels = photograph("chelsea" if name == "cat" else name, 32)
    return (pixels * 255).round() / 255
