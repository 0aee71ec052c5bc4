"""Effective receptive fields: how strongly the pixels that can reach a unit do reach it (Luo et al. 2016)."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from cnncourse.layers.receptive_field.gradients import Position, copied, picture_shape, unit_gradients
from cnncourse.workbench import checks


@dataclass(frozen=True)
class EffectiveField:
    """How strongly each pixel reaches one unit.

    `influence` of shape (H, W) is the mean absolute gradient, scaled to sum 1. `centre` and `spread` are its mean
    and standard deviation along each axis, in pixels.
    """

    influence: Tensor
    position: tuple[int, ...]

    @property
    def centre(self) -> tuple[float, ...]:
        """Mean position along each axis."""
        return tuple(float((profile * _places(profile)).sum()) for profile in self.profiles())

    @property
    def spread(self) -> tuple[float, ...]:
        """Standard deviation along each axis."""
        return tuple(
            float((profile * (_places(profile) - mean) ** 2).sum().sqrt())
            for profile, mean in zip(self.profiles(), self.centre, strict=True)
        )

    @property
    def agreement(self) -> float:
        """How well a Gaussian with this centre and spread describes the profiles: R², 1 where it is perfect."""
        profiles, fits = torch.cat(self.profiles()), torch.cat(self.gaussian_profiles())
        mean = torch.cat([each.mean().expand_as(each) for each in self.profiles()])
        return float(1 - ((profiles - fits) ** 2).sum() / ((profiles - mean) ** 2).sum())

    def profiles(self) -> list[Tensor]:
        """Influence along each axis, summed over the others."""
        axes = range(self.influence.dim())
        if len(axes) == 1:
            return [self.influence]
        return [self.influence.sum(dim=[other for other in axes if other != axis]) for axis in axes]

    def gaussian_profiles(self) -> list[Tensor]:
        """The Gaussian with this centre and spread along each axis, scaled to sum 1."""
        fits = []
        for profile, mean, deviation in zip(self.profiles(), self.centre, self.spread, strict=True):
            bell = torch.exp(-0.5 * ((_places(profile) - mean) / max(deviation, 1e-12)) ** 2)
            fits.append(bell / bell.sum())
        return fits

    def share_within(self, region: Sequence[tuple[int, int]]) -> float:
        """Share of the influence that lies between the (first, last) pixels of each axis."""
        inside = self.influence
        for axis, (first, last) in enumerate(region):
            start = max(0, first)
            inside = inside.narrow(axis, start, max(0, min(last + 1, inside.shape[axis]) - start))
        return float(inside.sum())


def effective_receptive_field(
    model: nn.Module,
    input_shape: Sequence[int] | None = None,
    layer: str | None = None,
    position: Position = None,
    inputs: Tensor | None = None,
    samples: int = 16,
    redraw: bool = False,
    seed: int = 0,
) -> EffectiveField:
    """Measure how strongly each pixel reaches one unit: the mean |gradient| over several inputs (Luo et al. 2016).

    The gradient is that of the sum over the channels at the unit's position, in evaluation mode.

    Parameters
    ----------
    model
        The network; it is not changed.
    input_shape
        (C, H, W) of random inputs from a normal distribution. Not needed with `inputs`.
    layer, position
        As in `measured_receptive_field`.
    inputs
        Pictures (N, C, H, W) in place of random ones.
    samples
        Number of random inputs.
    redraw
        Draw new weights for every input, normal with He's variance and without biases, in place of the network's
        own.
    seed
        Of inputs and weights.

    Raises
    ------
    TypeError
        If `model` is not a module, or `inputs` not a tensor.
    ValueError
        If shapes, layer or position do not exist, no gradient reaches the picture, or the network cannot be run.
    """
    network = copied(model, layer)
    generator = torch.Generator().manual_seed(checks.whole_number("seed", seed, 0, "Use 0 if you have no wish."))
    batch = _pictures(network, input_shape, inputs, samples, generator)
    total = torch.zeros(batch.shape[2:], dtype=torch.float64)
    place: tuple[int, ...] = ()
    step = 1 if redraw else 4
    for start in range(0, len(batch), step):
        image = batch[start : start + step]
        if redraw:
            _redraw(network, generator)
        gradients, place = unit_gradients(network, image, layer, position, nullcontext())
        total += gradients.abs().double().sum(dim=(0, 1))
    if not total.sum() > 0:
        raise ValueError("no gradient reaches the picture: the unit is dead for these inputs. Choose another position")
    return EffectiveField(total / total.sum(), place)


def _pictures(
    network: nn.Module, shape: Sequence[int] | None, inputs: Tensor | None, samples: int, generator: torch.Generator
) -> Tensor:
    if inputs is not None:
        if not isinstance(inputs, Tensor):
            raise TypeError(f"inputs is a {type(inputs).__name__}; it must be a tensor of shape (N, C, H, W)")
        if inputs.dim() < 3 or 0 in inputs.shape or not inputs.is_floating_point():
            raise ValueError(f"inputs has shape {tuple(inputs.shape)}, {inputs.dtype}; expected floats (N, C, H, W)")
        return inputs.detach()
    count = checks.whole_number("samples", samples, 1, "Average over at least one input.")
    first = next((parameter for parameter in network.parameters() if parameter.is_floating_point()), torch.zeros(1))
    drawn = torch.randn(count, *picture_shape(shape), generator=generator)
    return drawn.to(device=first.device, dtype=first.dtype)


def _redraw(network: nn.Module, generator: torch.Generator) -> None:
    """New weights of He's variance, biases of 0, scales of 1, and statistics of a network that saw nothing."""
    with torch.no_grad():
        for name, parameter in network.named_parameters():
            if parameter.dim() > 1:
                drawn = torch.randn(parameter.shape, generator=generator) * (2 / parameter[0].numel()) ** 0.5
                parameter.copy_(drawn)
            else:
                parameter.fill_(0 if name.endswith("bias") else 1)
        for module in network.modules():
            if isinstance(module, nn.modules.batchnorm._NormBase):
                module.reset_running_stats()


def _places(profile: Tensor) -> Tensor:
    return torch.arange(len(profile), dtype=profile.dtype)
