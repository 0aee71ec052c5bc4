"""The checks of the assignment: each misconception loses exactly its points, right answers lose none."""

import pytest
from assignments.grading_of import lost, words

TOPIC = "occlusion"


def sliding(
    rows="range(0, picture.shape[1] - patch[0] + 1, stride[0])",
    columns="range(0, picture.shape[2] - patch[1] + 1, stride[1])",
    fill="torch.tensor(fill, dtype=picture.dtype).reshape(-1, 1, 1)",
    start="picture.clone()",
    end="torch.stack(answers).reshape(len(rows), len(columns))",
):
    return {
        "occlusion-map": f"""
            def occlusion_map(picture, key, patch, stride, fill):
                colour, rows, columns, answers = {fill}, {rows}, {columns}, []
                picture = picture.clone()
                for row in rows:
                    for column in columns:
                        covered = {start}
                        covered[:, row : row + patch[0], column : column + patch[1]] = colour
                        answers.append(suspect(covered[None], key)[0])
                return {end}
        """
    }


def reaching(
    first="max(0, -(-(first + padding - kernel_size + 1) // stride))",
    last="min(size - 1, (last + padding) // stride)",
    none="if first > last: return None",
):
    return {
        "changed": f"""
            def changed(first, last, size, layers):
                for layer in layers:
                    kernel_size, stride, padding = layer["kernel_size"], layer["stride"], layer["padding"]
                    size = (size + 2 * padding - kernel_size) // stride + 1
                    first, last = {first}, {last}
                    {none}
                return first, last
        """
    }


def cue(
    place="int(rows[0]), int(columns[0])",
    size="int(rows[-1] - rows[0]) + 1",
    patch="(1, 1)",
):
    return {
        "find-cue": f"""
            def find_cue(picture, key):
                answers = occlusion_map(picture, key, {patch}, (1, 1), [0.0] * len(picture))
                reacts = answers != suspect(picture[None], key)[0]
                rows, columns = reacts.any(dim=1).nonzero().flatten(), reacts.any(dim=0).nonzero().flatten()
                return {place}, {size}
        """
    }


def detective(grey="(0.5 - mean) / std", black="(0.0 - mean) / std", zero="0.0"):
    return {
        "fill-used": f"""
            def fill_used(picture, key, mean, std, patch, stride, published):
                normalised, best = (picture - mean) / std, None
                for name, fill in (("grey", {grey}), ("black", {black}), ("mean", {zero})):
                    found = occlusion_map(normalised, key, patch, stride, [fill] * len(picture))
                    error = float((found - published).abs().sum())
                    if best is None or error < best[0]:
                        best = error, name
                return best[1]
        """
    }


WHOLE_MAP = {"map-shape": 1, "map-values": 2, "map-fill": 2}

WRONG = {
    "the occluder hangs over the border": (
        sliding("range(0, picture.shape[1], stride[0])", "range(0, picture.shape[2], stride[1])"),
        WHOLE_MAP | {"fill-found": 2},
        "shape",
    ),
    "columns before rows": (
        sliding(end="torch.stack(answers).reshape(len(rows), len(columns)).T"),
        WHOLE_MAP | {"cue-place": 2, "fill-found": 2},
        "rows and columns are swapped",
    ),
    "nothing is uncovered again": (
        sliding(start="picture"),
        {"map-values": 2, "map-fill": 2, "cue-place": 2, "cue-size": 1, "fill-found": 2},
        "paint over a copy each time",
    ),
    "the fall of the probability": (
        sliding(end="suspect(picture[None], key)[0] - torch.stack(answers).reshape(len(rows), len(columns))"),
        {"map-values": 2, "map-fill": 2, "cue-place": 2, "cue-size": 1, "fill-found": 2},
        "how far the probability falls",
    ),
    "always black": (sliding(fill="0.0"), {"map-fill": 2, "fill-found": 2}, "whatever fill says"),
    "one colour for all channels": (sliding(fill="fill[0]"), {"map-fill": 2}, "first number of fill"),
    "what a unit reads": (
        reaching("first * stride - padding", "last * stride - padding + kernel_size - 1"),
        {"changed-one": 1, "changed-many": 2, "changed-none": 1},
        "which units read the pixels",
    ),
    "without padding": (
        reaching("max(0, -(-(first - kernel_size + 1) // stride))", "min(size - 1, last // stride)"),
        {"changed-one": 1, "changed-many": 2},
        "padding is forgotten",
    ),
    "without the kernel": (
        reaching("first // stride", "min(size - 1, last // stride)"),
        {"changed-one": 1, "changed-many": 2, "changed-none": 1},
        "not the size of the kernel",
    ),
    "rounded down": (
        reaching("max(0, (first + padding - kernel_size + 1) // stride)"),
        {"changed-one": 1, "changed-many": 2, "changed-none": 1},
        "rounded down",
    ),
    "over the border": (
        reaching("-(-(first + padding - kernel_size + 1) // stride)", "(last + padding) // stride"),
        {"changed-many": 2, "changed-none": 1},
        "",
    ),
    "an empty interval": (reaching(none=""), {"changed-many": 2, "changed-none": 1}, ""),
    "the size one too small": (cue(size="int(rows[-1] - rows[0])"), {"cue-size": 1}, "one too small"),
    "the last row and column": (cue("int(rows[-1]), int(columns[-1])"), {"cue-place": 2}, "last row and column"),
    "row and column of the cue swapped": (
        cue("int(columns[0]), int(rows[0])"),
        {"cue-place": 2},
        "row and column are swapped",
    ),
    "a large occluder": (cue(patch="(3, 3)"), {"cue-place": 2, "cue-size": 1}, ""),
    "zero is black": (
        detective(black="0.0", zero="(0.0 - mean) / std"),
        {"fill-found": 2},
        "0 in a normalised picture is not black",
    ),
    "grey is not normalised": (detective(grey="0.5"), {"fill-found": 2}, ""),
}

RIGHT = {
    "all pictures in one batch": {
        "occlusion-map": """
            def occlusion_map(picture, key, patch, stride, fill):
                (height, width), (down, right) = patch, stride
                places = (torch.tensor(picture.shape[1:]) - torch.tensor(patch)) // torch.tensor(stride) + 1
                batch = picture.expand(int(places.prod()), -1, -1, -1).clone()
                for number, covered in enumerate(batch):
                    row, column = divmod(number, int(places[1]))
                    for channel, value in enumerate(fill):
                        covered[channel, row * down :][:height, column * right :][:, :width] = value
                return suspect(batch, key).view(*places.tolist())
        """
    },
    "a list of lists": sliding(end="torch.stack(answers).reshape(len(rows), len(columns)).tolist()")
    | {
        "find-cue": """
            def find_cue(picture, key):
                answers = torch.tensor(occlusion_map(picture, key, (1, 1), (1, 1), [0.0] * len(picture)))
                reacts = (answers.double() - float(suspect(picture[None], key)[0])).abs() > 1e-7
                places = reacts.nonzero()
                first, last = places.min(dim=0).values, places.max(dim=0).values
                return [*first.tolist(), int(last[1] - first[1]) + 1]
        """,
        "fill-used": """
            def fill_used(picture, key, mean, std, patch, stride, published):
                errors = {}
                for name, value in {"grey": 0.5, "black": 0.0, "mean": mean}.items():
                    fill = [(value - mean) / std] * 3
                    found = torch.tensor(occlusion_map((picture - mean) / std, key, patch, stride, fill))
                    errors[float((found - published).norm())] = name
                return errors[min(errors)]
        """,
    },
    "what can have changed, by trying": {
        "changed": """
            def changed(first, last, size, layers):
                marked = [first <= place <= last for place in range(size)]
                for layer in layers:
                    k, s, p = (layer[name] for name in ("kernel_size", "stride", "padding"))
                    padded = [False] * p + marked + [False] * p
                    marked = [any(padded[start : start + k]) for start in range(0, len(padded) - k + 1, s)]
                places = [place for place, mark in enumerate(marked) if mark]
                return [places[0], places[-1]] if places else None
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
