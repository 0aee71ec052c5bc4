"""Convolution: outputs and gradients against torch over random geometries, memory, drop-in behaviour, clear errors."""

import copy
import inspect
import io
import json
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from scipy.signal import convolve2d, correlate2d

from cnncourse.layers.convolution import (
    ALGORITHMS,
    KERNELS,
    PADDING_MODES,
    Convolution,
    choose_algorithm,
    column_matrix_bytes,
    column_matrix_shape,
    convolve,
    convolve_by_im2col,
    convolve_by_loops,
    convolve_by_torch,
    count_parameters,
    default_memory_budget,
    depth_column,
    filter_bank,
    flip,
    hand_made_kernel,
    true_convolution,
)
from cnncourse.workbench.memory_meter import MemoryMeter

DOUBLE = torch.float64
VECTORS = Path(__file__).parents[1] / "vectors"
FUNCTIONS = {"loops": convolve_by_loops, "im2col": convolve_by_im2col, "torch": convolve_by_torch}
EVEN_SAME = pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel lengths")


def pairs(low, high):
    return st.one_of(st.integers(low, high), st.tuples(st.integers(low, high), st.integers(low, high)))


@st.composite
def layers(draw):
    """Arguments of a layer, and the shape of an image that it accepts, batched or not."""
    groups = draw(st.integers(1, 3))
    arguments = {
        "in_channels": groups * draw(st.integers(1, 2)),
        "out_channels": groups * draw(st.integers(1, 2)),
        "kernel_size": draw(pairs(1, 3)),
        "stride": draw(pairs(1, 3)),
        "padding": draw(st.one_of(pairs(0, 3), st.sampled_from(["same", "valid"]))),
        "dilation": draw(pairs(1, 2)),
        "groups": groups,
        "bias": draw(st.booleans()),
        "padding_mode": draw(st.sampled_from(PADDING_MODES)),
    }
    if arguments["padding"] == "same":
        arguments["stride"] = 1
    batch = draw(st.sampled_from([(), (1,), (2,)]))
    shape = (*batch, arguments["in_channels"], draw(st.integers(1, 7)), draw(st.integers(1, 7)))
    return arguments, shape


def torch_accepts(layer, shape):
    try:
        layer(torch.zeros(shape, dtype=DOUBLE))
    except RuntimeError:
        return False
    return True


def close(actual, expected):
    torch.testing.assert_close(actual, expected, rtol=0, atol=1e-10)


def gradients(layer, image, direction):
    image = image.clone().requires_grad_()
    layer.zero_grad()
    layer(image).backward(direction)
    return [image.grad, *(parameter.grad for parameter in layer.parameters())]


@EVEN_SAME
@settings(max_examples=150)
@given(layers(), st.sampled_from(ALGORITHMS), st.sampled_from([None, 1, 300, 4000]))
def test_outputs_and_gradients_equal_torch(case, algorithm, memory_budget):
    arguments, shape = case
    theirs = torch.nn.Conv2d(**arguments, dtype=DOUBLE)
    assume(torch_accepts(theirs, shape))
    ours = Convolution(**arguments, dtype=DOUBLE, algorithm=algorithm, memory_budget=memory_budget)
    ours.load_state_dict(theirs.state_dict())
    image = torch.randn(shape, dtype=DOUBLE)
    expected = theirs(image)
    close(ours(image), expected)
    direction = torch.randn_like(expected)
    for mine, given_ in zip(gradients(ours, image, direction), gradients(theirs, image, direction), strict=True):
        close(mine, given_)


@EVEN_SAME
@given(layers(), st.sampled_from(ALGORITHMS))
def test_what_torch_refuses_is_refused_in_words(case, algorithm):
    arguments, shape = case
    image = torch.zeros(shape, dtype=DOUBLE)
    ours = Convolution(**arguments, dtype=DOUBLE, algorithm=algorithm)
    if torch_accepts(torch.nn.Conv2d(**arguments, dtype=DOUBLE), shape):
        ours(image)
    else:
        with pytest.raises(ValueError, match=r"does not fit|cannot add"):
            ours(image)


@pytest.mark.parametrize("memory_budget", [1, 2000, None])
@pytest.mark.parametrize("dtype", [torch.float64, torch.complex128])
def test_im2col_can_be_differentiated_twice(dtype, memory_budget):
    torch.manual_seed(0)
    image, weight, bias = (
        torch.randn(shape, dtype=dtype, requires_grad=True) for shape in [(2, 4, 4, 3), (6, 2, 2, 2), (6,)]
    )

    def function(*tensors):
        return convolve_by_im2col(*tensors, stride=(2, 1), padding=(1, 0), dilation=(2, 1), groups=2,
                                  memory_budget=memory_budget)  # fmt: skip

    assert torch.autograd.gradcheck(function, (image, weight, bias))
    assert torch.autograd.gradgradcheck(function, (image[:1], weight, bias))


def test_a_gradient_that_nobody_needs_is_not_computed():
    image, weight = torch.randn(1, 2, 5, 5), torch.randn(3, 2, 3, 3, requires_grad=True)
    convolve_by_im2col(image, weight).sum().backward()
    torch.testing.assert_close(weight.grad[1], F.unfold(image, 3).sum(2).reshape(2, 3, 3))


@pytest.mark.parametrize("algorithm", [None, *ALGORITHMS])
def test_an_empty_batch_stays_empty(algorithm):
    assert convolve(torch.zeros(0, 2, 5, 6), torch.zeros(4, 2, 3, 3), algorithm=algorithm).shape == (0, 4, 3, 4)


@pytest.mark.parametrize("direction", [torch.randn(2, 4, 3, 4, dtype=DOUBLE).mT, torch.ones(1).double()])
def test_images_and_gradients_of_any_layout_are_read_correctly(direction):
    image = torch.randn(2, 3, 6, 5, dtype=DOUBLE).to(memory_format=torch.channels_last).requires_grad_()
    weight = torch.randn(4, 3, 3, 3, dtype=DOUBLE)
    ours, theirs = (function(image, weight) for function in (convolve_by_im2col, convolve_by_torch))
    close(ours, theirs)
    direction = direction.expand_as(theirs)
    close(torch.autograd.grad(ours, image, direction)[0], torch.autograd.grad(theirs, image, direction)[0])


# Memory


def peak(budget, image, direction=None):
    """Peak bytes of a convolution 3→16, 3×3 with padding 1: forwards, or backwards from `direction`."""
    weight = torch.zeros(16, 3, 3, 3, device=image.device, requires_grad=True)
    with MemoryMeter() as meter:
        output = convolve_by_im2col(image, weight, padding=1, memory_budget=budget)
        if direction is not None:
            meter.peak = 0
            output.backward(direction)
    return meter.peak


@pytest.mark.parametrize("budget", [2**16, 2**20, 2**23])
@pytest.mark.parametrize("batch", [1, 3])
def test_columns_stay_within_the_budget(budget, batch):
    image = torch.zeros(batch, 3, 120, 160)
    outside = batch * 4 * (16 * 120 * 160 + 3 * 122 * 162)  # the output, and the input with its margins
    assert peak(budget, image) <= outside + budget
    backward = peak(budget, image.requires_grad_(), torch.zeros(batch, 16, 120, 160))
    gradients_too = outside + batch * 4 * 3 * (122 * 162 + 120 * 160) + 2 * 4 * 16 * 27
    assert backward <= gradients_too + budget


def test_a_photograph_of_twelve_megapixels_needs_no_more_than_the_budget():
    budget = 64 * 2**20
    image = torch.zeros(1, 3, 3000, 4000, device="meta")
    outside = 4 * (16 * 3000 * 4000 + 3 * 3002 * 4002)
    assert peak(budget, image) <= outside + budget
    assert column_matrix_bytes((3, 3000, 4000), 3, padding=1) > 19 * budget


def test_the_column_matrix_of_alexnet_has_363_rows_and_3025_columns():
    assert column_matrix_shape((3, 227, 227), 11, stride=4) == (363, 3025)
    assert column_matrix_bytes((3, 227, 227), 11, stride=4) == 363 * 3025 * 4


@EVEN_SAME
@given(layers())
def test_the_column_matrix_has_the_shape_of_torch_s_unfold(case):
    arguments, shape = case
    assume(arguments["padding"] not in ("same", "valid") and len(shape) == 4)
    options = {name: arguments[name] for name in ("kernel_size", "stride", "padding", "dilation")}
    try:
        expected = F.unfold(torch.zeros(shape), **options).shape[1:]
    except RuntimeError:
        with pytest.raises(ValueError, match="does not fit"):
            column_matrix_shape(shape[1:], **options)
        return
    assert column_matrix_shape(shape[1:], **options) == tuple(expected)


def test_the_algorithm_is_chosen_by_device_type_and_memory(monkeypatch):
    cpu, much = torch.device("cpu"), 2**30
    assert choose_algorithm(torch.device("cuda"), DOUBLE, much) == "torch"
    assert choose_algorithm(torch.device("mps"), torch.float32, much) == "torch"
    assert choose_algorithm(cpu, DOUBLE, much) == "im2col"
    assert choose_algorithm(cpu, DOUBLE, default_memory_budget(cpu)) == "torch"
    if torch.backends.mkldnn.is_available():
        assert choose_algorithm(cpu, torch.float32, much) == "torch"
    monkeypatch.setattr("cnncourse.layers.convolution.algorithms._ONEDNN_TYPES", ())
    assert choose_algorithm(cpu, torch.float32, much) == "im2col"


def test_a_large_image_in_float64_is_convolved_in_chunks():
    image, weight = torch.zeros(1, 3, 256, 256, dtype=DOUBLE), torch.zeros(2, 3, 3, 3, dtype=DOUBLE)
    with MemoryMeter() as meter:
        convolve(image, weight)
    assert meter.peak > meter.now + 2**20  # chunks of columns came and went


# A drop-in for torch.nn.Conv2d


def test_the_signature_begins_as_torch_s():
    ours, theirs = (list(inspect.signature(layer).parameters) for layer in (Convolution, torch.nn.Conv2d))
    assert ours[: len(theirs)] == theirs
    assert list(inspect.signature(Convolution.forward).parameters) == ["self", "input"]


ARGUMENTS = [
    {},
    {"stride": 2, "padding": 1, "dilation": 2, "groups": 2, "bias": False, "padding_mode": "circular"},
    {"padding": "same", "padding_mode": "reflect"},
    {"padding": "valid", "stride": (2, 1)},
    {"padding": [1, 0]},
]


@pytest.mark.parametrize("arguments", ARGUMENTS)
def test_state_attributes_and_text_are_torch_s(arguments):
    layers_ = []
    for kind in (Convolution, torch.nn.Conv2d):
        torch.manual_seed(5)
        layers_.append(kind(4, 6, (3, 5), **arguments))
    ours, theirs = layers_
    assert repr(ours) == repr(theirs).replace("Conv2d", "Convolution").replace("[1, 0]", "(1, 0)")
    assert list(ours.state_dict()) == list(theirs.state_dict())
    for name, value in theirs.state_dict().items():
        assert torch.equal(ours.state_dict()[name], value)
    for name in ("in_channels", "out_channels", "kernel_size", "stride", "dilation", "groups", "padding_mode"):
        assert getattr(ours, name) == getattr(theirs, name)
    theirs.load_state_dict(ours.state_dict())


def test_the_text_names_a_chosen_algorithm():
    assert repr(Convolution(3, 8, 3, algorithm="im2col")).endswith("stride=(1, 1), algorithm=im2col)")


def test_a_layer_can_be_copied_and_saved():
    layer = Convolution(2, 3, 3, padding="same", algorithm="im2col", memory_budget=1000)
    file = io.BytesIO()
    torch.save(layer, file)
    file.seek(0)
    image = torch.randn(2, 5, 5)
    for other in (copy.deepcopy(layer), torch.load(file, weights_only=False)):
        assert torch.equal(other(image), layer(image))


def test_a_layer_that_was_changed_afterwards_uses_its_new_attributes():
    ours, theirs = Convolution(2, 3, 3), torch.nn.Conv2d(2, 3, 3)
    ours.load_state_dict(theirs.state_dict())
    for layer in (ours, theirs):
        layer.stride, layer.padding, layer.dilation = (2, 2), (1, 1), (2, 2)
        layer.weight = torch.nn.Parameter(torch.ones(3, 4, 3, 3))
    image = torch.randn(1, 4, 9, 9)
    torch.testing.assert_close(ours(image), theirs(image))


@pytest.mark.parametrize("algorithm", [None, *ALGORITHMS])
def test_shapes_alone_are_enough(algorithm):
    layer = Convolution(3, 4, 3, padding=1, device="meta", algorithm=algorithm)
    output = layer(torch.zeros(2, 3, 4, 4, device="meta"))
    assert output.shape == (2, 4, 4, 4)
    assert output.device.type == "meta"


@pytest.mark.parametrize("algorithm", [None, *ALGORITHMS])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.complex64])
def test_every_type_stays_what_it_is(algorithm, dtype):
    layer = Convolution(3, 4, 3, padding=1, dtype=dtype, algorithm=algorithm)
    theirs = torch.nn.Conv2d(3, 4, 3, padding=1, dtype=dtype)
    theirs.load_state_dict(layer.state_dict())
    image = torch.randn(2, 3, 6, 6, dtype=dtype)
    assert layer(image).dtype == dtype
    torch.testing.assert_close(layer(image), theirs(image), rtol=2e-2, atol=2e-2)


@pytest.mark.parametrize("algorithm", [None, *ALGORITHMS])
def test_autocast_converts_as_it_does_for_torch(algorithm):
    layer = Convolution(3, 4, 3, algorithm=algorithm)
    image = torch.randn(1, 3, 6, 6, requires_grad=True)
    with torch.autocast("cpu", torch.bfloat16):
        output = layer(image)
    output.sum().backward()
    assert output.dtype == torch.bfloat16
    assert image.grad.dtype == layer.weight.grad.dtype == torch.float32


@pytest.mark.parametrize("algorithm", [None, "im2col", "torch"])
def test_a_layer_can_be_compiled_without_a_break(algorithm):
    layer = Convolution(2, 3, 3, padding=1, algorithm=algorithm)
    image = torch.randn(1, 2, 6, 6)
    compiled = torch.compile(layer, backend="eager", fullgraph=True)
    torch.testing.assert_close(compiled(image), layer(image))


def test_a_network_of_our_layers_learns():
    torch.manual_seed(1)
    image, wanted = torch.rand(1, 1, 12, 12), torch.rand(1, 1, 8, 8)
    network = torch.nn.Sequential(Convolution(1, 8, 3, algorithm="im2col"), torch.nn.ReLU(), Convolution(8, 1, 3))
    optimiser = torch.optim.Adam(network.parameters(), 0.02)
    losses = []
    for _ in range(60):
        optimiser.zero_grad()
        loss = F.mse_loss(network(image), wanted)
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    assert losses[-1] < losses[0] / 3


@pytest.mark.cuda
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
@pytest.mark.parametrize("algorithm", [None, *ALGORITHMS])
def test_a_gpu_computes_the_same(algorithm):
    layer = Convolution(4, 6, 3, padding=1, groups=2, dtype=DOUBLE, algorithm=algorithm)
    image = torch.randn(2, 4, 6, 6, dtype=DOUBLE)
    expected = layer(image)
    close(layer.cuda()(image.cuda()).cpu(), expected)


# What a filter is


@given(st.integers(1, 3), st.integers(1, 3), pairs(1, 4), st.integers(1, 3), st.booleans())
def test_parameters_are_counted_as_torch_has_them(channels, filters, kernel_size, groups, bias):
    arguments = (channels * groups, filters * groups, kernel_size)
    layer = torch.nn.Conv2d(*arguments, groups=groups, bias=bias)
    assert count_parameters(*arguments, groups, bias) == sum(p.numel() for p in layer.parameters())


def test_each_map_depends_on_its_own_filter_alone():
    torch.manual_seed(0)
    image, weight = torch.randn(3, 8, 8), torch.randn(4, 3, 3, 3)
    before = convolve(image, weight)
    weight[2] = 0
    changed = (convolve(image, weight) != before).flatten(1).any(1)
    assert changed.tolist() == [False, False, True, False]


def test_a_filter_is_three_dimensional():
    torch.manual_seed(0)
    image, weight = torch.randn(3, 8, 8, dtype=DOUBLE), torch.randn(1, 3, 3, 3, dtype=DOUBLE)
    slices = [correlate2d(image[c].numpy(), weight[0, c].numpy(), mode="valid") for c in range(3)]
    close(convolve(image, weight)[0], torch.from_numpy(sum(slices)))


def test_true_convolution_is_scipy_s():
    torch.manual_seed(0)
    image, kernel = torch.randn(7, 9, dtype=DOUBLE), torch.randn(3, 4, dtype=DOUBLE)
    expected = torch.from_numpy(convolve2d(image.numpy(), kernel.numpy(), mode="valid"))
    close(true_convolution(image[None], kernel[None, None])[0], expected)
    close(convolve(image[None], flip(kernel)[None, None])[0], expected)


def test_a_symmetric_kernel_does_not_care_about_flipping():
    image = torch.randn(1, 9, 9)
    blur = filter_bank(["blur"])
    assert torch.equal(true_convolution(image, blur), convolve(image, blur))


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_a_shifted_image_gives_a_shifted_map(algorithm):
    image, weight = torch.randn(2, 9, 9, dtype=DOUBLE), torch.randn(3, 2, 3, 3, dtype=DOUBLE)
    shifted = convolve(image.roll((1, 2), (1, 2)), weight, algorithm=algorithm)
    close(shifted[:, 1:, 2:], convolve(image, weight, algorithm=algorithm)[:, :-1, :-2])


def test_to_blur_twice_is_to_blur_once_with_a_larger_kernel():
    image, blur = torch.rand(1, 9, 9, dtype=DOUBLE), filter_bank(["blur"]).double()
    larger = torch.from_numpy(convolve2d(blur[0, 0], blur[0, 0]))  # 5×5
    close(convolve(convolve(image, blur), blur), convolve(image, larger[None, None]))


def test_a_depth_column_holds_the_answer_of_every_filter():
    output = torch.randn(2, 5, 4, 3)
    assert torch.equal(depth_column(output, 3, 1), output[:, :, 3, 1])
    assert depth_column(output[0], 0, 2).shape == (5,)


def test_hand_made_kernels_do_what_their_names_say():
    flat = torch.full((1, 5, 5), 0.25)
    sums = {"laplacian": 0, "vertical edges": 0, "horizontal edges": 0, "identity": 1, "blur": 1, "sharpen": 1}
    sums["emboss"] = 1
    assert set(sums) == set(KERNELS)
    for name, total in sums.items():
        answer = convolve(flat, filter_bank([name]))
        torch.testing.assert_close(answer, torch.full((1, 3, 3), 0.25 * total))
    upright = torch.tensor([[0.0, 0, 1, 1]] * 4)[None]
    assert convolve(upright, filter_bank(["vertical edges"])).abs().min() == 4
    assert convolve(upright, filter_bank(["horizontal edges"])).abs().max() == 0


def test_the_hand_made_kernels_are_those_that_the_widget_offers():
    shared = json.loads((VECTORS / "hand_made_kernels.json").read_text())  # a test of the widget reads it too
    assert shared == {name: [list(row) for row in rows] for name, rows in KERNELS.items()}


def test_a_bank_for_colour_answers_to_the_mean_of_the_channels():
    image = torch.rand(3, 6, 6)
    bank = filter_bank(channels=3)
    assert bank.shape == (len(KERNELS), 3, 3, 3)
    torch.testing.assert_close(convolve(image, bank), convolve(image.mean(0, keepdim=True), filter_bank()))
    assert {hand_made_kernel(name).dtype for name in KERNELS} == {torch.float32}


# Errors


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"in_channels": 0}, "in_channels is 0"),
        ({"out_channels": 2.0}, "out_channels is 2.0"),
        ({"kernel_size": (3, 3, 3)}, r"kernel_size is \(3, 3, 3\); give one number"),
        ({"stride": 0}, "stride is 0.*use stride=1"),
        ({"padding": -1}, "padding is -1"),
        ({"padding": "full"}, "padding is 'full'.*'same' or 'valid'"),
        ({"padding": "same", "stride": 2}, "padding='same' with stride"),
        ({"dilation": 0}, "dilation is 0"),
        ({"groups": 0}, "groups is 0"),
        ({"groups": 4}, "groups is 4, which does not divide in_channels=6. Choose one of 1, 2, 3, 6"),
        ({"groups": 3}, "groups is 3, which does not divide out_channels=8. Choose one of 1, 2, 4, 8"),
        ({"padding_mode": "mirror"}, "padding_mode is 'mirror'; choose one of 'zeros', 'reflect'"),
        ({"algorithm": "fft"}, "algorithm is 'fft'; choose one of 'loops', 'im2col', 'torch'"),
        ({"memory_budget": 0}, "memory_budget is 0"),
    ],
)
def test_a_layer_that_cannot_be_names_value_and_remedy(arguments, words):
    with pytest.raises(ValueError, match=words):
        Convolution(**{"in_channels": 6, "out_channels": 8, "kernel_size": 3, **arguments})


@pytest.mark.parametrize("algorithm", [None, *ALGORITHMS])
@pytest.mark.parametrize(
    ("image", "error", "words"),
    [
        ([[1.0]], TypeError, r"the input is a list; .*\(N, C, H, W\) or \(C, H, W\).*torch.as_tensor"),
        (torch.zeros(8, 8), ValueError, r"shape \(8, 8\); .*x\[None\]"),
        (torch.zeros(1, 1, 3, 8, 8), ValueError, r"shape \(1, 1, 3, 8, 8\)"),
        (torch.zeros(1, 4, 8, 8), ValueError, "4 channels; expected C=3.*in_channels=4"),
        (torch.zeros(8, 8, 3), ValueError, r"channels seem to be last: use x.movedim\(-1, -3\)"),
        (torch.zeros(3, 2, 8), ValueError, "covers 3 pixels does not fit into 2|kernel that covers 3 pixels"),
        (torch.zeros(3, 0, 8), ValueError, "0×8 pixels"),
        (torch.zeros(3, 8, 8, dtype=torch.uint8), ValueError, r"torch.uint8.*x.to\(torch.float32\), divided by 255"),
        (torch.zeros(3, 8, 8, dtype=DOUBLE), ValueError, "one dtype, but input is torch.float64"),
        (torch.zeros(3, 8, 8, device="meta"), ValueError, "one device, but input is meta"),
    ],
)
def test_a_wrong_image_is_named_with_its_remedy(algorithm, image, error, words):
    with pytest.raises(error, match=words):
        Convolution(3, 2, 3, algorithm=algorithm)(image)


@pytest.mark.parametrize("mode", ["reflect", "circular"])
def test_an_image_too_small_to_continue_is_named(mode):
    with pytest.raises(ValueError, match=f"padding_mode='{mode}' cannot add 4 pixels to an image 3 high"):
        Convolution(1, 1, 3, padding=4, padding_mode=mode)(torch.zeros(1, 3, 9))


@pytest.mark.parametrize("function", FUNCTIONS.values())
def test_wrong_weights_are_named(function):
    image = torch.zeros(3, 8, 8)
    with pytest.raises(ValueError, match=r"weight has shape \(3, 3\); expected \(O, C/groups, K, K\)"):
        function(image, torch.zeros(3, 3))
    with pytest.raises(TypeError, match="weight is a list"):
        function(image, [1])
    with pytest.raises(ValueError, match="every size must be at least 1"):
        function(image, torch.zeros(2, 3, 0, 3))
    with pytest.raises(ValueError, match=r"bias has shape \(3,\); expected \(2\)"):
        function(image, torch.zeros(2, 3, 3, 3), torch.zeros(3))
    with pytest.raises(ValueError, match="groups is 2, which does not divide out_channels=3"):
        function(torch.zeros(2, 8, 8), torch.zeros(3, 1, 3, 3), groups=2)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: depth_column(torch.zeros(2, 3, 3), 3, 0), "row is 3, but the output has 3 of them. Use at most 2"),
        (lambda: depth_column(torch.zeros(2, 3, 3), 0, -1), "column is -1"),
        (lambda: depth_column(torch.zeros(3, 3), 0, 0), r"output has shape \(3, 3\)"),
        (lambda: hand_made_kernel("sobel"), "name is 'sobel'; choose one of 'identity', 'horizontal edges'"),
        (lambda: filter_bank([]), "names is"),
        (lambda: filter_bank("blur"), "names is 'blur'; give a list"),
        (lambda: filter_bank(["blur"], 0), "channels is 0"),
        (lambda: flip(torch.zeros(3)), "cannot flip"),
        (lambda: column_matrix_shape((8, 8), 3), r"input_shape is \(8, 8\)"),
        (lambda: column_matrix_bytes((1, 8, 8), 3, bytes_per_value=0), "bytes_per_value is 0"),
        (lambda: convolve(torch.zeros(1, 4, 4), torch.zeros(1, 1, 3, 3), algorithm="fft"), "algorithm is 'fft'"),
    ],
)
def test_wrong_arguments_of_the_small_functions_are_named(call, words):
    with pytest.raises(ValueError, match=words):
        call()


ANYTHING = st.one_of(
    st.none(), st.booleans(), st.integers(-2, 5), st.floats(), st.text(max_size=3), st.lists(st.integers(-1, 4)),
    st.sampled_from([(), (2,), (3, 5, 5), (1, 2, 5, 5), (4, 2, 3, 3)]).map(torch.zeros),
)  # fmt: skip


SMALL = [
    depth_column,
    flip,
    filter_bank,
    hand_made_kernel,
    column_matrix_shape,
    column_matrix_bytes,
    count_parameters,
]


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(
    st.sampled_from([*FUNCTIONS.values(), convolve, true_convolution, Convolution, *SMALL]),
    st.lists(ANYTHING, min_size=3, max_size=7),
)
def test_nothing_but_named_errors_escapes(function, arguments):
    message = None
    try:
        function(*arguments[: len(inspect.signature(function).parameters)])
    except (ValueError, TypeError) as error:
        message = str(error)
    assert message is None or len(message.split()) > 4
