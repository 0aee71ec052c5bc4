"""Box regression: from what the network sees of a proposal, guess the four targets that lead to the object.

W = argmin Σ (t − W·φ(P))² + λ‖W‖²  =  (ΦᵀΦ + λI)⁻¹ Φᵀ T        the bias is not punished
Paper: Girshick et al. 2014, appendix C (λ = 1000, for proposals with IoU > 0.6).

Chapter: `applications/rcnn`.
"""

from __future__ import annotations

import torch
from torch import Tensor

from cnncourse.workbench import checks


def fit_ridge(features: Tensor, targets: Tensor, penalty: float = 1000.0) -> tuple[Tensor, Tensor]:
    """Regression with a penalty on large weights, in closed form.

    Parameters
    ----------
    features, targets
        (N, D) and (N, T), row by row, at least one.
    penalty
        λ, positive.

    Returns
    -------
    weight, bias
        (D, T) and (T,), float32: targets are about ``features @ weight + bias``.

    Raises
    ------
    TypeError, ValueError
        If a tensor is not as said, or holds nan or infinity.
    """
    checks.tensor("features", features, "N D")
    checks.tensor("targets", targets, "N T", N=len(features))
    for name, value in (("features", features), ("targets", targets)):
        if not value.is_floating_point() or not value.isfinite().all():
            raise ValueError(f"{name} must be floating point numbers without nan or infinity")
    if 0 in features.shape or 0 in targets.shape:
        raise ValueError(f"features has shape {tuple(features.shape)}; give one proposal at least")
    checks.number("penalty", penalty, 1e-12)
    x, t = features.double(), targets.double()
    x_mean, t_mean = x.mean(dim=0), t.mean(dim=0)
    x, t = x - x_mean, t - t_mean
    square = x.T @ x + penalty * torch.eye(x.shape[1], dtype=x.dtype, device=x.device)
    weight = torch.linalg.solve(square, x.T @ t)
    return weight.float(), (t_mean - x_mean @ weight).float()
