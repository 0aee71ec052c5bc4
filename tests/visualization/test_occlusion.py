"""The occluder: the exact way equals the naive one, both equal captum, and the arithmetic says what can change."""

import contextlib

import captum.attr
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from cnncourse.layers.receptive_field import fields_through
from cnncourse.layers.stride_arithmetic import output_size
from cnncourse.models import build
from cnncourse.visualization.occlusion import (
    changed,
    changed_through,
    four_panels,
    occlude,
    occlusion_map,
    places,
    read,
    savings,
    strongest_map,
)
from cnncourse.visualization.occlusion.exact import factor_of

pytestmark = pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel lengths")


def drawn(*shape, seed=0, dtype=torch.float64):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


@pytest.fixture(scope="module")
def vgg():
    torch.manual_seed(3)
    network = build("vgg_small", width=0.25).double()
    network(drawn(8, 3, 32, 32))  # statistics that are not those of the start
    return network.eval()


geometry = st.fixed_dictionaries(
    {
        "kernel_size": st.integers(1, 4),
        "stride": st.integers(1, 3),
        "padding": st.integers(0, 2),
        "dilation": st.integers(1, 2),
    }
)


# --- which part can change ---


def test_three_pixels_of_a_3x3_layer_change_five_units():
    assert list(changed(10, 12, 20, kernel_size=3, padding=1)) == [9, 10, 11, 12, 13]
    assert list(changed(0, 0, 20, kernel_size=3, padding=1)) == [0, 1]
    assert read(9, 13, kernel_size=3, padding=1) == (8, 14)


def test_a_change_that_no_window_reads_changes_nothing():
    assert list(changed(6, 6, 7, kernel_size=2, stride=2)) == []
    assert changed_through(6, 6, 7, [{"kernel_size": 2, "stride": 2}, {"kernel_size": 3}]) == [range(6, 7)] + 2 * [
        range(0)
    ]


@settings(max_examples=60, deadline=None)
@given(layers=st.lists(geometry, min_size=1, max_size=4), size=st.integers(8, 40), data=st.data())
def test_what_can_change_is_what_has_the_interval_in_its_receptive_field(layers, size, data):
    first = data.draw(st.integers(0, size - 1))
    last = data.draw(st.integers(first, size - 1))
    try:
        runs = changed_through(first, last, size, layers)
    except ValueError:
        return  # the layers do not fit
    lengths = [size]
    for layer in layers:
        lengths.append(output_size(lengths[-1], **layer))
    for field, run, length in zip(fields_through(layers), runs, lengths, strict=True):
        sees = [
            u for u in range(length) if field.axes[0].interval(u)[0] <= last and field.axes[0].interval(u)[1] >= first
        ]
        assert set(sees) >= set(run)  # a hole between windows can stop a change that the field's hull lets through
    if all(layer["dilation"] == 1 and layer["stride"] <= layer["kernel_size"] for layer in layers):
        assert sees == list(run)


@settings(max_examples=60, deadline=None)
@given(layers=st.lists(geometry, min_size=1, max_size=3), size=st.integers(6, 24), data=st.data())
def test_nothing_changes_outside_that_part(layers, size, data):
    first = data.draw(st.integers(0, size - 1))
    last = data.draw(st.integers(first, size - 1))
    chain = [nn.Conv1d(1, 1, **layer).double() for layer in layers]
    before, after = drawn(1, 1, size), drawn(1, 1, size)
    after[..., first : last + 1] += 1
    try:
        runs = changed_through(first, last, size, layers)
    except ValueError:
        return
    with torch.no_grad():
        for layer, run in zip(chain, runs[1:], strict=True):
            before, after = layer(before), layer(after)
            moved = (before != after).flatten().nonzero().flatten().tolist()
            assert set(moved) <= set(run)


# --- the occluder ---


def test_the_places_are_those_of_a_kernel():
    assert places(224, 32, 8) == tuple(range(0, 193, 8))
    assert places(10, 4, 4) == (0, 4)
    assert places(10, 4, 4, ceil_mode=True) == (0, 4, 8)


def test_the_occluder_covers_its_patch_and_nothing_else():
    image = drawn(3, 6, 7)
    covered = occlude(image, 2, 5, (3, 4), [1.0, 2.0, 3.0])
    assert covered[:, 2:5, 5:].unique().tolist() == [1.0, 2.0, 3.0]
    covered[:, 2:5, 5:] = image[:, 2:5, 5:]
    assert torch.equal(covered, image)
    torch.testing.assert_close(occlude(image, 0, 0, 1, "mean")[:, 0, 0], image.mean(dim=(1, 2)))


# --- exact and naive, captum ---


def layer_of(kind, channels, kernel, stride, padding, dilation, ceil):
    match kind:
        case "convolution":
            padding_or_same = "same" if ceil and stride == 1 else padding
            return nn.Conv2d(channels, 4, kernel, stride, padding_or_same, dilation, groups=2 if channels == 4 else 1)
        case "max":
            return nn.MaxPool2d(kernel, stride, min(padding, kernel // 2), dilation, ceil_mode=ceil)
        case "average":
            return nn.AvgPool2d(kernel, stride, min(padding, kernel // 2))
        case "norm":
            norm = nn.BatchNorm2d(channels)
            nn.init.normal_(norm.running_mean)
            return norm
        case "response":
            return nn.LocalResponseNorm(3)
    return nn.ReLU(inplace=ceil)


@st.composite
def networks(draw):
    """A small network, and a size of picture that fits it."""
    torch.manual_seed(draw(st.integers(0, 99)))
    layers, channels = [], 2
    for kind in ["convolution", *draw(st.lists(st.sampled_from(KINDS), max_size=5))]:
        one = [draw(st.integers(1, top)) for top in (4, 3)], draw(st.integers(0, 2)), draw(st.integers(1, 2))
        layers.append(layer_of(kind, channels, *one[0], *one[1:], draw(st.booleans())))
        channels = 4 if kind == "convolution" else channels
    height, width = draw(st.integers(12, 26)), draw(st.integers(12, 26))
    network = nn.Sequential(*layers).double().eval()
    try:
        units = network(torch.zeros(1, 2, height, width).double()).numel()
    except RuntimeError:
        network, units = nn.Sequential(layers[0]).double().eval(), None
        height = width = 26
        units = network(torch.zeros(1, 2, height, width).double()).numel()
    head = draw(st.sampled_from(["dense", "mean"]))
    end = [nn.Flatten(), nn.Linear(units, 3)] if head == "dense" else [nn.AdaptiveAvgPool2d(1), nn.Flatten()]
    return nn.Sequential(network, *end).double().eval(), height, width


KINDS = ("convolution", "max", "average", "norm", "response", "relu")


@settings(max_examples=80, deadline=None)
@given(made=networks(), data=st.data(), ceil=st.booleans(), single=st.booleans())
def test_the_exact_way_gives_what_the_naive_way_gives(made, data, ceil, single):
    network, height, width = made
    patch = data.draw(st.integers(1, height)), data.draw(st.integers(1, width))
    stride = data.draw(st.integers(1, patch[0])), data.draw(st.integers(1, patch[1]))
    stride = max(stride[0], height // 6), max(stride[1], width // 6)
    patch = max(patch[0], stride[0]), max(patch[1], stride[1])
    dtype, tolerance = (torch.float32, 1e-5) if single else (torch.float64, 1e-10)
    network.to(dtype)
    image = drawn(2, height, width, dtype=dtype)
    options = {"patch": patch, "stride": stride, "fill": [0.5, -1.0], "ceil_mode": ceil, "batch_size": 7}
    watch = {"layer": "0.0", "channel": 1}
    exact = occlusion_map(network, image, **options, **watch)
    naive = occlusion_map(network, image, **options, **watch, method="naive")
    assert (exact.method, naive.method) == ("exact", "naive")
    scale = float(naive.logits.abs().max().clamp(min=1))
    torch.testing.assert_close(exact.logits, naive.logits, rtol=0, atol=tolerance * scale)
    scale = float(naive.activity.abs().max().clamp(min=1))
    torch.testing.assert_close(exact.activity, naive.activity, rtol=0, atol=tolerance * scale)


def test_the_exact_way_is_exact_on_a_network_of_the_course(vgg):
    image = drawn(3, 32, 32)
    for layer in ("features.0", "features.17", "relu3_2"):
        exact, naive = (
            occlusion_map(vgg, image, 8, 4, "mean", layer=layer, method=method) for method in ("exact", "naive")
        )
        torch.testing.assert_close(exact.logits, naive.logits, rtol=0, atol=1e-10)
        torch.testing.assert_close(exact.activity, naive.activity, rtol=0, atol=1e-10)
        assert exact.activity_uncovered == pytest.approx(naive.activity_uncovered)


@pytest.mark.parametrize("side", [32, 35])
@pytest.mark.parametrize("method", ["exact", "naive"])
def test_both_ways_are_captum_s(vgg, method, side):
    image = drawn(3, side, side, seed=1)
    expected = captum.attr.Occlusion(vgg).attribute(
        image[None], sliding_window_shapes=(3, 9, 7), strides=(3, 5, 4), baselines=0.25, target=4
    )
    found = occlusion_map(vgg, image, (9, 7), (5, 4), 0.25, method=method, ceil_mode=True)
    mine = found.loss_of_logit(4).float().expand(3, -1, -1)  # captum adds up in single precision
    torch.testing.assert_close(mine, expected[0], rtol=1e-5, atol=1e-6)


def test_a_residual_network_is_refused_or_computed_naively():
    torch.manual_seed(0)
    network = build("resnet18", num_classes=5, width=0.125).eval()
    image = drawn(3, 40, 40, dtype=torch.float32)
    with pytest.raises(ValueError, match=r"enters no nn.Sequential.*naive"):
        occlusion_map(network, image, 20, 20)
    assert occlusion_map(network, image, 20, 20, method="either").method == "naive"


class Beside(nn.Module):
    """Uses the picture a second time, behind its chain."""

    def __init__(self):
        super().__init__()
        self.chain = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU())

    def forward(self, images):
        return self.chain(images).mean(dim=(2, 3)) + images.mean(dim=(1, 2, 3))[:, None]


def test_a_network_that_uses_the_picture_twice_is_found_out():
    torch.manual_seed(0)
    network = Beside()
    with pytest.raises(ValueError, match="second time"):
        occlusion_map(network, drawn(3, 12, 12, dtype=torch.float32), 6, 3)
    assert "forward" not in vars(network.chain)


@pytest.mark.parametrize(
    ("first", "reason"),
    [
        (nn.Conv2d(3, 4, 3, padding=1, padding_mode="reflect"), "padding_mode='reflect'"),
        (nn.AvgPool2d(3, 2, 1, count_include_pad=False), "fewer pixels at the border"),
        (nn.BatchNorm2d(3, track_running_stats=False), "BatchNorm2d"),
        (nn.AdaptiveAvgPool2d(4), "AdaptiveAvgPool2d"),
    ],
)
def test_layers_that_are_no_windows_are_refused_with_the_reason(first, reason):
    network = nn.Sequential(first, nn.Flatten(), nn.LazyLinear(2))
    network(drawn(1, 3, 12, 12, dtype=torch.float32))
    with pytest.raises(ValueError, match=reason):
        occlusion_map(network, drawn(3, 12, 12, dtype=torch.float32), 6, 3)


def test_a_network_in_training_mode_is_evaluated_and_put_back():
    torch.manual_seed(1)
    network = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Dropout(0.5), nn.Flatten(), nn.Linear(400, 2)).train()
    image = drawn(3, 12, 12, dtype=torch.float32)
    exact, naive = (occlusion_map(network, image, 6, 3, method=method) for method in ("exact", "naive"))
    torch.testing.assert_close(exact.logits, naive.logits)
    assert all(module.training for module in network.modules())


def test_when_memory_runs_out_the_batch_is_halved(vgg, monkeypatch):
    image, sizes = drawn(3, 32, 32), []
    whole = occlusion_map(vgg, image, 16, 8)

    def greedy(_module, inputs):
        sizes.append(len(inputs[0]))
        if len(inputs[0]) > 3:
            raise torch.OutOfMemoryError("out of memory")

    handle = vgg.classifier.register_forward_pre_hook(greedy)
    for method in ("exact", "naive"):
        torch.testing.assert_close(occlusion_map(vgg, image, 16, 8, method=method, batch_size=9).logits, whole.logits)
    handle.remove()
    assert {9, 2} <= set(sizes)


# --- what is saved ---


def test_the_saving_is_counted_as_for_a_layer_by_hand():
    network = nn.Sequential(nn.Conv2d(1, 2, 3, padding=1), nn.Flatten(), nn.Linear(2 * 20 * 20, 5))
    found = savings(network, torch.zeros(1, 20, 20), 4, 8)
    convolution, dense = 2 * 9, 2 * 20 * 20 * 5
    assert found.places == 9
    assert found.naive == 9 * (convolution * 400 + dense)
    assert found.parts == (((6, 6), (20, 20)),)
    # one run over the picture, one place checked, and for each place a part of 6×6, or 5 where the border cuts it
    assert found.exact <= 9 * (convolution * 36 + dense) + 2 * (convolution * 400 + dense)
    assert found.exact >= 9 * (convolution * 25 + dense) + 2 * (convolution * 400 + dense)


def test_the_saving_is_large_on_a_large_picture_and_none_when_all_can_change():
    assert factor_of("vgg16", 32, 8) > 5
    assert factor_of("vgg_small", 16, 8) < 2


# --- four panels ---


def test_the_four_panels_belong_together(vgg):
    image, others = drawn(3, 32, 32), drawn(6, 3, 32, 32, seed=5)
    panels = four_panels(vgg, image, 2, "features.17", others, 8, 8, "mean", count=3)
    assert panels.channel == strongest_map(vgg, image[None], "features.17")
    assert panels.activity.shape == panels.probability.shape == panels.most_probable.shape == (4, 4)
    assert panels.projections.shape == (3, 3, 32, 32)
    assert [place.channel for place in panels.strongest] == [panels.channel] * 3
    row, column = panels.occlusion.lowest(2)
    torch.testing.assert_close(panels.covered, occlude(image, row, column, 8, "mean"))
    with torch.no_grad():
        again = vgg(panels.covered[None]).softmax(dim=1)[0, 2]
    torch.testing.assert_close(again, panels.probability.min())


def test_without_a_target_the_answer_to_the_picture_is_followed(vgg):
    image = drawn(3, 32, 32)
    found = occlusion_map(vgg, image, 16, 16)
    answer = int(vgg(image[None]).argmax())
    torch.testing.assert_close(found.probability(), found.logits.softmax(dim=2)[..., answer])
    assert found.probability_uncovered() == pytest.approx(vgg(image[None]).softmax(dim=1)[0, answer].item())
    assert torch.equal(found.most_probable(), found.logits.argmax(dim=2))


def test_a_planted_cue_is_where_the_probability_falls():
    network = nn.Sequential(nn.Conv2d(1, 1, 4, bias=False), nn.AdaptiveMaxPool2d(1), nn.Flatten(), nn.Linear(1, 2))
    with torch.no_grad():
        network[0].weight.fill_(1 / 16)
        network[3].weight.copy_(torch.tensor([[0.0], [8.0]]))
        network[3].bias.copy_(torch.tensor([0.0, -4.0]))
    image = torch.zeros(1, 20, 20)
    image[0, 8:12, 4:8] = 1
    found = occlusion_map(network, image, 4, 4, method="exact")
    assert found.lowest(1) == (8, 4)
    assert bool((found.most_probable() == 0).sum() == 1)


# --- wrong arguments ---

numbers = st.one_of(st.integers(-2, 9), st.floats(), st.none(), st.text(max_size=2), st.tuples(st.integers(-1, 5)))


@settings(max_examples=60, deadline=None)
@given(
    patch=numbers, stride=numbers, fill=numbers, target=numbers, channel=numbers, batch_size=numbers,
    method=st.sampled_from(["exact", "naive", "either", "fast"]), layer=st.sampled_from([None, "0", "1", "9"]),
    shape=st.lists(st.integers(0, 9), max_size=4),
)  # fmt: skip
def test_wrong_arguments_raise_value_or_type_errors_and_nothing_else(
    patch, stride, fill, target, channel, batch_size, method, layer, shape
):
    network = nn.Sequential(nn.Conv2d(3, 2, 2), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    usable = len(shape) != 3 or (shape[0] == 3 and min(shape) > 1)  # the network itself fails on others
    image = torch.zeros(shape) if usable else torch.zeros(3, 6, 6)
    with contextlib.suppress(ValueError, TypeError):
        occlusion_map(
            network, image, patch, stride, fill,
            layer=layer, channel=channel, method=method, batch_size=batch_size,
        ).probability(target)  # fmt: skip
    for call in (
        lambda: occlude(image, target, channel, patch, fill),
        lambda: places(6, patch, stride),
        lambda: changed(target, channel, 6, patch, stride),
        lambda: read(target, channel, patch, stride),
        lambda: changed_through(target, channel, 6, [{"kernel_size": patch}]),
        lambda: savings(nn.Sequential(nn.Conv2d(3, 2, 2)), image, patch, stride),
        lambda: strongest_map(network, torch.zeros(1, 3, 6, 6), layer or "2"),
    ):
        with contextlib.suppress(ValueError, TypeError):
            call()
