"""Files that the course does not carry itself: found nearby, fetched once, used only when they are whole.

They are looked up in the package, then in `CNNCOURSE_DATA`, then in the cache, then on the network. The checksum
is that of the decompressed bytes, so that an official file, a mirror and a recompressed copy all pass one test.
"""

from __future__ import annotations

import gzip
import hashlib
import logging
import os
import warnings
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, cast

PACKAGE = Path(__file__).parents[1]
_BLOCK = 2**20


@dataclass(frozen=True)
class Resource:
    """A file with its place, its checksum and where it comes from.

    Parameters
    ----------
    name
        Its path below the package, `CNNCOURSE_DATA` and the cache, for example ``"weights/alexnet.pth"``.
    checksum
        ``"sha256:…"`` or ``"md5:…"``. A sha256 may be shortened to its first digits, as published checkpoints do
        in their names.
    size
        Bytes of the file as it is fetched, to tell the reader before the download.
    urls
        Where it can be fetched, the official place first; empty if it can only be put there by hand.
    licence, source
        What may be done with it, and who made it.
    gzipped
        The checksum is that of the bytes inside the ``.gz`` file, and `read` returns those.
    """

    name: str
    checksum: str
    size: int
    urls: tuple[str, ...] = ()
    licence: str = ""
    source: str = ""
    gzipped: bool = False

    def __str__(self) -> str:
        return f"{self.name} ({_readable(self.size)})"


def locate(*choices: Resource) -> Path:
    """Return the path of a file that has been checked; several choices are alternatives, the best one first.

    All choices are looked up on this machine before the first one that has a URL is downloaded.

    Raises
    ------
    FileNotFoundError
        If the file is not on this machine and cannot be fetched; the message names the file, its size and where
        to put it.
    ValueError
        If no choice is given.
    """
    path = find(*choices)
    return path if path is not None else _download(choices)


def find(*choices: Resource) -> Path | None:
    """Return the path of a checked file on this machine, or `None`; nothing is downloaded."""
    if not choices:
        raise ValueError("give at least one resource to look for")
    for resource in choices:
        for path in _places(resource):
            if path.is_file() and _is_usable(path, resource):
                return path
    return None


def read(resource: Resource) -> bytes:
    """Return the content of a checked file, decompressed; see `locate`."""
    with _open(locate(resource), resource.gzipped) as file:
        return file.read()


def offline() -> bool:
    """Tell whether `CNNCOURSE_OFFLINE` forbids downloads."""
    return os.environ.get("CNNCOURSE_OFFLINE", "").strip().lower() not in ("", "0", "false", "no")


def cache_folder() -> Path:
    """Where downloads are kept: the user's cache folder of this system."""
    import pooch

    return Path(pooch.os_cache("cnncourse"))


def data_folder() -> Path | None:
    """The folder that `CNNCOURSE_DATA` names, if it names one."""
    named = os.environ.get("CNNCOURSE_DATA", "").strip()
    return Path(named).expanduser() if named else None


def digest(path: Path, algorithm: str, gzipped: bool = False) -> str:
    """Hexadecimal digest of a file's content, or of what is compressed in it."""
    state = hashlib.new(algorithm, usedforsecurity=False)
    with _open(path, gzipped) as file:
        for block in _blocks(file):
            state.update(block)
    return state.hexdigest()


def is_whole(path: Path, resource: Resource) -> bool:
    """Tell whether a file has the content that its checksum promises."""
    algorithm, _, expected = resource.checksum.partition(":")
    try:
        return bool(expected) and digest(path, algorithm, resource.gzipped).startswith(expected)
    except (OSError, EOFError, zlib.error):  # not a gzip file, or one that ends too early
        return False


def _places(resource: Resource) -> Iterator[Path]:
    given = data_folder()
    roots = [PACKAGE, *([given] if given else []), cache_folder()]
    return (root / resource.name for root in roots)


def _is_usable(path: Path, resource: Resource) -> bool:
    if is_whole(path, resource):
        return True
    warnings.warn(f"{path} is truncated or altered (its {resource.checksum[:14]}… differs): not used", stacklevel=4)
    return False


def _download(choices: Sequence[Resource]) -> Path:
    resource = next((choice for choice in choices if choice.urls), choices[0])
    if not resource.urls or offline():
        raise FileNotFoundError(_advice(choices, resource))
    failures = []
    for url in resource.urls:
        try:
            path = _retrieve(url, cache_folder() / resource.name)
        except OSError as error:  # every error of requests is one
            failures.append(f"{url}: {error}")
            continue
        if is_whole(path, resource):
            return path
        path.unlink()
        failures.append(f"{url}: what came has another checksum than {resource.checksum}")
    raise FileNotFoundError("\n".join([_advice(choices, resource), "The download failed:", *failures]))


def _retrieve(url: str, path: Path) -> Path:
    import pooch

    pooch.get_logger().setLevel(logging.WARNING)
    path.unlink(missing_ok=True)  # damaged, or it would have been found
    downloader = pooch.HTTPDownloader(progressbar=True, timeout=60)
    return Path(pooch.retrieve(url, known_hash=None, fname=path.name, path=path.parent, downloader=downloader))


def _advice(choices: Sequence[Resource], resource: Resource) -> str:
    given = data_folder()
    places = [str(given / resource.name)] if given else [f"$CNNCOURSE_DATA/{resource.name}"]
    names = " or ".join(str(choice) for choice in choices)
    reason = " and CNNCOURSE_OFFLINE forbids to fetch it" if resource.urls and offline() else ""
    origin = resource.urls[0] if resource.urls else resource.source or "the course's authors"
    return (
        f"{names} is not on this machine{reason}. "
        f"Put the file at {places[0]} or {cache_folder() / resource.name}; it comes from {origin}."
    )


def _open(path: Path, gzipped: bool) -> BinaryIO:
    return cast(BinaryIO, gzip.open(path, "rb")) if gzipped else path.open("rb")


def _blocks(file: BinaryIO) -> Iterator[bytes]:
    while block := file.read(_BLOCK):
        yield block


def _readable(size: int) -> str:
    for unit in ("B", "kB"):
        if size < 1000:
            return f"{size:.0f} {unit}"
        size = round(size / 1000)
    return f"{size:,} MB"
