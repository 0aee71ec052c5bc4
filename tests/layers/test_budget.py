"""The calculator: against torch's own counters over random layers, famous networks, and what it cannot see."""

import pytest
import torch
import torch.nn.functional as F
from hypothesis import assume, given
from hypothesis import strategies as st
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from cnncourse.layers.budget import Budget, count


def multiply_adds_by_torch(model, *inputs):
    """Half of torch's floating point operations: it counts a multiply-add as two."""
    model.eval()
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        model(*inputs)
    return counter.get_total_flops() // 2


def assert_counts_agree(model, *shapes):
    budget = count(model, shapes)
    inputs = [torch.zeros(shape) for shape in shapes]
    assert budget.multiply_adds == multiply_adds_by_torch(model, *inputs)
    assert budget.parameters == sum(p.numel() for p in model.parameters())
    assert budget.unknown == ()
    return budget, model.eval()(*inputs)


@given(
    axes=st.integers(1, 3),
    transposed=st.booleans(),
    groups=st.integers(1, 3),
    channels=st.tuples(st.integers(1, 2), st.integers(1, 2)),
    kernel_size=st.integers(1, 3),
    stride=st.integers(1, 2),
    dilation=st.integers(1, 2),
    bias=st.booleans(),
    batch=st.integers(1, 2),
)
def test_convolutions_of_every_kind_match_torch(axes, transposed, groups, channels, stride, batch, **options):
    kind = getattr(nn, f"Conv{'Transpose' if transposed else ''}{axes}d")
    layer = kind(channels[0] * groups, channels[1] * groups, stride=stride, groups=groups, **options)
    budget, output = assert_counts_agree(layer, (batch, channels[0] * groups, *range(5, 5 + axes)))
    assert budget.rows[-1].output == tuple(output.shape)
    assert budget.rows[-1].activations == output.numel()


@given(shape=st.lists(st.integers(1, 4), min_size=0, max_size=3), width=st.integers(1, 5), bias=st.booleans())
def test_linear_layers_match_torch(shape, width, bias):
    budget, output = assert_counts_agree(nn.Linear(3, width, bias=bias), (*shape, 3))
    assert budget.rows[-1].activations == output.numel()


@pytest.mark.parametrize(
    ("model", "shapes"),
    [
        (nn.MultiheadAttention(8, 2), [(5, 2, 8)] * 3),
        (nn.TransformerEncoderLayer(8, 2, 16), [(5, 2, 8)]),
        (nn.LSTM(3, 4, num_layers=2, bidirectional=True), [(6, 2, 3)]),
        (nn.GRU(3, 4), [(6, 2, 3)]),
    ],
    ids=lambda value: type(value).__name__,
)
def test_attention_and_recurrence_match_torch(model, shapes):
    budget = count(model, shapes)
    # torch's fast path for attention is opaque to its own counter, so it is asked on shapes alone, too
    meta = {name: p.to("meta") for name, p in [*model.named_parameters(), *model.named_buffers()]}
    model.eval()
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        torch.func.functional_call(model, meta, tuple(torch.empty(s, device="meta") for s in shapes))
    assert budget.multiply_adds == counter.get_total_flops() // 2
    assert budget.parameters == sum(p.numel() for p in model.parameters())


def vgg16():
    """Configuration D, built on shapes alone."""
    layers, channels = [], 3
    for width in (64, 64, 0, 128, 128, 0, 256, 256, 256, 0, 512, 512, 512, 0, 512, 512, 512, 0):
        layers += [nn.Conv2d(channels, width, 3, padding=1), nn.ReLU()] if width else [nn.MaxPool2d(2)]
        channels = width or channels
    head = [nn.Linear(25088, 4096), nn.ReLU(), nn.Dropout(), nn.Linear(4096, 4096), nn.ReLU(), nn.Dropout()]
    return nn.Sequential(*layers, nn.Flatten(), *head, nn.Linear(4096, 1000))


def test_vgg16_costs_what_is_known_and_no_memory():
    with torch.device("meta"):
        model = vgg16()
    budget = count(model, (1, 3, 224, 224))
    assert budget.parameters == 138_357_544
    assert budget.activations == 15_237_608  # the input and the outputs of convolution, pooling and linear layers
    assert budget.multiply_adds == 15_470_264_320
    assert budget.parameter_bytes == 4 * budget.parameters
    assert budget.activation_bytes == 4 * budget.activations
    assert all(p.is_meta for p in model.parameters())


def test_alexnet_s_first_layer():
    budget = count(nn.Conv2d(3, 96, 11, stride=4), (1, 3, 227, 227))
    assert (budget.parameters, budget.rows[-1].activations) == (34_944, 290_400)
    assert budget.multiply_adds == 290_400 * 363


@pytest.mark.parametrize(
    "layer",
    [
        nn.ReLU(), nn.GELU(), nn.SiLU(), nn.Dropout(), nn.Identity(), nn.Flatten(), nn.Sigmoid(), nn.LeakyReLU(),
        nn.PReLU(), nn.ELU(), nn.Hardswish(), nn.Unflatten(1, (2, 2)),
    ],
    ids=lambda layer: type(layer).__name__,
)  # fmt: skip
def test_what_can_happen_in_place_holds_no_activations(layer):
    budget = count(layer, (2, 4, 6, 6))
    assert budget.activations == 2 * 4 * 6 * 6  # the input alone
    assert budget.multiply_adds == 0
    assert budget.unknown == ()


@pytest.mark.parametrize(
    "layer",
    [
        nn.BatchNorm2d(4), nn.GroupNorm(2, 4), nn.LayerNorm(6), nn.InstanceNorm2d(4), nn.LocalResponseNorm(2),
        nn.MaxPool2d(2), nn.AvgPool2d(3, 2), nn.AdaptiveAvgPool2d(1), nn.AdaptiveMaxPool2d(2), nn.LPPool2d(2, 2),
        nn.Upsample(scale_factor=2), nn.ZeroPad2d(1), nn.ReflectionPad2d(1), nn.PixelShuffle(2), nn.Softmax(1),
        nn.Unfold(2), nn.MaxPool2d(2, return_indices=True), nn.GLU(1),
    ],
    ids=lambda layer: type(layer).__name__,
)  # fmt: skip
def test_pooling_and_normalisation_hold_their_output_and_multiply_nothing(layer):
    budget = count(layer, (1, 4, 6, 6))
    output = layer.eval()(torch.zeros(1, 4, 6, 6))
    output = output[0] if isinstance(output, tuple) else output
    assert budget.rows[-1].activations == output.numel()
    assert budget.multiply_adds == 0
    assert budget.parameters == sum(p.numel() for p in layer.parameters())
    assert budget.unknown == ()


class Shared(nn.Module):
    """One convolution called twice, and a second name for its weight."""

    def __init__(self):
        super().__init__()
        self.layer = nn.Conv2d(2, 2, 3, padding=1)
        self.twin = nn.Conv2d(2, 2, 3, padding=1, bias=False)
        self.twin.weight = self.layer.weight
        self.spare = nn.Linear(3, 3)

    def forward(self, image):
        return F.max_pool2d(F.relu(self.twin(self.layer(self.layer(image)))) + image, 2)


def test_shared_weights_count_once_and_every_call_costs():
    model = Shared()
    budget = count(model, (1, 2, 4, 4))
    assert budget.parameters == sum(p.numel() for p in model.parameters()) == 38 + 12
    assert budget.multiply_adds == 3 * 32 * 18
    names = [row.name for row in budget.rows]
    assert names[1:] == [
        "layer",
        "layer",
        "twin",
        "Shared: relu",
        "Shared: add",
        "Shared: max_pool2d_with_indices",
        "spare",
    ]
    assert [row.parameters for row in budget.rows] == [0, 38, 0, 0, 0, 0, 0, 12]
    assert [row.activations for row in budget.rows] == [32, 32, 32, 32, 0, 0, 8, 0]
    assert budget.rows[-1].kind == "Linear, not called"


class Spectral(nn.Module):
    def __init__(self):
        super().__init__()
        self.scale = nn.Parameter(torch.ones(3))
        self.last = nn.Linear(3, 2)

    def forward(self, signal):
        return self.last(torch.fft.rfft(signal).abs() * self.scale)


def test_an_operation_of_unknown_cost_is_named():
    budget = count(Spectral(), (1, 4))
    assert budget.unknown == (("_fft_r2c", 1),)
    assert "_fft_r2c (×1)" in str(budget)
    assert "_fft_r2c" in budget._repr_html_()
    assert budget.parameters == 3 + 8


def test_the_model_stays_as_it_was():
    model = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.Dropout())
    model[1].eval()
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    count(model, (2, 1, 5, 5))
    assert [module.training for module in model] == [True, False, True]
    assert all(torch.equal(tensor, before[name]) for name, tensor in model.state_dict().items())
    assert not any(module._forward_hooks or module._forward_pre_hooks for module in model.modules())
    with pytest.raises(ValueError, match="does not run"):
        count(model, (2, 3, 5, 5))
    assert not any(module._forward_hooks or module._forward_pre_hooks for module in model.modules())


def test_half_precision_takes_half_the_bytes():
    full, half = (count(nn.Linear(4, 3).to(dtype), (1, 4)) for dtype in (torch.float32, torch.bfloat16))
    assert (half.parameter_bytes, half.activation_bytes) == (full.parameter_bytes // 2, full.activation_bytes // 2)


def test_inputs_may_be_whole_numbers():
    budget = count(nn.Sequential(nn.Embedding(10, 4), nn.Linear(4, 2)), (2, 5), dtype=torch.long)
    assert budget.rows[1].activations == 2 * 5 * 4
    assert budget.multiply_adds == 2 * 5 * 8


def test_the_table_prints_as_text():
    text = str(count(nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU()), (1, 1, 5, 5)))
    assert text == (
        "layer  kind    output   parameters  activations  multiply-adds\n"
        "--------------------------------------------------------------\n"
        "input          1×1×5×5           –           25              –\n"
        "0      Conv2d  1×2×3×3          20           18            162\n"
        "1      ReLU    1×2×3×3           –            –              –\n"
        "--------------------------------------------------------------\n"
        "total                           20           43            162\n"
        "80 bytes of parameters, 172 bytes of activations"
    )


def test_the_table_shows_as_html():
    shown = count(nn.Linear(2, 2), (1, 2))._repr_html_()
    assert shown.count("<tr>") == 4
    assert ">multiply-adds</th>" in shown


def test_a_lazy_model_is_told_to_run_first():
    with pytest.raises(ValueError, match=r"weight has no shape yet.*Run the model once"):
        count(nn.Sequential(nn.LazyConv2d(2, 3)), (1, 3, 5, 5))


class NeedsNumbers(nn.Module):
    def forward(self, image):
        return image if image.sum() > 0 else -image


def test_a_model_that_looks_at_numbers_is_named():
    with pytest.raises(ValueError, match="NeedsNumbers does not run"):
        count(NeedsNumbers(), (1, 3))


@given(
    value=st.one_of(st.none(), st.floats(), st.text(), st.integers(), st.lists(st.integers(-1, 3)), st.lists(st.text()))
)
def test_nothing_but_value_and_type_errors_escape(value):
    with pytest.raises(TypeError, match=r"must be a torch\.nn\.Module"):
        count(value, (1, 3))
    assume(not (isinstance(value, list) and value and all(isinstance(v, int) and v > 0 for v in value)))
    with pytest.raises(ValueError, match="input_shape"):
        count(nn.Linear(3, 2), value)


def test_a_budget_adds_up():
    budget = count(nn.Linear(2, 3), (1, 2))
    assert isinstance(budget, Budget)
    assert budget.activations == 2 + 3
