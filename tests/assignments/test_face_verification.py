"""The checks of the assignment: each misconception loses exactly its points, right answers lose none."""

import pytest
from assignments.grading_of import lost, words

TOPIC = "face_verification"


def mined(
    distance="((vectors[:, None] - vectors[None]) ** 2).sum(2)",
    friends="range(a + 1, len(people))",
    fits="(d[a] > d[a, p]) & (d[a] < d[a, p] + margin)",
    pick="min",
):
    return {
        "semi-hard": f"""
            def semi_hard(vectors, people, margin):
                d = {distance}
                found = []
                for a in range(len(people)):
                    for p in {friends}:
                        if a != p and people[a] == people[p]:
                            fits = (people != people[a]) & {fits}
                            strangers = fits.nonzero().flatten().tolist()
                            if strangers:
                                found.append([a, p, {pick}(strangers, key=lambda n: float(d[a, n]))])
                return torch.tensor(found, dtype=torch.int64).reshape(-1, 3)
        """
    }


def rate(accepted="distances <= t", allowed="wrong <= far", share="/ int(same.sum())", guard="return math.nan"):
    return {
        "tar-at-far": f"""
            def tar_at_far(distances, same, far):
                if int(same.sum()) in (0, len(same)):
                    {guard}
                best = 0.0
                for t in distances.tolist():
                    accepted = {accepted}
                    wrong = int((accepted & ~same).sum()) / int((~same).sum())
                    if {allowed}:
                        best = max(best, int((accepted & same).sum()) {share})
                return best
        """
    }


ONE_BY_ONE = {
    "tar-at-far": """
        def tar_at_far(distances, same, far):
            if not same.any() or same.all():
                return math.nan
            hits = same[distances.argsort(stable=True)].double()
            tar, wrong = hits.cumsum(0) / hits.sum(), (1 - hits).cumsum(0) / (1 - hits).sum()
            fine = tar[wrong <= far]
            return float(fine.max()) if len(fine) else 0.0
    """
}


def honest(chosen="fold != one", here="fold == one", order="sorted", mean="sum(values) / len(values)"):
    return {
        "honest": f"""
            def honest_accuracy(distances, same, fold):
                def accuracy(which, t):
                    return float(((distances[which] <= t) == same[which]).double().mean())
                values, weights = [], []
                for one in fold.unique().tolist():
                    which, here = {chosen}, {here}
                    choices = {order}(set(distances[which].tolist()))
                    t = max(choices, key=lambda choice: accuracy(which, choice))
                    values.append(accuracy(here, t))
                    weights.append(int(here.sum()))
                return {mean}
        """
    }


WRONG = {
    "distances that are not squared": (
        mined(distance="torch.cdist(vectors, vectors)"),
        {"mining-one": 2, "mining-batch": 2},
        "",
    ),
    "hard strangers": (
        mined(fits="(d[a] < d[a, p] + margin)"),
        {"mining-one": 2, "mining-batch": 2},
        "nearer than the",
    ),
    "the farthest semi-hard stranger": (
        mined(pick="max"),
        {"mining-one": 2, "mining-batch": 2},
        "you take the farthest",
    ),
    "strangers beyond the margin": (
        mined(fits="(d[a] > d[a, p] + margin)", pick="max"),
        {"mining-one": 2, "mining-batch": 2},
        "farther than the margin",
    ),
    "each pair twice": (mined(friends="range(len(people))"), {"mining-one": 2, "mining-batch": 2}, ""),
    "distances are similarities": (rate(accepted="distances >= t"), {"tar-values": 2, "tar-ties": 2}, ""),
    "strictly below the threshold": (rate(accepted="distances < t"), {"tar-ties": 2}, ""),
    "strictly below the allowed rate": (rate(allowed="wrong < far"), {"tar-values": 2, "tar-ties": 2}, ""),
    "divided by all pairs": (rate(share="/ len(same)"), {"tar-values": 2, "tar-ties": 2}, "you divide by all pairs"),
    "no pairs, no error": (rate(guard="return 0.0"), {"tar-ties": 2}, "it must be nan"),
    "ties one after the other": (ONE_BY_ONE, {"tar-ties": 2}, "one after the other"),
    "the threshold of the fold's own answers": (honest(chosen="fold == one"), {"honest-folds": 3}, "its own answers"),
    "one threshold for all": (honest(chosen="fold == fold"), {"honest-folds": 3}, "chosen on all pairs"),
    "pooled folds": (
        honest(mean="sum(v * w for v, w in zip(values, weights)) / sum(weights)"),
        {"honest-folds": 3},
        "not the folds",
    ),
    "the largest of equally good thresholds": (
        honest(order="(lambda v: sorted(v, reverse=True))"),
        {"honest-folds": 3},
        "you take the largest",
    ),
    "the mean of two groups without weights": ({"brochure": "rest = 2 * 0.97 - 0.99"}, {"brochure-rest": 1}, ""),
}

RIGHT = {
    "mining without loops": {
        "semi-hard": """
            def semi_hard(vectors, people, margin):
                squared = (vectors[:, None] - vectors[None]).pow(2).sum(-1)
                same = people[:, None] == people[None]
                a, p = same.triu(1).nonzero().T
                fits = ~same[a] & (squared[a] > squared[a, p][:, None]) & (squared[a] < squared[a, p][:, None] + margin)
                table = squared[a].masked_fill(~fits, float("inf"))
                rows = fits.any(dim=1)
                if not rows.any():
                    return torch.zeros(0, 3, dtype=torch.int64)
                return torch.stack([a, p, table.argmin(dim=1)], dim=1)[rows]
        """
    },
    "mining with other loops": mined(),
    "rates by counting": rate(),
    "rates by sorted distances": {
        "tar-at-far": """
            def tar_at_far(distances, same, far):
                if not same.any() or same.all():
                    return float("nan")
                pairs = sorted(zip(distances.tolist(), same.tolist()))
                yes, no, best = 0, 0, 0.0
                for index, (distance, hit) in enumerate(pairs):
                    yes, no = yes + hit, no + (not hit)
                    ends = index + 1 == len(pairs) or pairs[index + 1][0] != distance
                    if ends and no <= far * int((~same).sum()):
                        best = yes / int(same.sum())
                return best
        """
    },
    "an honest accuracy by sorting": honest(),
    "the rest by shares": {"brochure": "rest = (0.97 - 0.9 * 0.99) / 0.1"},
}


@pytest.mark.parametrize("misconception", WRONG)
def test_a_misconception_loses_exactly_its_points(misconception):
    answers, points, told = WRONG[misconception]
    assert lost(TOPIC, answers) == points
    assert told in words(TOPIC, answers)


@pytest.mark.parametrize("way", RIGHT)
def test_a_right_answer_written_differently_loses_nothing(way):
    assert lost(TOPIC, RIGHT[way]) == {}
