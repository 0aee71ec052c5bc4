"""The checks of the assignment: each misconception loses exactly its points, right answers lose none."""

import pytest
from assignments.grading_of import lost, words

TOPIC = "receptive_field"


def pixels(units="{place for place in read if 0 <= place < below}", step="step", shift="shift", spread="spread"):
    """The reference solution of task 1 with one of its parts replaced."""
    return f"""
        def pixels_seen(size, layers, unit):
            sizes = [size]
            for layer in layers:
                reach = layer.get("dilation", 1) * (layer["kernel"] - 1) + 1
                sizes.append((sizes[-1] + 2 * layer.get("padding", 0) - reach) // layer.get("stride", 1) + 1)
            seen = {{unit}}
            for layer, below in zip(reversed(layers), reversed(sizes[:-1])):
                step, shift, spread = layer.get("stride", 1), layer.get("padding", 0), layer.get("dilation", 1)
                read = {{u * {step} - {shift} + {spread} * k for u in seen for k in range(layer["kernel"])}}
                seen = {units}
            return sorted(seen)
    """


FILLED_HULL = """
    def pixels_seen(size, layers, unit):
        low = high = unit
        for layer in reversed(layers):
            s, p = layer.get("stride", 1), layer.get("padding", 0)
            low, high = low * s - p, high * s - p + layer.get("dilation", 1) * (layer["kernel"] - 1)
        return list(range(max(low, 0), min(high, size - 1) + 1))
"""
CLIPPED_ONLY_AT_THE_END = """
    def pixels_seen(size, layers, unit):
        seen = {unit}
        for layer in reversed(layers):
            s, p, d = layer.get("stride", 1), layer.get("padding", 0), layer.get("dilation", 1)
            seen = {u * s - p + d * k for u in seen for k in range(layer["kernel"])}
        return sorted(pixel for pixel in seen if 0 <= pixel < size)
"""
AS_MANY_UNITS_AS_PIXELS = """
    def pixels_seen(size, layers, unit):
        seen = {unit}
        for layer in reversed(layers):
            s, p, d = layer.get("stride", 1), layer.get("padding", 0), layer.get("dilation", 1)
            read = {u * s - p + d * k for u in seen for k in range(layer["kernel"])}
            seen = {place for place in read if 0 <= place < size}
        return sorted(seen)
"""


def sealed(changed="values[:-1] != values[-1]", answer="rows[0], rows[-1], columns[0], columns[-1]", pixel=False):
    sent = """
            sent = torch.zeros(2 * size + 1, 1, size, size)
            for line in range(size):
                sent[line, 0, line, :] = 100
                sent[size + line, 0, :, line] = 100
    """
    single = """
            sent = torch.zeros(size * size + 1, 1, size, size)
            for place in range(size * size):
                sent[place, 0, place // size, place % size] = 100
    """
    return f"""
        def pictures(size):{single if pixel else sent}
            return sent

        def rectangle(values, size):
            changed = {changed}
            rows = changed[:size].nonzero().flatten().tolist()
            columns = changed[size:2 * size].nonzero().flatten().tolist()
            return {answer}
    """


def residual(stem="11, 4", basic="2", late="step", extra="0"):
    return f"""
        def residual_field(blocks, kind):
            size, step = {stem}
            for stage, count in enumerate(blocks):
                for block in range(count):
                    halve = 2 if stage and not block else 1
                    before = step
                    step = before * halve
                    if kind == "basic":
                        size += 2 * before + 2 * step * ({basic} - 1)
                    elif kind == "original":
                        size += 2 * step + {extra}
                    else:
                        size += 2 * {late} + {extra}
            return size
    """


WRONG = {
    "strides are ignored": (
        {"pixels_seen": pixels(step="1")},
        {"pixels-stack": 2, "pixels-padding": 2, "pixels-dilation": 2},
        "strides are ignored",
    ),
    "padding is ignored": (
        {"pixels_seen": pixels(shift="0")},
        {"pixels-padding": 2, "pixels-dilation": 2},
        "padding is ignored",
    ),
    "pixels outside of the picture are listed": (
        {"pixels_seen": pixels(units="read")},
        {"pixels-padding": 2, "pixels-dilation": 2},
        "outside of the picture",
    ),
    "the padding of later layers shows pixels": (
        {"pixels_seen": CLIPPED_ONLY_AT_THE_END},
        {"pixels-padding": 2},
        "",
    ),
    "a later layer has as many units as the picture has pixels": (
        {"pixels_seen": AS_MANY_UNITS_AS_PIXELS},
        {"pixels-padding": 2},
        "",
    ),
    "the region has no holes": (
        {"pixels_seen": FILLED_HULL},
        {"pixels-stack": 2, "pixels-padding": 2, "pixels-dilation": 2},
        "every pixel between the first and the last",
    ),
    "dilation is ignored": ({"pixels_seen": pixels(spread="1")}, {"pixels-dilation": 2}, ""),
    "dilation counts from 0": (
        {"pixels_seen": pixels(spread="(spread + 1)")},
        {"pixels-stack": 2, "pixels-padding": 2, "pixels-dilation": 2},
        "",
    ),
    "the bias is taken for a pixel": (
        {"sealed-network": sealed(changed="values[:-1] != 0")},
        {"sealed-square": 1, "sealed-rectangle": 2},
        "a bias gives a value without any pixel",
    ),
    "the end is exclusive": (
        {"sealed-network": sealed(answer="rows[0], rows[-1] + 1, columns[0], columns[-1] + 1")},
        {"sealed-square": 1, "sealed-rectangle": 2},
        "one too far",
    ),
    "the last row belongs to the columns": (
        {"sealed-network": sealed().replace("changed[:size]", "changed[:size - 1]")},
        {"sealed-square": 1},
        "",
    ),
    "rows and columns are swapped": (
        {"sealed-network": sealed(answer="columns[0], columns[-1], rows[0], rows[-1]")},
        {"sealed-rectangle": 2},
        "rows and columns are swapped",
    ),
    "the field is a square": (
        {"sealed-network": sealed(answer="rows[0], rows[-1], rows[0], rows[-1]")},
        {"sealed-rectangle": 2},
        "columns are taken to be as rows",
    ),
    "too many pictures": (
        {"sealed-network": sealed(pixel=True)},
        {"sealed-square": 1, "sealed-rectangle": 2},
        "are allowed",
    ),
    "the 3×3 walks with the halved step": (
        {"residual_field": residual(late="step")},
        {"residual-values": 3},
        "",
    ),
    "the pooling at the beginning is forgotten": (
        {"residual_field": residual(stem="7, 2", late="before")},
        {"residual-values": 3},
        "pooling layer at the beginning is forgotten",
    ),
    "the 1×1 enlarges the field": (
        {"residual_field": residual(late="before", extra="2 * step")},
        {"residual-values": 3},
        "",
    ),
    "always 3×3": (
        {"cheapest_stack": "def cheapest_stack(size, depth):\n    return [3] * ((size - 1) // 2)"},
        {"cheapest-stacks": 3},
        "more layers than",
    ),
    "one large kernel": (
        {"cheapest_stack": "def cheapest_stack(size, depth):\n    return [size]"},
        {"cheapest-stacks": 3},
        "one large kernel",
    ),
    "the last layer takes the rest": (
        {
            "cheapest_stack": """
                def cheapest_stack(size, depth):
                    stack = []
                    while len(stack) < depth - 1 and size > 3:
                        stack.append(3)
                        size -= 2
                    return stack + [size]
            """
        },
        {"cheapest-stacks": 3},
        "",
    ),
}

RIGHT = {
    "pixels by gradient": {
        "pixels_seen": """
            def pixels_seen(size, layers, unit):
                line = torch.ones(1, 1, size, requires_grad=True)
                out = line
                for layer in layers:
                    options = {name: layer[name] for name in ("stride", "padding", "dilation") if name in layer}
                    out = F.conv1d(out, torch.ones(1, 1, layer["kernel"]) / layer["kernel"], **options)
                out[0, 0, unit].backward()
                return torch.nonzero(line.grad[0, 0]).flatten().tolist()
        """
    },
    "pixels by recursion": {
        "pixels_seen": """
            def pixels_seen(size, layers, unit):
                sizes = [size]
                for layer in layers:
                    k, s, p, d = (layer.get(n, o) for n, o in
                                  (("kernel", 1), ("stride", 1), ("padding", 0), ("dilation", 1)))
                    sizes.append((sizes[-1] + 2 * p - d * (k - 1) - 1) // s + 1)
                def look(depth, place):
                    if not 0 <= place < sizes[depth]:
                        return set()
                    if depth == 0:
                        return {place}
                    layer = layers[depth - 1]
                    start = place * layer.get("stride", 1) - layer.get("padding", 0)
                    return set().union(*(look(depth - 1, start + layer.get("dilation", 1) * k)
                                         for k in range(layer["kernel"])))
                return sorted(look(len(layers), unit))
        """
    },
    "bright lines on grey": {
        "sealed-network": """
            def pictures(size):
                grey = torch.full((1, 1, size, size), 0.5)
                rows = grey + torch.eye(size)[:, None, :, None] * 9
                return torch.cat([grey, rows, rows.transpose(2, 3)])

            def rectangle(values, size):
                seen = [i for i in range(2 * size) if abs(values[i + 1] - values[0]) > 1e-9]
                rows, columns = [i for i in seen if i < size], [i - size for i in seen if i >= size]
                return [min(rows), max(rows), min(columns), max(columns)]
        """
    },
    "residual networks as a list of layers": {
        "residual_field": """
            def residual_field(blocks, kind):
                layers = [(7, 2), (3, 2)]
                for stage, count in enumerate(blocks):
                    for block in range(count):
                        s = 2 if stage > 0 and block == 0 else 1
                        layers += {"basic": [(3, s), (3, 1)], "original": [(1, s), (3, 1), (1, 1)],
                                   "shipped": [(1, 1), (3, s), (1, 1)]}[kind]
                r = 1
                for kernel, stride in reversed(layers):
                    r = (r - 1) * stride + kernel
                return r
        """
    },
    "the cheapest stack by search": {
        "cheapest_stack": """
            from functools import lru_cache

            @lru_cache(None)
            def best(half, depth):
                if half == 0:
                    return (0, ())
                if depth == 0:
                    return (10 ** 9, ())
                options = []
                for h in range(1, half + 1):
                    cost, rest = best(half - h, depth - 1)
                    options.append((cost + (2 * h + 1) ** 2, (2 * h + 1, *rest)))
                return min(options)

            def cheapest_stack(size, depth):
                return sorted(best((size - 1) // 2, depth)[1])
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
