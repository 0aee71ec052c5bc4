"""Pairs of pictures to verify, in folds that share no person, as LFW's protocol wants them (Huang et al. 2007).

Chapter: `applications/face_verification`.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from cnncourse.workbench import checks


@dataclass(frozen=True)
class Pairs:
    """`first` and `second` index pictures, `same` says whether they show one person, `fold` numbers the parts; (P,)."""

    first: Tensor
    second: Tensor
    same: Tensor
    fold: Tensor

    def __len__(self) -> int:
        return len(self.first)

    def select(self, index: Tensor) -> Pairs:
        """Some of the pairs, by index or by a mask."""
        return Pairs(self.first[index], self.second[index], self.same[index], self.fold[index])

    def distances(self, vectors: Tensor) -> Tensor:
        """Euclidean distance of each pair, from the embeddings (N, D) of all pictures."""
        checks.tensor("vectors", vectors, "N D")
        distances: Tensor = (vectors[self.first] - vectors[self.second]).norm(dim=1)
        return distances


def draw_pairs(people: Tensor, each: int = 300, folds: int = 10, seed: int = 0, groups: Tensor | None = None) -> Pairs:
    """Up to `each` pairs of one person and `each` pairs of two, in each of `folds` parts with persons of their own.

    Parameters
    ----------
    people
        Who is on each picture, int64 (N,).
    each
        Pairs of either kind in a fold. There are fewer where a fold does not have so many.
    folds
        Parts into which the persons are divided.
    seed
        Which pairs.
    groups
        If given, int64 (N,), the two of a pair are always from one group, which is the harder question.

    Raises
    ------
    ValueError
        If there are fewer persons than folds.
    """
    checks.tensor("people", people, "N")
    checks.whole_number("each", each, 1, "Ask for at least one pair of either kind.")
    checks.whole_number("folds", folds, 1, "Use 1 for no division.")
    random = torch.Generator().manual_seed(checks.whole_number("seed", seed, 0, "Any whole number will do."))
    known = people.unique()  # type: ignore[no-untyped-call]
    if len(known) < folds:
        raise ValueError(f"folds is {folds}, but there are only {len(known)} persons to divide among them")
    shuffled = known[torch.randperm(len(known), generator=random)]
    parts = [_of_fold(people, groups, members, each, random) for members in shuffled.tensor_split(folds)]
    numbered = torch.repeat_interleave(torch.arange(folds), torch.tensor([len(part) for part in parts]))
    joined = torch.cat(parts)
    return Pairs(joined[:, 0], joined[:, 1], joined[:, 2].bool(), numbered)


def _of_fold(people: Tensor, groups: Tensor | None, members: Tensor, each: int, random: torch.Generator) -> Tensor:
    """Rows (first, second, same), pairs of one person first."""
    here = torch.isin(people, members).nonzero().flatten()
    first, second = torch.combinations(here).T.reshape(2, -1)
    same = people[first] == people[second]
    allowed = torch.ones_like(same) if groups is None else groups[first] == groups[second]
    rows = torch.stack([first, second, same.long()], dim=1)
    kinds = [rows[same], rows[~same & allowed]]
    return torch.cat([kind[torch.randperm(len(kind), generator=random)[:each]] for kind in kinds])
