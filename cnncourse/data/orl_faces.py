"""Photographs of 40 people, ten of each, taken 1992–1994 at the Olivetti Research Laboratory (Samaria & Harter 1994).

The copy that is known here is made smaller, from 92×112 to 23×28 pixels. Free with credit; never downloaded.

Chapter: `applications/face_verification`.
"""

from __future__ import annotations

import io

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from cnncourse.data.faces import FaceSet
from cnncourse.workbench import checks, downloads

COMMIT = "5cf3f22a649d8ae286533ea2a767c811642070f2"
SMALL_COPY = downloads.Resource(
    name="orl_faces/orl_faces.npz",
    checksum="sha256:11b08cb320eb1cd08b70f52ddd26458f54192a5d48967f20945b5f42b86c0437",
    size=240_000,
    licence="free with credit to the Olivetti Research Laboratory; not carried by the course",
    source=f"dnr2/ProjetoAM at {COMMIT[:8]}, datasets/att_faces, as one array x (40, 10, 28, 23)",
)


def at_hand() -> bool:
    """Tell whether the file is on this machine."""
    return downloads.find(SMALL_COPY) is not None


def load(side: int = 32) -> FaceSet:
    """The 400 photographs as squares of `side` pixels: borders repeated to make them square, then resized.

    Raises
    ------
    FileNotFoundError
        If the file is not on this machine; it says where to put it. Nothing is fetched.
    """
    checks.whole_number("side", side, 16, "Smaller pictures show no face.")
    with np.load(io.BytesIO(downloads.read(SMALL_COPY)), allow_pickle=False) as content:
        photographs = torch.from_numpy(content["x"])
    people, each = photographs.shape[:2]
    who = torch.arange(people).repeat_interleave(each)
    squares = _squares(photographs.flatten(0, 1)[:, None].float(), side)
    origin = "ORL faces, Olivetti Research Laboratory, a copy made smaller to 23×28 pixels"
    return FaceSet(squares, who, torch.zeros_like(who), ("ORL",), origin)


def _squares(images: Tensor, side: int) -> Tensor:
    height, width = images.shape[2:]
    missing = max(0, height - width)
    square = F.pad(images, (missing // 2, missing - missing // 2, 0, 0), mode="replicate")
    resized = F.interpolate(square, (side, side), mode="bilinear", align_corners=False, antialias=True)
    return resized.round().clamp(0, 255).to(torch.uint8)
