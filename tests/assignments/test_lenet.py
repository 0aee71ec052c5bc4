"""The checks of the assignment: each misconception loses exactly its points, right answers lose none."""

import pytest
from assignments.grading_of import lost, words

TOPIC = "lenet"


def parameters(s2="2 * maps", c3="sum(len(row) * kernel_size**2 + 1 for row in table)", s4="2 * len(table)", **other):
    side = other.get("side", "((size - kernel_size + 1) // 2 - kernel_size + 1) // 2")
    return {
        "parameters": f"""
            def parameters(table, size=32, maps=6, kernel_size=5, c5=120, f6=84):
                side = {side}
                return {{
                    "C1": maps * (kernel_size**2 + 1), "S2": {s2}, "C3": {c3}, "S4": {s4},
                    "C5": c5 * (len(table) * side**2 + 1), "F6": f6 * (c5 + 1), "output": {other.get("output", "0")},
                }}
        """
    }


def connections(each=5, c3="c * c * sum(len(row) * kernel_size**2 + 1 for row in table)", output="10 * f6"):
    return {
        "connections": f"""
            def connections(table, size=32, maps=6, kernel_size=5, c5=120, f6=84):
                a = size - kernel_size + 1
                b = a // 2
                c = b - kernel_size + 1
                d = c // 2
                return dict(
                    C1=a * a * maps * (kernel_size**2 + 1), S2=b * b * maps * {each}, C3={c3},
                    S4=d * d * len(table) * {each}, C5=c5 * (len(table) * d * d + 1), F6=f6 * (c5 + 1), output={output},
                )
        """
    }


def subsample(body):
    return {
        "subsample": f"""
            def subsample(maps, coefficient, bias):
                total = maps[..., ::2, ::2] + maps[..., 1::2, ::2] + maps[..., ::2, 1::2] + maps[..., 1::2, 1::2]
                c, b = coefficient[:, None, None], bias[:, None, None]
                return {body}
        """
    }


def sparse(source="source", kernel="weight[start + i]", added="bias[target]"):
    return {
        "sparse": f"""
            def sparse_convolution(maps, weight, bias, table):
                found, start = [], 0
                for target, sources in enumerate(table):
                    response = 0
                    for i, source in enumerate(sources):
                        image = maps[:, {source}][:, None]
                        response = response + torch.nn.functional.conv2d(image, {kernel}[None, None])[:, 0]
                    found.append(response + {added})
                    start += len(sources)
                return torch.stack(found, dim=1)
        """
    }


def explain(body):
    return {"explain": f"def explain(total, published, table, maps=6, f6=84):\n    {body}"}


SQUASH = "1.7159 * torch.tanh(2 / 3 * ({}))"
NEVER_POOLING = """
    absent = len(table) * maps - sum(map(len, table))
    for made, effect in {
        (): 0, ("table",): 25 * absent, ("output",): 10 * f6 + 10, ("table", "output"): 25 * absent + 10 * f6 + 10,
    }.items():
        if total - published in (effect, effect - 2 * (maps + len(table))):
            return made
    return None"""
LEARNED_BY_HEART = """
    known = {0: (), -44: ("pooling",), 900: ("table",), 850: ("output",), 856: ("pooling", "table"),
             806: ("pooling", "output"), 1750: ("table", "output"), 1706: ("pooling", "table", "output")}
    return known.get(total - published)"""
CLOSED_FORM = """
    effects = [("output", 10 * (f6 + 1)), ("table", 25 * sum(maps - len(row) for row in table)),
               ("pooling", -2 * (maps + len(table)))]
    def search(rest, effects):
        if not effects:
            return [] if rest == 0 else None
        (name, effect), *others = effects
        for used in (0, 1):
            found = search(rest - used * effect, others)
            if found is not None:
                return found + [name] * used
    found = search(total - published, effects)
    return None if found is None else list(found)"""

WRONG = {
    "subsampling has no parameters": (
        parameters(s2="0", s4="0"),
        {"count-parameters": 2},
        "parameters of S2 is 0",
    ),
    "each neighbour has a coefficient": (
        parameters(s2="5 * maps", s4="5 * len(table)"),
        {"count-parameters": 2},
        "a coefficient of its own",
    ),
    "no table": (
        parameters(c3="len(table) * (maps * kernel_size**2 + 1)"),
        {"count-parameters": 2},
        "every map reads all maps",
    ),
    "a bias for each slice": (
        parameters(c3="sum(len(row) * (kernel_size**2 + 1) for row in table)"),
        {"count-parameters": 2},
        "each kernel slice has a bias",
    ),
    "C5 has small kernels": (
        parameters(side="kernel_size"),
        {"count-parameters": 2},
        "its units see whole maps",
    ),
    "the output is trained": (
        parameters(output="10 * f6 + 10"),
        {"count-parameters": 2},
        "a trained linear layer",
    ),
    "two connections a window": (connections(each=2), {"count-connections": 2}, "a unit reads four numbers"),
    "no bias in subsampling": (connections(each=4), {"count-connections": 2}, "the biases are forgotten"),
    "fixed connections are none": (connections(output="0"), {"count-connections": 2}, "nothing is trained"),
    "C3 counted once": (
        connections(c3="sum(len(row) * kernel_size**2 + 1 for row in table)"),
        {"count-connections": 2},
        "connections of C3",
    ),
    "average": (
        subsample(SQUASH.format("total / 4 * c + b")),
        {"subsample-map": 1, "subsample-maps": 2},
        "averaged and not added",
    ),
    "nothing squashed": (subsample("total * c + b"), {"subsample-map": 1, "subsample-maps": 2}, "nothing is squashed"),
    "bias first": (
        subsample(SQUASH.format("(total + b) * c")),
        {"subsample-map": 1, "subsample-maps": 2},
        "before the multiplication",
    ),
    "one number for all maps": (
        subsample(SQUASH.format("total * coefficient[0] + bias[0]")),
        {"subsample-maps": 2},
        "the first map's numbers",
    ),
    "numbers along the columns": (
        subsample(
            SQUASH.format("total * coefficient + bias if total.shape[-1] == len(bias) else total * c + b"),
        ),
        {"subsample-maps": 2},
        "along the wrong axis",
    ),
    "turned kernels": (
        sparse(kernel="weight[start + i].flip(0, 1)"),
        {"sparse-values": 2, "sparse-order": 1},
        "turned by 180°",
    ),
    "a bias for each map that is read": (
        sparse(added="len(sources) * bias[target]"),
        {"sparse-values": 2, "sparse-order": 1},
        "once for each map that is read",
    ),
    "the first slices again": (
        sparse(kernel="weight[i]"),
        {"sparse-values": 2, "sparse-order": 1},
        "begins with the first slice again",
    ),
    "ascending order": (sparse(source="sorted(sources)[i]"), {"sparse-order": 1}, "ascending order"),
    "pooling is overlooked": (explain(NEVER_POOLING), {"explain-lenet": 1, "explain-any": 2}, "overlooked"),
    "learned by heart": (explain(LEARNED_BY_HEART), {"explain-any": 2}, "your explanation for a small table is None"),
    "everything is explained": (
        explain('return ("pooling", "table", "output") if total != published else ()'),
        {"explain-lenet": 1, "explain-any": 2},
        "no combination of the changes",
    ),
}

RIGHT = {
    "parameters in another order, subsampling from below": {
        "parameters": """
            def parameters(table, size=32, maps=6, kernel_size=5, c5=120, f6=84):
                result = {"output": 0, "F6": f6 * c5 + f6}
                for name, number in (("S2", maps), ("S4", len(table))):
                    result[name] = number + number
                window = kernel_size * kernel_size
                result["C3"] = window * len([s for row in table for s in row]) + len(table)
                side = size
                for step in range(2):
                    side = (side - kernel_size + 1) // 2
                result["C5"] = c5 * len(table) * side * side + c5
                result["C1"] = maps * window + maps
                return result
        """
    },
    "the default way": parameters() | connections(),
    "subsampling by average pooling of four times the map": {
        "subsample": """
            def subsample(maps, coefficient, bias):
                n, c, h, w = maps.shape
                windows = maps.reshape(n, c, h // 2, 2, w // 2, 2).mean(dim=(3, 5)) * 4
                values = torch.einsum("nchw,c->nchw", windows, coefficient) + bias.view(1, c, 1, 1)
                e = torch.exp(4 / 3 * values)
                return 1.7159 * (e - 1) / (e + 1)
        """
    },
    "the sparse convolution slice by slice": sparse(),
    "the sparse convolution through the course's layer": {
        "sparse": """
            def sparse_convolution(maps, weight, bias, table):
                from cnncourse.models.lenet import SparseConvolution
                layer = SparseConvolution(maps.shape[1], table, weight.shape[1], dtype=maps.dtype)
                with torch.no_grad():
                    layer.weight.copy_(weight)
                    layer.bias.copy_(bias)
                    return layer(maps)
        """
    },
    "explained by a search, as a list": explain(CLOSED_FORM),
}


@pytest.mark.parametrize("misconception", WRONG)
def test_a_misconception_loses_exactly_its_points(misconception):
    answers, points, told = WRONG[misconception]
    assert lost(TOPIC, answers) == points
    assert told in words(TOPIC, answers)


@pytest.mark.parametrize("way", RIGHT)
def test_a_right_answer_written_differently_loses_nothing(way):
    assert lost(TOPIC, RIGHT[way]) == {}
