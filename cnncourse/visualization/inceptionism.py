"""Pictures that a network makes: a class out of noise, and a photograph in which a layer sees more and more.

class image  max over x of y_c(x) − λ·TV(x) − …   (Simonyan et al. 2014; priors: Mahendran & Vedaldi 2015)
amplify      max over x of ½ ‖A(x)‖²               (Mordvintsev et al. 2015)

Chapter: `visualization/inceptionism`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from cnncourse.visualization.taps import evaluating, locate, watching
from cnncourse.workbench import checks, normalise, resize
from cnncourse.workbench.images import IMAGENET_MEAN, IMAGENET_STD

# Mixes three independent channels into colours that vary together as in photographs: a rotation of the usual
# grey, blue-yellow and red-green axes with standard deviations 1, 0.3 and 0.15, rounded.
_COLOURS = ((0.56, 0.20, 0.10), (0.56, 0.02, -0.20), (0.56, -0.22, 0.10))


def _number(name: str, value: object, minimum: float) -> float:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if not number or not math.isfinite(value) or value < minimum:  # type: ignore[arg-type,operator]
        raise ValueError(f"{name} is {value!r}; it must be a finite number of at least {minimum:g}")
    return float(value)  # type: ignore[arg-type]


@dataclass(frozen=True)
class Priors:
    """What a natural picture is taken to be; 0 or False switches a prior off.

    Attributes
    ----------
    total_variation
        Weight of the mean absolute difference of neighbouring pixels.
    blur
        Standard deviation in pixels of a Gauss filter after each step; it falls to 0 towards the end.
    jitter
        The picture is shifted by up to so many pixels at random before each step, and back afterwards.
    colours
        Optimize colours that are decorrelated, so that channels change together as in photographs.
    frequencies
        Optimize Fourier coefficients scaled by 1/frequency, as strong as photographs have them.
    octaves
        Begin this many times smaller by half, and enlarge in between.
    """

    total_variation: float = 0.2
    blur: float = 0.5
    jitter: int = 4
    colours: bool = True
    frequencies: bool = True
    octaves: int = 1

    def __post_init__(self) -> None:
        for name in ("total_variation", "blur"):
            _number(name, getattr(self, name), 0.0)
        checks.whole_number("jitter", self.jitter, 0, "Use 0 for none.")
        checks.whole_number("octaves", self.octaves, 1, "Use 1 for one size only.")
        for name in ("colours", "frequencies"):
            if not isinstance(getattr(self, name), bool):
                raise ValueError(f"{name} is {getattr(self, name)!r}; use True or False")


NO_PRIORS = Priors(0.0, 0.0, 0, colours=False, frequencies=False)


@dataclass(frozen=True)
class ClassImage:
    """The picture (C, H, W) in [0, 1], the probability of its class now, and the probability after each step."""

    image: Tensor
    probability: float
    history: tuple[float, ...]


def class_image(
    network: nn.Module,
    target: int,
    size: int = 64,
    priors: Priors | None = None,
    steps: int = 128,
    learning_rate: float = 0.05,
    seed: int = 0,
    channels: int = 3,
    mean: Sequence[float] = IMAGENET_MEAN,
    std: Sequence[float] = IMAGENET_STD,
) -> ClassImage:
    """Out of noise, a picture for which the network's logit of a class is large.

    Parameters
    ----------
    network
        Any module that maps (1, C, size, size) to logits (1, K); it is run in evaluation mode, on its own
        device, and not changed.
    target
        The class.
    size
        Height and width in pixels.
    priors
        Without it, all of them; `NO_PRIORS` switches all off.
    steps
        Steps of Adam, shared by the octaves.
    learning_rate
        Of Adam, in units of the picture in [0, 1] before it is squashed.
    seed
        For noise and jitter; they are drawn on the CPU, so that all devices see the same.
    channels, mean, std
        What the network expects.

    Raises
    ------
    TypeError, ValueError
        If an argument is out of range, there is no such class, or the logit stops being finite; the message says at
        which step.
    """
    locate(network, "")
    priors = _priors(priors)
    checks.whole_number("size", size, 1, "Give height and width in pixels.")
    checks.whole_number("steps", steps, 1, "Take at least one step.")
    checks.whole_number("channels", channels, 1, "Grey pictures have 1, coloured ones 3.")
    _number("learning_rate", learning_rate, 0.0)
    generator = torch.Generator().manual_seed(checks.whole_number("seed", seed, 0, "It makes the result repeatable."))
    like = next(network.parameters(), torch.zeros(()))
    frame = _Frame(channels, priors, like.device, like.dtype)
    sizes = [max(1, round(size / 2**octave)) for octave in reversed(range(priors.octaves))]
    picture = 0.01 * torch.randn(1, channels, sizes[0], sizes[0], generator=generator).to(like)
    history: list[float] = []
    with evaluating(network), torch.enable_grad():
        for number, side in enumerate(sizes):
            picture = resize(picture, (side, side))
            leaf = frame.parameters(picture).requires_grad_()
            optimizer = torch.optim.Adam([leaf], lr=learning_rate)
            share = steps // len(sizes) + (number < steps % len(sizes))
            for step in range(share):
                image = frame.image(leaf, side)
                shifted = image.roll(_offsets(priors.jitter, generator), dims=(2, 3))
                seen = shifted if side == size else resize(shifted, (size, size))
                logits = _logits(network(normalise(seen, mean, std)), target)
                history.append(float(logits.detach().softmax(dim=1)[0, target]))
                loss = priors.total_variation * total_variation(image) - logits[0, target]
                if not loss.isfinite():
                    raise ValueError(
                        f"the objective is {float(loss.detach())} in step {len(history)}: the picture has diverged. "
                        "Use a smaller learning rate, and look at the network's weights."
                    )
                optimizer.zero_grad()
                (leaf.grad,) = torch.autograd.grad(loss, leaf)
                optimizer.step()
                width = priors.blur * (1 - step / share)
                if width > 0 and step + 1 < share:
                    with torch.no_grad():
                        leaf.copy_(frame.parameters(blurred(frame.signal(leaf, side), width)))
            picture = frame.signal(leaf, side).detach()
        image = frame.image(leaf, size).detach()
        with torch.no_grad():
            probability = float(_logits(network(normalise(image, mean, std)), target).softmax(dim=1)[0, target])
    return ClassImage(image[0].cpu(), probability, tuple(history))


def amplify(
    network: nn.Module,
    image: Tensor,
    layer: str,
    channel: int | None = None,
    steps: int = 10,
    step_size: float = 0.01,
    octaves: int = 3,
    octave_scale: float = 1.4,
    jitter: int = 8,
    seed: int = 0,
    mean: Sequence[float] = IMAGENET_MEAN,
    std: Sequence[float] = IMAGENET_STD,
) -> Tensor:
    """Change a photograph so that a layer answers more strongly: what it sees a little of, it will see more of.

    Parameters
    ----------
    network
        Any module; run in evaluation mode, on its own device.
    image
        (C, H, W) in [0, 1].
    layer, channel
        Whose squared activations grow; without a channel, those of the whole layer.
    steps
        Steps of gradient ascent in each octave.
    step_size
        Mean absolute change of a value in one step.
    octaves, octave_scale
        Sizes from small to large, each so many times larger than the one before; details are added back in between.
    jitter
        Random shift in pixels before each step.
    seed
        For the jitter.

    Returns
    -------
    Tensor
        (C, H, W) in [0, 1], on the CPU.

    Raises
    ------
    TypeError, ValueError
        If an argument is out of range, or the gradient vanishes or stops being finite.
    """
    locate(network, layer)
    checks.tensor("image", image, "C H W")
    if not image.is_floating_point() or not image.isfinite().all():
        raise ValueError(f"image has dtype {image.dtype}, or values that are not finite; give floats in [0, 1]")
    for name, value, least in (("steps", steps, 1), ("octaves", octaves, 1), ("jitter", jitter, 0), ("seed", seed, 0)):
        checks.whole_number(name, value, least, "See the docstring.")
    _number("step_size", step_size, 0.0)
    if octaves * math.log(_number("octave_scale", octave_scale, 1.0)) > math.log(1e6):
        raise ValueError(f"octave_scale is {octave_scale} with {octaves} octaves: nothing is left of the smallest one")
    generator = torch.Generator().manual_seed(seed)
    like = next(network.parameters(), torch.zeros(()))
    photograph = image[None].to(like.device, like.dtype)
    height, width = image.shape[1:]
    change = torch.zeros_like(photograph)
    with evaluating(network), torch.enable_grad():
        for octave in reversed(range(octaves)):
            side = [max(1, round(length / octave_scale**octave)) for length in (height, width)]
            small = resize(photograph, (side[0], side[1]))
            change = resize(change, (side[0], side[1]))
            for _ in range(steps):
                down, right = _offsets(jitter, generator)
                seen = (small + change).roll((down, right), dims=(2, 3))
                slope = _slope(network, seen, layer, channel, mean, std).roll((-down, -right), dims=(2, 3))
                change = change + step_size * slope / slope.abs().mean()
                change = (small + change).clamp(0, 1) - small
    return (photograph + change)[0].detach().clamp(0, 1).cpu()


def total_variation(images: Tensor) -> Tensor:
    """Mean absolute difference of vertical plus horizontal neighbours, of pictures (N, C, H, W)."""
    checks.tensor("images", images, "N C H W")
    down, right = images.diff(dim=2).abs(), images.diff(dim=3).abs()
    return sum((part.mean() for part in (down, right) if part.numel()), images.new_zeros(()))


def blurred(images: Tensor, width: float) -> Tensor:
    """Pictures (N, C, H, W) after a Gauss filter of standard deviation `width` in pixels; the border is repeated."""
    checks.tensor("images", images, "N C H W")
    if _number("width", width, 0.0) == 0:
        return images
    reach = max(1, math.ceil(2 * width))
    places = torch.arange(-reach, reach + 1, device=images.device, dtype=images.dtype)
    kernel = torch.exp(-0.5 * (places / width) ** 2)
    kernel = (kernel / kernel.sum()).expand(images.shape[1], 1, -1)
    padded = F.pad(images, (reach,) * 4, mode="replicate")
    once = F.conv2d(padded, kernel[..., None, :], groups=images.shape[1])
    return F.conv2d(once, kernel[..., :, None], groups=images.shape[1])


class _Frame:
    """From what is optimized to a picture in [0, 1], and back."""

    def __init__(self, channels: int, priors: Priors, device: torch.device, dtype: torch.dtype) -> None:
        self.frequencies = priors.frequencies
        self.mix = torch.tensor(_COLOURS, device=device, dtype=dtype) if priors.colours and channels == 3 else None

    def parameters(self, signal: Tensor) -> Tensor:
        if not self.frequencies:
            return signal.detach().clone()
        spectrum = torch.fft.rfft2(signal.detach(), norm="ortho")
        return torch.view_as_real(spectrum / self._scale(signal.shape[2], signal)).contiguous()

    def signal(self, parameters: Tensor, side: int) -> Tensor:
        if not self.frequencies:
            return parameters
        spectrum = torch.view_as_complex(parameters) * self._scale(side, parameters)
        signal: Tensor = torch.fft.irfft2(spectrum, s=(side, side), norm="ortho")
        return signal

    def image(self, parameters: Tensor, side: int) -> Tensor:
        signal = self.signal(parameters, side)
        if self.mix is not None:
            signal = torch.einsum("dc,nchw->ndhw", self.mix, signal)
        return torch.sigmoid(4 * signal)  # slope 1 at grey

    @staticmethod
    def _scale(side: int, like: Tensor) -> Tensor:
        down, right = torch.fft.fftfreq(side), torch.fft.rfftfreq(side)
        frequency = (down[:, None] ** 2 + right[None, :] ** 2).sqrt().clamp(min=1 / side)
        scale: Tensor = 1 / frequency
        return scale.div(scale.square().mean().sqrt()).to(like)


def _offsets(jitter: int, generator: torch.Generator) -> tuple[int, int]:
    down, right = torch.randint(-jitter, jitter + 1, (2,), generator=generator).tolist()
    return down, right


def _slope(
    network: nn.Module, image: Tensor, layer: str, channel: int | None, mean: Sequence[float], std: Sequence[float]
) -> Tensor:
    leaf = image.detach().requires_grad_()
    with watching(network, [layer]) as found:
        network(normalise(leaf, mean, std))
    maps = found[layer]
    if channel is not None:
        checks.whole_number("channel", channel, 0, f"The layer has {maps.shape[1]}, counted from 0.")
        if channel >= maps.shape[1]:
            raise ValueError(f"channel is {channel}; the layer has {maps.shape[1]}, counted from 0")
        maps = maps[:, channel]
    (slope,) = torch.autograd.grad(maps.square().mean() / 2, leaf)
    if not slope.isfinite().all() or float(slope.abs().mean()) == 0:
        raise ValueError(
            f"the gradient of {layer!r} is zero everywhere or not finite: the layer answers nothing that could grow"
        )
    return slope


def _logits(output: object, target: int) -> Tensor:
    if not isinstance(output, Tensor) or output.dim() != 2:
        raise ValueError("the network returns no logits (N, classes)")
    checks.whole_number("target", target, 0, f"There are {output.shape[1]} classes, counted from 0.")
    if target >= output.shape[1]:
        raise ValueError(f"target is {target}; there are {output.shape[1]} classes, counted from 0")
    return output


def _priors(priors: Priors | None) -> Priors:
    if priors is not None and not isinstance(priors, Priors):
        raise TypeError(f"priors is a {type(priors).__name__}; give Priors(...), or leave it out")
    return Priors() if priors is None else priors
