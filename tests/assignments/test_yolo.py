"""The checks of the assignment: each misconception loses exactly its points, right answers lose none."""

import pytest
from assignments.grading_of import lost, words

TOPIC = "yolo"


def grid(
    order="sorted(range(len(boxes)), key=lambda i: area[i])",
    point="((x1 + x2) / 2, (y1 + y2) / 2)",
    cell="x - int(x), y - int(y)",
    sides="(x2 - x1) / width, (y2 - y1) / height",
    outside="continue",
    place="int(y), int(x)",
):
    return {
        "targets": f"""
            def targets(boxes, labels, height, width, rows, columns, classes):
                result = torch.zeros(rows, columns, 5 + classes)
                area = [(b[2] - b[0]) * (b[3] - b[1]) for b in boxes.tolist()]
                for i in {order}:
                    x1, y1, x2, y2 = boxes[i].tolist()
                    x, y = {point}
                    x, y = x / width * columns, y / height * rows
                    if x < 0 or y < 0 or x >= columns or y >= rows:
                        {outside}
                    row, column = {place}
                    result[row, column] = 0
                    result[row, column, :5] = torch.tensor([{cell}, {sides}, 1.0])
                    result[row, column, 5 + labels[i]] = 1
                return result
        """
    }


def answering(scale="grid", chosen="overlap.index(max(overlap))"):
    return {
        "responsible": f"""
            def responsible(predicted, truth, grid):
                overlap = []
                for x, y, w, h, _ in predicted.tolist():
                    tx, ty, tw, th = truth.tolist()
                    x, tx, y, ty = (v / {scale} for v in (x, tx, y, ty))
                    wide = min(x + w / 2, tx + tw / 2) - max(x - w / 2, tx - tw / 2)
                    high = min(y + h / 2, ty + th / 2) - max(y - h / 2, ty - th / 2)
                    shared = max(0, wide) * max(0, high)
                    overlap.append(shared / (w * h + tw * th - shared))
                return {chosen}
        """
    }


def summed(
    answer="int(answers[r, c])",
    place="5",
    root="** 0.5",
    aim="overlaps[r, c]",
    quiet="0.5",
    others="k != mine",
    classes="targets[r, c, 4] > 0",
    mean="",
):
    return {
        "terms": f"""
            def terms(predictions, targets, answers, overlaps, boxes):
                result = torch.zeros(5, dtype=predictions.dtype)
                for r in range(predictions.shape[0]):
                    for c in range(predictions.shape[1]):
                        cell, wanted = predictions[r, c], targets[r, c]
                        mine = {answer} if targets[r, c, 4] > 0 else None
                        if mine is not None:
                            x, y, w, h, sure = cell[5 * mine : 5 * mine + 5]
                            result[0] += {place} * ((x - wanted[0]) ** 2 + (y - wanted[1]) ** 2)
                            for side, other in ((w, wanted[2]), (h, wanted[3])):
                                result[1] += {place} * (side {root} - other {root}) ** 2
                            result[2] += (sure - {aim}) ** 2
                        for k in range(boxes):
                            if {others}:
                                result[3] += {quiet} * cell[5 * k + 4] ** 2
                        if {classes}:
                            result[4] += ((cell[5 * boxes :] - wanted[5:]) ** 2).sum()
                return result{mean}
        """
    }


def counted(first="grid**2 * (5 * boxes + classes)", second="grid**2 * boxes * (5 + classes)"):
    return {
        "outputs": f"""
            def outputs(grid, boxes, classes):
                return {first}, {second}
        """
    }


OBJECT, EMPTY = {"terms-object": 2}, {"terms-empty": 2}
WRONG = {
    "the centre as a share of the picture": (
        grid(cell="x / columns, y / rows"),
        {"targets-values": 2, "targets-cells": 2},
        "as a share of the picture, not within its cell",
    ),
    "the corner decides": (grid(point="x1, y1"), {"targets-values": 2, "targets-cells": 2}, "the upper left corner"),
    "sizes in cells": (
        grid(sides="(x2 - x1) / width * columns, (y2 - y1) / height * rows"),
        {"targets-values": 2, "targets-cells": 2},
        "measured in cells",
    ),
    "sizes in pixels": (grid(sides="x2 - x1, y2 - y1"), {"targets-values": 2, "targets-cells": 2}, "left in pixels"),
    "the last of two stays": (grid(order="range(len(boxes))"), {"targets-cells": 2}, "of which the larger keeps it"),
    "centres outside are clamped": (
        grid(
            outside="x, y = min(max(x, 0), columns - 1e-4), min(max(y, 0), rows - 1e-4)",
        ),
        {"targets-cells": 2},
        "whose centres lie outside",
    ),
    "the surest answers": (
        answering(chosen="int(predicted[:, 4].argmax())"),
        {"responsible-box": 2},
        "the confidence decides",
    ),
    "one unit for all": (answering(scale="1"), {"responsible-box": 2}, "treated as shares of the picture"),
    "no square roots": (summed(root="* 1"), OBJECT, "without square roots"),
    "a confidence of one": (summed(aim="1"), OBJECT | EMPTY, "drawn to 1, not to the overlap"),
    "places weigh 1": (summed(place="1"), OBJECT, "λ_coord is forgotten"),
    "silence weighs 1": (summed(quiet="1"), EMPTY, "λ_noobj is forgotten"),
    "the first box answers": (summed(answer="0"), OBJECT | EMPTY, "the first box answers"),
    "silence in empty cells alone": (
        summed(others="mine is None"),
        EMPTY,
        "may say what it likes",
    ),
    "empty cells learn classes": (summed(classes="True"), OBJECT | EMPTY, "empty cells learn classes"),
    "averaged": (summed(mean=" / targets[..., 0].numel()"), OBJECT | EMPTY, "averaged over the cells"),
    "exchanged": (
        counted("grid**2 * boxes * (5 + classes)", "grid**2 * (5 * boxes + classes)"),
        {"outputs-pair": 2},
        "the slide's number is 1470",
    ),
    "the slide believed": (counted("grid**2 * boxes * (5 + classes)"), {"outputs-pair": 2}, "the slide is wrong"),
}

RIGHT = {
    "a grid from the largest object down": {
        "targets": """
            def targets(boxes, labels, height, width, rows, columns, classes):
                result, taken = torch.zeros(rows, columns, 5 + classes), set()
                sizes = boxes[:, 2:] - boxes[:, :2]
                for i in sizes.prod(dim=1).argsort(descending=True).tolist():
                    whole, cells = torch.tensor([width, height]), torch.tensor([columns, rows])
                    centre = (boxes[i, :2] + sizes[i] / 2) / whole * cells
                    column, row = (int(v) for v in centre.floor())
                    if not (0 <= row < rows and 0 <= column < columns) or (row, column) in taken:
                        continue
                    taken.add((row, column))
                    share = sizes[i] / torch.tensor([width, height])
                    result[row, column, :5] = torch.cat([centre - centre.floor(), share, torch.ones(1)])
                    result[row, column, 5 + labels[i]] = 1
                return result
        """
    },
    "a grid with the smallest first": grid(),
    "overlaps by loops": answering(),
    "terms by loops": summed(),
    "outputs by powers": counted(),
}


@pytest.mark.parametrize("misconception", WRONG)
def test_a_misconception_loses_exactly_its_points(misconception):
    answers, points, told = WRONG[misconception]
    assert lost(TOPIC, answers) == points
    assert told in words(TOPIC, answers)


@pytest.mark.parametrize("way", RIGHT)
def test_a_right_answer_written_differently_loses_nothing(way):
    assert lost(TOPIC, RIGHT[way]) == {}
