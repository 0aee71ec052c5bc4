"""How much memory do the tensors of a computation take at most? Counted, not sampled, so that it repeats exactly.

It works on shapes alone too: on torch's *meta* device a picture of any size costs nothing.
"""

from __future__ import annotations

import weakref
from typing import Any

from torch import Tensor, UntypedStorage
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves


class MemoryMeter(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Counts the bytes of the tensors that are made inside a ``with`` block, while they live.

    Attributes
    ----------
    now
        Bytes of the tensors made so far that are still alive.
    peak
        The highest value that `now` had.

    Notes
    -----
    Tensors that existed before cost nothing, and neither do views. What an operation takes for itself while it
    runs is not seen: use the profiler of torch for that.
    """

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.now = self.peak = 0
        self._known: weakref.WeakSet[UntypedStorage] = weakref.WeakSet()

    def __torch_dispatch__(self, operation: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self._known.update(_storages((args, kwargs)))
        result = operation(*args, **(kwargs or {}))
        for storage in _storages(result):
            if storage not in self._known:
                self._add(storage)
        return result

    def _add(self, storage: UntypedStorage) -> None:
        self._known.add(storage)
        self.now += storage.nbytes()
        self.peak = max(self.peak, self.now)
        weakref.finalize(storage, self._remove, storage.nbytes())

    def _remove(self, size: int) -> None:
        self.now -= size


def _storages(tree: Any) -> list[UntypedStorage]:
    return [leaf.untyped_storage() for leaf in tree_leaves(tree) if isinstance(leaf, Tensor)]
