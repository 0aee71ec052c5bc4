"""The checks of the assignment: each misconception loses exactly its points, right answers lose none."""

import pytest
from assignments.grading_of import lost, words

TOPIC = "inceptionism"


def smooth(body):
    return {"smoothness_gradient": f"def smoothness_gradient(image):\n    return {body}"}


def step(body):
    return {
        "step": f"""
            def step(image, gradient, shift, rate):
                length = gradient.abs().mean()
                if length == 0:
                    return image
                return {body}
        """
    }


def octaves(body):
    return {"octave_sizes": f"def octave_sizes(size, octaves, scale):\n    return {body}"}


AROUND = "sum(image - image.roll(shift, axis) for axis in (0, 1) for shift in (1, -1))"
BACK = "gradient.roll((-shift[0], -shift[1]), (0, 1))"
BY_LOOPS = """
    def smoothness_gradient(image):
        gradient = torch.zeros_like(image)
        height, width = image.shape
        for y in range(height):
            for x in range(width):
                for v, u in ((y - 1, x), (y + 1, x), (y, x - 1), (y, x + 1)):
                    if 0 <= v < height and 0 <= u < width:
                        gradient[y, x] += {factor} * (image[y, x] - image[v, u])
        return gradient
"""

WRONG = {
    "the picture has no border": (
        smooth(f"2 * {AROUND}"),
        {"smoothness-values": 4, "smoothness-small": 2},
        "goes on at the other side",
    ),
    "downhill": (
        {"smoothness_gradient": BY_LOOPS.format(factor=-2)},
        {"smoothness-values": 4, "smoothness-small": 2},
        "it points the other way",
    ),
    "no factor 2": (
        {"smoothness_gradient": BY_LOOPS.format(factor=1)},
        {"smoothness-values": 4, "smoothness-small": 2},
        "the factor 2 of the square is missing",
    ),
    "one neighbour": (
        smooth(
            "2 * (torch.nn.functional.pad(image.diff(dim=0), (0, 0, 1, 0))"
            " + torch.nn.functional.pad(image.diff(dim=1), (1, 0)))"
        ),
        {"smoothness-values": 4, "smoothness-small": 2},
        "one neighbour of each axis only",
    ),
    "not brought back": (step("image + rate * gradient / length"), {"step-values": 4}, "is not brought back"),
    "shifted again": (
        step("image + rate * gradient.roll(shift, (0, 1)) / length"),
        {"step-values": 4},
        "once more in the same direction",
    ),
    "down and right": (
        step("image + rate * gradient.roll((-shift[1], -shift[0]), (0, 1)) / length"),
        {"step-values": 4},
        "down and right are mixed up",
    ),
    "downhill step": (step(f"image - rate * {BACK} / length"), {"step-values": 4}, "the step goes downhill"),
    "no division": (step(f"image + rate * {BACK}"), {"step-values": 4}, "nothing is divided by the mean"),
    "the largest value": (
        step(f"image + rate * {BACK} / gradient.abs().max()"),
        {"step-values": 4},
        "the largest value divides",
    ),
    "the picture stays shifted": (
        step("image.roll(shift, (0, 1)) + rate * gradient / length"),
        {"step-values": 4},
        "still shifted",
    ),
    "zeros are divided by": (
        {"step": f"def step(image, gradient, shift, rate):\n    return image + rate * {BACK} / gradient.abs().mean()"},
        {"step-zero": 1},
        "after a step of zeros",
    ),
    "the largest first": (
        octaves("[max(1, round(size / scale**k)) for k in range(octaves)]"),
        {"octaves": 3},
        "the largest is painted first",
    ),
    "cut off": (
        octaves("[max(1, int(size / scale**k)) for k in reversed(range(octaves))]"),
        {"octaves": 3},
        "cut off, not rounded",
    ),
    "one octave late": (
        octaves("[max(1, round(size / scale ** (k + 1))) for k in reversed(range(octaves))]"),
        {"octaves": 3},
        "smaller than the picture",
    ),
    "growing": (octaves("[round(size * scale**k) for k in range(octaves)]"), {"octaves": 3}, "beyond the picture"),
    "a side of nothing": (octaves("[round(size / scale**k) for k in reversed(range(octaves))]"), {"octaves": 3}, ""),
}

RIGHT = {
    "by loops": {"smoothness_gradient": BY_LOOPS.format(factor=2)},
    "by padded differences": {
        "smoothness_gradient": """
            def smoothness_gradient(image):
                pad = torch.nn.functional.pad
                down, right = image.diff(dim=0), image.diff(dim=1)
                vertical = pad(down, (0, 0, 1, 0)) - pad(down, (0, 0, 0, 1))
                return 2 * (vertical + pad(right, (1, 0)) - pad(right, (0, 1)))
        """
    },
    "normalised before it is brought back": step(
        "image + torch.roll(rate * gradient / length, [-s for s in shift], dims=[0, 1])"
    ),
    "the picture goes forth and back": step(
        "(image.roll(shift, (0, 1)) + rate * gradient / length).roll((-shift[0], -shift[1]), (0, 1))"
    ),
    "sides in reverse": octaves("[max(1, round(size / scale**k)) for k in range(octaves)][::-1]"),
}


@pytest.mark.parametrize("misconception", WRONG)
def test_a_misconception_loses_exactly_its_points(misconception):
    answers, points, told = WRONG[misconception]
    assert lost(TOPIC, answers) == points
    assert told in words(TOPIC, answers)


@pytest.mark.parametrize("way", RIGHT)
def test_a_right_answer_written_differently_loses_nothing(way):
    assert lost(TOPIC, RIGHT[way]) == {}
