"""The checks of the assignment: each misconception loses exactly its points, right answers lose none."""

import pytest
from assignments.grading_of import lost, words

TOPIC = "training"


def normalize(
    mu="x.mean((0, 2, 3), keepdim=True)",
    variance="x.var((0, 2, 3), keepdim=True, correction=0)",
    keep_mean="(1 - momentum) * mean + momentum * x.mean((0, 2, 3))",
    keep_var="(1 - momentum) * var + momentum * x.var((0, 2, 3))",
    divisor="(variance + eps).sqrt()",
    evaluation="wide(mean), wide(var)",
    first="",
):
    return {
        "normalize": f"""
            def normalize(x, gamma, beta, mean, var, training, momentum=0.1, eps=1e-5):
                {first or "pass"}
                if training:
                    mu, variance = {mu}, {variance}
                    kept = {keep_mean}, {keep_var}
                else:
                    mu, variance = {evaluation}
                    kept = mean, var
                return (wide(gamma) * (x - mu) / {divisor} + wide(beta), *kept)
        """
    }


def gain(variance="1 / (math.prod(shape[1:]) * float(passed.square().mean()))", after="factor**layers"):
    return {
        "gain": f"""
            def weight_variance(shape, passed):
                return {variance}

            def after(layers, factor):
                return {after}
        """
    }


def drop(silence="x * kept / (1 - p)", old="x * (1 - p)", noise="x**2 * p / (1 - p)"):
    return {
        "drop": f"""
            def silence(x, kept, p):
                return {silence}

            def old_test(x, p):
                return {old}

            def noise(x, p):
                return {noise}
        """
    }


def diagnose(*rules):
    lines = "\n".join(
        f"                if {condition}:\n                    return {word!r}" for condition, word in rules
    )
    return {
        "diagnose": f"""
            def diagnose(log):
                loss = log["loss"]
{lines}
                return "fine"
        """
    }


EXPLODED = ("not all(map(math.isfinite, loss))", "exploded")
NOT_LEARNING = ("min(loss) >= 0.99 * math.log(10)", "not learning")
DROPOUT = ('log["twice"] > 0', "dropout in the test")
BATCH = ('log["alone"] > log["together"] + 0.1', "batch statistics in the test")
OVERFITTING = ('log["others"] > log["own"] + 0.1', "overfitting")


WRONG = {
    "each picture on its own": (
        normalize("x.mean((2, 3), keepdim=True)", "x.var((2, 3), keepdim=True, correction=0)"),
        {"normalize-training": 2},
        "each picture is normalized on its own",
    ),
    "each position on its own": (
        normalize("x.mean(0, keepdim=True)", "x.var(0, keepdim=True, correction=0)"),
        {"normalize-training": 2},
        "each position has statistics of its own",
    ),
    "all channels together": (
        normalize("x.mean()", "x.var(correction=0)"),
        {"normalize-training": 2},
        "share their statistics",
    ),
    "one variance for both": (
        normalize(variance="x.var((0, 2, 3), keepdim=True)"),
        {"normalize-training": 2},
        "the unbiased variance divides the batch",
    ),
    "the other variance for both": (
        normalize(keep_var="(1 - momentum) * var + momentum * x.var((0, 2, 3), correction=0)"),
        {"normalize-running": 2},
        "the biased variance goes into the running one",
    ),
    "momentum is what stays": (
        normalize(
            keep_mean="momentum * mean + (1 - momentum) * x.mean((0, 2, 3))",
            keep_var="momentum * var + (1 - momentum) * x.var((0, 2, 3))",
        ),
        {"normalize-running": 2},
        "momentum is the share of what stays",
    ),
    "eps outside the root": (
        normalize(divisor="(variance.sqrt() + eps)"),
        {"normalize-training": 2, "normalize-evaluation": 1},
        "eps is added to the root",
    ),
    "batch statistics in evaluation": (
        normalize(evaluation="x.mean((0, 2, 3), keepdim=True), x.var((0, 2, 3), keepdim=True, correction=0)"),
        {"normalize-evaluation": 1},
        "own statistics are used in evaluation",
    ),
    "running statistics changed in place": (
        normalize(first="mean += 0.1 * (x.mean((0, 2, 3)) - mean) if training else 0"),
        {"normalize-running": 2},
        "",
    ),
    "fan out": (
        gain("1 / (shape[0] * float(passed.square().mean()))"),
        {"gain-relu": 1, "gain-others": 2},
        "the number of outputs is counted",
    ),
    "He's two for everything": (gain("2 / math.prod(shape[1:])"), {"gain-others": 2}, "although it is no ReLU"),
    "Glorot is He": (
        gain("2 / (shape[0] + shape[1])"),
        {"gain-relu": 1, "gain-others": 2},
        "fan in and fan out are averaged",
    ),
    "the variance after the nonlinearity": (
        gain("1 / (math.prod(shape[1:]) * float(passed.var()))"),
        {"gain-relu": 1, "gain-others": 2},
        "the mean square counts",
    ),
    "a kernel has one position": (
        gain("1 / (shape[1] * float(passed.square().mean()))"),
        {"gain-relu": 1},
        "a convolution",  # a hidden check; its words stay hidden
    ),
    "factors are added": (gain(after="layers * factor"), {"gain-depth": 1}, "are added, not multiplied"),
    "p is what is kept": (
        drop("x * kept / p", "x * p", "x**2 * (1 - p) / p if p else x * 0"),
        {"drop-scale": 2, "drop-noise": 1},
        "p is the share that is kept",
    ),
    "the test of inverted dropout": (drop(old="x"), {"drop-scale": 2}, "that is the test of inverted dropout"),
    "scaled by the mask": (
        drop("x * kept / kept.mean()"),
        {"drop-scale": 2},
        "by the share that this mask keeps",
    ),
    "noise without the scale": (drop(noise="x**2 * p * (1 - p)"), {"drop-noise": 1}, "survivors are not scaled"),
    "overfitting is looked for first": (
        diagnose(EXPLODED, NOT_LEARNING, OVERFITTING, DROPOUT, BATCH),
        {"diagnose-cases": 2},
        "'batch statistics in the test'",
    ),
    "batch statistics before dropout": (
        diagnose(EXPLODED, NOT_LEARNING, BATCH, DROPOUT, OVERFITTING),
        {"diagnose-cases": 2},
        "'dropout in the test'",
    ),
    "any overfitting is a gap to zero": (
        diagnose(EXPLODED, NOT_LEARNING, DROPOUT, BATCH, ('log["others"] > 0.1', "overfitting")),
        {"diagnose-cases": 2},
        "'fine'",
    ),
    "learning is any fall of the loss": (
        diagnose(EXPLODED, ("loss[-1] >= 0.99 * loss[0]", "not learning"), DROPOUT, BATCH, OVERFITTING),
        {"diagnose-cases": 2, "diagnose-limits": 1},
        "",
    ),
    "only nan is exploded": (
        diagnose(("any(map(math.isnan, loss))", "exploded"), NOT_LEARNING, DROPOUT, BATCH, OVERFITTING),
        {"diagnose-cases": 2},
        "'exploded'",
    ),
}

RIGHT = {
    "torch's variances and rsqrt": {
        "normalize": """
            def normalize(x, gamma, beta, mean, var, training, momentum=0.1, eps=1e-5):
                flat = x.transpose(0, 1).flatten(1)
                if not training:
                    here = (flat - mean[:, None]) * (var + eps).rsqrt()[:, None]
                    kept = [mean, var]
                else:
                    here = (flat - flat.mean(1, keepdim=True)) / torch.sqrt(flat.var(1, correction=0) + eps)[:, None]
                    kept = [torch.lerp(mean, flat.mean(1), momentum), torch.lerp(var, flat.var(1), momentum)]
                result = gamma[:, None] * here + beta[:, None]
                n, c, h, w = x.shape
                return [result.reshape(c, n, h, w).transpose(0, 1)] + kept
        """
    },
    "the gain as a tensor, and a loop": {
        "gain": """
            def weight_variance(shape, passed):
                inputs = torch.empty(shape)[0].numel()
                return 1 / inputs / (passed * passed).mean()

            def after(layers, factor):
                variance = 1.0
                for _ in range(layers):
                    variance = variance * (2 * factor) / 2
                return variance
        """
    },
    "dropout by where": drop(
        "torch.where(kept > 0, x / (1 - p), torch.zeros_like(x))", "x - p * x", "(x / (1 - p)) ** 2 * (1 - p) - x * x"
    ),
    "a chain of conditions": {
        "diagnose": """
            def diagnose(log):
                total = sum(log["loss"])
                if total != total or total in (math.inf, -math.inf):
                    return "exploded"
                if all(value > math.log(10) * 99 / 100 for value in log["loss"]):
                    return "not learning"
                if log["twice"]:
                    return "dropout in the test"
                if log["alone"] > log["together"] + 0.1:
                    return "batch statistics in the test"
                if log["own"] + 0.1 < log["others"]:
                    return "overfitting"
                return "fine"
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
