"""The memory meter counts what lives, once, and forgets what is gone."""

import torch

from cnncourse.workbench.memory_meter import MemoryMeter


def test_peak_and_present_are_counted_in_bytes():
    with MemoryMeter() as meter:
        kept = torch.zeros(10)
        gone = torch.zeros(1000)
        del gone
        assert meter.now == 40
    assert meter.peak == 4040
    del kept
    assert meter.now == 0


def test_views_and_older_tensors_cost_nothing():
    older = torch.zeros(100)
    with MemoryMeter() as meter:
        views = [older[5:], older.view(10, 10).t(), older.add_(1)]
    assert meter.peak == 0
    assert len(views) == 3


def test_shapes_alone_are_enough():
    with MemoryMeter() as meter:
        torch.zeros(10**6, 10**6, device="meta")
    assert meter.peak == 4 * 10**12


def test_gradients_are_counted_too():
    weight = torch.zeros(100, requires_grad=True)
    with MemoryMeter() as meter:
        (weight * 2).sum().backward()
    assert meter.now >= 400
