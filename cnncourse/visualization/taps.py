"""Look inside any network while it runs, and leave it as it was, even when something fails.

A forward hook keeps what a module returns; a context manager takes it away again.

Chapter: `visualization/activations`.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from cnncourse.workbench import checks


def locate(network: nn.Module, layer: str) -> tuple[str, nn.Module]:
    """The path and the module of a layer.

    Parameters
    ----------
    network
        Any module; the course's networks also know the paper's names of their layers (`places`).
    layer
        A paper's name such as ``"conv3_2"``, or the path of a module such as ``"features.14"``; ``""`` is the
        network itself.

    Raises
    ------
    TypeError
        If `network` is no module.
    ValueError
        If there is no such layer; the message lists some that there are.
    """
    if not isinstance(network, nn.Module):
        raise TypeError(f"network is a {type(network).__name__}; it must be a torch.nn.Module")
    places: dict[str, str] = getattr(network, "places", {})
    modules = dict(network.named_modules(remove_duplicate=False))
    path = places.get(layer, layer) if isinstance(layer, str) else None
    if path is None or path not in modules:
        names = [*places, *filter(None, modules)]
        near = difflib.get_close_matches(str(layer), names, n=8) or names[:12]
        raise ValueError(f"there is no layer {layer!r}; choose one of {', '.join(near) or 'none: it has no modules'}")
    return path, modules[path]


@contextmanager
def watching(network: nn.Module, layers: Iterable[str]) -> Iterator[dict[str, Tensor]]:
    """Keep what layers return, as long as the `with` block lasts.

    Yields
    ------
    dict
        From the names in `layers` to the outputs of the last call, still connected to the graph of gradients. Of
        a module that is used several times in one run, the last output is kept.

    Raises
    ------
    TypeError, ValueError
        If a layer does not exist, or returns something else than a tensor.
    """
    found: dict[str, Tensor] = {}
    with ExitStack() as stack:
        for name in [layers] if isinstance(layers, str) else layers:
            handle = locate(network, name)[1].register_forward_hook(_keeper(found, name))
            stack.callback(handle.remove)
        yield found


@contextmanager
def evaluating(network: nn.Module) -> Iterator[nn.Module]:
    """Evaluation mode inside the `with` block; afterwards each module has the mode that it had before."""
    locate(network, "")
    training = [module for module in network.modules() if module.training]
    try:
        yield network.eval()
    finally:
        for module in training:
            module.training = True


def pictures(network: nn.Module, images: Tensor) -> Tensor:
    """`images` (N, C, H, W) on the device and in the dtype of the network's first parameter.

    Raises
    ------
    TypeError, ValueError
        If it is no batch of floating point pictures, is empty, or has a value that is not finite.
    """
    locate(network, "")
    checks.tensor("images", images, "N C H W")
    if not images.is_floating_point():
        raise TypeError(f"images have dtype {images.dtype}; networks read floating point. Normalise them first.")
    if images.numel() == 0:
        raise ValueError(f"images have shape {tuple(images.shape)}; give at least one picture")
    if not images.isfinite().all():
        raise ValueError("images have values that are not finite (NaN or infinity); look at where they come from")
    like = next(network.parameters(), images)
    return images.detach().to(device=like.device, dtype=like.dtype)


def in_order(network: nn.Module, images: Tensor) -> list[str]:
    """Paths of the modules that have parameters of their own, in the order in which they first answer."""
    order: dict[str, None] = {}

    def note(path: str) -> Callable[..., None]:
        def hook(*_call: Any) -> None:
            order.setdefault(path)

        return hook

    with ExitStack() as stack, torch.no_grad(), evaluating(network):
        for path, module in network.named_modules():
            if next(module.parameters(recurse=False), None) is not None:
                stack.callback(module.register_forward_hook(note(path)).remove)
        network(pictures(network, images))
    return list(order)


def _keeper(found: dict[str, Tensor], name: str) -> Callable[..., None]:
    def keep(module: nn.Module, _inputs: Any, output: Any) -> None:
        if not isinstance(output, Tensor):
            raise TypeError(f"{name!r} ({type(module).__name__}) returns a {type(output).__name__}, not one tensor")
        found[name] = output

    return keep
