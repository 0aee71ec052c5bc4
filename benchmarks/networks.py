"""Multiply-adds are not time: how fast each network answers, as a ratio to ResNet-18 in the same run.

python benchmarks/networks.py [--repeats 5]

Prints a table and writes benchmarks/results/networks-cpu.json. Each network sees pictures of its own size, in float32
with one picture and with eight, and with eight pictures in channels-last order and bfloat16. `peak` is what the
activations need at most for one picture, weights not counted. With one thread the clock is the processor's time (what
other programs take does not count), else the wall's. The fastest of the repeats counts.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import time
from pathlib import Path

import torch

from cnncourse.models import build, multiply_adds_of, native_size
from cnncourse.workbench.memory_meter import MemoryMeter

RESULTS = Path(__file__).parent / "results"
PEER = "resnet18"
NETWORKS = (
    "resnet18", "resnet34", "resnet50", "resnet101", "resnet152",
    "squeezenet1_0", "alexnet", "alexnet_two_towers", "zfnet", "googlenet_paper", "googlenet", "vgg11", "vgg16",
    "vgg19",
)  # fmt: skip


def main() -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--networks", nargs="+", default=NETWORKS)
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
    print(f"\n{'':20} {'MAC ×':>7} {'time ×':>7} {'ms, 1':>8} {'ms, 8':>8} {'bf16, 8':>8} {'peak MB':>8}")
    rows = []
    for name in [PEER, *(name for name in options.networks if name != PEER)]:
        row = measure(name, options.repeats)
        rows.append(row)
        first = rows[0]
        row["multiply_adds_ratio"] = round(row["multiply_adds"] / first["multiply_adds"], 2)
        row["time_ratio"] = round(row["ms_batch1"] / first["ms_batch1"], 2)
        print(
            f"{name:20} {row['multiply_adds_ratio']:>7} {row['time_ratio']:>7} {row['ms_batch1']:>8} "
            f"{row['ms_batch8']:>8} {row['ms_batch8_bf16_channels_last']:>8} {row['peak_mb_batch1']:>8}",
            flush=True,
        )
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / "networks-cpu.json"
    path.write_text(json.dumps({"about": about, "rows": rows}, indent=1, ensure_ascii=False) + "\n")
    print(f"written: {path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path}")


def measure(name: str, repeats: int) -> dict[str, object]:
    """Milliseconds a picture and peak memory of one network."""
    torch.manual_seed(0)
    network = build(name).eval()
    side = native_size(name)
    one, eight = (torch.rand(number, network.in_channels, side, side) for number in (1, 8))
    row = {
        "network": name,
        "multiply_adds": multiply_adds_of(name),
        "ms_batch1": milliseconds(network, one, repeats),
        "ms_batch8": milliseconds(network, eight, repeats),
    }
    with torch.inference_mode(), MemoryMeter() as meter:
        network(one)
    row["peak_mb_batch1"] = round(meter.peak / 1e6, 1)
    network = network.to(memory_format=torch.channels_last)
    with torch.autocast("cpu", torch.bfloat16):
        eight = eight.contiguous(memory_format=torch.channels_last)
        row["ms_batch8_bf16_channels_last"] = milliseconds(network, eight, repeats)
    return row


def milliseconds(network: torch.nn.Module, images: torch.Tensor, repeats: int) -> float:
    """Milliseconds a picture of the fastest of several passes, after one to warm up."""
    taken = []
    with torch.inference_mode():
        for _ in range(repeats + 1):
            start = now()
            network(images)
            taken.append(now() - start)
    return round(1000 * min(taken[1:]) / len(images), 1)


def now() -> float:
    """Seconds on the clock that the docstring above names."""
    return time.process_time() if torch.get_num_threads() == 1 else time.perf_counter()


if __name__ == "__main__":
    main()
