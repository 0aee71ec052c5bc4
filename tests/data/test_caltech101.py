"""Caltech-101 from a tiny archive in the official form, from the smaller copy's form, and from the real copy."""

import dataclasses
import hashlib
import io
import json
import tarfile
import zipfile

import pytest
from jpeg_files import one_colour

from cnncourse.data import caltech101
from cnncourse.workbench import downloads


def official_zip(classes=("ant", "beaver", "BACKGROUND_Google"), number=6):
    inner, outer = io.BytesIO(), io.BytesIO()
    with tarfile.open(fileobj=inner, mode="w:gz") as archive:
        for shade, name in enumerate(classes):
            for image in range(number):
                content = one_colour((80 * shade, 10 * image, 0))
                member = tarfile.TarInfo(f"101_ObjectCategories/{name}/image_{image:04}.jpg")
                member.size = len(content)
                archive.addfile(member, io.BytesIO(content))
    with zipfile.ZipFile(outer, "w") as archive:
        archive.writestr("caltech-101/101_ObjectCategories.tar.gz", inner.getvalue())
    return outer.getvalue()


def put(folder, name, content, monkeypatch):
    resource = getattr(caltech101, name)
    path = folder / resource.name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(content)
    checksum = "sha256:" + hashlib.sha256(content).hexdigest()
    monkeypatch.setattr(caltech101, name, dataclasses.replace(resource, checksum=checksum))
    monkeypatch.setenv("CNNCOURSE_DATA", str(folder))


def test_the_official_archive_is_split_without_overlap(tmp_path, monkeypatch):
    put(tmp_path, "OFFICIAL", official_zip(), monkeypatch)
    training, test = caltech101.load("train", per_class=4), caltech101.load("test", per_class=4)
    assert training.classes == ("ant", "beaver")
    assert training.labels.tolist() == [0] * 4 + [1] * 4
    assert test.labels.tolist() == [0] * 2 + [1] * 2
    assert not set(training.files) & set(test.files)
    assert caltech101.load("train", per_class=4).files == training.files
    assert caltech101.load("train", per_class=4, seed=3).files != training.files


def test_the_smaller_copy_has_its_own_split(tmp_path, monkeypatch):
    split = {"classes": ["ant", "bee"], "train": ["bee/1.jpg", "ant/2.jpg", "ant/3.jpg"], "test": ["bee/4.jpg"]}
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("split.json", json.dumps(split))
        for name in split["train"] + split["test"]:
            archive.writestr(f"101_ObjectCategories/{name}", one_colour((0, 0, 0)))
    put(tmp_path, "SMALL_COPY", buffer.getvalue(), monkeypatch)
    assert caltech101.load("train").labels.tolist() == [1, 0, 0]
    assert caltech101.load("train", per_class=1).labels.tolist() == [1, 0]
    assert len(caltech101.load("test")) == 1
    with pytest.raises(ValueError, match="has 15 photographs of each class for 'train', not 30"):
        caltech101.load("train", per_class=30)


@pytest.mark.parametrize("options", [{"split": "dev"}, {"per_class": 0}, {"held_out": 2.5}])
def test_impossible_requests_are_named(options):
    with pytest.raises(ValueError, match=next(iter(options)) if "split" not in options else "no split 'dev'"):
        caltech101.load(**options)


@pytest.mark.skipif(downloads.find(caltech101.SMALL_COPY) is None, reason="Caltech-101 is not on this machine")
def test_the_real_copy_has_101_classes():
    training, test = caltech101.load("train"), caltech101.load("test")
    assert training.labels.bincount().tolist() == [15] * 101
    assert len(test) == 952
    assert training.image(0).shape[0] == 3
