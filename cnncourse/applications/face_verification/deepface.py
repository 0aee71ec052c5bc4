"""DeepFace's layout: two convolutions, three layers whose units share no weights, two dense ones (Taigman et al. 2014).

152×152×3 → 32@11×11 → pool → 16@9×9 → local 16@9×9 → local 16@7×7/2 → local 16@5×5 → 4096 → 4030

Chapter: `applications/face_verification`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from cnncourse.layers import LocallyConnected
from cnncourse.workbench import checks

SIDE = 152
PEOPLE = 4030
LAYERS = ("C1", "M2", "C3", "L4", "L5", "L6", "F7", "F8")


@dataclass(frozen=True)
class Row:
    """One layer: its output (C, H, W), its parameters, and how many it would have if all positions shared them."""

    name: str
    shape: tuple[int, int, int]
    parameters: int
    if_shared: int


class DeepFace(nn.Module):
    """The network of the paper. Of its more than a hundred million weights, think before you make it: 476 MB.

    Parameters
    ----------
    people
        Outputs of the last layer: persons of the training set.
    device
        ``"meta"`` makes all shapes and no numbers.
    """

    def __init__(self, people: int = PEOPLE, device: torch.device | str | None = None) -> None:
        super().__init__()
        checks.whole_number("people", people, 1, "Each person of the training set is one output.")
        self.C1 = nn.Conv2d(3, 32, 11, device=device)
        self.M2 = nn.MaxPool2d(3, 2, ceil_mode=True)
        self.C3 = nn.Conv2d(32, 16, 9, device=device)
        self.L4 = LocallyConnected(16, 16, 9, input_size=63, device=device)
        self.L5 = LocallyConnected(16, 16, 7, input_size=55, stride=2, device=device)
        self.L6 = LocallyConnected(16, 16, 5, input_size=25, device=device)
        self.F7 = nn.Linear(16 * 21 * 21, 4096, device=device)
        self.F8 = nn.Linear(4096, people, device=device)
        self.dropout = nn.Dropout(0.5)

    def features(self, images: Tensor) -> Tensor:
        """What the paper compares: the output of F7, (N, 4096), none of it negative.

        Raises
        ------
        TypeError, ValueError
            If `images` is not (N, 3, 152, 152).
        """
        checks.tensor("images", images, "N C H W", C=3, H=SIDE, W=SIDE)
        for name in LAYERS[:6]:
            layer = self.get_submodule(name)
            images = layer(images) if name == "M2" else layer(images).relu()
        features: Tensor = self.F7(images.flatten(1)).relu()
        return features

    def forward(self, images: Tensor) -> Tensor:
        """Logits (N, people): who of the training set it is."""
        logits: Tensor = self.F8(self.dropout(self.features(images)))
        return logits


def layer_rows() -> list[Row]:
    """Every layer with its costs, counted on the meta device."""
    return list(_rows(DeepFace(device="meta")))


def parameters_of(layer: str = "", shared: bool = False) -> int:
    """Parameters of one layer, or of the whole network; with `shared`, as if local layers were convolutions.

    Raises
    ------
    ValueError
        If there is no such layer.
    """
    if layer not in ("", *LAYERS):
        raise ValueError(f"there is no layer {layer!r}; choose one of {', '.join(LAYERS)}")
    chosen = [row for row in layer_rows() if layer in ("", row.name)]
    return sum(row.if_shared if shared else row.parameters for row in chosen)


def local_weights(layer: str = "L4", shared: bool = False) -> int:
    """Weights of a local layer without biases; with `shared`, those of a convolution of the same kernel."""
    module = DeepFace(device="meta").get_submodule(layer) if layer in LAYERS else None
    if not isinstance(module, LocallyConnected):
        raise ValueError(f"{layer!r} is no local layer; choose L4, L5 or L6")
    return module.weight[0, 0].numel() if shared else module.weight.numel()


def positions_of(layer: str = "L4") -> int:
    """Positions of a local layer, each with filters of its own."""
    return local_weights(layer) // local_weights(layer, shared=True)


def share_of(layers: Sequence[str]) -> float:
    """Share of all parameters that is in these layers."""
    return sum(parameters_of(layer) for layer in layers) / parameters_of()


def _rows(network: DeepFace) -> Iterator[Row]:
    image = torch.zeros(1, 3, SIDE, SIDE, device="meta")
    for name in LAYERS:
        layer = network.get_submodule(name)
        image = layer(image.flatten(1) if name == "F7" else image)
        own = sum(parameter.numel() for parameter in layer.parameters())
        positions = image.shape[2] * image.shape[3] if isinstance(layer, LocallyConnected) else 1
        shape = (image.shape[1], *image.shape[2:]) if image.dim() == 4 else (image.shape[1], 1, 1)
        yield Row(name, (shape[0], shape[1], shape[2]), own, own // positions)
