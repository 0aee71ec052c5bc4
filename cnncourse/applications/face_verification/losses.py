"""What a siamese network is punished for: same faces that lie apart, and different ones that lie together.

contrastive  ½·D² or ½·max(0, m − D)²  (Hadsell et al. 2006)     triplet  max(0, D²ap − D²an + α)  (Schroff et al. 2015)

Chapter: `applications/face_verification`.
"""

from __future__ import annotations

import torch
from torch import Tensor

from cnncourse.workbench import checks

MARGIN = 0.2  # α of Schroff et al., for squared distances of unit vectors
MININGS = ("random", "semi-hard")


def squared_distances(vectors: Tensor) -> Tensor:
    """All squared Euclidean distances (N, N) between the rows of `vectors` (N, D); exactly 0 on the diagonal."""
    checks.tensor("vectors", vectors, "N D")
    squares = (vectors * vectors).sum(dim=1)
    distances = (squares[:, None] - 2 * vectors @ vectors.T + squares[None]).clamp(min=0)
    return distances * ~torch.eye(len(vectors), dtype=torch.bool, device=vectors.device)


def contrastive_loss(first: Tensor, second: Tensor, same: Tensor, margin: float = 1.0) -> Tensor:
    """Mean over pairs of ½·D² for the same person, and of ½·max(0, margin − D)² for different ones.

    Parameters
    ----------
    first, second
        Embeddings (N, D) of the two pictures of each pair.
    same
        Whether they show the same person, bool (N,).
    margin
        Distance from which on different persons are left alone. It has the scale of the embedding.

    Returns
    -------
    Tensor
        A scalar, 0 for no pairs. The gradient is 0, not nan, where a pair lies on one point.
    """
    checks.tensor("first", first, "N D")
    checks.tensor("second", second, "N D", N=first.shape[0], D=first.shape[1])
    checks.tensor("same", same, "N", N=first.shape[0])
    checks.number("margin", margin, 0)
    squares = ((first - second) ** 2).sum(dim=1)
    apart = torch.where(squares > 0, squares, torch.ones_like(squares)).sqrt() * (squares > 0)
    losses = 0.5 * torch.where(same.bool(), squares, (margin - apart).clamp(min=0) ** 2)
    return losses.sum() / max(1, len(losses))


def triplet_loss(anchor: Tensor, positive: Tensor, negative: Tensor, margin: float = MARGIN) -> Tensor:
    """Mean over triplets (N, D) of max(0, ‖a − p‖² − ‖a − n‖² + margin); 0 for no triplets."""
    checks.tensor("anchor", anchor, "N D")
    for name, value in {"positive": positive, "negative": negative}.items():
        checks.tensor(name, value, "N D", N=anchor.shape[0], D=anchor.shape[1])
    checks.number("margin", margin, 0)
    near, far = ((anchor - positive) ** 2).sum(dim=1), ((anchor - negative) ** 2).sum(dim=1)
    return (near - far + margin).clamp(min=0).sum() / max(1, len(anchor))


def semi_hard_triplets(distances: Tensor, people: Tensor, margin: float = MARGIN) -> Tensor:
    """For each pair of one person the nearest stranger that is farther than the pair, but within the margin.

    Parameters
    ----------
    distances
        Squared distances (N, N) of a batch.
    people
        Who is on each picture, int64 (N,).

    Returns
    -------
    Tensor
        Indices (T, 3) of anchor, positive and negative, ordered by anchor and positive. A pair without such a
        stranger gives no triplet.
    """
    positives, strangers = _pairs(distances, people)
    checks.number("margin", margin, 0)
    anchor, positive = positives.nonzero(as_tuple=True)
    near, others = distances[anchor, positive], distances[anchor]  # (T,), (T, N)
    fits = strangers[anchor] & (others > near[:, None]) & (others < near[:, None] + margin)
    nearest = torch.where(fits, others, torch.inf).min(dim=1)
    found = nearest.values.isfinite()
    return torch.stack([anchor, positive, nearest.indices], dim=1)[found]


def random_triplets(distances: Tensor, people: Tensor, generator: torch.Generator | None = None) -> Tensor:
    """For each pair of one person any stranger: indices (T, 3), none if all pictures show one person."""
    positives, strangers = _pairs(distances, people)
    anchor, positive = positives.nonzero(as_tuple=True)
    if not len(anchor) or not strangers.any():
        return torch.zeros(0, 3, dtype=torch.int64, device=distances.device)
    dice = torch.rand(len(anchor), len(people), generator=generator).to(distances.device)
    negative = torch.where(strangers[anchor], dice, -1.0).argmax(dim=1)
    return torch.stack([anchor, positive, negative], dim=1)


def _pairs(distances: Tensor, people: Tensor) -> tuple[Tensor, Tensor]:
    """Which pairs show one person twice, and which show strangers, both bool (N, N)."""
    checks.tensor("distances", distances, "N N")
    checks.tensor("people", people, "N", N=len(distances))
    if distances.shape[0] != distances.shape[1]:
        raise ValueError(f"distances has shape {tuple(distances.shape)}; expected (N, N), one row for each picture")
    same = people[:, None] == people[None]
    itself = torch.eye(len(people), dtype=torch.bool, device=people.device)
    return same & ~itself, ~same
