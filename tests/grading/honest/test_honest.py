"""Checks as instructors write them, with right answers: each must give full points through the stand-ins."""

from pathlib import Path

import pytest
from grading.cases import read

from cnncourse.grading.job import Cell, Job

HONEST = read(Path(__file__).with_name("cases.md"))
IMPORTS = """%matplotlib inline
import numpy as np
import torch
import torch.nn.functional as F
from torch import nn
import matplotlib.pyplot as plt"""
NET = """class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 4, 3, padding=1)
        self.bn = nn.BatchNorm2d(4)
        self.features = nn.Sequential(nn.Conv2d(4, 8, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2))
        self.fc = nn.Linear(8 * 4 * 4, 10)
    def forward(self, x):
        x = self.features(F.relu(self.bn(self.conv1(x))))
        return self.fc(x.flatten(1))
model = Net()"""


def job(names, answer, check, hidden=""):
    cells = (Cell("imports", "given", IMPORTS), Cell("answer", "answer", answer.replace("<NET>", NET)))
    return Job("honest", "ada", (*cells, Cell("check", "check", check, hidden, points=2.0)), tuple(names.split()))


@pytest.mark.parametrize("name", HONEST)
def test_a_right_answer_gets_full_points(engine, name):
    outcome = engine.grade(job(**HONEST[name]))
    assert [cell.status for cell in outcome.cells] == ["passed"] * 3, outcome.cells
    assert outcome.points == 2.0
