"""The checks of the assignment: each misconception loses exactly its points, right answers lose none."""

import pytest
from assignments.grading_of import lost, words

TOPIC = "alexnet"


def normalize(sums, divided="a / (k + alpha * sums) ** beta"):
    return {
        "normalize": f"""
            def normalize(a, n=5, alpha=1e-4, beta=0.75, k=2.0):
                squares, r = a.square(), n // 2
                sums = {sums}
                return {divided}
        """
    }


ACROSS = "F.pad(squares, (0, 0, 0, 0, r, r)).unfold(1, n, 1).sum(-1)"


def groups(
    count="filters * (channels // groups * kernel_size**2 + 1)",
    into="group * len(weight) // groups + f",
    at="group * seen",
    step="1",
):
    return {
        "groups": f"""
            def parameters(channels, filters, kernel_size, groups=1):
                return {count}

            def dense(weight, groups):
                seen = weight.shape[1]
                whole = torch.zeros(len(weight), seen * groups, *weight.shape[2:], dtype=weight.dtype)
                for group in range(groups):
                    for f in range(len(weight) // groups):
                        for c in range(seen):
                            whole[{into}, {at} + c * {step}] = weight[{into}, c]
                return whole
        """
    }


def dense(body):
    return {
        "groups": f"""
            def parameters(channels, filters, kernel_size, groups=1):
                return filters * (channels // groups * kernel_size**2 + 1)

            def dense(weight, groups):
                return {body}
        """
    }


def images(unread="max(0, rest - padding)", rests="range(stride)", end="sorted(found)"):
    return {
        "images": f"""
            def images(output, kernel_size, stride, largest_padding):
                found = []
                for padding in range(largest_padding + 1):
                    for rest in {rests}:
                        size = (output - 1) * stride + kernel_size + rest - 2 * padding
                        if size > 0:
                            found.append((size, padding, {unread}))
                return {end}

            def read_by(length, kernel_size, stride):
                starts = range(0, length - kernel_size + 1, stride)
                return [sum(s <= i < s + kernel_size for s in starts) for i in range(length)]
        """
    }


def read_by(body):
    return {
        "images": images()["images"].split("def read_by")[0] + f"def read_by(length, kernel_size, stride):\n"
        f"                return {body}\n"
    }


def slips(body):
    return {"slips": f"def slips(printed, factors, nearby):\n    from math import prod\n    {body}"}


WRONG = {
    "alpha divided by n": (
        normalize(ACROSS, "a / (k + alpha / n * sums) ** beta"),
        {"normalize-values": 2, "normalize-ends": 2},
        "divided by the number of neighbours",
    ),
    "torch's own alpha": (
        {
            "normalize": """
                def normalize(a, n=5, alpha=1e-4, beta=0.75, k=2.0):
                    return F.local_response_norm(a, n, alpha, beta, k)
            """
        },
        {"normalize-values": 2, "normalize-ends": 2},
        "as torch does",
    ),
    "along the rows": (
        normalize("F.pad(squares, (r, r)).unfold(3, n, 1).sum(-1)"),
        {"normalize-values": 2, "normalize-ends": 2},
        "lies along the rows",
    ),
    "over all maps": (
        normalize("squares.sum(dim=1, keepdim=True)"),
        {"normalize-values": 2, "normalize-ends": 2},
        "the sum goes over all maps",
    ),
    "not its own neighbour": (
        normalize(ACROSS + " - squares"),
        {"normalize-values": 2, "normalize-ends": 2},
        "its own neighbour",
    ),
    "the last neighbour is lost": (
        normalize("torch.stack([squares[:, max(0, i - r) : i + r].sum(1) for i in range(a.shape[1])], 1)"),
        {"normalize-values": 2, "normalize-ends": 2},
        "the last neighbour is lost",
    ),
    "the power before k": (
        normalize(ACROSS, "a / (k + (alpha * sums) ** beta)"),
        {"normalize-values": 2, "normalize-ends": 2},
        "before k is added",
    ),
    "averaged at the ends": (
        normalize(
            ACROSS + " * n / F.pad(torch.ones_like(a), (0, 0, 0, 0, r, r)).unfold(1, n, 1).sum(-1)",
        ),
        {"normalize-values": 2, "normalize-ends": 2},
        "made up for the missing neighbours",
    ),
    "the window stops at the ends": (
        normalize("torch.stack([squares[:, i - r : i + r + 1].sum(1) for i in range(a.shape[1])], 1)"),
        {"normalize-values": 2, "normalize-ends": 2},
        "values are wrong",
    ),
    "groups without effect on the count": (
        groups("filters * (channels * kernel_size**2 + 1)"),
        {"groups-parameters": 1},
        "the groups are ignored",
    ),
    "biases are divided": (
        groups("filters * (channels * kernel_size**2 + 1) // groups"),
        {"groups-parameters": 1},
        "the biases are divided",
    ),
    "each group has all filters": (
        groups("filters * (channels * kernel_size**2 + groups)"),
        {"groups-parameters": 1},
        "each group has all filters",
    ),
    "every filter sees all maps": (
        dense("weight.repeat(1, groups, 1, 1)"),
        {"groups-two": 2, "groups-many": 1},
        "every filter sees all maps",
    ),
    "crossed towers": (
        groups(at="(groups - 1 - group) * seen"),
        {"groups-two": 2, "groups-many": 1},
        "the towers are crossed",
    ),
    "odd and even maps": (
        groups(into="f * groups + group", at="group", step="groups"),
        {"groups-two": 2, "groups-many": 1},
        "odd and even maps",
    ),
    "two towers only": (
        dense(
            "torch.cat([F.pad(weight[: len(weight) // 2], (0, 0) * 2 + (0, weight.shape[1])), "
            "F.pad(weight[len(weight) // 2 :], (0, 0) * 2 + (weight.shape[1], 0))])"
        ),
        {"groups-many": 1},
        "your weight for 3 groups",
    ),
    "only sizes that fit exactly": (
        images(rests="range(1)"),
        {"images-alexnet": 2, "images-any": 1},
        "4 of 16",
    ),
    "unread rows of the padding count": (
        images(unread="rest"),
        {"images-alexnet": 2, "images-any": 1},
        "unread rows are not right",
    ),
    "padding on one side": (
        {"images": images()["images"].replace("2 * padding", "padding")},
        {"images-alexnet": 2, "images-any": 1},
        "not 55",
    ),
    "not sorted": (images(end="sorted(found)[::-1]"), {"images-alexnet": 2, "images-any": 1}, "should be sorted"),
    "the last window hangs over": (
        read_by("[sum(s <= i < s + kernel_size for s in range(0, length, stride)) for i in range(length)]"),
        {"read-by": 2},
        "windows of 3 at stride 2",
    ),
    "all values are read alike": (
        read_by("[-(-kernel_size // stride)] * length"),
        {"read-by": 2},
        "what windows of 3 at stride 2 read of 7 values",
    ),
    "any quotient": (
        slips("return sorted({(f, printed * f // prod(factors)) for f in factors})"),
        {"slips-any": 2},
        "your explanation of 30",
    ),
    "the answer by heart": (
        slips("return [(55, 48)] if printed == 253_440 else [(4, 5)] if printed == 30 else []"),
        {"slips-any": 2},
        "",
    ),
    "right and wrong swapped": (
        slips(
            "return [] if prod(factors) == printed else sorted({(w, f) for f in factors for w in nearby "
            "if prod(factors) * w == printed * f})"
        ),
        {"slips-any": 2},
        "your explanation of 30",
    ),
}

RIGHT = {
    "torch's layer with alpha times n": {
        "normalize": """
            def normalize(a, n=5, alpha=1e-4, beta=0.75, k=2.0):
                return F.local_response_norm(a, n, alpha * n, beta, k)
        """
    },
    "normalized by padding": normalize(ACROSS),
    "normalized by a convolution across the maps": {
        "normalize": """
            def normalize(a, n=5, alpha=1e-4, beta=0.75, k=2.0):
                kernel = torch.ones(1, 1, n, 1, 1, dtype=a.dtype)
                sums = F.conv3d((a * a)[:, None], kernel, padding=(n // 2, 0, 0))[:, 0]
                return a * torch.pow(k + alpha * sums, -beta)
        """
    },
    "towers by single weights": groups("sum(channels // groups * kernel_size**2 + 1 for _ in range(filters))"),
    "towers as a block diagonal": dense(
        "torch.cat([F.pad(part, (0, 0, 0, 0, i * weight.shape[1], (groups - 1 - i) * weight.shape[1])) "
        "for i, part in enumerate(weight.chunk(groups))])"
    ),
    "images by trying": {
        "images": """
            def images(output, kernel_size, stride, largest_padding):
                found = []
                for size in range(1, output * stride + kernel_size + 1):
                    for padding in range(largest_padding + 1):
                        rows = size + 2 * padding
                        if rows >= kernel_size and (rows - kernel_size) // stride + 1 == output:
                            last = (output - 1) * stride + kernel_size - padding
                            found.append([size, padding, max(size - last, 0)])
                return found

            def read_by(length, kernel_size, stride):
                row = torch.zeros(length, dtype=torch.int64)
                windows = torch.arange(length).unfold(0, kernel_size, stride).flatten()
                return row.index_add(0, windows, torch.ones_like(windows)).tolist()
        """
    },
    "images as computed": images(),
    "slips by trying": slips(
        """found = []
    if prod(factors) == printed:
        return found
    for place, right in enumerate(factors):
        for wrong in nearby:
            tried = [*factors[:place], wrong, *factors[place + 1 :]]
            if prod(tried) == printed and [right, wrong] not in found:
                found.append([right, wrong])
    found.sort()
    return found"""
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
