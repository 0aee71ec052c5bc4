"""Each network of the catalogue, none left out: learns at its own size and width, and survives torch's tools."""

import pickle
import re
import shutil

import pytest
import torch
from models.whole_networks import narrow, outputs_of, pictures

from cnncourse.models import NETWORKS, build

# A VGG of full width takes seconds and half a gigabyte; the deepest networks take seconds to trace.
_LARGE = re.compile(r"vgg1.*|.*(101|152|56|110).*")
every_network = pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.large if _LARGE.fullmatch(name) else ()) for name in NETWORKS]
)


@every_network
def test_every_parameter_of_the_full_network_gets_a_finite_gradient_in_float32(name):
    torch.manual_seed(0)
    network = build(name)
    outputs = outputs_of(network(pictures(name, number=1)))
    assert {logits.dtype for logits in outputs} == {torch.float32}
    sum(logits.square().mean() for logits in outputs).backward()
    without = [key for key, value in network.named_parameters() if value.grad is None]
    assert without == []
    odd = [key for key, value in network.named_parameters() if not torch.isfinite(value.grad).all()]
    assert odd == []


@every_network
def test_pickle_brings_back_the_same_network(name):
    network = narrow(name).eval()
    again = pickle.loads(pickle.dumps(network))
    images = pictures(name, number=1)
    assert type(again) is type(network)
    assert torch.equal(network(images), again(images))


@every_network
def test_export_gives_the_same_numbers(name):
    network = narrow(name).eval()
    images = pictures(name)
    exported = torch.export.export(network, (images,)).module()
    torch.testing.assert_close(exported(images), network(images))


@every_network
def test_compile_makes_one_graph_with_the_same_numbers(name):
    network = narrow(name).eval()
    images = pictures(name)
    try:
        compiled = torch.compile(network, backend="eager", fullgraph=True)
        torch.testing.assert_close(compiled(images), network(images))
    finally:
        torch.compiler.reset()


@pytest.mark.skipif(shutil.which("c++") is None, reason="torch's own backend needs a C++ compiler")
@pytest.mark.large
def test_compiled_code_gives_the_same_numbers_and_gradients():
    network, images = narrow("lenet"), pictures("lenet")
    found = []
    try:
        for run in (network, torch.compile(network)):
            network.zero_grad()
            run(images).square().mean().backward()
            found.append([value.grad.clone() for value in network.parameters()])
    finally:
        torch.compiler.reset()
    torch.testing.assert_close(*found, rtol=1e-3, atol=1e-5)
