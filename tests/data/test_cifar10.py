"""CIFAR-10 from official files, packed and unpacked, from the JPEG copy, and with the real copies where they are."""

import hashlib
import io
import pickle
import tarfile

import numpy as np
import pytest
import torch
from PIL import Image

from cnncourse.data import channel_statistics, cifar10
from cnncourse.workbench import downloads

PIXELS = np.random.default_rng(2).integers(0, 256, (6, 4, 3072), dtype=np.uint8)  # six batches of four pictures


def batch(number):
    return pickle.dumps({b"data": PIXELS[number], b"labels": [number, 1, 2, 3], b"batch_label": b"a batch"}, protocol=2)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """CNNCOURSE_DATA with nothing in it, and no network."""
    monkeypatch.setenv("CNNCOURSE_DATA", str(tmp_path))
    monkeypatch.setenv("CNNCOURSE_OFFLINE", "1")
    monkeypatch.setattr(downloads, "cache_folder", lambda: tmp_path / "cache")
    return tmp_path


def put(folder, resource, content, monkeypatch, name):
    """Place a file, and expect its checksum in `cifar10.<name>`."""
    path = folder / resource.name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    changed = downloads.Resource(resource.name, "md5:" + hashlib.md5(content).hexdigest(), len(content), resource.urls)
    if name:
        monkeypatch.setattr(cifar10, name, changed)
    return changed


def unpack(folder, monkeypatch):
    placed = {
        name: put(folder, cifar10.UNPACKED[name], batch(number), monkeypatch, None)
        for number, name in enumerate(cifar10.UNPACKED)
    }
    monkeypatch.setattr(cifar10, "UNPACKED", placed)


def pack(folder, monkeypatch):
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for number, name in enumerate(cifar10.UNPACKED):
            member = tarfile.TarInfo(f"cifar-10-batches-py/{name}")
            member.size = len(batch(number))
            archive.addfile(member, io.BytesIO(batch(number)))
    put(folder, cifar10.OFFICIAL, buffer.getvalue(), monkeypatch, "OFFICIAL")


@pytest.mark.parametrize("place", [unpack, pack])
def test_official_batches_become_pictures_in_order(place, folder, monkeypatch):
    place(folder, monkeypatch)
    training, test = cifar10.load("train"), cifar10.load("test")
    np.testing.assert_array_equal(training.images.numpy(), PIXELS[:5].reshape(20, 3, 32, 32))
    np.testing.assert_array_equal(test.images.numpy(), PIXELS[5].reshape(4, 3, 32, 32))
    assert training.labels[::4].tolist() == [0, 1, 2, 3, 4]
    assert "official" in test.origin


def test_the_jpeg_copy_is_read_and_names_itself(folder, monkeypatch):
    colours = np.array([[200, 40, 40], [40, 200, 40], [40, 40, 200]], dtype=np.uint8)
    files = []
    for colour in colours:
        buffer = io.BytesIO()
        Image.fromarray(np.broadcast_to(colour, (32, 32, 3)).copy()).save(buffer, "JPEG")
        files.append(np.frombuffer(buffer.getvalue(), dtype=np.uint8))
    buffer = io.BytesIO()
    offset = np.cumsum([0, *map(len, files)])
    np.savez(buffer, jpeg=np.concatenate(files), offset=offset, y=np.array([7, 8, 9]), split=np.array([0, 1, 0]))
    put(folder, cifar10.JPEG_COPY, buffer.getvalue(), monkeypatch, "JPEG_COPY")
    training, test = cifar10.load("train"), cifar10.load("test")
    assert training.labels.tolist() == [7, 9]
    assert test.labels.tolist() == [8]
    assert (test.images[0, :, 0, 0].int() - torch.tensor([40, 200, 40])).abs().max() < 10
    assert "JPEG" in test.origin


def test_official_files_are_preferred(folder, monkeypatch):
    put(folder, cifar10.JPEG_COPY, b"not even read", monkeypatch, "JPEG_COPY")
    pack(folder, monkeypatch)
    assert "official" in cifar10.load("test").origin


def test_a_batch_that_asks_for_more_than_arrays_is_refused():
    class Harmful:
        def __reduce__(self):
            return print, ("this must not run",)

    with pytest.raises(pickle.UnpicklingError, match="asks for"):
        cifar10.official([pickle.dumps({b"data": Harmful()})])


def test_what_is_missing_is_named(folder):
    with pytest.raises(FileNotFoundError, match=r"cifar-10-python.tar.gz \(170 MB\)"):
        cifar10.load()
    with pytest.raises(ValueError, match="no split 'dev'"):
        cifar10.load("dev")


@pytest.mark.skipif(downloads.find(cifar10.JPEG_COPY) is None, reason="the JPEG copy is not on this machine")
def test_the_real_copy_is_complete_and_has_known_statistics():
    test = cifar10.load("test")
    assert test.labels.bincount().tolist() == [1000] * 10
    mean, _ = channel_statistics(test.images)
    assert mean == pytest.approx(list(cifar10.MEAN), abs=0.01)
