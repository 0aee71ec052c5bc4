"""Numbers about GoogLeNet that are often quoted and seldom counted: 22 layers, "12 times fewer", the 5×5 that is 3×3.

Chapter: `models/googlenet`.
"""

from __future__ import annotations

from torch import nn

from cnncourse.models.catalogue import build
from cnncourse.models.counting import parameters, parameters_of, weights
from cnncourse.models.googlenet import MODULES, AuxiliaryClassifier, BasicConv2d, GoogLeNet, Inception
from cnncourse.models.inception import place


def weight_layers(network: GoogLeNet, longest_path: bool = True) -> int:
    """Layers with weights on the longest way through the network, or all; auxiliary classifiers do not count."""
    numbers = []
    for part in network.children():
        if isinstance(part, Inception):
            branches = [_convolutions(branch) for branch in part.children()]
            numbers.append(max(branches) if longest_path else sum(branches))
        elif isinstance(part, BasicConv2d | nn.Linear):
            numbers.append(1)
    return sum(numbers)


def layers(longest_path: bool = True) -> int:
    """`weight_layers` of the published network."""
    return weight_layers(GoogLeNet(device="meta"), longest_path)


def times_fewer(auxiliary: bool = False, biases: bool = True) -> float:
    """How many times more parameters AlexNet (two towers, as published) has than GoogLeNet as published."""
    counted = parameters if biases else weights
    small = counted(build("googlenet_paper", aux_logits=auxiliary, device="meta"))
    return counted(build("alexnet_two_towers", device="meta")) / small


def steps_to_checkpoint() -> dict[str, int]:
    """From the published network to the one that checkpoints fit, in parameters, without auxiliary classifiers.

    Returns
    -------
    dict
        What changes, and by how many parameters; the first entry is where it starts and the last where it ends.
    """
    options = {"aux_logits": False, "device": "meta"}
    paper, checkpoint = build("googlenet_paper", **options), build("googlenet", **options)
    true, smaller = (_modules(third) for third in (5, 3))
    return {
        "as published": parameters(paper),
        "3×3 kernels in place of 5×5": parameters(smaller) - parameters(true),
        "no biases in the convolutions": -sum(
            layer.bias.numel() for layer in paper.modules() if isinstance(layer, nn.Conv2d) and layer.bias is not None
        ),
        "batch normalization": sum(
            parameters(layer) for layer in checkpoint.modules() if isinstance(layer, nn.BatchNorm2d)
        ),
        "as in the checkpoints": parameters(checkpoint),
    }


def step_to_checkpoint(name: str) -> int:
    """One entry of `steps_to_checkpoint`."""
    return steps_to_checkpoint()[name]


def lost_to_checkpoint(name: str) -> int:
    """One entry of `steps_to_checkpoint` that takes parameters away, as a positive number."""
    return -step_to_checkpoint(name)


def auxiliary_parameters() -> int:
    """Parameters of both auxiliary classifiers of the published network."""
    return sum(
        parameters(part) for part in GoogLeNet(device="meta").children() if isinstance(part, AuxiliaryClassifier)
    )


def head(pooled: bool = True) -> int:
    """Parameters of the last layer: behind the global average, or on all values of the last maps."""
    last = GoogLeNet(device="meta").fc
    values = last.in_features * (1 if pooled else 7 * 7)
    return parameters(nn.Linear(values, last.out_features, device="meta"))


def alexnet_head() -> int:
    """Parameters of AlexNet's three linear layers."""
    return parameters_of("alexnet_two_towers", "classifier")


def _modules(third: int) -> nn.ModuleList:
    return nn.ModuleList(Inception(place(name)[0], *row, third=third, device="meta") for name, row in MODULES.items())


def _convolutions(branch: nn.Module) -> int:
    return sum(isinstance(layer, nn.Conv2d) for layer in branch.modules())
