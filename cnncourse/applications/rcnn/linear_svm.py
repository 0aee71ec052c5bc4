"""One linear SVM for each class, and the few negatives out of very many that it needs: hard-negative mining.

score(x) = w·x + b        look at more negatives, hold those with score > −1, drop the easy ones, fit again
Papers: Felzenszwalb et al. 2010, section 4.4; Girshick et al. 2014, section 2.3.

Chapter: `applications/rcnn`.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from sklearn.svm import LinearSVC
from torch import Tensor

from cnncourse.workbench import checks

HARD, EASY = -1.0, -1.2  # a negative is held from the margin on, and dropped a little beyond it


@dataclass(frozen=True)
class Machine:
    """A separating plane: `weight` (D,) and `bias` (); and the `cache` sizes at each fit, for the curious."""

    weight: Tensor
    bias: Tensor
    cache: tuple[int, ...] = ()

    def __call__(self, features: Tensor) -> Tensor:
        """Scores (N,) of features (N, D): positive on the side of the class."""
        return features @ self.weight + self.bias


def fit_machine(positives: Tensor, negatives: Tensor, cost: float = 1.0) -> Machine:
    """Fit a plane between positives (P, D) and negatives (Q, D).

    Parameters
    ----------
    cost
        Weight of the squared errors against the width of the margin, C. Both sides weigh the same in total.

    Raises
    ------
    TypeError, ValueError
        If a tensor is not as said, holds nan or infinity, or one side is empty.
    """
    _features("positives", positives)
    _features("negatives", negatives, positives.shape[1])
    checks.number("cost", cost, 1e-12)
    both = torch.cat([positives, negatives]).detach().cpu().double()
    sides = torch.cat([torch.ones(len(positives)), -torch.ones(len(negatives))])
    plane = LinearSVC(C=cost, dual=False, class_weight="balanced")
    plane.fit(both.numpy(), sides.numpy())
    return Machine(torch.from_numpy(plane.coef_[0]).float(), torch.tensor(float(plane.intercept_[0])))


def mine(positives: Tensor, negatives: Tensor, chunk: int = 2000, rounds: int = 2, cost: float = 1.0) -> Machine:
    """Fit a plane to few of very many negatives: chunk by chunk, hold those that are not separated well, drop others.

    Parameters
    ----------
    positives, negatives
        (P, D) and (Q, D).
    chunk
        How many negatives are looked at between two fits.
    rounds
        How often all negatives are seen.

    Returns
    -------
    Machine
        Whose `cache` says how many negatives were held at each fit.
    """
    checks.whole_number("chunk", chunk, 1, "Look at one negative at least.")
    checks.whole_number("rounds", rounds, 1, "See the negatives once at least.")
    held = torch.zeros(len(_features("negatives", negatives)), dtype=torch.bool)
    held[:chunk] = True
    machine = fit_machine(positives, negatives[held], cost)
    sizes = [int(held.sum())]
    for part in torch.split(torch.arange(len(negatives)), chunk) * rounds:
        before = held.clone()
        held[held.clone()] = machine(negatives[held]) > EASY  # what has become easy goes
        held[part] |= machine(negatives[part]) > HARD  # inside the margin, or on the wrong side
        if torch.equal(held, before) or not held.any():
            continue
        machine = fit_machine(positives, negatives[held], cost)
        sizes.append(int(held.sum()))
    return Machine(machine.weight, machine.bias, tuple(sizes))


def _features(name: str, features: Tensor, columns: int | None = None) -> Tensor:
    checks.tensor(name, features, "N D", **({} if columns is None else {"D": columns}))
    if not features.is_floating_point() or not features.isfinite().all():
        raise ValueError(f"{name} must be floating point numbers without nan or infinity")
    if 0 in features.shape:
        raise ValueError(f"{name} has shape {tuple(features.shape)}; a plane needs vectors on both sides")
    return features
