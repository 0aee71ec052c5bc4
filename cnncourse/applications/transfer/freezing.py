"""Freezing: which parameters learn, and the statistics of batch normalization, which move without learning.

A frozen parameter gets no gradient. A running mean is no parameter: training mode moves it anyway (Ioffe & Szegedy
2015, algorithm 2).

Chapter: `applications/transfer`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.modules.dropout import _DropoutNd


def freeze(network: nn.Module, but: Iterable[str] = (), *, statistics: bool = True) -> nn.Module:
    """Stop a network from learning, except in some of its modules, and return it.

    Parameters
    ----------
    network
        Changed in place.
    but
        Names of modules that go on learning, for example ``["fc"]``; what is inside them learns too.
    statistics
        Keep frozen batch normalization and dropout in evaluation mode for good, whatever `network.train()` says.
        With ``False`` only the parameters are frozen, and running means and variances go on moving.

    Raises
    ------
    ValueError
        If there is no module of that name.
    """
    kept = [but] if isinstance(but, str) else list(but)
    modules = dict(network.named_modules())
    for name in kept:
        if not isinstance(name, str) or name not in modules:
            raise ValueError(f"there is no module {name!r}; choose among {', '.join(sorted(modules)[1:8])}, …")
    learning = {id(part) for name in kept for part in modules[name].modules()}
    learners = {id(parameter) for name in kept for parameter in modules[name].parameters()}
    for parameter in network.parameters():
        parameter.requires_grad_(id(parameter) in learners)
    if statistics:
        for module in network.modules():
            if isinstance(module, _BatchNorm | _DropoutNd) and id(module) not in learning:
                module.register_forward_pre_hook(_stay_in_evaluation)
    return network


def snapshot(network: nn.Module) -> dict[str, Tensor]:
    """A copy of all parameters and buffers, by name."""
    return {name: value.detach().clone() for name, value in network.state_dict().items()}


def moved(before: Mapping[str, Tensor], network: nn.Module) -> list[str]:
    """Names of the parameters and buffers that are no longer what they were in `before`, a `snapshot`."""
    return [name for name, value in network.state_dict().items() if not torch.equal(before[name], value)]


def _stay_in_evaluation(module: nn.Module, _inputs: Any) -> None:
    module.eval()
