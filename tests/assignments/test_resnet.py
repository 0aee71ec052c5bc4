"""The checks of the assignment: each misconception loses exactly its points, right answers lose none."""

import pytest
from assignments.grading_of import lost, words

TOPIC = "resnet"

BLOCK = """
    def bottleneck(x, weights, stride=1, stride_in="3×3", shortcut="identity"):
        def normalized(maps, name):
            mean, variance, scale, shift = (row[:, None, None] for row in weights[name])
            {normalize}
        first, second = (stride, 1) if stride_in == "1×1" else (1, stride)
        {strides}
        change = torch.relu(normalized(F.conv2d(x, weights["conv1"], stride=first), "norm1"))
        change = torch.relu(normalized(F.conv2d(change, weights["conv2"], stride=second, padding=1), "norm2"))
        change = normalized(F.conv2d(change, weights["conv3"]), "norm3")
        if shortcut == "projection":
            x = {project}
        elif shortcut == "zeros":
            missing = change.shape[1] - x.shape[1]
            before = missing // 2
            {zeros}
            x = F.pad(x, (0, 0, 0, 0, before, missing - before))
        return {end}
"""
USUAL = {
    "normalize": "return (maps - mean) / (variance + 1e-5).sqrt() * scale + shift",
    "strides": "pass",
    "project": 'normalized(F.conv2d(x, weights["conv0"], stride=stride), "norm0")',
    "zeros": "x = x[:, :, ::stride, ::stride]",
    "end": "torch.relu(change + x)",
}
ALL_BLOCKS = {"block-identity": 2, "block-zeros": 2, "block-projection": 1}


def block(**parts):
    return {"bottleneck": BLOCK.format(**USUAL | parts)}


COUNT = """
    def count(design, blocks, expansion, classes):
        growth = expansion if design == "bottleneck" else 1
        def layer(incoming, outgoing, size):
            return incoming * outgoing * size**2 + {norm} * outgoing
        total, channels = layer(3, 64, 7), 64
        for stage, number in enumerate(blocks):
            inside = 64 * 2**stage
            out = growth * inside
            for position in range(number):
                if design == "bottleneck":
                    total += layer(channels, inside, 1) + layer(inside, inside, 3) + layer(inside, out, 1)
                else:
                    total += layer(channels, inside, 3) + layer(inside, inside, 3)
                if {needed}:
                    total += {shortcut}
                channels = out
        return total + channels * classes + classes
"""


def count(norm="2", needed="channels != out or (stage > 0 and position == 0)", shortcut="layer(channels, out, 1)"):
    return {"count": COUNT.format(norm=norm, needed=needed, shortcut=shortcut)}


ALL_COUNTS = {"count-basic": 1, "count-bottleneck": 2}


def variances(change="factor**2 * (1.0 if normalized else found[-1])", kept="(found[-1] if skip else 0.0)"):
    return {
        "variances": f"""
            def variances(start, factors, normalized, skip=True):
                found = [start]
                for factor in factors:
                    found.append({change} + {kept})
                return found
        """
    }


def factor(body):
    return {"factor": f"def largest_factor(blocks, limit):\n    return {body}"}


def saved(gain, halved="(side + 1) // 2"):
    return {
        "saved": f"""
            def saved(side, blocks):
                total = 0
                for channels, inside in blocks:
                    half = {halved}
                    total += {gain}
                    side = half
                return total
        """
    }


def tables(**changed):
    told = {"A": ("3×3", 2), "B": ("1×1", 1), "C": ("3×3", 1), "D": ("1×1", 2)} | changed
    return {"tables": f"tables = {told!r}"}


WRONG = {
    "ReLU before the addition": (block(end="torch.relu(change) + x"), ALL_BLOCKS, "can only add and never take away"),
    "no ReLU at the end": (block(end="change + x"), ALL_BLOCKS, "no ReLU after the addition"),
    "a plain block": (block(end="torch.relu(change)"), ALL_BLOCKS, "nothing is added"),
    "statistics of the batch": (
        block(
            normalize="v, m = torch.var_mean(maps, (0, 2, 3), correction=0, keepdim=True); "
            "return (maps - m) / (v + 1e-5).sqrt() * scale + shift"
        ),
        ALL_BLOCKS,
        "evaluation mode uses those that it kept",
    ),
    "the shortcut without its stride": (
        block(zeros="x = x[:, :, :change.shape[2], :change.shape[3]]"),
        {"block-zeros": 2},
        "upper left corner",
    ),
    "the shortcut by averaging": (
        block(zeros="x = F.avg_pool2d(x, stride, ceil_mode=True)"),
        {"block-zeros": 2},
        "averages the pixels",
    ),
    "zeros behind only": (block(zeros="x = x[:, :, ::stride, ::stride]; before = 0"), {"block-zeros": 2}, "behind"),
    "the stride always in the 1×1": (
        block(strides="first, second = stride, 1"),
        {"block-zeros": 2, "block-projection": 1},
        "the stride is in the first 1×1",
    ),
    "a projection without normalization": (
        block(project='F.conv2d(x, weights["conv0"], stride=stride)'),
        {"block-projection": 1},
        "no normalization of its own",
    ),
    "no normalization counted": (count(norm="0"), ALL_COUNTS, "the normalizations have parameters"),
    "running statistics counted": (count(norm="4"), ALL_COUNTS, "are not trained"),
    "biases counted": (count(norm="3"), ALL_COUNTS, "have no biases"),
    "shortcuts never have weights": (count(needed="False"), ALL_COUNTS, "have weights, too"),
    "every shortcut has weights": (count(needed="True"), ALL_COUNTS, "not every block changes size"),
    "the first stage needs no projection": (
        count(needed="stage > 0 and position == 0"),
        {"count-bottleneck": 2},
        "do its channels stay",
    ),
    "every stage needs a projection": (
        count(needed="position == 0"),
        ALL_COUNTS,
        "",
    ),
    "the factor not squared": (
        variances("factor * (1.0 if normalized else found[-1])"),
        {"variance-simulated": 2},
        "what does it do to their variance",
    ),
    "no skip at all": (variances(kept="0.0"), {"variance-simulated": 2}, "as if it had no skip"),
    "growth adds up": (factor("((limit - 1) / blocks) ** 0.5"), {"variance-factor": 2}, "it does not add up"),
    "the square of the factor": (factor("limit ** (1 / blocks) - 1"), {"variance-factor": 2}, "with the square"),
    "growth without skips": (factor("limit ** (0.5 / blocks)"), {"variance-factor": 2}, "without skips"),
    "what is left, not what is saved": (
        saved("channels * inside * half**2"),
        {"saved-multiply-adds": 2},
        "what the first layer still does",
    ),
    "the 3×3 as well": (
        saved("(channels * inside + 9 * inside**2) * (side**2 - half**2)"),
        {"saved-multiply-adds": 2},
        "costs the same in both",
    ),
    "rounded down": (
        saved("channels * inside * (side**2 - half**2)", "side // 2"),
        {"saved-multiply-adds": 2},
        "",
    ),
    "original and shifted swapped": (
        tables(B=("3×3", 1), C=("1×1", 1), A=("1×1", 2), D=("3×3", 2)),
        {"tables-told": 1},
        "your reading of the four tables",
    ),
    "operations for multiply-adds": (tables(C=("3×3", 2)), {"tables-told": 1}, "your reading"),
}

RIGHT = {
    "the block by torch's own batch_norm": {
        "bottleneck": """
            def bottleneck(x, weights, stride=1, stride_in="3×3", shortcut="identity"):
                def run(maps, digit, stride):
                    kernel = weights[f"conv{digit}"]
                    maps = F.conv2d(maps, kernel, stride=stride, padding=kernel.shape[-1] // 2)
                    return F.batch_norm(maps, *weights[f"norm{digit}"])
                early = stride if stride_in == "1×1" else 1
                out = run(run(run(x, 1, early).relu(), 2, stride // early).relu(), 3, 1)
                if shortcut == "projection":
                    return (out + run(x, 0, stride)).clamp(min=0)
                picked = F.max_pool2d(x, 1, stride)
                result = out.clone()
                first = (out.shape[1] - x.shape[1]) // 2 if shortcut == "zeros" else 0
                result[:, first : first + x.shape[1]] += picked
                return result.clamp(min=0)
        """
    },
    "the count by building the layers": {
        "count": """
            def count(design, blocks, expansion, classes):
                from torch import nn
                sizes = [(3, 64, 7)]
                channels = 64
                for stage, number in enumerate(blocks):
                    inside = 64 << stage
                    out = inside * (expansion if design == "bottleneck" else 1)
                    for block in range(number):
                        if design == "basic":
                            sizes += [(channels, inside, 3), (inside, inside, 3)]
                        else:
                            sizes += [(channels, inside, 1), (inside, inside, 3), (inside, out, 1)]
                        if (block == 0 and stage) or out != channels:
                            sizes.append((channels, out, 1))
                        channels = out
                layers = [nn.Conv2d(*size, bias=False, device="meta") for size in sizes]
                layers += [nn.BatchNorm2d(size[1], device="meta") for size in sizes]
                layers.append(nn.Linear(channels, classes, device="meta"))
                return sum(p.numel() for layer in layers for p in layer.parameters())
        """
    },
    "variances as a tensor": {
        "variances": """
            def variances(start, factors, normalized, skip=True):
                found = torch.zeros(len(factors) + 1, dtype=torch.float64)
                found[0] = start
                for index, g in enumerate(factors):
                    found[index + 1] = skip * found[index] + g * g * (1 if normalized else found[index])
                return found
        """
    },
    "the factor by logarithms": factor(
        "torch.expm1(torch.tensor(limit, dtype=torch.float64).log() / blocks).sqrt().item()"
    ),
    "the savings by positions": saved(
        "channels * inside * sum(1 for y in range(side) for x in range(side) if y % 2 or x % 2)", "-(-side // 2)"
    ),
    "tables as lists": {"tables": 'tables = {"D": ["1×1", 2], "C": ["3×3", 1], "B": ["1×1", 1], "A": ["3×3", 2]}'},
}


@pytest.mark.parametrize("misconception", WRONG)
def test_a_misconception_loses_exactly_its_points(misconception):
    answers, points, told = WRONG[misconception]
    assert lost(TOPIC, answers) == points
    assert told in words(TOPIC, answers)


@pytest.mark.parametrize("way", RIGHT)
def test_a_right_answer_written_differently_loses_nothing(way):
    assert lost(TOPIC, RIGHT[way]) == {}
