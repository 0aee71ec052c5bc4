"""What made training deep networks possible: initialization, normalization, dropout, and what each of them changes.

Weights of variance 2 / fan_in (He et al. 2015), x̂ = (x − μ) / √(σ² + ε) (Ioffe & Szegedy 2015), units silenced at
random (Srivastava et al. 2014). The training loop itself is `cnncourse.workbench.training`.

Chapter: `models/training`.
"""

from cnncourse.models.training.initialization import GAINS, INITIALIZATIONS, fans, glorot, he, initialize, orthogonal
from cnncourse.models.training.normalization import batch_norm, fold
from cnncourse.models.training.regularization import dropout
from cnncourse.models.training.signals import ACTIVATIONS, Signals, signals, singular_values

__all__ = [
    "ACTIVATIONS",
    "GAINS",
    "INITIALIZATIONS",
    "Signals",
    "batch_norm",
    "dropout",
    "fans",
    "fold",
    "glorot",
    "he",
    "initialize",
    "orthogonal",
    "signals",
    "singular_values",
]
