"""Files that are whole or not there: written beside and renamed, so that `kill -9` at any moment leaves no half."""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cnncourse.grading.job import Outcome


def write_whole(path: Path, content: str | bytes, mode: int = 0o644) -> None:
    """Write a file in one step, replacing what was there."""
    path.parent.mkdir(parents=True, exist_ok=True)
    data = content.encode("utf-8", "replace") if isinstance(content, str) else content
    handle, beside = tempfile.mkstemp(prefix=".writing-", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        Path(beside).chmod(mode)
        Path(beside).replace(path)
    except BaseException:
        Path(beside).unlink(missing_ok=True)
        raise


def sweep(folder: Path) -> None:
    """Remove what a killed run left half written in a folder."""
    for left_over in folder.glob(".writing-*"):
        if left_over.is_dir():
            shutil.rmtree(left_over, ignore_errors=True)
        else:
            left_over.unlink(missing_ok=True)


class ResultStore:
    """Outcomes on disk under the key of their job: what was graded once is not graded again."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        sweep(folder)

    def get(self, key: str) -> Outcome | None:
        """The outcome of that job, or None; a damaged file counts as none."""
        try:
            return Outcome.from_json((self.folder / f"{key}.json").read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None

    def put(self, key: str, outcome: Outcome) -> None:
        """Keep an outcome."""
        write_whole(self.folder / f"{key}.json", outcome.to_json())


@contextmanager
def only_run(path: Path) -> Iterator[None]:
    """Hold a lock that ends with the process, however it ends.

    Raises
    ------
    RuntimeError
        If another process holds it.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise RuntimeError(f"another run holds {path}; wait until it has ended") from error
        yield
