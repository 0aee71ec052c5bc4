"""Bootstrapped cross-entropy: only the K pixels of each picture that the network gets most wrong teach it.

−(1/K) Σ [p(y) < t_K] log p(y), with t_K such that K pixels count (Pohlen et al. 2017, section 4; Wu et al. 2016).

Chapter: `applications/frrn`.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from cnncourse.workbench import checks

IGNORE = 255


def bootstrapped_cross_entropy(scores: Tensor, truth: Tensor, k: int, ignore: int = IGNORE) -> Tensor:
    """Mean cross-entropy over the `k` hardest pixels of each picture, then over the pictures.

    Among pixels of equal loss it does not matter which are taken. A picture with fewer than `k` pixels that count
    gives the mean over those it has; a picture without any is left out, and a batch of such pictures costs 0.

    Parameters
    ----------
    scores
        Class scores before the softmax, floating point (N, classes, H, W).
    truth
        Class of every pixel, int64 (N, H, W).
    k
        Pixels of each picture that count.
    ignore
        A label of `truth` whose pixels never count.

    Returns
    -------
    Tensor
        A scalar to call `backward` on.

    Raises
    ------
    TypeError, ValueError
        If the shapes or types do not fit, or a label is no class.
    """
    checks.whole_number("k", k, 1, "One pixel at least must teach.")
    losses = pixel_losses(scores, truth, ignore).flatten(start_dim=1)
    counted = (truth != ignore).flatten(start_dim=1)
    hardest = losses.masked_fill(~counted, -1.0).topk(min(k, losses.shape[1]), dim=1)
    numbers = counted.sum(dim=1).clamp(max=k)
    sums = hardest.values.clamp(min=0).sum(dim=1)  # ignored pixels come last, at -1
    means = sums / numbers.clamp(min=1)
    return means.sum() / (numbers > 0).sum().clamp(min=1)


def hardest_pixels(scores: Tensor, truth: Tensor, k: int, ignore: int = IGNORE) -> Tensor:
    """Where the `k` hardest pixels of each picture are, bool (N, H, W); of equals the first ones."""
    checks.whole_number("k", k, 1, "One pixel at least must teach.")
    losses = pixel_losses(scores, truth, ignore).detach().flatten(start_dim=1)
    counted = (truth != ignore).flatten(start_dim=1)
    order = losses.masked_fill(~counted, -1.0).sort(dim=1, descending=True, stable=True).indices[:, :k]
    chosen = torch.zeros_like(counted).scatter_(1, order, True) & counted
    return chosen.view_as(truth)


def pixel_losses(scores: Tensor, truth: Tensor, ignore: int = IGNORE) -> Tensor:
    """Cross-entropy of every pixel, (N, H, W); 0 where it is ignored."""
    checks.tensor("scores", scores, "N classes H W")
    number, classes, height, width = scores.shape
    if not scores.is_floating_point():
        raise TypeError(f"scores hold {scores.dtype}; they must be floating point numbers")
    checks.tensor("truth", truth, "N H W", N=number, H=height, W=width)
    if truth.dtype != torch.int64:
        raise TypeError(f"truth holds {truth.dtype}; classes of pixels are int64: use `.long()`")
    if truth.numel() == 0 or classes == 0:
        raise ValueError(f"scores have shape {tuple(scores.shape)}; there is no pixel or no class to learn from")
    checks.whole_number("ignore", ignore, -(2**63), "It is a label, such as 255.")
    wrong = truth[((truth < 0) | (truth >= classes)) & (truth != ignore)]
    if len(wrong):
        raise ValueError(
            f"truth has the label {int(wrong[0])}; classes are 0 to {classes - 1}, and {ignore} is ignored"
        )
    return F.cross_entropy(scores, truth, ignore_index=ignore, reduction="none")
