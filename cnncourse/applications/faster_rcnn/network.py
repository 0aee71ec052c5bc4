"""The network: shared convolutions, a proposal network over anchors, and a head that looks into each proposal.

p(object) and (tx, ty, tw, th) for every anchor → proposals → RoI align → classes and moves of each proposal
Paper: Ren et al. 2015, figure 2 and section 3.

Chapter: `applications/faster_rcnn`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from cnncourse.applications.anchors import anchor_grid, match
from cnncourse.applications.average_precision import Detections
from cnncourse.applications.boxes import areas, clip, decode, encode
from cnncourse.applications.faster_rcnn.losses import (
    loss_box_reg,
    loss_classifier,
    loss_objectness,
    loss_rpn_box_reg,
)
from cnncourse.applications.faster_rcnn.regions import roi_align
from cnncourse.applications.faster_rcnn.sampling import label_regions, sample
from cnncourse.applications.suppression import non_maximum_suppression
from cnncourse.data.scenes import CLASSES
from cnncourse.workbench import checks

STRIDE = 8
SIZES, RATIOS = (20.0, 32.0, 50.0), (0.5, 1.0, 2.0)
GROWTH = 1000 / 16  # a side grows by this factor at most
LOSSES = ("loss_objectness", "loss_rpn_box_reg", "loss_classifier", "loss_box_reg")
_MOVE_SCALES = (10.0, 10.0, 5.0, 5.0)  # targets of the head are small; so all four get a spread of about 1


@dataclass(frozen=True)
class Choices:
    """How many boxes go where, and what counts as what."""

    anchors_sampled: int = 128
    regions_sampled: int = 32
    regions_positive: float = 0.5
    before_suppression: int = 200
    proposals: int = 40
    proposal_iou: float = 0.7
    smallest_side: float = 2.0
    smallest_score: float = 0.05
    detection_iou: float = 0.4
    detections: int = 20


class Proposals(NamedTuple):
    """What the proposal network says about one image, for each anchor: `logits` (A,), `moves` (A, 4), `boxes` (A, 4).

    `boxes` are the anchors after their moves, cut at the border of the image; `kept` are the indices of those that
    the head looks at, best first.
    """

    logits: Tensor
    moves: Tensor
    boxes: Tensor
    kept: Tensor


class FasterRCNN(nn.Module):
    """One network for all steps. Calling it with images returns what it finds; `losses` is what it learns from.

    Parameters
    ----------
    classes
        Classes of objects, without the background.
    bins
        Each proposal becomes bins · bins cells.
    choices
        Numbers of samples and thresholds.
    regions
        `roi_align` or `roi_pool`; it may be changed later.
    """

    def __init__(
        self,
        classes: int = len(CLASSES),
        bins: int = 5,
        choices: Choices | None = None,
        regions: Callable[..., Tensor] = roi_align,
    ) -> None:
        super().__init__()
        checks.whole_number("classes", classes, 1, "Do not count the background.")
        self.classes, self.bins = classes, checks.whole_number("bins", bins, 1, "The paper uses 7.")
        self.choices = Choices() if choices is None else choices
        self.regions = regions
        width, anchors = 96, len(SIZES) * len(RATIOS)
        self.backbone = nn.Sequential(
            *_convolution(3, 16, kernel_size=4, stride=2),
            *_convolution(16, 32),
            nn.MaxPool2d(2),
            *_convolution(32, 64),
            *_convolution(64, 64),
            nn.MaxPool2d(2),
            *_convolution(64, width),
            *_convolution(width, width),
        )
        self.rpn = nn.ModuleDict(
            {
                "hidden": nn.Sequential(nn.Conv2d(width, width, 3, padding=1), nn.ReLU()),
                "objectness": nn.Conv2d(width, anchors, 1),
                "moves": nn.Conv2d(width, anchors * 4, 1),
            }
        )
        self.head = nn.ModuleDict(
            {
                "hidden": nn.Sequential(nn.Flatten(), nn.Linear(width * bins * bins, 96), nn.ReLU()),
                "classes": nn.Linear(96, classes + 1),
                "moves": nn.Linear(96, classes * 4),
            }
        )
        for part in (self.rpn["objectness"], self.rpn["moves"], self.head["classes"], self.head["moves"]):
            nn.init.normal_(part.weight, std=0.01)  # type: ignore[arg-type]
            nn.init.zeros_(part.bias)  # type: ignore[arg-type]

    def forward(self, images: Tensor) -> list[Detections]:
        """Find objects in images (N, 3, H, W) of any size, prepared as `SceneSet` gives them."""
        features, proposals = self.propose(images)
        if not proposals:
            return []
        regions, owners = _together([one.boxes[one.kept] for one in proposals])
        logits, moves = self.look(features, regions, owners)
        size = (images.shape[2], images.shape[3])
        probabilities = logits.softmax(dim=1)
        return [
            self._detections(regions[mine], probabilities[mine], moves[mine], size)
            for mine in (owners == index for index in range(len(images)))
        ]

    def propose(self, images: Tensor) -> tuple[Tensor, list[Proposals]]:
        """The map that all share, (N, C, H/8, W/8), and what the proposal network says about each image."""
        checks.tensor("images", images, "N C H W", C=3)
        if min(images.shape[2:]) < 1:
            raise ValueError(f"images have shape {tuple(images.shape)}; they need at least one pixel")
        size = (images.shape[2], images.shape[3])
        features = self.backbone(_padded(images)).float()
        hidden = self.rpn["hidden"](features)
        logits = self.rpn["objectness"](hidden).permute(0, 2, 3, 1).flatten(1).float()  # (N, H·W·A)
        moves = self.rpn["moves"](hidden).permute(0, 2, 3, 1).flatten(1).unflatten(1, (-1, 4)).float()
        anchors = self.anchors(size).to(images.device)
        return features, [
            self._proposals(anchors, logit, move, size) for logit, move in zip(logits, moves, strict=True)
        ]

    def anchors(self, size: tuple[int, int]) -> Tensor:
        """All anchors (A, 4) of an image of `size` (height, width)."""
        cells = (-(-size[0] // STRIDE), -(-size[1] // STRIDE))
        return anchor_grid(cells, STRIDE, SIZES, RATIOS)

    def look(self, features: Tensor, regions: Tensor, owners: Tensor) -> tuple[Tensor, Tensor]:
        """Class logits (R, classes + 1), the background first, and moves (R, classes, 4) of regions (R, 4)."""
        pooled = self.regions(features, regions, owners, STRIDE, self.bins)
        hidden = self.head["hidden"](pooled)
        moves = self.head["moves"](hidden).unflatten(1, (self.classes, 4))
        return self.head["classes"](hidden).float(), moves.float()

    def losses(self, images: Tensor, boxes: Tensor, labels: Tensor) -> dict[str, Tensor]:
        """The four losses of a batch.

        Parameters
        ----------
        images, boxes, labels
            (N, 3, H, W), (N, M, 4) and (N, M), as `SceneSet.for_detection` gives them: label −1 means no object.
            Boxes are cut at the border of the image; those that lie outside are left out.
        """
        features, proposals = self.propose(images)
        size = (images.shape[2], images.shape[3])
        truth = [_real(b, one, size) for b, one in zip(boxes, labels, strict=True)]
        first = self._proposal_losses(self.anchors(size).to(images.device), proposals, truth)
        return first | self._head_losses(features, proposals, truth)

    def _proposals(self, anchors: Tensor, logits: Tensor, moves: Tensor, size: tuple[int, int]) -> Proposals:
        with torch.no_grad():  # where a proposal lies is a fact for the head, not a thing to learn through
            boxes = clip(decode(anchors, moves, GROWTH), size)
            wide = (boxes[:, 2:] - boxes[:, :2] >= min(self.choices.smallest_side, *size)).all(dim=1)
            best = logits.masked_fill(~wide, -torch.inf).topk(min(self.choices.before_suppression, len(logits)))
            candidates = best.indices[best.values > -torch.inf]
            kept = non_maximum_suppression(boxes[candidates], logits[candidates], self.choices.proposal_iou)
        return Proposals(logits, moves, boxes, candidates[kept[: self.choices.proposals]])

    def _proposal_losses(
        self, anchors: Tensor, proposals: list[Proposals], truth: list[tuple[Tensor, Tensor]]
    ) -> dict[str, Tensor]:
        logits, targets, moves, wanted = [], [], [], []
        for one, (boxes, _) in zip(proposals, truth, strict=True):
            matches = match(anchors, boxes)
            positives, background = sample(matches, self.choices.anchors_sampled)
            logits += [one.logits[positives], one.logits[background]]
            targets += [torch.ones_like(logits[-2]), torch.zeros_like(logits[-1])]
            moves.append(one.moves[positives])
            wanted.append(encode(anchors[positives], boxes[matches[positives]]))
        said, true = torch.cat(logits), torch.cat(targets)
        return {
            "loss_objectness": loss_objectness(said, true),
            "loss_rpn_box_reg": loss_rpn_box_reg(torch.cat(moves), torch.cat(wanted), len(said)),
        }

    def _head_losses(
        self, features: Tensor, proposals: list[Proposals], truth: list[tuple[Tensor, Tensor]]
    ) -> dict[str, Tensor]:
        chosen, classes, targets = [], [], []
        for one, (boxes, labels) in zip(proposals, truth, strict=True):
            regions = torch.cat([one.boxes[one.kept], boxes])  # the truth itself is a good proposal to learn from
            matches, named = label_regions(regions, boxes, labels)
            positives, background = sample(matches, self.choices.regions_sampled, self.choices.regions_positive)
            index = torch.cat([positives, background])
            target = regions.new_zeros(len(index), 4)
            target[: len(positives)] = encode(regions[positives], boxes[matches[positives]])
            chosen.append(regions[index])
            classes.append(named[index])
            targets.append(target * target.new_tensor(_MOVE_SCALES))
        logits, moves = self.look(features, *_together(chosen))
        labels_, wanted = torch.cat(classes), torch.cat(targets)
        return {
            "loss_classifier": loss_classifier(logits, labels_),
            "loss_box_reg": loss_box_reg(moves, wanted, labels_),
        }

    def _detections(self, regions: Tensor, probabilities: Tensor, moves: Tensor, size: tuple[int, int]) -> Detections:
        scores = probabilities[:, 1:]  # column 0 is the background
        rows, labels = torch.where(scores >= self.choices.smallest_score)
        scale = moves.new_tensor(_MOVE_SCALES)
        boxes = clip(decode(regions[rows], moves[rows, labels] / scale, GROWTH), size)
        solid = areas(boxes) > 0
        boxes, labels, found = boxes[solid], labels[solid], scores[rows, labels][solid]
        kept = non_maximum_suppression(boxes, found, self.choices.detection_iou, labels)[: self.choices.detections]
        return Detections(boxes[kept], found[kept], labels[kept])


def _convolution(channels: int, width: int, kernel_size: int = 3, stride: int = 1) -> tuple[nn.Module, ...]:
    convolution = nn.Conv2d(channels, width, kernel_size, stride, padding=1, bias=False)
    return convolution, nn.BatchNorm2d(width), nn.ReLU()


def _padded(images: Tensor) -> Tensor:
    """Images filled up with zeros, to the right and below, to whole cells of the map."""
    return F.pad(images, (0, -images.shape[3] % STRIDE, 0, -images.shape[2] % STRIDE))


def _real(boxes: Tensor, labels: Tensor, size: tuple[int, int]) -> tuple[Tensor, Tensor]:
    """Boxes and labels of what is in the image."""
    boxes = clip(boxes, size)
    there = (labels >= 0) & (areas(boxes) > 0)
    return boxes[there], labels[there]


def _together(boxes: list[Tensor]) -> tuple[Tensor, Tensor]:
    """Boxes of several images in one tensor (R, 4), and whose they are (R,)."""
    numbers = torch.tensor([len(one) for one in boxes], device=boxes[0].device)
    return torch.cat(boxes), torch.arange(len(boxes), device=numbers.device).repeat_interleave(numbers)
