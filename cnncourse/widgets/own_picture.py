"""The reader's own picture, answered in the page by the compressed SqueezeNet; its weights are fetched when needed.

In JupyterLab the same can be asked in Python about the bundled photographs: `image`, `logits`, `names_seen`.

Chapter: `applications/own_picture`.
"""

from __future__ import annotations

import io
import struct
from functools import cache
from typing import ClassVar

import numpy as np
import torch
import traitlets
from torch import Tensor

from cnncourse.applications.own_picture.hashing import difference_hash
from cnncourse.applications.own_picture.novelty import total_evidence
from cnncourse.applications.own_picture.page_file import PREFERRED, page_file, page_limits, page_network
from cnncourse.data import photographs
from cnncourse.models.network import Network
from cnncourse.models.pretrained import checkpoint
from cnncourse.widgets.base import Widget
from cnncourse.workbench import photograph, resize
from cnncourse.workbench.figures import DescribedFigure, show, show_image, subplots
from cnncourse.workbench.images import PHOTOGRAPHS

CALLED = {"chelsea": "cat", "camera": "photographer"}
NAMES = tuple(CALLED.get(name, name) for name in PHOTOGRAPHS)
SHORTER_SIDE = 256
UNSURE = 0.2  # calibrated confidence below which the page names nothing


def samples() -> bytes:
    """The bundled photographs as WebP files: their number and lengths (32 bits each), then one behind another."""
    files = [sample(name) for name in PHOTOGRAPHS]
    return struct.pack(f"<{len(files) + 1}I", len(files), *map(len, files)) + b"".join(files)


class OwnPicture(Widget, stem="own_picture"):
    """A network that looks at pictures of the reader.

    Parameters
    ----------
    picture
        Which of the bundled photographs, counted from 0; −1 for none, or for the reader's own.
    rank
        Which of the five first names is explained, counted from 0.
    shown
        What lies over the picture: the class's ``"map"``, what was ``"hidden"``, or ``"none"``.
    calibrated
        Whether confidence is softmax(z / T) with the fitted temperature, or the plain softmax.
    """

    page_files: ClassVar = {"own_picture.bin": page_file, "own_picture_samples.bin": samples}
    fetched_later: ClassVar = frozenset({"weights"})

    picture = traitlets.Int(-1, min=-1, max=len(PHOTOGRAPHS) - 1).tag(sync=True)
    rank = traitlets.Int(0, min=0, max=4).tag(sync=True)
    shown = traitlets.Enum(("map", "hidden", "none"), "map").tag(sync=True)
    calibrated = traitlets.Bool(True).tag(sync=True)
    weights = traitlets.Bytes(read_only=True).tag(sync=True)
    samples = traitlets.Bytes(read_only=True).tag(sync=True)
    names = traitlets.List(list(NAMES), read_only=True).tag(sync=True)
    hashes = traitlets.List(read_only=True).tag(sync=True)  # 64 times 0 or 1 for each photograph
    temperature = traitlets.Float(read_only=True).tag(sync=True)
    threshold = traitlets.Float(read_only=True).tag(sync=True)
    stand_in = traitlets.Bool(read_only=True).tag(sync=True)

    @traitlets.default("weights")
    def _file_of_the_network(self) -> bytes:
        return page_file()

    @traitlets.default("samples")
    def _files_of_the_samples(self) -> bytes:
        return samples()

    @traitlets.default("hashes")
    def _bits_of_the_samples(self) -> list[str]:
        return ["".join(str(int(bit)) for bit in difference_hash(_middle(name))) for name in PHOTOGRAPHS]

    @traitlets.default("temperature")
    def _fitted(self) -> float:
        return float(page_limits(page_network())["temperature"])

    @traitlets.default("threshold")
    def _measured(self) -> float:
        return float(page_limits(page_network())["threshold"])

    @traitlets.default("stand_in")
    def _not_the_preferred(self) -> bool:
        return page_network() != PREFERRED

    def files(self) -> dict[str, str]:
        """Network and photographs are files on the website."""
        return {"weights": "own_picture.bin", "samples": "own_picture_samples.bin"}

    @property
    def image(self) -> Tensor:
        """The chosen photograph in [0, 1], (3, H, W); the first one if none is chosen."""
        return _decoded(PHOTOGRAPHS[max(0, self.picture)])

    @property
    def logits(self) -> Tensor:
        """What the network makes of it, (classes,)."""
        return _logits(PHOTOGRAPHS[max(0, self.picture)])

    @property
    def names_seen(self) -> list[tuple[str, float]]:
        """The five first names and their confidence."""
        probabilities = (self.logits / (self.temperature if self.calibrated else 1)).softmax(dim=0)
        classes = checkpoint(page_network()).classes()
        best = probabilities.topk(5)
        return [(classes[i], p) for i, p in zip(best.indices.tolist(), best.values.tolist(), strict=True)]

    def still(self) -> DescribedFigure:
        """The bundled photographs with the first name of each, and how much evidence there is for anything."""
        figure, axes = subplots(2, 3, width=6.6, height=4.6)
        words = []
        for index, panel in enumerate(axes.flat):
            other = OwnPicture(picture=index)
            name, confidence = other.names_seen[0]
            strange = float(total_evidence(other.logits[None])) < self.threshold
            doubt = ", unlike anything known" if strange else ", not recognized" if confidence < UNSURE else ""
            words.append(f"{NAMES[index]}: {name}, {confidence:.0%}{doubt}")
            title = f"{name}, {confidence:.0%}{doubt}"
            show_image(panel, _middle(PHOTOGRAPHS[index]), title, vmin=0, vmax=1)
        return show(
            figure,
            alt="Six photographs and what a network calls them. " + "; ".join(words) + ".",
            caption="Six photographs, their first names, and the calibrated confidence. With JavaScript, bring yours.",
        )


@cache
def sample(name: str) -> bytes:
    """One of the bundled photographs as a WebP file, its shorter side 256 pixels long."""
    from PIL import Image

    image = photograph(name).expand(3, -1, -1)
    scale = SHORTER_SIDE / min(image.shape[1:])
    small = resize(image, (round(image.shape[1] * scale), round(image.shape[2] * scale)))
    pixels: np.ndarray = (small * 255).round().clamp(0, 255).byte().permute(1, 2, 0).numpy()
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "WEBP", quality=82, method=6)
    return file.getvalue()


@cache
def _network() -> Network:
    return checkpoint(page_network()).load(torch.device("cpu"))


@cache
def _logits(name: str) -> Tensor:
    with torch.inference_mode():
        answer: Tensor = _network()(checkpoint(page_network()).preprocess(_decoded(name)))[0]
    return answer


def _decoded(name: str) -> Tensor:
    return photographs.decode(sample(name)).float() / 255


@cache
def _middle(name: str) -> Tensor:
    """The part of a sample that the network sees, in [0, 1]."""
    recipe = checkpoint(page_network()).preprocess
    image = _decoded(name)
    scale = recipe.resize / min(image.shape[1:])
    small = resize(image, (round(image.shape[1] * scale), round(image.shape[2] * scale)))
    top, left = ((side - recipe.crop) // 2 for side in small.shape[1:])
    return small[:, top : top + recipe.crop, left : left + recipe.crop]
