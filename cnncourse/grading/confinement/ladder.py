"""The three levels of confinement, best first: namespaces, Landlock, none at all.

Each does three things for the fork server: enter once at start, make ready for a fork, and enter a sandbox in the
child.
"""

from __future__ import annotations

import os
import shutil
import signal
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from cnncourse.grading.confinement import landlock, limits, namespaces, seccomp, system
from cnncourse.grading.job import Limits

NO_WORKERS = "CNNCOURSE_NO_WORKERS"  # set where processes cannot connect to each other
LEVELS = ("namespaces", "landlock", "unsafe")
# Users that no account has. Each sandbox gets its own, because the kernel counts processes per user and lets
# processes of one user signal each other.
_FIRST_USER, _USERS = 64100, 800
_SCRATCH_FACTOR = 4  # files altogether may be this many times the size of the largest
_SYSTEM = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/nix/store", "/gnu/store")
_READABLE = (
    "/etc/ld.so.cache", "/etc/alternatives", "/etc/fonts", "/etc/localtime", "/proc/cpuinfo", "/proc/meminfo",
    "/proc/stat", "/sys/devices/system/cpu", "/dev/urandom", "/dev/random", "/dev/zero",
)  # fmt: skip
_WRITABLE = ("/dev/null",)


@dataclass
class Confinement:
    """One level at work in the fork server.

    Parameters
    ----------
    level
        One of `LEVELS`.
    visible
        Folders that sandboxes may read: Python, its packages, this package, perhaps a folder of data.
    covered
        Folders inside these that must stay out of sight.
    base
        A real folder for the files of sandboxes, used where there is no private `/tmp`.
    """

    level: str
    visible: list[Path]
    covered: list[Path] = field(default_factory=list)
    base: Path = Path()
    detail: str = ""
    privileged: bool = False
    _own: int = -1

    def enter_server(self) -> None:
        """Confine the fork server itself as far as the level can, or raise `OSError` or `ConfinementError`."""
        if self.level == "namespaces":
            self.privileged = namespaces.enter_server(self.visible, self.covered)
            self._own = os.open("/proc/self/ns/pid", os.O_RDONLY | os.O_CLOEXEC)
            users = "a user of its own each" if self.privileged else "user namespaces"
            self.detail = f"own processes, network, files and shared memory; seccomp; {users}"
            return
        self.privileged = _is_root() and _everybody_may_read(self.visible)
        if self.level == "landlock":
            found = landlock.version()
            landlock_is = f"Landlock {found}" if found else "no Landlock"
            self.detail = f"{landlock_is}; seccomp closes the network; limits on size and number"
            system.prctl(system.PR_SET_CHILD_SUBREAPER, 1)  # what a sandbox leaves behind comes to us, to be ended
        else:
            self.detail = "limits on size and number only"
            if system.LINUX:
                system.prctl(system.PR_SET_CHILD_SUBREAPER, 1)

    def prepare(self, number: int) -> Path:
        """Make ready for the fork of sandbox `number`; returns the folder that it will work in."""
        if self.level == "namespaces":
            namespaces.next_child_in_new_namespace()
            return namespaces.WORK
        work = self.base / f"sandbox-{number}"
        for folder in (work, work / "home", work / "tmp"):
            folder.mkdir()
            if self.privileged:
                os.chown(folder, self.user(number), self.user(number))
        return work

    def forked(self) -> None:
        """Go back to normal after the fork."""
        if self.level == "namespaces":
            namespaces.children_in_own_namespace(self._own)

    def clean(self, number: int) -> None:
        """Remove what sandbox `number` left, once its processes are gone."""
        if self.level != "namespaces":
            shutil.rmtree(self.base / f"sandbox-{number}", ignore_errors=True)

    def user(self, number: int) -> int:
        """The user of sandbox `number`."""
        return _FIRST_USER + number % _USERS

    def enter_sandbox(self, number: int, work: Path, wanted: Limits) -> None:
        """Confine the process that was just forked; student code runs only after this has returned."""
        os.setsid()  # where the kernel shares the processor among sessions, a crowd of processes gets one share
        if self.level == "namespaces":
            user = self.user(number) if self.privileged else None
            namespaces.enter_sandbox(user, _SCRATCH_FACTOR * wanted.file_bytes)
        else:
            self._enter_folder(number, work)
        limits.apply(wanted, count_processes=self.level == "namespaces" or self.privileged)
        if self.level == "unsafe":
            return
        system.drop_capabilities()
        own_signals = False
        if self.level == "landlock":
            own = [Path(f"/proc/{os.getpid()}"), *map(Path, _READABLE)]
            own_signals = landlock.confine([*self.visible, *own], [work, *map(Path, _WRITABLE)]) < 6
            os.environ[NO_WORKERS] = "1"
        seccomp.confine(no_connections=self.level == "landlock", only_own_signals=own_signals)
        # dropping privileges made /proc/self unreadable for the process itself, which libraries look at
        system.prctl(system.PR_SET_DUMPABLE, 1)

    def _enter_folder(self, number: int, work: Path) -> None:
        if system.LINUX:
            system.prctl(system.PR_SET_PDEATHSIG, signal.SIGKILL)
        os.chdir(work)
        os.environ.update(HOME=str(work / "home"), TMPDIR=str(work / "tmp"))
        tempfile.tempdir = None
        if self.privileged:
            user = self.user(number)
            os.setgroups([])
            os.setresgid(user, user, user)
            os.setresuid(user, user, user)
            if system.LINUX:  # changing the user undid it
                system.prctl(system.PR_SET_PDEATHSIG, signal.SIGKILL)


def visible_folders(package: Path, data: str | None = None) -> list[Path]:
    """What grading needs to read: the system's programs, Python, its packages, this package, perhaps data."""
    folders = [*map(Path, _SYSTEM), Path(sys.base_prefix), Path(sys.prefix), package]
    folders += [Path(entry) for entry in sys.path if Path(entry).name in ("site-packages", "dist-packages")]
    folders += [Path(data)] if data else []
    # a prefix that is the whole system, or somebody's home, would show everything in it
    return [folder for folder in folders if folder.exists() and len(folder.resolve().parts) > 1]


def covered_folders(visible: list[Path], private: list[Path]) -> list[Path]:
    """The private folders (solutions, submissions) that lie inside something visible and hold nothing visible."""
    covered = []
    for folder in private:
        inside = any(folder.is_relative_to(shown) and folder != shown for shown in visible)
        needed = any(shown.is_relative_to(folder) for shown in visible)
        covered += [folder] if inside and not needed else []
    return covered


def _is_root() -> bool:
    return hasattr(os, "geteuid") and os.geteuid() == 0


def _everybody_may_read(folders: list[Path]) -> bool:
    """Whether a user without any rights reaches these; without that, giving one to a sandbox would break imports."""
    places = {place for folder in folders for place in [folder.resolve(), *folder.resolve().parents]}
    return all(place.stat().st_mode & 0o005 == 0o005 for place in places)
