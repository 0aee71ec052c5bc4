"""The system calls that Python 3.11 has no function for, through ctypes; a failing one raises `OSError`.

Linux only: on another system the functions raise `ConfinementError`, and the probe moves down its ladder.
"""

from __future__ import annotations

import ctypes
import os
import platform
import sys
from typing import Any

LINUX = sys.platform == "linux"
MACHINE = {"amd64": "x86_64", "arm64": "aarch64"}.get(platform.machine().lower(), platform.machine().lower())

CLONE_NEWNS, CLONE_NEWUTS, CLONE_NEWIPC = 0x00020000, 0x04000000, 0x08000000
CLONE_NEWUSER, CLONE_NEWPID, CLONE_NEWNET = 0x10000000, 0x20000000, 0x40000000
MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC = 1, 2, 4, 8
MS_REMOUNT, MS_BIND, MS_REC, MS_PRIVATE = 32, 4096, 16384, 1 << 18
MNT_DETACH = 2
PR_SET_PDEATHSIG, PR_SET_DUMPABLE, PR_CAPBSET_DROP, PR_SET_SECCOMP = 1, 4, 24, 22
PR_SET_CHILD_SUBREAPER, PR_SET_NO_NEW_PRIVS, PR_CAP_AMBIENT = 36, 38, 47
_CAPABILITY_VERSION_3 = 0x20080522
_PIVOT_ROOT = {"x86_64": 155, "aarch64": 41}


class ConfinementError(RuntimeError):
    """Student code cannot be confined as wanted; the text says why and what to do."""


def call(name: str, *arguments: Any) -> int:
    """Call a function of the C library; -1 becomes `OSError`."""
    if not LINUX:
        raise ConfinementError(f"{name} exists on Linux only; grade in a Linux container, a virtual machine or WSL 2")
    function = getattr(ctypes.CDLL(None, use_errno=True), name)
    result: int = function(*arguments)
    if result == -1:
        error = ctypes.get_errno()
        raise OSError(error, f"{name}: {os.strerror(error)}")
    return result


def syscall(number: int, *arguments: Any) -> int:
    """Call the kernel by number, for calls that the C library does not wrap."""
    wide = [ctypes.c_long(part) if isinstance(part, int) else part for part in arguments]
    return call("syscall", ctypes.c_long(number), *wide)


def unshare(flags: int) -> None:
    """Move this process into new namespaces."""
    call("unshare", flags)


def enter_namespace(descriptor: int, kind: int) -> None:
    """Move this process (or its coming children, for `CLONE_NEWPID`) into a namespace that exists."""
    call("setns", descriptor, kind)


def mount(source: str, target: str, kind: str = "", flags: int = 0, options: str = "") -> None:
    """Mount a file system, bind a folder, or change the flags of a mount."""
    texts = [text.encode() or None for text in (source, target, kind, options)]
    call("mount", texts[0], texts[1], texts[2], ctypes.c_ulong(flags), texts[3])


def unmount(target: str) -> None:
    """Take a mount out of sight; it ends when nothing uses it any more."""
    call("umount2", target.encode(), MNT_DETACH)


def pivot_root(new: str, old: str) -> None:
    """Make `new` the root of this mount namespace and keep the former root at `old`."""
    if MACHINE not in _PIVOT_ROOT:
        raise ConfinementError(f"no table of system calls for {MACHINE}")
    syscall(_PIVOT_ROOT[MACHINE], new.encode(), old.encode())


def prctl(option: int, *arguments: int) -> int:
    """Change a property of this process."""
    padded = [*arguments, 0, 0, 0, 0][:4]
    return call("prctl", option, *(ctypes.c_ulong(part) for part in padded))


def drop_capabilities() -> None:
    """Give up every privilege for good: what this process runs later cannot get it back either."""
    prctl(PR_SET_NO_NEW_PRIVS, 1)
    for capability in range(64):
        try:
            prctl(PR_CAPBSET_DROP, capability)
        except OSError:  # not privileged, or past the last one that this kernel knows
            break
    header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION_3, 0)
    call("capset", header, (ctypes.c_uint32 * 6)())
