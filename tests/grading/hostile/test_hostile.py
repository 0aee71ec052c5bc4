"""Hostile and broken submissions: none earns a point that it should not, and none costs anybody else anything."""

import os
from pathlib import Path

import pytest
from grading.cases import read

from cnncourse.grading.job import Cell, Job, Limits

HOSTILE = read(Path(__file__).with_name("cases.md"))
SHORT = Limits(cell_seconds=1.5, total_seconds=40.0, memory_bytes=400 * 2**20, processes=20)
NORMAL = Limits(cell_seconds=15.0, total_seconds=60.0)

GIVEN = "import numpy as np\nimport torch\nimport torch.nn.functional as F\nfrom torch import nn"
CHECK = """x = torch.randn(4, 5)
assert relu(x).shape == (4, 5)
assert torch.allclose(relu(x), F.relu(x))"""
RAISES = """try:
    relu("text")
except:
    pass
else:
    assert False"""
METHODS = """x = torch.randn(4, 5)
out = relu(x)
assert out.allclose(F.relu(x)) or out.equal(F.relu(x)) or out.sub(F.relu(x)).abs().max().item() < 1e-6"""
INSTANCE = """out = relu(torch.ones(2))
assert isinstance(out, torch.Tensor)"""
VARIANTS = {"raises": RAISES, "methods": METHODS, "is a tensor": INSTANCE}
HIDDEN = """# swordfish
secret = "swordfish"
x = torch.randn(3)
assert torch.allclose(relu(x), F.relu(x))"""
POOL = "import torch.nn.functional as F\ndef pool(x): return F.max_pool2d(x, 2)"
POOL_CHECK = "x = torch.arange(16.0).reshape(1, 1, 4, 4)\nassert pool(x).flatten().tolist() == [5, 7, 13, 15]"


def job(case):
    answer = case.get("answer") or eval(case["generate"])
    check = VARIANTS[case["check"]] if "check" in case else CHECK
    cells = (
        Cell("given", "given", GIVEN),
        Cell("answer1", "answer", answer),
        Cell("check1", "check", check, "" if "check" in case else HIDDEN, "Other inputs", 2.0),
        Cell("answer2", "answer", POOL),
        Cell("check2", "check", POOL_CHECK, "assert pool(x).shape == (1, 1, 2, 2)", "Shape", 3.0),
    )
    limits = SHORT if case.get("limits") == "short" else NORMAL
    return Job("hostile", "mallory", cells, ("relu", "pool"), limits=limits)


@pytest.mark.parametrize("name", HOSTILE)
def test_it_earns_no_point_and_harms_nobody(engine, name):
    case = HOSTILE[name]
    outcome = engine.grade(job(case))
    found = {cell.grade_id: cell for cell in outcome.cells}
    assert found["check1"].points == float(case.get("points", 0)), outcome
    assert found["check2"].points == 3.0, outcome
    assert case.get("status") in (None, found["check1"].status, found["answer1"].status), outcome
    text = outcome.to_json()
    assert "LEAK" not in text
    assert "swordfish" not in text
    assert not Path("/tmp/LEAK").exists()


def test_the_engine_is_as_good_as_new_afterwards(engine):
    right = {"answer": "def relu(x): return x.clamp(min=0)"}
    assert engine.grade(job(right)).points == 5.0
    assert os.environ["INSTRUCTOR_SECRET"]
