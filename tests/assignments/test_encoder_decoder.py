"""The checks of the assignment: each misconception loses exactly its points, right answers lose none."""

import pytest
from assignments.grading_of import lost, words

TOPIC = "encoder_decoder"


def stamped(
    add="+=", used="kernel", step="stride", size="(height - 1) * stride + tall, (width - 1) * stride + wide",
    cut="output[padding : len(output) - padding, padding : output.shape[1] - padding]",
):  # fmt: skip
    return {
        "stamps": f"""
            def stamps(values, kernel, stride=1, padding=0):
                (tall, wide), (height, width) = kernel.shape, values.shape
                output, used, step = torch.zeros({size}), {used}, {step}
                for i in range(height):
                    for j in range(width):
                        output[i * step : i * step + tall, j * step : j * step + wide] {add} values[i, j] * used
                return {cut}
        """
    }


def ways(order="layers", begin="torch.ones(size)", again="counts", stamp="+= counts"):
    return {
        "cure": "cure = 4",
        "paths": f"""
            def paths(size, layers):
                counts = {begin}
                for kernel_size, stride in {order}:
                    counts = {again}
                    output = torch.zeros((len(counts) - 1) * stride + kernel_size)
                    for element in range(kernel_size):
                        output[element : element + (len(counts) - 1) * stride + 1 : stride] {stamp}
                    counts = output
                return counts
        """,
    }


def joined(top="(maps.shape[2] - height) // 2", left="(maps.shape[3] - width) // 2", pair="decoder, encoder"):
    return {
        "join": f"""
            def join(decoder, encoder):
                height, width = (min(decoder.shape[axis], encoder.shape[axis]) for axis in (2, 3))
                parts = []
                for maps in ({pair}):
                    top, left = {top}, {left}
                    parts.append(maps[:, :, top : top + height, left : left + width])
                return torch.cat(parts, dim=1)
        """
    }


def shares(seen="truth", total="max(1, int(part.sum()))", square="True", only="True"):
    return {
        "mistakes": f"""
            def mistakes(prediction, truth, reach):
                height, width = truth.shape
                near = torch.zeros(height, width, dtype=torch.bool)
                for i in range(height):
                    for j in range(width):
                        for k in range(max(0, i - reach), min(height, i + reach + 1)):
                            for l in range(max(0, j - reach), min(width, j + reach + 1)):
                                if ({square}) and ({only}) and {seen}[i, j] != {seen}[k, l]:
                                    near[i, j] = True
                wrong = prediction != truth
                return tuple(int(wrong[part].sum()) / {total} for part in (near, ~near))
        """
    }


WRONG = {
    "stamps overwrite": (
        stamped(add="="),
        {"stamps-values": 2, "stamps-padding": 2},
        "a later stamp overwrites an earlier one",
    ),
    "the kernel is turned": (
        stamped(used="kernel.flip(0, 1)"),
        {"stamps-values": 2, "stamps-padding": 2},
        "turned around",
    ),
    "one pixel apart": (
        stamped(step="1", size="height - 1 + tall, width - 1 + wide"),
        {"stamps-values": 2, "stamps-padding": 2},
        "one pixel apart",
    ),
    "padding is ignored": (stamped(cut="output"), {"stamps-padding": 2}, "padding is ignored"),
    "one side is cut": (stamped(cut="output[padding:, padding:]"), {"stamps-padding": 2}, "only the top and the left"),
    "padding enlarges": (
        stamped(cut="torch.nn.functional.pad(output, (padding,) * 4)"),
        {"stamps-padding": 2},
        "adds zeros around the output",
    ),
    "layers backwards": (ways(order="reversed(layers)"), {"paths-values": 2}, "from the last to the first"),
    "each layer begins anew": (
        ways(again="torch.ones(len(counts))", stamp="= counts"),
        {"paths-values": 2},
        "overwrite each other",
    ),
    "a cure for the second layer alone": ({"cure": "cure = 2"}, {"cure-kernel": 2}, "no pattern of its own"),
    "a multiple of both": ({"cure": "cure = 6"}, {"cure-kernel": 2}, "a multiple of both 3 and 2"),
    "the upper left corner": (joined(top="0", left="0"), {"join-maps": 3}, "the upper left corner is kept"),
    "rounded up": (
        joined(left="(maps.shape[3] - width + 1) // 2"),
        {"join-maps": 3},
        "one more column is cut at the left",
    ),
    "the encoder first": (joined(pair="encoder, decoder"), {"join-maps": 3}, "the encoder's channels come first"),
    "outlines of the prediction": (shares(seen="prediction"), {"mistakes-shares": 3}, "taken from the prediction"),
    "shares of all pixels": (shares(total="truth.numel()"), {"mistakes-shares": 3}, "divided by all pixels"),
    "no diagonal neighbours": (shares(square="i == k or j == l"), {"mistakes-shares": 3}, "diagonal neighbour"),
    "objects alone": (shares(only="truth[i, j] > 0"), {"mistakes-shares": 3}, "the objects' own pixels"),
}

RIGHT = {
    "stamps by the matrix of all places": {
        "stamps": """
            def stamps(values, kernel, stride=1, padding=0):
                def along(size, length):
                    matrix = torch.zeros(length, size, (size - 1) * stride + length)
                    for element in range(length):
                        for index in range(size):
                            matrix[element, index, index * stride + element] = 1
                    return matrix[:, :, padding : matrix.shape[2] - padding]

                down, across = along(values.shape[0], kernel.shape[0]), along(values.shape[1], kernel.shape[1])
                return torch.einsum("ij,kl,kiy,ljx->yx", values, kernel, down, across)
        """
    },
    "paths by strided sums": ways(),
    "both maps narrowed": {
        "join": """
            def join(decoder, encoder):
                for axis in (2, 3):
                    size = min(decoder.shape[axis], encoder.shape[axis])
                    decoder, encoder = [
                        maps.narrow(axis, (maps.shape[axis] - size) // 2, size) for maps in (decoder, encoder)
                    ]
                return torch.cat([decoder, encoder], 1)
        """
    },
    "distances by pooling": {
        "mistakes": """
            def mistakes(prediction, truth, reach):
                maps = truth[None, None].float()
                top = torch.nn.functional.max_pool2d(maps, 2 * reach + 1, 1, reach)
                low = -torch.nn.functional.max_pool2d(-maps, 2 * reach + 1, 1, reach)
                near, wrong = (top != low)[0, 0], (prediction != truth).float()
                return [float(wrong[part].mean()) if part.any() else 0.0 for part in (near, ~near)]
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
