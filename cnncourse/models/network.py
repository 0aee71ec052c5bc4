"""What all networks of this part share: an input that is checked, and named places to look inside.

Chapter: `models/lenet`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, cast

import torch
from torch import Tensor, nn

from cnncourse.workbench import checks


class Network(nn.Module):
    """Base of the course's networks.

    `in_channels` and `smallest_input` (pixels) say what it accepts. `places` maps the paper's names of layers to the
    names of its modules, for example ``{"conv1": "features.0"}``.
    """

    in_channels: int = 3
    smallest_input: int = 1

    @property
    def places(self) -> dict[str, str]:
        """Where to look: the paper's name of each layer and the module that computes it."""
        return {name: name for name, _ in self.named_children()}

    def check_input(self, images: Tensor) -> None:
        """Raise `TypeError` or `ValueError` if this is no batch of images that the network can see."""
        checks.tensor("images", images, "N C H W", C=self.in_channels)
        if min(images.shape[2:]) < self.smallest_input:
            raise ValueError(
                f"images of {images.shape[2]}×{images.shape[3]} pixels are too small for {type(self).__name__}: "
                f"nothing would be left after its layers. It needs at least {self.smallest_input} pixels in both "
                "directions; enlarge the images first."
            )


def activations(network: Network, images: Tensor, names: Iterable[str]) -> dict[str, Tensor]:
    """Run a network once and return what the named places compute.

    Parameters
    ----------
    network
        The network; its mode, and whether gradients are recorded, stay the caller's choice.
    images
        (N, C, H, W).
    names
        Keys of `network.places`, or names of modules.

    Raises
    ------
    ValueError
        If there is no such place; the message lists those that there are.
    """
    modules = dict(network.named_modules())
    found: dict[str, Tensor] = {}
    handles = []
    try:
        for name in names:
            module = modules.get(network.places.get(name, name))
            if module is None:
                raise ValueError(f"there is no place {name!r}; choose one of {', '.join(network.places)}")
            handles.append(module.register_forward_hook(_keeper(found, name)))
        network(images)
    finally:
        for handle in handles:
            handle.remove()
    return found


def smallest_input(layers: Iterable[nn.Module]) -> int:
    """Pixels that must go into a chain of layers so that at least one comes out: stride arithmetic, backwards.

    Layers other than convolutions and poolings keep the size.
    """
    needed = 1
    for layer in reversed(list(layers)):
        if not isinstance(layer, nn.Conv2d | nn.MaxPool2d | nn.AvgPool2d):
            continue
        kernel_size, stride, padding, dilation = (
            _one(getattr(layer, name, 1)) for name in ("kernel_size", "stride", "padding", "dilation")
        )
        start = (needed - 1) * stride - padding  # where the last window begins
        reach = start + dilation * (kernel_size - 1) + 1 - padding
        if getattr(layer, "ceil_mode", False):  # it may hang over the end, but must begin inside
            reach = max(reach - (stride - 1), start + 1)
        needed = max(1, reach)
    return needed


def factory(device: torch.device | str | None, dtype: torch.dtype | None) -> dict[str, Any]:
    """Pack `device` and `dtype` for every layer below."""
    return {"device": device, "dtype": dtype}


def scaled(channels: int, width: float) -> int:
    """`channels` times `width`, rounded, and at least one.

    Raises
    ------
    ValueError
        If the width is not a positive number.
    """
    if isinstance(width, bool) or not isinstance(width, int | float) or not 0 < width < 1e3:
        raise ValueError(f"width is {width!r}; it must be a positive number, and 1 means the paper's width")
    return max(1, round(channels * width))


def _one(value: object) -> int:
    return cast(int, value[0] if isinstance(value, tuple) else value)


def _keeper(found: dict[str, Tensor], name: str) -> Any:
    def keep(_module: nn.Module, _inputs: tuple[Tensor, ...], output: Tensor) -> None:
        found[name] = output

    return keep
