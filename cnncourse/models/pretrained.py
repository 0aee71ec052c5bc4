"""Trained networks by name: where their weights come from, what they expect, and how good they are said to be.

The course's own weights come in the package; published ones are looked up on this machine and fetched if need be.

Chapter: `models/alexnet`.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from cnncourse.data import cifar10, clothing, ilsvrc, mnist
from cnncourse.models import deep_compression
from cnncourse.models.catalogue import build
from cnncourse.models.network import Network
from cnncourse.workbench import best_device, checks, downloads, normalise, resize
from cnncourse.workbench.images import IMAGENET_MEAN, IMAGENET_STD

WEIGHTS = downloads.PACKAGE / "models" / "weights"
State = dict[str, Tensor]


@dataclass(frozen=True)
class Preprocessing:
    """From a picture in [0, 1] to what a network expects: resize, crop the centre, centre and scale each channel.

    `resize` is the length of the shorter side, `crop` the side of the square that is cut out of the middle.
    """

    resize: int
    crop: int
    mean: tuple[float, ...] = IMAGENET_MEAN
    std: tuple[float, ...] = IMAGENET_STD

    def __call__(self, images: Tensor) -> Tensor:
        """(C, H, W) or (N, C, H, W) in [0, 1] → (N, C, crop, crop)."""
        batch = images[None] if isinstance(images, Tensor) and images.dim() == 3 else images
        checks.tensor("images", batch, "N C H W", C=len(self.mean))
        height, width = batch.shape[2:]
        scale = self.resize / min(height, width)
        if (height, width) != (self.crop, self.crop):
            batch = resize(batch, (max(self.crop, round(height * scale)), max(self.crop, round(width * scale))))
        top, left = ((side - self.crop) // 2 for side in batch.shape[2:])
        return normalise(batch[:, :, top : top + self.crop, left : left + self.crop], self.mean, self.std)


@dataclass(frozen=True)
class Checkpoint:
    """A network together with its weights, and everything that must be known to use and to quote it.

    `accuracy` and `top5` are shares of held-out pictures; `measured_on` says which, and who measured.
    """

    name: str
    network: Callable[[], Network]
    resource: downloads.Resource
    preprocess: Preprocessing
    classes: Callable[[], tuple[str, ...]]
    accuracy: float
    measured_on: str
    top5: float | None = None
    read: Callable[[Path, Network], State] | None = None

    def load(self, device: torch.device | None = None) -> Network:
        """The network with its weights, in evaluation mode.

        Raises
        ------
        FileNotFoundError
            If the weights are not on this machine and cannot be fetched.
        """
        path = downloads.locate(self.resource)
        network = self.network()
        network.load_state_dict((self.read or _read_state)(path, network))
        return network.to(best_device() if device is None else device).eval()

    def predict(self, network: Network, images: Tensor, top: int = 5) -> list[list[tuple[str, float]]]:
        """The `top` most probable classes of each picture in [0, 1] and their probabilities."""
        names = self.classes()
        checks.whole_number("top", top, 1, f"There are {len(names)} classes.")
        device = next(network.parameters()).device
        with torch.inference_mode():
            probabilities = network(self.preprocess(images).to(device)).softmax(dim=1).cpu()
        best = probabilities.topk(min(top, len(names)), dim=1)
        return [
            [(names[index], value) for index, value in zip(indices, values, strict=True)]
            for indices, values in zip(best.indices.tolist(), best.values.tolist(), strict=True)
        ]


def checkpoint(name: str) -> Checkpoint:
    """Everything about the weights of that name.

    Raises
    ------
    ValueError
        If there are none; the message lists the names.
    """
    if name not in CHECKPOINTS:
        raise ValueError(f"there are no weights {name!r}; choose one of {', '.join(CHECKPOINTS)}")
    return CHECKPOINTS[name]()


def load(name: str, device: torch.device | None = None) -> Network:
    """A trained network in evaluation mode; see `checkpoint` and `Checkpoint.load`."""
    return checkpoint(name).load(device)


def accuracy_in_per_cent(name: str) -> float:
    """Accuracy on held-out pictures that the weights of that name are said to reach."""
    return round(100 * checkpoint(name).accuracy, 2)


def log_of(name: str) -> dict[str, Any]:
    """The log of a training whose weights come with the course: settings, history, accuracy, checksum."""
    log: dict[str, Any] = json.loads((WEIGHTS / f"{name}.json").read_text(encoding="utf-8"))
    return log


def _read_state(path: Path, _network: Network) -> State:
    state: State = torch.load(path, map_location="cpu", weights_only=True)
    return state


def _read_cifar_state(path: Path, _network: Network) -> State:
    state: State = torch.load(path, map_location="cpu", weights_only=True)["state_dict"]
    return {name.removeprefix("module.").replace("linear.", "fc."): value for name, value in state.items()}


def _read_compressed(path: Path, network: Network) -> State:
    layers = deep_compression.layers_of(network.state_dict())
    state = deep_compression.decode(path.read_bytes(), layers)
    first = next(iter(layers))
    return state | {f"{first}.weight": state[f"{first}.weight"].flip(1)}  # the file expects blue first, we give red


def _own(name: str, network: Callable[[], Network], data: Any, side: int) -> Checkpoint:
    log = log_of(name)
    return Checkpoint(
        name=name,
        network=network,
        resource=downloads.Resource(
            name=f"models/weights/{name}.pt",
            checksum=f"sha256:{log['sha256']}",
            size=log["bytes"],
            licence="as the course's code",
            source="trained by cnncourse.models.recipes on " + log["data"],
        ),
        preprocess=Preprocessing(side, side, data.MEAN, data.STD),
        classes=lambda: tuple(data.CLASSES),
        accuracy=log["accuracy"],
        measured_on=f"the test pictures of {log['data']}; measured by the recipe",
    )


def _torchvision(
    name: str, network: str, file: str, megabytes: float, accuracy: float, top5: float, **options: Any
) -> Checkpoint:
    return Checkpoint(
        name=name,
        network=partial(build, network, **options),
        resource=downloads.Resource(
            name=f"weights/{file}",
            checksum="sha256:" + file.removesuffix(".pth").rpartition("-")[2],
            size=round(megabytes * 1e6),
            urls=(f"https://download.pytorch.org/models/{file}",),
            licence="BSD-3-Clause (torchvision); trained on ImageNet, whose pictures are for research",
            source="torchvision",
        ),
        preprocess=Preprocessing(256, 224),
        classes=ilsvrc.class_names,
        accuracy=accuracy / 100,
        top5=top5 / 100,
        measured_on="50,000 validation pictures of ILSVRC 2012, one crop; published by torchvision",
    )


def _compressed_squeezenet() -> Checkpoint:
    commit = "fb13faa2cf121ced9999f8a9d538ec6c56084733"
    return Checkpoint(
        name="squeezenet_compressed",
        network=partial(build, "squeezenet1_0"),
        resource=downloads.Resource(
            name="weights/compressed_SqueezeNet.net",
            checksum="sha256:e4ab6960ae8cd81505e1c2136921201507e930966c53deaf15862a395b3a3261",
            size=675_763,
            urls=(
                f"https://raw.githubusercontent.com/songhan/SqueezeNet-Deep-Compression/{commit}/"
                "compressed_SqueezeNet.net",
            ),
            licence="BSD-2-Clause",
            source="songhan/SqueezeNet-Deep-Compression",
        ),
        preprocess=Preprocessing(256, 227, mean=(123 / 255, 117 / 255, 104 / 255), std=(1 / 255,) * 3),
        classes=ilsvrc.class_names,
        accuracy=0.575,
        top5=0.803,
        measured_on="50,000 validation pictures of ILSVRC 2012; published in Iandola et al. 2016, table 2",
        read=_read_compressed,
    )


def _published_cifar(depth: int, digits: str, size: int, error: float) -> Checkpoint:
    file = f"cifar10_resnet{depth}-{digits}.th"
    repository, commit = "akamaster/pytorch_resnet_cifar10", "d5489e8995e81e91ce6b1d69dcc98ad579b0b153"
    address = f"https://raw.githubusercontent.com/{repository}/{commit}/pretrained_models/"
    return Checkpoint(
        name=f"cifar_resnet{depth}",
        network=partial(build, f"cifar_resnet{depth}"),
        resource=downloads.Resource(
            name=f"weights/{file}",
            checksum=f"sha256:{digits}",
            size=size,
            urls=(address + file.removeprefix("cifar10_"),),
            licence="BSD-2-Clause",
            source=repository,
        ),
        preprocess=Preprocessing(32, 32),
        classes=lambda: cifar10.CLASSES,
        accuracy=1 - error / 100,
        measured_on="10,000 test pictures of CIFAR-10, the official files; published by its authors",
        read=_read_cifar_state,
    )


# name, network of the catalogue, file (its last part begins the sha256), MB, top-1 %, top-5 %
_TORCHVISION = (
    ("alexnet", "alexnet", "alexnet-owt-7be5be79.pth", 244.4, 56.522, 79.066),
    ("vgg11", "vgg11", "vgg11-8a719046.pth", 531.5, 69.02, 88.628),
    ("vgg11_bn", "vgg11_bn", "vgg11_bn-6002323d.pth", 531.5, 70.37, 89.81),
    ("vgg13", "vgg13", "vgg13-19584684.pth", 532.2, 69.928, 89.246),
    ("vgg13_bn", "vgg13_bn", "vgg13_bn-abd245e5.pth", 532.2, 71.586, 90.374),
    ("vgg16", "vgg16", "vgg16-397923af.pth", 553.4, 71.592, 90.382),
    ("vgg16_bn", "vgg16_bn", "vgg16_bn-6c64b313.pth", 553.5, 73.36, 91.516),
    ("vgg19", "vgg19", "vgg19-dcbb9e9d.pth", 574.7, 72.376, 90.876),
    ("vgg19_bn", "vgg19_bn", "vgg19_bn-c79401a0.pth", 574.8, 74.218, 91.842),
    ("googlenet", "googlenet", "googlenet-1378be20.pth", 52.1, 69.778, 89.53),
    ("squeezenet1_0", "squeezenet1_0", "squeezenet1_0-b66bff10.pth", 5.0, 58.092, 80.42),
    ("resnet18", "resnet18", "resnet18-f37072fd.pth", 46.8, 69.758, 89.078),
    ("resnet34", "resnet34", "resnet34-b627a593.pth", 87.3, 73.314, 91.42),
    ("resnet50", "resnet50", "resnet50-0676ba61.pth", 102.5, 76.13, 92.862),
    ("resnet101", "resnet101", "resnet101-63fe2227.pth", 178.8, 77.374, 93.546),
    ("resnet152", "resnet152", "resnet152-394f9c45.pth", 241.6, 78.312, 94.046),
)

CHECKPOINTS: dict[str, Callable[[], Checkpoint]] = {
    "lenet_mnist": partial(_own, "lenet_mnist", partial(build, "lenet"), mnist, 28),
    "vgg_cifar10": partial(_own, "vgg_cifar10", partial(build, "vgg_small"), cifar10, 32),
    "resnet18_clothing": partial(
        _own, "resnet18_clothing", partial(build, "resnet18", num_classes=10, width=0.25), clothing, 112
    ),
    "squeezenet_compressed": _compressed_squeezenet,
    "cifar_resnet20": partial(_published_cifar, 20, "12fca82f", 1_100_000, 8.27),
    "cifar_resnet56": partial(_published_cifar, 56, "4bfd9763", 3_470_000, 6.61),
    **{row[0]: partial(_torchvision, *row) for row in _TORCHVISION if row[0] != "googlenet"},
    "googlenet": partial(_torchvision, *_TORCHVISION[9], transform_input=True),
}
