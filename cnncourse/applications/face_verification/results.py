"""What the trainings of this chapter gave: the embeddings that come with the course, and the numbers of every run.

Chapter: `applications/face_verification`.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from statistics import fmean, stdev
from typing import Any

import torch

from cnncourse.applications.face_verification.embedding import FaceEmbedding

WEIGHTS = Path(__file__).parents[1] / "weights"
EVEN = 0.5  # share of the second group in the training set
UNEVEN = 0.05
MEASURES = ("accuracy", "standard_error", "equal_error_rate", "tar_at_one_percent")


def pretrained(uneven: bool = False) -> FaceEmbedding:
    """The embedding that comes with the course, from semi-hard triplets and seed 0.

    Parameters
    ----------
    uneven
        The one whose training set had only one person in twenty from the second group.
    """
    network = FaceEmbedding()
    path = WEIGHTS / ("face_verification_uneven.pt" if uneven else "face_verification.pt")
    state = torch.load(path, map_location="cpu", weights_only=True)
    network.load_state_dict({key: v.float() if v.is_floating_point() else v for key, v in state.items()})
    return network.eval().requires_grad_(False)


@cache
def measured() -> dict[str, Any]:
    """The log that comes with the weights."""
    log: dict[str, Any] = json.loads((WEIGHTS / "face_verification.json").read_text(encoding="utf-8"))
    return log


def result(
    loss: str = "semi-hard triplets",
    measure: str = "accuracy",
    group: str = "all",
    coast: float = EVEN,
    seed: int | None = None,
) -> float:
    """One number of the log: of one seed, or the mean over all.

    Raises
    ------
    ValueError
        If that was not measured.
    """
    values = _values(loss, measure, group, coast)
    if seed is None:
        return fmean(values)
    if not 0 <= seed < len(values):
        raise ValueError(f"seed is {seed}; the seeds are 0 to {len(values) - 1}")
    return values[seed]


def spread(
    loss: str = "semi-hard triplets", measure: str = "accuracy", group: str = "all", coast: float = EVEN
) -> float:
    """Standard deviation of one number of the log over the seeds."""
    return stdev(_values(loss, measure, group, coast))


def uneven_share() -> float:
    """Share of the second group in the uneven training set."""
    return UNEVEN


def lost_by_coast() -> float:
    """Points of accuracy that the uneven training set costs the second group, mean over the seeds."""
    return 100 * (result(group="coast") - result(group="coast", coast=UNEVEN))


def of_pixels(measure: str = "accuracy", group: str = "all") -> float:
    """The same for the pixels themselves, without any network."""
    return float(measured()["pixels"][group][measure])


def on_photographs(vectors: str = "drawn", measure: str = "accuracy") -> float:
    """On the ORL faces, mean over the seeds: `vectors` is ``"pixels"``, ``"drawn"`` or ``"photographs"``.

    The last is an embedding trained on half of the 40 people; all are tested on the other half.

    Raises
    ------
    ValueError
        If that was not measured.
    """
    rows = measured()["photographs"]
    if not rows or vectors not in rows[0] or vectors == "seed" or measure not in MEASURES:
        raise ValueError(f"{vectors!r}, {measure!r} was not measured on photographs")
    return fmean(row[vectors][measure] for row in rows)


def _values(loss: str, measure: str, group: str, coast: float) -> list[float]:
    runs = [row for row in measured()["runs"] if (row["loss"], row["coast"]) == (loss, coast)]
    if not runs or group not in runs[0]["measured"] or measure not in MEASURES:
        raise ValueError(f"{loss!r} with {coast} from the coast, {measure!r} of {group!r}: that was not measured")
    return [row["measured"][group][measure] for row in runs]
