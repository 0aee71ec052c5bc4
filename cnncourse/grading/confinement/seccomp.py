"""A filter on system calls, written as the kernel's own little programs (BPF): a list of refused calls.

It closes the network and the parts of the kernel that a notebook never needs and that most escapes went through.
"""

from __future__ import annotations

import ctypes
import errno
import os
import struct

from cnncourse.grading.confinement import system
from cnncourse.grading.confinement.system import ConfinementError

_ARCHITECTURES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
_COLUMN = {"x86_64": 0, "aarch64": 1}
_ABSENT = -1
# name: (number on x86_64, number on aarch64)
_REFUSED = {
    # other views of the file system
    "mount": (165, 40), "umount2": (166, 39), "pivot_root": (155, 41), "chroot": (161, 51), "move_mount": (429, 429),
    "open_tree": (428, 428), "fsopen": (430, 430), "fsconfig": (431, 431), "fsmount": (432, 432), "fspick": (433, 433),
    "mount_setattr": (442, 442), "open_by_handle_at": (304, 265), "name_to_handle_at": (303, 264),
    "quotactl": (179, 60), "quotactl_fd": (443, 443), "fanotify_init": (300, 262),
    # new privileges, and other processes
    "unshare": (272, 97), "setns": (308, 268), "ptrace": (101, 117), "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271), "kcmp": (312, 272), "pidfd_getfd": (438, 438), "process_madvise": (440, 440),
    # the kernel itself
    "kexec_load": (246, 104), "kexec_file_load": (320, 294), "bpf": (321, 280), "perf_event_open": (298, 241),
    "keyctl": (250, 219), "add_key": (248, 217), "request_key": (249, 218), "userfaultfd": (323, 282),
    "io_uring_setup": (425, 425), "io_uring_enter": (426, 426), "io_uring_register": (427, 427),
    "init_module": (175, 105), "finit_module": (313, 273), "delete_module": (176, 106), "lookup_dcookie": (212, 18),
    # the machine
    "reboot": (169, 142), "swapon": (167, 224), "swapoff": (168, 225), "acct": (163, 89), "settimeofday": (164, 170),
    "clock_settime": (227, 112), "adjtimex": (159, 171), "clock_adjtime": (305, 266), "syslog": (103, 116),
    "sethostname": (170, 161), "setdomainname": (171, 162), "iopl": (172, _ABSENT), "ioperm": (173, _ABSENT),
    "modify_ldt": (154, _ABSENT), "personality": (135, 92), "vhangup": (153, 58), "nfsservctl": (180, 42),
}  # fmt: skip
_CLONE, _CLONE3, _SOCKET, _IOCTL = (56, 220), (435, 435), (41, 198), (16, 29)
_CONNECT, _BIND, _KILL, _PIDFD_SIGNAL = (42, 203), (49, 200), (62, 129), (424, 424)
_TKILL, _TGKILL = (200, 130), (234, 131)
_QUEUE, _THREAD_QUEUE = (129, 138), (297, 240)
_NEW_NAMESPACES = 0x7E020000  # every CLONE_NEW… flag that fits into clone's first argument
_TERMINAL_INPUT = (0x5412, 0x541C)  # TIOCSTI, TIOCLINUX: typing on the terminal of the person who grades
_X32 = 0x40000000

# BPF: load a word, compare, jump, return
_LOAD, _EQUAL, _ABOVE, _ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_NUMBER_AT, _ARCHITECTURE_AT, _ARGUMENT_AT = 0, 4, 16
_ALLOW, _KILL_PROCESS, _ERROR = 0x7FFF0000, 0x80000000, 0x00050000


def confine(*, no_connections: bool = False, only_own_signals: bool = False) -> None:
    """Refuse the dangerous system calls in this process and in all that it starts, for good.

    Parameters
    ----------
    no_connections
        For levels without a network namespace: local sockets cannot be connected, because programs that act for the
        user (a container service, a session bus, an agent with keys) listen there.
    only_own_signals
        For levels without a process namespace: signals reach this very process only.

    Raises
    ------
    ConfinementError
        If the kernel has no seccomp, or the machine's call numbers are unknown.
    """
    program = _program(no_connections, only_own_signals)
    buffer = ctypes.create_string_buffer(program, len(program))
    # struct sock_fprog: the number of instructions, padding, a pointer
    header = struct.pack("HxxxxxxP", len(program) // 8, ctypes.addressof(buffer))
    pointer = ctypes.create_string_buffer(header, len(header))
    system.prctl(system.PR_SET_NO_NEW_PRIVS, 1)
    try:
        system.prctl(system.PR_SET_SECCOMP, 2, ctypes.addressof(pointer))
    except OSError as error:
        raise ConfinementError(f"the kernel takes no seccomp filter ({error})") from error


def _program(no_connections: bool, only_own_signals: bool) -> bytes:
    if system.MACHINE not in _COLUMN:
        raise ConfinementError(f"no table of system calls for {system.MACHINE}")
    column = _COLUMN[system.MACHINE]
    steps = [
        _step(_LOAD, _ARCHITECTURE_AT),
        _step(_EQUAL, _ARCHITECTURES[system.MACHINE], 1, 0),
        _step(_RETURN, _KILL_PROCESS),  # a 32-bit call has other numbers and would pass the list
        _step(_LOAD, _NUMBER_AT),
    ]
    if system.MACHINE == "x86_64":
        steps += [_step(_ABOVE, _X32, 0, 1), _step(_RETURN, _KILL_PROCESS)]
    for numbers in _REFUSED.values():
        if numbers[column] != _ABSENT:
            steps += _refuse(numbers[column])
    steps += _refuse(_CLONE3[column], errno.ENOSYS)  # its flags are in memory: make libc use clone instead
    steps += _refuse_argument(_CLONE[column], _ANY_BIT, _NEW_NAMESPACES)
    steps += _refuse_unless(_SOCKET[column], 1)  # AF_UNIX, which multiprocessing needs
    for request in _TERMINAL_INPUT:
        steps += _refuse_argument(_IOCTL[column], _EQUAL, request, argument=1)
    if no_connections:
        for numbers in (_CONNECT, _BIND):
            steps += _refuse(numbers[column])
    if only_own_signals:
        for numbers in (_PIDFD_SIGNAL, _TKILL, _QUEUE, _THREAD_QUEUE):
            steps += _refuse(numbers[column])
        for numbers in (_KILL, _TGKILL):
            steps += _refuse_unless(numbers[column], os.getpid())
    return b"".join([*steps, _step(_RETURN, _ALLOW)])


def _step(code: int, value: int, if_true: int = 0, if_false: int = 0) -> bytes:
    return struct.pack("HBBI", code, if_true, if_false, value)


def _refuse(number: int, error: int = errno.EPERM) -> list[bytes]:
    return [_step(_EQUAL, number, 0, 1), _step(_RETURN, _ERROR | error)]


def _refuse_argument(number: int, test: int, value: int, argument: int = 0) -> list[bytes]:
    """Refuse a call if its argument passes the test, and load the call's number again for what follows."""
    return [
        _step(_EQUAL, number, 0, 4),
        _step(_LOAD, _ARGUMENT_AT + 8 * argument),
        _step(test, value, 0, 1),
        _step(_RETURN, _ERROR | errno.EPERM),
        _step(_LOAD, _NUMBER_AT),
    ]


def _refuse_unless(number: int, value: int) -> list[bytes]:
    """Refuse a call unless its first argument has the value."""
    return [
        _step(_EQUAL, number, 0, 4),
        _step(_LOAD, _ARGUMENT_AT),
        _step(_EQUAL, value, 1, 0),
        _step(_RETURN, _ERROR | errno.EPERM),
        _step(_LOAD, _NUMBER_AT),
    ]
