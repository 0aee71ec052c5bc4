"""Weights by name: what they expect, what they say about real photographs, and what happens without them."""

import hashlib

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from cnncourse.data import cifar10, clothing, ilsvrc, mnist
from cnncourse.models import CHECKPOINTS, Preprocessing, checkpoint, load, pretrained
from cnncourse.workbench import downloads, normalise, photograph, resize
from cnncourse.workbench.training import accuracy

OWN = sorted(path.stem for path in pretrained.WEIGHTS.glob("*.pt"))


def have(name):
    return downloads.find(checkpoint(name).resource) is not None


@pytest.mark.parametrize("name", CHECKPOINTS)
def test_each_states_all_that_must_be_known(name):
    one = checkpoint(name)
    assert one.resource.licence
    assert one.resource.source
    assert one.measured_on
    assert 0.5 < one.accuracy < (one.top5 or 1) <= 1
    algorithm, _, digits = one.resource.checksum.partition(":")
    assert algorithm == "sha256"
    assert len(digits) >= 8
    assert len(one.classes()) in (10, 1000)
    if name not in OWN:
        assert one.resource.urls[0].startswith("https://")


@pytest.mark.parametrize("name", OWN)
def test_the_course_s_own_weights_come_with_it_and_are_small(name):
    one, log = checkpoint(name), pretrained.log_of(name)
    path = downloads.locate(one.resource)
    assert path == pretrained.WEIGHTS / f"{name}.pt"
    assert path.stat().st_size == log["bytes"] <= 2 * 2**20
    assert hashlib.sha256(path.read_bytes()).hexdigest() == log["sha256"]
    assert log["accuracy"] == pytest.approx(log["accuracy_float32"], abs=0.002)  # half precision costs nothing
    assert len(log["history"]["loss"]) == log["settings"]["epochs"]
    network = one.load(torch.device("cpu"))
    assert not network.training
    assert {parameter.dtype for parameter in network.parameters()} == {torch.float32}
    assert sum(parameter.numel() for parameter in network.parameters()) == log["parameters"]


@pytest.mark.skipif(not all(downloads.find(r) for r in mnist.RESOURCES.values()), reason="MNIST is not on this machine")
def test_lenet_reads_at_least_99_per_cent_of_mnist_s_test_digits():
    measured = accuracy(load("lenet_mnist"), mnist.load("test").prepared(mnist.MEAN, mnist.STD))
    assert measured == pytest.approx(checkpoint("lenet_mnist").accuracy, abs=3e-4)
    assert measured >= 0.99


@pytest.mark.skipif(downloads.find(cifar10.JPEG_COPY) is None, reason="CIFAR-10 is not on this machine")
def test_the_small_vgg_names_at_least_85_per_cent_of_cifar_10_s_test_pictures():
    one = checkpoint("vgg_cifar10")
    some = cifar10.load("test").sample(2000, seed=3)
    measured = accuracy(one.load(torch.device("cpu")), some.prepared(cifar10.MEAN, cifar10.STD))
    assert measured == pytest.approx(one.accuracy, abs=0.025)  # three standard errors of 2,000 pictures
    assert one.accuracy >= 0.85


@pytest.mark.skipif(downloads.find(clothing.SMALL_COPY) is None, reason="the photographs are not on this machine")
def test_the_small_resnet_names_the_clothes_as_its_log_says():
    one = checkpoint("resnet18_clothing")
    photographs = clothing.load_squares("test").prepared(clothing.MEAN, clothing.STD)
    assert accuracy(one.load(torch.device("cpu")), photographs) == pytest.approx(one.accuracy, abs=0.006)  # two of 372
    assert one.accuracy > 0.75


@pytest.mark.skipif(not have("squeezenet_compressed"), reason="SqueezeNet is not on this machine")
def test_squeezenet_knows_a_cat_and_an_espresso():
    one = checkpoint("squeezenet_compressed")
    network = one.load(torch.device("cpu"))
    guesses = {name: one.predict(network, photograph(name))[0] for name in ("chelsea", "coffee", "motorcycle")}
    assert guesses["chelsea"][0] == ("Egyptian cat", pytest.approx(0.71, abs=0.02))
    assert guesses["coffee"][0] == ("espresso", pytest.approx(0.87, abs=0.02))
    assert [name for name, _ in guesses["motorcycle"][:2]] == ["moped", "motor scooter"]
    assert all(len(guess) == 5 for guess in guesses.values())


@pytest.mark.skipif(not have("squeezenet_compressed"), reason="SqueezeNet is not on this machine")
def test_two_thirds_of_squeezenet_s_weights_are_gone():
    network = load("squeezenet_compressed", torch.device("cpu"))
    weights = [value for value in network.parameters() if value.dim() > 1]
    kept = sum(int(value.count_nonzero()) for value in weights)
    assert (kept, sum(value.numel() for value in weights)) == (415_921, 1_244_448)


@pytest.mark.skipif(not have("cifar_resnet20"), reason="the published ResNet-20 is not on this machine")
def test_the_published_resnet_20_knows_pictures_without_jpeg_damage():
    folder = downloads.data_folder() / "cifar10"
    if not (folder / "cifar10_batch_0.png").exists():
        pytest.skip("the lossless pictures are not on this machine")
    from PIL import Image

    with Image.open(folder / "cifar10_batch_0.png") as rows:
        pixels = np.array(rows.convert("RGB")).reshape(1000, 32, 32, 3)
    labels = np.load(folder / "cifar10_batch_0to3_labels.npz")["y"][:1000]
    one = checkpoint("cifar_resnet20")
    network = one.load(torch.device("cpu"))
    images = torch.from_numpy(pixels).permute(0, 3, 1, 2).float() / 255
    with torch.inference_mode():
        guesses = torch.cat([network(one.preprocess(part)).argmax(dim=1) for part in images.split(250)])
    assert (guesses.numpy() == labels).mean() > 0.99
    assert one.classes() == cifar10.CLASSES


@pytest.mark.parametrize("shape", [(3, 300, 451), (2, 3, 600, 400), (3, 40, 30)])
def test_preprocessing_resizes_the_shorter_side_and_crops_the_centre(shape):
    picture = torch.rand(shape)
    result = Preprocessing(256, 224)(picture)
    assert result.shape == (shape[0] if len(shape) == 4 else 1, 3, 224, 224)


def test_preprocessing_matches_its_steps():
    picture = torch.rand(3, 100, 200)
    by_hand = normalise(resize(picture, (50, 100))[:, 5:45, 30:70])
    torch.testing.assert_close(Preprocessing(50, 40)(picture)[0], by_hand)


def test_a_picture_of_the_right_size_is_only_scaled():
    picture = torch.rand(1, 28, 28)
    torch.testing.assert_close(Preprocessing(28, 28, (0.5,), (0.25,))(picture)[0], (picture - 0.5) / 0.25)


@given(images=st.sampled_from([None, "cat", torch.zeros(3), torch.zeros(1, 32, 32), torch.zeros(2, 4, 32, 32), 7]))
def test_nothing_but_clear_errors_escape(images):
    with pytest.raises((TypeError, ValueError), match="images"):
        Preprocessing(32, 32)(images)


def test_unknown_names_are_listed():
    with pytest.raises(ValueError, match=r"no weights 'vgg'; choose one of lenet_mnist"):
        load("vgg")


def test_offline_and_absent_the_error_says_what_to_do(tmp_path, monkeypatch):
    monkeypatch.setenv("CNNCOURSE_DATA", str(tmp_path))
    monkeypatch.setenv("CNNCOURSE_OFFLINE", "1")
    monkeypatch.setattr(downloads, "cache_folder", lambda: tmp_path / "cache")
    with pytest.raises(FileNotFoundError, match=r"resnet18-f37072fd.pth \(47 MB\).*CNNCOURSE_OFFLINE.*Put the file at"):
        load("resnet18")


def test_the_classes_are_imagenet_s():
    names = checkpoint("resnet18").classes()
    assert (names[0], names[285], names[967], names[999]) == ("tench", "Egyptian cat", "espresso", "toilet tissue")
    assert names == ilsvrc.class_names()
