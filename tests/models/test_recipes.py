"""A recipe from data to file: what is written is what was measured, and it can be loaded again."""

import dataclasses

import pytest
import torch

from cnncourse.data import LabelledImages
from cnncourse.models import LeNet, recipes
from cnncourse.models.recipes import RECIPES, Recipe, follow, write
from cnncourse.workbench.training import Settings


def bars(split):
    """Pictures with a bright bar whose height says the class."""
    number = 60 if split == "train" else 30
    labels = torch.arange(number) % 10
    images = torch.zeros(number, 1, 28, 28, dtype=torch.uint8)
    for image, label in zip(images, labels, strict=True):
        image[0, 2 * int(label) + 3 : 2 * int(label) + 6] = 255
    return LabelledImages(images, labels, tuple("0123456789"), "bars, drawn for a test")


RECIPE = Recipe(
    network=LeNet,
    load=bars,
    mean=(0.1,),
    std=(0.3,),
    augment=lambda images, _: images,
    settings=Settings(epochs=25, batch_size=20, learning_rate=0.05, precision="float32", seed=1),
)


def test_following_a_recipe_gives_weights_and_their_log(tmp_path):
    network, log = follow(RECIPE, progress=False)
    assert log["accuracy"] > 0.9
    assert log["data"] == "bars, drawn for a test"
    assert log["settings"] == dataclasses.asdict(RECIPE.settings)
    path = write("bars", network, log, tmp_path)
    state = torch.load(path, weights_only=True)
    assert {value.dtype for value in state.values()} == {torch.float16}
    again = LeNet()
    again.load_state_dict(state)
    assert all(torch.equal(a, b) for a, b in zip(network.parameters(), again.parameters(), strict=True))


def test_the_same_recipe_gives_the_same_weights():
    short = dataclasses.replace(RECIPE, settings=dataclasses.replace(RECIPE.settings, epochs=2))
    first, second = (follow(short, progress=False)[0] for _ in range(2))
    assert all(torch.equal(a, b) for a, b in zip(first.parameters(), second.parameters(), strict=True))


@pytest.mark.parametrize("path", sorted(recipes.WEIGHTS.glob("*.pt")), ids=lambda path: path.stem)
def test_the_weights_in_the_package_were_made_with_their_recipe(path):
    import json

    log = json.loads(path.with_suffix(".json").read_text())
    assert log["settings"] == dataclasses.asdict(RECIPES[path.stem].settings)


def test_the_command_line_follows_a_recipe(tmp_path, monkeypatch, caplog):
    monkeypatch.setattr(recipes, "RECIPES", {"bars": RECIPE})
    monkeypatch.setattr(recipes.write, "__defaults__", (tmp_path,))
    recipes.main(["bars", "--epochs", "1", "--checkpoints", str(tmp_path / "checkpoints")])
    assert {path.name for path in tmp_path.iterdir()} == {"bars.pt", "bars.json", "checkpoints"}
