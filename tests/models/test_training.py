"""Initializations and normalization against torch, signals against theory, and the chapter's small experiments."""

import contextlib
import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from cnncourse.models import training
from cnncourse.models.training import (
    batch_norm,
    dropout,
    experiments,
    fans,
    fold,
    glorot,
    he,
    orthogonal,
    signals,
    singular_values,
)

SHAPES = [(7, 5), (5, 7), (6, 6), (8, 3, 3, 3), (4, 2, 5, 1), (3, 40, 1, 1)]


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def twin(shape, fill, **options):
    """What torch draws from the same generator."""
    return fill(torch.empty(*shape), generator=seeded(), **options)


# --- initialization


@pytest.mark.parametrize("shape", SHAPES)
def test_fans_are_torch_s(shape):
    assert fans(shape) == nn.init._calculate_fan_in_and_fan_out(torch.empty(*shape))


def test_fans_of_a_convolution_count_the_kernel_and_only_its_group():
    assert fans(tuple(nn.Conv2d(16, 32, 3).weight.shape)) == (16 * 9, 32 * 9)
    assert fans(tuple(nn.Conv2d(16, 32, 3, groups=4).weight.shape)) == (4 * 9, 32 * 9)


@pytest.mark.parametrize("shape", SHAPES)
def test_each_initialization_draws_what_torch_draws(shape):
    torch.testing.assert_close(glorot(shape, seeded()), twin(shape, nn.init.xavier_uniform_))
    torch.testing.assert_close(he(shape, seeded()), twin(shape, nn.init.kaiming_normal_, nonlinearity="relu"))
    torch.testing.assert_close(orthogonal(shape, seeded(), 1.5), twin(shape, nn.init.orthogonal_, gain=1.5))


@pytest.mark.parametrize("name", training.GAINS)
def test_gains_are_torch_s(name):
    assert training.GAINS[name] == pytest.approx(nn.init.calculate_gain(name))


def test_variances_are_those_of_the_papers_and_he_is_not_glorot():
    shape = (300, 50, 3, 3)
    assert float(glorot(shape, seeded()).var()) == pytest.approx(2 / (450 + 2700), rel=0.02)
    assert float(glorot(shape, seeded()).abs().max()) <= math.sqrt(6 / (450 + 2700))
    assert float(he(shape, seeded()).var()) == pytest.approx(2 / 450, rel=0.02)


@pytest.mark.parametrize("layer", [nn.Linear(400, 300), nn.Conv2d(40, 300, 3)])
def test_torch_s_own_layers_draw_from_a_third_rule(layer):
    fan_in, _ = fans(tuple(layer.weight.shape))
    assert float(layer.weight.detach().var()) == pytest.approx(1 / (3 * fan_in), rel=0.05)


@pytest.mark.parametrize("shape", SHAPES)
def test_rows_or_columns_of_an_orthogonal_weight_are_orthonormal(shape):
    matrix = orthogonal(shape, seeded()).flatten(1)
    product = matrix @ matrix.T if matrix.shape[0] <= matrix.shape[1] else matrix.T @ matrix
    torch.testing.assert_close(product, torch.eye(len(product)), atol=1e-5, rtol=0)


def test_a_network_is_drawn_anew_with_biases_of_zero_and_the_rest_left_alone():
    network = nn.Sequential(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.Linear(4, 2, bias=False))
    nn.init.constant_(network[1].weight, 3.0)
    assert training.initialize(network, "he", seed=5) is network
    torch.testing.assert_close(network[0].weight.detach(), he((4, 1, 3, 3), seeded(5)))
    assert not network[0].bias.any()
    assert (network[1].weight == 3).all()


@given(shape=st.lists(st.integers(-1, 4), max_size=4) | st.sampled_from(["ab", None, 3, (2.0, 2)]))
def test_bad_shapes_raise_nothing_but_value_errors(shape):
    for draw in training.INITIALIZATIONS.values():
        with contextlib.suppress(ValueError):
            assert draw(shape).shape == tuple(shape)


def test_an_unknown_initialization_is_refused_with_the_choices():
    with pytest.raises(ValueError, match="choose one of small"):
        training.initialize(nn.Linear(2, 2), "xavier")
    with pytest.raises(ValueError, match="gain is nan"):
        orthogonal((2, 2), gain=math.nan)


# --- signals


@pytest.mark.parametrize(
    ("activation", "name", "factor"),
    [
        ("linear", "glorot", 1),
        ("linear", "he", 2),
        ("relu", "glorot", 1 / 2),
        ("relu", "he", 1),
        ("linear", "small", 0.0512),
    ],
)
def test_each_layer_multiplies_the_variance_as_theory_says(activation, name, factor):
    found = signals(8, activation, name, width=512, samples=64)
    wanted = torch.arange(8, dtype=torch.float64) * math.log(factor)
    first = found.forward[1]  # what enters is no sum yet
    torch.testing.assert_close((found.forward[1:] / first).log(), wanted, atol=0.4, rtol=0.02)
    torch.testing.assert_close(found.backward.flip(0)[:8].log(), wanted, atol=0.4, rtol=0.02)


def test_after_fifty_layers_of_relu_glorot_has_lost_the_signal_and_he_has_not():
    vanished, kept = (signals(50, "relu", name, width=128, samples=64) for name in ("glorot", "he"))
    assert float(vanished.forward[-1]) < 1e-12
    assert 0.01 < float(kept.forward[-1]) < 100
    assert 0.01 < float(kept.backward[0]) < 100


def test_an_orthogonal_network_keeps_the_length_of_every_signal_exactly():
    found = signals(50, "linear", "orthogonal", width=64, samples=8)
    torch.testing.assert_close(found.forward, found.forward[:1].expand(51), rtol=1e-4, atol=0)


def test_signals_are_those_of_a_torch_network_with_these_weights():
    found = signals(3, "tanh", "glorot", width=8, samples=5, seed=4)
    generator = seeded(4)
    weights = [glorot((8, 8), generator).double() for _ in range(3)]
    sums = [torch.randn(5, 8, generator=generator, dtype=torch.float64)]
    for weight in weights:
        sums.append(torch.tanh(sums[-1]) @ weight.T)
    torch.testing.assert_close(found.forward, torch.stack([z.square().mean() for z in sums]))
    assert float(found.backward[-1]) == pytest.approx(1)


def test_variance_alone_does_not_keep_every_direction():
    gaussian, rotation = (singular_values(50, "linear", name, width=48) for name in ("glorot", "orthogonal"))
    torch.testing.assert_close(rotation, torch.ones(48, dtype=torch.float64), rtol=1e-4, atol=1e-4)
    assert float(gaussian[0]) > 1
    assert float(gaussian[24]) < 1e-6


def test_singular_values_are_those_of_the_jacobian():
    found = singular_values(3, "tanh", "he", width=6, seed=2)
    generator = seeded(2)
    weights = [he((6, 6), generator).double() for _ in range(3)]

    def network(x):
        for weight in weights:
            x = weight @ torch.tanh(x)
        return x

    jacobian = torch.func.jacrev(network)(torch.randn(6, generator=generator, dtype=torch.float64))
    torch.testing.assert_close(found, torch.linalg.svdvals(jacobian))


@settings(max_examples=30, deadline=None)
@given(
    depth=st.integers(-1, 3) | st.just(1.5),
    activation=st.sampled_from(["relu", "tanh", "sine", None]),
    name=st.sampled_from(["he", "glorot", "she", 1]),
    width=st.integers(0, 3),
    seed=st.integers(-1, 2),
)
def test_bad_arguments_of_signals_raise_nothing_but_value_errors(depth, activation, name, width, seed):
    with contextlib.suppress(ValueError):
        assert signals(depth, activation, name, width=width, samples=2, seed=seed).forward.shape == (depth + 1,)
    with contextlib.suppress(ValueError):
        assert singular_values(depth, activation, name, width=width, seed=seed).shape == (width,)


# --- batch normalization


def layer_and_maps(channels=3, shape=(4, 5, 6), seed=0, **options):
    layer = nn.BatchNorm2d(channels, **options).double()
    with torch.no_grad():
        for values in (layer.weight, layer.bias, layer.running_mean):
            values.copy_(torch.randn(channels, generator=seeded(seed + 1)))
        layer.running_var.copy_(torch.rand(channels, generator=seeded(seed + 2)) + 0.1)
    n, *sides = shape
    return layer, torch.randn(n, channels, *sides, generator=seeded(seed), dtype=torch.float64) * 3 + 1


def ours(layer, maps, training):
    statistics = layer.running_mean.clone(), layer.running_var.clone()
    momentum, eps = layer.momentum, layer.eps
    return batch_norm(maps, layer.weight, layer.bias, *statistics, training=training, momentum=momentum, eps=eps)


@settings(max_examples=30, deadline=None)
@given(
    channels=st.integers(1, 4),
    shape=st.tuples(st.integers(1, 4), st.integers(1, 3), st.integers(1, 3)).filter(lambda s: math.prod(s) > 1),
    momentum=st.sampled_from([0.0, 0.1, 0.5, 1.0]),
    is_training=st.booleans(),
    seed=st.integers(0, 99),
)
def test_normalization_is_torch_s_in_result_and_running_statistics(channels, shape, momentum, is_training, seed):
    layer, maps = layer_and_maps(channels, shape, seed, momentum=momentum)
    found = ours(layer, maps, is_training)
    wanted = layer.train(is_training)(maps)
    torch.testing.assert_close(found, (wanted, layer.running_mean, layer.running_var))


def test_gradients_of_the_normalization_are_torch_s():
    layer, maps = layer_and_maps()
    wanted = torch.autograd.grad((layer.train()(maps.requires_grad_()) ** 3).sum(), [maps, layer.weight, layer.bias])
    found = torch.autograd.grad((ours(layer, maps, True)[0] ** 3).sum(), [maps, layer.weight, layer.bias])
    torch.testing.assert_close(found, wanted)


def test_the_batch_is_divided_by_the_biased_variance_and_the_running_one_is_unbiased():
    maps = torch.tensor([1.0, 3.0]).reshape(2, 1, 1, 1)
    zero, one = torch.zeros(1), torch.ones(1)
    result, mean, variance = batch_norm(maps, one, zero, zero, zero, training=True, momentum=1, eps=0.0)
    assert result.flatten().tolist() == [-1, 1]
    assert (float(mean), float(variance)) == (2, 2)


def test_in_evaluation_a_picture_does_not_depend_on_the_others_and_in_training_it_does():
    layer, maps = layer_and_maps()
    alone, together = (ours(layer, batch, False)[0][:1] for batch in (maps[:1], maps))
    torch.testing.assert_close(alone, together)
    assert not torch.allclose(ours(layer, maps[:1], True)[0], ours(layer, maps, True)[0][:1])


def test_nothing_is_changed_in_place():
    layer, maps = layer_and_maps()
    mean = layer.running_mean.clone()
    batch_norm(maps, layer.weight, layer.bias, layer.running_mean, layer.running_var, training=True)
    torch.testing.assert_close(layer.running_mean, mean)


@pytest.mark.parametrize("shape", [(1, 3, 1, 1), (0, 3, 2, 2)])
def test_a_channel_without_two_values_is_refused_in_training_alone(shape):
    layer, _ = layer_and_maps()
    maps = torch.zeros(shape, dtype=torch.float64)
    with pytest.raises(ValueError, match="variance needs two"):
        ours(layer, maps, True)
    assert ours(layer, maps, False)[0].shape == shape


@given(
    axes=st.integers(2, 5),
    dtype=st.sampled_from([torch.float32, torch.float64, torch.int64]),
    channels=st.integers(0, 3),
    momentum=st.sampled_from([0.1, -1, 2, math.nan, True, "a", None]),
    eps=st.sampled_from([1e-5, 0, -1, math.inf]),
)
def test_bad_arguments_of_the_normalization_raise_nothing_but_clear_errors(axes, dtype, channels, momentum, eps):
    maps = torch.zeros([2] * axes, dtype=dtype)
    parts = [torch.ones(channels)] * 4
    with contextlib.suppress(ValueError, TypeError):
        result = batch_norm(maps, *parts, training=True, momentum=momentum, eps=eps)[0]
        assert result.shape == maps.shape


# --- folding


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("affine", [True, False])
def test_a_folded_convolution_is_convolution_and_normalization_in_one(bias, affine):
    convolution = nn.Conv2d(4, 6, 3, stride=2, padding=1, groups=2, bias=bias).double()
    normalization = nn.BatchNorm2d(6, affine=affine).double()
    normalization(torch.randn(8, 6, 3, 3, dtype=torch.float64) * 2 + 1)
    if affine:
        nn.init.normal_(normalization.weight)
        nn.init.normal_(normalization.bias)
    maps = torch.randn(2, 4, 7, 7, dtype=torch.float64)
    before = {name: value.clone() for name, value in convolution.state_dict().items()}
    folded = fold(convolution, normalization.eval())
    torch.testing.assert_close(folded(maps), normalization(convolution(maps)))
    torch.testing.assert_close(dict(convolution.state_dict()), before)


def test_what_cannot_be_folded_is_refused():
    with pytest.raises(ValueError, match="no running averages"):
        fold(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2, track_running_stats=False))
    with pytest.raises(ValueError, match="6 filters, but the normalization has 2"):
        fold(nn.Conv2d(1, 6, 3), nn.BatchNorm2d(2))


# --- dropout


@pytest.mark.parametrize("p", [0.0, 0.1, 0.5, 0.8])
def test_the_expectation_of_dropout_is_its_input(p):
    values = torch.tensor([1.0, -2.0, 4.0]).expand(40_000, 3)
    mean = dropout(values, p, training=True, generator=seeded()).mean(dim=0)
    torch.testing.assert_close(mean, values[0], rtol=0.04, atol=0)


def test_survivors_speak_louder_and_a_share_p_is_silent():
    found = dropout(torch.ones(100_000), 0.2, training=True, generator=seeded())
    assert found.unique().tolist() == pytest.approx([0, 1.25])
    assert float((found == 0).double().mean()) == pytest.approx(0.2, abs=0.01)


def test_dropout_does_nothing_in_evaluation_and_everything_at_one():
    values = torch.randn(5, 5)
    assert torch.equal(dropout(values, 0.5, training=False), values)
    assert not dropout(values, 1.0, training=True).any()


@given(
    values=st.sampled_from([torch.ones(3), torch.ones(3, dtype=torch.int64), [1.0], None]),
    p=st.floats() | st.sampled_from([0, 1, True, "a", None]),
)
def test_bad_arguments_of_dropout_raise_nothing_but_clear_errors(values, p):
    with contextlib.suppress(ValueError, TypeError):
        assert dropout(values, p, training=True).shape == values.shape


# --- the experiments


def test_at_a_small_learning_rate_relu_is_faster_and_tanh_only_needs_a_larger_one():
    relu, tanh = (
        {rate: experiments.steps_to(experiments.race(name, rate), 0.25) for rate in (0.003, 0.01, 0.1)}
        for name in ("relu", "tanh")
    )
    assert relu[0.003] < math.inf
    assert tanh[0.003] > 3 * relu[0.003]
    assert tanh[0.01] > 1.5 * relu[0.01]
    assert tanh[0.1] <= min(relu.values())


def test_a_normalized_network_learns_at_rates_and_from_weights_at_which_a_bare_one_fails():
    far_off = [(0.003, "he"), (0.1, "he"), (0.3, "he"), (0.03, "small")]
    bare, normalized = (
        [experiments.after_training(rate, normalize=kind, initialization=name) for rate, name in far_off]
        for kind in (False, True)
    )
    assert all(error > 0.25 for error in bare)
    assert all(error < 0.1 for error in normalized)


def test_a_loss_that_is_no_number_ends_a_curve_with_nan():
    errors = experiments.learn(experiments.plain_network(8), learning_rate=1e6, epochs=3)
    assert len(errors) == 3
    assert math.isnan(errors[-1])
    assert experiments.steps_to([0.9, 0.2, math.nan], 0.25) == 16
    assert experiments.steps_to([0.9, math.nan], 0.25) == math.inf


def test_dropout_narrows_the_gap_between_digits_that_were_learned_and_others():
    plain, dropped = ([experiments.generalize(p, seed=seed) for seed in range(3)] for p in (0.0, 0.5))
    assert all(training == 0 for training, _ in plain)
    assert sum(others for _, others in dropped) < 0.9 * sum(others for _, others in plain)


def test_a_normalized_network_that_stays_in_training_mode_reads_digits_by_their_company():
    network = experiments.plain_network(8, normalize=True)
    experiments.learn(network, learning_rate=0.1, epochs=6)
    others = experiments.digits().select(slice(1000, 1797))
    by_class = others.select(others.labels.argsort(stable=True)).prepared((0.305,), (0.376,))
    mode = {
        training: [
            experiments.error_in_mode(network, by_class, training=training, batch_size=size) for size in (64, 797)
        ]
        for training in (True, False)
    }
    assert mode[False][0] == mode[False][1] < 0.12
    assert mode[True][0] > 0.3
    assert mode[True][1] < 0.12


def test_the_experiments_are_the_same_every_time():
    assert experiments.race("relu", 0.01, epochs=2) == experiments.race("relu", 0.01, epochs=2)
    assert experiments.generalize(0.5, epochs=2) == experiments.generalize(0.5, epochs=2)


def test_a_network_of_an_experiment_has_depth_and_a_known_activation():
    convolutions = [m for m in experiments.plain_network(8, "tanh").modules() if isinstance(m, nn.Conv2d)]
    assert len(convolutions) == 8
    with pytest.raises(ValueError, match="depth is 2"):
        experiments.plain_network(2)
    with pytest.raises(ValueError, match="choose one of relu, tanh"):
        experiments.plain_network(3, "sine")
