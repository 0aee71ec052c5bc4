"""One training loop: mini-batches, a learning rate that rises and falls, a history, and an exact way back.

Each epoch begins by seeding everything with (seed, epoch): a run that was killed goes on from its checkpoint with
the very numbers that it would have had. Schedule: Smith & Topin 2018. Chapter: `models/training`.
"""

from __future__ import annotations

import copy
import math
import os
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Protocol

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from tqdm.auto import tqdm

from cnncourse.workbench import checks
from cnncourse.workbench.device import best_device, run_in_batches, set_seed

Loss = Callable[..., Tensor]
PRECISIONS = ("auto", "float32", "bfloat16")


class Samples(Protocol):
    """What a network learns from: batches of tensors, the first of which it sees and the others its loss."""

    def __len__(self) -> int: ...

    def batch(self, index: Tensor, generator: torch.Generator | None = None) -> tuple[Tensor, ...]:
        """The samples at `index`; a generator is given when they may be augmented."""
        ...


@dataclass
class History:
    """What happened, one number an epoch: mean training loss, score, last learning rate, seconds."""

    seed: int
    precision: str
    device: str
    loss: list[float] = field(default_factory=list)
    score: list[float] = field(default_factory=list)
    learning_rate: list[float] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.loss)

    @property
    def numbers(self) -> tuple[list[float], list[float]]:
        """Losses and scores: what must be the same in every run with the same seed."""
        return self.loss, self.score


@dataclass(frozen=True)
class Settings:
    """How to train.

    The learning rate rises to `learning_rate` in the first `warm_up` of all steps and then falls to nothing.
    `optimizer` is ``"sgd"`` (Nesterov momentum 0.9) or ``"adamw"``; weights of one axis (biases, normalization) do
    not decay. `precision` ``"auto"`` takes bfloat16 where a quick timing finds it faster.
    """

    epochs: int
    batch_size: int = 128
    learning_rate: float = 0.1
    warm_up: float = 0.25
    weight_decay: float = 5e-4
    optimizer: str = "sgd"
    precision: str = "auto"
    seed: int = 0

    def __post_init__(self) -> None:
        checks.whole_number("epochs", self.epochs, 1, "One epoch shows every sample once.")
        checks.whole_number("batch_size", self.batch_size, 1, "A batch has at least one sample.")
        checks.whole_number("seed", self.seed, 0, "Any whole number will do; 0 is as random as others.")
        checks.number("learning_rate", self.learning_rate, 0, math.inf)
        checks.number("warm_up", self.warm_up, 0, 1)
        checks.number("weight_decay", self.weight_decay, 0, math.inf)
        _choice("optimizer", self.optimizer, ("sgd", "adamw"))
        _choice("precision", self.precision, PRECISIONS)


def one_cycle(step: int, steps: int, peak: float, warm_up: float = 0.25) -> float:
    """Learning rate of one of `steps` steps: half a cosine wave up from peak/25, another down to almost nothing.

    The same numbers as `torch.optim.lr_scheduler.OneCycleLR` with its defaults.
    """
    checks.whole_number("steps", steps, 1, "Train for at least one step.")
    checks.whole_number("step", step, 0, "The first step is number 0.")
    start, end = peak / 25, peak / 25 / 1e4
    top, last = warm_up * steps - 1, steps - 1
    if step <= top:
        return _half_wave(start, peak, step / top if top > 0 else 1.0)
    return _half_wave(peak, end, min(1.0, (step - top) / (last - top)))


def cross_entropy(network: nn.Module, images: Tensor, labels: Tensor) -> Tensor:
    """The loss of a classifier, from its logits (N, classes) and labels (N,)."""
    return F.cross_entropy(network(images), labels)


def smoothed_cross_entropy(network: nn.Module, images: Tensor, labels: Tensor) -> Tensor:
    """`cross_entropy` with a tenth of the probability spread over all classes (Szegedy et al. 2016, section 7)."""
    return F.cross_entropy(network(images), labels, label_smoothing=0.1)


def train(
    network: nn.Module,
    samples: Samples,
    settings: Settings,
    *,
    loss: Loss = cross_entropy,
    score: Callable[[nn.Module], float] | None = None,
    checkpoint: Path | None = None,
    device: torch.device | None = None,
    progress: bool = True,
) -> History:
    """Train a network in place and return what happened.

    Parameters
    ----------
    network
        What is trained; it is moved to the device, stays there and ends in evaluation mode.
    samples
        Batches on demand, for example `LabelledImages.prepared`.
    settings
        How long, how fast, in which precision, and from which seed.
    loss
        Maps (network, *batch) to a scalar.
    score
        Maps the network, in evaluation mode, to a number that is worth watching, after each epoch.
    checkpoint
        Where to save after each epoch. If the file exists, training goes on from there.
    progress
        Show a bar.

    Raises
    ------
    FloatingPointError
        As soon as the loss is no longer a finite number.
    ValueError
        If there are no samples, or the checkpoint belongs to other settings.
    """
    if len(samples) == 0:
        raise ValueError("there are no samples to train on")
    device = best_device() if device is None else device
    network.to(device)
    run = _Run(network, samples, settings, loss, device, checkpoint)
    history = run.resume()
    network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    steps = math.ceil(len(samples) / settings.batch_size)
    with tqdm(total=settings.epochs * steps, initial=len(history) * steps, disable=not progress, unit="step") as bar:
        for epoch in range(len(history), settings.epochs):
            start = time.perf_counter()
            history.loss.append(run.epoch(epoch, history.precision, bar))
            history.learning_rate.append(float(run.optimizer.param_groups[0]["lr"]))
            network.eval()
            history.score.append(math.nan if score is None else float(score(network)))
            history.seconds.append(time.perf_counter() - start)
            run.save(history)
    network.eval()
    return history


def predict(network: nn.Module, samples: Samples, batch_size: int = 256) -> Tensor:
    """Outputs of a network in evaluation mode for all samples in order, on the CPU, (N, …)."""
    device = next(network.parameters()).device
    was_training = network.training
    network.eval()

    @torch.inference_mode()
    def outputs(index: Tensor) -> Tensor:
        result: Tensor = network(samples.batch(index)[0].to(device))
        return result.float().cpu()

    try:
        return run_in_batches(outputs, torch.arange(len(samples)), batch_size)
    finally:
        network.train(was_training)


def accuracy(network: nn.Module, samples: Samples, batch_size: int = 256) -> float:
    """Share of samples whose largest output is their label, in float32."""
    labels = samples.batch(torch.arange(len(samples)))[1]
    return float((predict(network, samples, batch_size).argmax(dim=1) == labels).double().mean())


def faster_precision(network: nn.Module, batch: tuple[Tensor, ...], loss: Loss = cross_entropy) -> str:
    """Time a few steps in float32 and in bfloat16 and return the name of the faster one.

    Networks of real width gain on processors with bfloat16 units; small ones lose. The network is left as it was.
    """
    if batch[0].device.type == "cuda" and not torch.cuda.is_bf16_supported():
        return "float32"
    seconds = {precision: seconds_per_step(network, batch, loss, precision) for precision in PRECISIONS[1:]}
    return min(seconds, key=lambda precision: seconds[precision])


def seconds_per_step(network: nn.Module, batch: tuple[Tensor, ...], loss: Loss, precision: str) -> float:
    """Seconds that the fastest of three training steps takes; a copy of the network is used."""
    trial = copy.deepcopy(network).train()
    optimizer = torch.optim.SGD(trial.parameters(), lr=0.0)
    seconds = []
    for _ in range(4):  # the first one warms up
        start = time.perf_counter()
        _step(trial, optimizer, batch, loss, precision)
        seconds.append(time.perf_counter() - start)
    return min(seconds[1:])


def optimizer_for(network: nn.Module, settings: Settings) -> torch.optim.Optimizer:
    """The optimizer that `train` uses, with weight decay for weights of more than one axis alone."""
    weights = [p for p in network.parameters() if p.requires_grad and p.dim() > 1]
    others = [p for p in network.parameters() if p.requires_grad and p.dim() <= 1]
    groups = [{"params": weights, "weight_decay": settings.weight_decay}, {"params": others, "weight_decay": 0.0}]
    if settings.optimizer == "adamw":
        return torch.optim.AdamW(groups, lr=settings.learning_rate)
    return torch.optim.SGD(groups, lr=settings.learning_rate, momentum=0.9, nesterov=True)


class _Run:
    """What an epoch needs, kept together."""

    def __init__(
        self,
        network: nn.Module,
        samples: Samples,
        settings: Settings,
        loss: Loss,
        device: torch.device,
        checkpoint: Path | None,
    ) -> None:
        self.network, self.samples, self.settings, self.loss = network, samples, settings, loss
        self.device, self.checkpoint = device, checkpoint
        self.optimizer = optimizer_for(network, settings)

    def epoch(self, epoch: int, precision: str, bar: Any) -> float:
        """Show every sample once and return the mean loss."""
        generator = set_seed(self.settings.seed * 1_000_003 + epoch)
        self.network.train()
        order = torch.split(torch.randperm(len(self.samples), generator=generator), self.settings.batch_size)
        total = 0.0
        for step, index in enumerate(order):
            for group in self.optimizer.param_groups:
                group["lr"] = one_cycle(
                    epoch * len(order) + step,
                    self.settings.epochs * len(order),
                    self.settings.learning_rate,
                    self.settings.warm_up,
                )
            batch = _placed(self.samples.batch(index, generator), self.device)
            value = _step(self.network, self.optimizer, batch, self.loss, precision)
            if not math.isfinite(value):
                raise FloatingPointError(
                    f"the loss is {value} in epoch {epoch + 1}, step {step + 1}: training has diverged. "
                    f"Lower the learning rate (it is {self.settings.learning_rate:g}), or look for bad samples."
                )
            total += value * len(index)
            bar.update()
            bar.set_postfix(epoch=epoch + 1, loss=f"{value:.3f}", refresh=False)
        return total / len(self.samples)

    def resume(self) -> History:
        """A new history, or the one in the checkpoint together with its weights."""
        if self.checkpoint is None or not self.checkpoint.exists():
            return History(self.settings.seed, self._precision(), str(self.device))
        saved = torch.load(self.checkpoint, map_location=self.device, weights_only=True)
        if saved["settings"] != asdict(self.settings):
            raise ValueError(
                f"{self.checkpoint} belongs to a training with {saved['settings']}, not {asdict(self.settings)}. "
                "Delete the file, or use the settings that it was made with."
            )
        self.network.load_state_dict(saved["network"])
        self.optimizer.load_state_dict(saved["optimizer"])
        return History(**saved["history"])

    def save(self, history: History) -> None:
        """Write the checkpoint beside its place and move it there, so that a kill never leaves half a file."""
        if self.checkpoint is None:
            return
        self.checkpoint.parent.mkdir(parents=True, exist_ok=True)
        part = self.checkpoint.with_suffix(f".{os.getpid()}.part")
        state = {
            "network": self.network.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "history": asdict(history),
            "settings": asdict(self.settings),
        }
        torch.save(state, part)
        part.replace(self.checkpoint)

    def _precision(self) -> str:
        if self.settings.precision != "auto":
            return self.settings.precision
        index = torch.arange(min(self.settings.batch_size, len(self.samples)))
        batch = _placed(self.samples.batch(index), self.device)
        return faster_precision(self.network, batch, self.loss)


def _step(
    network: nn.Module, optimizer: torch.optim.Optimizer, batch: tuple[Tensor, ...], loss: Loss, precision: str
) -> float:
    optimizer.zero_grad(set_to_none=True)
    with torch.autocast(batch[0].device.type, torch.bfloat16, enabled=precision == "bfloat16"):
        value = loss(network, *batch)
    if math.isfinite(number := float(value.detach())):
        value.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    return number


def _placed(batch: tuple[Tensor, ...], device: torch.device) -> tuple[Tensor, ...]:
    return tuple(t.to(device, memory_format=torch.channels_last) if t.dim() == 4 else t.to(device) for t in batch)


def _half_wave(start: float, end: float, share: float) -> float:
    return end + (start - end) / 2 * (1 + math.cos(math.pi * share))


def _choice(name: str, value: object, choices: tuple[str, ...]) -> None:
    if value not in choices:
        raise ValueError(f"{name} is {value!r}; choose one of {', '.join(choices)}")
