"""Receptive fields: the analysis against gradient support over random networks, the published numbers, clear errors."""

import contextlib
import math

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from cnncourse.layers.receptive_field import (
    PUBLISHED,
    effective_receptive_field,
    field_size,
    fields_through,
    geometry,
    measured_receptive_field,
    published_size,
    receptive_field,
    skeleton,
    stack_weights,
)

PUBLISHED_SIZES = [
    ("alexnet", "conv1", 11),
    ("alexnet", "conv5", 163),
    ("alexnet", "pool5", 195),
    ("zfnet", "conv5", 139),
    ("zfnet", "pool5", 171),
    ("vgg11", "pool5", 150),
    ("vgg13", "pool5", 156),
    ("vgg16", "conv5_3", 196),
    ("vgg16", "pool5", 212),
    ("vgg19", "conv5_4", 252),
    ("vgg19", "pool5", 268),
    ("resnet18", "layer4", 435),
    ("resnet34", "layer4", 899),
    ("resnet50-original", "layer4", 483),
    ("resnet50", "layer4", 427),
    ("resnet101-original", "layer4", 1027),
    ("resnet101", "layer4", 971),
    ("resnet152-original", "layer4", 1507),
    ("resnet152", "layer4", 1451),
]


class Through(nn.Module):
    """A network out of a function, with its modules by name."""

    def __init__(self, function, **modules):
        super().__init__()
        self.function = function
        for name, module in modules.items():
            setattr(self, name, module)

    def forward(self, x):
        return self.function(self, x)


def conv(kernel_size=3, channels_in=1, channels_out=1, **options):
    return nn.Conv2d(channels_in, channels_out, kernel_size, **options)


def test_small_kernels_stacked_see_as_much_as_a_large_one():
    assert field_size([{"kernel_size": 3}] * 2) == 5
    assert field_size([{"kernel_size": 3}] * 3) == field_size([{"kernel_size": 7}]) == 7
    assert stack_weights([3, 3, 3]) == 27
    assert stack_weights([7]) == 49
    assert stack_weights([3, 3, 3], channels=64) == 27 * 64**2


@pytest.mark.parametrize(("network", "layer", "size"), PUBLISHED_SIZES)
def test_published_networks_see_what_the_literature_says(network, layer, size):
    assert published_size(network, layer) == size
    assert receptive_field(skeleton(network)).of(layer).size == size


@pytest.mark.parametrize("network", PUBLISHED)
def test_the_path_through_all_branches_sees_what_the_network_sees(network):
    path = fields_through(list(geometry(network).values()))[-1]
    whole = receptive_field(skeleton(network)).of()
    assert (path.size, path.stride, path.centre) == (whole.size, whole.stride, whole.centre)


@pytest.mark.parametrize("network", [name for name in PUBLISHED if "101" not in name and "152" not in name])
def test_gradient_support_confirms_published_sizes(network):
    fields = receptive_field(skeleton(network))
    size = fields.of().size
    measured = measured_receptive_field(skeleton(network), (1, size + 100, size + 100))
    assert not measured.clipped
    assert measured.size == size
    assert measured.region == fields.of().region(measured.position)


def test_effective_stride_padding_and_centre_are_those_of_the_literature():
    for network, stride, padding in (("vgg16", 32, 90), ("resnet50-original", 32, 241)):
        field = receptive_field(skeleton(network)).of()
        assert (field.stride, field.padding) == (stride, padding)
    assert receptive_field(skeleton("resnet50")).of().centre == 0
    assert receptive_field(skeleton("vgg16")).of().centre == 15.5


def test_padding_moves_a_field_and_never_changes_its_size():
    bare = fields_through([{"kernel_size": 3}, {"kernel_size": 5, "stride": 2}])[-1]
    padded = fields_through([{"kernel_size": 3, "padding": 1}, {"kernel_size": 5, "stride": 2, "padding": 2}])[-1]
    assert bare.size == padded.size == 7
    assert (bare.centre, padded.centre) == (3, 0)


GEOMETRY = st.fixed_dictionaries(
    {"kernel_size": st.integers(1, 4), "stride": st.integers(1, 3), "padding": st.integers(0, 1)},
    optional={"dilation": st.integers(1, 2)},
).filter(lambda layer: layer["padding"] <= layer["kernel_size"] // 2)


@given(layers=st.lists(GEOMETRY, max_size=5))
def test_the_recursion_agrees_with_the_analysis_of_the_network(layers):
    layers = [{"kernel_size": 1}, *layers]
    network = nn.Sequential(*(nn.Conv1d(1, 1, **layer) for layer in layers))
    assert receptive_field(network).of() == fields_through(layers)[-1]


def window_layer(kind, kernel_size, stride, padding, dilation=1):
    if kind == "pool":
        return nn.MaxPool1d(kernel_size, stride, padding, dilation)
    if kind == "average":
        return nn.AvgPool1d(kernel_size, stride, padding)
    if kind == "transposed":
        return nn.ConvTranspose1d(1, 1, kernel_size, stride, padding, dilation=dilation)
    return nn.Conv1d(1, 1, kernel_size, stride, padding, dilation)


WINDOWS = st.builds(
    lambda kind, layer: window_layer(kind, **layer),
    st.sampled_from(["conv", "pool", "average", "transposed"]),
    GEOMETRY,
)
OTHERS = st.sampled_from(
    [
        lambda: nn.Upsample(scale_factor=2, mode="nearest"),
        lambda: nn.Upsample(scale_factor=2, mode="linear"),
        lambda: nn.Upsample(scale_factor=3, mode="linear", align_corners=False),
        lambda: nn.ConstantPad1d((2, 1), 0.0),
        lambda: nn.Conv1d(1, 1, 3, padding="same", dilation=2),
        lambda: nn.Conv1d(1, 1, 3, padding=1, padding_mode="reflect"),
        lambda: Through(lambda _, x: x[..., 3:-1]),
        lambda: Through(lambda _, x: x[:, :, ::2]),
        lambda: nn.ReLU(),
        lambda: nn.BatchNorm1d(1),
        lambda: nn.Dropout(),
    ]
).map(lambda build: build())
LAYERS = st.lists(st.one_of(WINDOWS, OTHERS), min_size=1, max_size=5)


def same_region(network, length):
    """Compare analysis and measurement of the middle unit, if no layer's border is within its reach."""
    fields = receptive_field(network, (1, length))
    measured = measured_receptive_field(network, (1, length))
    ((first, last),) = [axis.interval(measured.position[0]) for axis in fields.of().axes]
    if first > last:
        assert not measured.mask.any()
        return
    room = 6 * max(field.stride for field in fields.values()) + 10
    if room <= first and last < length - room:
        assert measured.region == ((first, last),)


@given(layers=LAYERS)
def test_any_sequence_of_layers_sees_what_gradient_support_finds(layers):
    same_region(nn.Sequential(*layers), length=4000)


@given(first=LAYERS, left=WINDOWS, right=WINDOWS, last=WINDOWS)
def test_branches_see_what_gradient_support_finds(first, left, right, last):
    def forward(self, x):
        x = self.first(x)
        a, b = self.left(x), self.right(x)
        length = min(a.shape[-1], b.shape[-1])
        return self.last(a[..., :length] + b[..., :length])

    network = Through(forward, first=nn.Sequential(*first), left=left, right=right, last=last)
    fields = receptive_field(network, (1, 9000))
    if fields.unanalysed:
        assert fields.misaligned
        assert "different strides" in str(fields)
    else:
        same_region(network, length=9000)


def test_both_axes_may_differ_and_all_ranks_work():
    field = receptive_field(nn.Sequential(nn.Conv2d(1, 1, (1, 7), stride=(1, 2)), nn.MaxPool2d((3, 2)))).of()
    assert (field.size, field.stride) == ((3, 9), (3, 4))
    assert receptive_field(nn.Conv3d(1, 1, (1, 2, 3))).of().size == (1, 2, 3)
    volume = nn.Sequential(nn.Conv3d(1, 1, 3), nn.MaxPool3d(2))
    assert measured_receptive_field(volume, (1, 20, 20, 20)).size == receptive_field(volume).of().size == 4


def inception():
    return Through(
        lambda n, x: torch.cat([n.one(x), n.three(x), n.five(x), n.pool(x)], dim=1),
        one=conv(1),
        three=nn.Sequential(conv(1), conv(3, padding=1)),
        five=nn.Sequential(conv(1), conv(5, padding=2)),
        pool=nn.Sequential(nn.MaxPool2d(3, 1, 1), conv(1)),
    )


def dense():
    def forward(n, x):
        for layer in (n.a, n.b, n.c):
            x = torch.cat([x, F.relu(layer(x))], 1)
        return x

    return Through(forward, a=conv(padding=1), b=conv(3, 2, padding=1), c=conv(3, 3, padding=1))


def u_net():
    def forward(n, x):
        skip = n.down(x)
        deep = n.deep(n.pool(skip))
        return n.out(torch.cat([skip, n.up(deep)], dim=1))

    parts = {"down": conv(padding=1), "pool": nn.MaxPool2d(2), "deep": conv(padding=1)}
    return Through(forward, **parts, up=nn.ConvTranspose2d(1, 1, 2, 2), out=conv(3, 2, padding=1))


def parameter_free_shortcut():
    def forward(n, x):
        return n.b(n.a(x)) + F.pad(x[:, :, ::2, ::2], (0, 0, 0, 0, 1, 1))

    return Through(forward, a=conv(stride=2, padding=1, channels_out=3), b=conv(3, 3, 3, padding=1))


def shuffled():
    def forward(n, x):
        x = n.a(x)
        size, channels, height, width = x.size()
        x = x.view(size, 2, channels // 2, height, width).transpose(1, 2).reshape(size, -1, height, width)
        left, right = x.chunk(2, dim=1)
        return torch.cat((left, n.b(right)), 1)

    return Through(forward, a=conv(channels_out=4), b=nn.Conv2d(2, 2, 3, padding=1, groups=2))


def channels_last():
    def forward(n, x):
        x = n.a(x).permute(0, 2, 3, 1)
        return n.b(F.gelu(n.linear(n.norm(x))).permute(0, 3, 1, 2))

    return Through(forward, a=conv(7, 1, 4, padding=3), norm=nn.LayerNorm(4), linear=nn.Linear(4, 2), b=conv(3, 2))


def unpooling():
    def forward(n, x):
        x, switches = F.max_pool2d(n.a(x), 2, return_indices=True)
        return n.b(F.max_unpool2d(x, switches, 2))

    return Through(forward, a=conv(padding=1), b=conv(padding=1))


def cropped_skip():
    def forward(n, x):
        coarse = n.up(n.down(x))
        return coarse + x[:, :, 2 : 2 + coarse.shape[2], 2 : 2 + coarse.size(-1)]

    return Through(forward, down=conv(4, stride=4), up=nn.ConvTranspose2d(1, 1, 8, stride=4, padding=4))


def pixel_shuffle():
    return nn.Sequential(conv(5, 1, 4), nn.PixelShuffle(2), conv(3), nn.PixelUnshuffle(2), conv(1, 4))


ARCHITECTURES = [
    (inception, 5),
    (dense, 7),
    (u_net, 10),
    (parameter_free_shortcut, 7),
    (shuffled, 5),
    (channels_last, 9),
    (pixel_shuffle, 6),
    (cropped_skip, 8),
]


@pytest.mark.parametrize(("build", "size"), ARCHITECTURES, ids=lambda value: getattr(value, "__name__", ""))
def test_architectures_with_branches_are_analysed_and_measured_alike(build, size):
    network = build()
    fields = receptive_field(network, (1, 96, 96))
    assert not fields.unanalysed
    position = (21, 21)
    measured = measured_receptive_field(network, (1, 96, 96), position=position)
    assert fields.of().region(position) == measured.region
    assert fields.of().size == size


def test_unpooling_brings_a_unit_back_over_its_window():
    assert receptive_field(unpooling()).of().size == 6


@pytest.mark.parametrize(
    "network",
    [
        nn.Sequential(conv(), nn.AdaptiveAvgPool2d(1)),
        nn.Sequential(conv(), nn.AdaptiveMaxPool2d(1), nn.Flatten(), nn.Linear(1, 10)),
        nn.Sequential(conv(), nn.Flatten(), nn.Linear(30 * 30, 10)),
        Through(lambda n, x: n.conv(x).mean(dim=(2, 3)), conv=conv()),
        Through(lambda n, x: n.conv(x).flatten(2).max(dim=-1).values, conv=conv()),
        Through(lambda n, x: n.conv(x).view(x.size(0), -1).softmax(1), conv=conv()),
        Through(lambda n, x: n.conv(x) * torch.sigmoid(F.adaptive_avg_pool2d(x, 1)), conv=conv()),
        Through(
            lambda n, x: n.attend(*(n.patches(x).flatten(2).transpose(1, 2),) * 3)[0],
            patches=conv(8, 1, 16, stride=8),
            attend=nn.MultiheadAttention(16, 2, batch_first=True),
        ),
        Through(
            lambda n, x: n.encoder(n.patches(x).flatten(2).transpose(1, 2)).mean(1),
            patches=conv(8, 1, 16, stride=8),
            encoder=nn.TransformerEncoder(nn.TransformerEncoderLayer(16, 2, 32, batch_first=True), 2),
        ),
    ],
    ids=["average", "maximum", "linear", "mean", "max", "softmax", "excite", "attention", "transformer"],
)
def test_units_that_see_everything_say_so(network):
    field = receptive_field(network, (1, 32, 32)).of()
    assert field.covers_everything
    assert field.size == math.inf
    assert "everything" in str(field)
    with pytest.raises(ValueError, match="sees everything"):
        field.region((0, 0))


def test_flattening_alone_mixes_nothing():
    assert receptive_field(nn.Sequential(conv(5), nn.Flatten(), nn.ReLU()), (1, 32, 32)).of().size == 5


def test_misaligned_branches_are_reported_with_both_centres_and_not_averaged():
    network = Through(lambda n, x: n.a(x) + n.b(x), a=conv(3), b=conv(5, padding=1))
    assert not receptive_field(network).misaligned
    network = Through(lambda n, x: n.a(x)[..., 1:, 1:] + n.b(x), a=conv(3, padding=1), b=conv(2))
    fields = receptive_field(network)
    (found,) = fields.misaligned
    assert [branch.centre for branch in found.branches] == [1, 0.5]
    assert "misaligned" in str(fields)
    assert "first unit 1" in str(found)
    assert "first unit 0.5" in str(found)
    assert fields.of().region((4, 4)) == measured_receptive_field(network, (1, 12, 12), position=(4, 4)).region


def test_branches_of_different_stride_have_no_common_field():
    network = Through(lambda n, x: n.a(x)[..., :20, :20] + n.b(x)[..., :20, :20], a=conv(stride=2), b=conv(stride=1))
    fields = receptive_field(Through(lambda n, x: n.last(n.net(x)), net=network, last=conv()), (1, 64, 64))
    assert {"", "net", "last"} <= set(fields.unanalysed)
    with pytest.raises(ValueError, match="'net' \\(Through\\) adds branches that move at different strides, 2 and 1"):
        fields.of()
    assert fields.of("net.a").size == 3
    assert len(fields.misaligned) == 1


def test_residual_networks_are_aligned():
    assert not receptive_field(skeleton("resnet50")).misaligned


@pytest.mark.parametrize(
    ("network", "words"),
    [
        (
            Through(lambda n, x: torch.fft.fft2(n.conv(x)).real, conv=conv()),
            "the network \\(Through\\) calls 'fft_fft2'",
        ),
        (nn.Sequential(conv(), nn.Unfold(3)), "'1' \\(Unfold\\) calls 'im2col'|'1' \\(Unfold\\) calls 'unfold'"),
        (nn.Sequential(conv(), Through(lambda n, x: x.flip(-1))), "'1' \\(Through\\) calls 'flip'"),
        (nn.Sequential(Through(lambda n, x: x.roll(1, -1)), conv()), "'0' \\(Through\\) calls 'roll'"),
        (nn.Sequential(Through(lambda n, x: torch.cat([x, x], -1)), conv()), "joins maps side by side"),
    ],
)
def test_a_layer_without_a_rule_is_named_and_everything_before_it_is_known(network, words):
    fields = receptive_field(network, (1, 32, 32))
    with pytest.raises(ValueError, match=words):
        fields.of()
    assert "unknown" in str(fields)


@pytest.mark.parametrize(
    ("network", "words"),
    [
        (nn.Sequential(conv(), Through(lambda n, x: x if x.sum() > 0 else -x)), "'1' \\(Through\\) cannot be analysed"),
        (nn.Sequential(conv(), Through(lambda n, x: torch.from_numpy(x.numpy()))), "'1' \\(Through\\) cannot be"),
        (
            nn.Sequential(conv(channels_in=3), conv(channels_in=2)),
            "'1' \\(Conv2d\\) cannot be analysed: a map of 1 chan",
        ),
        (nn.Sequential(conv(), nn.Flatten(), nn.Linear(100, 2)), "'2' \\(Linear\\).*give the size.*input_shape"),
        (nn.Sequential(conv(300)), "'0' \\(Conv2d\\) cannot be analysed: a window of 300 pixels does not fit"),
        (nn.Sequential(nn.LazyConv2d(4, 3)), "no shape yet"),
    ],
)
def test_a_network_that_cannot_be_run_names_the_module_and_the_remedy(network, words):
    with pytest.raises(ValueError, match=words):
        receptive_field(network)


def test_normalisation_over_positions_is_noted():
    fields = receptive_field(nn.Sequential(conv(channels_out=4), nn.GroupNorm(2, 4)))
    assert fields.of().size == 3
    assert "statistics of the whole map" in str(fields)
    assert receptive_field(nn.Sequential(conv(), nn.BatchNorm2d(1))).notes == ()


def test_adaptive_pooling_that_depends_on_the_size_is_noted():
    fields = receptive_field(nn.Sequential(conv(), nn.AdaptiveAvgPool2d(7)), (1, 16, 16))
    assert (fields.of().size, fields.of().stride) == (4, 2)
    assert "depend on the size of the input" in str(fields)


def test_the_network_is_left_as_it_was():
    network = nn.Sequential(conv(), nn.BatchNorm2d(1), nn.Dropout()).train()
    network[2].eval()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    receptive_field(network)
    measured_receptive_field(network, (1, 16, 16))
    effective_receptive_field(network, (1, 16, 16), redraw=True)
    assert [module.training for module in network] == [True, True, False]
    assert all(torch.equal(before[name], value) for name, value in network.state_dict().items())
    assert not any(module._forward_hooks or module._forward_pre_hooks for module in network.modules())
    network(torch.zeros(2, 1, 8, 8))  # no global hook is left behind


def test_a_table_shows_where_the_field_changes():
    fields = receptive_field(skeleton("alexnet"))
    lines = str(fields).splitlines()
    assert lines[0].split() == ["layer", "type", "map", "size", "stride", "padding", "centre"]
    assert lines[1].split() == ["conv1", "Conv2d", "1×55×55", "11", "4", "2", "3"]
    assert len(lines) == 9
    assert fields._repr_html_().count("<tr>") == 9
    assert list(fields)[-1] == ""
    assert fields["conv5"].size == 163


def test_a_module_called_twice_counts_twice():
    shared = conv(padding=1)
    assert receptive_field(Through(lambda n, x: n.conv(n.conv(x)), conv=shared)).of("conv").size == 5


def test_what_a_unit_sees_can_be_cut_out_of_the_picture():
    image = torch.arange(36.0).reshape(1, 6, 6)
    field = fields_through([{"kernel_size": 3, "padding": 1}])[-1]
    with pytest.raises(ValueError, match="expected \\(C, W\\)"):
        field.cut(image, 0)
    field = receptive_field(conv(padding=1)).of()
    assert torch.equal(field.cut(image, (2, 3)), image[:, 1:4, 2:5])
    corner = field.cut(image, (0, 0))
    assert corner.shape == (1, 3, 3)
    assert torch.equal(corner[:, 1:, 1:], image[:, :2, :2])
    assert not corner[:, 0].any()
    assert not corner[:, :, 0].any()
    everything = receptive_field(nn.Sequential(conv(), nn.AdaptiveAvgPool2d(1))).of()
    assert torch.equal(everything.cut(image, (0, 0)), image)


@given(kernel_size=st.sampled_from([3, 5]), count=st.integers(1, 6))
def test_equal_weights_make_the_influence_of_a_stack_the_repeated_box(kernel_size, count):
    layers = [nn.Conv2d(1, 1, kernel_size) for _ in range(count)]
    for layer in layers:
        nn.init.constant_(layer.weight, 1 / kernel_size**2)
    field = effective_receptive_field(nn.Sequential(*layers).double(), (1, 40, 40), samples=1)
    variance = count * (kernel_size**2 - 1) / 12
    assert field.spread == pytest.approx((variance**0.5,) * 2)
    assert field.influence.sum() == pytest.approx(1)


def test_random_weights_make_a_gaussian_that_grows_slower_than_the_field():
    spreads, sizes = [], []
    for depth in (4, 16):
        network = nn.Sequential(*(nn.Conv2d(4 if n else 1, 4, 3) for n in range(depth)))
        field = effective_receptive_field(network, (1, 61, 61), redraw=True, samples=48)
        assert field.agreement > 0.9
        spreads.append(sum(field.spread) / 2)
        sizes.append(receptive_field(network).of().size)
    assert spreads[1] / spreads[0] == pytest.approx(2, rel=0.2)  # √(16/4)
    assert sizes[1] / sizes[0] == 33 / 9


def test_influence_stays_inside_the_receptive_field():
    network = skeleton("alexnet")
    field = effective_receptive_field(network, (1, 259, 259), layer="conv4", redraw=True, samples=4)
    region = receptive_field(network).of("conv4").region(field.position)
    assert field.share_within(region) == pytest.approx(1)
    inner = [(first + 20, last - 20) for first, last in region]
    assert 0.5 < field.share_within(inner) < 1


def test_real_pictures_can_be_given():
    network = nn.Sequential(nn.Conv2d(3, 2, 3), nn.Tanh())
    field = effective_receptive_field(network, inputs=torch.rand(3, 3, 9, 11), position=(0, 0))
    assert field.influence.shape == (9, 11)
    assert field.influence[3:].sum() == 0
    assert effective_receptive_field(nn.Conv1d(1, 1, 3), (1, 9)).profiles()[0].shape == (9,)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: fields_through([{"kernel_size": 0}]), "kernel_size is 0"),
        (lambda: fields_through([{"kernel_size": 3, "stride": 0}]), "stride is 0"),
        (lambda: receptive_field(conv(), (3, 8)), "takes \\(C, H, W\\)"),
        (lambda: receptive_field(conv(), (1, 0, 8)), "input_shape is 0"),
        (lambda: receptive_field(conv()).of("layer9"), "no module 'layer9'"),
        (lambda: receptive_field(conv()).of().region(-1), "position is -1"),
        (lambda: receptive_field(conv()).of().region((1, 2, 3)), "give one whole number, or 2"),
        (lambda: geometry("resnet"), "choose one of alexnet"),
        (lambda: skeleton("vgg"), "choose one of alexnet"),
        (lambda: published_size("alexnet", "conv9"), "alexnet has no layer 'conv9'"),
        (lambda: measured_receptive_field(conv(), (1, 8, 8), "b"), "layer is 'b'"),
        (lambda: measured_receptive_field(conv(), (1, 8, 8), position=(9, 9)), "the map has \\(6, 6\\) units"),
        (lambda: measured_receptive_field(conv(), (2, 8, 8)), "cannot be measured on an input of 2×8×8"),
        (lambda: effective_receptive_field(conv()), "input_shape is None"),
        (lambda: effective_receptive_field(conv(), (1, 8, 8), samples=0), "samples is 0"),
        (lambda: stack_weights([3], channels=0), "channels is 0"),
    ],
)
def test_wrong_arguments_name_value_and_remedy(call, words):
    with pytest.raises(ValueError, match=words):
        call()


@pytest.mark.parametrize(
    "call",
    [
        lambda: receptive_field("resnet50"),
        lambda: measured_receptive_field(None, (1, 8, 8)),
        lambda: effective_receptive_field(3, (1, 8, 8)),
        lambda: effective_receptive_field(conv(), inputs=[1.0]),
        lambda: fields_through([3, 3]),
        lambda: fields_through([{"kernel": 3}]),
        lambda: fields_through(7),
        lambda: stack_weights(3),
        lambda: receptive_field(conv()).of().cut("chelsea", 0),
    ],
)
def test_wrong_types_are_type_errors(call):
    with pytest.raises(TypeError):
        call()


ANYTHING = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-3, 9),
    st.floats(),
    st.text(max_size=3),
    st.lists(st.one_of(st.integers(-2, 9), st.text(max_size=2), st.floats()), max_size=4),
    st.dictionaries(st.sampled_from(["kernel_size", "stride", "size"]), st.integers(-1, 4), max_size=2),
    st.just(torch.zeros(2, 2, 2)),
    st.just(torch.zeros(1, 1, 8, 8, dtype=torch.int32)),
)
PUBLIC = {
    "fields_through": fields_through,
    "field_size": field_size,
    "stack_weights": stack_weights,
    "stack_weights of channels": lambda value: stack_weights([3], value),
    "geometry": geometry,
    "skeleton": skeleton,
    "published_size": lambda value: published_size(value, "conv1"),
    "published_size of layer": lambda value: published_size("alexnet", value),
    "receptive_field": receptive_field,
    "receptive_field of shape": lambda value: receptive_field(conv(), value),
    "of": lambda value: receptive_field(conv()).of(value),
    "region": lambda value: receptive_field(conv()).of().region(value),
    "cut": lambda value: receptive_field(conv()).of().cut(value, 0),
    "cut at": lambda value: receptive_field(conv()).of().cut(torch.zeros(1, 8, 8), value),
    "measured": lambda value: measured_receptive_field(value, (1, 8, 8)),
    "measured of shape": lambda value: measured_receptive_field(conv(), value),
    "measured of layer": lambda value: measured_receptive_field(conv(), (1, 8, 8), layer=value),
    "measured at": lambda value: measured_receptive_field(conv(), (1, 8, 8), position=value),
    "effective": lambda value: effective_receptive_field(value, (1, 8, 8)),
    "effective of shape": lambda value: effective_receptive_field(conv(), value),
    "effective of inputs": lambda value: effective_receptive_field(conv(), inputs=value),
    "effective of samples": lambda value: effective_receptive_field(conv(), (1, 8, 8), samples=value),
    "effective of seed": lambda value: effective_receptive_field(conv(), (1, 8, 8), samples=1, seed=value),
}


@pytest.mark.parametrize("name", PUBLIC)
@settings(max_examples=40)
@given(value=ANYTHING)
def test_nothing_but_value_and_type_errors_escape(name, value):
    with contextlib.suppress(ValueError, TypeError):
        PUBLIC[name](value)
