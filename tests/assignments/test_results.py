"""The checks of the assignment: each misconception loses exactly its points, right answers lose none."""

import pytest
from assignments.grading_of import lost, words

TOPIC = "results"


def progress(points="a - b", share="100 * (a - b) / a"):
    return {
        "progress": f"""
            def progress(errors):
                start = errors[0]
                return [({points}, {share}) for a, b in zip(errors, errors[1:])]
        """
    }


def beaten(rule="c <= cost and e <= error and (c, e) != (cost, error)", best="(p[1], p[0])"):
    return {
        "beaten": f"""
            def beaten_by(networks):
                found = {{}}
                for name, (cost, error) in networks.items():
                    rivals = {{o: (c, e) for o, (c, e) in networks.items() if o != name and {rule}}}
                    if rivals:
                        found[name] = min(rivals, key=lambda o: (lambda p: {best})(rivals[o]))
                return found
        """
    }


def lie(result="abs(b - a) / a / (abs(second - first) / first)", begin="start", power="2", guard="first <= start"):
    return {
        "lie": f"""
            def lie_factor(first, second, start=0, shape="bar"):
                if {guard}:
                    raise ValueError("nothing is shown")
                a, b = first - {begin}, second - {begin}
                if shape == "circle":
                    a, b = a ** {power}, b ** {power}
                return {result}
        """
    }


RULES = ('entry["year"] == year', 'entry["pictures"] == "test"', 'entry["data"] == "provided"', 'entry["entered"]')


def won(without=None, choose="min", nobody="None"):
    rules = " and ".join(rule for index, rule in enumerate(RULES) if index != without)
    return {
        "won": f"""
            def who_won(entries, year):
                allowed = [entry for entry in entries if {rules}]
                if not allowed:
                    return {nobody}
                return {choose}(allowed, key=lambda entry: entry["error"])["team"]
        """
    }


WRONG = {
    "the new error is the whole": (
        progress(share="100 * (a - b) / b"),
        {"progress-values": 2},
        "the new error is taken",
    ),
    "the share of the accuracy": (
        progress(share="100 * (a - b) / (100 - a)"),
        {"progress-values": 2},
        "of the accuracy, not of the errors",
    ),
    "everything against the first year": (
        progress("start - b", "100 * (start - b) / start"),
        {"progress-values": 2},
        "compared with the first",
    ),
    "not in per cent": (progress(share="(a - b) / a"), {"progress-values": 2}, "not in per cent"),
    "progress is negative": (progress("b - a", "100 * (b - a) / a"), {"progress-values": 2}, "a minus sign"),
    "the cheapest rival": (beaten(best="(p[0], p[1])"), {"beaten-values": 2}, "the cheapest of the networks"),
    "only the error counts": (beaten("e < error"), {"beaten-values": 2, "beaten-ties": 1}, "only the error counts"),
    "only the work counts": (
        beaten("c < cost", "(p[0], p[1])"),
        {"beaten-values": 2, "beaten-ties": 1},
        "only the multiply-adds count",
    ),
    "as good is better": (beaten("c <= cost and e <= error"), {"beaten-ties": 1}, "only as good"),
    "both must be better": (beaten("c < cost and e < error"), {"beaten-ties": 1}, "both numbers"),
    "ratios of bars": (
        lie("(b / a) / (second / first)"),
        {"lie-bars": 2, "lie-circles": 1},
        "compare changes",
    ),
    "upside down": (
        lie("(abs(second - first) / first) / (abs(b - a) / a)"),
        {"lie-bars": 2, "lie-circles": 1},
        "change places",
    ),
    "the axis always begins at zero": (lie(begin="0"), {"lie-bars": 2, "lie-circles": 1}, "the start of the axis"),
    "the shown effect alone": (lie("abs(b - a) / a"), {"lie-bars": 2, "lie-circles": 1}, "the shown effect alone"),
    "circles are read by their diameters": (lie(power="1"), {"lie-circles": 1}, "the reader sees areas"),
    "no error": (lie(guard="False"), {"lie-bars": 2}, "should raise a ValueError"),
    "more data competes": (won(2), {"won-values": 3}, "results with more data compete"),
    "papers after the contest compete": (won(3), {"won-values": 3}, ""),
    "validation competes": (won(1), {"won-values": 3}, ""),
    "every year at once": (won(0), {"won-values": 3}, "the year does not matter"),
    "the largest error": (won(choose="max"), {"won-values": 3}, "the largest error wins"),
}
RIGHT = {
    "progress with an index": {
        "progress": """
            def progress(errors):
                answer = []
                for n in range(1, len(errors)):
                    points = errors[n - 1] - errors[n]
                    answer.append([points, points / errors[n - 1] * 100])
                return answer
        """
    },
    "rivals in order of their error": {
        "beaten": """
            def beaten_by(networks):
                order = sorted(networks, key=lambda name: (networks[name][1], networks[name][0]))
                answer = {}
                for name in reversed(order):
                    for rival in order:
                        a, b = networks[rival], networks[name]
                        if a != b and a[0] <= b[0] and a[1] <= b[1]:
                            answer[name] = rival
                            break
                return answer
        """
    },
    "the lie factor by lengths and areas": {
        "lie": """
            def lie_factor(first, second, start=0, shape="bar"):
                if not first > start:
                    raise ValueError(f"{first} is not above {start}")
                ratio = (second - start) / (first - start)
                ratio = ratio * ratio if shape == "circle" else ratio
                return abs(ratio - 1) / abs(second / first - 1)
        """
    },
    "the winner step by step": {
        "won": """
            def who_won(entries, year):
                best = None
                for entry in entries:
                    if (entry["year"], entry["pictures"], entry["data"]) != (year, "test", "provided"):
                        continue
                    if entry["entered"] and (best is None or entry["error"] < best["error"]):
                        best = entry
                return best and best["team"]
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
