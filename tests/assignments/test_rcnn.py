"""The checks of the assignment: each misconception loses exactly its points, right answers lose none."""

import pytest
from assignments.grading_of import lost, words

TOPIC = "rcnn"


def regions(
    mean="(first[0] * first[2] + second[0] * second[2]) / size",
    corner="min(a[0], b[0]), min(a[1], b[1])",
    colour="torch.minimum(first[2], second[2]).sum()",
    big="1 - size / whole",
    fill="1 - (area - size) / whole",
):
    return {
        "regions": f"""
            def joined(first, second):
                size, a, b = first[0] + second[0], first[1], second[1]
                return size, [{corner}, max(a[2], b[2]), max(a[3], b[3])], {mean}

            def alike(first, second, whole):
                size, box, _ = joined(first, second)
                area = (box[2] - box[0]) * (box[3] - box[1])
                return float({colour}) + ({big}) + ({fill})
        """
    }


def recalled(body):
    return {
        "recall": f"""
            def recall(overlaps, number):
                hits = [(table[:number] >= 0.5).any(dim=0) for table in overlaps]
                {body}
        """
    }


def mined(hard="scores[i] > -1", stay="scores[i] > -1.2", result="sorted(new | old)", pool="chunk"):
    return {
        "mining": f"""
            def next_held(scores, held, chunk):
                new = {{i for i in {pool} if {hard}}}
                old = {{i for i in held if {stay}}}
                return {result}
        """
    }


WRONG = {
    "a plain mean of the histograms": (
        regions(mean="(first[2] + second[2]) / 2"),
        {"region-joined": 2},
        "both histograms weigh the same",
    ),
    "histograms are added": (regions(mean="first[2] + second[2]"), {"region-joined": 2}, "so that their sum is 2"),
    "the box of the first region begins the new one": (
        regions(corner="a[0], a[1]"),
        {"region-joined": 2},
        "",
    ),
    "the whole common box is a hole": (
        regions(fill="1 - area / whole"),
        {"region-alike": 2},
        "the whole common box counts as hole",
    ),
    "the hole is measured by the box": (
        regions(fill="1 - (area - size) / area"),
        {"region-alike": 2},
        "divided by the common box",
    ),
    "size compares the regions": (
        regions(big="1 - abs(first[0] - second[0]) / whole"),
        {"region-alike": 2},
        "two large ones count as alike",
    ),
    "colour is a distance": (
        regions(colour="(first[2] - second[2]).abs().sum()"),
        {"region-alike": 2},
        "how far the histograms lie apart",
    ),
    "the mean of the pictures' recalls": (
        recalled("return sum(float(h.float().mean()) if len(h) else 0.0 for h in hits) / len(hits)"),
        {"recall-pictures": 2, "recall-first": 2},
        "average the recalls of the pictures",
    ),
    "hits are counted by proposals": (
        recalled(
            "return sum(int((t[:number] >= 0.5).any(dim=1).sum()) for t in overlaps)"
            " / sum(t.shape[1] for t in overlaps)"
        ),
        {"recall-pictures": 2, "recall-first": 2},
        "one object is found several times",
    ),
    "more than one half": (
        recalled("return sum(int((t[:number] > 0.5).any(dim=0).sum()) for t in overlaps) / sum(len(h) for h in hits)"),
        {"recall-pictures": 2, "recall-first": 2},
        "exactly one half is not enough",
    ),
    "all proposals": (
        recalled("return sum(int((t >= 0.5).any(dim=0).sum()) for t in overlaps) / sum(len(h) for h in hits)"),
        {"recall-first": 2},
        "",
    ),
    "only the wrong side is hard": (
        mined(hard="scores[i] > 0"),
        {"mining-hard": 2},
        "those inside the margin move the plane",
    ),
    "the easy ones are held": (
        mined(hard="scores[i] < -1"),
        {"mining-hard": 2, "mining-held": 2},
        "teach nothing",
    ),
    "the held ones are forgotten": (mined(result="sorted(new)"), {"mining-held": 2}, "forgotten"),
    "nothing ever leaves": (mined(stay="True"), {"mining-held": 2}, "never leaves"),
    "doublets": (mined(result="sorted([*new, *old])"), {"mining-held": 2}, "comes twice"),
    "all negatives are looked at": (
        mined(pool="range(len(scores))"),
        {"mining-hard": 2, "mining-held": 2},
        "not those of the chunk",
    ),
}

RIGHT = {
    "mean by shares": regions(mean="first[0] / size * first[2] + second[0] / size * second[2]"),
    "one sum over the image": regions(big="2 - area / whole", fill="0"),
    "recall by a loop": {
        "recall": """
            def recall(overlaps, number):
                found = total = 0
                for table in overlaps:
                    for column in table.T:
                        total += 1
                        found += any(value >= 0.5 for value in column[:number].tolist())
                return found / total
        """
    },
    "masks in place of sets": {
        "mining": """
            def next_held(scores, held, chunk):
                keep = torch.zeros(len(scores), dtype=torch.bool)
                keep[held] = scores[held] > -1.2
                for index in chunk:
                    if scores[index] > -1:
                        keep[index] = True
                return keep.nonzero().flatten().tolist()
        """
    },
}


@pytest.mark.parametrize("misconception", WRONG)
def test_a_misconception_loses_exactly_its_points(misconception):
    answers, points, told = WRONG[misconception]
    assert lost(TOPIC, answers) == points
    assert told in words(TOPIC, answers)


@pytest.mark.parametrize("way", RIGHT)
def test_a_right_answer_written_differently_loses_nothing(way):
    assert lost(TOPIC, RIGHT[way]) == {}
