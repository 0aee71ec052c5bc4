"""The challenge's measure: top-k error, how sure it is, and which mistakes it counts.

error@k = share of pictures whose label is not among the k classes with the highest logits (Russakovsky et al. 2015).
Interval of a share: Wilson 1927. Ten crops: Krizhevsky et al. 2012, section 4.1.
Chapter: `models/imagenet`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import NormalDist

import torch
from torch import Tensor, nn

from cnncourse.data import ilsvrc
from cnncourse.workbench import checks

TIES = ("against", "fair", "for")
Ranges = tuple[tuple[int, int], ...]

# Three classes of PASCAL VOC, and the classes of ILSVRC that are kinds of them: first and last index of each range.
PASCAL: dict[str, Ranges] = {"bird": ((7, 24), (80, 100), (127, 146)), "cat": ((281, 285),), "dog": ((151, 268),)}
# Groups of WordNet, without a gap among the birds.
KINDS: dict[str, Ranges] = {name: (ends,) for name, ends in ilsvrc.GROUPS.items()} | {"birds": PASCAL["bird"]}
# Classes of Caltech-101 that are classes of ILSVRC as well, so that a network for ImageNet can be tested with them.
CALTECH101 = {
    "Leopards": "leopard",
    "accordion": "accordion",
    "ant": "ant",
    "barrel": "barrel",
    "beaver": "beaver",
    "binocular": "binoculars",
    "cannon": "cannon",
    "cellphone": "cellular telephone",
    "crayfish": "crayfish",
    "dalmatian": "dalmatian",
    "dragonfly": "dragonfly",
    "electric_guitar": "electric guitar",
    "flamingo": "flamingo",
    "grand_piano": "grand piano",
    "laptop": "laptop",
    "llama": "llama",
    "nautilus": "chambered nautilus",
    "panda": "giant panda",
    "pizza": "pizza",
    "platypus": "platypus",
    "revolver": "revolver",
    "rooster": "cock",
    "saxophone": "sax",
    "schooner": "schooner",
    "scorpion": "scorpion",
    "soccer_ball": "soccer ball",
    "starfish": "starfish",
    "strawberry": "strawberry",
    "tick": "tick",
    "trilobite": "trilobite",
    "umbrella": "umbrella",
}


def top_k_hits(logits: Tensor, labels: Tensor, k: int = 5, ties: str = "against") -> Tensor:
    """How far each label is among the k best classes: 1 or 0, or a share where a tie is shared out.

    Parameters
    ----------
    logits
        Scores of the classes, (N, C); a higher score is a better class.
    labels
        Number of the right class of each picture, integers (N,).
    k
        How many classes may be named. With k ≥ C every picture is a hit.
    ties
        What happens to classes that have the label's score: all of them come before the label (``"against"``, so that
        a network that scores all classes alike is always wrong), after it (``"for"``), or in random order, of which
        the mean is taken (``"fair"``).

    Returns
    -------
    Tensor
        float64, (N,).

    Raises
    ------
    TypeError
        If logits or labels are no tensors.
    ValueError
        If shapes do not fit, a label names no class, a logit is not a number, or k or ties is none of the above.
    """
    _check(logits, labels)
    checks.whole_number("k", k, 1, "Name at least one class; the challenge allows 5.")
    if not isinstance(ties, str) or ties not in TIES:
        raise ValueError(f"ties is {ties!r}; choose one of {', '.join(TIES)}")
    own = logits.gather(1, labels.long()[:, None])
    better = (logits > own).sum(dim=1).double()
    equal = (logits == own).sum(dim=1).double()  # the label itself is one of them
    if ties == "fair":
        return ((k - better) / equal).clamp(0, 1)
    worst = better + equal if ties == "against" else better + 1
    return (worst <= k).double()


def top_k_error(logits: Tensor, labels: Tensor, k: int = 5, ties: str = "against") -> float:
    """Share of the pictures whose label is not among the k best classes; arguments as for `top_k_hits`."""
    return 1.0 - float(top_k_hits(logits, labels, k, ties).mean())


def wilson_interval(errors: float, images: int, confidence: float = 0.95) -> tuple[float, float]:
    """Interval that holds the true share of errors with the given confidence, if the pictures are a random sample.

    (p + z²/2n ± z √(p(1−p)/n + z²/4n²)) / (1 + z²/n); unlike p ± z√(p(1−p)/n) it stays in [0, 1] and does not shrink to
    a point at p = 0.

    Parameters
    ----------
    errors
        Number of errors, from 0 to `images`; a published rate gives a number that is not whole.
    images
        Number of pictures, at least 1.
    confidence
        Between 0 and 1.
    """
    checks.whole_number("images", images, 1, "Count the pictures that were tested.")
    wrong, sure = _number("errors", errors), _number("confidence", confidence)
    if not 0 <= wrong <= images:
        raise ValueError(f"errors is {errors!r}; of {images} pictures between 0 and {images} can be wrong")
    if not 0 < sure < 1:
        raise ValueError(f"confidence is {confidence!r}; give a number between 0 and 1, for example 0.95")
    share, z = wrong / images, NormalDist().inv_cdf((1 + sure) / 2)
    scale = 1 + z * z / images
    middle = (share + z * z / (2 * images)) / scale
    half = z * math.sqrt(share * (1 - share) / images + (z / (2 * images)) ** 2) / scale
    return max(0.0, middle - half), min(1.0, middle + half)


def margin_in_points(error: float, images: int, confidence: float = 0.95) -> float:
    """Half the width of the interval around an error in per cent, in percentage points."""
    low, high = wilson_interval(_number("error", error) / 100 * images, images, confidence)
    return 50 * (high - low)


def standard_errors_apart(first: float, second: float, images: int, images_of_second: int | None = None) -> float:
    """How many standard errors lie between two errors in per cent, as if their pictures were drawn independently.

    On the same pictures two networks mostly fail together, and then the difference is surer than this says.
    """
    counts = [images, images if images_of_second is None else images_of_second]
    variance = 0.0
    for name, error, count in zip(("first", "second"), (first, second), counts, strict=True):
        checks.whole_number("images", count, 1, "Count the pictures that were tested.")
        if not 0 <= (share := _number(name, error) / 100) <= 1:
            raise ValueError(f"{name} is {error!r}; give an error in per cent, from 0 to 100")
        variance += share * (1 - share) / count
    gap = abs(first - second) / 100
    return gap / math.sqrt(variance) if variance > 0 else (0.0 if gap == 0 else math.inf)


@dataclass(frozen=True)
class Mistakes:
    """Where wrong answers went: to a class of the label's own group, to another, or the label is in no group."""

    images: int
    errors: int
    same_group: int
    other_group: int
    no_group: int


def group_numbers(groups: Mapping[str, Ranges] = KINDS, classes: int = ilsvrc.CLASSES) -> Tensor:
    """Number of the group of each class in the order of `groups`, −1 for none, int64 (C,)."""
    numbers = torch.full((classes,), -1)
    for number, ranges in enumerate(groups.values()):
        for first, last in ranges:
            numbers[first : last + 1] = number
    return numbers


def mistakes_by_group(answers: Tensor, labels: Tensor, groups: Mapping[str, Ranges] = KINDS) -> Mistakes:
    """Count the wrong answers, and how many of them at least name the right group.

    Parameters
    ----------
    answers, labels
        Numbers of classes, integers (N,): what was answered and what is right.
    groups
        First and last class of the ranges that make a group.

    Raises
    ------
    TypeError, ValueError
        If they are no tensors of one length that hold numbers of classes.
    """
    own = group_numbers(groups)
    for name, values in (("answers", answers), ("labels", labels)):
        _check_numbers(name, checks.tensor(name, values, "N"), len(own))
    if len(answers) != len(labels):
        raise ValueError(f"there are {len(answers)} answers and {len(labels)} labels; give one label for each answer")
    wrong = answers.cpu() != labels.cpu()
    given, wanted = own[answers.cpu().long()][wrong], own[labels.cpu().long()][wrong]
    grouped = wanted >= 0
    same = int((grouped & (given == wanted)).sum())
    return Mistakes(len(labels), int(wrong.sum()), same, int(grouped.sum()) - same, int((~grouped).sum()))


def classes_of(pascal: str) -> tuple[str, ...]:
    """The classes of ILSVRC that PASCAL VOC calls by one name: ``"bird"``, ``"cat"`` or ``"dog"``."""
    if pascal not in PASCAL:
        raise ValueError(f"there is no {pascal!r} here; choose one of {', '.join(PASCAL)}")
    return tuple(ilsvrc.class_names()[index] for first, last in PASCAL[pascal] for index in range(first, last + 1))


def number_of_classes(pascal: str) -> int:
    """How many classes of ILSVRC PASCAL VOC calls by one name."""
    return len(classes_of(pascal))


def number_of_caltech_classes() -> int:
    """How many classes of Caltech-101 are classes of ILSVRC too, in this module's table."""
    return len(CALTECH101)


def only_the_group(name: str, k: int = 5) -> float:
    """Error in per cent of a network that knows nothing but the group of each picture and guesses within it."""
    return 100 * max(0.0, 1 - k / len(ilsvrc.group(name)))


def hours_of_looking(images: int, seconds_each: float = 2.0) -> float:
    """Hours of a slide show of so many pictures."""
    return ilsvrc.minutes(images, seconds_each) / 60


def days_of_looking(images: int, seconds_each: float = 2.0) -> float:
    """Days and nights of a slide show of so many pictures."""
    return hours_of_looking(images, seconds_each) / 24


def numbers_of(names: Sequence[str]) -> list[int]:
    """Numbers of classes by name; of a name that two classes bear, the first."""
    known = ilsvrc.class_names()
    for name in names:
        if name not in known:
            raise ValueError(f"{name!r} is none of the {len(known)} classes")
    return [known.index(name) for name in names]


def ten_crops(images: Tensor, size: int) -> Tensor:
    """Four corners, the centre, and their mirror images: (N, C, H, W) → (N, 10, C, size, size)."""
    checks.tensor("images", images, "N C H W")
    checks.whole_number("size", size, 1, "Give the side of the square that the network expects.")
    height, width = images.shape[2:]
    if size > min(height, width):
        raise ValueError(f"size is {size}, but the pictures have {height}×{width} pixels; enlarge them first")
    bottom, right = height - size, width - size
    corners = [(0, 0), (0, right), (bottom, 0), (bottom, right), (bottom // 2, right // 2)]
    crops = [images[:, :, top : top + size, left : left + size] for top, left in corners]
    return torch.stack(crops + [crop.flip(-1) for crop in crops], dim=1)


def averaged(network: nn.Module, crops: Tensor) -> Tensor:
    """Mean of the probabilities over the crops of each picture, (N, crops, C, H, W) → (N, classes)."""
    checks.tensor("crops", crops, "N crops C H W")
    with torch.inference_mode():
        probabilities = network(crops.flatten(0, 1)).softmax(dim=1)
    return torch.as_tensor(probabilities.reshape(*crops.shape[:2], -1).mean(dim=1))


def _check(logits: Tensor, labels: Tensor) -> None:
    checks.tensor("logits", logits, "N C")
    checks.tensor("labels", labels, "N", N=len(logits))
    if logits.numel() == 0:
        raise ValueError(f"logits has shape {tuple(logits.shape)}; there must be at least one picture and one class")
    if logits.is_complex() or logits.dtype == torch.bool:
        raise ValueError(f"logits has dtype {logits.dtype}; scores are real numbers")
    if logits.isnan().any():
        raise ValueError("some logits are not numbers (nan): no class is better or worse than such a score")
    _check_numbers("labels", labels, logits.shape[1])
    if logits.device != labels.device:
        raise ValueError(f"logits are on {logits.device} and labels on {labels.device}; move them to one device")


def _check_numbers(name: str, values: Tensor, classes: int) -> None:
    if values.is_floating_point() or values.is_complex() or values.dtype == torch.bool:
        raise ValueError(f"{name} has dtype {values.dtype}; numbers of classes are integers")
    if len(values) and not 0 <= int(values.min()) <= int(values.max()) < classes:
        raise ValueError(f"{name} holds {int(values.min())} to {int(values.max())}; the classes are 0 to {classes - 1}")


def _number(name: str, value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ValueError(f"{name} is {value!r}; it must be a number")
    return float(value)
