"""Large pages for the fork server's memory: a fork copies one entry for 2 MiB in place of 512.

Measured with torch imported: fork and exit of a child take a fifth of the time. Linux 6.1 or later; elsewhere
nothing happens.
"""

from __future__ import annotations

import contextlib
import ctypes
from pathlib import Path

from cnncourse.grading.confinement import ConfinementError, system

_COLLAPSE = 25  # MADV_COLLAPSE
_SIZE = 2 * 2**20


def merge() -> None:
    """Merge this process' own memory into large pages, as far as the kernel does that."""
    maps = Path("/proc/self/maps")
    if not maps.exists():
        return
    for line in maps.read_text().splitlines():
        span, rights, _, _, inode, *_ = line.split()
        if rights != "rw-p" or inode != "0":  # files keep their own pages
            continue
        start, end = (int(address, 16) for address in span.split("-"))
        start, end = -(-start // _SIZE) * _SIZE, end // _SIZE * _SIZE
        if start < end:
            with contextlib.suppress(OSError, ConfinementError):
                system.call("madvise", ctypes.c_void_p(start), ctypes.c_size_t(end - start), _COLLAPSE)
