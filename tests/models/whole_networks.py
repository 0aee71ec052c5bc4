"""Networks and pictures for the tests of all networks."""

import torch

from cnncourse.models import NETWORKS, build, native_size

# A narrow version of each network has the same layers and runs fast.
NARROW = {name: {"width": 1 / 16} for name in NETWORKS if name not in ("lenet5", "lenet", "vgg_small")}


def narrow(name, **options):
    """The network with a sixteenth of its channels, where it can be narrowed, always with the same weights."""
    torch.manual_seed(0)
    return build(name, **NARROW.get(name, {}), **options)


def pictures(name, number=2, size=None):
    """Noise of the size and channels that a network was made for."""
    channels = 1 if name.startswith("lenet") else 3
    side = native_size(name) if size is None else size
    return torch.randn(number, channels, side, side, generator=torch.Generator().manual_seed(1))


def outputs_of(output):
    """All logits that a network returns; GoogLeNet in training has three."""
    return tuple(output) if isinstance(output, tuple) else (output,)
