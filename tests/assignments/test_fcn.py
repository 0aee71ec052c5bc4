"""The checks of the assignment: each misconception loses exactly its points, right answers lose none."""

import pytest
from assignments.grading_of import lost, words

TOPIC = "fcn"


def folded(kernel="weight.view(len(weight), height, width, channels).permute(0, 3, 1, 2)", between=".relu()", last=""):
    return {
        "fold": f"""
            def fold(weight, channels, height, width):
                return {kernel}

            def right(weight, channels, height, width):
                return weight.view(len(weight), height, width, channels).permute(0, 3, 1, 2)

            def score_map(maps, weight1, bias1, weight2, bias2, height, width):
                units = F.conv2d(maps, right(weight1, maps.shape[1], height, width), bias1){between}
                return F.conv2d(units, weight2[:, :, None, None], bias2){last}
        """
    }


def fused(
    doubled="F.interpolate(coarse, scale_factor=2, mode='bilinear')",
    fitted="doubled[:, :, : fine.shape[2], : fine.shape[3]]",
    total="fitted + skip",
):
    return {
        "fuse": f"""
            def fuse(coarse, fine, weight, bias):
                doubled = {doubled}
                fitted = {fitted}
                skip = F.conv2d(fine, weight[:, :, None, None], bias)
                return {total}
        """
    }


def measured(
    counted="truth != ignore",
    union="there + said - right",
    occurs="union > 0",
    weights="there",
    accuracies="right[there > 0] / there[there > 0]",
    pixel="right.sum() / there.sum()",
    before="",
):
    return {
        "measures": f"""
            def measures(prediction, truth, classes, ignore=255):
                everything = truth.numel()
                {before}
                counted = {counted}
                all_said = torch.bincount(prediction.flatten(), minlength=classes)[:classes].double()
                prediction, truth = prediction[counted], truth[counted]
                right = torch.bincount(truth[prediction == truth], minlength=classes)[:classes].double()
                there = torch.bincount(truth, minlength=classes)[:classes].double()
                said = torch.bincount(prediction, minlength=classes)[:classes].double()
                union = {union}
                occurs = {occurs}
                iou = (right / union).nan_to_num()
                weighted = ({weights} * iou).sum() / {weights}.sum()
                accuracies = {accuracies}
                return torch.stack([{pixel}, accuracies.mean(), iou[occurs].mean(), weighted])
        """
    }


WRONG = {
    "torch's order": (
        folded(kernel="weight.view(len(weight), channels, height, width)"),
        {"fold-kernel": 2},
        "in the order (channels, height, width)",
    ),
    "height and width exchanged": (
        folded(kernel="weight.view(len(weight), width, height, channels).permute(0, 3, 2, 1)"),
        {"fold-kernel": 2},
        "height and width are exchanged",
    ),
    "no ReLU": (folded(between=""), {"fold-map": 2}, "no ReLU between"),
    "a ReLU behind the scores": (folded(last=".relu()"), {"fold-map": 2}, "behind the last layer"),
    "copied scores": (
        fused(doubled="F.interpolate(coarse, scale_factor=2, mode='nearest')"),
        {"fuse-even": 2, "fuse-odd": 2},
        "copied to four places",
    ),
    "aligned corners": (
        fused(doubled="F.interpolate(coarse, scale_factor=2, mode='bilinear', align_corners=True)"),
        {"fuse-even": 2, "fuse-odd": 2},
        "the corners are aligned",
    ),
    "the mean of both": (
        fused(total="(fitted + skip) / 2"),
        {"fuse-even": 2, "fuse-odd": 2},
        "the mean of both scores",
    ),
    "squeezed to fit": (
        fused(doubled="F.interpolate(coarse, size=fine.shape[2:], mode='bilinear')", fitted="doubled"),
        {"fuse-odd": 2},
        "squeezed into the size",
    ),
    "cut off on the left": (
        fused(fitted="doubled[:, :, -fine.shape[2]:, -fine.shape[3]:]"),
        {"fuse-odd": 2},
        "cut off on the left",
    ),
    "the overlap counted twice": (
        measured(union="there + said"),
        {"measures-plain": 2, "measures-ignored": 2, "reported-number": 2},
        "counts the overlap twice",
    ),
    "weights of the prediction": (
        measured(weights="said"),
        {"measures-plain": 2, "measures-ignored": 2},
        "the predicted areas",
    ),
    "precision for accuracy": (
        measured(accuracies="(right / said)[said > 0]"),
        {"measures-plain": 2, "measures-ignored": 2},
        "that is precision",
    ),
    "absent classes are zeros": (
        measured(occurs="torch.ones_like(union, dtype=torch.bool)", accuracies="(right / there).nan_to_num()"),
        {"measures-plain": 2, "measures-ignored": 2, "reported-number": 2},
        "enters the mean accuracy",
    ),
    "ignored pixels as predicted area": (
        measured(union="there + all_said - right"),
        {"measures-ignored": 2},
        "ignored pixels count as predicted area",
    ),
    "ignored pixels are wrong": (
        measured(pixel="right.sum() / everything"),
        {"measures-ignored": 2},
        "ignored pixels count as wrong",
    ),
    "the right mean IU": (
        {
            "reported": """
                def reported(predictions, truths, classes):
                    return float(measures(predictions, truths, classes)[2])
            """
        },
        {"reported-number": 2},
        "from all pixels together",
    ),
}

RIGHT = {
    "moved axes, and windows unfolded": {
        "fold": """
            def fold(weight, channels, height, width):
                return torch.stack([row.reshape(height, width, channels).movedim(-1, 0) for row in weight])

            def score_map(maps, weight1, bias1, weight2, bias2, height, width):
                windows = maps.unfold(2, height, 1).unfold(3, width, 1)
                rows = windows.permute(0, 2, 3, 4, 5, 1).flatten(3)
                return F.linear(F.linear(rows, weight1, bias1).relu(), weight2, bias2).movedim(3, 1)
        """
    },
    "a transposed convolution, and a sum over channels": {
        "fuse": """
            def fuse(coarse, fine, weight, bias):
                tent = torch.tensor([0.25, 0.75, 0.75, 0.25])
                kernel = torch.eye(coarse.shape[1])[:, :, None, None] * torch.outer(tent, tent)
                wide = F.pad(coarse, (1, 1, 1, 1), mode="replicate")
                doubled = F.conv_transpose2d(wide, kernel, stride=2, padding=3)
                height, width = fine.shape[2:]
                skip = torch.einsum("kc,nchw->nkhw", weight, fine) + bias.view(1, -1, 1, 1)
                return doubled[..., :height, :width] + skip
        """
    },
    "measures by loops": {
        "measures": """
            def measures(prediction, truth, classes, ignore=255):
                pairs = [(t, p) for t, p in zip(truth.flatten().tolist(), prediction.flatten().tolist()) if t != ignore]
                accuracies, ious, weighted = [], [], 0.0
                for k in range(classes):
                    there = sum(t == k for t, _ in pairs)
                    hit = sum(t == p == k for t, p in pairs)
                    either = sum(k in pair for pair in pairs)
                    if there:
                        accuracies.append(hit / there)
                    if either:
                        ious.append(hit / either)
                        weighted += there * hit / either
                right = sum(t == p for t, p in pairs) / len(pairs)
                mean = lambda values: sum(values) / len(values)
                return torch.tensor([right, mean(accuracies), mean(ious), weighted / len(pairs)])
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
