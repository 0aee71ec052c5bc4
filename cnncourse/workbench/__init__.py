"""Tools that know nothing of convolutions: device, files, photographs, training, figures, the ledger of numbers.

Chapters import them so that the lesson is not buried under plumbing.
"""

from cnncourse.workbench.device import (
    best_device,
    describe_device,
    run_in_batches,
    set_seed,
)
from cnncourse.workbench.figures import show, subplots
from cnncourse.workbench.images import denormalise, normalise, photograph, resize
from cnncourse.workbench.ledger import load_ledger
from cnncourse.workbench.memory_meter import MemoryMeter
from cnncourse.workbench.training import History, Settings, accuracy, predict, train

__all__ = [
    "History",
    "MemoryMeter",
    "Settings",
    "accuracy",
    "best_device",
    "denormalise",
    "describe_device",
    "load_ledger",
    "normalise",
    "photograph",
    "predict",
    "resize",
    "run_in_batches",
    "set_seed",
    "show",
    "subplots",
    "train",
]
