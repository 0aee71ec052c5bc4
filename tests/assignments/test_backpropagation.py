"""The checks of the assignment: each misconception loses exactly its points, right answers lose none."""

import pytest
from assignments.grading_of import lost, words

TOPIC = "backpropagation"


def average(share="/ kernel_size**2", add="+=", window="kernel_size"):
    return f"""
        def average_pooling_gradient(delta, input_size, kernel_size, stride):
            gradient = torch.zeros(*delta.shape[:2], *input_size, dtype=delta.dtype)
            for i in range(delta.shape[2]):
                for j in range(delta.shape[3]):
                    t, l = i * stride, j * stride
                    gradient[:, :, t : t + {window}, l : l + {window}] {add} delta[:, :, i : i + 1, j : j + 1] {share}
            return gradient
    """


def ring(pixel="(i + u) % len(x)", weight="w[u]", total="by_w"):
    """A ring layer's backward pass in which `pixel` is the index that output i and weight u meet."""
    return f"""
        def ring_gradients(x, w, delta):
            by_x, by_w = torch.zeros_like(x), torch.zeros_like(w)
            for i in range(len(x)):
                for u in range(len(w)):
                    pixel = {pixel}
                    if pixel < len(x):
                        by_x[pixel] += delta[i] * {weight}
                        by_w[u] += delta[i] * x[pixel]
            return by_x, {total}
    """


def fair(
    wins="(window == window.amax(dim=(2, 3), keepdim=True)).to(delta)", share="wins.sum(dim=(2, 3), keepdim=True)"
):
    return f"""
        def fair_max_gradient(x, delta, kernel_size):
            gradient, k = torch.zeros_like(x), kernel_size
            for i in range(delta.shape[2]):
                for j in range(delta.shape[3]):
                    window = x[:, :, i * k : i * k + k, j * k : j * k + k]
                    wins = {wins}
                    given = delta[:, :, i : i + 1, j : j + 1] * wins / {share}
                    gradient[:, :, i * k : i * k + k, j * k : j * k + k] = given
            return gradient
    """


FIRST_WINNER = """
    def fair_max_gradient(x, delta, kernel_size):
        x = x.clone().requires_grad_()
        return torch.autograd.grad(F.max_pool2d(x, kernel_size), x, delta)[0]
"""

WRONG = {
    "every pixel gets the whole delta": (
        {"average-pooling": average(share="")},
        {"average-pooling-apart": 2, "average-pooling-overlap": 2},
        "every pixel gets the whole δ",
    ),
    "divided by the kernel size only": (
        {"average-pooling": average(share="/ kernel_size")},
        {"average-pooling-apart": 2, "average-pooling-overlap": 2},
        "instead of the number of pixels",
    ),
    "overlaps overwrite": (
        {"average-pooling": average(add="=")},
        {"average-pooling-overlap": 2},
        "a window overwrites",
    ),
    "the window is as large as the stride": (
        {"average-pooling": average(window="stride")},
        {"average-pooling-overlap": 2},
        "the sum of the gradient",
    ),
    "the ring is cut": (
        {"ring": ring(pixel="i + u")},
        {"ring-weights": 2, "ring-input": 2},
        "pixels past the end count as zero",
    ),
    "the kernel is not flipped": (
        {
            "ring": ring(weight="0").replace(
                "return by_x", "by_x = sum(w[u] * delta.roll(-u) for u in range(len(w)))\n            return by_x"
            )
        },
        {"ring-input": 2},
        "the kernel is not flipped",
    ),
    "the weights take the mean": (
        {"ring": ring(total="by_w / len(x)")},
        {"ring-weights": 2},
        "the mean over all places",
    ),
    "the first winner takes it all": ({"fair": FIRST_WINNER}, {"fair-ties": 2}, "as in PyTorch"),
    "each winner takes it all": ({"fair": fair(share="1")}, {"fair-ties": 2}, "more arrives below"),
    "everybody shares": (
        {"fair": fair(wins="torch.ones_like(window)")},
        {"fair-winner": 1, "fair-ties": 2},
        "as in average pooling",
    ),
    "the smallest step is the best": (
        {"step": "def check_step(dtype):\n    return 1e-12"},
        {"step-double": 1, "step-single": 1},
        "only rounding is left",
    ),
    "one step for every precision": (
        {"step": "def check_step(dtype):\n    return 1e-5"},
        {"step-single": 1},
        "only rounding is left",
    ),
    "the rule of one-sided differences": (
        {"step": "def check_step(dtype):\n    return torch.finfo(dtype).eps ** 0.5"},
        {"step-double": 1, "step-single": 1},
        "only rounding is left",
    ),
}

RIGHT = {
    "average pooling by a transposed convolution": {
        "average-pooling": """
            def average_pooling_gradient(delta, input_size, kernel_size, stride):
                channels = delta.shape[1]
                kernel = torch.full((channels, 1, kernel_size, kernel_size), 1 / kernel_size**2, dtype=delta.dtype)
                small = F.conv_transpose2d(delta, kernel, stride=stride, groups=channels)
                right, below = input_size[1] - small.shape[3], input_size[0] - small.shape[2]
                return F.pad(small, (0, right, 0, below))
        """
    },
    "the ring by rolling": {
        "ring": """
            def ring_gradients(x, w, delta):
                by_x = sum(w[u] * delta.roll(u) for u in range(len(w)))
                return by_x, torch.stack([delta @ x.roll(-u) for u in range(len(w))])
        """
    },
    "the ring by padding and correlation": {
        "ring": """
            def ring_gradients(x, w, delta):
                k = len(w)
                closed = torch.cat([delta[len(delta) - k + 1:], delta])
                by_x = F.conv1d(closed[None, None], w.flip(0)[None, None])[0, 0]
                row = torch.cat([x, x[: k - 1]])
                return by_x, F.conv1d(row[None, None], delta[None, None])[0, 0]
        """
    },
    "fair winners by amax, whose gradient is shared": {
        "fair": """
            def fair_max_gradient(x, delta, kernel_size):
                n, c, h, w = x.shape
                blocks = x.reshape(n, c, h // kernel_size, kernel_size, w // kernel_size, kernel_size)
                blocks = blocks.clone().requires_grad_()
                blocks.amax(dim=(3, 5)).backward(delta)
                return blocks.grad.reshape(x.shape)
        """
    },
    "steps written as numbers": {
        "step": "def check_step(dtype):\n    return {torch.float64: 1e-5, torch.float32: 1e-2}[dtype]"
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
