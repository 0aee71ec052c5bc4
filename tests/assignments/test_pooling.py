"""The checks of the assignment: each misconception loses exactly its points, right answers lose none."""

import pytest
from assignments.grading_of import lost, words

TOPIC = "pooling"


def network(first, second):
    return {"maximum": f"first, second = torch.tensor({first}), torch.tensor({second})"}


def average(weight, groups="channels"):
    return {
        "average": f"""
            def average_as_convolution(channels, kernel_size):
                ones = torch.ones(channels, 1, kernel_size, kernel_size)
                return {weight}, {groups}
        """
    }


def trace(
    origin="switches1.flatten(2).gather(2, switches2.flatten(2)).reshape(switches2.shape)", width="width", end=""
):
    return {
        "trace": f"""
            def trace(switches1, switches2, width):
                origin = {origin}
                return torch.stack([origin // {width}, origin % {width}], dim=-1){end}
        """
    }


def forgiven(body):
    return {"forgiven": f"def forgiven(length, position, kernel_size, stride):\n    return {body}"}


def pictures(fragile="[0.0, 1.0, 0.0, 0.0] * 2", steady="[1.0, 0.0, 0.0, 0.0] * 2"):
    return {
        "pictures": f"""
            fragile = torch.tensor({fragile}).expand(8, 8).clone()
            steady = torch.tensor({steady}).expand(8, 8).clone()
        """
    }


WRONG = {
    "a negative number survives a ReLU": (
        network([[1.0, -1.0], [0.0, 1.0]], [[1.0, 1.0]]),
        {"maximum-any": 2},
        "does not survive its ReLU",
    ),
    "the sum": (
        network([[1.0, 0.0], [0.0, 1.0]], [[1.0, 1.0]]),
        {"maximum-positive": 1, "maximum-any": 2},
        "are added",
    ),
    "the absolute difference": (
        network([[1.0, -1.0], [-1.0, 1.0]], [[1.0, 1.0]]),
        {"maximum-positive": 1, "maximum-any": 2},
        "only the difference comes out",
    ),
    "four hidden units": (
        network([[1.0, 1.0], [-1.0, -1.0], [1.0, -1.0], [-1.0, 1.0]], [[0.5, -0.5, 0.5, 0.5]]),
        {"maximum-any": 2},
        "3 are enough",
    ),
    "a sum is an average": (average("ones"), {"average-one": 1, "average-many": 2}, "added and not divided"),
    "divide by the width": (
        average("ones / kernel_size"),
        {"average-one": 1, "average-many": 2},
        "by the width of the window",
    ),
    "pooling adds the slices up": (
        average("ones.expand(-1, channels, -1, -1) / kernel_size**2", "1"),
        {"average-many": 2},
        "slices are added up",
    ),
    "pooling averages the slices": (
        average("ones.expand(-1, channels, -1, -1) / kernel_size**2 / channels", "1"),
        {"average-many": 2},
        "slices are averaged",
    ),
    "the second switches point into the picture": (
        trace("switches2"),
        {"trace-slice": 2, "trace-slices": 1, "trace-overlap": 1},
        "read as places in the picture",
    ),
    "the pooled map's width": (
        trace(width="switches1.shape[3]"),
        {"trace-slice": 2, "trace-slices": 1, "trace-overlap": 1},
        "the width of the pooled map",
    ),
    "columns before rows": (
        trace(end=".flip(-1)"),
        {"trace-slice": 2, "trace-slices": 1, "trace-overlap": 1},
        "row and column are swapped",
    ),
    "all slices follow the first": (
        trace("switches1[:1, :1].flatten()[switches2]"),
        {"trace-slices": 1, "trace-overlap": 1},
        "",
    ),
    "a window of K forgives K − 1": (
        forgiven("kernel_size - 1, kernel_size - 1"),
        {"forgiven-touching": 1, "forgiven-any": 2},
        "wherever the 1 stands",
    ),
    "left and right are swapped": (
        forgiven("kernel_size - 1 - position % kernel_size, position % kernel_size"),
        {"forgiven-touching": 1, "forgiven-any": 2},
        "left and right are swapped",
    ),
    "the next window does not overlap": (
        forgiven("position % stride, kernel_size - 1 - position % stride"),
        {"forgiven-any": 2},
        "forget that the next one overlaps",
    ),
    "half of the values change": (
        pictures(fragile="[0.0, 1.0, 1.0, 0.0] * 2"),
        {"picture-fragile": 1},
        "pooled values of fragile that change is 8",
    ),
    "more than two values": (
        pictures(fragile="[0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0]"),
        {"picture-fragile": 1},
        "something else than zeros and ones",
    ),
    "a constant picture is steady": (pictures(steady="[1.0] * 8"), {"picture-steady": 1}, "proves nothing"),
    "a checkerboard is steady": (pictures(steady="[1.0, 0.0] * 4"), {"picture-steady": 1}, "one value only"),
}

RIGHT = {
    "the maximum the other way round": network([[-1.0, 1.0], [1.0, 0.0], [-1.0, 0.0]], [[1.0, 1.0, -1.0]]),
    "the maximum as lists, in another scale": {
        "maximum": "first, second = [[2, -2], [0, 4], [0, -4]], [[0.5, 0.25, -0.25]]"
    },
    "the average without groups": average(
        "torch.eye(channels)[:, :, None, None].expand(-1, -1, kernel_size, kernel_size) / kernel_size**2", "1"
    ),
    "the average by numbers": average("(ones / ones[0].sum()).double()"),
    "the trace by loops": {
        "trace": """
            def trace(switches1, switches2, width):
                found = torch.zeros(*switches2.shape, 2)
                wide = switches1.shape[3]
                for n in range(len(switches2)):
                    for c in range(switches2.shape[1]):
                        for y in range(switches2.shape[2]):
                            for x in range(switches2.shape[3]):
                                s = int(switches2[n, c, y, x])
                                pixel = int(switches1[n, c, s // wide, s % wide])
                                found[n, c, y, x] = torch.tensor(divmod(pixel, width))
                return found
        """
    },
    "the trace by unpooling numbers": {
        "trace": """
            def trace(switches1, switches2, width):
                places = torch.take_along_dim(switches1.flatten(2), switches2.flatten(2), dim=2)
                rows = torch.div(places, width, rounding_mode="floor").view_as(switches2)
                return torch.cat([rows[..., None], places.view_as(rows)[..., None] - width * rows[..., None]], -1)
        """
    },
    "forgiven by trying": {
        "forgiven": """
            def forgiven(length, position, kernel_size, stride):
                def pooled(place):
                    row = torch.eye(length)[place]
                    return F.max_pool1d(row[None, None], kernel_size, stride).flatten().tolist()
                home = pooled(position)
                left = right = 0
                while position - left - 1 >= 0 and pooled(position - left - 1) == home:
                    left += 1
                while position + right + 1 < length and pooled(position + right + 1) == home:
                    right += 1
                return [left, right]
        """
    },
    "other pictures": pictures(fragile="[0.0, 0.0, 0.0, 1.0] * 2", steady="[1.0] + [0.0] * 7"),
    "pictures of whole numbers": pictures(fragile="[0, 1, 0, 0, 0, 1, 0, 0]", steady="[0, 0, 1, 0, 0, 0, 0, 0]"),
}


@pytest.mark.parametrize("misconception", WRONG)
def test_a_misconception_loses_exactly_its_points(misconception):
    answers, points, told = WRONG[misconception]
    assert lost(TOPIC, answers) == points
    assert told in words(TOPIC, answers)


@pytest.mark.parametrize("way", RIGHT)
def test_a_right_answer_written_differently_loses_nothing(way):
    assert lost(TOPIC, RIGHT[way]) == {}
