r"""A linear classifier on features: multinomial logistic regression with a penalty on large weights.

.. math:: \min_{W, b} \sum_n -\log \mathrm{softmax}(W x_n + b)_{y_n} + \tfrac{\lambda}{2} \lVert W \rVert^2

Chapter: `applications/transfer`.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from cnncourse.workbench import checks


@dataclass(frozen=True)
class LinearClassifier:
    """One row of weights and one bias for each class: `weight` (classes, D), `bias` (classes,)."""

    weight: Tensor
    bias: Tensor

    def logits(self, features: Tensor) -> Tensor:
        """(N, D) → (N, classes)."""
        checks.tensor("features", features, "N D", D=self.weight.shape[1])
        return features.to(self.weight.dtype) @ self.weight.T + self.bias

    def predict(self, features: Tensor) -> Tensor:
        """The most probable class of each row, (N,)."""
        return self.logits(features).argmax(dim=1)

    def accuracy(self, features: Tensor, labels: Tensor) -> float:
        """Share of rows whose most probable class is their label."""
        checks.tensor("labels", labels, "N", N=len(features))
        return float((self.predict(features) == labels).double().mean())


def fit_linear(features: Tensor, labels: Tensor, classes: int | None = None, penalty: float = 1.0) -> LinearClassifier:
    """Fit a classifier to features (N, D) and labels (N,), to the bottom of its convex loss, in double precision.

    scikit-learn's `LogisticRegression(C=1 / penalty)` minimizes the same sum. The bias is not penalized.

    Parameters
    ----------
    features
        (N, D), better standardized: one penalty has to fit all columns.
    labels
        int64 (N,), from 0.
    classes
        How many there are; without it the largest label decides.
    penalty
        λ. The fewer pictures, the more it decides.

    Raises
    ------
    ValueError
        If shapes do not fit, a label is not a class, or the penalty is not positive.
    """
    checks.tensor("features", features, "N D")
    number = _classes(labels, classes, len(features))
    if isinstance(penalty, bool) or not isinstance(penalty, int | float) or not 0 < penalty < float("inf"):
        raise ValueError(
            f"penalty is {penalty!r}; it must be a positive number, because without it weights can grow forever"
        )
    table = features.detach().double()
    if not table.isfinite().all():
        raise ValueError("features hold values that are not finite (nan or inf)")
    data, scale, directions = _rounded(table, penalty)
    weight = table.new_zeros(number, len(scale), requires_grad=True)
    bias = table.new_zeros(number, requires_grad=True)
    optimizer = torch.optim.LBFGS(
        [weight, bias],
        max_iter=1000,
        tolerance_grad=1e-7,
        tolerance_change=1e-14,
        history_size=20,
        line_search_fn="strong_wolfe",
    )

    def loss() -> Tensor:
        optimizer.zero_grad()
        fit = F.cross_entropy(data @ weight.T + bias, labels, reduction="sum")
        value = fit + penalty / 2 * (weight / scale).square().sum()
        value.backward()  # type: ignore[no-untyped-call]
        return value

    with torch.enable_grad():
        optimizer.step(loss)  # type: ignore[no-untyped-call]
    return LinearClassifier(weight.detach() / scale @ directions, bias.detach())


def _rounded(table: Tensor, penalty: float) -> tuple[Tensor, Tensor, Tensor]:
    """The same problem in the directions of the data, (N, r), each scaled so that the valley's floor is round.

    The best weights lie in the span of the rows, so that r ≤ N numbers are enough for each class, however many
    features there are. In a direction with singular value s, a loss whose rows are nearly sure is curved by about
    s²/50 + λ.
    """
    left, values, directions = torch.linalg.svd(table, full_matrices=False)
    scale = (values.square() / 50 + penalty).sqrt()
    return left * values / scale, scale, directions


def nearest_mean(features: Tensor, labels: Tensor, classes: int | None = None) -> LinearClassifier:
    """The classifier that chooses the class whose mean feature is nearest; it has nothing to fit, and is linear.

    ‖x − m‖² = ‖x‖² − 2 (m·x − ‖m‖²/2), and the first term is the same for all classes.

    Raises
    ------
    ValueError
        If a class has no row.
    """
    checks.tensor("features", features, "N D")
    number = _classes(labels, classes, len(features))
    members = F.one_hot(labels, number).T.double()  # [classes, N]
    counts = members.sum(dim=1, keepdim=True)
    if not (counts > 0).all():
        raise ValueError(f"class {int(counts.flatten().argmin())} has no picture; a mean needs at least one")
    means = members @ features.detach().double() / counts
    return LinearClassifier(means, -means.square().sum(dim=1) / 2)


def _classes(labels: Tensor, classes: int | None, rows: int) -> int:
    checks.tensor("labels", labels, "N", N=rows)
    if labels.dtype != torch.int64:
        raise ValueError(f"labels have dtype {labels.dtype}; expected torch.int64, classes counted from 0")
    if rows == 0:
        raise ValueError("there are no rows to learn from")
    number = int(labels.max()) + 1 if classes is None else checks.whole_number("classes", classes, 1, "Count them.")
    if int(labels.min()) < 0 or int(labels.max()) >= number:
        raise ValueError(f"labels go from {int(labels.min())} to {int(labels.max())}, but there are {number} classes")
    return number
