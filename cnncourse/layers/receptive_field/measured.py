"""Receptive fields by gradient support: which pixels can reach a unit, found without the recursion."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from cnncourse.layers.receptive_field.gradients import Position, copied, picture_shape, unit_gradients
from cnncourse.layers.receptive_field.mixing import MERGING, POINTWISE

_KEPT = ("detach", "fill", "zero", "channel_shuffle", "native_channel_shuffle", "to", "type", "type_as")


@dataclass(frozen=True)
class MeasuredField:
    """The pixels that reach one unit: `mask` of shape (H, W), and the unit's `position`."""

    mask: Tensor
    position: tuple[int, ...]

    @property
    def region(self) -> tuple[tuple[int, int], ...]:
        """(first, last) pixel along each axis; a `ValueError` if no pixel reaches the unit."""
        if not self.mask.any():
            raise ValueError(f"no pixel reaches the unit at {self.position}")
        return tuple((int(line.min()), int(line.max())) for line in self.mask.nonzero().T)

    @property
    def size(self) -> Any:
        """Extent of the region in pixels, one number if all axes agree."""
        sizes = tuple(last - first + 1 for first, last in self.region)
        return sizes[0] if len(set(sizes)) == 1 else sizes

    @property
    def clipped(self) -> bool:
        """Whether the region touches the border of the picture, so that the field may be larger than `size`."""
        return any(
            first == 0 or last == length - 1 for (first, last), length in zip(self.region, self.mask.shape, strict=True)
        )


def measured_receptive_field(
    model: nn.Module, input_shape: Sequence[int], layer: str | None = None, position: Position = None
) -> MeasuredField:
    """Measure which pixels can reach one unit, by the gradient of a stand-in with the same geometry.

    In a copy of the network every weight becomes positive, activations and normalisation let everything pass, and
    maxima become averages: then no path is cut and none cancels another, and a pixel has a gradient
    exactly if some path leads from it to the unit. Computed in float64.

    Parameters
    ----------
    model
        The network; it is not changed.
    input_shape
        (C, H, W) of a picture.
    layer
        Path of a module, for example ``"layer4"``. Without it, the output.
    position
        (row, column) of the unit in the map of `layer`. Without it, the unit in the middle.

    Raises
    ------
    TypeError
        If `model` is not a module.
    ValueError
        If shape, layer or position do not exist, or the network cannot be run or differentiated.
    """
    network = _stand_in(copied(model, layer))
    image = torch.ones(1, *picture_shape(input_shape), dtype=torch.float64)
    gradients, place = unit_gradients(network, image, layer, position, _Linear())
    return MeasuredField(gradients[0].sum(dim=0) != 0, place)


def _stand_in(network: nn.Module) -> nn.Module:
    network = network.to(device="cpu", dtype=torch.float64)
    with torch.no_grad():
        for parameter in network.parameters():
            fan_in = parameter[0].numel() if parameter.dim() > 1 else 1
            parameter.fill_(1 / max(1, fan_in))
            parameter.requires_grad_(False)
    return network


class _Linear(TorchFunctionMode):
    """Replace what could cut or cancel a path: maxima by averages, activations by nothing, differences by sums."""

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: Sequence[Any] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        name = str(getattr(func, "__name__", ""))
        name = name if name.endswith("__") else name.rstrip("_")
        if name.startswith("max_pool"):
            return _average_pool(int(name[8]), name.endswith("indices"), *args, **kwargs)
        if name.startswith("adaptive_max_pool"):
            return getattr(F, name.replace("max", "avg"))(*args[:2])
        if name in ("group_norm", "instance_norm", "layer_norm", "rms_norm"):
            return args[0]
        if name in POINTWISE and name not in _KEPT and args and isinstance(args[0], Tensor):
            return args[0]
        if name in ("softmax", "log_softmax", "normalize"):
            return _shared(*args, **kwargs)
        maps = [each for each in args if isinstance(each, Tensor) and each.requires_grad]
        if name in MERGING and len(maps) > 1:
            total = maps[0]
            for each in maps[1:]:
                total = torch.add(total, each)
            return total
        return func(*args, **kwargs)


def _average_pool(
    count: int, indices: bool, x: Tensor, kernel_size: Any, stride: Any = None, padding: Any = 0, dilation: Any = 1,
    ceil_mode: bool = False, return_indices: bool = False,
) -> Any:  # fmt: skip
    """Mean over the window of a maximum: a convolution with equal weights, channel by channel."""
    kernel = (kernel_size,) * count if isinstance(kernel_size, int) else tuple(kernel_size)
    channels = x.shape[1]
    weight = torch.full((channels, 1, *kernel), 1 / torch.Size(kernel).numel(), dtype=x.dtype)
    convolve = getattr(F, f"conv{count}d")
    pool = getattr(F, f"max_pool{count}d")
    with torch._C.DisableTorchFunction():
        positions, switches = pool(x, kernel_size, stride, padding, dilation, ceil_mode, return_indices=True)
        step = stride or kernel_size
        steps = (step,) * count if isinstance(step, int) else tuple(step)
        missing = [0] * (2 * count)
        for axis in range(count):
            spread = dilation if isinstance(dilation, int) else dilation[axis]
            pad = padding if isinstance(padding, int) else padding[axis]
            reach = (positions.shape[2 + axis] - 1) * steps[axis] + spread * (kernel[axis] - 1) + 1
            missing[2 * (count - 1 - axis)] = pad
            missing[2 * (count - 1 - axis) + 1] = reach - x.shape[2 + axis] - pad
        averaged = convolve(F.pad(x, missing), weight, stride=steps, dilation=dilation, groups=channels)
    return (averaged, switches) if indices or return_indices else averaged


def _shared(x: Tensor, *args: Any, **kwargs: Any) -> Tensor:
    numbers = [each for each in args if isinstance(each, int) and not isinstance(each, bool)]
    dim = kwargs.get("dim", numbers[-1] if numbers else -1)
    return x + x.mean(dim=-1 if dim is None else dim, keepdim=True)
