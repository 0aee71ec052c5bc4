"""The checks of the assignment: each misconception loses exactly its points, right answers lose none."""

import pytest
from assignments.grading_of import lost, words

TOPIC = "deconvnet"


def backward(gradient="(x > 0) * g", deconvnet="g.clamp(min=0)", guided="(x > 0) * g.clamp(min=0)"):
    return {
        "backward": f"""
            def backward(entered, arrives, rule):
                x, g = entered, arrives
                if rule == "gradient":
                    return {gradient}
                if rule == "deconvnet":
                    return {deconvnet}
                return {guided}
        """
    }


def unpool(body):
    return {
        "unpool": f"""
            def unpool(values, switches, height, width):
                N, C = values.shape[:2]
                flat = torch.zeros(N, C, height * width, dtype=values.dtype)
                {body}
        """
    }


def score(body):
    return {
        "score": f"""
            def score(first, second):
                def correlation(a, b):
                    return float(torch.corrcoef(torch.stack([a.flatten().double(), b.flatten().double()]))[0, 1])

                def ranks(map_):
                    return map_.flatten().argsort().argsort()

                return {body}
        """
    }


def dead(body):
    return {"dead": f"def dead(maps):\n    return {body}"}


WRONG = {
    "gradient and deconvnet are mixed up": (
        backward(gradient="g.clamp(min=0)", deconvnet="(x > 0) * g"),
        {"rule-gradient": 2, "rule-deconvnet": 2},
        "you ask what went forwards; the deconvnet asks",
    ),
    "a ReLU that got 0 is open": (
        backward(gradient="(x >= 0) * g", guided="(x >= 0) * g.clamp(min=0)"),
        {"rule-gradient": 2, "rule-guided": 2},
        "got exactly 0",
    ),
    "the gradient is multiplied by the value": (
        backward(gradient="x.clamp(min=0) * g"),
        {"rule-gradient": 2},
        "multiply by the value that went forwards",
    ),
    "the deconvnet asks both": (
        backward(deconvnet="(x > 0) * g.clamp(min=0)"),
        {"rule-deconvnet": 2},
        "does not know what went forwards",
    ),
    "negative signals turn positive": (backward(deconvnet="g.abs()"), {"rule-deconvnet": 2}, "they should vanish"),
    "one condition is enough": (
        backward(guided="((x > 0) | (g > 0)) * g"),
        {"rule-guided": 2},
        "one of the two conditions is enough",
    ),
    "guided is the gradient": (backward(guided="(x > 0) * g"), {"rule-guided": 2}, "this is the plain gradient"),
    "the argument is overwritten": (
        backward(gradient="g.mul_(x > 0)"),
        {"rule-gradient": 2},
        "the argument arrives after your function",
    ),
    "values replace each other": (
        unpool("return flat.scatter_(2, switches.flatten(2), values.flatten(2)).reshape(N, C, height, width)"),
        {"unpool-overlap": 2},
        "",
    ),
    "values are averaged": (
        unpool(
            "return flat.scatter_reduce(2, switches.flatten(2), values.flatten(2), 'mean', include_self=False)"
            ".reshape(N, C, height, width)"
        ),
        {"unpool-overlap": 2},
        "are averaged",
    ),
    "windows are filled": (
        {
            "unpool": "def unpool(values, switches, height, width):\n"
            "    return F.interpolate(values, (height, width), mode='nearest')"
        },
        {"unpool-touching": 2, "unpool-overlap": 2},
        "fills its whole window",
    ),
    "height and width are swapped": (
        unpool(
            "return flat.scatter_add(2, switches.flatten(2), values.flatten(2))"
            ".reshape(N, C, width, height).transpose(2, 3)"
        ),
        {"unpool-touching": 2, "unpool-overlap": 2},
        "height and width are swapped",
    ),
    "values instead of ranks": (
        score("correlation(first.abs(), second.abs())"),
        {"score-order": 2, "score-sign": 2},
        "the values are correlated, not their ranks",
    ),
    "argsort once": (
        score("correlation(first.abs().flatten().argsort(), second.abs().flatten().argsort())"),
        {"score-order": 2, "score-sign": 2},
        "argsort is called once",
    ),
    "signs are kept": (
        score("correlation(ranks(first), ranks(second))"),
        {"score-sign": 2},
        "compare absolute values",
    ),
    "the mean decides": (
        dead("(maps.mean(dim=(0, 2, 3)) <= 0).nonzero().flatten().tolist()"),
        {"dead-filters": 3},
        "one answer in one picture keeps it alive",
    ),
    "silent in some picture": (
        dead("(maps.amax(dim=(2, 3)) <= 0).any(dim=0).nonzero().flatten().tolist()"),
        {"dead-filters": 3},
        "silent in some picture",
    ),
    "silent at some place": (
        dead("(maps <= 0).any(dim=3).any(dim=2).any(dim=0).nonzero().flatten().tolist()"),
        {"dead-filters": 3},
        "silent at some place",
    ),
    "zero is an answer": (
        dead("(maps.amax(dim=(0, 2, 3)) < 0).nonzero().flatten().tolist()"),
        {"dead-filters": 3},
        "exactly 0 counts as an answer",
    ),
    "the values before the ReLU are zero": (
        dead("(maps == 0).all(dim=3).all(dim=2).all(dim=0).nonzero().flatten().tolist()"),
        {"dead-filters": 3},
        "before the ReLU",
    ),
    "the living are listed": (
        dead("(maps.amax(dim=(0, 2, 3)) > 0).nonzero().flatten().tolist()"),
        {"dead-filters": 3},
        "that are alive",
    ),
}

RIGHT = {
    "rules by autograd and signs": {
        "backward": """
            def backward(entered, arrives, rule):
                signal = arrives if rule == "gradient" else torch.relu(arrives)
                if rule == "deconvnet":
                    return signal
                leaf = entered.detach().clone().requires_grad_()
                torch.relu(leaf).backward(signal)
                return leaf.grad
        """
    },
    "unpooling by loops": unpool(
        """for n in range(N):
                    for c in range(C):
                        for value, place in zip(values[n, c].flatten(), switches[n, c].flatten()):
                            flat[n, c, place] += value
                return flat.view(N, C, height, width)"""
    ),
    "unpooling by rows and columns": {
        "unpool": """
            def unpool(values, switches, height, width):
                result = torch.zeros(*values.shape[:2], height, width, dtype=values.dtype)
                n, c = torch.meshgrid(*map(torch.arange, values.shape[:2]), indexing="ij")
                index = (n[..., None, None].expand_as(switches), c[..., None, None].expand_as(switches),
                         switches // width, switches % width)
                return result.index_put(index, values, accumulate=True)
        """
    },
    "ranks by counting": score(
        "correlation(*[(m.flatten()[:, None].abs() > m.flatten().abs()).sum(1) for m in (first, second)])"
    ),
    "the score as a tensor, by the formula of differences": {
        "score": """
            def score(first, second):
                a, b = (m.abs().flatten().argsort().argsort().double() for m in (first, second))
                n = len(a)
                return 1 - 6 * (a - b).square().sum() / (n * (n * n - 1))
        """
    },
    "dead by a loop": dead("[c for c in range(maps.shape[1]) if float(torch.relu(maps[:, c]).sum()) == 0.0]"),
}


@pytest.mark.parametrize("misconception", WRONG)
def test_a_misconception_loses_exactly_its_points(misconception):
    answers, points, told = WRONG[misconception]
    assert lost(TOPIC, answers) == points
    assert told in words(TOPIC, answers)


@pytest.mark.parametrize("way", RIGHT)
def test_a_right_answer_written_differently_loses_nothing(way):
    assert lost(TOPIC, RIGHT[way]) == {}
