"""Namespaces: a sandbox sees its own processes, its own empty network and a file system made for it.

The fork server moves into a private, read-only root once; each sandbox then gets its own processes, network,
shared memory and a small `/tmp` that vanishes with it. Works as root and, where the system allows user
namespaces, as anybody.
"""

from __future__ import annotations

import os
import re
import signal
from pathlib import Path

from cnncourse.grading.confinement import system
from cnncourse.grading.confinement.system import ConfinementError

SCRATCH = Path("/tmp")  # noqa: S108 (a private one, mounted anew for each sandbox)
WORK = SCRATCH / "work"
_OLD = "/.old"
_DEVICES = ("null", "zero", "full", "random", "urandom")
_ETC = ("ld.so.cache", "ld.so.conf", "ld.so.conf.d", "alternatives", "fonts", "localtime", "mime.types")
_INSIDE = 1000  # the number of the only user inside a user namespace; not 0, which would regain privileges
_ST_FLAGS = {1: 1, 2: 2, 4: 4, 8: 8, 1024: 1024, 2048: 2048, 4096: 1 << 21}  # statvfs flag: mount flag
_USERS_FILE = "root:x:0:0::/:/bin/false\nstudent:x:1000:1000::/tmp/home:/bin/false\n"
_SERVER = system.CLONE_NEWNS | system.CLONE_NEWPID | system.CLONE_NEWIPC | system.CLONE_NEWUTS | system.CLONE_NEWNET
_SANDBOX = system.CLONE_NEWNS | system.CLONE_NEWIPC | system.CLONE_NEWNET


def enter_server(visible: list[Path], covered: list[Path]) -> bool:
    """Move the fork server into its namespaces and root; returns whether it may assign users.

    The caller goes on as process 1 of a new process namespace: when it ends, for whatever reason, the kernel ends
    every sandbox. The process that called stays outside and only waits.

    Parameters
    ----------
    visible
        What the new root shows, read-only.
    covered
        Folders inside these that must not be seen.

    Raises
    ------
    OSError, ConfinementError
        If the system does not allow it.
    """
    privileged = _unshare(_SERVER)
    _continue_as_first_process()
    _build_root(visible, covered)
    return privileged


def enter_sandbox(user: int | None, scratch_bytes: int) -> None:
    """Move a process that was just forked into a sandbox of its own, as `user` or, without one, as nobody at all."""
    system.unshare(_SANDBOX)
    options = f"mode=1777,size={scratch_bytes},nr_inodes=20000"
    system.mount("tmpfs", str(SCRATCH), "tmpfs", system.MS_NOSUID | system.MS_NODEV, options)
    system.mount("proc", "/proc", "proc", system.MS_NOSUID | system.MS_NODEV | system.MS_NOEXEC)
    os.umask(0o022)
    for folder in (WORK, SCRATCH / "home", SCRATCH / "shm"):
        folder.mkdir()
        folder.chmod(0o1777)
    os.chdir(WORK)
    if user is None:
        # a user namespace of its own has no rights over the mounts above, and counts its own processes
        system.unshare(system.CLONE_NEWUSER)
        _map_user(_INSIDE, _INSIDE)
    else:
        os.setgroups([])
        os.setresgid(user, user, user)
        os.setresuid(user, user, user)


def next_child_in_new_namespace() -> None:
    """Let the next child be process 1 of a new process namespace: when it ends, the kernel ends all that it started."""
    system.unshare(system.CLONE_NEWPID)


def children_in_own_namespace(own: int) -> None:
    """Undo `next_child_in_new_namespace`; `own` is an open `/proc/self/ns/pid`."""
    system.enter_namespace(own, system.CLONE_NEWPID)


def _unshare(flags: int) -> bool:
    try:
        system.unshare(flags)
    except PermissionError:
        user, group = os.geteuid(), os.getegid()
        system.unshare(flags | system.CLONE_NEWUSER)
        _map_user(user, group)
        return False
    return True


def _map_user(user: int, group: int) -> None:
    Path("/proc/self/setgroups").write_text("deny")
    Path("/proc/self/uid_map").write_text(f"{_INSIDE} {user} 1")
    Path("/proc/self/gid_map").write_text(f"{_INSIDE} {group} 1")


def _continue_as_first_process() -> None:
    child = os.fork()
    if child:
        os._exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) & 0xFF)
    system.prctl(system.PR_SET_PDEATHSIG, signal.SIGKILL)


def _build_root(visible: list[Path], covered: list[Path]) -> None:
    base = next((path for path in ("/tmp", "/mnt", "/srv") if Path(path).is_dir()), None)  # noqa: S108
    if base is None:
        raise ConfinementError("there is no folder to put a private root on; make /tmp")
    shown = _with_real_paths([*visible, *(Path("/etc") / name for name in _ETC)])
    system.mount("", "/", flags=system.MS_REC | system.MS_PRIVATE)  # nothing mounted below is seen outside
    system.mount("tmpfs", base, "tmpfs", system.MS_NOSUID, "mode=755,size=4m")
    Path(base + _OLD).mkdir()
    system.pivot_root(base, base + _OLD)
    os.chdir("/")
    for path, real in shown:
        _show(path, real)
    for path in covered:
        if path.exists():
            system.mount("tmpfs", str(path), "tmpfs", system.MS_RDONLY, "mode=755,size=4k")
    _make_devices()
    Path("/etc/passwd").write_text(_USERS_FILE)
    for folder in ("/proc", str(SCRATCH)):
        Path(folder).mkdir(exist_ok=True)
    system.mount("proc", "/proc", "proc", system.MS_NOSUID | system.MS_NODEV | system.MS_NOEXEC)
    system.unmount(_OLD)
    Path(_OLD).rmdir()
    # a small private /tmp for the server itself; sandboxes mount their own over it
    system.mount("tmpfs", str(SCRATCH), "tmpfs", system.MS_NOSUID | system.MS_NODEV, "mode=1777,size=16m")
    _remount_read_only("/")


def _with_real_paths(paths: list[Path]) -> list[tuple[Path, Path]]:
    """Each existing path, and where it really lies when links lead there; parents before children."""
    pairs = {(path, path.resolve()) for path in paths if path.exists()}
    pairs |= {(real, real) for _, real in pairs}
    return sorted(pairs)


def _show(path: Path, real: Path) -> None:
    if path.exists():  # inside something that is shown already
        return
    source = Path(_OLD + str(real))
    path.parent.mkdir(parents=True, exist_ok=True)
    if source.is_dir():
        path.mkdir(exist_ok=True)
    else:
        path.touch()
    system.mount(str(source), str(path), flags=system.MS_BIND | system.MS_REC)
    for place in _mounts_beneath(path):
        _remount_read_only(place)


def _mounts_beneath(path: Path) -> list[str]:
    lines = Path(_OLD + "/proc/self/mountinfo").read_text().splitlines()
    places = [re.sub(r"\\(\d{3})", lambda code: chr(int(code[1], 8)), line.split()[4]) for line in lines]
    return [place for place in places if place == str(path) or place.startswith(f"{path}/")]


def _remount_read_only(place: str) -> None:
    # flags that were set by somebody more privileged must be kept, or the kernel refuses
    found = os.statvfs(place).f_flag
    kept = sum(flag for seen, flag in _ST_FLAGS.items() if found & seen)
    flags = system.MS_REMOUNT | system.MS_BIND | system.MS_RDONLY | system.MS_NOSUID
    system.mount("", place, flags=kept | flags)


def _make_devices() -> None:
    Path("/dev").mkdir()
    for name in _DEVICES:
        Path("/dev", name).touch()
        system.mount(f"{_OLD}/dev/{name}", f"/dev/{name}", flags=system.MS_BIND)
    Path("/dev/shm").symlink_to(SCRATCH / "shm")  # noqa: S108
    Path("/dev/fd").symlink_to("/proc/self/fd")
