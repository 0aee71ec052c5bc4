"""What every network must do: run both ways at its own size, refuse what it cannot see, and name its places."""

from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from models.whole_networks import narrow, outputs_of, pictures

from cnncourse.models import NETWORKS, build, native_size

KEYS = Path(__file__).parent / "keys"
PUBLISHED = sorted(path.stem for path in KEYS.glob("*.txt"))


@pytest.mark.parametrize("name", PUBLISHED)
def test_names_and_shapes_of_parameters_are_those_of_published_checkpoints(name):
    expected = KEYS.joinpath(f"{name}.txt").read_text().splitlines()
    state = build(name, device="meta").state_dict()
    assert [f"{key} {'×'.join(map(str, value.shape)) or 'scalar'}" for key, value in state.items()] == expected


@pytest.mark.parametrize("name", NETWORKS)
def test_a_narrow_one_runs_forwards_and_backwards_at_its_native_size(name):
    network = narrow(name)
    logits = outputs_of(network(pictures(name)))[0]
    assert logits.shape == (2, logits.shape[1])
    assert logits.shape[1] in (10, 1000)
    logits.square().sum().backward()
    unused = [key for key, value in network.named_parameters() if value.grad is None and "aux" not in key]
    assert unused == []


@pytest.mark.parametrize("name", [name for name in NETWORKS if not name.startswith("lenet")])
def test_the_smallest_input_is_the_smallest(name):
    network = build(name, device="meta").eval()
    side = network.smallest_input
    assert network(torch.zeros(1, 3, side, side, device="meta")).shape[0] == 1
    if side > 1:
        with pytest.raises(ValueError, match=rf"too small for .*at least {side} pixels"):
            network(torch.zeros(1, 3, side - 1, side + 9, device="meta"))
        network.check_input = lambda _: None  # what would happen without the check
        with pytest.raises(RuntimeError):
            network(torch.zeros(1, 3, side - 1, side - 1, device="meta"))


@pytest.mark.parametrize("name", [name for name in NETWORKS if not name.startswith("lenet")])
def test_other_sizes_than_the_native_one_are_welcome(name):
    network = build(name, device="meta").eval()
    assert network(torch.zeros(1, 3, 97, 133, device="meta")).dim() == 2


@pytest.mark.parametrize("name", NETWORKS)
@given(
    images=st.sampled_from([None, "cat", 3, [1.0], torch.zeros(3), torch.zeros(3, 64, 64), torch.zeros(1, 2, 64, 64)])
)
def test_nothing_but_clear_errors_escape(name, images):
    network = build(name, device="meta")
    with pytest.raises((TypeError, ValueError), match="images"):
        network(images)


@pytest.mark.parametrize("name", NETWORKS)
def test_device_and_dtype_reach_every_parameter(name):
    network = build(name, device="meta", dtype=torch.float64)
    values = [value for key, value in network.state_dict().items() if not key.endswith("num_batches_tracked")]
    assert {value.dtype for value in values} == {torch.float64}
    assert {value.device.type for value in network.state_dict().values()} == {"meta"}


@pytest.mark.parametrize("name", NETWORKS)
def test_every_place_is_a_module(name):
    network = build(name, device="meta")
    modules = dict(network.named_modules())
    assert network.places
    assert set(network.places.values()) <= set(modules)


def test_an_unknown_network_lists_the_known_ones():
    with pytest.raises(ValueError, match=r"no network 'vgg17'; choose one of lenet5"):
        build("vgg17")
    with pytest.raises(ValueError, match="no network"):
        native_size("")
