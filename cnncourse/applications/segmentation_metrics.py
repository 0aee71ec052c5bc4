"""How good a segmentation is: the four measures of Long et al. 2015, section 5, and a score of the outlines alone.

From n[i, j], the pixels of class i taken for j, and t[i] = Σ_j n[i, j]: pixel accuracy Σ n[i, i] / Σ t[i], mean
accuracy, mean IU n[i, i] / (t[i] + Σ_j n[j, i] − n[i, i]), and the same weighted by t[i].

Chapter: `applications/fcn`.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from cnncourse.workbench import checks


def confusion_matrix(prediction: Tensor, truth: Tensor, classes: int, ignore: int | None = None) -> Tensor:
    """Count pixels by what they are and what they are taken for.

    Matrices of several pictures may be added: the measures are taken over all pixels, not as means over pictures.

    Parameters
    ----------
    prediction, truth
        Class of every pixel, whole numbers from 0, of one shape, for example (N, H, W).
    ignore
        A label of `truth` whose pixels do not count, whatever is predicted there; 255 in PASCAL VOC.

    Returns
    -------
    Tensor
        int64 (classes, classes); row: the truth, column: the prediction.

    Raises
    ------
    TypeError, ValueError
        If these are no maps of whole numbers of one shape, or a label is out of range.
    """
    checks.whole_number("classes", classes, 1, "The background counts as a class.")
    _check_labels(prediction, truth)
    _check_ignore(ignore)
    truth, prediction = truth.long(), prediction.long()
    counted = torch.ones_like(truth, dtype=torch.bool) if ignore is None else truth != ignore
    truth, prediction = truth[counted], prediction[counted]
    for name, labels in {"truth": truth, "prediction": prediction}.items():
        outside = labels[(labels < 0) | (labels >= classes)]
        if len(outside):
            remedy = "give it as `ignore` if it stands for no class" if name == "truth" else "is `classes` too small?"
            raise ValueError(f"{name} has the label {int(outside[0])}, but classes are 0 to {classes - 1}; {remedy}")
    return torch.bincount(truth * classes + prediction, minlength=classes**2).view(classes, classes)


def pixel_accuracy(confusion: Tensor) -> float:
    """Share of the pixels that are right; nan if there are none."""
    n = _counts(confusion)
    return float(n.diagonal().sum() / n.sum())


def class_accuracies(confusion: Tensor) -> Tensor:
    """Share of each class's pixels that are right, float64 (classes,); nan for a class that does not occur."""
    n = _counts(confusion)
    return n.diagonal() / n.sum(dim=1)


def mean_accuracy(confusion: Tensor) -> float:
    """Mean of `class_accuracies` over the classes that occur; nan if none does."""
    return float(class_accuracies(confusion).nanmean())


def class_ious(confusion: Tensor) -> Tensor:
    """Intersection over union of each class, float64 (classes,); nan for one neither there nor predicted."""
    n = _counts(confusion)
    return n.diagonal() / (n.sum(dim=0) + n.sum(dim=1) - n.diagonal())


def mean_iou(confusion: Tensor) -> float:
    """Mean of `class_ious` over the classes that are there or predicted; nan if there is no pixel."""
    return float(class_ious(confusion).nanmean())


def frequency_weighted_iou(confusion: Tensor) -> float:
    """Mean of `class_ious`, each weighted by the share of its pixels in the truth; nan if there is no pixel."""
    n = _counts(confusion)
    frequency = n.sum(dim=1) / n.sum()
    return float((frequency * class_ious(confusion).nan_to_num()).sum())


def boundary(mask: Tensor) -> Tensor:
    """The pixels of a mask that touch a pixel outside it by a side, bool (H, W); the picture's edge is no boundary."""
    checks.tensor("mask", mask, "H W")
    mask = mask.bool()
    outside = ~mask
    touched = torch.zeros_like(mask)
    touched[1:] |= outside[:-1]
    touched[:-1] |= outside[1:]
    touched[:, 1:] |= outside[:, :-1]
    touched[:, :-1] |= outside[:, 1:]
    return mask & touched


def boundary_f_scores(prediction: Tensor, truth: Tensor, tolerance: float = 1.0) -> dict[int, float]:
    """F-score of each class's outline in one picture (Csurka et al. 2013).

    Precision is the share of the predicted boundary's pixels that lie within `tolerance` (pixels, Euclidean) of the
    true one, recall the share of the true boundary within reach of the predicted; F is their harmonic mean.

    Parameters
    ----------
    prediction, truth
        Class of every pixel, (H, W).

    Returns
    -------
    dict
        For every label in either map: 0 if only one of them has such a boundary, nan if neither has.

    Raises
    ------
    TypeError, ValueError
        If these are no maps of whole numbers of one shape, or the tolerance is negative.
    """
    _check_labels(prediction, truth)
    checks.tensor("truth", truth, "H W")
    checks.number("tolerance", tolerance, 0)
    labels = sorted({*prediction.flatten().tolist(), *truth.flatten().tolist()})
    return {label: _f_score(boundary(prediction == label), boundary(truth == label), tolerance) for label in labels}


def boundary_f_score(prediction: Tensor, truth: Tensor, tolerance: float = 1.0) -> float:
    """Mean of `boundary_f_scores` over the classes that have a boundary in either map; nan if none has."""
    return float(torch.tensor(list(boundary_f_scores(prediction, truth, tolerance).values())).nanmean())


def _f_score(predicted: Tensor, true: Tensor, tolerance: float) -> float:
    if not predicted.any() and not true.any():
        return math.nan
    if not predicted.any() or not true.any():
        return 0.0
    precision = float(_near(true, tolerance)[predicted].double().mean())
    recall = float(_near(predicted, tolerance)[true].double().mean())
    return 2 * precision * recall / (precision + recall) if precision + recall > 0 else 0.0


def _near(pixels: Tensor, tolerance: float) -> Tensor:
    """Pixels within some distance of marked ones: the marks are spread by a disc."""
    reach = min(int(tolerance), max(pixels.shape))
    offsets = torch.arange(-reach, reach + 1, device=pixels.device)
    disc = (offsets[:, None].square() + offsets.square() <= tolerance**2).float()
    return F.conv2d(pixels[None, None].float(), disc[None, None], padding=reach)[0, 0] > 0.5


def _counts(confusion: Tensor) -> Tensor:
    checks.tensor("confusion", confusion, "classes classes")
    if confusion.shape[0] != confusion.shape[1] or len(confusion) == 0:
        raise ValueError(f"confusion has shape {tuple(confusion.shape)}; expected a row and a column for each class")
    if confusion.is_complex() or bool((confusion < 0).any()):
        raise ValueError("confusion holds what are no counts; they are whole numbers from 0")
    return confusion.double()


def _check_labels(prediction: Tensor, truth: Tensor) -> None:
    for name, labels in {"prediction": prediction, "truth": truth}.items():
        if not isinstance(labels, Tensor):
            raise TypeError(f"{name} is a {type(labels).__name__}; it must be a tensor, the class of every pixel")
        if labels.is_floating_point() or labels.is_complex():
            raise TypeError(f"{name} holds {labels.dtype}; classes are whole numbers: take `argmax` over the scores")
    if prediction.shape != truth.shape:
        raise ValueError(f"prediction has shape {tuple(prediction.shape)}, but truth {tuple(truth.shape)}")


def _check_ignore(ignore: object) -> None:
    if ignore is not None and (isinstance(ignore, bool) or not isinstance(ignore, int)):
        raise ValueError(f"ignore is {ignore!r}; it must be a label (an int), or None if all pixels count")
