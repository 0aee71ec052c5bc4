"""The occluder: where it can be, what it covers with, and the answers of a network to one covered picture each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from cnncourse.layers.stride_arithmetic import output_size
from cnncourse.visualization.taps import locate
from cnncourse.workbench import checks, run_in_batches

Fill = float | Sequence[float] | Tensor | str
Pair = int | tuple[int, int]
_PATCH = "It is the occluder's size in pixels, one number or (height, width)."
_STRIDE = "It is the occluder's step in pixels, one number or (down, right)."


def places(size: int, patch: int, stride: int = 1, ceil_mode: bool = False) -> tuple[int, ...]:
    """First pixels that the occluder covers along one axis: 0, S, 2S, … as long as it fits, as for a kernel.

    With `ceil_mode`, a last place where it hangs over the end, so that no pixel remains uncovered.
    """
    checks.whole_number("patch", patch, 1, _PATCH)
    checks.whole_number("stride", stride, 1, _STRIDE)
    checks.whole_number("size", size, 1, "Pass the number of pixels along the axis.")
    if patch > size:
        raise ValueError(f"patch is {patch}, but the picture has only {size} pixels along this axis")
    return tuple(stride * place for place in range(output_size(size, patch, stride, ceil_mode=ceil_mode)))


def colour(image: Tensor, fill: Fill) -> Tensor:
    """What the occluder is painted with, (C, 1, 1): a number, one for each channel, or ``"mean"`` of the picture."""
    channels = image.shape[-3]
    if isinstance(fill, str):
        if fill != "mean":
            raise ValueError(f"fill is {fill!r}; give a number, {channels} numbers, or 'mean'")
        return image.mean(dim=(-2, -1)).reshape(channels, 1, 1)
    try:
        values = torch.as_tensor(fill, dtype=image.dtype, device=image.device).detach().flatten()
    except (TypeError, ValueError, RuntimeError, OverflowError) as error:
        raise ValueError(f"fill is {fill!r}; give a number, {channels} numbers, or 'mean'") from error
    if len(values) not in (1, channels):
        raise ValueError(f"fill has {len(values)} values; give one, or one for each of the {channels} channels")
    if not values.isfinite().all():
        raise ValueError(f"fill is {fill!r}; it must be finite")
    return values.expand(channels).reshape(channels, 1, 1)


def occlude(image: Tensor, row: int, column: int, patch: Pair, fill: Fill = 0.0) -> Tensor:
    """A copy of the picture (C, H, W) with a patch painted over, its first pixel at (`row`, `column`).

    Parameters
    ----------
    image
        Floating point, in the units of `fill`: for a normalised picture 0 is the mean colour of the data, not black.
    patch
        Size in pixels, one number or (height, width); what leaves the picture is cut off.
    fill
        A number, one for each channel, or ``"mean"`` for the mean colour of this picture.

    Raises
    ------
    TypeError, ValueError
        If it is no picture, or the first pixel is not in it.
    """
    checks.tensor("image", image, "C H W")
    if not image.is_floating_point():
        raise TypeError(f"image has dtype {image.dtype}; convert it to floating point first")
    height, width = checks.pair("patch", patch, 1, _PATCH)
    for name, value, length in (("row", row, image.shape[1]), ("column", column, image.shape[2])):
        if checks.whole_number(name, value, 0, "It is the first covered pixel, counted from 0.") >= length:
            raise ValueError(f"{name} is {value}, but the picture has only {length} pixels in that direction")
    covered = image.clone()
    covered[:, row : row + height, column : column + width] = colour(image, fill)
    return covered


@dataclass(frozen=True)
class Slide:
    """An occluder on its way over one picture: its places, its size and its colour."""

    image: Tensor  # (C, H, W), on the network's device
    rows: tuple[int, ...]
    columns: tuple[int, ...]
    patch: tuple[int, int]
    paint: Tensor  # (C, 1, 1)

    @classmethod
    def over(cls, image: Tensor, patch: Pair, stride: Pair, fill: Fill, ceil_mode: bool) -> Slide:
        """The way over an image (C, H, W)."""
        sizes, steps = checks.pair("patch", patch, 1, _PATCH), checks.pair("stride", stride, 1, _STRIDE)
        rows, columns = (
            places(length, size, step, ceil_mode)
            for length, size, step in zip(image.shape[1:], sizes, steps, strict=True)
        )
        return cls(image, rows, columns, sizes, colour(image, fill))

    def grid(self) -> Tensor:
        """Number of the row and of the column of every place, (rows · columns, 2)."""
        return torch.cartesian_prod(torch.arange(len(self.rows)), torch.arange(len(self.columns))).reshape(-1, 2)

    def covered(self, numbers: Tensor) -> Tensor:
        """The covered pictures at some numbers of `grid`, (n, C, H, W)."""
        pictures = self.image.repeat(len(numbers), 1, 1, 1)
        height, width = self.patch
        for picture, (row, column) in zip(pictures, numbers.tolist(), strict=True):
            top, left = self.rows[row], self.columns[column]
            picture[:, top : top + height, left : left + width] = self.paint
        return pictures


Watch = tuple[str, int] | None


def naive_answers(network: nn.Module, slide: Slide, watch: Watch, batch_size: int) -> Tensor:
    """Logits, and the activity of the watched channel where there is one, for every place: (places, K [+ 1])."""

    def answer(numbers: Tensor) -> Tensor:
        return logits_and_activity(network, slide.covered(numbers), watch)

    with torch.no_grad():
        return run_in_batches(answer, slide.grid(), batch_size)


def logits_and_activity(network: nn.Module, batch: Tensor, watch: Watch) -> Tensor:
    """One run of the network: logits (n, K), with the activity of the watched channel as a last column."""
    noted: list[Tensor] = []
    if watch is None:
        return checked_logits(network(batch), len(batch))
    layer, channel = watch

    def note(_module: nn.Module, _inputs: object, output: object) -> None:
        noted.append(activity(output, layer, channel))  # at once: a ReLU that works in place comes next

    handle = locate(network, layer)[1].register_forward_hook(note)
    try:
        logits = checked_logits(network(batch), len(batch))
    finally:
        handle.remove()
    if len(noted) != 1:
        raise ValueError(f"{layer!r} was used {len(noted)} times when the network ran; once is needed")
    return torch.cat([logits, noted[0][:, None]], dim=1)


def activity(maps: object, layer: str, channel: int) -> Tensor:
    """Sum of the positive values of one channel, (n, C, h, w) → (n,)."""
    if not isinstance(maps, Tensor) or maps.dim() != 4:
        shape = tuple(maps.shape) if isinstance(maps, Tensor) else type(maps).__name__
        raise ValueError(f"{layer!r} returns {shape}; maps (N, C, H, W) are needed")
    checks.whole_number("channel", channel, 0, f"The layer has {maps.shape[1]} channels, counted from 0.")
    if channel >= maps.shape[1]:
        raise ValueError(f"channel is {channel}; {layer!r} has {maps.shape[1]}, counted from 0")
    return maps[:, channel].clamp(min=0).sum(dim=(1, 2))


def checked_logits(output: object, number: int) -> Tensor:
    """`output` if it is logits (n, K)."""
    if not isinstance(output, Tensor) or output.dim() != 2 or len(output) != number:
        shape = tuple(output.shape) if isinstance(output, Tensor) else type(output).__name__
        raise ValueError(f"the network returns {shape}; logits (N, classes) are needed")
    return output
