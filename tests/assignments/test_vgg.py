"""The checks of the assignment: each misconception loses exactly its points, right answers lose none."""

import pytest
from assignments.grading_of import lost, words

TOPIC = "vgg"


def features(
    read="channels",
    padding="kernel // 2",
    bias="not batch_norm",
    order="norm + relu",
    end="pool",
    even="kernel % 2 == 0",
):
    """The layers, with one thing done differently."""
    return {
        "features": f"""
            def feature_layers(configuration, in_channels=3, batch_norm=False):
                layers, channels, pool = [], in_channels, [("pool",)]
                for index, block in enumerate(configuration):
                    for entry in block:
                        if entry == "LRN":
                            layers.append(("lrn",))
                            continue
                        filters, kernel = (entry, 3) if isinstance(entry, int) else entry
                        if {even}:
                            raise ValueError(f"kernel {{kernel}}")
                        norm = [("norm", filters)] if batch_norm else []
                        relu = [("relu",)]
                        layers += [("conv", {read}, filters, kernel, {padding}, {bias})] + {order}
                        channels = filters
                    layers += {end}
                return layers
        """
    }


def count(
    conv="channels * (inputs * kernel**2 + bias)",
    norm="2 * numbers[0]",
    halve="side // 2",
    units="units * (width + 1)",
    width="units",
    column="channels * side**2",
    empty="side == 0",
):
    """The count, with one thing done differently."""
    return {
        "count": f"""
            def count_parameters(layers, input_size, head):
                features, side = 0, input_size
                for kind, *numbers in layers:
                    if kind == "conv":
                        inputs, channels, kernel, _, bias = numbers
                        features += {conv}
                    elif kind == "norm":
                        features += {norm}
                    elif kind == "pool":
                        side = {halve}
                if {empty}:
                    raise ValueError("nothing is left")
                dense, width = 0, {column}
                for units in head:
                    dense += {units}
                    width = {width}
                return features, dense
        """
    }


def volumes(start="[channels * side**2]", kinds='("conv", "pool")', pooled="channels * side**2"):
    """The volumes, with one thing done differently."""
    return {
        "volumes": f"""
            def volumes(layers, input_size, head):
                side, channels = input_size, layers[0][1]
                found = {start}
                for kind, *numbers in layers:
                    if kind == "conv":
                        channels = numbers[1]
                    if kind == "pool":
                        side //= 2
                        found += [{pooled}] if "pool" in {kinds} else []
                    elif kind in {kinds}:
                        found.append(channels * side**2)
                return found + list(head)
        """
    }


def stands_for(body):
    return {
        "stands-for": f"""
            def stands_for(text):
                unit = {{"K": 1000, "M": 1_000_000}}.get(text[-1], 1)
                digits = text.rstrip("KM")
                step = unit // 10 ** len(digits.partition(".")[2])
                value = int(digits.replace(".", "")) * step
                return {body}
        """
    }


def audit(
    covers="stands_for(text)[0] <= value <= stands_for(text)[1]", rows="row", total="sum(exact)", words="'added up'"
):
    """The audit, with one thing done differently."""
    return {
        "audit": f"""
            def audit(exact, printed, total):
                def covers(text, value):
                    return {covers}

                def written(text):
                    return float(text.rstrip("KM")) * {{"K": 1e3, "M": 1e6}}.get(text[-1], 1)

                wrong = [{rows} for row, (value, text) in enumerate(zip(exact, printed)) if not covers(text, value)]
                if stands_for(total)[0] <= {total} <= stands_for(total)[1]:
                    return wrong, "right"
                if stands_for(total)[0] <= round(sum(map(written, printed))) <= stands_for(total)[1]:
                    return wrong, {words}
                return wrong, "unexplained"
        """
    }


def stack(
    depth="kernel // 2",
    pairs="[(a, b)] + [(b, b)] * (depth - 1)",
    saving="kernel**2 * a * b - weights",
    layers="[(3, 1)] * (depth - 1) + [(3, stride)]",
    refuse="kernel < 3 or kernel % 2 == 0",
):
    """The stack, with one thing done differently."""
    return {
        "small-stack": f"""
            def small_stack(kernel, in_channels, out_channels, stride=1):
                a, b = in_channels, out_channels
                if {refuse}:
                    raise ValueError(f"no stack for {{kernel}}")
                depth = {depth}
                weights = sum(9 * source * target for source, target in {pairs})
                return {layers}, weights, {saving}
        """
    }


WRONG = {
    "every convolution reads the picture": (
        features(read="in_channels"),
        {"features-plain": 1, "features-kernels": 1, "features-norm": 1},
        "reads the channels of the picture",
    ),
    "a pooling behind every convolution": (
        features(order="norm + relu + pool", end="[]"),
        {"features-plain": 1, "features-kernels": 1, "features-norm": 1},
        "not only at the end of a block",
    ),
    "no pooling at the end": (
        features(end="pool if index + 1 < len(configuration) else []"),
        {"features-plain": 1, "features-kernels": 1, "features-norm": 1},
        "the last block has no pooling",
    ),
    "a padding of 1 for every kernel": (
        features(padding="1"),
        {"features-kernels": 1, "features-norm": 1},
        "is 1 for every kernel",
    ),
    "even kernels pass": (features(even="False"), {"features-kernels": 1}, "should raise a ValueError"),
    "normalization behind the ReLU": (features(order="relu + norm"), {"features-norm": 1}, "behind the ReLU"),
    "biases before a normalization": (features(bias="True"), {"features-norm": 1}, "keep their biases"),
    "no biases in the layers": (count("channels * inputs * kernel**2"), {"count-features": 1}, "biases are left out"),
    "flat kernels": (count("channels * (kernel**2 + bias)"), {"count-features": 1}, "a kernel is flat"),
    "normalization is free": (count(norm="0"), {"count-features": 1}, "batch normalization is left out"),
    "running statistics are trained": (count(norm="4 * numbers[0]"), {"count-features": 1}, "which are not trained"),
    "the head sees one value for each channel": (
        count(column="channels"),
        {"count-head": 2, "count-sizes": 1},
        "one value for each channel",
    ),
    "the head always sees 7×7": (count(column="channels * 49"), {"count-head": 2, "count-sizes": 1}, ""),
    "all linear layers read the maps": (count(width="width"), {"count-head": 2}, "all read the maps"),
    "halves are rounded up": (count(halve="-(-side // 2)"), {"count-sizes": 1}, "the halves are rounded up"),
    "a head on nothing": (count(empty="False"), {"count-sizes": 1}, "should raise a ValueError"),
    "the picture is no volume": (volumes(start="[]"), {"volumes-listed": 1}, "the picture is left out"),
    "poolings leave nothing": (volumes(kinds='("conv",)'), {"volumes-listed": 1}, "the poolings are left out"),
    "ReLUs leave something": (volumes(kinds='("conv", "pool", "relu")'), {"volumes-listed": 1}, "have an entry, too"),
    "printed digits are cut off": (
        stands_for("(value, value + step - 1)"),
        {"stands-for-range": 1, "audit-rounded": 1},
        "cut off, not rounded",
    ),
    "half a digit in both directions": (
        stands_for("(value - step // 2, value + step // 2)"),
        {"stands-for-range": 1, "audit-rounded": 1},
        "the upper end belongs to it, too",
    ),
    "a print must be exact": (
        audit(covers="written(text) == value"),
        {"audit-rounded": 1},
        "the audit of a right table",
    ),
    "rows are counted from 1": (
        audit(rows="row + 1"),
        {"audit-exact": 1, "audit-rounded": 1},
        "rows are counted from 1",
    ),
    "a wrong total has no explanation": (
        audit(words="'unexplained'"),
        {"audit-exact": 1, "audit-rounded": 1},
        "every wrong total is called unexplained",
    ),
    "a total is right if the table adds up": (
        audit(total="round(sum(map(written, printed)))"),
        {"audit-exact": 1, "audit-rounded": 1},
        "",
    ),
    "two kernels of 3 see 6 pixels": (
        stack(depth="kernel // 3"),
        {"stack-equal": 1, "stack-wider": 1, "stack-stride": 1},
        "taken to see 6 pixels",
    ),
    "every layer goes from in to out": (
        stack(pairs="[(a, b)] * depth"),
        {"stack-wider": 1},
        "every layer of the stack",
    ),
    "the last layer widens": (
        stack(pairs="[(a, a)] * (depth - 1) + [(a, b)]"),
        {"stack-wider": 1},
        "the last layer changes the number of channels",
    ),
    "a stack always saves": (stack(saving="abs(kernel**2 * a * b - weights)"), {"stack-wider": 1}, "a loss is called"),
    "the first layer strides": (
        stack(layers="[(3, stride)] + [(3, 1)] * (depth - 1)"),
        {"stack-stride": 1},
        "sees more than 7×7",
    ),
    "every layer strides": (stack(layers="[(3, stride)] * depth"), {"stack-stride": 1}, "every layer strides"),
    "even kernels are replaced": (stack(refuse="False"), {"stack-refuse": 1}, "should raise a ValueError"),
}

RIGHT = {
    "the layers as lists, by a generator": {
        "features": """
            def feature_layers(configuration, in_channels=3, batch_norm=False):
                def walk():
                    before = in_channels
                    for block in configuration:
                        for entry in block:
                            if isinstance(entry, str):
                                yield ["lrn"]
                                continue
                            filters, size = entry if not isinstance(entry, int) else (entry, 3)
                            half, odd = divmod(size, 2)
                            if not odd:
                                raise ValueError(f"{size}x{size} cannot keep the size")
                            yield ["conv", before, filters, size, half, batch_norm is False]
                            yield from [["norm", filters]] * batch_norm
                            yield ["relu"]
                            before = filters
                        yield ["pool"]
                return list(walk())
        """
    },
    "counted by PyTorch": {
        "count": """
            def count_parameters(layers, input_size, head):
                made, left = [], input_size
                for layer in layers:
                    if layer[0] == "conv":
                        made.append(nn.Conv2d(*layer[1:4], padding=layer[4], bias=layer[5]))
                        channels = layer[2]
                    if layer[0] == "norm":
                        made.append(nn.BatchNorm2d(layer[1]))
                    left = left // 2 if layer[0] == "pool" else left
                if left < 1:
                    raise ValueError("no pixel is left")
                sizes = [channels * left * left] + head
                linear = [(a + 1) * b for a, b in zip(sizes, sizes[1:])]
                return [sum(p.numel() for m in made for p in m.parameters()), sum(linear)]
        """
    },
    "volumes by shapes": {
        "volumes": """
            def volumes(layers, input_size, head):
                shape = (layers[0][1], input_size, input_size)
                shapes = [shape]
                for layer in layers:
                    if layer[0] == "conv":
                        shape = (layer[2], *shape[1:])
                    elif layer[0] == "pool":
                        shape = (shape[0], shape[1] // 2, shape[2] // 2)
                    else:
                        continue
                    shapes.append(shape)
                return tuple(torch.Size(s).numel() for s in shapes) + tuple(head)
        """
    },
    "prints by exact decimals": {
        "stands-for": """
            def stands_for(text):
                from decimal import Decimal
                from math import ceil
                unit = Decimal({"K": 10**3, "M": 10**6}.get(text[-1], 1))
                number = Decimal(text.strip("KM"))
                half = Decimal((0, (5,), number.as_tuple().exponent - 1))
                return [ceil((number - half) * unit), ceil((number + half) * unit) - 1]
        """
    },
    "an audit with sets and early words": audit(
        covers="value in range(stands_for(text)[0], stands_for(text)[1] + 1)", rows="int(row)"
    ),
    "a stack by walking": {
        "small-stack": """
            def small_stack(kernel, in_channels, out_channels, stride=1):
                seen, layers, weights, source = 1, [], 0, in_channels
                while seen < kernel:
                    seen += 2
                    layers.append([3, 1])
                    weights += 3 * 3 * source * out_channels
                    source = out_channels
                if seen != kernel or not layers:
                    raise ValueError(f"{kernel} is not reached")
                layers[-1][1] = stride
                return tuple(layers), weights, in_channels * out_channels * kernel * kernel - weights
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
