"""The checks of the assignment: each misconception loses exactly its points, right answers lose none."""

import pytest
from assignments.grading_of import lost, words

TOPIC = "convolution"


def sealed(weight="(responses[:-1] - bias[:, None, None]).flip(2, 3).transpose(0, 1)", size="2 * kernel_size - 1"):
    """The reference solution of task 1 with one of its parts replaced."""
    return f"""
        def probes(in_channels, kernel_size):
            size = {size}
            pictures = torch.zeros(in_channels + 1, in_channels, size, size)
            for channel in range(in_channels):
                pictures[channel, channel, kernel_size - 1, kernel_size - 1] = 1
            return pictures

        def read_off(responses, in_channels, kernel_size):
            bias = responses[-1, :, 0, 0]
            return {weight}, bias
    """


FLAT_FILTERS = """
    def probes(in_channels, kernel_size):
        size = 2 * kernel_size - 1
        pictures = torch.zeros(2, in_channels, size, size)
        pictures[0, :, kernel_size - 1, kernel_size - 1] = 1
        return pictures

    def read_off(responses, in_channels, kernel_size):
        bias = responses[1, :, 0, 0]
        weight = (responses[0] - bias[:, None, None]).flip(1, 2)
        return weight[:, None].expand(-1, in_channels, -1, -1), bias
"""
TOO_MANY_PICTURES = """
    def probes(in_channels, kernel_size):
        eye = torch.eye(in_channels * kernel_size**2)
        return torch.cat([eye, 0 * eye[:1]]).reshape(-1, in_channels, kernel_size, kernel_size)

    def read_off(responses, in_channels, kernel_size):
        bias = responses[-1].flatten()
        weight = responses[:-1, :, 0, 0].T.reshape(-1, in_channels, kernel_size, kernel_size)
        return weight - bias[:, None, None, None], bias
"""


def matrix(index="u, v", y="i * stride + u - padding", inside="0 <= y < height and 0 <= x < width", at="y, x", end=""):
    return f"""
        def layer_matrix(weight, height, width, stride=1, padding=0):
            c_out, c_in, k, _ = weight.shape
            rows, columns = ((n + 2 * padding - k) // stride + 1 for n in (height, width))
            matrix = torch.zeros(c_out, rows, columns, c_in, height, width)
            for i in range(rows):
                for j in range(columns):
                    for u in range(k):
                        for v in range(k):
                            y, x = {y}, j * stride + v - padding
                            if {inside}:
                                matrix[:, i, j, :, {at}] += weight[:, :, {index}]
            return matrix{end}.reshape(c_out * rows * columns, c_in * height * width)
    """


def kernels(uphill="[[0, 1, 0], [-1, 0, 1], [0, -1, 0]]", saddle="[[1, 0, -1], [0, 0, 0], [-1, 0, 1]]", by=(2, 4)):
    return f"""
        uphill = torch.tensor({uphill}) / {by[0]}
        saddle = torch.tensor({saddle}) / {by[1]}
        half_step = torch.zeros(3, 3)
        half_step[1, 1:] = 0.5
    """


def melt(flip=".flip(2, 3)", bias="bias2 + weight2.sum((2, 3)) @ bias1", end="", padding="weight2.shape[2] - 1"):
    return f"""
        def melt(weight1, bias1, weight2, bias2):
            weight = F.conv2d(weight1.transpose(0, 1), weight2{flip}, padding={padding})
            return weight.transpose(0, 1){end}, {bias}
    """


WRONG = {
    "the kernel is read off mirrored": (
        {"sealed-layer": sealed("(responses[:-1] - bias[:, None, None]).transpose(0, 1)")},
        {"sealed-kernel": 2, "sealed-channels": 2, "sealed-bias": 1},
        "meets the last element of the kernel first",
    ),
    "the kernel is read off transposed": (
        {"sealed-layer": sealed("(responses[:-1] - bias[:, None, None]).flip(2, 3).transpose(0, 1).mT")},
        {"sealed-kernel": 2, "sealed-channels": 2, "sealed-bias": 1},
        "rows and columns are swapped",
    ),
    "a filter is flat": ({"sealed-layer": FLAT_FILTERS}, {"sealed-channels": 2}, "as if a filter were flat"),
    "input and output channels are swapped": (
        {"sealed-layer": sealed("(responses[:-1] - bias[:, None, None]).flip(2, 3)")},
        {"sealed-kernel": 2, "sealed-channels": 2, "sealed-bias": 1},
        "",
    ),
    "the bias stays in the weights": (
        {"sealed-layer": sealed("responses[:-1].flip(2, 3).transpose(0, 1)")},
        {"sealed-bias": 1},
        "the bias stays in the weights",
    ),
    "more pictures than allowed": (
        {"sealed-layer": TOO_MANY_PICTURES},
        {"sealed-kernel": 2, "sealed-channels": 2, "sealed-bias": 1},
        "you send 10 pictures for 1 channels; 2 are allowed",
    ),
    "the matrix of a true convolution": (
        {"layer_matrix": matrix(index="k - 1 - u, k - 1 - v")},
        {"matrix-values": 1, "matrix-channels": 1, "matrix-geometry": 1},
        "as in mathematics",
    ),
    "the matrix has channels last": (
        {"layer_matrix": matrix(end=".permute(1, 2, 0, 4, 5, 3)")},
        {"matrix-channels": 1},
        "",
    ),
    "the matrix is transposed": (
        {"layer_matrix": matrix().replace("c_in * height * width)", "c_in * height * width).T")},
        {"matrix-values": 1, "matrix-channels": 1, "matrix-geometry": 1},
        "is transposed: expected (4, 9), got (9, 4)",
    ),
    "the matrix wraps around the border": (
        {"layer_matrix": matrix(inside="True", at="y % height, x % width")},
        {"matrix-geometry": 1},
        "wraps around",
    ),
    "the matrix ignores the stride": (
        {"layer_matrix": matrix(y="i + u - padding")},
        {"matrix-geometry": 1},
        "",
    ),
    "padding gets elements of the matrix": (
        {"nonzero_elements": "nonzero_elements = 8 * 3 * 9 * 32 * 32"},
        {"matrix-count": 1},
        "the zeros of the padding",
    ),
    "each weight stands in the matrix once": (
        {"nonzero_elements": "nonzero_elements = 8 * 3 * 9"},
        {"matrix-count": 1},
        "only once",
    ),
    "PyTorch flips the kernel": (
        {"kernels": kernels("[[0, -1, 0], [1, 0, -1], [0, 1, 0]]")},
        {"kernel-uphill": 1},
        "PyTorch does not flip it",
    ),
    "y grows upwards": (
        {"kernels": kernels("[[0, -1, 0], [-1, 0, 1], [0, 1, 0]]")},
        {"kernel-uphill": 1},
        "y grows upwards",
    ),
    "kernels are not divided": (
        {"kernels": kernels(by=(1, 1))},
        {"kernel-uphill": 1, "kernel-saddle": 1},
        "you do not divide by the number of corners",
    ),
    "half a step to the left": (
        {"kernels": kernels().replace("[1, 1:]", "[1, :2]")},
        {"kernel-half-step": 1},
        "you step to the left",
    ),
    "kernels melt without mirroring": (
        {"melt": melt(flip="")},
        {"melt-weight": 2},
        "has to be mirrored first",
    ),
    "the melted kernel is mirrored": (
        {"melt": melt(end=".flip(2, 3)")},
        {"melt-weight": 2},
        "whole kernel is mirrored",
    ),
    "the melted kernel keeps the size": ({"melt": melt(padding="weight2.shape[2] // 2")}, {"melt-weight": 2}, ""),
    "biases are added": ({"melt": melt(bias="bias1 + bias2")}, {"melt-bias": 1}, "simply added"),
    "the first bias is lost": ({"melt": melt(bias="bias2")}, {"melt-bias": 1}, "the first bias is lost"),
    "the first bias counts at one pixel": (
        {"melt": melt(bias="bias2 + weight2[..., weight2.shape[2] // 2, weight2.shape[3] // 2] @ bias1")},
        {"melt-bias": 1},
        "not under its whole kernel",
    ),
}

RIGHT = {
    "a sealed layer opened by least squares": {
        "sealed-layer": """
            def probes(in_channels, kernel_size):
                torch.manual_seed(3)
                side = min(4 * kernel_size, 3 * kernel_size + 1)
                noise = torch.randn(in_channels + 1, in_channels, side, side, dtype=torch.float64)
                probes.sent = noise
                return noise

            def read_off(responses, in_channels, kernel_size):
                columns = torch.nn.functional.unfold(probes.sent, kernel_size)
                a = columns.transpose(1, 2).reshape(-1, columns.shape[1])
                a = torch.cat([a, torch.ones(len(a), 1, dtype=a.dtype)], 1)
                b = responses.double().flatten(2).transpose(1, 2).reshape(len(a), -1)
                answer = torch.linalg.lstsq(a, b).solution.T
                return answer[:, :-1].reshape(-1, in_channels, kernel_size, kernel_size).float(), answer[:, -1].float()
        """
    },
    "impulses in a larger picture": {
        "sealed-layer": sealed(
            "(responses[:-1] - bias[:, None, None])[..., :kernel_size, :kernel_size].flip(2, 3).transpose(0, 1)",
            size="3 * kernel_size",
        )
    },
    "the matrix column by column": {
        "layer_matrix": """
            def layer_matrix(weight, height, width, stride=1, padding=0):
                size = weight.shape[1] * height * width
                columns = []
                for pixel in range(size):
                    unit = torch.zeros(size)
                    unit[pixel] = 1
                    picture = unit.view(1, -1, height, width)
                    columns.append(F.conv2d(picture, weight, stride=stride, padding=padding).flatten())
                return torch.stack(columns, dim=1)
        """
    },
    "the elements counted, not computed": {
        "nonzero_elements": """
            ones = torch.nn.functional.conv2d(torch.ones(1, 3, 32, 32), torch.ones(8, 3, 3, 3), padding=1)
            nonzero_elements = ones.sum()
        """
    },
    "a Sobel kernel turned by 45 degrees": {"kernels": kernels("[[0, 2, 2], [-2, 0, 2], [-2, -2, 0]]", by=(8, 4))},
    "kernels as lists": {
        "kernels": """
            uphill = [[0, 0.5, 0], [-0.5, 0, 0.5], [0, -0.5, 0]]
            half = torch.tensor([-0.5, 0, 0.5])
            saddle = torch.outer(half, half)
            half_step = [[0, 0, 0], [0, 0.5, 0.5], [0, 0, 0]]
        """
    },
    "melting by an impulse": {
        "melt": """
            def melt(weight1, bias1, weight2, bias2):
                c0 = weight1.shape[1]
                k = weight1.shape[-1] + weight2.shape[-1] - 1
                impulses = torch.zeros(c0, c0, 2 * k - 1, 2 * k - 1).to(weight1)
                for c in range(c0):
                    impulses[c, c, k - 1, k - 1] = 1
                answers = F.conv2d(F.conv2d(impulses, weight1), weight2)
                blank = F.conv2d(F.conv2d(0 * impulses[:1], weight1, bias1), weight2, bias2)
                return torch.flip(answers, [-1, -2]).transpose(0, 1), blank[0, :, 0, 0]
        """
    },
    "melting by loops": {
        "melt": """
            def melt(weight1, bias1, weight2, bias2):
                (c1, c0, k1, _), (c2, _, k2, _) = weight1.shape, weight2.shape
                weight = torch.zeros(c2, c0, k1 + k2 - 1, k1 + k2 - 1, dtype=weight1.dtype)
                for u in range(k2):
                    for v in range(k2):
                        shifted = torch.einsum("om,mirs->oirs", weight2[:, :, u, v], weight1)
                        weight[:, :, u : u + k1, v : v + k1] += shifted
                return weight, bias2 + torch.einsum("omuv,m->o", weight2, bias1)
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
