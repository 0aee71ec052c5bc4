"""How much does a layer care where a feature is? Shift the image, and compare the answers.

equivariant: f(shift x) = shift f(x)        invariant: f(shift x) = f(x)        gap = ‖difference‖ / ‖f(x)‖
Strided layers are neither, unless the shift is a multiple of the stride (Zhang 2019, Azulay & Weiss 2019).

Chapter: `layers/pooling`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from cnncourse.workbench import checks

Layer = Callable[[Tensor], Tensor]


def shift(image: Tensor, right: int, down: int = 0) -> Tensor:
    """Move an image (..., H, W) by whole pixels; what leaves at one side comes in at the other."""
    if not isinstance(image, Tensor) or image.dim() < 2:
        raise TypeError("image must be a tensor of shape (..., H, W)")
    for name, value in (("right", right), ("down", down)):
        if isinstance(value, bool) or not isinstance(value, int):
            raise ValueError(f"{name} is {value!r}; it must be a whole number of pixels, negative for the other way")
    return torch.roll(image, (down, right), dims=(-2, -1))


def moving_crops(image: Tensor, size: int, top: int, left: int, shifts: Sequence[int]) -> Tensor:
    """Views of a photograph (C, H, W) whose content moves to the right, (len(shifts), C, size, size).

    The crop moves to the left in the photograph, so that new content comes in at the border as it does in life.

    Raises
    ------
    ValueError
        If a crop would leave the photograph.
    """
    checks.tensor("image", image, "C H W")
    checks.whole_number("size", size, 1, "Give the side of the square crop.")
    checks.whole_number("top", top, 0, "Give the crop's upper edge.")
    checks.whole_number("left", left, 0, "Give the crop's left edge before any shift.")
    crops = []
    for step in shifts:
        checks.whole_number("shift", step, 0, "Content moves to the right by whole pixels.")
        start = left - step
        if start < 0 or left + size > image.shape[2] or top + size > image.shape[1]:
            raise ValueError(
                f"a crop of {size} pixels at ({top}, {start}) leaves the image of {tuple(image.shape[1:])}; "
                "use a smaller crop, another place, or smaller shifts"
            )
        crops.append(image[:, top : top + size, start : start + size])
    if not crops:
        raise ValueError(f"shifts is {shifts!r}; give at least one")
    return torch.stack(crops)


def detector_response(image: Tensor, template: Tensor) -> Tensor:
    """How well a pattern fits at each place: the correlation coefficient of template and image patch.

    Parameters
    ----------
    image
        (N, C, H, W).
    template
        (C, K, K); its own patch answers 1, a patch without any contrast 0.

    Returns
    -------
    Tensor
        (N, 1, H − K + 1, W − K + 1) in [−1, 1].

    Raises
    ------
    TypeError, ValueError
        If the shapes do not fit, or the template is constant.
    """
    checks.tensor("image", image, "N C H W")
    checks.tensor("template", template, "C H W", C=image.shape[1])
    checks.alike(image=image, template=template)
    if any(t > i for t, i in zip(template.shape[1:], image.shape[2:], strict=True)):
        raise ValueError(f"a template of {tuple(template.shape)} does not fit into an image of {tuple(image.shape)}")
    pattern = template - template.mean()
    if not float(pattern.norm()) > 1e-6:
        raise ValueError("the template is constant; a detector needs a pattern")
    pattern = (pattern / pattern.norm())[None]
    box = torch.full_like(pattern, 1 / pattern.numel())
    mean, square = F.conv2d(image, box), F.conv2d(image**2, box)
    spread = ((square - mean**2).clamp(min=0) * pattern.numel()).sqrt()  # norm of each patch without its mean
    return torch.where(spread > 1e-4, F.conv2d(image, pattern) / spread.clamp(min=1e-4), 0.0)


def shift_gaps(layer: Layer, image: Tensor, right: int) -> tuple[float, float]:
    """How far a layer is from equivariant and from invariant, under one shift.

    Parameters
    ----------
    layer
        Maps (N, C, H, W) to (N, C', H', W'); it is called on the image and on the shifted image.
    image
        (N, C, H, W); shifted around, so that the border plays no part.
    right
        Pixels.

    Returns
    -------
    equivariance, invariance
        Relative distance of the shifted image's answer from the old answer: moved by whichever whole number of
        positions fits best, and not moved at all. 0 is perfect.

    Raises
    ------
    TypeError, ValueError
        If the image is no tensor (N, C, H, W) or the layer does not return a tensor (N, C', H', W').
    """
    checks.tensor("image", image, "N C H W")
    if not callable(layer):
        raise TypeError(f"layer is a {type(layer).__name__}; it must map a tensor to a tensor")
    before = checks.tensor("the layer's answer", layer(image), "N C H W")
    after = checks.tensor("the layer's answer", layer(shift(image, right)), "N C H W")
    size = float(before.norm().clamp(min=torch.finfo(before.dtype).tiny))
    distances = [float((after - shift(before, step)).norm()) / size for step in range(before.shape[3])]
    return min(distances), distances[0]
