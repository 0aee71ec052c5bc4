"""The checks of the assignment: each misconception loses exactly its points, right answers lose none."""

import pytest
from assignments.grading_of import lost, words

TOPIC = "faster_rcnn"


def matching(high="best >= 0.7", low="best < 0.3", force="overlaps[anchor, target] == record", there="record > 0"):
    return {
        "matching": f"""
            def match(overlaps):
                anchors, objects = overlaps.shape
                matches = [-1] * anchors
                for anchor in range(anchors if objects else 0):
                    best, target = overlaps[anchor].max(dim=0)
                    matches[anchor] = int(target) if {high} else -1 if {low} else -2
                for target in range(objects):
                    record = overlaps[:, target].max()
                    for anchor in range(anchors):
                        if {there} and {force}:
                            matches[anchor] = target
                return matches
        """
    }


def rpn(
    target="(matches[sampled] >= 0).float()",
    chosen="sampled",
    reduced="mean()",
    positive="sampled[matches[sampled] >= 0]",
    beta="1 / 9",
    counted="len(sampled)",
    loss="torch.nn.functional.softplus(z) - y * z",
):
    return {
        "rpn-losses": f"""
            def objectness(logits, matches, sampled):
                z, y = logits[{chosen}], {target}
                return ({loss}).{reduced}

            def anchor_moves(moves, targets, matches, sampled):
                positive = {positive}
                d = (moves[positive] - targets[positive]).abs()
                beta = {beta}
                return torch.where(d < beta, d * d / beta / 2, d - beta / 2).sum() / {counted}
        """
    }


def head(column="labels + 1", reduction="mean", there="label >= 0", row="label", counted="len(labels)", beta="1.0"):
    return {
        "head-losses": f"""
            def classifier(logits, labels):
                return torch.nn.functional.cross_entropy(logits, {column}, reduction="{reduction}")

            def region_moves(moves, targets, labels):
                total = 0.0
                for index, label in enumerate(labels.tolist()):
                    if {there}:
                        said = moves[index, {row}]
                        target = targets[index].expand_as(said)
                        total += torch.nn.functional.smooth_l1_loss(said, target, reduction="sum", beta={beta})
                return torch.as_tensor(total / {counted})
        """
    }


def regions(
    rounded="math.floor(v / stride + 0.5)",
    most="amax((0, 1))",
    last="-(-(i + 1) * n // bins)",
    least="max(b - a, 1)",
    half="- 0.5",
    sample="i + 0.5",
    low="clamp(min=0)",
):
    return {
        "regions": f"""
            def cells(a, b, stride, bins):
                a, b = [{rounded} for v in (a, b)]
                n = {least}
                return [(a + i * n // bins, a + {last}) for i in range(bins)]

            def pool(features, box, stride, bins):
                down, across = cells(box[1], box[3], stride, bins), cells(box[0], box[2], stride, bins)
                return torch.stack([
                    torch.stack([features[t:b, l:r].{most} for l, r in across]) for t, b in down
                ])

            def line(features, a, b, stride, bins):
                size = len(features)
                out = []
                for i in range(bins):
                    place = torch.tensor((a + (b - a) * ({sample}) / bins) / stride {half}).{low}.clamp(max=size - 1)
                    low = int(place.floor())
                    part = place - low
                    out.append((1 - part) * features[low] + part * features[min(low + 1, size - 1)])
                return torch.stack(out)

            def align(features, box, stride, bins):
                rows = line(features, box[1], box[3], stride, bins)
                return line(rows.T, box[0], box[2], stride, bins).T
        """
    }


WRONG = {
    "no forced anchor": (
        matching(there="False"),
        {"match-forced": 2},
        "objects whose best anchor stays below the threshold get none",
    ),
    "what lies between is background": (
        matching(low="best < 0.7"),
        {"match-thresholds": 2, "match-forced": 2},
        "what lies in between is background",
    ),
    "only one of equals": (
        matching(force="anchor == int(overlaps[:, target].argmax())"),
        {"match-forced": 2},
        "only one answers",
    ),
    "objects that overlap nothing": (matching(there="True"), {"match-forced": 2}, "overlaps nothing takes anchors"),
    "all anchors count": (
        rpn(chosen=":", target="(matches >= 0).float()"),
        {"loss-objectness": 2},
        "all anchors count",
    ),
    "object numbers as targets": (
        rpn(target="matches[sampled].float()"),
        {"loss-objectness": 2},
        "the number of the object is the target",
    ),
    "a sum of objectness": (rpn(reduced="sum()"), {"loss-objectness": 2}, "summed, not averaged"),
    "logarithm of a sigmoid": (
        rpn(loss="-(y * z.sigmoid().log() + (1 - y) * (1 - z.sigmoid()).log())"),
        {"loss-objectness": 2},
        "",
    ),
    "moves of the background": (rpn(positive="sampled"), {"loss-rpn-box-reg": 2}, "background is moved, too"),
    "moves over the positives": (
        rpn(counted="max(1, len(positive))"),
        {"loss-rpn-box-reg": 2},
        "by the positive anchors alone",
    ),
    "the wrong end of the parabola": (rpn(beta="1.0"), {"loss-rpn-box-reg": 2}, "the parabola ends at 1, not at 1/9"),
    "positives that were not drawn": (
        rpn(positive="matches >= 0"),
        {"loss-rpn-box-reg": 2},
        "positive anchors that were not drawn",
    ),
    "columns without background": (
        head(column="labels % logits.shape[1]"),
        {"loss-classifier": 2},
        "class k stands in column k",
    ),
    "a sum of classes": (head(reduction="sum"), {"loss-classifier": 2}, "summed, not averaged"),
    "background has a box": (head(there="True"), {"loss-box-reg": 2}, "the background is moved"),
    "all classes are taught": (head(row=":"), {"loss-box-reg": 2}, "all classes are taught"),
    "divided by the objects": (
        head(counted="max(1, int((labels >= 0).sum()))"),
        {"loss-box-reg": 2},
        "by the regions with an object alone",
    ),
    "Python's round": (regions(rounded="round(v / stride)"), {"roi-pool": 2}, "halves go up here"),
    "means of bins": (regions(most="mean()"), {"roi-pool": 2}, "the bins are averaged"),
    "ends rounded down": (regions(last="max((i + 1) * n // bins, 1)"), {"roi-pool": 2}, "bins do not share a cell"),
    "no cell for a thin box": (regions(least="b - a"), {"roi-pool": 2}, ""),
    "values at corners": (regions(half=""), {"roi-align": 2}, "half a cell off"),
    "samples at the start": (regions(sample="i"), {"roi-align": 2}, "not at its centre"),
}

RIGHT = {
    "matching in loops": matching(),
    "softplus and its own smooth L1": rpn(),
    "all anchors masked": {
        "rpn-losses": """
            def objectness(logits, matches, sampled):
                drawn = torch.zeros(len(logits), dtype=torch.bool)
                drawn[sampled] = True
                sign = torch.where(matches >= 0, 1.0, -1.0)
                return -(torch.nn.functional.logsigmoid(sign * logits) * drawn).sum() / drawn.sum()

            def anchor_moves(moves, targets, matches, sampled):
                drawn = torch.zeros(len(moves))
                drawn[sampled] = 1
                d = torch.nn.functional.smooth_l1_loss(moves, targets, reduction="none", beta=1 / 9).sum(dim=1)
                return (d * drawn * (matches >= 0)).sum() / drawn.sum()
        """
    },
    "the head by loops": head(),
    "the head by indices": {
        "head-losses": """
            def classifier(logits, labels):
                right = logits[torch.arange(len(labels)), labels + 1]
                return (logits.logsumexp(dim=1) - right).mean()

            def region_moves(moves, targets, labels):
                rows = (labels >= 0).nonzero()[:, 0]
                d = (moves[rows, labels[rows]] - targets[rows]).abs()
                return (0.5 * d.clamp(max=1) ** 2 + (d - 1).clamp(min=0)).sum() / len(moves)
        """
    },
    "regions line by line": regions(),
}


@pytest.mark.parametrize("misconception", WRONG)
def test_a_misconception_loses_exactly_its_points(misconception):
    answers, points, told = WRONG[misconception]
    assert lost(TOPIC, answers) == points
    assert told in words(TOPIC, answers)


@pytest.mark.parametrize("way", RIGHT)
def test_a_right_answer_written_differently_loses_nothing(way):
    assert lost(TOPIC, RIGHT[way]) == {}
