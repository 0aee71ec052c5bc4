"""The ImageNet challenge as tables: the 1,000 classes, the lecture's results, and the winners by year.

Single networks and ensembles, validation and test, provided and extra data are kept apart: never mix them in a chart.

Chapter: `models/imagenet`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

from cnncourse.workbench import checks

TRAINING_IMAGES, VALIDATION_IMAGES, TEST_IMAGES, CLASSES = 1_281_167, 50_000, 100_000, 1_000
HUMAN_TOP5_ERROR = 5.1  # one trained annotator on 1,500 test images (Russakovsky et al. 2015, section 6.4)
_NAMES = Path(__file__).parent / "ilsvrc_classes.txt"

# WordNet orders the classes: kinds of one thing stand together. First and last index of some groups.
GROUPS = {
    "fishes": (0, 6),
    "birds": (7, 24),
    "snakes": (52, 68),
    "spiders": (72, 77),
    "dogs": (151, 268),
    "domestic cats": (281, 285),
    "big cats": (286, 293),
    "bears": (294, 297),
    "insects": (300, 326),
    "monkeys and apes": (365, 384),
}


@dataclass(frozen=True)
class Result:
    """One entry of the challenge; errors in per cent, `None` where none was published.

    `networks` is the number of networks whose outputs were averaged, 0 if only "several" is known.
    """

    method: str
    networks: int
    top1_validation: float | None
    top5_validation: float | None
    top5_test: float | None
    reference: str


@dataclass(frozen=True)
class Winner:
    """The best classification entry of a year: top-5 test error in per cent with the provided data, and with more."""

    year: int
    team: str
    top5_error: float
    layers: int | None
    with_extra_data: float | None = None


# The lecture's slide, which is table 7 of Simonyan & Zisserman 2015.
RESULTS = (
    Result("VGG, multi-crop and dense", 2, 23.7, 6.8, 6.8, "simonyan2015very"),
    Result("VGG, multi-crop and dense", 1, 24.4, 7.1, 7.0, "simonyan2015very"),
    Result("VGG, as submitted, dense", 7, 24.7, 7.5, 7.3, "simonyan2015very"),
    Result("GoogLeNet", 1, None, None, 7.9, "szegedy2015going"),
    Result("GoogLeNet", 7, None, None, 6.7, "szegedy2015going"),
    Result("MSRA", 11, None, None, 8.1, "he2014spatial"),
    Result("MSRA", 1, 27.9, 9.1, 9.1, "he2014spatial"),
    Result("Clarifai", 0, None, None, 11.7, "russakovsky2015imagenet"),
    Result("Clarifai", 1, None, None, 12.5, "russakovsky2015imagenet"),
    Result("Zeiler & Fergus", 6, 36.0, 14.7, 14.8, "zeiler2014visualizing"),
    Result("Zeiler & Fergus", 1, 37.5, 16.0, 16.1, "zeiler2014visualizing"),
    Result("OverFeat", 7, 34.0, 13.2, 13.6, "sermanet2014overfeat"),
    Result("OverFeat", 1, 35.7, 14.2, None, "sermanet2014overfeat"),
    Result("AlexNet", 5, 38.1, 16.4, 16.4, "krizhevsky2012imagenet"),
    Result("AlexNet", 1, 40.7, 18.2, None, "krizhevsky2012imagenet"),
)
WINNERS = (
    Winner(2010, "NEC-UIUC", 28.191, None),
    Winner(2011, "XRCE", 25.770, None),
    Winner(2012, "SuperVision (AlexNet)", 16.422, 8, 15.315),
    Winner(2013, "Clarifai", 11.743, 8, 11.197),
    Winner(2014, "GoogLeNet", 6.656, 22),
    Winner(2015, "MSRA (ResNet)", 3.567, 152),
    Winner(2016, "Trimps-Soushen", 2.991, None),
    Winner(2017, "WMW (SENet)", 2.251, None),
)


@cache
def class_names() -> tuple[str, ...]:
    """The 1,000 classes in the order of the networks' outputs, as torchvision names them."""
    return tuple(_NAMES.read_text(encoding="utf-8").splitlines())


def group(name: str) -> tuple[str, ...]:
    """The classes of one of `GROUPS`.

    Raises
    ------
    ValueError
        If there is no such group.
    """
    if name not in GROUPS:
        raise ValueError(f"there is no group {name!r}; choose one of {', '.join(GROUPS)}")
    first, last = GROUPS[name]
    return class_names()[first : last + 1]


def winner(year: int) -> Winner:
    """The winner of the classification task of a year."""
    for entry in WINNERS:
        if entry.year == year:
            return entry
    raise ValueError(f"year is {year!r}; the challenge was held from {WINNERS[0].year} to {WINNERS[-1].year}")


def minutes(items: int, seconds_each: float = 1.0) -> float:
    """Minutes that it takes to look at so many items, one after another and without a break."""
    checks.whole_number("items", items, 0, "Count what is looked at.")
    if isinstance(seconds_each, bool) or not isinstance(seconds_each, int | float) or not 0 <= seconds_each < 1e9:
        raise ValueError(f"seconds_each is {seconds_each!r}; it must be a number of seconds")
    return items * seconds_each / 60
