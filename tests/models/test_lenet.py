"""LeNet-5's layers against the paper's table, and the taught one against a chain of torch's own layers."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from cnncourse.models import LeNet, LeNet5, parameters
from cnncourse.models.lenet import (
    C3_TABLE,
    SparseConvolution,
    Subsampling,
    connections,
    connections_of,
    digit_codes,
    scaled_tanh,
)


def test_each_layer_has_the_paper_s_number_of_parameters():
    counted = {name: parameters(layer) for name, layer in LeNet5().named_children() if parameters(layer)}
    assert counted == {"c1": 156, "s2": 12, "c3": 1_516, "s4": 32, "c5": 48_120, "f6": 10_164}


def test_each_layer_has_the_paper_s_number_of_connections():
    counted = connections(LeNet5())
    assert counted == {
        "C1": 122_304,
        "S2": 5_880,
        "C3": 151_600,
        "S4": 2_000,
        "C5": 48_120,
        "F6": 10_164,
        "output": 840,
    }
    assert connections_of() == sum(counted.values()) == 340_908
    assert connections_of("C3") == 151_600
    with pytest.raises(ValueError, match="no layer 'C7'; choose one of C1, S2"):
        connections_of("C7")


def test_the_table_reads_three_four_and_six_maps():
    assert [len(sources) for sources in C3_TABLE] == [3] * 6 + [4] * 9 + [6]
    readers = [sum(source in sources for sources in C3_TABLE) for source in range(6)]
    assert readers == [10] * 6  # each map of S2 is read equally often


def test_the_sparse_convolution_sums_over_the_listed_maps_alone():
    torch.manual_seed(0)
    layer = SparseConvolution(6, C3_TABLE, 5)
    maps = torch.randn(2, 6, 14, 14)
    result = layer(maps)
    start = 0
    for target, sources in enumerate(C3_TABLE):
        kernel = layer.weight[None, start : start + len(sources)]
        start += len(sources)
        torch.testing.assert_close(
            result[:, target : target + 1], F.conv2d(maps[:, list(sources)], kernel, layer.bias[target : target + 1])
        )


def test_no_gradient_reaches_a_connection_that_is_not_there():
    layer = SparseConvolution(6, C3_TABLE, 5)
    maps = torch.randn(1, 6, 5, 5, requires_grad=True)
    layer(maps)[0, 0].sum().backward()
    assert (maps.grad[0].flatten(1).abs().sum(dim=1) > 0).tolist() == [True] * 3 + [False] * 3


def test_subsampling_is_average_pooling_with_two_numbers_a_map():
    layer = Subsampling(3)
    maps = torch.randn(2, 3, 8, 8)
    torch.testing.assert_close(layer(maps), F.avg_pool2d(maps, 2))  # 4 · ¼, and no bias yet
    with torch.no_grad():
        layer.coefficient[1], layer.bias[1] = 2.0, 0.5
    torch.testing.assert_close(layer(maps)[:, 1], 8 * F.avg_pool2d(maps, 2)[:, 1] + 0.5)


def test_the_squashing_maps_one_to_one():
    assert scaled_tanh(torch.tensor([-1.0, 0.0, 1.0])).tolist() == pytest.approx([-1, 0, 1], abs=1e-4)


def test_the_codes_are_ten_different_pictures_of_seven_by_twelve():
    codes = digit_codes()
    assert codes.shape == (10, 84)
    assert set(codes.flatten().tolist()) == {-1.0, 1.0}
    distances = (codes[:, None] != codes[None]).sum(dim=2)
    assert int(distances[~torch.eye(10, dtype=torch.bool)].min()) >= 4


def test_units_that_show_a_digit_s_code_answer_with_that_digit():
    network = LeNet5()
    with torch.no_grad():
        network.f6.weight.zero_()
        for digit, code in enumerate(digit_codes()):
            network.f6.bias.copy_(1.5 * torch.atanh(code / 1.7159))
            logits = network(torch.randn(1, 1, 32, 32))
            assert logits.argmax() == digit
            assert logits[0, digit] == pytest.approx(0, abs=1e-6)


def test_lenet_5_learns_from_its_distances():
    torch.manual_seed(0)
    network = LeNet5()
    images, labels = torch.randn(10, 1, 32, 32), torch.arange(10)
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-2)
    losses = []
    for _ in range(60):
        loss = F.cross_entropy(network(images), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < losses[0] / 2


def test_the_taught_lenet_is_a_chain_of_torch_s_layers():
    torch.manual_seed(0)
    network = LeNet(activation="tanh", pooling="average")
    chain = nn.Sequential(
        nn.Conv2d(1, 6, 5, padding=2), nn.Tanh(), nn.AvgPool2d(2), nn.Conv2d(6, 16, 5), nn.Tanh(), nn.AvgPool2d(2),
        nn.Flatten(), nn.Linear(400, 120), nn.Tanh(), nn.Linear(120, 84), nn.Tanh(), nn.Linear(84, 10),
    )  # fmt: skip
    chain.load_state_dict(dict(zip(chain.state_dict(), network.state_dict().values(), strict=True)))
    images = torch.randn(3, 1, 28, 28)
    torch.testing.assert_close(network(images), chain(images))


@pytest.mark.parametrize(
    ("network", "size", "words"),
    [
        (LeNet5, 28, "too small for LeNet5.*at least 32 pixels"),
        (LeNet5, 40, "LeNet-5 reads 32×32"),
        (LeNet, 27, "too small for LeNet.*at least 28 pixels"),
        (LeNet, 64, "fits 28×28 alone"),
        (lambda: LeNet(padding=0), 64, "fits 32×32 alone"),
    ],
)
def test_other_sizes_are_refused_with_the_reason(network, size, words):
    with pytest.raises(ValueError, match=words):
        network()(torch.zeros(1, 1, size, size))


@pytest.mark.parametrize("options", [{"activation": "gelu"}, {"pooling": "min"}])
def test_unknown_options_are_named(options):
    with pytest.raises(ValueError, match="choose relu or tanh, and max or average"):
        LeNet(**options)
