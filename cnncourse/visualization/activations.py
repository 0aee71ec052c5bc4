"""What do the layers compute, and which pictures excite a channel most? Looked up, over a whole data set.

strongest pictures of channel c:  those n with the largest max over (y, x) of A[n, c, y, x]
(Zeiler & Fergus 2014, section 4); the patch of a picture is what its strongest unit can see.

Chapter: `visualization/activations`.
"""

from __future__ import annotations

import math
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
    whole_field: bool = False,
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
    whole_field
        Look only at units whose whole receptive field lies in the picture, if there are any.

    Returns
    -------
    list
        For each channel its pictures, the strongest first; of equals, the earlier one.

    Raises
    ------
    TypeError, ValueError
        If layer or channel do not exist, a number is out of range, or there are no pictures.
    """
    found = strongest_in_layers(network, images, [layer], count, batch_size, whole_field)[layer]
    return found if channels is None else [found[channel] for channel in _channels(len(found), list(channels))]


def strongest_in_layers(
    network: nn.Module,
    images: Tensor | Batches,
    layers: Sequence[str],
    count: int = 9,
    batch_size: int = 64,
    whole_field: bool = False,
) -> dict[str, list[list[Strongest]]]:
    """`strongest` for all channels of several layers, by name, in one run through the data set."""
    checks.whole_number("count", count, 1, "Ask for at least one picture.")
    names = list(dict.fromkeys(layers))
    best: Tensor | None = None  # (channels of all layers, ≤ count, 3): value, place in the map, picture
    seen: list[_Seen] = []
    for start, batch in _batches(images, batch_size):
        seen = seen or [_Seen.by(network, batch[:1], name, whole_field) for name in names]
        peaks = run_in_batches(lambda part: _peaks(network, part, seen), batch, batch_size).transpose(0, 1)  # noqa: B023
        numbers = torch.arange(start, start + len(batch), dtype=torch.float64).expand(len(peaks), -1)
        rows = torch.cat([peaks, numbers[..., None]], dim=2)
        rows = rows if best is None else torch.cat([best, rows], dim=1)
        order = rows[..., 0].argsort(dim=1, descending=True, stable=True)[:, :count]
        best = rows.gather(1, order[..., None].expand(-1, -1, 3))
    if best is None:
        raise ValueError("there are no pictures; give at least one")
    parts: tuple[Tensor, ...] = torch.split(best, [one.channels for one in seen])
    return {one.layer: one.places(part) for one, part in zip(seen, parts, strict=True)}


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


def _maps(network: nn.Module, images: Tensor, layers: Sequence[str]) -> dict[str, Tensor]:
    found = feature_maps(network, images, layers)
    for layer in layers:
        if layer not in found:
            raise ValueError(f"{layer!r} was not used when the network ran")
        shape = tuple(found[layer].shape)
        if len(shape) < 2 or shape[0] != len(images):
            raise ValueError(f"{layer!r} returns shape {shape}; channels are wanted, (N, C) or (N, C, H, W)")
    return found


@dataclass(frozen=True)
class _Seen:
    """A layer's number of channels and size of its map, and the units that count: first and last in each axis."""

    layer: str
    channels: int
    size: tuple[int, ...]
    window: tuple[slice, ...]

    @classmethod
    def by(cls, network: nn.Module, image: Tensor, layer: str, whole_field: bool) -> _Seen:
        maps = _maps(network, image, [layer])[layer]
        size = tuple(maps.shape[2:])
        window = (slice(None),) * len(size)
        if whole_field and len(size) == 2:
            field = field_of(network, layer, image.shape[1:])
            inside = [
                [place for place in range(units) if _fits(field, axis, place, length)]
                for axis, (units, length) in enumerate(zip(size, image.shape[2:], strict=True))
            ]
            if all(inside):
                window = tuple(slice(places[0], places[-1] + 1) for places in inside)
        return cls(layer, maps.shape[1], size, window)

    def places(self, rows: Tensor) -> list[list[Strongest]]:
        return [
            [Strongest(channel, int(index), value, _unravel(int(place), self.size)) for value, place, index in row]
            for channel, row in enumerate(rows.tolist())
        ]


def _fits(field: ReceptiveField, axis: int, place: int, length: int) -> bool:
    first, last = field.axes[axis].interval(place)
    return first >= 0 and last < length


def _peaks(network: nn.Module, images: Tensor, seen: Sequence[_Seen]) -> Tensor:
    """Largest value of each channel of each layer and where it is, float64 (n, channels of all layers, 2)."""
    found = _maps(network, images, [one.layer for one in seen])
    peaks = []
    for one in seen:
        numbers = torch.arange(math.prod(one.size)).reshape(one.size)[one.window].reshape(-1)
        part = found[one.layer][(slice(None), slice(None), *one.window)]
        values, places = part.reshape(*part.shape[:2], -1).max(dim=2)
        peaks.append(torch.stack([values.cpu().double(), numbers[places.cpu()].double()], dim=2))
    return torch.cat(peaks, dim=1)


def _positive(network: nn.Module, images: Tensor, layer: str) -> Tensor:
    positive = (_maps(network, images, [layer])[layer] > 0).cpu().double()
    return positive.reshape(*positive.shape[:2], -1).mean(dim=2)


def _channels(number: int, chosen: list[int]) -> list[int]:
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
