"""The contents of arguments: what student code may change in place, and how the check's own objects take it over."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import torch
from torch import nn

from cnncourse.grading.standins import Standin


def change(own: Any, value: Any) -> None:
    """Give an argument the contents that student code has left in its copy.

    Raises
    ------
    TypeError, ValueError, RuntimeError
        If they do not fit.
    """
    if issubclass(type(own), Standin):  # its type, because it may say that it is a module
        raise TypeError("an object of the student's is not copied back")
    if isinstance(own, nn.Module):
        restore_module(own, value)
        return
    if type(own) is not type(value) and not (isinstance(own, torch.Tensor) and isinstance(value, torch.Tensor)):
        raise TypeError("an argument has become something else")
    if isinstance(own, torch.Tensor):
        __change_tensor(own, value)
    elif isinstance(own, np.ndarray):
        own[...] = value
    elif isinstance(own, dict):
        own.clear()
        own.update(value)
    elif isinstance(own, set):
        own.clear()
        own |= value
    elif isinstance(own, (list, bytearray)):
        own[:] = value


def __change_tensor(own: torch.Tensor, value: torch.Tensor) -> None:
    if own.shape == value.shape and own.dtype == value.dtype:
        with torch.no_grad():
            own.copy_(value)
    else:
        own.data = value.detach()
    if own.is_leaf and own.requires_grad:
        own.grad = value.grad


def content(own: Any) -> Any:
    """A copy of what `change` would overwrite; only one level deep, since each part is passed for itself."""
    if isinstance(own, nn.Module):
        tensors, flags = state(own)
        return [[(name, copy_of(tensor)) for name, tensor in tensors], flags]
    if isinstance(own, torch.Tensor):
        return copy_of(own)
    return own.copy() if hasattr(own, "copy") else own


def with_content(own: Any, value: Any) -> Any:
    """A new object like the argument, with other contents."""
    if not isinstance(own, nn.Module):
        return value
    twin = copy.deepcopy(own)
    change(twin, value)
    return twin


def copy_of(tensor: torch.Tensor) -> torch.Tensor:
    """A copy with the same gradient; of a leaf, a leaf."""
    twin = tensor.detach().clone()
    if tensor.is_leaf and tensor.requires_grad:
        twin.requires_grad_(True)
        twin.grad = None if tensor.grad is None else tensor.grad.clone()
    return twin


def state(module: Any) -> list[Any]:
    """Everything that code may change in a module without rebuilding it: values, gradients, flags."""
    if not isinstance(module, nn.Module):
        return []
    tensors = [*module.named_parameters(), *module.named_buffers()]
    return [tensors, [(name, part.training) for name, part in module.named_modules()]]


def restore_module(module: nn.Module, content: Any) -> None:
    """Give a module the contents that `state` has read from its copy.

    Raises
    ------
    ValueError, TypeError
        If the contents do not fit the module; nothing else is believed of them.
    """
    tensors, flags = content
    own = dict([*module.named_parameters(), *module.named_buffers()])
    given = dict(tensors)
    if given.keys() != own.keys():
        raise ValueError("the module's parameters are not those it was passed with")
    for name, value in given.items():
        _restore_parameter(own[name], value)
    parts = dict(module.named_modules())
    for name, training in flags:
        if name in parts and type(training) is bool:
            parts[name].training = training


def _restore_parameter(own: torch.Tensor, value: object) -> None:
    if not isinstance(value, torch.Tensor) or value.shape != own.shape or value.dtype != own.dtype:
        raise ValueError("a parameter of another shape or type than it was passed with")
    adopt(own, value)


def adopt(own: torch.Tensor, value: torch.Tensor) -> None:
    """Make a parameter like its copy from the other process: values, gradient and whether it is trained."""
    if own.shape == value.shape and own.dtype == value.dtype:
        with torch.no_grad():
            own.copy_(value)
    else:
        own.data = value.detach()
    if own.is_leaf and own.dtype.is_floating_point:
        own.requires_grad_(value.requires_grad)
        own.grad = value.grad


def differs(own: torch.Tensor, was: torch.Tensor) -> bool:
    """Whether a parameter is no longer like its copy, in anything that `adopt` takes over."""
    if own.shape != was.shape or own.dtype != was.dtype or own.requires_grad != was.requires_grad:
        return True
    if (own.grad is None) != (was.grad is None) or not torch.equal(own.detach(), was.detach()):
        return True
    return own.grad is not None and was.grad is not None and not torch.equal(own.grad, was.grad)
