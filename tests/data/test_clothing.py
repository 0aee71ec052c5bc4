"""The clothing photographs, from a tiny archive and from the real one."""

import dataclasses
import hashlib
import zipfile

import pytest
from jpeg_files import one_colour

from cnncourse.data import clothing
from cnncourse.workbench import downloads


def test_an_archive_becomes_photographs_with_the_labels_of_their_folders(tmp_path, monkeypatch):
    path = tmp_path / clothing.SMALL_COPY.name
    path.parent.mkdir()
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("LICENSE", "CC0")
        for name in ("train/hat/2.jpg", "train/dress/1.jpg", "test/hat/3.jpg"):
            archive.writestr(name, one_colour((10, 20, 30)))
    checksum = "sha256:" + hashlib.sha256(path.read_bytes()).hexdigest()
    monkeypatch.setenv("CNNCOURSE_DATA", str(tmp_path))
    monkeypatch.setattr(clothing, "SMALL_COPY", dataclasses.replace(clothing.SMALL_COPY, checksum=checksum))
    training = clothing.load("train")
    assert [training.classes[label] for label in training.labels] == ["dress", "hat"]
    assert len(clothing.load("test")) == 1
    assert len(clothing.load("validation")) == 0
    with pytest.raises(ValueError, match="no split 'dev'; choose one of train, validation, test"):
        clothing.load("dev")


@pytest.mark.skipif(downloads.find(clothing.SMALL_COPY) is None, reason="the photographs are not on this machine")
def test_the_real_photographs_are_complete():
    sizes = {split: len(clothing.load(split)) for split in clothing.SPLITS}
    assert sizes == {"train": 3068, "validation": 341, "test": 372}
    training = clothing.load("train")
    counts = dict(zip(training.classes, training.labels.bincount().tolist(), strict=True))
    assert (counts["t-shirt"], counts["skirt"]) == (795, 112)
    assert min(training.image(0).shape[1:]) == 128
