"""Landlock: a process gives up all files but some, for good, without any privilege (Linux 5.13 and later).

The fallback where namespaces are not allowed, as in Docker and for ordinary users of Ubuntu 24.04.
"""

from __future__ import annotations

import ctypes
import os
import struct
from collections.abc import Iterable
from pathlib import Path

from cnncourse.grading.confinement import system
from cnncourse.grading.confinement.system import ConfinementError

_CREATE, _ADD, _RESTRICT = 444, 445, 446  # the same number on all machines
_VERSION = 1
_PATH_BENEATH = 1
_EXECUTE, _WRITE_FILE, _READ_FILE, _READ_DIR = 1, 2, 4, 8
_READ = _EXECUTE | _READ_FILE | _READ_DIR
_FILE_RIGHTS = _EXECUTE | _WRITE_FILE | _READ_FILE | 1 << 14 | 1 << 15  # the others make sense for folders only
# Rights that each version of Landlock adds: refer, truncate, device ioctls.
_ALL_OF_VERSION_1 = (1 << 13) - 1
_ADDED_IN = {2: 1 << 13, 3: 1 << 14, 5: 1 << 15}
_NETWORK_SINCE, _BIND_AND_CONNECT = 4, 0b11
_SCOPES_SINCE, _SOCKETS_AND_SIGNALS = 6, 0b11


def version() -> int:
    """The kernel's version of Landlock; 0 without it."""
    try:
        return system.syscall(_CREATE, 0, 0, _VERSION)
    except (OSError, ConfinementError):
        return 0


def confine(readable: Iterable[Path], writable: Iterable[Path]) -> int:
    """Give up every file that is not beneath one of these; paths that do not exist are skipped.

    TCP is given up from version 4, signals and abstract sockets to the outside from version 6. Returns the version.

    Raises
    ------
    ConfinementError
        If the kernel has no Landlock.
    """
    found = version()
    if not found:
        raise ConfinementError("the kernel has no Landlock (Linux 5.13 or later, enabled in `lsm=`)")
    rights = _ALL_OF_VERSION_1
    for since, more in _ADDED_IN.items():
        rights |= more if found >= since else 0
    network = _BIND_AND_CONNECT if found >= _NETWORK_SINCE else 0
    scopes = _SOCKETS_AND_SIGNALS if found >= _SCOPES_SINCE else 0
    attributes = struct.pack("QQQ", rights, network, scopes)[: 24 if scopes else 16 if network else 8]
    rules = system.syscall(_CREATE, ctypes.create_string_buffer(attributes, len(attributes)), len(attributes), 0)
    try:
        for path in readable:
            _allow(rules, path, _READ & rights)
        for path in writable:
            _allow(rules, path, rights)
        system.prctl(system.PR_SET_NO_NEW_PRIVS, 1)
        system.syscall(_RESTRICT, rules, 0)
    finally:
        os.close(rules)
    return found


def _allow(rules: int, path: Path, rights: int) -> None:
    try:
        descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return
    try:
        rights &= rights if path.is_dir() else _FILE_RIGHTS
        rule = struct.pack("<Qi", rights, descriptor)  # a packed structure
        system.syscall(_ADD, rules, _PATH_BENEATH, ctypes.create_string_buffer(rule, len(rule)), 0)
    finally:
        os.close(descriptor)
