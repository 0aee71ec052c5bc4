"""How many layers with weights lie between image and answer, on every path that the numbers can take.

A block y = x + F(x) offers two paths, so L blocks offer 2^L, most of them short (Veit et al. 2016).

Chapter: `models/resnet`.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

import torch
from torch import Tensor, nn

from cnncourse.models.catalogue import build, native_size
from cnncourse.models.counting import multiply_adds_of
from cnncourse.workbench import checks

_LAYERS = ("ConvolutionBackward", "AddmmBackward", "MmBackward")


def path_lengths(network: nn.Module, image: Tensor) -> dict[int, int]:
    """Number of paths from the image (N, C, H, W) to the output, by the number of weight layers on them.

    Weight layers are convolutions and linear layers. Autograd's record of one forward pass is followed backwards; on
    the *meta* device this costs no arithmetic.
    Shortcuts with weights count as layers. The network should be in evaluation mode.

    Raises
    ------
    ValueError
        If no path leads from the output to the image.
    """
    checks.tensor("image", image, "N C H W")
    with torch.enable_grad():
        image = image.detach().requires_grad_()
        output = network(image)
    ways: dict[Any, Counter[int]] = {}
    for node in _inputs_first(output.grad_fn):
        if getattr(node, "variable", None) is image:
            ways[node] = Counter({0: 1})
            continue
        step = int(node.name().startswith(_LAYERS))
        total: Counter[int] = Counter()
        for below, _ in node.next_functions:
            for length, number in ways.get(below, Counter()).items():
                total[length + step] += number
        ways[node] = total
    found = ways.get(output.grad_fn, Counter())
    if not found:
        raise ValueError("no path leads from the image to the output")
    return dict(sorted(found.items()))


def path_lengths_of(name: str) -> dict[int, int]:
    """The same for a network of the catalogue, at its own size."""
    network = build(name, device="meta").eval()
    side = native_size(name)
    return path_lengths(network, torch.zeros(1, network.in_channels, side, side, device="meta"))


def longest_path(name: str) -> int:
    """Layers with weights on the longest path: what a paper calls the depth of its network."""
    return max(path_lengths_of(name))


def shortest_path(name: str) -> int:
    """Layers with weights on the shortest path."""
    return min(path_lengths_of(name))


def number_of_paths(name: str) -> int:
    """All paths from the image to the answer."""
    return sum(path_lengths_of(name).values())


def billions_of_multiply_adds(name: str) -> float:
    """Multiply-adds for one image in billions, with two decimals, as papers print them."""
    return round(multiply_adds_of(name) / 1e9, 2)


def _inputs_first(last: Any) -> list[Any]:
    """All nodes of autograd's graph, each after those that it reads from."""
    order: list[Any] = []
    seen: set[Any] = set()
    stack = [(last, False)]
    while stack:
        node, done = stack.pop()
        if done:
            order.append(node)
        elif node is not None and node not in seen:
            seen.add(node)
            stack.append((node, True))
            stack.extend((below, False) for below, _ in node.next_functions)
    return order
