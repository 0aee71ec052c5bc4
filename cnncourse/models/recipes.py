"""How the weights that come with the course were trained: one recipe a file, from data and seed to accuracy.

`python -m cnncourse.models.recipes vgg_cifar10` trains again and writes `weights/vgg_cifar10.pt` and its log.

Chapter: `models/training`.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import logging
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import torch

from cnncourse.data import LabelledImages, cifar10, clothing, mnist
from cnncourse.data.augmentation import crops, crops_and_mirrors
from cnncourse.data.labelled_images import Augmentation
from cnncourse.models.lenet import LeNet
from cnncourse.models.network import Network
from cnncourse.models.resnet import cifar_resnet, resnet
from cnncourse.models.vgg import vgg_small
from cnncourse.workbench.training import History, Settings, accuracy, train

WEIGHTS = Path(__file__).parent / "weights"
_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class Recipe:
    """A network, what it learns from, and how: everything but the time it takes."""

    network: Callable[[], Network]
    load: Callable[[str], LabelledImages]
    mean: tuple[float, ...]
    std: tuple[float, ...]
    augment: Augmentation
    settings: Settings


RECIPES = {
    "lenet_mnist": Recipe(
        network=LeNet,
        load=mnist.load,
        mean=mnist.MEAN,
        std=mnist.STD,
        augment=crops(2),
        settings=Settings(epochs=12, learning_rate=0.05, precision="float32", seed=16),
    ),
    "vgg_cifar10": Recipe(
        network=vgg_small,
        load=cifar10.load,
        mean=cifar10.MEAN,
        std=cifar10.STD,
        augment=crops_and_mirrors(4),
        settings=Settings(epochs=12, learning_rate=0.15, precision="bfloat16", seed=16),
    ),
    "resnet20_cifar10": Recipe(
        network=cifar_resnet,
        load=cifar10.load,
        mean=cifar10.MEAN,
        std=cifar10.STD,
        augment=crops_and_mirrors(4),
        settings=Settings(epochs=12, learning_rate=0.2, precision="bfloat16", seed=16),
    ),
    "resnet18_clothing": Recipe(
        network=partial(resnet, 18, num_classes=10, width=0.25),
        load=clothing.load_squares,
        mean=clothing.MEAN,
        std=clothing.STD,
        augment=crops_and_mirrors(8),
        settings=Settings(epochs=18, batch_size=64, learning_rate=0.1, precision="bfloat16", seed=16),
    ),
}


def follow(recipe: Recipe, checkpoint: Path | None = None, progress: bool = True) -> tuple[Network, dict[str, Any]]:
    """Train as the recipe says and return the network, its weights rounded to half precision, and the log.

    The accuracy in the log is that of the rounded weights on the test split.
    """
    training, held_out = recipe.load("train"), recipe.load("test")
    mean, std = recipe.mean, recipe.std
    torch.manual_seed(recipe.settings.seed)
    network = recipe.network()
    history = train(
        network,
        training.prepared(mean, std, recipe.augment),
        recipe.settings,
        score=lambda trained: _logged(accuracy(trained, held_out.prepared(mean, std))),
        checkpoint=checkpoint,
        progress=progress,
    )
    exact = history.score[-1]
    network.load_state_dict({name: _rounded(value) for name, value in network.state_dict().items()})
    return network, _log(recipe, network, training, history, exact, accuracy(network, held_out.prepared(mean, std)))


def write(name: str, network: Network, log: dict[str, Any], folder: Path = WEIGHTS) -> Path:
    """Write `<name>.pt`, the weights in half precision, and `<name>.json`, the log with their checksum."""
    path = folder / f"{name}.pt"
    torch.save({key: _halved(value) for key, value in network.state_dict().items()}, path)
    log = log | {"sha256": hashlib.sha256(path.read_bytes()).hexdigest(), "bytes": path.stat().st_size}
    path.with_suffix(".json").write_text(json.dumps(log, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return path


def main(arguments: list[str] | None = None) -> None:
    """Follow the recipes that are named on the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="+", choices=RECIPES)
    parser.add_argument("--checkpoints", type=Path, help="folder in which an interrupted training finds its way back")
    parser.add_argument("--epochs", type=int, help="train for another number of epochs")
    given = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    for name in given.names:
        recipe = RECIPES[name]
        if given.epochs:
            recipe = replace(recipe, settings=replace(recipe.settings, epochs=given.epochs))
        checkpoint = given.checkpoints / f"{name}.ckpt" if given.checkpoints else None
        path = write(name, *follow(recipe, checkpoint, progress=False))
        _LOG.info("%s written", path)


def _log(
    recipe: Recipe, network: Network, training: LabelledImages, history: History, exact: float, rounded: float
) -> dict[str, Any]:
    return {
        "network": type(network).__name__,
        "parameters": sum(parameter.numel() for parameter in network.parameters()),
        "data": training.origin,
        "accuracy": rounded,
        "accuracy_float32": exact,
        "settings": asdict(recipe.settings),
        "history": asdict(history),
        "torch": torch.__version__,
    }


def _logged(value: float) -> float:
    _LOG.info("accuracy %.4f", value)
    return value


def _halved(value: torch.Tensor) -> torch.Tensor:
    return value.half().contiguous() if value.is_floating_point() else value


def _rounded(value: torch.Tensor) -> torch.Tensor:
    return value.half().float() if value.is_floating_point() else value


if __name__ == "__main__":
    main()
