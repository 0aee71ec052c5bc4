"""The four panels of the lecture: covered picture, activity of a map, probability of the true class, winning class."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn

from cnncourse.visualization.activations import Strongest, strongest
from cnncourse.visualization.deconvnet import project
from cnncourse.visualization.occlusion.answers import Occlusion, most_active, occlusion_map
from cnncourse.visualization.occlusion.sliding import Fill, Pair, occlude
from cnncourse.workbench import checks

strongest_map = most_active


@dataclass(frozen=True)
class Panels:
    """Figure 7 of Zeiler & Fergus for one picture.

    (a) `covered` (C, H, W), with the occluder where the true class is least probable; (b) `activity` (R, C) of
    `channel`, with `projections` (count, C, H, W) of its strongest units on other pictures, `strongest`;
    (c) `probability` (R, C) of the true class; (d) `most_probable` int64 (R, C).
    """

    covered: Tensor
    channel: int
    activity: Tensor
    strongest: list[Strongest]
    projections: Tensor
    probability: Tensor
    most_probable: Tensor
    occlusion: Occlusion


def four_panels(
    network: nn.Module,
    image: Tensor,
    target: int,
    layer: str,
    others: Tensor,
    patch: Pair,
    stride: Pair,
    fill: Fill = 0.0,
    *,
    count: int = 3,
    **options: Any,
) -> Panels:
    """Slide an occluder over a picture and look at four things at once.

    Parameters
    ----------
    network, image, patch, stride, fill, options
        As in `occlusion_map`.
    target
        The true class.
    layer
        The last convolution, or its ReLU; its map with the largest total activity on `image` is watched.
    others
        (N, C, H', W'), prepared: other pictures, on which that map is projected back to the pixels.
    count
        How many of them, those that excite the map most.

    Raises
    ------
    TypeError, ValueError
        As in `occlusion_map`, and if there are no other pictures.
    """
    checks.tensor("image", image, "C H W")
    channel = most_active(network, image[None], layer)
    found = occlusion_map(network, image, patch, stride, fill, layer=layer, channel=channel, **options)
    probability = found.probability(target)
    assert found.activity is not None
    places = strongest(network, others, layer, [channel], count)[0]
    chosen = others[[place.index for place in places]]
    projections = project(network, chosen, layer, channel, [place.position for place in places])
    covered = occlude(image, *found.lowest(target), found.patch, fill)
    return Panels(covered, channel, found.activity, places, projections, probability, found.most_probable(), found)
