"""Earlier attempts, kept as they were handed in, so that the best or the first may count and all can be regraded.

Each stands in `grading/<assignment>/attempts/<student>/<number>/`. Chapter: `teaching`.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from dataclasses import replace
from pathlib import Path

from cnncourse.grading.course import Course
from cnncourse.grading.files import sweep
from cnncourse.grading.intake import IntakeLimits, Submission, open_plain
from cnncourse.grading.reading import UnreadableError

_DIGEST = ".digest"


def with_attempts(found: Submission, course: Course, assignment: str) -> list[Submission]:
    """All attempts of a student, oldest first; the one that lies in the submitted folder is kept as the last."""
    folder = course.work_folder(assignment) / "attempts" / found.student
    sweep(folder)
    kept = _kept(folder)
    files = _files(found.folder)
    digest = _digest(files)
    if not kept or (kept[-1] / _DIGEST).read_text() != digest:
        _keep(folder / f"{len(kept) + 1:03d}", files, digest)
        kept = _kept(folder)
    return [replace(found, folder=attempt, remarks=list(found.remarks)) for attempt in kept]


def _kept(folder: Path) -> list[Path]:
    numbers = folder.iterdir() if folder.is_dir() else ()
    return sorted(path for path in numbers if path.name.isdigit() and (path / _DIGEST).is_file())


def _files(folder: Path, limits: IntakeLimits | None = None) -> dict[str, bytes]:
    """The plain files of a submission; whatever is no plain file is not handed in."""
    limits = limits or IntakeLimits()
    files: dict[str, bytes] = {}
    for at, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if name != ".ipynb_checkpoints")
        for name in sorted(names):
            path = Path(at) / name
            limit = limits.notebook_bytes if ".ipynb" in name.lower() else limits.file_bytes
            try:
                files[path.relative_to(folder).as_posix()] = open_plain(path, limit)
            except UnreadableError:
                continue
            if len(files) >= limits.files:
                return files
    return files


def _digest(files: dict[str, bytes]) -> str:
    """Names an attempt by its content; another timestamp alone makes no new attempt."""
    total = hashlib.sha256()
    for path, content in sorted(files.items()):
        if path != "timestamp.txt":
            total.update(f"{path!a}\0{len(content)}\0".encode() + content)
    return total.hexdigest()


def _keep(folder: Path, files: dict[str, bytes], digest: str) -> None:
    folder.parent.mkdir(parents=True, exist_ok=True)
    beside = Path(tempfile.mkdtemp(prefix=".writing-", dir=folder.parent))
    try:
        for path, content in files.items():
            (beside / path).parent.mkdir(parents=True, exist_ok=True)
            (beside / path).write_bytes(content)
        (beside / _DIGEST).write_text(digest)
        beside.chmod(0o755)
        beside.rename(folder)
    finally:
        shutil.rmtree(beside, ignore_errors=True)
