"""The loop learns, repeats itself, finds back exactly after a kill, and stops early when the loss explodes."""

import dataclasses
import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from cnncourse.workbench import training
from cnncourse.workbench.training import Settings, one_cycle, train


class Stripes:
    """Noisy pictures of 8×8 pixels with horizontal (0) or vertical (1) stripes, mirrored at random when trained on."""

    def __init__(self, number=96):
        generator = torch.Generator().manual_seed(7)
        self.labels = torch.arange(number) % 2
        stripes = (torch.arange(8) % 2).float().expand(8, 8)
        pictures = torch.where((self.labels == 0)[:, None, None], stripes.T, stripes)
        self.images = (pictures + 0.5 * torch.randn(number, 8, 8, generator=generator))[:, None]

    def __len__(self):
        return len(self.labels)

    def batch(self, index, generator=None):
        images = self.images[index]
        if generator is not None:
            mirrored = torch.rand(len(index), generator=generator) < 0.5
            images = torch.where(mirrored[:, None, None, None], images.flip(-1), images)
        return images, self.labels[index]


def small_network():
    torch.manual_seed(3)
    return nn.Sequential(
        nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten(), nn.Dropout(0.2), nn.Linear(4 * 36, 2)
    )


SETTINGS = Settings(epochs=4, batch_size=20, learning_rate=0.05, precision="float32", seed=5)
CPU = torch.device("cpu")


def run(network, **options):
    given = {"settings": SETTINGS, "device": CPU, "progress": False, "score": score} | options
    return train(network, Stripes(), **given)


def score(network):
    return training.accuracy(network, Stripes())


def test_it_learns():
    network = small_network()
    history = run(network)
    assert history.loss[-1] < history.loss[0] / 2
    assert history.score[-1] == 1.0
    assert len(history) == len(history.seconds) == len(history.learning_rate) == 4
    assert not network.training


def test_the_same_seed_gives_the_same_numbers_and_another_seed_others():
    first, second = run(small_network()), run(small_network())
    other = run(small_network(), settings=dataclasses.replace(SETTINGS, seed=6))
    assert first.numbers == second.numbers
    assert first.loss != other.loss


class KilledError(Exception):
    """Stands for a power cut."""


@pytest.mark.parametrize("optimizer", ["sgd", "adamw"])
def test_after_a_kill_training_goes_on_with_the_very_same_numbers(tmp_path, optimizer):
    settings = dataclasses.replace(SETTINGS, optimizer=optimizer, learning_rate=0.01)
    undisturbed = small_network()
    expected = run(undisturbed, settings=settings)
    checkpoint = tmp_path / "run" / "stripes.ckpt"
    epochs = []

    def kill_in_the_third_epoch(network, images, labels):
        if checkpoint.exists() and len(torch.load(checkpoint, weights_only=True)["history"]["loss"]) == 2:
            raise KilledError
        return training.cross_entropy(network, images, labels)

    with pytest.raises(KilledError):
        run(small_network(), settings=settings, checkpoint=checkpoint, loss=kill_in_the_third_epoch)
    torch.manual_seed(99)  # the world has moved on
    torch.rand(1000)
    resumed = small_network()
    history = run(resumed, settings=settings, checkpoint=checkpoint, score=lambda n: epochs.append(1) or score(n))
    assert history.numbers == expected.numbers
    assert len(epochs) == 2
    for name, value in undisturbed.state_dict().items():
        assert torch.equal(resumed.state_dict()[name], value), name


def test_a_finished_training_is_only_loaded(tmp_path):
    first = small_network()
    run(first, checkpoint=tmp_path / "a.ckpt")
    again = small_network()
    run(again, checkpoint=tmp_path / "a.ckpt", loss=lambda *_: pytest.fail("trained again"))
    assert all(torch.equal(a, b) for a, b in zip(first.parameters(), again.parameters(), strict=True))
    assert [path.name for path in tmp_path.iterdir()] == ["a.ckpt"]


def test_a_checkpoint_of_another_training_is_refused(tmp_path):
    run(small_network(), checkpoint=tmp_path / "a.ckpt")
    with pytest.raises(ValueError, match="belongs to a training with"):
        run(small_network(), checkpoint=tmp_path / "a.ckpt", settings=dataclasses.replace(SETTINGS, seed=6))


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_a_loss_that_is_not_finite_stops_at_once_and_leaves_the_weights(value):
    network = small_network()
    before = [parameter.clone() for parameter in network.parameters()]

    def explode(network, images, labels):
        return training.cross_entropy(network, images, labels) * value

    with pytest.raises(FloatingPointError, match=r"epoch 1, step 1.*Lower the learning rate"):
        run(network, loss=explode)
    assert all(torch.equal(a, b) for a, b in zip(before, network.parameters(), strict=True))


@given(steps=st.integers(2, 60), peak=st.floats(1e-3, 1.0), warm_up=st.floats(0.05, 0.95))
def test_the_schedule_matches_torch(steps, peak, warm_up):
    optimizer = torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=0.1)
    if warm_up * steps - 1 <= 0:
        return  # torch divides by zero there
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, max_lr=peak, total_steps=steps, pct_start=warm_up, cycle_momentum=False
    )
    for step in range(steps):
        assert one_cycle(step, steps, peak, warm_up) == pytest.approx(optimizer.param_groups[0]["lr"], rel=1e-9)
        optimizer.step()
        if step + 1 < steps:
            schedule.step()


@given(steps=st.integers(1, 40), warm_up=st.floats(0, 1))
def test_the_schedule_stays_between_nothing_and_its_peak(steps, warm_up):
    rates = [one_cycle(step, steps, 0.3, warm_up) for step in range(steps)]
    assert all(0 < rate <= 0.3 * (1 + 1e-12) for rate in rates)


def test_biases_and_normalization_do_not_decay():
    groups = training.optimizer_for(small_network(), SETTINGS).param_groups
    assert [group["weight_decay"] for group in groups] == [SETTINGS.weight_decay, 0.0]
    assert {p.dim() for p in groups[0]["params"]} == {2, 4}
    assert {p.dim() for p in groups[1]["params"]} == {1}


def test_bfloat16_trains_too_and_weights_stay_float32():
    network = small_network()
    history = run(network, settings=dataclasses.replace(SETTINGS, precision="bfloat16"))
    assert history.loss[-1] < history.loss[0]
    assert {parameter.dtype for parameter in network.parameters()} == {torch.float32}


def test_the_timing_chooses_a_precision_and_leaves_the_network_alone():
    network = small_network()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    assert training.faster_precision(network, Stripes().batch(torch.arange(8))) in ("float32", "bfloat16")
    assert all(torch.equal(before[name], value) for name, value in network.state_dict().items())
    assert all(parameter.grad is None for parameter in network.parameters())


def test_the_timing_takes_the_faster_one(monkeypatch):
    monkeypatch.setattr(
        training, "seconds_per_step", lambda *arguments: {"float32": 2.0, "bfloat16": 1.0}[arguments[3]]
    )
    history = run(small_network(), settings=dataclasses.replace(SETTINGS, precision="auto", epochs=1))
    assert history.precision == "bfloat16"


def test_predictions_come_in_order_and_the_mode_is_given_back():
    network = small_network().train()
    outputs = training.predict(network, Stripes(), batch_size=7)
    assert outputs.shape == (96, 2)
    assert network.training
    network.eval()
    torch.testing.assert_close(outputs, network(Stripes().images).detach())


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("epochs", 0),
        ("batch_size", 0),
        ("seed", -1),
        ("learning_rate", math.nan),
        ("warm_up", 2),
        ("weight_decay", "much"),
        ("optimizer", "newton"),
        ("precision", "int8"),
    ],
)
def test_settings_out_of_range_are_named(field, value):
    with pytest.raises(ValueError, match=field):
        dataclasses.replace(SETTINGS, **{field: value})


@given(
    value=st.one_of(st.none(), st.text(), st.booleans(), st.just(-1), st.floats(max_value=-0.1), st.lists(st.none()))
)
def test_nothing_but_value_errors_escape(value):
    for field in (f.name for f in dataclasses.fields(Settings)):
        if value in ("sgd", "adamw", *training.PRECISIONS):
            continue
        with pytest.raises(ValueError, match=field):
            dataclasses.replace(SETTINGS, **{field: value})


def test_no_samples_is_a_clear_error():
    with pytest.raises(ValueError, match="no samples"):
        train(small_network(), Stripes(0), SETTINGS, device=CPU, progress=False)
