"""Transfer: features, a linear classifier, few pictures of each class, and what freezing freezes."""

import contextlib
import copy
import pickle

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from cnncourse.applications import transfer
from cnncourse.data import LabelledImages
from cnncourse.models import activations, build, load
from cnncourse.workbench import Settings, predict

CPU = torch.device("cpu")
ANYTHING = (
    st.none() | st.booleans() | st.integers(-3, 12) | st.floats() | st.text(max_size=3) | st.just(torch.ones(2, 3))
)


@pytest.fixture(scope="module")
def task():
    return transfer.bundled(per_class=12)


@pytest.fixture(scope="module")
def table(task):
    return transfer.features(task.network, task.prepare(task.near), task.layers, grid=task.grid)


def blobs(rows=60, columns=5, classes=3, seed=0):
    generator = torch.Generator().manual_seed(seed)
    labels = torch.arange(rows) % classes
    centres = torch.randn(classes, columns, generator=generator)
    return centres[labels] + torch.randn(rows, columns, generator=generator), labels


# --- the classifier ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("rows", "columns"), [(60, 5), (9, 40), (30, 30)])
@pytest.mark.parametrize("penalty", [0.1, 1.0, 30.0])
def test_the_linear_classifier_equals_scikit_learn_s(rows, columns, penalty):
    from sklearn.linear_model import LogisticRegression

    features, labels = blobs(rows, columns)
    ours = transfer.fit_linear(features, labels, penalty=penalty)
    theirs = LogisticRegression(C=1 / penalty, tol=1e-10, max_iter=10_000).fit(
        features.double().numpy(), labels.numpy()
    )
    torch.testing.assert_close(ours.weight, torch.from_numpy(theirs.coef_), rtol=1e-4, atol=1e-5)
    probabilities = torch.from_numpy(theirs.predict_proba(features.double().numpy()))
    torch.testing.assert_close(ours.logits(features).softmax(dim=1), probabilities, rtol=1e-4, atol=1e-5)


def test_the_fit_is_at_the_bottom_of_its_loss():
    features, labels = blobs(12, 50)
    found = transfer.fit_linear(features, labels, penalty=2.0)
    weight, bias = found.weight.clone().requires_grad_(), found.bias.clone().requires_grad_()
    loss = nn.functional.cross_entropy(features.double() @ weight.T + bias, labels, reduction="sum")
    (loss + weight.square().sum()).backward()
    assert weight.grad.abs().max() < 1e-4
    assert bias.grad.abs().max() < 1e-4


def test_the_nearest_mean_is_a_linear_classifier():
    from sklearn.neighbors import NearestCentroid

    features, labels = blobs(30, 4)
    theirs = NearestCentroid().fit(features.numpy(), labels.numpy())
    new = torch.randn(50, 4, generator=torch.Generator().manual_seed(3))
    assert transfer.nearest_mean(features, labels).predict(new).tolist() == theirs.predict(new.numpy()).tolist()


@pytest.mark.parametrize(
    ("features", "labels", "options", "words"),
    [
        (torch.ones(2, 3, 4), torch.tensor([0, 1]), {}, "expected"),
        (torch.ones(2, 3), torch.tensor([0, 1, 1]), {}, "labels has shape"),
        (torch.ones(2, 3), torch.tensor([0.0, 1.0]), {}, "dtype"),
        (torch.ones(2, 3), torch.tensor([-1, 1]), {}, "labels go from -1"),
        (torch.ones(2, 3), torch.tensor([0, 5]), {"classes": 5}, "there are 5 classes"),
        (torch.ones(2, 3), torch.tensor([0, 1]), {"penalty": 0.0}, "penalty is 0.0"),
        (torch.ones(0, 3), torch.tensor([], dtype=torch.long), {}, "no rows"),
        (torch.full((2, 3), torch.nan), torch.tensor([0, 1]), {}, "not finite"),
    ],
)
def test_what_cannot_be_fitted_is_refused_in_words(features, labels, options, words):
    with pytest.raises(ValueError, match=words):
        transfer.fit_linear(features, labels, **options)


def test_a_class_without_pictures_has_no_mean():
    with pytest.raises(ValueError, match="class 1 has no picture"):
        transfer.nearest_mean(torch.ones(2, 3), torch.tensor([0, 2]))


# --- features ---------------------------------------------------------------------------------------------------


def test_features_are_the_averages_of_the_maps(task, table):
    samples = task.prepare(task.near)
    found = activations(task.network, samples.batch(torch.arange(len(samples)))[0], ["s4", "a6"])
    assert list(table) == list(task.layers)
    assert table["s4"].shape == (len(task.near), 16 * task.grid**2)
    torch.testing.assert_close(table["s4"], nn.functional.adaptive_avg_pool2d(found["s4"], task.grid).flatten(1))
    torch.testing.assert_close(table["a6"], found["a6"])
    assert not any(one.requires_grad for one in table.values())


def test_features_do_not_depend_on_the_batch_and_repeat_exactly(task, table):
    samples = task.prepare(task.near)
    again = transfer.features(task.network, samples, task.layers, grid=task.grid)
    single = transfer.features(task.network, samples, task.layers, grid=task.grid, batch_size=7)
    for layer in task.layers:
        assert torch.equal(again[layer], table[layer])
        torch.testing.assert_close(single[layer], table[layer])


def test_features_leave_the_network_as_it_was():
    network = build("resnet18", num_classes=10, width=0.1).train()
    network.bn1.eval()
    before = transfer.snapshot(network)
    images = torch.randint(0, 255, (3, 3, 64, 64), dtype=torch.uint8)
    samples = LabelledImages(images, torch.arange(3), ("a", "b", "c"), "noise").prepared([0.5] * 3, [0.25] * 3)
    transfer.features(network, samples, "layer4")
    assert transfer.moved(before, network) == []
    assert network.training
    assert network.layer1.training
    assert not network.bn1.training


def test_the_cache_spares_the_network_and_notices_every_change(task, table, tmp_path, monkeypatch):
    samples, few = task.prepare(task.near), task.near.select(list(range(5)))
    options = {"grid": task.grid, "cache": tmp_path / "new"}
    transfer.features(task.network, samples, task.layers, **options)
    seen = []
    monkeypatch.setattr(type(task.network), "check_input", lambda *_: seen.append(1))
    again = transfer.features(task.network, samples, task.layers, **options)
    assert not seen
    for layer in task.layers:
        assert torch.equal(again[layer], table[layer])
    other = copy.deepcopy(task.network)
    other.c1.bias.data[0] += 1e-3
    changed = few.select(list(range(5)))
    changed.images[0, 0, 0, 0] += 1
    for arguments in (
        (other, samples, task.layers),
        (task.network, task.prepare(few), task.layers),
        (task.network, task.prepare(changed), task.layers),
        (task.network, samples, task.layers[1:]),
    ):
        seen.clear()
        transfer.features(*arguments, **options)
        assert seen


def test_half_a_file_in_the_cache_is_computed_again(task, tmp_path):
    samples = task.prepare(task.near.select(slice(4)))
    first = transfer.features(task.network, samples, "a6", cache=tmp_path)
    (file,) = tmp_path.iterdir()
    whole = file.read_bytes()
    for content in (whole[: len(whole) // 2], b"", b"nonsense"):
        file.write_bytes(content)
        assert torch.equal(transfer.features(task.network, samples, "a6", cache=tmp_path)["a6"], first["a6"])
        assert len(file.read_bytes()) == len(whole)


def test_standardizing_knows_only_the_training_part():
    training, test = torch.randn(8, 3) * 5 + 2, torch.randn(4, 3)
    seen, unseen = transfer.standardized(training, test)
    torch.testing.assert_close(seen.mean(dim=0), torch.zeros(3), atol=1e-5, rtol=0)
    torch.testing.assert_close(seen.std(dim=0, correction=0), torch.ones(3))
    torch.testing.assert_close(unseen, (test - training.mean(0)) / training.std(0, correction=0))
    assert torch.equal(transfer.standardized(training, test * 1000)[0], seen)


def test_a_constant_column_is_only_shifted():
    seen, unseen = transfer.standardized(torch.full((4, 1), 3.0), torch.tensor([[3.5]]))
    assert seen.tolist() == [[0.0]] * 4
    assert unseen.tolist() == [[0.5]]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"layers": []}, "at least one place"),
        ({"layers": "fc7"}, "no place 'fc7'"),
        ({"grid": 0}, "grid is 0"),
        ({"batch_size": 0}, "batch_size is 0"),
    ],
)
def test_features_say_what_is_wrong(task, arguments, words):
    with pytest.raises(ValueError, match=words):
        transfer.features(task.network, task.prepare(task.near), **{"layers": "a6"} | arguments)
    with pytest.raises(ValueError, match="no samples"):
        transfer.features(task.network, task.prepare(task.near.select(slice(0))), "a6")


# --- few pictures of each class ---------------------------------------------------------------------------------


@given(st.integers(1, 6), st.integers(0, 99), st.integers(0, 3))
def test_a_draw_has_its_number_of_each_class_and_no_overlap(per_class, seed, more):
    labels = torch.arange(60) % 5
    split = transfer.draw(labels, per_class, seed, per_class + more)
    assert torch.bincount(labels[split.training]).tolist() == [per_class] * 5
    assert torch.bincount(labels[split.test]).tolist() == [12 - per_class - more] * 5
    assert not set(split.training.tolist()) & set(split.test.tolist())


def test_draws_of_one_seed_are_nested_and_tested_alike():
    labels = torch.arange(60) % 5
    few, many = transfer.draw(labels, 2, 3, 6), transfer.draw(labels, 6, 3, 6)
    assert set(few.training.tolist()) < set(many.training.tolist())
    assert torch.equal(few.test, many.test)
    assert not torch.equal(few.test, transfer.draw(labels, 2, 4, 6).test)


def test_a_class_with_too_few_pictures_is_named():
    with pytest.raises(ValueError, match="class 1 has 2 pictures"):
        transfer.draw(torch.tensor([0, 0, 0, 0, 1, 1]), 2)


def test_the_error_bar_is_the_standard_error_of_the_mean():
    curve = transfer.Curve((1,), torch.tensor([[0.4, 0.5, 0.6, 0.5]], dtype=torch.float64))
    assert curve.mean == pytest.approx([0.5])
    assert curve.standard_error == pytest.approx([(0.02 / 3) ** 0.5 / 2])


def test_pretrained_features_beat_random_ones_and_training_from_scratch(task, table):
    """The order of the chapter's curve on the bundled task, with room to spare."""
    labels, numbers = task.near.labels, (1, 4)
    random = transfer.features(task.untrained, task.prepare(task.near), task.last, grid=task.grid)[task.last]
    short = Settings(epochs=10, batch_size=16, learning_rate=0.05, precision="float32")
    scratch = transfer.from_scratch(task.scratch, task.small, (0.13,), (0.31,), short, steps=40)
    pretrained, untrained, trained = (
        transfer.learning_curve(contestant, labels, numbers, draws=2)
        for contestant in (
            transfer.on_features(table[task.last], labels),
            transfer.on_features(random, labels),
            scratch,
        )
    )
    assert pretrained.mean[0] > max(untrained.mean[1], trained.mean[1]) + 0.1
    assert pretrained.mean[1] > 0.95
    assert untrained.mean[0] < untrained.mean[1]
    again = transfer.learning_curve(transfer.on_features(table[task.last], labels), labels, numbers, draws=2)
    assert torch.equal(again.accuracies, pretrained.accuracies)
    once = transfer.draw(labels, 2)
    assert scratch(once) == scratch(once)


def test_high_layers_serve_near_tasks_and_not_far_ones(task, table):
    far = transfer.features(task.network, task.prepare(task.far), task.layers, grid=task.grid)

    def score(layers, images, layer):
        return transfer.learning_curve(transfer.on_features(layers[layer], images.labels), images.labels, [6], 3).mean[
            0
        ]

    assert score(table, task.near, "a6") > score(table, task.near, "s2") + 0.03
    assert score(far, task.far, "a6") < 0.4


def test_what_the_chapter_shows_on_this_machine_is_in_that_order():
    task = transfer.at_hand(classes=5, per_class=10, side=96)
    labels = task.near.labels
    before = transfer.snapshot(task.network)
    means = [
        transfer.learning_curve(
            transfer.on_features(
                transfer.features(network, task.prepare(task.near), task.last, grid=task.grid)[task.last], labels
            ),
            labels,
            [4],
            3,
        ).mean[0]
        for network in (task.network, task.untrained)
    ]
    assert means[0] > means[1] + 0.2
    assert transfer.moved(before, task.network) == []


# --- freezing ---------------------------------------------------------------------------------------------------


def one_step(network):
    images = torch.randn(8, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    optimizer = torch.optim.SGD([p for p in network.parameters() if p.requires_grad], lr=0.1)
    network.train()
    nn.functional.cross_entropy(network(images), torch.arange(8) % 10).backward()
    optimizer.step()


def test_frozen_weights_do_not_stop_the_statistics():
    network = load("resnet18_clothing", CPU)
    before = transfer.snapshot(network)
    one_step(transfer.freeze(network, ["fc"], statistics=False))
    moved = transfer.moved(before, network)
    parameters = {name for name, _ in network.named_parameters()}
    assert {name for name in moved if name in parameters} == {"fc.weight", "fc.bias"}
    assert {name for name in moved if name not in parameters} == {name for name, _ in network.named_buffers()}


def test_frozen_statistics_stay_whatever_train_says():
    network = transfer.freeze(load("resnet18_clothing", CPU), "fc")
    images = torch.randn(2, 3, 64, 64)
    before, said = transfer.snapshot(network), activations(network, images, ["layer4"])["layer4"]
    one_step(network)
    assert transfer.moved(before, network) == ["fc.weight", "fc.bias"]
    torch.testing.assert_close(activations(network.train(), images, ["layer4"])["layer4"], said)
    assert not network.bn1.training


def test_a_module_that_learns_keeps_its_statistics_moving():
    network = transfer.freeze(load("resnet18_clothing", CPU), ["layer4", "fc"])
    before = transfer.snapshot(network)
    one_step(network)
    moved = transfer.moved(before, network)
    assert all(name.startswith(("layer4.", "fc.")) for name in moved)
    assert "layer4.1.bn2.running_mean" in moved


def test_a_frozen_network_can_be_copied_and_stored():
    network = transfer.freeze(build("resnet18", num_classes=10, width=0.1), "fc")
    for twin in (copy.deepcopy(network), pickle.loads(pickle.dumps(network))):
        twin.train()
        twin(torch.zeros(2, 3, 64, 64))
        assert not twin.bn1.training


def test_everything_can_be_frozen_and_thawed():
    network = transfer.freeze(build("lenet"))
    assert not any(p.requires_grad for p in network.parameters())
    assert all(p.requires_grad for p in transfer.freeze(network, [""], statistics=False).parameters())
    with pytest.raises(ValueError, match="no module 'head'"):
        transfer.freeze(network, "head")


def test_predictions_of_the_frozen_network_are_those_of_before(task):
    network = copy.deepcopy(task.network)
    said = predict(network, task.prepare(task.near))
    assert torch.equal(predict(transfer.freeze(network), task.prepare(task.near)), said)


# --- whatever is given ------------------------------------------------------------------------------------------


@settings(max_examples=60, deadline=None)
@given(ANYTHING, ANYTHING, ANYTHING)
def test_bad_arguments_end_in_words(first, second, third):
    calls = (
        lambda: transfer.standardized(first, second),
        lambda: transfer.vectors(first, second),
        lambda: transfer.fit_linear(first, second, third),
        lambda: transfer.nearest_mean(first, second, third),
        lambda: transfer.draw(first, second, third),
        lambda: transfer.draw(torch.arange(12) % 3, first, second, third),
        lambda: transfer.on_features(first, second),
        lambda: transfer.learning_curve(len, torch.arange(12) % 3, [], first),
        lambda: transfer.freeze(nn.Linear(2, 2), [first]),
        lambda: transfer.at_hand(1, first, second),
    )
    for call in calls:
        with contextlib.suppress(ValueError, TypeError):
            call()
