"""Feature maps equal the layers by hand; the strongest pictures equal a search through everything."""

import contextlib

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from cnncourse.data import LabelledImages
from cnncourse.models import build
from cnncourse.visualization.activations import (
    activity,
    dead_filters,
    feature_maps,
    field_of,
    first_filters,
    patches,
    strongest,
    strongest_in_layers,
)


@pytest.fixture(scope="module")
def network():
    torch.manual_seed(0)
    return build("vgg_small").eval()


class Idle(nn.Module):
    def __init__(self):
        super().__init__()
        self.unused = nn.ReLU()

    def forward(self, images):
        return images


def drawn(number, seed=0, channels=3, side=32):
    return torch.randn(number, channels, side, side, generator=torch.Generator().manual_seed(seed))


def test_feature_maps_are_what_the_layers_return(network):
    images = drawn(2)
    found = feature_maps(network, images, ["relu1_1", "pool1", "features.7"])
    by_hand = images
    with torch.no_grad():
        for number, layer in enumerate(network.features[:8]):
            by_hand = layer(by_hand)
            for name, place in {"relu1_1": 2, "pool1": 6, "features.7": 7}.items():
                if place == number:
                    torch.testing.assert_close(found[name], by_hand)
    assert not any(maps.requires_grad for maps in found.values())


def test_a_network_in_training_mode_is_watched_in_evaluation_mode():
    network = nn.Sequential(nn.Dropout(0.9), nn.Conv2d(1, 1, 1))
    images = drawn(1, channels=1)
    assert torch.equal(feature_maps(network, images, ["0"])["0"], images)
    assert network[0].training


@given(count=st.integers(1, 12), batch_size=st.integers(1, 9), seed=st.integers(0, 99))
@settings(max_examples=25, deadline=None)
def test_the_strongest_pictures_equal_a_search_through_all(count, batch_size, seed):
    network = nn.Sequential(nn.Conv2d(2, 3, 3, stride=2, bias=False))
    images = drawn(10, seed, channels=2, side=8).round()  # rounded, so that some are equal
    nn.init.constant_(network[0].weight, 1.0)
    nn.init.constant_(network[0].weight[1], -1.0)
    maps = network(images).detach()  # (10, 3, 3, 3)
    found = strongest(network, images, "0", count=count, batch_size=batch_size)
    for channel, places in enumerate(found):
        peaks = maps[:, channel].flatten(1).max(dim=1)
        order = sorted(range(10), key=lambda index: (-float(peaks.values[index]), index))[:count]
        assert [place.index for place in places] == order
        for place in places:
            assert place.value == float(maps[place.index, channel].max())
            assert maps[place.index, channel][place.position] == place.value


def test_batches_that_are_made_on_demand_give_the_same(network):
    images = torch.randint(0, 256, (7, 3, 32, 32), dtype=torch.uint8, generator=torch.Generator().manual_seed(1))
    data = LabelledImages(images, torch.zeros(7, dtype=torch.long), ("one",), "drawn").prepared((0.5,) * 3, (0.2,) * 3)
    prepared = (images.float() / 255 - 0.5) / 0.2
    on_demand = strongest(network, data, "relu2_2", channels=[5, 0], count=2, batch_size=3)
    at_once = strongest(network, prepared, "relu2_2", channels=[5, 0], count=2)
    for mine, theirs in zip(on_demand, at_once, strict=True):
        assert [place.index for place in mine] == [place.index for place in theirs]
        assert [place.value for place in mine] == pytest.approx([place.value for place in theirs], rel=1e-4)
    assert [places[0].channel for places in at_once] == [5, 0]


def test_the_patch_holds_all_that_the_unit_can_see(network):
    """Pictures that are equal in the patch, and differ everywhere else, give the unit one value."""
    images = drawn(3)
    (place,) = strongest(network, images, "conv2_2", channels=[4], count=1)[0]
    (patch,) = patches(network, images, "conv2_2", [place])
    field = field_of(network, "conv2_2", (3, 32, 32))
    assert patch.shape == (3, field.size, field.size)
    other = drawn(1, seed=9)
    (top, bottom), (left, right) = ((max(a, 0), b + 1) for a, b in field.region(place.position))
    other[0, :, top:bottom, left:right] = images[place.index, :, top:bottom, left:right]
    value = feature_maps(network, other, ["conv2_2"])["conv2_2"][0, 4][place.position]
    assert float(value) == pytest.approx(place.value, rel=1e-4)
    again = field.cut(other[0], place.position)
    torch.testing.assert_close(again, patch)


def test_several_layers_in_one_run_give_the_same(network):
    images = drawn(5)
    together = strongest_in_layers(network, images, ["conv1_1", "classifier.0", "pool2"], count=2, batch_size=2)
    for layer, found in together.items():
        for mine, alone in zip(found, strongest(network, images, layer, count=2), strict=True):
            assert [(place.index, place.position) for place in mine] == [(p.index, p.position) for p in alone]
            assert [place.value for place in mine] == pytest.approx([place.value for place in alone], rel=1e-4)


def test_units_whose_whole_field_lies_in_the_picture(network):
    images = drawn(4)
    field = field_of(network, "conv2_2", (3, 32, 32))
    maps = feature_maps(network, images, ["conv2_2"])["conv2_2"]
    inside = [place for place in range(16) if all(0 <= end < 32 for end in field.region((place, place))[0])]
    assert 0 < len(inside) < 16
    part = maps[:, :, inside[0] : inside[-1] + 1, inside[0] : inside[-1] + 1]
    for channel, places in enumerate(strongest(network, images, "conv2_2", count=1, whole_field=True)):
        assert places[0].value == pytest.approx(float(part[:, channel].max()), rel=1e-4)
        assert set(places[0].position) <= set(inside)
    assert len(strongest(network, images, "conv3_2", whole_field=True)) == 128  # larger than the picture: all units


def test_units_of_a_linear_layer_have_no_place_and_see_everything():
    torch.manual_seed(0)
    network = build("lenet")
    images = drawn(4, channels=1, side=28)
    places = strongest(network, images, "f6", channels=[3], count=2)[0]
    assert [place.position for place in places] == [(), ()]
    assert torch.equal(patches(network, images, "f6", places)[0], images[places[0].index])


def test_first_filters_are_grey_where_the_weight_is_zero():
    network = nn.Sequential(nn.Conv2d(3, 2, 3))
    with torch.no_grad():
        network[0].weight.zero_()
        network[0].weight[1, 0, 0, 0], network[0].weight[1, 2, 1, 1] = -4.0, 2.0
    pictures = first_filters(network)
    assert pictures.shape == (2, 3, 3, 3)
    assert (pictures[0] == 0.5).all()
    assert pictures[1, 0, 0, 0] == 0
    assert pictures[1, 2, 1, 1] == 0.75
    assert torch.equal(first_filters(build("vgg_small"), "conv2_1").isfinite().all(), torch.tensor(True))


def test_a_filter_is_dead_when_it_is_positive_nowhere():
    network = nn.Sequential(nn.Conv2d(1, 3, 1), nn.ReLU())
    with torch.no_grad():
        network[0].weight.copy_(torch.tensor([1.0, 0.0, 0.0]).reshape(3, 1, 1, 1))
        network[0].bias.copy_(torch.tensor([0.0, -1.0, 1.0]))
    images = torch.tensor([[1.0, -1.0], [1.0, 1.0]]).reshape(1, 1, 2, 2).repeat(5, 1, 1, 1)
    assert dead_filters(network, images, "1", batch_size=2) == [1]
    assert activity(network, images, "1", batch_size=2).tolist() == [0.75, 0.0, 1.0]
    assert dead_filters(network, images, "0") == [1]


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        ({"channels": [128]}, ValueError, "channel is 128; the layer has 128"),
        ({"channels": [-1]}, ValueError, "channel is -1"),
        ({"count": 0}, ValueError, "count is 0"),
        ({"batch_size": 0}, ValueError, "batch_size is 0"),
        ({"layer": "conv9"}, ValueError, "there is no layer 'conv9'"),
        ({"images": drawn(0)}, ValueError, "there are no pictures"),
        ({"images": [1]}, TypeError, "images is a list"),
        ({"layer": "classifier"}, None, ""),
    ],
)
def test_wrong_arguments_name_value_and_remedy(network, arguments, error, words):
    given = {"images": drawn(1), "layer": "conv3_1"} | arguments
    if error is None:
        assert len(strongest(network, **given)) == 10
        return
    with pytest.raises(error, match=words):
        strongest(network, **given)


def test_kernels_are_asked_of_convolutions_alone(network):
    with pytest.raises(ValueError, match=r"no nn\.Conv2d"):
        first_filters(nn.ReLU())
    with pytest.raises(ValueError, match=r"is a ReLU; only an nn\.Conv2d"):
        first_filters(network, "relu1_1")
    with pytest.raises(ValueError, match="was not used"):
        strongest(Idle(), drawn(1), "unused")


ANYTHING = st.one_of(st.none(), st.integers(-3, 3), st.floats(), st.text(), st.lists(st.integers()), st.booleans())


@given(value=ANYTHING)
@settings(deadline=None, max_examples=30)
def test_nothing_but_type_and_value_errors_escape(value):
    network, images = nn.Sequential(nn.Conv2d(1, 2, 1)), torch.zeros(1, 1, 2, 2)
    calls = [
        lambda: feature_maps(value, images, ["0"]),
        lambda: feature_maps(network, value, ["0"]),
        lambda: strongest(network, images, value),
        lambda: strongest(network, images, "0", channels=[value]),
        lambda: strongest(network, images, "0", count=value),
        lambda: patches(network, value, "0", []),
        lambda: first_filters(value),
        lambda: activity(network, value, "0"),
        lambda: dead_filters(network, images, "0", batch_size=value),
        lambda: field_of(network, "0", value),
    ]
    for call in calls:
        with contextlib.suppress(TypeError, ValueError):
            call()
