"""Every network of this part by name, for tables, tests and the ledger.

Chapter: `models/alexnet`.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from cnncourse.models.alexnet import AlexNet, ZFNet
from cnncourse.models.googlenet import GoogLeNet
from cnncourse.models.lenet import LeNet, LeNet5
from cnncourse.models.network import Network
from cnncourse.models.resnet import DEPTHS, cifar_resnet, resnet
from cnncourse.models.squeezenet import SqueezeNet
from cnncourse.models.vgg import VGG, vgg_small

_VGG = {"vgg11": "A", "vgg11_lrn": "A-LRN", "vgg13": "B", "vgg16_c": "C", "vgg16": "D", "vgg19": "E"}
_CIFAR_DEPTHS = (20, 32, 44, 56, 110)

# The name says the variant; the number is the side of the input that the network was made for.
NETWORKS: dict[str, tuple[Callable[..., Network], int]] = {
    "lenet5": (LeNet5, 32),
    "lenet": (LeNet, 28),
    "alexnet_two_towers": (partial(AlexNet, towers=2), 227),
    "alexnet": (partial(AlexNet, towers=1), 224),
    "zfnet": (ZFNet, 224),
    **{name: (partial(VGG, configuration), 224) for name, configuration in _VGG.items()},
    **{f"{name}_bn": (partial(VGG, _VGG[name], batch_norm=True), 224) for name in _VGG if name != "vgg11_lrn"},
    "vgg_small": (vgg_small, 32),
    "googlenet_paper": (GoogLeNet, 224),
    "googlenet": (partial(GoogLeNet, variant="checkpoint"), 224),
    "squeezenet1_0": (SqueezeNet, 227),
    **{f"resnet{depth}": (partial(resnet, depth), 224) for depth in DEPTHS},
    **{f"resnet{depth}_original": (partial(resnet, depth, stride_in="1×1"), 224) for depth in (50, 101, 152)},
    **{f"cifar_resnet{depth}": (partial(cifar_resnet, depth), 32) for depth in _CIFAR_DEPTHS},
    **{f"cifar_plain{depth}": (partial(cifar_resnet, depth, residual=False), 32) for depth in _CIFAR_DEPTHS},
}


def build(name: str, **options: Any) -> Network:
    """Build a network by its name; options are those of its class.

    Raises
    ------
    ValueError
        If there is no such network; the message lists the names.
    """
    return _entry(name)[0](**options)


def native_size(name: str) -> int:
    """Side in pixels of the square input that a network was made for."""
    return _entry(name)[1]


def _entry(name: str) -> tuple[Callable[..., Network], int]:
    if name not in NETWORKS:
        raise ValueError(f"there is no network {name!r}; choose one of {', '.join(NETWORKS)}")
    return NETWORKS[name]
