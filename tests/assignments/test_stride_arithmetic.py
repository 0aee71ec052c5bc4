"""The checks of the assignment: each misconception loses exactly its points, right answers lose none."""

import pytest
from assignments.grading_of import lost, words

TOPIC = "stride_arithmetic"


def oracle(
    reach="d * (k - 1) + 1", size="(n + pad - reach) // s + 1", sides="top + bottom, left + right", error="number"
):
    """The reference solution of task 1 with one of its parts replaced."""
    return f"""
        def shape_oracle(input_shape, layers):
            height, width = input_shape
            for number, layer in enumerate(layers):
                left, right, top, bottom = layer.get("pad", (0, 0, 0, 0))
                k, s, d = layer["kernel"], layer.get("stride", 1), layer.get("dilation", 1)
                sizes = []
                for n, pad in zip((height, width), ({sides})):
                    reach = {reach}
                    if {error!r} and n + pad < reach:
                        raise ValueError("layer {{}}".format({error}))
                    sizes.append({size})
                height, width = sizes
            return height, width
    """


def detective(step="(i + 2 * p - k) // s + 1 == o", quantifier="all", observations="observations"):
    return f"""
        def suspects(observations, largest_kernel):
            found = []
            for k in range(1, largest_kernel + 1):
                for s in range(1, k + 1):
                    for p in range(k // 2 + 1):
                        if {quantifier}({step} for i, o in {observations}):
                            found.append((k, s, p))
            return found
    """


ONLY_THE_LAST_ROW_AND_COLUMN = """
    def twin(image, kernel_size, stride):
        other = image.clone()
        down, right = ((n - kernel_size) % stride for n in image.shape)
        if not down and not right:
            raise ValueError("nothing is lost")
        if down: other[-down:] += 1
        if right: other[:, -right:] += 1
        return other
"""
ONLY_THE_CORNER = """
    def twin(image, kernel_size, stride):
        if all((n - kernel_size) % stride == 0 for n in image.shape) and stride <= kernel_size:
            raise ValueError
        other = image.clone()
        other[-1, -1] += 1
        return other
"""
IN_PLACE = """
    def twin(image, kernel_size, stride):
        read = torch.zeros(image.shape, dtype=torch.bool)
        for top in range(0, image.shape[0] - kernel_size + 1, stride):
            for left in range(0, image.shape[1] - kernel_size + 1, stride):
                read[top : top + kernel_size, left : left + kernel_size] = True
        if read.all():
            raise ValueError
        image[~read] += 1
        return image
"""
BLACKENED = IN_PLACE.replace("image[~read] += 1", "image = torch.where(read, image, 0)")
A_COPY_WHERE_NOTHING_IS_LOST = """
    def twin(image, kernel_size, stride):
        seen = [{t + i for t in range(0, n - kernel_size + 1, stride) for i in range(kernel_size)} for n in image.shape]
        other = image.clone()
        for row in range(image.shape[0]):
            for column in range(image.shape[1]):
                if row not in seen[0] or column not in seen[1]:
                    other[row, column] = -1
        return other
"""


def translator(holes="holes + 1", reach="dilation * (kernel_size - 1) + 1", one="0, 1, 1", check=True):
    return f"""
        def translate(kernel_size, holes=None, dilation=None, reach=None):
            if kernel_size == 1 and reach in (None, 1):
                return {one}
            if holes is not None:
                dilation = {holes}
            elif reach is not None:
                if {check} and (kernel_size == 1 or reach < kernel_size or (reach - 1) % (kernel_size - 1)):
                    raise ValueError
                dilation = max(1, (reach - 1) // max(1, kernel_size - 1))
            return dilation - 1, dilation, {reach}
    """


ORACLE = {"oracle-formula": 2, "oracle-stack": 1}
WRONG = {
    "dilation counts from 0": (
        {"shape_oracle": oracle(reach="(d + 1) * (k - 1) + 1")},
        {"oracle-formula": 2, "oracle-padding": 1, "oracle-stack": 1, "oracle-error": 1},
        "",
    ),
    "dilation is ignored": (
        {"shape_oracle": oracle(reach="k")},
        {"oracle-formula": 2, "oracle-error": 1},
        "",
    ),
    "sizes are rounded up": (
        {"shape_oracle": oracle(size="-(-(n + pad - reach) // s) + 1")},
        ORACLE,
        "",
    ),
    "a stride that does not fit is an error": (
        {"shape_oracle": oracle(size="(n + pad - reach) // s + 1 if (n + pad - reach) % s == 0 else 1 // 0")},
        ORACLE | {"oracle-error": 1},
        "",
    ),
    "sizes are floats": (
        {"shape_oracle": oracle(size="float((n + pad - reach) // s + 1)")},
        {"oracle-formula": 2, "oracle-padding": 1, "oracle-stack": 1, "oracle-error": 1},
        "",
    ),
    "the first padding belongs to the top": (
        {"shape_oracle": oracle(sides="left + right, top + bottom")},
        {"oracle-padding": 1},
        "taken for top and bottom",
    ),
    "padding is the same on both sides": (
        {"shape_oracle": oracle(sides="2 * top, 2 * left")},
        {"oracle-padding": 1},
        "on both sides",
    ),
    "no error when the kernel does not fit": (
        {"shape_oracle": oracle(error="")},
        {"oracle-error": 1},
        "should raise a ValueError",
    ),
    "the error counts layers from 1": (
        {"shape_oracle": oracle(error="number + 1")},
        {"oracle-error": 1},
        "does not name 1",
    ),
    "only the corner is lost": ({"twin": ONLY_THE_CORNER}, {"twin-border": 2, "twin-gaps": 1}, "last column"),
    "only border pixels can be lost": ({"twin": ONLY_THE_LAST_ROW_AND_COLUMN}, {"twin-gaps": 1}, "between two windows"),
    "the picture itself is changed": (
        {"twin": IN_PLACE},
        {"twin-border": 2, "twin-gaps": 1},
        "changed the picture itself",
    ),
    "what is never read is blackened, although it may have been black": ({"twin": BLACKENED}, {"twin-border": 2}, ""),
    "a copy where no twin exists": ({"twin": A_COPY_WHERE_NOTHING_IS_LOST}, {"twin-error": 1}, "should raise"),
    "the stride has to come out even": (
        {"suspects": detective("(i + 2 * p - k) % s == 0 and (i + 2 * p - k) // s + 1 == o")},
        {"suspects-list": 2},
        "does not come out even",
    ),
    "one observation is enough": ({"suspects": detective(quantifier="any")}, {"suspects-list": 2}, ""),
    "only the first observation counts": (
        {"suspects": detective(observations="observations[:1]")},
        {"suspects-list": 2},
        "only the first observation",
    ),
    "padding counts once": ({"suspects": detective("(i + p - k) // s + 1 == o")}, {"suspects-list": 2}, ""),
    "the paper is right": ({"alexnet_inputs": "smallest, largest = 224, 224"}, {"alexnet-range": 2}, "paper's word"),
    "the padding is forgotten": (
        {"alexnet_inputs": "smallest, largest = 227, 230"},
        {"alexnet-range": 2},
        "no padding",
    ),
    "one size too many": (
        {"alexnet_inputs": "smallest, largest = 223, 227"},
        {"alexnet-range": 2},
        "one position more",
    ),
    "holes and dilation are the same": (
        {"translate": translator(holes="max(1, holes)")},
        {"translate-values": 1},
        "taken for PyTorch's dilation",
    ),
    "the reach is kernel times dilation": (
        {"translate": translator(reach="dilation * kernel_size")},
        {"translate-values": 1},
        "kernel size times dilation",
    ),
    "every reach exists": ({"translate": translator(check=False)}, {"translate-errors": 1}, "should raise"),
    "a single element has a dilation": (
        {"translate": translator(one="holes or 0, dilation or 1, 1")},
        {"translate-errors": 1},
        "",
    ),
}

RIGHT = {
    "sizes by counting positions": {
        "shape_oracle": """
            def shape_oracle(input_shape, layers):
                def positions(size, kernel, stride, dilation):
                    last = size - dilation * (kernel - 1)
                    return len(range(0, last, stride))
                h, w = input_shape
                for i, layer in enumerate(layers):
                    l, r, t, b = layer.get("pad") or (0,) * 4
                    options = layer["kernel"], layer.get("stride", 1), layer.get("dilation", 1)
                    h, w = positions(h + t + b, *options), positions(w + l + r, *options)
                    if h == 0 or w == 0:
                        raise ValueError("Layer %d is too large" % i)
                return [h, w]
        """
    },
    "the twin by a gradient": {
        "twin": """
            def twin(image, kernel_size, stride):
                probe = torch.ones(1, 1, *image.shape, requires_grad=True)
                torch.nn.functional.avg_pool2d(probe, kernel_size, stride).sum().backward()
                unread = probe.grad[0, 0] == 0
                if not unread.any():
                    raise ValueError("no twin")
                other = image.clone()
                other[unread] = 7.5
                return other
        """
    },
    "the detective by elimination": {
        "suspects": """
            import itertools
            def suspects(observations, largest_kernel):
                sizes = range(1, largest_kernel + 1)
                everyone = itertools.product(sizes, sizes, range(largest_kernel))
                left = {(k, s, p) for k, s, p in everyone if s <= k and 2 * p <= k}
                for size, out in observations:
                    left -= {(k, s, p) for k, s, p in left if (size + 2 * p - k + s) // s != out}
                return sorted(left)
        """
    },
    "the range by search": {
        "alexnet_inputs": """
            sizes = [n for n in range(11, 400) if (n + 4 - 11) // 4 + 1 == 55]
            smallest, largest = min(sizes), max(sizes)
        """
    },
    "the translator by search": {
        "translate": """
            def translate(kernel_size, holes=None, dilation=None, reach=None):
                if kernel_size == 1:
                    if reach is not None and reach != 1:
                        raise ValueError("one element reaches one pixel")
                    return (0, 1, 1)
                for d in range(1, 1000):
                    answer = (d - 1, d, d * (kernel_size - 1) + 1)
                    if (holes, dilation, reach) in ((answer[0], None, None), (None, d, None), (None, None, answer[2])):
                        return answer
                raise ValueError("there is no such kernel")
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
