"""The checks of the assignment: each misconception loses exactly its points, right answers lose none."""

import pytest
from assignments.grading_of import lost, words

TOPIC = "boxes"


def overlap(
    side="(end - start).clamp(min=0)", area="(b[:, 2:] - b[:, :2]).clamp(min=0).prod(dim=1)", union="a + c - shared"
):
    return {
        "iou": f"""
            def iou(first, second):
                start = torch.maximum(first[:, None, :2], second[None, :, :2])
                end = torch.minimum(first[:, None, 2:], second[None, :, 2:])
                shared = ({side}).prod(dim=2)
                a, c = [{area} for b in (first, second)]
                a, c = a[:, None], c[None]
                return torch.where(shared != 0, shared / ({union}), torch.zeros_like(shared))
        """
    }


def targets(
    encoded="(wanted - centre) / size",
    sizes="(truth[:, 2:] / size).log()",
    grown="(size * targets[:, 2:].exp()).minimum(100 * size)",
    corner="centre - grown / 2",
    last="grown",
):
    return {
        "targets": f"""
            def encode(boxes, truth):
                size = boxes[:, 2:]
                centre, wanted = boxes[:, :2] + size / 2, truth[:, :2] + truth[:, 2:] / 2
                return torch.cat([{encoded}, {sizes}], dim=1)

            def decode(boxes, targets):
                size = boxes[:, 2:]
                grown = {grown}
                centre = boxes[:, :2] + size / 2 + targets[:, :2] * size
                corner = {corner}
                return torch.cat([corner, {last}], dim=1)
        """
    }


def listed(
    order="scores.argsort(descending=True)", hard="continue", again="false += 1", positives="(~difficult).sum()"
):
    return {
        "average-precision": f"""
            def average_precision(scores, overlaps, difficult):
                taken, hits, false = set(), [], 0
                for index in {order}.tolist():
                    target = int(overlaps[index].argmax())
                    if overlaps[index, target] < 0.5:
                        false += 1
                    elif difficult[target]:
                        {hard}
                    elif target in taken:
                        {again}
                    else:
                        taken.add(target)
                        hits.append((len(hits) + 1) / (len(hits) + 1 + false))
                return sum(max(hits[i:]) for i in range(len(hits))) / int({positives})
        """
    }


WRONG = {
    "negative sides overlap": (
        overlap(side="end - start"),
        {"iou-boxes": 2, "iou-empty": 2},
        "two negative sides of the overlap",
    ),
    "inclusive pixels": (
        overlap(side="(end - start + 1).clamp(min=0)", area="(b[:, 2:] - b[:, :2] + 1).prod(dim=1)"),
        {"iou-boxes": 2, "iou-empty": 2},
        "the last pixel is counted twice",
    ),
    "the sum of the areas": (overlap(union="a + c"), {"iou-boxes": 2, "iou-empty": 2}, "which counts it twice"),
    "corners in place of centres": (
        targets(encoded="(truth[:, :2] - boxes[:, :2]) / size"),
        {"encode": 2},
        "the upper left corners are compared",
    ),
    "moves in pixels": (targets(encoded="wanted - centre"), {"encode": 2}, "measured in pixels"),
    "no logarithm": (targets(sizes="truth[:, 2:] / size"), {"encode": 2}, "without a logarithm"),
    "no limit": (targets(grown="size * targets[:, 2:].exp()"), {"decode": 2}, ""),
    "decoded corners": (targets(last="corner + grown"), {"decode": 2}, "in place of width and height"),
    "decoded centre": (targets(corner="centre"), {"decode": 2}, "the centre in place of the corner"),
    "not sorted": (listed(order="torch.arange(len(scores))"), {"ap-list": 2, "ap-doublets": 2}, ""),
    "doublets are left out": (listed(again="continue"), {"ap-doublets": 2}, "is left out of the list"),
    "difficult objects must be found": (
        listed(positives="len(difficult)"),
        {"ap-doublets": 2},
        "difficult objects must be found",
    ),
    "hits on difficult objects are false": (
        listed(hard="false += 1"),
        {"ap-doublets": 2},
        "detections on difficult objects are false",
    ),
}

RIGHT = {
    "IoU by loops": {
        "iou": """
            def iou(first, second):
                table = torch.zeros(len(first), len(second))
                for i, a in enumerate(first.tolist()):
                    for j, b in enumerate(second.tolist()):
                        if min(a[2] - a[0], a[3] - a[1], b[2] - b[0], b[3] - b[1]) <= 0:
                            continue
                        wide = max(0, min(a[2], b[2]) - max(a[0], b[0]))
                        high = max(0, min(a[3], b[3]) - max(a[1], b[1]))
                        whole = (a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1])
                        table[i, j] = wide * high / (whole - wide * high)
                return table
        """
    },
    "logarithms subtracted": targets(sizes="truth[:, 2:].log() - size.log()"),
    "growth limited in the exponent": targets(
        grown="size * targets[:, 2:].clamp(max=torch.tensor(100.0).log().item()).exp()"
    ),
    "average precision by a loop over hits": listed(),
}


@pytest.mark.parametrize("misconception", WRONG)
def test_a_misconception_loses_exactly_its_points(misconception):
    answers, points, told = WRONG[misconception]
    assert lost(TOPIC, answers) == points
    assert told in words(TOPIC, answers)


@pytest.mark.parametrize("way", RIGHT)
def test_a_right_answer_written_differently_loses_nothing(way):
    assert lost(TOPIC, RIGHT[way]) == {}
