"""Occlusion, exact and fast, against captum on the same network, picture, patch and places in the same run.

python benchmarks/occlusion.py [--naive-on vgg11]

Prints a table and writes benchmarks/results/occlusion-cpu.json (or -cuda). The picture has 224×224 pixels, the
occluder 32×32, its step is 8 to the right. Downwards it is 24, so that everybody is measured on the same 9 rows in
place of 25; 24 = 3 · 8 has all the alignments to the grid of the poolings that a step of 8 has. Weights are random,
which changes no time. Captum and the naive way run in batches of 1, 8 or 32, whichever is fastest for one picture in a
trial before. `occlusion_map` is timed with everything that it does: the run over the uncovered picture, the check of
one place, the map of losses. With one thread the clock is the processor's time, else the wall's. The small cases show
where little is gained: when the occluder is a large part of the picture, nearly all of each map can change.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import time
from collections.abc import Callable
from pathlib import Path

import captum.attr
import torch
from torch import Tensor

from cnncourse.models import build
from cnncourse.visualization.occlusion import occlusion_map, savings
from cnncourse.workbench import best_device, describe_device

RESULTS = Path(__file__).parent / "results"
GOAL = 5.0
# network, side, patch, stride, repeats
CASES = (
    ("vgg11", 224, 32, (24, 8), 1),
    ("vgg16", 224, 32, (24, 8), 1),
    ("vgg_small", 32, 8, (4, 4), 5),
    ("vgg_small", 32, 16, (4, 4), 5),
)
BATCHES = (1, 8, 32)


def now(device: torch.device) -> float:
    """Seconds on the clock that the docstring above names."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    alone = device.type == "cpu" and torch.get_num_threads() == 1
    return time.process_time() if alone else time.perf_counter()


def timed(function: Callable[[], Tensor], device: torch.device, repeats: int) -> tuple[Tensor, float]:
    """The result, and the smallest of the times in seconds."""
    taken, result = [], torch.empty(0)
    for _ in range(repeats):
        start = now(device)
        result = function()
        taken.append(now(device) - start)
    return result, min(taken)


def fastest_batch(network: torch.nn.Module, image: Tensor, device: torch.device) -> int:
    """The size of batch with the least time for one picture."""
    each = {}
    with torch.no_grad():
        for size in BATCHES:
            pictures = image.repeat(size, 1, 1, 1)
            network(pictures[:1])
            each[size] = timed(lambda: network(pictures), device, 2)[1] / size  # noqa: B023
    return min(each, key=each.__getitem__)


def measure(
    name: str, side: int, patch: int, stride: tuple[int, int], repeats: int, naive: bool, device: torch.device
) -> dict[str, object]:
    """Seconds of each, and how many times longer than the exact way the others take."""
    torch.manual_seed(16)
    network = build(name).to(device).eval()
    image = torch.randn(3, side, side, device=device)

    batch = fastest_batch(network, image, device)

    def ours(method: str, size: int = 64) -> Callable[[], Tensor]:
        options = {"method": method, "ceil_mode": True, "batch_size": size}
        return lambda: occlusion_map(network, image, patch, stride, **options).loss_of_logit(7)  # type: ignore[arg-type]

    def theirs() -> Tensor:
        method = captum.attr.Occlusion(network)
        shape, step = (3, patch, patch), (3, *stride)
        found: Tensor = method.attribute(
            image[None], shape, strides=step, baselines=0.0, target=7, perturbations_per_eval=batch
        )
        return found[0, 0].cpu()

    with torch.no_grad():
        exact, seconds = timed(ours("exact"), device, repeats)
        peer, peer_seconds = timed(theirs, device, repeats)
        naive_seconds = timed(ours("naive", batch), device, repeats)[1] if naive else None
    count = savings(network, image, patch, stride, ceil_mode=True)
    scale = float(peer.abs().max())
    return {
        "network": name,
        "side": side,
        "patch": patch,
        "stride": list(stride),
        "places": count.places,
        "exact_s": round(seconds, 3),
        "captum_s": round(peer_seconds, 3),
        "captum_batch": batch,
        "naive_s": None if naive_seconds is None else round(naive_seconds, 3),
        "captum_ratio": round(peer_seconds / seconds, 2),
        "naive_ratio": None if naive_seconds is None else round(naive_seconds / seconds, 2),
        "multiply_adds_ratio": round(count.factor, 2),
        "largest_difference": float((exact - peer).abs().max()) / scale,
    }


def main() -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--naive-on", nargs="*", default=["vgg11", "vgg_small"], help="networks to run naively too")
    options = parser.parse_args()
    device = best_device()
    about = {
        "device": describe_device(device).partition(",")[0],
        "machine": platform.machine(),
        "threads": torch.get_num_threads(),
        "cores": os.cpu_count(),
        "load": round(os.getloadavg()[0], 1),
        "torch": torch.__version__,
        "captum": captum.__version__,
        "clock": "processor" if device.type == "cpu" and torch.get_num_threads() == 1 else "wall",
    }
    print("\n".join(f"{key}: {value}" for key, value in about.items()))
    print(
        f"\n{'network':10} {'picture':>8} {'patch':>6} {'places':>7} {'exact s':>8} {'captum ×':>9} {'naive ×':>8} "
        f"{'counted ×':>10} {'difference':>11}"
    )
    rows = []
    for name, *case in CASES:
        row = measure(name, *case, naive=name in options.naive_on, device=device)  # type: ignore[misc, arg-type]
        rows.append(row)
        print(
            f"{name:10} {row['side']:>8} {row['patch']:>6} {row['places']:>7} {row['exact_s']:>8} "
            f"{row['captum_ratio']:>9} {row['naive_ratio'] or '':>8} {row['multiply_adds_ratio']:>10} "
            f"{row['largest_difference']:>11.1e}",
            flush=True,
        )
    reached = all(float(str(row["captum_ratio"])) >= GOAL for row in rows if row["side"] == 224)
    print(f"\nat least {GOAL:g} times captum at 224 pixels: {'yes' if reached else 'no'}")
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"occlusion-{device.type}.json"
    path.write_text(json.dumps({"about": about, "rows": rows}, indent=1, ensure_ascii=False) + "\n")
    print(f"written: {path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path}")


if __name__ == "__main__":
    main()
