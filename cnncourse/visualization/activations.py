"""What do the layers compute, and which pictures excite a channel most? Looked up, over a whole data set.

strongest pictures of channel c:  those n with the largest max over (y, x) of A[n, c, y, x]
(Zeiler & Fergus 2014, section 4); the patch of a picture is what its strongest unit can see.

Chapter: `visualization/activations`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor, nn

from cnncourse.layers.receptive_field import ReceptiveField, receptive_field
from cnncourse.visualization.taps import evaluating, locate, pictures, watching
from cnncourse.workbench import checks, run_in_batches


class Batches(Protocol):
    """Pictures that are made on demand, for example `cnncourse.data.PreparedImages`."""

    def __len__(self) -> int:
        """Number of pictures."""

    def batch(self, index: Tensor) -> tuple[Tensor, Tensor]:
        """Pictures (n, C, H, W) and labels (n,) at `index`."""


@dataclass(frozen=True)
class Strongest:
    """One of the pictures that excite a channel most, and where.

    `index` is the picture's place in the data set, `value` the activation, and `position` (row, column) of the
    strongest unit in the channel's map, or () where the layer has no map.
    """

    channel: int
    index: int
    value: float
    position: tuple[int, ...]


def feature_maps(network: nn.Module, images: Tensor, layers: Iterable[str]) -> dict[str, Tensor]:
    """What the named layers return for some pictures, in evaluation mode and without gradients.

    Parameters
    ----------
    network
        Any module that maps (N, C, H, W) to something.
    images
        (N, C, H, W), prepared as the network expects.
    layers
        Names of layers, see `taps.locate`.

    Returns
    -------
    dict
        Outputs by name, for example (N, C', H', W'), on the network's device.

    Raises
    ------
    TypeError, ValueError
        If a layer does not exist, or the pictures are none.
    """
    with torch.no_grad(), evaluating(network), watching(network, layers) as found:
        network(pictures(network, images))
    return {name: maps.detach() for name, maps in found.items()}


def strongest(
    network: nn.Module,
    images: Tensor | Batches,
    layer: str,
    channels: Sequence[int] | None = None,
    count: int = 9,
    batch_size: int = 64,
) -> list[list[Strongest]]:
    """The pictures of a data set that excite each channel of a layer most, one place in each picture.

    Parameters
    ----------
    network
        Any module.
    images
        (N, C, H, W), or a data set that makes batches on demand; only one batch is in memory at a time.
    layer
        Name of the layer.
    channels
        Which ones; all of them without it.
    count
        Pictures for each channel; fewer if there are not so many.
    batch_size
        Pictures in a batch; halved when memory runs out.

    Returns
    -------
    list
        For each channel its pictures, the strongest first; of equals, the earlier one.

    Raises
    ------
    TypeError, ValueError
        If layer or channel do not exist, a number is out of range, or there are no pictures.
    """
    checks.whole_number("count", count, 1, "Ask for at least one picture.")
    chosen = None if channels is None else list(channels)
    best: Tensor | None = None  # (channels, ≤ count, 3): value, place in the map, picture
    for start, batch in _batches(images, batch_size):
        found = run_in_batches(lambda part: _peaks(network, part, layer), batch, batch_size).transpose(0, 1)
        chosen = _channels(found.shape[0], chosen)
        numbers = torch.arange(start, start + len(batch), dtype=torch.float64).expand(len(chosen), -1)
        rows = torch.cat([found[chosen], numbers[..., None]], dim=2)
        rows = rows if best is None else torch.cat([best, rows], dim=1)
        order = rows[..., 0].argsort(dim=1, descending=True, stable=True)[:, :count]
        best = rows.gather(1, order[..., None].expand(-1, -1, 3))
    if best is None or chosen is None:
        raise ValueError("there are no pictures; give at least one")
    shape = feature_maps(network, batch[:1], [layer])[layer].shape[2:]
    return [
        [Strongest(channel, int(index), value, _unravel(int(place), shape)) for value, place, index in row]
        for channel, row in zip(chosen, best.tolist(), strict=True)
    ]


def field_of(network: nn.Module, layer: str, input_shape: Sequence[int]) -> ReceptiveField:
    """What one unit of a layer can see of a picture of shape (C, H, W); `ReceptiveField.cut` cuts it out.

    Raises
    ------
    TypeError, ValueError
        If there is no such layer, or its receptive field is not known.
    """
    path, _ = locate(network, layer)
    return receptive_field(network, input_shape).of(path)


def patches(network: nn.Module, images: Tensor, layer: str, places: Iterable[Strongest]) -> list[Tensor]:
    """Cut out of pictures what the strongest unit can see: one patch (C, h, w) each, black outside the picture.

    Parameters
    ----------
    network, layer
        As in `strongest`.
    images
        (N, C, H, W) to be cut, usually in [0, 1] for showing; `index` of each place counts them.
    places
        What `strongest` found.

    Raises
    ------
    TypeError, ValueError
        If a place is outside the pictures, or the layer's receptive field is not known.
    """
    checks.tensor("images", images, "N C H W")
    field = field_of(network, layer, images.shape[1:])
    cut = []
    for place in places:
        if not 0 <= place.index < len(images):
            raise ValueError(f"a place is in picture {place.index}, but there are {len(images)} pictures")
        whole = field.covers_everything
        cut.append(images[place.index] if whole else field.cut(images[place.index], place.position))
    return cut


def first_filters(network: nn.Module, layer: str | None = None) -> Tensor:
    """The kernels of the first convolution as pictures, (filters, C, K, K) in [0, 1]; grey is a weight of zero.

    Each filter is scaled by its largest absolute weight. Only a layer that reads pixels can be seen so: deeper
    kernels have as many channels as the layer below has maps.

    Raises
    ------
    TypeError, ValueError
        If there is no convolution, or `layer` is none.
    """
    if layer is None:
        locate(network, "")
        convolution = next((module for module in network.modules() if isinstance(module, nn.Conv2d)), None)
        if convolution is None:
            raise ValueError("the network has no nn.Conv2d; name the layer whose kernels you want to see")
    else:
        _, found = locate(network, layer)
        if not isinstance(found, nn.Conv2d):
            raise ValueError(f"{layer!r} is a {type(found).__name__}; only an nn.Conv2d has kernels to look at")
        convolution = found
    weight = convolution.weight.detach().float().cpu()
    scale = weight.abs().amax(dim=(1, 2, 3), keepdim=True).clamp(min=torch.finfo(weight.dtype).tiny)
    return (weight / scale + 1) / 2


def activity(network: nn.Module, images: Tensor | Batches, layer: str, batch_size: int = 64) -> Tensor:
    """Share of all places in all pictures at which each channel of a layer is positive, float64 (channels,).

    Raises
    ------
    TypeError, ValueError
        If the layer does not exist, or there are no pictures.
    """
    total: Tensor | None = None
    number = 0
    for _, batch in _batches(images, batch_size):
        shares = run_in_batches(lambda part: _positive(network, part, layer), batch, batch_size).sum(dim=0)
        total, number = shares if total is None else total + shares, number + len(batch)
    if total is None:
        raise ValueError("there are no pictures; give at least one")
    return total / number


def dead_filters(network: nn.Module, images: Tensor | Batches, layer: str, batch_size: int = 64) -> list[int]:
    """Channels that are positive nowhere in any of the pictures: behind a ReLU they are always zero.

    No gradient passes through such a unit, so training on these pictures cannot bring it back. Other pictures might.
    """
    return (activity(network, images, layer, batch_size) == 0).nonzero().flatten().tolist()


def _batches(images: Tensor | Batches, batch_size: int) -> Iterator[tuple[int, Tensor]]:
    checks.whole_number("batch_size", batch_size, 1, "A batch has at least one picture.")
    if isinstance(images, Tensor):
        checks.tensor("images", images, "N C H W")
    elif not (hasattr(images, "batch") and hasattr(images, "__len__")):
        raise TypeError(f"images is a {type(images).__name__}; give a tensor (N, C, H, W) or prepared images")
    for start in range(0, len(images), batch_size):
        index = torch.arange(start, min(start + batch_size, len(images)))
        yield start, images[index] if isinstance(images, Tensor) else images.batch(index)[0]


def _maps(network: nn.Module, images: Tensor, layer: str) -> Tensor:
    maps = feature_maps(network, images, [layer]).get(layer)
    if maps is None:
        raise ValueError(f"{layer!r} was not used when the network ran")
    if maps.dim() < 2 or len(maps) != len(images):
        raise ValueError(f"{layer!r} returns shape {tuple(maps.shape)}; channels are wanted, (N, C) or (N, C, H, W)")
    return maps.flatten(2) if maps.dim() > 2 else maps[..., None]


def _peaks(network: nn.Module, images: Tensor, layer: str) -> Tensor:
    """Largest value of each channel and where it is, float64 (n, channels, 2)."""
    values, places = _maps(network, images, layer).max(dim=2)
    return torch.stack([values.double().cpu(), places.double().cpu()], dim=2)


def _positive(network: nn.Module, images: Tensor, layer: str) -> Tensor:
    return (_maps(network, images, layer) > 0).double().mean(dim=2).cpu()


def _channels(number: int, chosen: list[int] | None) -> list[int]:
    if chosen is None:
        return list(range(number))
    for channel in chosen:
        checks.whole_number("channel", channel, 0, f"The layer has {number}, counted from 0.")
        if channel >= number:
            raise ValueError(f"channel is {channel}; the layer has {number}, counted from 0")
    return chosen


def _unravel(place: int, shape: Sequence[int]) -> tuple[int, ...]:
    position: tuple[int, ...] = ()
    for size in reversed(shape):
        place, remainder = divmod(place, size)
        position = (remainder, *position)
    return position
