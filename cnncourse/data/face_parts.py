"""How a drawn face is put together: head, hair, eyes, brows, nose and mouth, as soft shapes, many faces at once.

Coordinates run from −1 to 1, across and down; a shape covers min(1, max(0, 1/2 − distance/pixel)) of a pixel.

Chapter: `applications/face_verification`.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.float32]

ALL = ("width", "height", "skin", "hair", "hairline", "length")
UPPER = ("eye_distance", "eye_size", "eye_height", "brow_thickness", "brow_tilt", "brow_height")
LOWER = ("nose_length", "nose_width", "mouth_width", "mouth_height", "lips", "chin")
TRAITS = ALL + UPPER + LOWER
MOMENTS = {
    "yaw": "pose",
    "pitch": "pose",
    "roll": "roll",
    "smile": "expression",
    "open_mouth": "expression",
    "open_eyes": "expression",
    "raised_brows": "expression",
    "light_across": "light",
    "light_down": "light",
    "gain": "light",
    "right": "shift",
    "down": "shift",
    "ground": "background",
}
_LITTLE = 0.25  # how much of a trait is left where a group hardly differs


def amplitudes(group: int) -> NDArray[np.float64]:
    """How far each of `TRAITS` varies: people of group 0 differ around the eyes, those of group 1 around the mouth."""
    varied = (UPPER, LOWER)[group]
    return np.array([0.6 if name in ALL else 1.0 if name in varied else _LITTLE for name in TRAITS])


def render(traits: Numbers, moments: Numbers, size: int, groups: NDArray[np.int64]) -> Numbers:
    """Draw N faces without grain, (N, size, size) in about [0, 1].

    Parameters
    ----------
    traits
        (N, len(TRAITS)): who it is.
    moments
        (N, len(MOMENTS)): how the picture was taken.
    size
        Pixels of a side.
    groups
        (N,): group 1 has a longer head and lighter hair.
    """
    return _Canvas(traits, moments, size, groups).face()


class _Canvas:
    """N pictures that are painted from the back to the front; every number of a face has shape (N, 1, 1)."""

    def __init__(self, traits: Numbers, moments: Numbers, size: int, groups: NDArray[np.int64]) -> None:
        self.who = dict(zip(TRAITS, traits.T[:, :, None, None], strict=True))
        self.now = dict(zip(MOMENTS, moments.T[:, :, None, None], strict=True))
        self.coast = groups[:, None, None].astype(np.float32)
        self.pixel = np.float32(2 / size)
        axis = (np.arange(size, dtype=np.float32) + 0.5) * self.pixel - 1
        x = axis[None, None, :] - self.now["right"]
        y = axis[None, :, None] - self.now["down"]
        turn = 0.12 * self.now["roll"]
        self.x, self.y = np.cos(turn) * x + np.sin(turn) * y, np.cos(turn) * y - np.sin(turn) * x
        self.slope = self.now["light_across"] * x + 0.6 * self.now["light_down"] * y
        self.image = np.broadcast_to(0.45 + 0.25 * self.now["ground"], self.x.shape).astype(np.float32)

    def face(self) -> Numbers:
        """The whole picture."""
        skin = 0.66 + 0.14 * self.who["skin"] - 0.06 * self.coast
        hair = 0.16 + 0.14 * self.who["hair"] + 0.22 * self.coast
        head = self.head(skin, hair)
        self.brows(np.minimum(hair, skin - 0.2))
        self.eyes()
        self.nose(skin)
        self.mouth(skin)
        light = 1 + 0.12 * self.now["gain"] + 0.28 * self.slope
        self.image *= 1 + head * (light - 1)
        return self.image

    def paint(self, distance: Numbers, shade: Numbers | float, within: Numbers | float = 1.0) -> Numbers:
        """Cover where `distance` is negative, softly; returns what is covered."""
        cover = np.asarray(np.clip(0.5 - distance / self.pixel, 0, 1) * within, dtype=np.float32)
        self.image += cover * (shade - self.image)
        return cover

    def head(self, skin: Numbers, hair: Numbers) -> Numbers:
        """Hair behind, neck, head and hair in front."""
        who = self.who
        width = 0.56 + 0.09 * who["width"]
        height = 0.72 + 0.07 * who["height"] + 0.06 * self.coast
        end = 0.1 + 0.45 * who["length"] + 0.15 * self.coast
        behind = np.maximum(_ellipse(self.x, self.y + 0.1, width + 0.12, height + 0.12), self.y - end)
        covered = self.paint(behind, 0.85 * hair)
        neck = np.maximum(np.abs(self.x) - 0.5 * width, -self.y)
        covered = np.maximum(covered, self.paint(neck, 0.8 * skin))
        jaw = width * (1 - (0.22 + 0.16 * who["chin"]) * np.clip(self.y, 0, None) ** 1.5)
        outline = _ellipse(self.x, self.y, jaw, height)
        covered = np.maximum(covered, self.paint(outline, skin))
        line = -0.42 - 0.14 * who["hairline"] + 0.25 * (self.x - 0.3 * self.now["yaw"]) ** 2
        self.paint(np.maximum(outline - 0.03, self.y - line), hair)
        return np.asarray(np.maximum(covered, np.clip(0.5 - outline / self.pixel, 0, 1)), dtype=np.float32)

    def place(self, depth: float = 1.0) -> tuple[Numbers, Numbers]:
        """Coordinates on the turned head; what stands out moves farther."""
        yaw, pitch = 0.13 * self.now["yaw"], 0.07 * self.now["pitch"]
        return (self.x - depth * yaw) / np.cos(2 * yaw), self.y - depth * pitch

    def eyes(self) -> None:
        """Whites and irises."""
        x, y = self.place()
        apart = 0.26 + 0.06 * self.who["eye_distance"]
        size = 0.115 + 0.035 * self.who["eye_size"]
        lid = 0.6 + 0.2 * self.now["open_eyes"]
        y = y + 0.08 + 0.07 * self.who["eye_height"]
        for side in (-1, 1):
            white = self.paint(_ellipse(x - side * apart, y, size, size * lid), 0.9)
            iris = 0.62 * size
            self.paint(_ellipse(x - side * apart, y, iris, iris), 0.12, within=np.minimum(1, 1.5 * white))

    def brows(self, shade: Numbers) -> None:
        """Two bars above the eyes."""
        x, y = self.place()
        apart = 0.26 + 0.06 * self.who["eye_distance"]
        above = 0.27 + 0.07 * self.who["eye_height"] + 0.06 * self.who["brow_height"] + 0.03 * self.now["raised_brows"]
        thick = 0.035 + 0.022 * self.who["brow_thickness"]
        for side in (-1, 1):
            across = x - side * apart
            tilted = y + above + side * 0.35 * self.who["brow_tilt"] * across
            self.paint(np.maximum(np.abs(tilted) - thick, np.abs(across) - 0.15), shade)

    def nose(self, skin: Numbers) -> None:
        """A shaded wedge with a darker base."""
        x, y = self.place(1.6)
        length = 0.26 + 0.09 * self.who["nose_length"]
        half = 0.09 + 0.04 * self.who["nose_width"]
        down = np.clip((y + 0.02) / length, 0, 1)
        self.paint(np.maximum(np.abs(x) - half * down, np.abs(y + 0.02 - length / 2) - length / 2), 0.9 * skin)
        self.paint(_ellipse(x, y + 0.02 - length, half, 0.035), 0.62 * skin)

    def mouth(self, skin: Numbers) -> None:
        """Lips that bend with a smile, and what shows between them."""
        x, y = self.place(1.1)
        half = 0.23 + 0.08 * self.who["mouth_width"] + 0.03 * self.now["smile"]
        y = y - 0.43 - 0.05 * self.who["mouth_height"]
        inside = np.clip(1 - (x / half) ** 2, 0, 1)
        bent = y + (0.015 + 0.055 * self.now["smile"]) * (1 - 2 * inside)
        opened = 0.02 + 0.03 * np.clip(self.now["open_mouth"], 0, None)
        lips = opened + 0.035 + 0.022 * self.who["lips"]
        self.paint(np.abs(bent) - lips * np.sqrt(inside), 0.55 * skin, within=inside > 0)
        self.paint(np.abs(bent) - opened * np.sqrt(inside), 0.2, within=inside > 0)


def _ellipse(x: Numbers, y: Numbers, width: Numbers, height: Numbers | float) -> Numbers:
    """About the signed distance from an ellipse with these half axes."""
    return np.asarray((np.hypot(x / width, y / height) - 1) * np.minimum(width, height), dtype=np.float32)
