"""Caltech-101: photographs of 101 kinds of things, from accordion to yin-yang (Fei-Fei, Fergus & Perona 2004).

The official archive, or a smaller copy with 15 photographs of each class to train on and up to ten to test.

Chapter: `applications/transfer`.
"""

from __future__ import annotations

import io
import json
import random
import tarfile
import zipfile
from collections import defaultdict
from pathlib import Path

import torch

from cnncourse.data.photographs import Photographs, from_zip
from cnncourse.workbench import checks, downloads

SPLITS = ("train", "test")
_FOLDER = "101_ObjectCategories/"
_NO_CLASS = "BACKGROUND_Google"

OFFICIAL = downloads.Resource(
    name="caltech101/caltech-101.zip",
    checksum="md5:3138e1922a9193bfa496528edbbc45d0",
    size=137_414_764,
    urls=("https://data.caltech.edu/records/mzrjq-6wc02/files/caltech-101.zip",),
    licence="CC BY 4.0, as its record says",
    source="Fei-Fei Li, Marco Andreetto, Marc'Aurelio Ranzato, Pietro Perona; CaltechDATA",
)
SMALL_COPY = downloads.Resource(
    name="caltech101/caltech101_15_10.zip",
    checksum="sha256:8766dc1078502b4272c8774afd6a538e89cbe57aa1ab105ca26b3f45845d50fe",
    size=35_000_000,
    licence="CC BY 4.0, as its record says",
    source="a part of MachineLearning2020/Homework2-Caltech101 at 836044dd, original JPEG files",
)


def load(split: str = "train", per_class: int = 15, held_out: int = 10, seed: int = 101) -> Photographs:
    """Photographs of 101 classes in their own sizes.

    Parameters
    ----------
    split
        ``"train"`` or ``"test"``; no photograph is in both.
    per_class
        Photographs of each class to train on.
    held_out
        Photographs of each class to test with, at most; small classes have fewer.
    seed
        Which ones the official archive gives. The smaller copy has its own fixed split of 15 and up to ten.

    Raises
    ------
    ValueError
        If there is no such split, or the copy on this machine has not so many photographs of each class.
    FileNotFoundError
        If no copy is on this machine and none can be fetched.
    """
    if split not in SPLITS:
        raise ValueError(f"there is no split {split!r}; choose one of {', '.join(SPLITS)}")
    checks.whole_number("per_class", per_class, 1, "The lecture trains with as few as six.")
    checks.whole_number("held_out", held_out, 1, "Test with at least one photograph of each class.")
    path = downloads.locate(OFFICIAL, SMALL_COPY)
    if path.name == Path(SMALL_COPY.name).name:
        return _small_copy(path, split, per_class, held_out)
    return official(path.read_bytes(), split, per_class, held_out, seed)


def official(content: bytes, split: str, per_class: int, held_out: int, seed: int) -> Photographs:
    """Read the official zip file, which holds a tar file with one folder for each class."""
    with zipfile.ZipFile(io.BytesIO(content)) as outer:
        inner = next(name for name in outer.namelist() if name.endswith("101_ObjectCategories.tar.gz"))
        packed = outer.read(inner)
    with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
        members = sorted(name for name in archive.getnames() if name.endswith(".jpg") and _NO_CLASS not in name)
        by_class: dict[str, list[str]] = defaultdict(list)
        for name in members:
            by_class[name.split("/")[-2]].append(name)
        chosen = [
            (label, name)
            for label, (_, names) in enumerate(sorted(by_class.items()))
            for name in _drawn(names, split, per_class, held_out, seed)
        ]
        files = tuple(_content(archive, name) for _, name in chosen)
    labels = torch.tensor([label for label, _ in chosen], dtype=torch.long)
    return Photographs(files, labels, tuple(sorted(by_class)), "Caltech-101, the official files")


def _drawn(names: list[str], split: str, per_class: int, held_out: int, seed: int) -> list[str]:
    shuffled = random.Random(seed).sample(names, len(names))  # noqa: S311  nothing secret
    return shuffled[:per_class] if split == "train" else shuffled[per_class : per_class + held_out]


def _small_copy(path: Path, split: str, per_class: int, held_out: int) -> Photographs:
    wanted, most = (per_class, 15) if split == "train" else (held_out, 10)
    if wanted > most:
        raise ValueError(
            f"the copy of Caltech-101 on this machine has {most} photographs of each class for {split!r}, "
            f"not {wanted}; use fewer, or put the official archive at {OFFICIAL.name} in CNNCOURSE_DATA"
        )
    with zipfile.ZipFile(path) as archive:
        contents = json.loads(archive.read("split.json"))
        counts: dict[str, int] = defaultdict(int)
        names = []
        for name in contents[split]:
            counts[name.split("/")[0]] += 1
            if counts[name.split("/")[0]] <= wanted:
                names.append(name)
        return from_zip(archive, names, _FOLDER, contents["classes"], "Caltech-101, a part of its original files")


def _content(archive: tarfile.TarFile, name: str) -> bytes:
    file = archive.extractfile(name)
    if file is None:
        raise ValueError(f"{name} is not a file of the archive")
    return file.read()
