"""What torch computes for the networks of the page; `python tests/vectors/network.py` writes the file.

The reference is written apart from the course's own code: torch's autograd with a rectifier of three backward rules.
"""

import json
from pathlib import Path

import torch
from torch import nn

from cnncourse.models import checkpoint
from cnncourse.models.page_format import layers_of
from cnncourse.widgets.lenet import stencil
from cnncourse.workbench import photograph

FILE = Path(__file__).with_suffix(".json")
RULES = ("gradient", "deconvnet", "guided")
PLACES = {"lenet_mnist": ("a1", "a3", "a6", "output"), "vgg_cifar10": ("relu2_1", "relu3_2", "fc4")}
SILENT = {"lenet_mnist": ("a3", 777), "vgg_cifar10": ("relu3_2", 3333)}


class Rectifier(torch.autograd.Function):
    """ReLU whose way back follows a rule."""

    @staticmethod
    def forward(ctx, values, rule):
        ctx.save_for_backward(values)
        ctx.rule = rule
        return values.clamp(min=0)

    @staticmethod
    def backward(ctx, gradient):
        (values,) = ctx.saved_tensors
        by_input = values > 0 if ctx.rule != "deconvnet" else torch.ones_like(values, dtype=torch.bool)
        by_signal = gradient > 0 if ctx.rule != "gradient" else torch.ones_like(values, dtype=torch.bool)
        return gradient * by_input * by_signal, None


def picture(name):
    """Bytes of a drawing or a photograph, flat."""
    if name == "lenet_mnist":
        return torch.tensor(stencil(5))
    return (photograph("chelsea", 32) * 255).round().int().flatten()


def run(name, rule, images):
    """The values after each layer, by name, with the rule in every rectifier."""
    network = checkpoint(name).load(torch.device("cpu"))
    values, seen = images, {}
    for place, module in layers_of(network):
        values = values.flatten(1) if isinstance(module, nn.Linear) else values
        values = Rectifier.apply(values, rule) if isinstance(module, nn.ReLU) else module(values)
        seen[place] = values
    torch.testing.assert_close(values, network(images))
    return seen


def projection(name, place, unit, rule):
    """What goes back to the input from one unit."""
    images = prepared(name).requires_grad_()
    run(name, rule, images)[place].flatten()[unit].backward()
    return images.grad


def prepared(name):
    """The picture as the network wants it."""
    one = checkpoint(name)
    side, channels = one.preprocess.crop, one.network().in_channels
    return one.preprocess(picture(name).reshape(1, channels, side, side) / 255)


def sample(values, number=24):
    """Some values all over a tensor, and its norm."""
    flat = values.detach().flatten()
    chosen = torch.arange(number) * (len(flat) // number) + torch.arange(number) % max(1, len(flat) // number)
    chosen = chosen[chosen < len(flat)]
    return {
        "places": chosen.tolist(),
        "values": [float(f"{value:.7g}") for value in flat[chosen].tolist()],
        "norm": float(f"{flat.double().norm():.7g}"),
    }


def vectors():
    """For each network: its picture, its layers' values, the gradient of its answer and projections of units."""
    cases = []
    for name, places in PLACES.items():
        seen = run(name, "gradient", prepared(name))
        units = [(place, int(seen[place].argmax())) for place in places]  # the strongest, and one that is silent
        cases.append(
            {
                "network": name,
                "picture": picture(name).tolist(),
                "layers": {place: sample(values) for place, values in seen.items() if not is_normalized(place)},
                "logits": [float(f"{value:.7g}") for value in seen[places[-1]].flatten().tolist()],
                "projections": [
                    {"layer": place, "unit": unit, "rule": rule} | sample(projection(name, place, unit, rule))
                    for place, unit in [*units, SILENT[name]]
                    for rule in RULES
                ],
            }
        )
    return cases


def is_normalized(place):
    """Tell whether a place is a normalization or stands before one, where the page has folded both."""
    return place.startswith(("features.", "conv"))


if __name__ == "__main__":
    FILE.write_text(json.dumps(vectors()) + "\n", encoding="utf-8")
