"""The checks of the assignment: each misconception loses exactly its points, right answers lose none."""

import pytest
from assignments.grading_of import lost, words

TOPIC = "saliency"


def share(body):
    return {"share": f"def share(map_, mark):\n    strength = map_.abs()\n    return float({body})"}


def hit(body):
    return {"hit": f"def hit(map_, mark):\n    return bool({body})"}


def cam(heat, enlarge='F.interpolate(heat[None, None], size=size, mode="bilinear")[0, 0]'):
    return {
        "grad_cam": f"""
            def grad_cam(maps, gradients, size):
                weights = gradients.mean(dim=(1, 2), keepdim=True)
                heat = {heat}
                return {enlarge}
        """
    }


def preference(body):
    return {
        "preference": f"""
            def preference(maps, asked, other):
                first, second = (maps * asked).sum(dim=(1, 2)), (maps * other).sum(dim=(1, 2))
                return float({body})
        """
    }


RELU = "(weights * maps).sum(dim=0).relu()"
ALL = {"cam-values": 4, "cam-size": 2}

WRONG = {
    "signs are kept": (share("map_[mark].sum() / map_.sum()"), {"share-inside": 3}, "signs are kept"),
    "means are divided": (
        share("strength[mark].mean() / strength.mean()"),
        {"share-inside": 3},
        "a ratio of sums",
    ),
    "inside over outside": (
        share("strength[mark].sum() / strength[~mark].sum()"),
        {"share-inside": 3},
        "divided by the strength outside",
    ),
    "zeros are divided": (share("strength[mark].sum() / strength.sum()"), {"share-inside": 3}, "a map of zeros"),
    "the largest value": (
        hit("mark.flatten()[map_.argmax()]"),
        {"hit-strongest": 3},
        "not the largest absolute value",
    ),
    "the sum decides": (
        hit("map_[mark].abs().mean() > map_[~mark].abs().mean()"),
        {"hit-strongest": 3},
        "asks for one pixel",
    ),
    "no ReLU": (cam("(weights * maps).sum(dim=0)"), ALL, "nothing is cut off at 0"),
    "ReLU before the sum": (cam("(weights * maps).relu().sum(dim=0)"), ALL, "before the sum"),
    "place by place": (cam("(gradients * maps).sum(dim=0).relu()"), ALL, "the weight of a map is one number"),
    "sums for means": (cam("(gradients.sum(dim=(1, 2), keepdim=True) * maps).sum(dim=0).relu()"), ALL, "averaged"),
    "nearest": (cam(RELU, "F.interpolate(heat[None, None], size=size)[0, 0]"), {"cam-size": 2}, "mode nearest"),
    "corners are aligned": (
        cam(RELU, 'F.interpolate(heat[None, None], size=size, mode="bilinear", align_corners=True)[0, 0]'),
        {"cam-size": 2},
        "corners are aligned",
    ),
    "ReLU at the end": (
        cam(
            "(weights * maps).sum(dim=0)",
            'F.interpolate(heat[None, None], size=size, mode="bilinear")[0, 0].relu()',
        ),
        {"cam-size": 2},
        "ReLU comes after enlarging",
    ),
    "strong maps decide": (
        preference("first.sum() / (first + second).sum()"),
        {"preference-mean": 3},
        "the strongest map decides",
    ),
    "silence counts 0": (
        preference("(first / (first + second).clamp(min=1e-12)).mean()"),
        {"preference-mean": 3},
        "counts 0",
    ),
    "silence is left out": (
        preference("(first / (first + second)).nanmean()"),
        {"preference-mean": 3},
        "left out",
    ),
}

RIGHT = {
    "loops": {
        "share": """
            def share(map_, mark):
                inside = total = 0.0
                for row, line in zip(map_.tolist(), mark.tolist()):
                    for value, here in zip(row, line):
                        total += abs(value)
                        inside += abs(value) * here
                return inside / total if total else 0.0
        """,
        "preference": """
            def preference(maps, asked, other):
                parts = []
                for map_, a, o in zip(maps, asked, other):
                    both = map_[a].sum() + map_[o].sum()
                    parts.append(0.5 if both == 0 else float(map_[a].sum() / both))
                return sum(parts) / len(parts)
        """,
    },
    "other ways": {
        "hit": "def hit(map_, mark):\n    return bool((map_.abs() * mark).max() == map_.abs().max())",
        **cam("torch.tensordot(weights[:, 0, 0], maps, dims=1).clamp(min=0)"),
    },
}


@pytest.mark.parametrize("name", WRONG)
def test_a_misconception_loses_exactly_its_points(name):
    answers, points, said = WRONG[name]
    assert lost(TOPIC, answers) == points
    assert said in words(TOPIC, answers)


@pytest.mark.parametrize("name", RIGHT)
def test_a_right_answer_written_differently_loses_nothing(name):
    assert lost(TOPIC, RIGHT[name]) == {}
