"""The checks of the assignment: each misconception loses exactly its points, right answers lose none."""

import pytest
from assignments.grading_of import lost, words

TOPIC = "imagenet"


def sets(ahead="((logits >= best) & ~valid).sum(dim=1)", before="", result="(ahead >= k)"):
    return {
        "sets": f"""
            def error_with_sets(logits, valid, k):
                {before or "counted = valid.any(dim=1)"}
                if not counted.any():
                    return 0.0
                logits, valid = logits[counted], valid[counted]
                best = logits.masked_fill(~valid, float("-inf")).amax(dim=1, keepdim=True)
                ahead = {ahead}
                return float({result}.double().mean())
        """
    }


def paired(body):
    return {
        "paired": f"""
            def paired(right_a, right_b):
                a, b = int((right_a & ~right_b).sum()), int((~right_a & right_b).sum())
                p, q = float(right_a.double().mean()), float(right_b.double().mean())
                return {body}
        """
    }


def needed(body, guard="first == second"):
    return {
        "needed": f"""
            def pictures_needed(first, second, z):
                if {guard}:
                    raise ValueError("equal")
                p, q = first / 100, second / 100
                return {body}
        """
    }


def rankings(key='(row["pictures"], row["more_data"], networks, crops)', reverse="False", least=2):
    return {
        "rankings": f"""
            def rankings(results):
                groups = {{}}
                for row in sorted(results, key=lambda row: row["error"], reverse={reverse}):
                    networks = "one" if row["networks"] == 1 else "several"
                    crops = {{1: "one", 10: "ten"}}.get(row["crops"], "more")
                    groups.setdefault({key}, []).append(row["method"])
                return {{key: found for key, found in groups.items() if len(found) >= {least}}}
        """
    }


def misplaced(condition, found="(row, column, fitting[0])", near="abs(true - value) <= 0.05 + 1e-9"):
    return {
        "misplaced": f"""
            def misplaced(printed, measured):
                found = []
                for row, numbers in printed.items():
                    source = measured.get(row, {{}})
                    for column, value in numbers.items():
                        fitting = [name for name, true in source.items() if {near}]
                        others = [name for name in fitting if name != column]
                        if {condition}:
                            found.append({found})
                return found
        """
    }


FORMULA = "math.ceil(z**2 * (p * (1 - p) + q * (1 - q)) / (p - q) ** 2)"
WRONG = {
    "all valid classes must be found": (
        sets("((logits > logits.masked_fill(~valid, torch.inf).amin(dim=1, keepdim=True))).sum(dim=1)"),
        {"sets-plain": 2, "sets-ties": 1},
        "all valid classes of a picture must be among",
    ),
    "the first valid class alone": (
        sets("(logits >= logits.gather(1, valid.int().argmax(dim=1, keepdim=True))).sum(dim=1) - 1"),
        {"sets-plain": 2, "sets-ties": 1},
        "only the first valid class",
    ),
    "the accuracy": (sets(result="(ahead < k)"), {"sets-plain": 2, "sets-ties": 1, "sets-empty": 1}, "not the error"),
    "a tie counts for the network": (
        sets("(logits > best).sum(dim=1)"),
        {"sets-ties": 1},
        "a tie counts for the network",
    ),
    "valid classes in each other's way": (
        sets("(logits >= best).sum(dim=1) - 1"),
        {"sets-ties": 1},
        "in each other's way",
    ),
    "torch's topk decides ties": (
        sets(result="(~valid.gather(1, logits.topk(min(k, logits.shape[1])).indices).any(dim=1))"),
        {"sets-ties": 1},
        "",
    ),
    "no valid class is wrong": (
        sets("((logits >= best) & ~valid).sum(dim=1)", "counted = torch.ones(len(valid), dtype=torch.bool)"),
        {"sets-empty": 1},
        "without a valid class count as wrong",
    ),
    "each network has pictures of its own": (
        paired("(p - q) / max(1e-9, ((p * (1 - p) + q * (1 - q)) / len(right_a)) ** 0.5)"),
        {"paired-values": 2},
        "as if each network had its own",
    ),
    "the networks change places": (
        paired("(b - a) / math.sqrt(a + b) if a + b else 0.0"),
        {"paired-values": 2},
        "change places",
    ),
    "all pictures count": (
        paired("(a - b) / math.sqrt(len(right_a))"),
        {"paired-values": 2},
        "on which both agree are counted",
    ),
    "without the root": (paired("(a - b) / (a + b) if a + b else 0.0"), {"paired-values": 2}, "without the root"),
    "one error is certain": (
        needed("math.ceil(z**2 * p * (1 - p) / (p - q) ** 2)"),
        {"needed-values": 2},
        "only the first error is uncertain",
    ),
    "rounded down": (needed(FORMULA.replace("ceil", "floor")), {"needed-values": 2}, "you round down"),
    "z is not squared": (needed(FORMULA.replace("z**2", "z")), {"needed-values": 2}, "z is not squared"),
    "equal errors pass": (
        needed("0 if p == q else " + FORMULA, "False"),
        {"needed-values": 2},
        "should raise a ValueError",
    ),
    "more data stands among the rest": (
        rankings('(row["pictures"], False, networks, crops)'),
        {"rankings-values": 3},
        "stand among those without",
    ),
    "the worst first": (rankings(reverse="True"), {"rankings-values": 3}, "the worst stands first"),
    "a single result is a ranking": (rankings(least=1), {"rankings-values": 3}, "a single result is a ranking too"),
    "validation and test are one": (
        rankings('("test", row["more_data"], networks, crops)'),
        {"rankings-values": 3},
        "",
    ),
    "the number of networks is a condition": (
        rankings('(row["pictures"], row["more_data"], row["networks"], crops)'),
        {"rankings-values": 3},
        "",
    ),
    "another column has it too": (
        misplaced("others", "(row, column, others[0])"),
        {"misplaced-slide": 2},
        "because another column has it too",
    ),
    "the columns change places": (
        misplaced("fitting and column not in fitting", "(row, fitting[0], column)"),
        {"misplaced-slide": 2, "misplaced-absent": 1},
        "change places",
    ),
    "only equal numbers": (
        misplaced("fitting and column not in fitting", near="true == value"),
        {"misplaced-slide": 2, "misplaced-absent": 1},
        "equal to the last decimal",
    ),
    "whatever is not right is misplaced": (
        misplaced(
            "source and column not in fitting", "(row, column, next(n for n in [*source, 'none'] if n != column))"
        ),
        {"misplaced-absent": 1},
        "every difference is taken",
    ),
}
RIGHT = {
    "sets by sorting": {
        "sets": """
            def error_with_sets(logits, valid, k):
                wrong, counted = 0, 0
                for scores, ok in zip(logits.tolist(), valid.tolist()):
                    if not any(ok):
                        continue
                    counted += 1
                    order = sorted(range(len(scores)), key=lambda c: (-scores[c], ok[c]))
                    wrong += not any(ok[c] for c in order[:k])
                return wrong / counted if counted else 0
        """
    },
    "sets as a tensor": sets(result="torch.clamp(ahead - k + 1, 0, 1)"),
    "the comparison by numbers": {
        "paired": """
            def paired(right_a, right_b):
                gap = right_a.double() - right_b.double()
                return gap.sum() / gap.abs().sum().clamp(min=1).sqrt()
        """
    },
    "the number of pictures step by step": needed(
        "next(n for n in range(1, 10**6) if abs(p - q) >= z * math.sqrt((p * (1 - p) + q * (1 - q)) / n))"
    ),
    "rankings by comparison with each other": {
        "rankings": """
            def condition(row):
                crops = "one" if row["crops"] == 1 else "ten" if row["crops"] == 10 else "more"
                return row["pictures"], row["more_data"], ("several", "one")[row["networks"] == 1], crops

            def rankings(results):
                answer = {}
                for row in results:
                    alike = [other for other in results if condition(other) == condition(row)]
                    if len(alike) > 1:
                        alike.sort(key=lambda other: other["error"])
                        answer[condition(row)] = tuple(other["method"] for other in alike)
                return answer
        """
    },
    "misplaced by rounding up to a tolerance": misplaced(
        "column not in fitting and others", "[row, column, others[0]]", "round(abs(true - value), 6) <= 0.05"
    ),
}


@pytest.mark.parametrize("misconception", WRONG)
def test_a_misconception_loses_exactly_its_points(misconception):
    answers, points, told = WRONG[misconception]
    assert lost(TOPIC, answers) == points
    assert told in words(TOPIC, answers)


@pytest.mark.parametrize("way", RIGHT)
def test_a_right_answer_written_differently_loses_nothing(way):
    assert lost(TOPIC, RIGHT[way]) == {}
