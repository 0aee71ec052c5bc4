"""The checks of the assignment: each misconception loses exactly its points, right answers lose none."""

import pytest
from assignments.grading_of import lost, words

TOPIC = "googlenet"


def cost(
    weights="i * (a + r + s + p) + 9 * (r or i) * b + 25 * (s or i) * c",
    biases="a + r + b + s + c + p",
    multiply_adds="weights * size**2",
    channels="a + b + c + (p or i)",
):
    return {
        "cost": f"""
            def inception_cost(in_channels, size, ch1x1, ch3x3red, ch3x3, ch5x5red, ch5x5, pool_proj):
                i, a, r, b, s, c, p = in_channels, ch1x1, ch3x3red, ch3x3, ch5x5red, ch5x5, pool_proj
                weights = {weights}
                biases = {biases}
                return weights, biases, {multiply_adds}, {channels}
        """
    }


def forward(
    padding="w.shape[-1] // 2",
    inner="F.relu",
    pool="layer('pool', F.max_pool2d(maps, 3, 1, 1))",
    order="one, three, five, pool",
):
    return {
        "forward": f"""
            def inception(maps, layers):
                def layer(name, values, relu=F.relu):
                    w, b = layers[name]
                    padding = {padding}
                    return relu(F.conv2d(values, w, b, padding=padding))
                inner = {inner}
                one = layer("1x1", maps)
                three = layer("3x3", layer("3x3red", maps, inner))
                five = layer("5x5", layer("5x5red", maps, inner))
                pool = {pool}
                return torch.cat([{order}], 1)
        """
    }


def budget(body):
    return {
        "budget": f"""
            def reductions(in_channels, size, filters, budget):
                a, b, c, p = filters
                left = budget // size**2 - in_channels * (a + p)
                {body}
        """
    }


def matching(
    alexnet="alexnet[0] + biases * alexnet[1]", counted="auxiliary or part == 'network'", pair="auxiliary, biases"
):
    return {
        "matching": f"""
            def matching(layers, alexnet, times, decimals):
                found = []
                for auxiliary in (False, True):
                    for biases in (False, True):
                        own = sum(w + biases * b for part, w, b in layers if {counted})
                        if round(({alexnet}) / own, decimals) == times:
                            found.append(({pair}))
                return found
        """
    }


ALL = {"cost-weights": 2, "cost-rest": 2, "cost-without": 1}
REST = {"cost-rest": 2, "cost-without": 1}
WRONG = {
    "the filters read the input": (
        cost(weights="i * (a + r + s + p) + 9 * i * b + 25 * i * c"),
        ALL,
        "read the input, not what the 1×1 layers in front of them make",
    ),
    "the reductions stand behind the filters": (
        cost(
            weights="i * (a + p) + (9 * i * r + r * b if r else 9 * i * b) + (25 * i * s + s * c if s else 25 * i * c)"
        ),
        ALL,
        "stand behind the 3×3 and 5×5 filters, not before",
    ),
    "the pooling branch has no weights": (
        cost(weights="i * (a + r + s) + 9 * (r or i) * b + 25 * (s or i) * c"),
        ALL,
        "the pooling branch has no weights",
    ),
    "the reductions cost nothing": (
        cost(weights="i * (a + p) + 9 * (r or i) * b + 25 * (s or i) * c"),
        ALL,
        "weights of the two reductions are forgotten",
    ),
    "biases are weights": (
        cost(weights="i * (a + r + s + p) + 9 * (r or i) * b + 25 * (s or i) * c + a + r + b + s + c + p"),
        ALL,
        "the biases are counted as weights",
    ),
    "only what comes out has a bias": (
        cost(biases="a + b + c + p"),
        {"cost-rest": 2, "cost-without": 1},
        "only the maps that come out have a bias",
    ),
    "one position": (cost(multiply_adds="weights"), REST, "the module runs at one position only"),
    "positions along one side": (cost(multiply_adds="weights * size"), REST, "counted along one side only"),
    "additions are counted": (
        cost(multiply_adds="(weights + biases) * size**2"),
        REST,
        "additions of biases are counted",
    ),
    "reductions come out": (cost(channels="a + r + b + s + c + (p or i)"), REST, "the reductions come out, too"),
    "pooling keeps its maps": (
        cost(channels="a + b + c + i"),
        {"cost-rest": 2, "cost-without": 1},
        "the pooled maps come out",
    ),
    "0 filters make nothing": (
        cost(weights="i * (a + r + s + p) + 9 * r * b + 25 * s * c"),
        {"cost-without": 1},
        "they read the input then",
    ),
    "a pooling branch without its layer is empty": (
        cost(channels="a + b + c + p"),
        {"cost-without": 1},
        "it gives all it has read then",
    ),
    "no ReLU behind the reductions": (
        forward(inner="lambda values: values"),
        {"forward-values": 2, "forward-checkpoint": 1},
        "there is no ReLU behind the 1×1 reductions",
    ),
    "pooling first": (
        forward(order="pool, one, three, five"),
        {"forward-values": 2, "forward-checkpoint": 1},
        "the pooling branch comes first",
    ),
    "1×1 before the pooling": (
        forward(pool="F.max_pool2d(layer('pool', maps), 3, 1, 1)"),
        {"forward-values": 2},
        "stands before the pooling, not behind it",
    ),
    "the average": (
        forward(pool="layer('pool', F.avg_pool2d(maps, 3, 1, 1))"),
        {"forward-values": 2},
        "the pooling takes the average",
    ),
    "zeros win": (
        forward(pool="layer('pool', F.max_pool2d(F.pad(maps, (1, 1, 1, 1)), 3, 1))"),
        {"forward-values": 2},
        "zeros around the maps take part",
    ),
    "5×5 is 5×5": (
        forward(padding="{'3x3': 1, '5x5': 2}.get(name, 0)"),
        {"forward-checkpoint": 1},
        "With the checkpoint's kernels of 3×3",
    ),
    "no reduction at all is best": (
        budget("return in_channels, in_channels"),
        {"budget-kept": 1, "budget-used": 2},
        "the budget is 100,000,000",
    ),
    "the 1×1 layers are free": (
        budget("width = min(in_channels, left // (9 * b + 25 * c)); return width, width"),
        {"budget-kept": 1, "budget-used": 2},
        "Have you counted the 1×1 layers themselves",
    ),
    "as cheap as possible": (budget("return 1, 1"), {"budget-used": 2}, "The narrower one can be wider"),
    "half of the budget for each branch": (
        budget(
            "return max(1, min(in_channels, left // 2 // (in_channels + 9 * b))), "
            "max(1, min(in_channels, left // 2 // (in_channels + 25 * c)))"
        ),
        {"budget-used": 2},
        "spent on the wider one",
    ),
    "AlexNet's biases count always": (
        matching(alexnet="alexnet[0] + alexnet[1]"),
        {"matching-made-up": 1, "matching-real": 2},
        "AlexNet's biases are counted always",
    ),
    "auxiliary classifiers count always": (
        matching(counted="True"),
        {"matching-made-up": 1, "matching-real": 2},
        "auxiliary classifiers are counted always",
    ),
    "a pair the wrong way round": (
        matching(pair="biases, auxiliary"),
        {"matching-made-up": 1, "matching-real": 2},
        "the two answers of a pair are swapped",
    ),
    "12 times 4 million": ({"claims": "needed, times = 4.0, 12.0"}, {"claims-values": 1}, "that is not right yet"),
}

RIGHT = {
    "cost layer by layer": {
        "cost": """
            def inception_cost(in_channels, size, ch1x1, ch3x3red, ch3x3, ch5x5red, ch5x5, pool_proj):
                layers = [(in_channels, ch1x1, 1)]
                for red, out, kernel in ((ch3x3red, ch3x3, 3), (ch5x5red, ch5x5, 5)):
                    if red:
                        layers.append((in_channels, red, 1))
                    layers.append((red if red else in_channels, out, kernel))
                channels = ch1x1 + ch3x3 + ch5x5
                if pool_proj > 0:
                    layers.append((in_channels, pool_proj, 1))
                    channels += pool_proj
                else:
                    channels += in_channels
                weights = sum(i * o * k * k for i, o, k in layers)
                return [weights, sum(o for _, o, _ in layers), weights * size * size, channels]
        """
    },
    "cost from torch's layers": {
        "cost": """
            def inception_cost(in_channels, size, ch1x1, ch3x3red, ch3x3, ch5x5red, ch5x5, pool_proj):
                from torch import nn
                rows = [nn.Conv2d(in_channels, ch1x1, 1)]
                if ch3x3red: rows.append(nn.Conv2d(in_channels, ch3x3red, 1))
                rows.append(nn.Conv2d(ch3x3red or in_channels, ch3x3, 3))
                if ch5x5red: rows.append(nn.Conv2d(in_channels, ch5x5red, 1))
                rows.append(nn.Conv2d(ch5x5red or in_channels, ch5x5, 5))
                if pool_proj: rows.append(nn.Conv2d(in_channels, pool_proj, 1))
                w = sum(row.weight.numel() for row in rows)
                b = sum(row.bias.numel() for row in rows)
                return w, b, w * size * size, ch1x1 + ch3x3 + ch5x5 + (pool_proj or in_channels)
        """
    },
    "forward with same padding": forward(padding="'same'"),
    "forward into a prepared tensor": {
        "forward": """
            def inception(maps, layers):
                def run(x, *names):
                    for name in names:
                        w, b = layers[name]
                        x = torch.clamp(F.conv2d(x, w, b, padding=(w.shape[2] - 1) // 2), min=0)
                    return x
                lowest = F.pad(maps, (1, 1, 1, 1), value=float("-inf"))
                highest = lowest.unfold(2, 3, 1).unfold(3, 3, 1).amax(dim=(-1, -2))
                found = [run(maps, "1x1"), run(maps, "3x3red", "3x3"), run(maps, "5x5red", "5x5"), run(highest, "pool")]
                result = maps.new_empty(len(maps), sum(f.shape[1] for f in found), *maps.shape[2:])
                at = 0
                for f in found:
                    result[:, at:at + f.shape[1]] = f
                    at += f.shape[1]
                return result
        """
    },
    "a budget spent to the last": {
        "budget": """
            def reductions(in_channels, size, filters, budget):
                a, b, c, p = filters
                def used(r, s):
                    return size**2 * (in_channels * (a + p + r + s) + 9 * r * b + 25 * s * c)
                r = s = 1
                while r < in_channels and used(r + 1, s + 1) <= budget:
                    r, s = r + 1, s + 1
                while r < in_channels and used(r + 1, s) <= budget:
                    r += 1
                return [r, s]
        """
    },
    "ways by a product": {
        "matching": """
            def matching(layers, alexnet, times, decimals):
                from itertools import product
                kinds = {"network": [0, 0], "auxiliary": [0, 0]}
                for part, w, b in layers:
                    kinds[part][0] += w
                    kinds[part][1] += b
                def ratio(aux, bias):
                    parts = ["network"] + ["auxiliary"] * aux
                    return sum(alexnet[: 1 + bias]) / sum(sum(kinds[part][: 1 + bias]) for part in parts)
                ways = [(True, True), (True, False), (False, True), (False, False)]
                return tuple([aux, bias] for aux, bias in ways if round(ratio(aux, bias), decimals) == times)
        """
    },
    "claims without rounding": {"claims": "needed, times = 60_965_224 / 12e6, 60_965_224 / 4_000_000"},
}


@pytest.mark.parametrize("misconception", WRONG)
def test_a_misconception_loses_exactly_its_points(misconception):
    answers, points, told = WRONG[misconception]
    assert lost(TOPIC, answers) == points
    assert told in words(TOPIC, answers)


@pytest.mark.parametrize("way", RIGHT)
def test_a_right_answer_written_differently_loses_nothing(way):
    assert lost(TOPIC, RIGHT[way]) == {}
