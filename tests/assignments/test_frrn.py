"""The checks of the assignment: each misconception loses exactly its points, right answers lose none."""

import pytest
from assignments.grading_of import lost, words

TOPIC = "frrn"


def unit(
    seen="F.avg_pool2d(residual, factor)",
    joined="[pooling, seen]",
    added="F.interpolate(added, scale_factor=factor)",
    result="residual + added",
):
    return {
        "unit": f"""
            def unit(pooling, residual, first, second, change, factor):
                seen = {seen}
                maps = torch.cat({joined}, dim=1)
                for kernel in (first, second):
                    maps = F.conv2d(maps, kernel, padding=1).relu()
                added = torch.einsum("ld,ndhw->nlhw", change, maps)
                added = {added}
                return maps, {result}
        """
    }


def hardest(
    number="math.ceil(share * len(values))",
    values="one[mask]",
    taken="values.topk(number).values",
    empty="continue",
    result="sum(means) / len(means) if means else torch.tensor(0.0)",
):
    return {
        "hardest": f"""
            import math

            def hardest_share(losses, counted, share):
                means = []
                for one, mask in zip(losses, counted):
                    values = {values}
                    if len(values) == 0:
                        {empty}
                    number = {number}
                    means.append({taken}.mean())
                return {result}
        """
    }


def streams(
    pad="largest",
    pooling="channels * (high // factor) * (wide // factor)",
    residual="len(plan) * lanes * high * wide",
):
    return {
        "values": f"""
            def stream_values(plan, lanes, height, width):
                largest = max(factor for _, factor in plan)
                high, wide = [(side + {pad} - 1) // {pad} * {pad} for side in (height, width)]
                pooling = sum({pooling} for channels, factor in plan)
                return pooling, {residual}
        """
    }


WRONG = {
    "max pooling of the residual stream": (
        unit(seen="F.max_pool2d(residual, factor)"),
        {"unit-pooling": 2, "unit-residual": 2},
        "pooled by its maximum",
    ),
    "residual channels first": (
        unit(joined="[seen, pooling]"),
        {"unit-pooling": 2, "unit-residual": 2},
        "",
    ),
    "the change replaces the stream": (unit(result="added"), {"unit-residual": 2}, "replaces the stream"),
    "a ReLU behind the sum": (
        unit(result="(residual + added).relu()"),
        {"unit-residual": 2},
        "loses the negative values",
    ),
    "the change is interpolated": (
        unit(added='F.interpolate(added, scale_factor=factor, mode="bilinear")'),
        {"unit-residual": 2},
        "constant on blocks",
    ),
    "rounded down": (
        hardest(number="max(1, int(share * len(values)))"),
        {"hardest-values": 2, "hardest-ignored": 2},
        "rounded down",
    ),
    "all ties are taken": (
        hardest(taken="values[values >= values.topk(number).values[-1]]"),
        {"hardest-values": 2},
        "which are too many",
    ),
    "the easiest pixels": (
        hardest(taken="values.topk(number, largest=False).values"),
        {"hardest-values": 2, "hardest-ignored": 2},
        "the easiest pixels",
    ),
    "pixels without a label": (
        hardest(values="one.flatten()"),
        {"hardest-ignored": 2},
        "pixels without a label are among the hardest",
    ),
    "a share of all pixels": (
        hardest(number="min(len(values), math.ceil(share * mask.numel()))"),
        {"hardest-ignored": 2},
        "one of all pixels",
    ),
    "empty pictures count as 0": (
        hardest(empty="means.append(torch.tensor(0.0)); continue"),
        {"hardest-ignored": 2},
        "averaged as 0",
    ),
    "the residual stream shrinks": (
        streams(residual="sum(lanes * (high // factor) * (wide // factor) for _, factor in plan)"),
        {"values-fitting": 2, "values-padded": 2},
        "it never is",
    ),
    "divided by the factor once": (
        streams(pooling="channels * high * wide // factor"),
        {"values-fitting": 2, "values-padded": 2},
        "f² times fewer",
    ),
    "one residual stream": (
        streams(residual="lanes * high * wide"),
        {"values-fitting": 2, "values-padded": 2},
        "every unit leaves a new one",
    ),
    "no padding": (streams(pad="1"), {"values-padded": 2}, "is not padded"),
    "the residual stream is not padded": (
        streams(residual="len(plan) * lanes * height * width"),
        {"values-padded": 2},
        "before padding",
    ),
}

RIGHT = {
    "a unit with blocks as axes": {
        "unit": """
            def unit(pooling, residual, first, second, change, factor):
                n, lanes, height, width = residual.shape
                blocks = residual.reshape(n, lanes, height // factor, factor, width // factor, factor)
                maps = torch.cat((pooling, blocks.mean(5).mean(3)), 1)
                maps = torch.clamp(F.conv2d(F.pad(maps, (1, 1, 1, 1)), first), min=0)
                maps = torch.clamp(F.conv2d(F.pad(maps, (1, 1, 1, 1)), second), min=0)
                added = (change @ maps.flatten(2)).view(n, lanes, *maps.shape[2:])
                return maps, (blocks + added[:, :, :, None, :, None]).reshape(residual.shape)
        """
    },
    "the unit by interpolation of nearest values": unit(),
    "the loss by topk": hardest(),
    "the loss in plain Python": {
        "hardest": """
            from math import ceil

            def hardest_share(losses, counted, share):
                means = []
                for picture in range(len(losses)):
                    values = sorted(losses[picture][counted[picture]].tolist(), reverse=True)
                    if values:
                        number = ceil(share * len(values))
                        means.append(sum(values[:number]) / number)
                return torch.tensor(sum(means) / max(1, len(means)))
        """
    },
    "values with other words": streams(),
}


@pytest.mark.parametrize("misconception", WRONG)
def test_a_misconception_loses_exactly_its_points(misconception):
    answers, points, told = WRONG[misconception]
    assert lost(TOPIC, answers) == points
    assert told in words(TOPIC, answers)


@pytest.mark.parametrize("way", RIGHT)
def test_a_right_answer_written_differently_loses_nothing(way):
    assert lost(TOPIC, RIGHT[way]) == {}
