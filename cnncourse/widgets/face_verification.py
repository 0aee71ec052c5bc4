"""Pairs of drawn faces and a threshold to move: both histograms, the ROC curve, and the pairs that change sides.

Chapter: `applications/face_verification`.
"""

from __future__ import annotations

import math
from functools import cache
from typing import Any

import torch
import traitlets
from torch import Tensor

from cnncourse.applications.face_verification import draw_pairs, embed, equal_error_rate, pretrained, roc
from cnncourse.data import faces
from cnncourse.widgets.base import Widget
from cnncourse.workbench.figures import PALETTE, DescribedFigure, legend, show, subplots

EVERYBODY = "all"
_EXAMPLES = 10  # of each kind


class FaceVerification(Widget, stem="face_verification"):
    """One threshold over six hundred pairs; `rates` and `equal_error_rate` follow.

    Parameters
    ----------
    threshold
        "same person" if the distance is at most this, from 0 to 2.
    group
        ``"all"``, or the name of one group.
    uneven
        Take the embedding whose training set had only one person in twenty from the coast.
    """

    threshold = traitlets.Float(0.8, min=0.0, max=2.0).tag(sync=True)
    group = traitlets.Unicode(EVERYBODY).tag(sync=True)
    uneven = traitlets.Bool(False).tag(sync=True)
    names = traitlets.List(list(faces.GROUPS), read_only=True).tag(sync=True)
    distances = traitlets.List(read_only=True).tag(sync=True)
    same = traitlets.List(read_only=True).tag(sync=True)
    groups = traitlets.List(read_only=True).tag(sync=True)
    examples = traitlets.List(read_only=True).tag(sync=True)
    pictures = traitlets.Bytes(read_only=True).tag(sync=True)

    def __init__(self, **values: Any) -> None:
        super().__init__(**values)
        for name, value in _material().items():
            self.set_trait(name, value)

    @traitlets.validate("group")
    def _known(self, proposal: Any) -> str:
        if proposal["value"] not in (EVERYBODY, *self.names):
            raise traitlets.TraitError(
                f"there is no group {proposal['value']!r}; choose all or {', '.join(self.names)}"
            )
        return str(proposal["value"])

    @property
    def chosen(self) -> tuple[Tensor, Tensor]:
        """Distances and kinds of the pairs of the chosen group."""
        distance = torch.tensor(self.distances[self.uneven], dtype=torch.float64)
        same = torch.tensor(self.same, dtype=torch.bool)
        if self.group == EVERYBODY:
            return distance, same
        mask = torch.tensor(self.groups) == self.names.index(self.group)
        return distance[mask], same[mask]

    @property
    def rates(self) -> tuple[float, float]:
        """TAR and FAR at the threshold; nan without pairs."""
        distance, same = self.chosen
        accepted = distance <= self.threshold
        return _share(accepted[same]), _share(accepted[~same])

    @property
    def equal_error_rate(self) -> float:
        """Where both errors are equally likely."""
        return equal_error_rate(roc(*self.chosen))

    def still(self) -> DescribedFigure:
        """The two histograms with the threshold, and the curve."""
        distance, same = self.chosen
        figure, axes = subplots(1, 2, width=6.8, height=3.0)
        edges = [0.05 * k for k in range(41)]
        for name, mask, colour in (("same", same, "blue"), ("different", ~same, "orange")):
            axes[0, 0].hist(distance[mask].tolist(), edges, color=PALETTE[colour], alpha=0.6, label=name)
        axes[0, 0].axvline(self.threshold, color=PALETTE["grey"], linestyle="--")
        axes[0, 0].set(xlabel="distance", ylabel="pairs")
        legend(axes[0, 0], fontsize="small")
        curve = roc(distance, same)
        tar, far = self.rates
        axes[0, 1].step(curve.far, curve.tar, where="post", color=PALETTE["blue"])
        axes[0, 1].plot([far], [tar], "o", color=PALETTE["orange"])
        axes[0, 1].set(xlabel="FAR", ylabel="TAR")
        return show(
            figure,
            alt=f"Histograms of the distances of same and different pairs with a threshold at {self.threshold:.2f}, "
            f"beside the ROC curve. At the threshold, TAR is {tar:.2f} and FAR is {far:.2f}; the equal error rate is "
            f"{self.equal_error_rate:.3f}.",
            caption="A threshold cuts two overlapping hills; each place of the cut is one point of the curve.",
        )


@cache
def _material() -> dict[str, Any]:
    """What does not change: distances of both embeddings, kinds and groups of the pairs, and some pictures."""
    test = faces.load("test", 100, 4)
    pairs = draw_pairs(test.people, 30, 10, groups=test.groups)
    both = [pairs.distances(embed(pretrained(uneven), test)) for uneven in (False, True)]
    examples = _spread(both[0], pairs.same)
    sides = torch.stack([pairs.first[examples], pairs.second[examples]], dim=1)
    return {
        "distances": [[round(value, 3) for value in one.tolist()] for one in both],
        "same": pairs.same.int().tolist(),
        "groups": test.groups[pairs.first].tolist(),
        "examples": examples.tolist(),
        "pictures": bytes(test.images[sides.flatten()].flatten().tolist()),
    }


def _spread(distances: Tensor, same: Tensor) -> Tensor:
    """Pairs of both kinds whose distances lie as evenly as possible between 0.3 and 1.4."""
    chosen = []
    for kind, low, high in ((same, 0.3, 1.1), (~same, 0.6, 1.4)):
        index = kind.nonzero().flatten()
        for wanted in torch.linspace(low, high, _EXAMPLES):
            order = (distances[index] - wanted).abs().argsort()
            chosen.append(next(int(index[k]) for k in order if int(index[k]) not in chosen))
    return torch.tensor(chosen)


def _share(flags: Tensor) -> float:
    return float(flags.double().mean()) if len(flags) else math.nan
