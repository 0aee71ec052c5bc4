"""How long does the receptive field of a whole network take? A ratio to measuring it by gradient in the same run.

python benchmarks/receptive_field.py [--repeats 15]

Prints a table and writes benchmarks/results/receptive_field-cpu.json. `receptive_field` is timed on the full network
(all channels, normalisation, classifier), after it is built. Its peers: gradient support on the one-channel skeleton
(`measured_receptive_field`), which is the cheapest honest measurement, and `torch.fx` tracing the full network, which
yields a graph and no receptive field. Each figure is the median over repeats; with one thread the clock is the
processor's time (what other programs take does not count), else the wall's.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import torch
import torch.fx
from torch import Tensor, nn

from cnncourse.layers.receptive_field import measured_receptive_field, published_size, receptive_field, skeleton

RESULTS = Path(__file__).parent / "results"
GOAL_MS = 50.0  # for ResNet-152
NETWORKS = {
    "resnet18": ((2, 2, 2, 2), False),
    "resnet50": ((3, 4, 6, 3), True),
    "resnet152": ((3, 8, 36, 3), True),
}


class Block(nn.Module):
    """A residual block at full width, as frameworks ship it."""

    def __init__(self, channels: int, width: int, stride: int, bottleneck: bool) -> None:
        super().__init__()
        out = 4 * width if bottleneck else width
        plan = [(1, 1, width), (3, stride, width), (1, 1, out)] if bottleneck else [(3, stride, width), (3, 1, out)]
        self.steps = nn.ModuleList()
        incoming = channels
        for kernel, step, outgoing in plan:
            convolution = nn.Conv2d(incoming, outgoing, kernel, step, kernel // 2, bias=False)
            self.steps.append(nn.Sequential(convolution, nn.BatchNorm2d(outgoing)))
            incoming = outgoing
        self.relu = nn.ReLU(inplace=True)
        changed = stride > 1 or channels != out
        shortcut = (nn.Conv2d(channels, out, 1, stride, bias=False), nn.BatchNorm2d(out)) if changed else ()
        self.shortcut = nn.Sequential(*shortcut)

    def forward(self, x: Tensor) -> Tensor:
        """Add the branch to the shortcut."""
        y = x
        for index, step in enumerate(self.steps):
            y = step(self.relu(y) if index else y)
        return self.relu(y + self.shortcut(x))


def resnet(name: str) -> nn.Sequential:
    """Build a residual network with all its channels."""
    blocks, bottleneck = NETWORKS[name]
    layers: list[nn.Module] = [nn.Conv2d(3, 64, 7, 2, 3, bias=False), nn.BatchNorm2d(64), nn.ReLU(inplace=True)]
    layers.append(nn.MaxPool2d(3, 2, 1))
    channels = 64
    for stage, count in enumerate(blocks):
        width = 64 * 2**stage
        for index in range(count):
            layers.append(Block(channels, width, 2 if stage and not index else 1, bottleneck))
            channels = 4 * width if bottleneck else width
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, 1000))


def milliseconds(function: Callable[[], object], repeats: int) -> float:
    """Median processor time of a call, after one to warm up."""
    function()
    taken = []
    for _ in range(repeats):
        start = now()
        function()
        taken.append(now() - start)
    return 1000 * statistics.median(taken)


def now() -> float:
    """Seconds on the clock that the docstring above names."""
    return time.process_time() if torch.get_num_threads() == 1 else time.perf_counter()


def measure(name: str, repeats: int) -> dict[str, object]:
    """Milliseconds of the analysis, and ratios of the peers to it."""
    network, bare = resnet(name), skeleton(name)
    size = published_size(name, "layer4")
    side = size + 70
    assert measured_receptive_field(bare, (1, side, side), "layer4").size == size
    full = receptive_field(network)
    assert full.of(list(full)[-5]).size == size  # the last block, before pooling, flattening and classifier
    analysis = milliseconds(lambda: receptive_field(network), repeats)
    gradient = milliseconds(lambda: measured_receptive_field(bare, (1, side, side), "layer4"), max(1, repeats // 5))
    tracing = milliseconds(lambda: torch.fx.Tracer().trace(network), repeats)
    return {
        "network": name,
        "modules": sum(1 for _ in network.modules()),
        "size": size,
        "analysis_ms": round(analysis, 2),
        "gradient_support_ratio": round(gradient / analysis, 1),
        "fx_tracing_ratio": round(tracing / analysis, 2),
    }


def main() -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=15)
    options = parser.parse_args()
    about = {
        "device": f"cpu: {platform.machine()}",
        "threads": torch.get_num_threads(),
        "cores": os.cpu_count(),
        "load": round(os.getloadavg()[0], 1),
        "torch": torch.__version__,
        "python": platform.python_version(),
        "repeats": options.repeats,
        "clock": "processor" if torch.get_num_threads() == 1 else "wall",
    }
    print("\n".join(f"{key}: {value}" for key, value in about.items()))
    print(f"\n{'network':10} {'modules':>8} {'field':>6} {'analysis ms':>12} {'gradient ×':>11} {'fx tracing ×':>13}")
    rows = []
    for name in NETWORKS:
        row = measure(name, options.repeats)
        rows.append(row)
        print(
            f"{row['network']:10} {row['modules']:>8} {row['size']:>6} {row['analysis_ms']:>12} "
            f"{row['gradient_support_ratio']:>11} {row['fx_tracing_ratio']:>13}",
            flush=True,
        )
    reached = rows[-1]["analysis_ms"] < GOAL_MS
    print(f"\nResNet-152 in under {GOAL_MS:g} ms: {'yes' if reached else 'no'}")
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / "receptive_field-cpu.json"
    path.write_text(json.dumps({"about": about, "rows": rows}, indent=1, ensure_ascii=False) + "\n")
    print(f"written: {path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path}")


if __name__ == "__main__":
    main()
