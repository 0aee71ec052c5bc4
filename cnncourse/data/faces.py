"""Drawn faces: what a person is stays the same in all pictures, how the picture was taken does not.

Picture k of person p of seed s is always the same, whichever others were drawn before. No drawn group stands for
a group of real people.

Chapter: `applications/face_verification`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from cnncourse.data import face_parts
from cnncourse.workbench import checks

GROUPS = ("valley", "coast")
SPLITS = ("train", "validation", "test")
MEAN, STD = (0.5,), (0.25,)
TRAITS = face_parts.TRAITS
_FIRST_SEED = 3000  # far from the seeds of single pictures
_CHUNK = 256


@dataclass(frozen=True)
class Variation:
    """How much pictures of one person differ; 1 is the usual amount and 0 none.

    `shift` is the largest displacement in pixels of a picture of 32; `roll` counts as alignment too.
    """

    pose: float = 1.0
    roll: float = 1.0
    expression: float = 1.0
    light: float = 1.0
    shift: float = 1.5
    noise: float = 0.04

    def __post_init__(self) -> None:
        for name in ("pose", "roll", "expression", "light"):
            checks.number(name, getattr(self, name), 0, 3)
        checks.number("shift", self.shift, 0, 16)
        checks.fraction("noise", self.noise, "It is the standard deviation of the grain, for greys in [0, 1].")


USUAL = Variation()
ALIGNED = replace(USUAL, shift=0.0, roll=0.0)


@dataclass(frozen=True)
class FaceSet:
    """Pictures of several people, held in memory.

    `images` is uint8 (N, 1, H, W), `people` int64 (N,) says who it is, `groups` int64 (N,) to which group that
    person belongs, and `group_names` names the groups. `origin` says what was really loaded.
    """

    images: Tensor
    people: Tensor
    groups: Tensor
    group_names: tuple[str, ...]
    origin: str

    def __post_init__(self) -> None:
        checks.tensor("images", self.images, "N C H W")
        checks.tensor("people", self.people, "N", N=len(self.images))
        checks.tensor("groups", self.groups, "N", N=len(self.images))

    def __len__(self) -> int:
        return len(self.images)

    def select(self, index: Tensor) -> FaceSet:
        """The same set with only some of its pictures, in the order of `index`."""
        return replace(self, images=self.images[index], people=self.people[index], groups=self.groups[index])

    def of_group(self, group: int) -> FaceSet:
        """The pictures of one group; there may be none."""
        checks.whole_number("group", group, 0, f"The groups are {', '.join(self.group_names)}.")
        return self.select((self.groups == group).nonzero().flatten())

    def prepared(self) -> Tensor:
        """What networks see: float32 (N, 1, H, W), centred and scaled to [−2, 2]."""
        return (self.images.float() / 255 - MEAN[0]) / STD[0]


def traits_of(person: int, seed: int = 0, group: int | None = None) -> dict[str, float]:
    """What makes a person: one number in [−1, 1] for each of `TRAITS`, scaled by what varies in that group.

    Without `group`, persons belong to the groups in turn.
    """
    checks.whole_number("person", person, 0, "People are numbered from 0.")
    checks.whole_number("seed", seed, 0, "Any whole number will do.")
    return dict(zip(TRAITS, _traits(person, seed, _group(person, group)).tolist(), strict=True))


def draw(
    person: int = 0,
    picture: int = 0,
    size: int = 32,
    seed: int = 0,
    group: int | None = None,
    variation: Variation = USUAL,
) -> Tensor:
    """Draw one picture of one person, float32 (1, size, size) in [0, 1].

    Raises
    ------
    ValueError
        If a number is out of range; faces need at least 16 pixels.
    """
    checks.whole_number("picture", picture, 0, "Pictures are numbered from 0.")
    return _draw([(person, picture)], size, seed, [_group(person, group)], variation)[0]


def load(
    split: str = "train",
    people: int = 300,
    pictures: int = 12,
    size: int = 32,
    variation: Variation = USUAL,
    coast: float = 0.5,
) -> FaceSet:
    """The first `people` persons of a split, `pictures` pictures of each; no person is in two splits.

    Parameters
    ----------
    split
        One of `SPLITS`.
    people, pictures
        How many persons, and pictures of each.
    size
        Pixels of a side, at least 16.
    variation
        How much the pictures of one person differ.
    coast
        Share of people who belong to the second group, from 0 to 1.

    Raises
    ------
    ValueError
        If there is no such split, or a number is out of range.
    """
    if split not in SPLITS:
        raise ValueError(f"there is no split {split!r}; choose one of {', '.join(SPLITS)}")
    checks.whole_number("people", people, 1, "Draw at least one person.")
    checks.whole_number("pictures", pictures, 1, "Draw at least one picture of each.")
    checks.fraction("coast", coast, "It is the share of people of the second group.")
    # the k-th person is from the coast whenever the running share falls behind: even at every length
    membership = [math.floor((k + 1) * coast + 1e-9) - math.floor(k * coast + 1e-9) for k in range(people)]
    pairs = [(person, picture) for person in range(people) for picture in range(pictures)]
    who = torch.tensor([person for person, _ in pairs])
    groups = torch.tensor(membership)[who]
    images = _draw(pairs, size, _FIRST_SEED + SPLITS.index(split), groups.tolist(), variation)
    return FaceSet(
        (images * 255).round().to(torch.uint8), who, groups, GROUPS, f"{people} drawn people, {pictures} pictures each"
    )


def _draw(
    pairs: Sequence[tuple[int, int]], size: int, seed: int, groups: Sequence[int], variation: Variation
) -> Tensor:
    checks.whole_number("size", size, 16, "Smaller pictures show no face.")
    checks.whole_number("seed", seed, 0, "Any whole number will do.")
    images = []
    for first in range(0, len(pairs), _CHUNK):
        chunk = list(zip(pairs, groups, strict=True))[first : first + _CHUNK]
        traits = np.stack([_traits(person, seed, group) for (person, _), group in chunk])
        moments = np.stack([_moment(person, picture, seed, variation) for (person, picture), _ in chunk])
        grain = np.stack([_grain(person, picture, seed, size) for (person, picture), _ in chunk])
        drawn = face_parts.render(traits, moments, size, np.array([group for _, group in chunk]))
        images.append(np.clip(drawn + variation.noise * grain, 0, 1).astype(np.float32))
    return torch.from_numpy(np.concatenate(images))[:, None]


def _group(person: int, group: int | None) -> int:
    checks.whole_number("person", person, 0, "People are numbered from 0.")
    if group is None:
        return person % len(GROUPS)
    if checks.whole_number("group", group, 0, "Groups are numbered from 0.") >= len(GROUPS):
        raise ValueError(f"group is {group}; there are {len(GROUPS)} groups: {', '.join(GROUPS)}")
    return group


def _traits(person: int, seed: int, group: int) -> NDArray[np.float32]:
    raw = np.random.default_rng([seed, person]).uniform(-1, 1, len(TRAITS))
    return np.asarray(raw * face_parts.amplitudes(group), dtype=np.float32)


def _moment(person: int, picture: int, seed: int, variation: Variation) -> NDArray[np.float32]:
    random = np.random.default_rng([seed, person, picture])
    amounts = {
        "pose": variation.pose,
        "roll": variation.roll,
        "expression": variation.expression,
        "light": variation.light,
        "shift": variation.shift / 16,  # from pixels of 32 to half a side
        "background": 1.0,
    }
    scale = np.array([amounts[kind] for kind in face_parts.MOMENTS.values()])
    return np.asarray(random.uniform(-1, 1, len(scale)) * scale, dtype=np.float32)


def _grain(person: int, picture: int, seed: int, size: int) -> NDArray[np.float64]:
    return np.random.default_rng([seed, person, picture, 1]).standard_normal((size, size))
