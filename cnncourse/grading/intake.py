"""Intake: finds what students handed in and reads it, whatever it is; nothing here ever stops the class.

Every oddity becomes one remark in words. Chapter: `teaching`.
"""

from __future__ import annotations

import fnmatch
import os
import re
import stat
import unicodedata
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

from cnncourse.grading.course import Course
from cnncourse.grading.reading import RawCell, UnreadableError, read_cells

MEBIBYTE = 2**20
_NOT_FILES = ("timestamp.txt", "submission_secret.txt")  # nbgrader's own
_COPY_MARK = re.compile(
    r"(\s*\(\d+\)|[\s_-]*(copy|kopie|final|new|solved)\d*|[\s_-]+copy\d*|[\s_-]\d+)+$", re.IGNORECASE
)
_DANGEROUS = {
    stat.S_ISLNK: "a symbolic link",
    stat.S_ISFIFO: "a named pipe",
    stat.S_ISSOCK: "a socket",
    stat.S_ISCHR: "a device",
    stat.S_ISBLK: "a device",
    stat.S_ISDIR: "a folder",
}


@dataclass(frozen=True)
class IntakeLimits:
    """What is read of one submission at most."""

    notebook_bytes: int = 100 * MEBIBYTE
    file_bytes: int = 4 * MEBIBYTE
    all_files_bytes: int = 8 * MEBIBYTE
    files: int = 200


@dataclass
class Submission:
    """One student's folder for one assignment.

    `notebooks` holds the cells of each notebook that could be read, `files` what the student added, `remarks` what
    was odd, and `unreadable` why a notebook is missing, by its name.
    """

    student: str
    folder: Path
    remarks: list[str] = field(default_factory=list)
    notebooks: dict[str, list[RawCell]] = field(default_factory=dict)
    unreadable: dict[str, str] = field(default_factory=dict)
    files: list[tuple[str, bytes]] = field(default_factory=list)
    timestamp: str = ""


def find_submissions(course: Course, assignment: str, students: str = "*") -> tuple[list[Submission], list[str]]:
    """All submissions of an assignment in the order of their names, and remarks about what is none.

    `students` is a pattern as nbgrader takes it (``"b*"``).
    """
    above, name_inside = _student_level(course, assignment)
    found: list[Submission] = []
    remarks: list[str] = []
    for entry in _entries(above):
        if entry.name.startswith(".") or not fnmatch.fnmatch(entry.name, students):
            continue
        what = _kind(entry)
        if what != "a folder":
            remarks.append(f"{entry.name}: is {what}, not a student's folder; left out")
            continue
        folder, remark = _assignment_folder(Path(entry.path), name_inside, assignment)
        if folder is not None:
            found.append(Submission(entry.name, folder, [remark] if remark else []))
        elif remark:
            remarks.append(f"{entry.name}: {remark}")
    remarks.extend(_twins(found))
    return found, remarks


def read_submission(
    found: Submission,
    expected: Mapping[str, Collection[str]],
    limits: IntakeLimits | None = None,
    ignore: Collection[str] = (),
) -> Submission:
    """The submission with its notebooks and files; `expected` gives each notebook's grade ids."""
    limits = limits or IntakeLimits()
    found = Submission(found.student, found.folder, list(found.remarks))  # the list of a whole class stays small
    found.timestamp = _small_text(found.folder / "timestamp.txt")
    exact = {f"{name}.ipynb" for name in expected}
    others = [e for e in _entries(found.folder) if _looks_like_a_notebook(e.name) and e.name not in exact]
    for name, grade_ids in expected.items():
        _read_notebook(found, name, grade_ids, others, limits)
    _read_files(found, limits, ignore)
    return found


def open_plain(path: Path, limit: int) -> bytes:
    """The content of a regular file, opened so that neither a link nor a pipe can lead or hold us anywhere.

    Raises
    ------
    UnreadableError
        If the path is anything else, too large, or another name of a file that lies elsewhere.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise UnreadableError(_why_not(path, error)) from error
    status = os.fstat(descriptor)
    if not stat.S_ISREG(status.st_mode):
        os.close(descriptor)
        raise UnreadableError(f"is {_kind_of_mode(status.st_mode)}")
    with os.fdopen(descriptor, "rb") as file:
        if status.st_size > limit:
            raise UnreadableError(
                f"is {status.st_size / MEBIBYTE:.1f} MiB large; at most {limit / MEBIBYTE:g} are read"
            )
        if status.st_nlink > 1 and not _all_names_inside(path, status):
            raise UnreadableError("is a hard link to a file that lies outside the submissions")
        content = file.read(limit + 1)
    if len(content) > limit:
        raise UnreadableError(f"grew beyond {limit / MEBIBYTE:g} MiB while it was read")
    return content


def _read_notebook(
    found: Submission, name: str, grade_ids: Collection[str], others: list[os.DirEntry[str]], limits: IntakeLimits
) -> None:
    """Take the notebook of that name, or the one that is most like it."""
    exact = f"{name}.ipynb"
    problem = ""
    if os.path.lexists(found.folder / exact):
        try:
            cells, remarks = read_cells(open_plain(found.folder / exact, limits.notebook_bytes))
        except UnreadableError as error:
            problem = f"{exact} {error}"
        else:
            found.notebooks[name] = cells
            found.remarks.extend(f"{exact} {remark}" for remark in remarks)
            return
    best: tuple[float, str, list[RawCell]] | None = None
    for entry in others:
        try:
            cells, _ = read_cells(open_plain(Path(entry.path), limits.notebook_bytes))
        except UnreadableError as error:
            problem = problem or f"{entry.name} {error}"
            continue
        likeness = _likeness(cells, grade_ids) + (0.5 if _same_name(_stem(entry.name), name) else 0)
        if likeness and (best is None or (likeness, entry.name) > best[:2]):
            best = (likeness, entry.name, cells)
    if best is not None:
        found.notebooks[name] = best[2]
        found.remarks.extend(filter(None, [problem]))
        found.remarks.append(f"there was no usable {exact}; {best[1]} was graded in its place")
    else:
        found.unreadable[name] = problem or f"there is no {exact}" + _what_else(found.folder)


def _likeness(cells: list[RawCell], grade_ids: Collection[str]) -> float:
    return float(sum(cell.grade_id in grade_ids or cell.id in grade_ids for cell in cells))


def _read_files(found: Submission, limits: IntakeLimits, ignore: Collection[str]) -> None:
    """Take the plain files that a student added, for the student's own process."""
    total = 0
    for path in _walk(found.folder, ignore, found.remarks):
        inside = path.relative_to(found.folder).as_posix()
        if _looks_like_a_notebook(path.name) or inside in _NOT_FILES:
            continue
        if len(found.files) >= limits.files:
            found.remarks.append(f"more than {limits.files} files; the rest was left out")
            return
        try:
            content = open_plain(path, min(limits.file_bytes, limits.all_files_bytes - total))
        except UnreadableError as error:
            found.remarks.append(f"{inside} {error}; left out")
            continue
        total += len(content)
        found.files.append((inside, content))


def _walk(folder: Path, ignore: Collection[str], remarks: list[str], depth: int = 0) -> Iterator[Path]:
    for entry in _entries(folder):
        if any(fnmatch.fnmatch(entry.name, pattern) for pattern in ignore):
            continue
        what = _kind(entry)
        if what == "a file":
            yield Path(entry.path)
        elif what == "a folder" and not _looks_like_a_notebook(entry.name) and depth < 8:
            yield from _walk(Path(entry.path), ignore, remarks, depth + 1)
        elif not _looks_like_a_notebook(entry.name):
            remarks.append(f"{entry.name} is {what}; left out")


def _student_level(course: Course, assignment: str) -> tuple[Path, str]:
    """The folder whose entries are the students, and the way from a student to the assignment."""
    parts = Path(course.structure).parts
    if "{student_id}" not in parts:
        raise ValueError(f"directory_structure is {course.structure!r}; the student must be a folder of its own")
    at = parts.index("{student_id}")
    above = course.folder("submitted", "\0", assignment)
    below = above.parts[len(above.parts) - len(parts) + at + 1 :]
    return Path(*above.parts[: len(above.parts) - len(parts) + at]), str(Path(*below)) if below else ""


def _assignment_folder(student: Path, inside: str, assignment: str) -> tuple[Path | None, str]:
    """The folder of the assignment, or one whose name shows that it is meant."""
    if not os.access(student, os.R_OK | os.X_OK):
        return None, "the folder cannot be opened; left out"
    if not inside:
        return student, ""
    if os.path.lexists(student / inside):
        what = _kind_of_mode(os.lstat(student / inside).st_mode)
        return (student / inside, "") if what == "a folder" else (None, f"{inside} is {what}; left out")
    alike = [e for e in _entries(student) if _kind(e) == "a folder" and _same_name(e.name, assignment)]
    if len(alike) == 1:
        return Path(alike[0].path), f"the folder is called {alike[0].name!r} instead of {assignment!r}"
    if alike:
        return None, f"has no folder {assignment!r} but several like it: {', '.join(sorted(e.name for e in alike))}"
    return None, ""


def _twins(found: list[Submission]) -> Iterator[str]:
    """Folders whose names differ only as the names of one student do when copied by hand."""
    groups: dict[str, list[str]] = defaultdict(list)
    for submission in found:
        plain = unicodedata.normalize("NFKC", submission.student).casefold().strip()
        groups[re.sub(r"\s*\(\d+\)$|[\s_-]+copy$", "", plain)].append(submission.student)
    for names in groups.values():
        if len(names) > 1:
            listed = ", ".join(repr(name) for name in names)
            yield f"{listed}: may be one student's folders; each was graded under its own name"


def _looks_like_a_notebook(name: str) -> bool:
    return ".ipynb" in name.lower() and name != ".ipynb_checkpoints"


def _stem(name: str) -> str:
    return name[: name.lower().index(".ipynb")]


def _same_name(found: str, wanted: str) -> bool:
    plain = [re.sub(r"[\s_-]+", "", _COPY_MARK.sub("", name.strip()).casefold()) for name in (found, wanted)]
    return plain[0] == plain[1] or re.sub(r"[\s_-]+", "", found.casefold()) == re.sub(r"[\s_-]+", "", wanted.casefold())


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return sorted(entries, key=lambda entry: entry.name)
    except OSError:
        return []


def _kind(entry: os.DirEntry[str]) -> str:
    try:
        return _kind_of_mode(entry.stat(follow_symlinks=False).st_mode)
    except OSError:
        return "unreadable"


def _kind_of_mode(mode: int) -> str:
    return next((name for test, name in _DANGEROUS.items() if test(mode)), "a file")


def _why_not(path: Path, error: OSError) -> str:
    try:
        what = _kind_of_mode(os.lstat(path).st_mode)
    except OSError:
        return "does not exist"
    if what in ("a file", "a folder"):
        return "is a folder" if what == "a folder" else f"cannot be read ({error.strerror})"
    return f"is {what}"


def _all_names_inside(path: Path, status: os.stat_result) -> bool:
    """Whether all names of a file lie in the folder of the submissions, as after a copy that saves space."""
    top = path.parents[2] if len(path.parents) > 2 else path.parent
    return _names_below(top, status.st_dev, status.st_ino, status.st_nlink) >= status.st_nlink


@lru_cache(maxsize=1000)
def _names_below(top: Path, device: int, inode: int, _links: int) -> int:
    names = 0
    for folder, _, files in os.walk(top):
        for name in files:
            try:
                other = os.lstat(os.path.join(folder, name))  # noqa: PTH118 - in a walk over a whole class
            except OSError:
                continue
            names += (other.st_dev, other.st_ino) == (device, inode)
    return names


def _small_text(path: Path) -> str:
    try:
        return open_plain(path, 1000).decode("utf-8", "replace").strip()
    except UnreadableError:
        return ""


def _what_else(folder: Path) -> str:
    names = [entry.name for entry in _entries(folder) if entry.name not in _NOT_FILES]
    listed = ", ".join(names[:4])
    return f"; the folder holds {listed}{', …' if len(names) > 4 else ''}" if names else "; the folder is empty"
