"""The answers of a network to a picture with an occluder at every place, and what is made of them."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from cnncourse.visualization.occlusion.exact import exact_answers
from cnncourse.visualization.occlusion.sliding import Fill, Pair, Slide, logits_and_activity, naive_answers
from cnncourse.visualization.taps import evaluating, locate, pictures
from cnncourse.workbench import checks

METHODS = ("exact", "naive", "either")


@dataclass(frozen=True)
class Occlusion:
    """What a network answers with the occluder at (`rows`, `columns`), its first pixels.

    `logits` is (R, C, K), `uncovered` (K,) the answer to the picture itself. `activity` (R, C) is the sum of the
    positive values of the watched channel, and `activity_uncovered` that without occluder; None if none was watched.
    `method` says how it was computed.
    """

    rows: tuple[int, ...]
    columns: tuple[int, ...]
    patch: tuple[int, int]
    size: tuple[int, int]
    logits: Tensor
    uncovered: Tensor
    method: str
    activity: Tensor | None = None
    activity_uncovered: float | None = None

    def probability(self, target: int | None = None) -> Tensor:
        """Probability of a class at every place, (R, C); without `target`, of the class answered without occluder."""
        return self.logits.softmax(dim=2)[..., self._class(target)]

    def probability_uncovered(self, target: int | None = None) -> float:
        """Probability of that class without occluder."""
        return float(self.uncovered.softmax(dim=0)[self._class(target)])

    def most_probable(self) -> Tensor:
        """The most probable class at every place, int64 (R, C)."""
        return self.logits.argmax(dim=2)

    def lowest(self, target: int | None = None) -> tuple[int, int]:
        """First covered pixel (row, column) where the class is least probable; of equals, the first."""
        row, column = divmod(int(self.probability(target).flatten().argmin()), len(self.columns))
        return self.rows[row], self.columns[column]

    def loss_of_logit(self, target: int | None = None) -> Tensor:
        """Mean loss of the class's logit over all places that cover a pixel, (H, W); 0 where none does."""
        chosen = self._class(target)
        losses = self.uncovered[chosen] - self.logits[..., chosen]
        total, covering = losses.new_zeros(2, *self.size)
        height, width = self.patch
        for line, top in zip(losses, self.rows, strict=True):
            for loss, left in zip(line, self.columns, strict=True):
                total[top : top + height, left : left + width] += loss
                covering[top : top + height, left : left + width] += 1
        mean: Tensor = total / covering.clamp(min=1)
        return mean

    def _class(self, target: int | None) -> int:
        if target is None:
            return int(self.uncovered.argmax())
        number = len(self.uncovered)
        if checks.whole_number("target", target, 0, f"There are {number} classes, counted from 0.") >= number:
            raise ValueError(f"target is {target}; there are {number} classes, counted from 0")
        return target


def occlusion_map(
    network: nn.Module,
    image: Tensor,
    patch: Pair,
    stride: Pair = 1,
    fill: Fill = 0.0,
    *,
    layer: str | None = None,
    channel: int | None = None,
    method: str = "exact",
    ceil_mode: bool = False,
    batch_size: int = 64,
) -> Occlusion:
    """Cover one place of a picture after the other, and write down what the network answers.

    Parameters
    ----------
    network
        Any module that returns logits (N, K); run in evaluation mode, on its own device.
    image
        (C, H, W), prepared as the network expects.
    patch, stride
        Size and step of the occluder in pixels, one number or (vertical, horizontal).
    fill
        Its colour in the units of `image`: a number, one for each channel, or ``"mean"`` of this picture.
    layer, channel
        Watch this channel; without `channel`, the one that is most active without occluder.
    method
        ``"exact"`` computes again only the part of each map that can have changed; it needs a network that begins with
        a chain of convolutions and poolings (`nn.Sequential`, as in VGG). ``"naive"`` runs any network on every covered
        picture. ``"either"`` is exact where it can be, and naive elsewhere.
    ceil_mode
        Let a last occluder hang over the end, as `captum` does.
    batch_size
        Places in a batch; halved when memory runs out.

    Raises
    ------
    TypeError, ValueError
        If an argument is out of range, the network returns no logits, or it is none for the exact way; the message
        says why.
    """
    if method not in METHODS:
        raise ValueError(f"method is {method!r}; choose one of {', '.join(METHODS)}")
    checks.tensor("image", image, "C H W")
    checks.whole_number("batch_size", batch_size, 1, "A batch has at least one picture.")
    batch = pictures(network, image[None])
    slide = Slide.over(batch[0], patch, stride, fill, ceil_mode)
    with torch.no_grad(), evaluating(network):
        watch = None if layer is None else (layer, _channel(network, batch, layer, channel))
        uncovered = logits_and_activity(network, batch, watch)[0]
        answers, used = _answers(network, slide, watch, batch_size, method)
    shape = (len(slide.rows), len(slide.columns))
    classes = len(uncovered) - (watch is not None)
    return Occlusion(
        slide.rows,
        slide.columns,
        slide.patch,
        (batch.shape[2], batch.shape[3]),
        answers[:, :classes].reshape(*shape, classes).cpu(),
        uncovered[:classes].cpu(),
        used,
        None if watch is None else answers[:, -1].reshape(shape).cpu(),
        None if watch is None else float(uncovered[-1]),
    )


def most_active(network: nn.Module, images: Tensor, layer: str) -> int:
    """The channel whose positive values have the largest sum over all places of the pictures (N, C, H, W)."""
    totals: list[Tensor] = []

    def note(_module: nn.Module, _inputs: object, output: object) -> None:
        if not isinstance(output, Tensor) or output.dim() != 4:
            shape = tuple(output.shape) if isinstance(output, Tensor) else type(output).__name__
            raise ValueError(f"{layer!r} returns {shape}; maps (N, C, H, W) are needed")
        totals.append(output.clamp(min=0).sum(dim=(0, 2, 3)))

    handle = locate(network, layer)[1].register_forward_hook(note)
    try:
        with torch.no_grad(), evaluating(network):
            network(pictures(network, images))
    finally:
        handle.remove()
    if not totals:
        raise ValueError(f"{layer!r} was not used when the network ran")
    return int(totals[-1].argmax())


def _channel(network: nn.Module, batch: Tensor, layer: str, channel: int | None) -> int:
    return most_active(network, batch, layer) if channel is None else channel


def _answers(
    network: nn.Module, slide: Slide, watch: tuple[str, int] | None, batch_size: int, method: str
) -> tuple[Tensor, str]:
    if method != "naive":
        try:
            return exact_answers(network, slide, watch, batch_size), "exact"
        except ValueError:
            if method == "exact":
                raise
    return naive_answers(network, slide, watch, batch_size), "naive"
