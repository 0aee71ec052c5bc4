"""The four losses of Faster R-CNN, each a function of what the network said and of what it should have said.

smooth L1(d) = d²/(2β) for |d| < β, |d| − β/2 elsewhere (Girshick 2015, equation 3; Ren et al. 2015, equation 1)

Chapter: `applications/faster_rcnn`.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from cnncourse.workbench import checks

BACKGROUND_CLASS = 0  # the classifier's first column; object class k has the column k + 1


def smooth_l1(difference: Tensor, beta: float = 1.0) -> Tensor:
    """A parabola near zero and straight lines outside, element by element.

    Parameters
    ----------
    difference
        Any shape.
    beta
        Where the parabola ends; value and slope go on without a jump. 0 gives the absolute value.
    """
    checks.number("beta", beta, 0)
    size = difference.abs()
    if beta == 0:
        return size
    return torch.where(size < beta, size**2 / (2 * beta), size - beta / 2)


def loss_objectness(logits: Tensor, positive: Tensor) -> Tensor:
    """Is there an object at this anchor, of whichever class? Logistic loss, the mean over the sampled anchors.

    Parameters
    ----------
    logits
        (S,), of the anchors that were sampled.
    positive
        (S,), bool, or numbers 0 and 1.

    Notes
    -----
    The paper's softmax over two numbers is the same function of their difference.
    """
    checks.tensor("logits", logits, "S")
    checks.tensor("positive", positive, "S", S=len(logits))
    if len(logits) == 0:
        return logits.sum()
    target = positive.to(logits.dtype)
    return (F.softplus(logits) - target * logits).mean()  # −log σ(z) = softplus(z) − z


def loss_rpn_box_reg(moves: Tensor, targets: Tensor, counted: int, beta: float = 1 / 9) -> Tensor:
    """How far positive anchors are from their objects: smooth L1, summed, over the number of sampled anchors.

    Parameters
    ----------
    moves, targets
        (P, 4) as (tx, ty, tw, th), of the positive anchors alone; background has no box to move to.
    counted
        How many anchors were sampled, background too. The paper divides by the number of positions, about 2,400,
        and multiplies with λ = 10, which comes to nearly the same as dividing by its 256 sampled anchors.
    beta
        As in `smooth_l1`.
    """
    _moves(moves, targets)
    checks.whole_number("counted", counted, 0, "Count the sampled anchors.")
    return smooth_l1(moves - targets, beta).sum() / max(1, counted)


def loss_classifier(logits: Tensor, labels: Tensor) -> Tensor:
    """Which class is in this region? Cross-entropy, the mean over the sampled regions.

    Parameters
    ----------
    logits
        (R, classes + 1); column 0 is the background.
    labels
        int64 (R,), 0 for the background and class + 1 for objects.
    """
    checks.tensor("logits", logits, "R columns")
    _labels(labels, len(logits), logits.shape[1])
    if len(logits) == 0:
        return logits.sum()
    right = logits.gather(1, labels[:, None])[:, 0]
    return (logits.logsumexp(dim=1) - right).mean()


def loss_box_reg(moves: Tensor, targets: Tensor, labels: Tensor, beta: float = 1.0) -> Tensor:
    """How far regions are from their objects: smooth L1 of the moves of the right class, over all sampled regions.

    Parameters
    ----------
    moves
        (R, classes, 4): each class has its own opinion, and only that of the true class is taught.
    targets
        (R, 4); rows of the background do not count.
    labels
        int64 (R,), 0 for the background and class + 1 for objects.
    beta
        As in `smooth_l1`.
    """
    checks.tensor("moves", moves, "R classes 4", **{"4": 4})
    checks.tensor("targets", targets, "R 4", R=len(moves), **{"4": 4})
    _labels(labels, len(moves), moves.shape[1] + 1)
    (objects,) = torch.where(labels != BACKGROUND_CLASS)
    chosen = moves[objects, labels[objects] - 1]  # (P, 4)
    return smooth_l1(chosen - targets[objects], beta).sum() / max(1, len(moves))


def _moves(moves: Tensor, targets: Tensor) -> None:
    checks.tensor("moves", moves, "P 4", **{"4": 4})
    checks.tensor("targets", targets, "P 4", P=len(moves), **{"4": 4})


def _labels(labels: Tensor, number: int, columns: int) -> None:
    checks.tensor("labels", labels, "R", R=number)
    if labels.dtype != torch.int64:
        raise TypeError(f"labels have dtype {labels.dtype}; they count classes, as int64. Convert them with `.long()`")
    if not ((labels >= 0) & (labels < columns)).all():
        raise ValueError(
            f"labels must lie from 0, the background, to {columns - 1}; found {sorted(set(labels.tolist()))}"
        )
