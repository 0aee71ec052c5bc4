"""The checks of the assignment: each misconception loses exactly its points, right answers lose none."""

import pytest
from assignments.grading_of import lost, words

TOPIC = "own_picture"


def calibration(
    place="(confidence * bins).long().clamp(max=bins - 1)",
    sure="confidence[inside].mean()",
    weight="inside.sum() / len(confidence)",
    empty="if not inside.any(): continue",
):
    return {
        "calibration": f"""
            def calibration_error(confidence, correct, bins):
                place = {place}
                error = 0.0
                for number in range(bins):
                    inside = place == number
                    {empty}
                    gap = {sure} - correct[inside].float().mean()
                    error += float(gap.abs() * {weight})
                return error
        """
    }


def strange(evidence="logits.logsumexp(dim=1)"):
    return {
        "strange": f"""
            def is_strange(logits, threshold):
                return {evidence} < threshold
        """
    }


def new(mirror="~training.reshape(-1, 8, 8).flip(2).reshape(-1, 64)", test=">", both="[training, mirror]"):
    return {
        "new-pictures": f"""
            def new_pictures(training, test, most):
                mirror = {mirror}
                both = torch.cat({both})
                apart = (test[:, None] != both[None]).sum(dim=2)
                return [k for k in range(len(test)) if len(both) == 0 or int(apart[k].min()) {test} most]
        """
    }


WRONG = {
    "bins that count alike": (
        calibration(weight="1 / len(place.unique())"),
        {"calibration-values": 3, "calibration-ends": 2},
        "the bins count by their numbers of answers",
    ),
    "middle of a bin for its confidence": (
        calibration(sure="(number + 0.5) / bins"),
        {"calibration-values": 3, "calibration-ends": 2},
        "compare the mean confidence of a bin",
    ),
    "a confidence of one in no bin": (
        calibration(place="(confidence * bins).long()"),
        {"calibration-ends": 2},
        "two answers of confidence 1",
    ),
    "an empty bin is not a number": (
        calibration(empty="pass"),
        {"calibration-ends": 2},
        "nan",
    ),
    "softmax": (
        strange("logits.softmax(dim=1).amax(dim=1)"),
        {"strange-values": 2, "strange-large": 2},
        "do not use softmax",
    ),
    "the largest logit": (strange("logits.amax(dim=1)"), {"strange-values": 2}, "the sum counts, not the largest"),
    "an exponential that overflows": (strange("logits.exp().sum(dim=1).log()"), {"strange-large": 2}, "overflow"),
    "no mirror": (new(both="[training]"), {"new-mirrored": 1}, "mirror image"),
    "a mirror without turning the bits over": (
        new(mirror="training.reshape(-1, 8, 8).flip(2).reshape(-1, 64)"),
        {"new-mirrored": 1},
        "mirror image",
    ),
    "the limit itself is new": (new(test=">="), {"new-copies": 2}, "only more than most are new"),
}

RIGHT = {
    "bins by a loop over answers": {
        "calibration": """
            def calibration_error(confidence, correct, bins):
                sums = {}
                for sure, right in zip(confidence.tolist(), correct.tolist()):
                    place = min(int(sure * bins), bins - 1)
                    sums[place] = sums.get(place, 0.0) + sure - right
                return sum(abs(value) for value in sums.values()) / len(confidence)
        """
    },
    "the largest logit taken out first": strange(
        "(logits - logits.amax(dim=1, keepdim=True)).exp().sum(dim=1).log() + logits.amax(dim=1)"
    ),
    "pictures by loops": {
        "new-pictures": """
            def new_pictures(training, test, most):
                found = []
                for place, bits in enumerate(test):
                    other = (~bits).reshape(8, 8).flip(1).reshape(64)
                    near = [min((bits != one).sum(), (other != one).sum()) for one in training]
                    if all(distance > most for distance in near):
                        found.append(place)
                return found
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
