"""Which processor computes, how much memory it has, and one seed for everything.

Every chapter that computes something large asks `best_device()` and never names a device itself.
"""

from __future__ import annotations

import os
import random
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

_GIBIBYTE = 2**30


def available_devices() -> list[str]:
    """Names of the devices that this machine has, best first, for example ``["cuda:0", "cpu"]``."""
    names = [f"cuda:{index}" for index in range(torch.cuda.device_count())]
    if torch.backends.mps.is_available():
        names.append("mps")
    return [*names, "cpu"]


def best_device(choice: str | None = None) -> torch.device:
    """Return the device to compute on: CUDA before MPS before CPU.

    Parameters
    ----------
    choice
        A device name such as ``"cpu"``, ``"cuda"``, ``"cuda:1"`` or ``"mps"``. Without it the environment
        variable ``CNNCOURSE_DEVICE`` decides, and without that the best device that there is.

    Raises
    ------
    ValueError
        If the name is not a device of this machine; the message lists the choices.
    """
    names = available_devices()
    origin = "choice" if choice is not None else "CNNCOURSE_DEVICE"
    wanted = (choice if choice is not None else os.environ.get("CNNCOURSE_DEVICE", "")).strip().lower()
    if not wanted and choice is None:
        return torch.device(names[0])
    if wanted == "cuda" and "cuda:0" in names:
        wanted = "cuda:0"
    if wanted not in names:
        raise ValueError(
            f"{origin}={wanted!r} is not a device of this machine. "
            f"Choose one of {', '.join(names)}, or leave it out to get {names[0]}."
        )
    return torch.device(wanted)


def memory(device: torch.device | None = None) -> tuple[int, int]:
    """Return (free, total) memory of a device in bytes.

    For MPS, which shares the machine's memory, this is the machine's memory.
    """
    device = best_device() if device is None else device
    if device.type == "cuda":
        free, total = torch.cuda.mem_get_info(device)
        return int(free), int(total)
    return _main_memory()


def describe_device(device: torch.device | None = None) -> str:
    """Say in words what computes, for example ``"cpu: 2 threads, 21.9 of 23.5 GiB memory free"``."""
    device = best_device() if device is None else device
    free, total = memory(device)
    if device.type == "cuda":
        what = torch.cuda.get_device_name(device)
    else:
        threads = torch.get_num_threads()
        what = f"{threads} thread{'s' if threads != 1 else ''}"
    return f"{device}: {what}, {free / _GIBIBYTE:.1f} of {total / _GIBIBYTE:.1f} GiB memory free"


def set_seed(seed: int) -> torch.Generator:
    """Seed Python, NumPy and torch on every device, and return a CPU generator with the same seed."""
    random.seed(seed)
    np.random.seed(seed)  # noqa: NPY002  libraries that we call still draw from the global state
    torch.manual_seed(seed)
    return torch.Generator().manual_seed(seed)


def run_in_batches(function: Callable[[Tensor], Tensor], inputs: Tensor, batch_size: int = 256) -> Tensor:
    """Apply a function to `inputs` batch by batch; when memory runs out, halve the batch and go on.

    Parameters
    ----------
    function
        Maps a batch ``(n, ...)`` to a tensor ``(n, ...)``, each sample independently of the others.
    inputs
        Samples, ``(N, ...)``.
    batch_size
        Samples per call to begin with, at least 1.

    Returns
    -------
    Tensor
        The results of all samples in order, ``(N, ...)``.

    Raises
    ------
    ValueError
        If `batch_size` is less than 1.
    MemoryError
        If not even a single sample fits.
    """
    if batch_size < 1:
        raise ValueError(f"batch_size is {batch_size}; it must be at least 1")
    results: list[Tensor] = []
    start = 0
    while start < len(inputs) or not results:
        try:
            results.append(function(inputs[start : start + batch_size]))
            start += batch_size
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
            if batch_size == 1:
                raise MemoryError(
                    "One sample alone does not fit into memory. Use a smaller input or a narrower network. "
                    f"Now: {describe_device(inputs.device)}."
                ) from error
            batch_size //= 2
            _release_cached_memory(inputs.device)
    return torch.cat(results)


def is_out_of_memory(error: BaseException) -> bool:
    """Tell whether an error means that memory ran out, on a GPU or on the CPU."""
    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    text = str(error)  # the CPU allocator and MPS raise a plain RuntimeError
    return isinstance(error, RuntimeError) and (
        "can't allocate memory" in text or "not enough memory" in text or "out of memory" in text
    )


def _release_cached_memory(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.empty_cache()
    elif device.type == "mps":
        torch.mps.empty_cache()


def _main_memory() -> tuple[int, int]:
    page = os.sysconf("SC_PAGE_SIZE")
    total = page * os.sysconf("SC_PHYS_PAGES")
    try:
        return page * os.sysconf("SC_AVPHYS_PAGES"), total
    except (ValueError, OSError):  # macOS does not tell how much is free
        return total, total
