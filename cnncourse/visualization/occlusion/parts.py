"""Which part of each map has to be computed again, and which places of the occluder are computed in one batch.

Along one axis, `reach` says what each place changes. Places whose parts have the same sizes make one class; classes of
nearly the same sizes are joined where a larger batch is worth more than the few units computed in vain.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from cnncourse.visualization.occlusion.chains import Geometry
from cnncourse.visualization.occlusion.reach import reading


@dataclass(frozen=True)
class Class:
    """Places of the occluder along one axis that are computed together.

    `members` are numbers of places. `sizes[depth]` is the size of the part behind `depth` windows, the same for all
    members, and ``starts[depth][i]`` its first unit for ``members[i]``. A part may contain units that did not change.
    """

    members: tuple[int, ...]
    sizes: tuple[int, ...]
    starts: tuple[tuple[int, ...], ...]


@dataclass(frozen=True)
class Axis:
    """One axis of the picture: the parts that really can change, by depth and place, and the sizes of whole maps."""

    tight: tuple[tuple[range, ...], ...]
    whole: tuple[int, ...]

    @classmethod
    def along(cls, starts: Sequence[int], patch: int, size: int, layers: Sequence[Geometry]) -> Axis:
        """Follow the occluder at each of `starts` through the layers that slide."""
        tight = [tuple(range(start, min(start + patch, size)) for start in starts)]
        for layer in layers:
            given = layer.reach, layer.stride, layer.before, layer.outputs
            tight.append(tuple(reading(part, *given) for part in tight[-1]))
        return cls(tuple(tight), (size, *(layer.outputs for layer in layers)))

    def sizes(self, members: Sequence[int]) -> tuple[int, ...]:
        """Size of the part at each depth that is enough for all members; at least one unit."""
        return tuple(max(1, *(len(parts[member]) for member in members)) for parts in self.tight)

    def make(self, members: Sequence[int]) -> Class:
        """The class of these places."""
        sizes = self.sizes(members)
        starts = tuple(
            tuple(min(parts[member].start, whole - size) for member in members)
            for parts, whole, size in zip(self.tight, self.whole, sizes, strict=True)
        )
        return Class(tuple(members), sizes, starts)


def classes(axis: Axis, other: Axis, weights: Sequence[float], batch_cost: float) -> list[Class]:
    """Divide the places along `axis` into classes.

    Parameters
    ----------
    weights
        Multiply-adds of one unit of all maps at each depth.
    batch_cost
        What one more batch costs, in multiply-adds; with ``math.inf`` all places make one class.
    """
    number, across = len(axis.tight[0]), len(other.tight[0])
    breadth = [weight * sum(map(len, parts)) for weight, parts in zip(weights, other.tight, strict=True)]

    def cost(members: Sequence[int]) -> float:
        return len(members) * sum(w * size for w, size in zip(breadth, axis.sizes(members), strict=True))

    alike: dict[tuple[int, ...], list[int]] = {}
    for place in range(number):
        alike.setdefault(axis.sizes([place]), []).append(place)
    groups = sorted(alike.values(), key=lambda members: cost(members[:1]))
    spared = batch_cost * min(across, 8)  # about so many classes are there along the other axis
    while len(groups) > 1:
        lost = [cost(a + b) - cost(a) - cost(b) for a, b in pairwise(groups)]
        best = min(range(len(lost)), key=lost.__getitem__)
        if lost[best] > spared:
            break
        groups[best : best + 2] = [sorted(groups[best] + groups[best + 1])]
    return [axis.make(members) for members in groups]
