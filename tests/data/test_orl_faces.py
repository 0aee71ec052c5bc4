"""The ORL faces, from a tiny file and from the real one; without a file a message that says where to put it."""

import dataclasses
import hashlib

import numpy as np
import pytest
import torch

from cnncourse.data import orl_faces
from cnncourse.workbench import downloads


def test_photographs_become_squares_with_their_people(tmp_path, monkeypatch):
    path = tmp_path / orl_faces.SMALL_COPY.name
    path.parent.mkdir()
    x = np.arange(3, dtype=np.uint8)[:, None, None, None] * 50 + np.zeros((3, 2, 28, 23), np.uint8)
    np.savez(path, x=x)
    checksum = "sha256:" + hashlib.sha256(path.read_bytes()).hexdigest()
    monkeypatch.setenv("CNNCOURSE_DATA", str(tmp_path))
    monkeypatch.setattr(orl_faces, "SMALL_COPY", dataclasses.replace(orl_faces.SMALL_COPY, checksum=checksum))
    loaded = orl_faces.load()
    assert loaded.images.shape == (6, 1, 32, 32)
    assert loaded.people.tolist() == [0, 0, 1, 1, 2, 2]
    assert loaded.images.flatten(1).float().mean(dim=1).tolist() == [0, 0, 50, 50, 100, 100]
    assert loaded.group_names == ("ORL",)
    with pytest.raises(ValueError, match="side is 8"):
        orl_faces.load(8)


def test_without_the_file_the_message_says_where_to_put_it(tmp_path, monkeypatch):
    monkeypatch.setenv("CNNCOURSE_DATA", str(tmp_path))
    monkeypatch.setattr(downloads, "cache_folder", lambda: tmp_path / "cache")
    assert not orl_faces.at_hand()
    with pytest.raises(FileNotFoundError, match=r"Put the file at .*orl_faces.*comes from dnr2/ProjetoAM"):
        orl_faces.load()


@pytest.mark.skipif(not orl_faces.at_hand(), reason="the ORL faces are not on this machine")
def test_the_real_photographs_are_complete():
    loaded = orl_faces.load()
    assert loaded.images.shape == (400, 1, 32, 32)
    assert loaded.people.bincount().tolist() == [10] * 40
    vectors = loaded.images.flatten(1).float()
    vectors = vectors - vectors.mean(dim=1, keepdim=True)
    nearest = (torch.cdist(vectors, vectors) + 1e9 * torch.eye(400)).argmin(dim=1)
    assert (loaded.people[nearest] == loaded.people).double().mean() > 0.95
