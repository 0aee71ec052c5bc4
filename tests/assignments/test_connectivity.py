"""The checks of the assignment: each misconception loses exactly its points, right answers lose none."""

import pytest
from assignments.grading_of import lost, words

TOPIC = "connectivity"


def parameters(formula):
    return {
        "tiled-parameters": f"""
            def tiled_parameters(input_shape, filters, kernel_size, blocks, bias):
                channels, height, width = input_shape
                return {formula}
        """
    }


def layer(chosen="weight[i, j], bias[i, j]", i="row // high", j="column // wide", kernel=""):
    """The layer unit by unit, with one of its parts replaced."""
    return {
        "tiled-layer": f"""
            def tiled_layer(image, weight, bias):
                blocks, _, filters, _, size, _ = weight.shape
                height, width = image.shape[2] - size + 1, image.shape[3] - size + 1
                high, wide = height // blocks, width // blocks
                output = image.new_zeros(len(image), filters, height, width)
                for row in range(height):
                    for column in range(width):
                        i, j = {i}, {j}
                        region = image[:, :, row : row + size, column : column + size]
                        filter_, offset = {chosen}
                        output[:, :, row, column] = torch.einsum("nckl,fckl->nf", region, filter_{kernel}) + offset
                return output
        """
    }


def gradient(body):
    return {"tiled-gradient": f"def tiled_gradient(untied, blocks):\n    return {body}"}


QUARTERS = "untied.reshape(blocks, len(untied) // blocks, blocks, -1, *untied.shape[2:])"
TURNS = "untied.reshape(len(untied) // blocks, blocks, -1, blocks, *untied.shape[2:])"


def audit(
    seen="row['input'][0] // row['groups'] * row['kernel'] ** 2",
    bias="int(row['bias'])",
    size="(n + 2 * row['padding'] - row['kernel']) // row['stride'] + 1",
    work="units * seen",
    units="units",
):
    return {
        "audit": f"""
            def audit(receipt):
                wrong = []
                for row in receipt:
                    h, w = ({size} for n in row["input"][1:])
                    seen, units = {seen}, row["filters"] * h * w
                    true = [row["filters"] * (seen + {bias}), {units}, {work}]
                    for claim, value in zip(("parameters", "activations", "multiply_adds"), true):
                        if row[claim] != value:
                            wrong.append((row["name"], claim))
                return wrong
        """
    }


WRONG = {
    "a filter is flat": (
        parameters("blocks**2 * filters * (kernel_size**2 + bias)"),
        {"count-weights": 2},
        "a filter is flat",
    ),
    "blocks count along one axis": (
        parameters("blocks * filters * (channels * kernel_size**2 + bias)"),
        {"count-weights": 2, "count-biases": 1},
        "along one axis only",
    ),
    "a bias for each unit": (
        parameters(
            "blocks**2 * filters * channels * kernel_size**2"
            " + bias * filters * (height - kernel_size + 1) * (width - kernel_size + 1)"
        ),
        {"count-biases": 1},
        "one bias for each unit",
    ),
    "a bias for each filter only": (
        parameters("blocks**2 * filters * channels * kernel_size**2 + bias * filters"),
        {"count-biases": 1},
        "however many blocks",
    ),
    "parameters depend on the size of the image": (
        parameters("height * width * filters * (channels * kernel_size**2 + bias)"),
        {"count-weights": 2, "count-biases": 1},
        "",
    ),
    "all blocks share": (
        layer(i="0", j="0"),
        {"layer-blocks": 3, "layer-untied": 1},
        "first block are used everywhere",
    ),
    "rows and columns of blocks are swapped": (
        layer("weight[j, i], bias[j, i]"),
        {"layer-blocks": 3, "layer-untied": 1},
        "rows and columns of blocks are swapped",
    ),
    "units take turns": (layer(i="row % blocks", j="column % blocks"), {"layer-blocks": 3}, "take turns"),
    "the bias is forgotten": (
        layer("weight[i, j], 0"),
        {"layer-one-block": 1, "layer-blocks": 3, "layer-untied": 1},
        "the bias is left out",
    ),
    "the kernel is mirrored": (
        layer(kernel=".flip(2, 3)"),
        {"layer-one-block": 1, "layer-blocks": 3, "layer-untied": 1},
        "the kernel is mirrored",
    ),
    "gradients are averaged": (gradient(f"{QUARTERS}.mean((1, 3))"), {"gradient": 2}, "averaged instead of added"),
    "gradients of every other unit": (gradient(f"{TURNS}.sum((0, 2))"), {"gradient": 2}, "in turns"),
    "one copy is enough": (gradient(f"{QUARTERS}[:, 0, :, 0]"), {"gradient": 2}, "only one copy"),
    "ReLUs hold memory": (
        {"vgg-total": "total_values, megabytes = 28_793_320, 61.0"},
        {"vgg-memory": 2},
        "the ReLUs are counted",
    ),
    "a megabyte is a mebibyte": (
        {"vgg-total": "total_values, megabytes = 15_237_608, 58.1"},
        {"vgg-memory": 2},
        "mebibyte",
    ),
    "parameters are memory": (
        {"vgg-total": "total_values, megabytes = 138_357_544, 553.4"},
        {"vgg-memory": 2},
        "parameters are counted",
    ),
    "groups cost nothing": (audit(seen="row['input'][0] * row['kernel'] ** 2"), {"audit-all": 2}, "grouped"),
    "every layer has biases": (audit(bias="1"), {"audit-all": 2}, "unbiased"),
    "sizes are those of the input": (audit(size="n"), {"audit-plain": 1, "audit-all": 2}, ""),
    "the stride is ignored": (audit(size="n + 2 * row['padding'] - row['kernel'] + 1"), {"audit-all": 2}, "strided"),
    "biases are multiplied, too": (
        audit(work="units * (seen + row['bias'])"),
        {"audit-plain": 1, "audit-all": 2},
        "",
    ),
    "a filter of the audit is flat": (
        audit(seen="row['kernel'] ** 2"),
        {"audit-plain": 1, "audit-all": 2},
        "",
    ),
}

RIGHT = {
    "count by building the tensors": {
        "tiled-parameters": """
            def tiled_parameters(input_shape, filters, kernel_size, blocks, bias):
                bank = torch.nn.Conv2d(input_shape[0], filters, kernel_size, bias=bias, device="meta")
                return sum(p.numel() for p in bank.parameters()) * blocks * blocks
        """
    },
    "the layer unit by unit": layer(),
    "the layer by masks": {
        "tiled-layer": """
            def tiled_layer(image, weight, bias):
                outputs = [[F.conv2d(image, w, b) for w, b in zip(*line)] for line in zip(weight, bias)]
                rows = torch.arange(outputs[0][0].shape[2]) * len(outputs) // outputs[0][0].shape[2]
                columns = torch.arange(outputs[0][0].shape[3]) * len(outputs) // outputs[0][0].shape[3]
                return sum(
                    output * (rows == i)[:, None] * (columns == j)
                    for i, line in enumerate(outputs) for j, output in enumerate(line)
                )
        """
    },
    "the gradient by reshaping": gradient(f"{QUARTERS}.sum((1, 3))"),
    "the gradient by loops": {
        "tiled-gradient": """
            def tiled_gradient(untied, blocks):
                high, wide = untied.shape[0] // blocks, untied.shape[1] // blocks
                result = torch.zeros(blocks, blocks, *untied.shape[2:], dtype=untied.dtype)
                for row in range(untied.shape[0]):
                    for column in range(untied.shape[1]):
                        result[row // high, column // wide] += untied[row, column]
                return result
        """
    },
    "the total by numpy": {
        "vgg-total": """
            import numpy as np
            total_values = np.prod(np.array(VGG16), axis=1).sum()
            megabytes = total_values * 4 / 10**6
        """
    },
    "the audit by real layers": {
        "audit": """
            from cnncourse.layers import count
            def audit(receipt):
                wrong = []
                for row in receipt:
                    layer = torch.nn.Conv2d(row["input"][0], row["filters"], row["kernel"], row["stride"],
                                            row["padding"], groups=row["groups"], bias=row["bias"])
                    costs = count(layer, (1, *row["input"])).rows[-1]
                    for claim in ("parameters", "activations", "multiply_adds"):
                        if getattr(costs, claim) != row[claim]:
                            wrong.append([row["name"], claim])
                return wrong
        """
    },
    "the audit by formulas": audit(),
}


@pytest.mark.parametrize("misconception", WRONG)
def test_a_misconception_loses_exactly_its_points(misconception):
    answers, points, told = WRONG[misconception]
    assert lost(TOPIC, answers) == points
    assert told in words(TOPIC, answers)


@pytest.mark.parametrize("way", RIGHT)
def test_a_right_answer_written_differently_loses_nothing(way):
    assert lost(TOPIC, RIGHT[way]) == {}
