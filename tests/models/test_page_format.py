"""The file that a page reads: the numbers of the network, nothing lost by folding, clear words for the rest."""

import hashlib
import json
import struct

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st
from torch import nn
from vectors.network import FILE, prepared, vectors

from cnncourse.models import Network, checkpoint, page_format
from cnncourse.models.page_format import layers_of, write_network

NAMES = ("lenet_mnist", "vgg_cifar10")


def read(data):
    """Header of a file, and the three arrays of each layer with weights, read back with numpy alone."""
    (length,) = struct.unpack_from("<I", data)
    header, place, inputs, arrays = json.loads(data[4 : 4 + length]), 4 + length, 0, {}
    inputs = header["input"]["channels"]
    for layer in header["layers"]:
        if outputs := layer.get("outputs"):
            convolution = layer["kind"] == "convolution"
            fan = inputs * layer["window"] ** 2 if convolution else (inputs if inputs != 16 else 400)
            weight = np.frombuffer(data, "<f2", outputs * fan, place)
            factor, bias = np.frombuffer(data, "<f4", 2 * outputs, place + 2 * len(weight)).reshape(2, -1)
            place += 2 * len(weight) + 8 * outputs
            arrays[layer["name"]] = (torch.tensor(weight.astype(np.float32)), torch.tensor(factor), torch.tensor(bias))
            inputs = outputs
    assert place == len(data)
    return header, arrays


def run(header, arrays, values):
    """What the file computes, with torch's functions."""
    for layer in header["layers"]:
        kind, name = layer["kind"], layer["name"]
        if name in arrays:
            weight, factor, bias = arrays[name]
            weight = weight.reshape(len(bias), -1) * factor[:, None]
        if kind == "convolution":
            weight = weight.reshape(len(bias), -1, layer["window"], layer["window"])
            values = F.conv2d(values, weight, bias, layer["stride"], layer["padding"])
        elif kind == "relu":
            values = values.relu()
        elif kind == "linear":
            values = F.linear(values.flatten(1), weight, bias)
        else:
            pool = F.max_pool2d if kind == "maximum" else F.avg_pool2d
            values = pool(values, layer["window"], layer["stride"])
    return values


@pytest.mark.parametrize("name", NAMES)
def test_the_file_computes_what_the_network_computes(name):
    images = torch.cat([prepared(name), torch.randn(3, *prepared(name).shape[1:])])
    with torch.inference_mode():
        expected = checkpoint(name).load(torch.device("cpu"))(images)
    torch.testing.assert_close(run(*read(write_network(name)), images), expected, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("name", NAMES)
def test_the_header_says_what_the_network_expects_and_answers(name):
    header, _ = read(write_network(name))
    one = checkpoint(name)
    assert header["classes"] == list(one.classes())
    assert header["mean"] == list(one.preprocess.mean)
    assert header["input"]["height"] == one.preprocess.crop


def test_the_file_is_small_and_always_the_same():
    data = write_network("vgg_cifar10")
    assert len(data) < 600_000
    assert hashlib.sha256(data).digest() == hashlib.sha256(write_network("vgg_cifar10")).digest()


def test_the_vectors_are_what_torch_computes():
    kept, computed = json.loads(FILE.read_text(encoding="utf-8")), vectors()
    for old, new in zip(kept, computed, strict=True):
        assert new["picture"] == old["picture"]
        assert new["logits"] == pytest.approx(old["logits"], abs=1e-4)
        assert new["layers"].keys() == old["layers"].keys()
        pairs = list(zip(old["projections"], new["projections"], strict=True))
        pairs += [(old["layers"][place], new["layers"][place]) for place in old["layers"]]
        for one, other in pairs:
            assert {**other, "values": 0, "norm": 0} == {**one, "values": 0, "norm": 0}
            assert other["values"] == pytest.approx(one["values"], abs=1e-4)
            assert other["norm"] == pytest.approx(one["norm"], rel=1e-4, abs=1e-6)


def test_layers_have_the_paper_s_names():
    names = [name for name, _ in layers_of(checkpoint("vgg_cifar10").network())]
    assert names[:4] == ["conv1_1", "features.1", "relu1_1", "conv1_2"]
    assert names[-1] == "fc4"


class Chain(Network):
    """Any layers, one after the other; backwards if asked, which is not the order that they are registered in."""

    def __init__(self, *layers, backwards=False):
        super().__init__()
        self.layers, self.backwards = nn.ModuleList(layers), backwards

    def forward(self, images):
        for layer in reversed(self.layers) if self.backwards else self.layers:
            images = layer(images)
        return images


def pretend(monkeypatch, network):
    """Let a network be what the name "pretended" loads."""
    one = checkpoint("vgg_cifar10")
    monkeypatch.setattr(page_format, "checkpoint", lambda _: one)
    monkeypatch.setattr(type(one), "load", lambda *_: network.eval())


@pytest.mark.parametrize(
    ("layer", "words"),
    [
        (nn.Tanh(), "does not know this layer: layers.1, Tanh"),
        (nn.Conv2d(3, 3, 3, groups=3), "does not know this layer"),
        (nn.Conv2d(3, 3, (3, 1)), "only square windows; window of layers.1"),
        (nn.MaxPool2d(3, 2, padding=1), "does not know this layer"),
        (nn.BatchNorm2d(3, track_running_stats=False), "no running mean"),
    ],
)
def test_a_layer_that_the_page_does_not_know_is_named(monkeypatch, layer, words):
    pretend(monkeypatch, Chain(nn.Conv2d(3, 3, 1), layer))
    with pytest.raises(ValueError, match=words):
        write_network("pretended")


def test_a_network_that_is_no_chain_is_refused(monkeypatch):
    pretend(monkeypatch, Chain(nn.Conv2d(3, 3, 3), nn.ReLU(), backwards=True))
    with pytest.raises(ValueError, match="Chain is no chain of layers"):
        write_network("pretended")
    pretend(monkeypatch, checkpoint("resnet18_clothing").network())
    with pytest.raises(ValueError, match="ResNet is no chain of layers"):
        write_network("pretended")


@given(st.text(max_size=20) | st.sampled_from(["alexnet_mnist", "LENET"]))
def test_an_unknown_name_is_refused_with_those_that_there_are(name):
    with pytest.raises(ValueError, match="vgg_cifar10"):
        write_network(name)
