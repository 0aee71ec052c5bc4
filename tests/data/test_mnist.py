"""MNIST: tiny official-looking files, and the real ones where they are on this machine."""

import gzip
import hashlib

import numpy as np
import pytest
import torch
from idx_files import written

from cnncourse.data import LabelledImages, channel_statistics, fashion_mnist, mnist
from cnncourse.workbench import downloads

HAVE_MNIST = all(downloads.find(resource) for resource in mnist.RESOURCES.values())


@pytest.fixture
def tiny_files(tmp_path, monkeypatch):
    """Four gzipped idx files with five pictures each, in place of the real ones."""
    arrays = {"images-idx3": np.arange(5 * 28 * 28).reshape(5, 28, 28) % 251, "labels-idx1": np.array([3, 1, 4, 1, 5])}
    resources = {}
    for split in ("train", "t10k"):
        for kind, array in arrays.items():
            name, content = f"{split}-{kind}-ubyte.gz", written(array)
            (tmp_path / name).write_bytes(gzip.compress(content))
            checksum = "sha256:" + hashlib.sha256(content).hexdigest()
            resources[name] = downloads.Resource(name, checksum, len(content), gzipped=True)
    monkeypatch.setenv("CNNCOURSE_DATA", str(tmp_path))
    return resources


@pytest.mark.parametrize("data", [mnist, fashion_mnist])
@pytest.mark.parametrize("split", ["train", "test"])
def test_official_files_become_pictures_and_labels(data, split, tiny_files, monkeypatch):
    monkeypatch.setattr(data, "RESOURCES", tiny_files)
    loaded = data.load(split)
    assert loaded.images.shape == (5, 1, 28, 28)
    assert loaded.images.dtype == torch.uint8
    assert loaded.images[0, 0, 0, :3].tolist() == [0, 1, 2]
    assert loaded.labels.tolist() == [3, 1, 4, 1, 5]
    assert len(loaded.classes) == 10


def test_there_are_two_splits():
    with pytest.raises(ValueError, match="no split 'validation'; choose one of train, test"):
        mnist.load("validation")


def test_without_the_files_the_bundled_digits_stand_in_and_say_so(tmp_path, monkeypatch):
    monkeypatch.setenv("CNNCOURSE_DATA", str(tmp_path))
    monkeypatch.setenv("CNNCOURSE_OFFLINE", "1")
    monkeypatch.setattr(downloads, "cache_folder", lambda: tmp_path)
    training, test = mnist.load_or_bundled("train"), mnist.load_or_bundled("test")
    assert len(training) + len(test) == 1797
    assert "MNIST is not on this machine" in training.origin
    assert training.images.shape[1:] == (1, 28, 28)
    assert int(training.images.max()) > 200
    assert set(test.labels.tolist()) == set(range(10))


@pytest.mark.skipif(not HAVE_MNIST, reason="MNIST is not on this machine")
def test_the_real_digits_have_their_known_statistics():
    training, test = mnist.load("train"), mnist.load("test")
    assert (len(training), len(test)) == (60000, 10000)
    assert training.labels[:5].tolist() == [5, 0, 4, 1, 9]
    mean, std = channel_statistics(training.images)
    assert mean == pytest.approx(list(mnist.MEAN), abs=1e-4)
    assert std == pytest.approx(list(mnist.STD), abs=1e-4)
    assert isinstance(mnist.load_or_bundled("test"), LabelledImages)
