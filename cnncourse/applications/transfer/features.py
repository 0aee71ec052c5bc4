"""What a network computes up to one of its layers, as a table: one row a picture, one column a feature.

The last layer knows the old classes; everything below it can serve new ones (Donahue et al. 2014).

Chapter: `applications/transfer`.
"""

from __future__ import annotations

import hashlib
import os
import pickle
from collections.abc import Iterable
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from cnncourse.models import Network, activations
from cnncourse.workbench import checks, predict
from cnncourse.workbench.training import Samples


def features(
    network: Network,
    samples: Samples,
    layers: Iterable[str],
    *,
    grid: int = 1,
    batch_size: int = 64,
    cache: Path | None = None,
) -> dict[str, Tensor]:
    """The features of all samples at each named layer, from a single pass through the network.

    The network computes in evaluation mode without gradients and is left as it was.

    Parameters
    ----------
    network
        What computes them; it is not trained.
    samples
        What it sees, for example `LabelledImages.prepared`.
    layers
        Keys of `network.places`, or names of modules.
    grid
        Maps are averaged in `grid` × `grid` fields; 1 keeps no places at all.
    batch_size
        Samples in one pass.
    cache
        A folder. Features that were computed before, from the same weights, pixels and layers, are read from it.

    Returns
    -------
    dict
        For each layer float32 (N, D), where D is channels · grid², on the CPU.

    Raises
    ------
    ValueError
        If there are no layers or no such layer, no samples, or a number is out of range.
    """
    names = _names(layers)
    checks.whole_number("grid", grid, 1, "1 averages over the whole map.")
    checks.whole_number("batch_size", batch_size, 1, "A batch has at least one sample.")
    if len(samples) == 0:
        raise ValueError("there are no samples to compute features of")
    if cache is None:
        return _computed(network, samples, names, grid, batch_size)
    place = Path(cache) / f"{_fingerprint(network, samples, names, grid, batch_size)}.pt"
    known = _read(place)
    if known is None:
        known = _computed(network, samples, names, grid, batch_size)
        _write(known, place)
    return known


def vectors(maps: Tensor, grid: int = 1) -> Tensor:
    """One row for each picture: maps (N, C, H, W) averaged in `grid` × `grid` fields, (N, C·grid²).

    What has no places, (N, D), stays as it is.

    Raises
    ------
    ValueError
        If it has other axes, or the grid is not a positive whole number.
    """
    checks.whole_number("grid", grid, 1, "1 averages over the whole map.")
    if isinstance(maps, Tensor) and maps.dim() == 2:
        return maps
    checks.tensor("maps", maps, "N C H W")
    return F.adaptive_avg_pool2d(maps, grid).flatten(1)


def standardized(training: Tensor, *others: Tensor) -> tuple[Tensor, ...]:
    """All tables with the mean of `training` taken away, divided by its standard deviation, column by column.

    The other tables do not take part in the statistics: what is tested with must not be known before. A column that
    is constant in `training` is only shifted.

    Parameters
    ----------
    training, *others
        (N, D), each with its own N.

    Returns
    -------
    tuple
        As many tables as were given, in their order.

    Raises
    ------
    ValueError
        If a table has another number of columns, or `training` no row.
    """
    checks.tensor("training", training, "N D")
    if len(training) == 0:
        raise ValueError("training has no rows; there is nothing to take a mean of")
    for other in others:
        checks.tensor("each other table", other, "N D", D=training.shape[1])
    mean, std = training.mean(dim=0), training.std(dim=0, correction=0)
    still = std <= 1e-6 * mean.abs().clamp(min=1e-12)
    scale = torch.where(still, torch.ones_like(std), std)
    return tuple((table - mean) / scale for table in (training, *others))


class _Tap(nn.Module):
    """A network whose output is the features of several layers, side by side."""

    def __init__(self, network: Network, names: list[str], grid: int) -> None:
        super().__init__()
        self.network, self.names, self.grid = network, names, grid
        self.widths: list[int] = []

    def forward(self, images: Tensor) -> Tensor:
        found = activations(self.network, images.contiguous(memory_format=torch.channels_last), self.names)
        columns = [vectors(found[name], self.grid) for name in self.names]
        self.widths = [one.shape[1] for one in columns]
        return torch.cat(columns, dim=1)


def _computed(network: Network, samples: Samples, names: list[str], grid: int, batch_size: int) -> dict[str, Tensor]:
    modes = {module: module.training for module in network.modules()}
    tap = _Tap(network, names, grid)
    try:
        table = predict(tap, samples, batch_size).clone()
    finally:
        for module, mode in modes.items():
            module.training = mode
    return dict(zip(names, torch.split(table, tap.widths, dim=1), strict=True))


def _names(layers: Iterable[str]) -> list[str]:
    names = [layers] if isinstance(layers, str) else list(layers)
    if not names or not all(isinstance(name, str) for name in names):
        raise ValueError(f"layers is {layers!r}; name at least one place of the network")
    return list(dict.fromkeys(names))


def _fingerprint(network: Network, samples: Samples, names: list[str], grid: int, batch_size: int) -> str:
    """A name for these features: another weight, pixel, layer or version of torch gives another one."""
    known = hashlib.sha256(f"{torch.__version__} {network!r} {names} {grid}".encode())
    for name, value in network.state_dict().items():
        known.update(name.encode() + _bytes(value))
    for index in torch.split(torch.arange(len(samples)), batch_size):
        known.update(_bytes(samples.batch(index)[0]))
    return known.hexdigest()[:32]


def _bytes(values: Tensor) -> bytes:
    return values.detach().cpu().contiguous().numpy().tobytes()


def _read(place: Path) -> dict[str, Tensor] | None:
    try:
        known: dict[str, Tensor] = torch.load(place, weights_only=True)
    except (OSError, RuntimeError, EOFError, ValueError, pickle.UnpicklingError):  # absent, or half a file
        return None
    return known


def _write(known: dict[str, Tensor], place: Path) -> None:
    """Write beside the place and move it there, so that a kill never leaves half a file."""
    place.parent.mkdir(parents=True, exist_ok=True)
    part = place.with_suffix(f".{os.getpid()}.part")
    torch.save({name: table.clone() for name, table in known.items()}, part)
    part.replace(place)
