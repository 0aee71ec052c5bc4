"""How fast are loops and im2col, as ratios to torch in the same run? All convolutions of AlexNet and VGG-16.

python benchmarks/convolution.py [--device cpu] [--batches 1 4] [--dtypes float32 float64] [--repeats 9]

Prints a table and writes benchmarks/results/convolution-<device>.json. Each figure is the median over repeats of
the ratio within one repeat; the algorithms take turns, so that a busy machine disturbs all of them alike. With one
thread on a processor the clock is the processor's time (what other programs take does not count), else the wall's.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch

from cnncourse.layers.convolution import (
    column_matrix_bytes,
    convolve_by_im2col,
    convolve_by_loops,
    convolve_by_torch,
    default_memory_budget,
)
from cnncourse.layers.stride_arithmetic import output_size
from cnncourse.workbench.device import best_device, describe_device, set_seed

RESULTS = Path(__file__).parent / "results"
SEED = 16
LOOPS_FORWARD, LOOPS_BACKWARD = 70_000, 5_000  # responses that loops can compute within seconds


@dataclass(frozen=True)
class Layer:
    """One convolution: C → O channels on size² pixels; `names` are the layers that have this geometry."""

    names: str
    channels: int
    filters: int
    size: int
    kernel: int
    stride: int = 1
    padding: int = 1

    @property
    def responses(self) -> int:
        """Values of the output of one image."""
        return self.filters * output_size(self.size, self.kernel, self.stride, self.padding) ** 2

    def __str__(self) -> str:
        step = f"/{self.stride}" if self.stride > 1 else ""
        return f"{self.channels}→{self.filters}, {self.kernel}×{self.kernel}{step}, {self.size}²"


LAYERS = [
    Layer("LeNet C1", 1, 6, 32, 5, padding=0),
    Layer("LeNet C3", 6, 16, 14, 5, padding=0),
    Layer("AlexNet conv1", 3, 64, 224, 11, 4, 2),  # the variant that frameworks ship
    Layer("AlexNet conv2", 64, 192, 27, 5, 1, 2),
    Layer("AlexNet conv3", 192, 384, 13, 3),
    Layer("AlexNet conv4", 384, 256, 13, 3),
    Layer("AlexNet conv5", 256, 256, 13, 3),
    Layer("VGG-16 conv1_1", 3, 64, 224, 3),
    Layer("VGG-16 conv1_2", 64, 64, 224, 3),
    Layer("VGG-16 conv2_1", 64, 128, 112, 3),
    Layer("VGG-16 conv2_2", 128, 128, 112, 3),
    Layer("VGG-16 conv3_1", 128, 256, 56, 3),
    Layer("VGG-16 conv3_2, 3_3", 256, 256, 56, 3),
    Layer("VGG-16 conv4_1", 256, 512, 28, 3),
    Layer("VGG-16 conv4_2, 4_3", 512, 512, 28, 3),
    Layer("VGG-16 conv5_1…5_3", 512, 512, 14, 3),
]

Convolve = Callable[..., torch.Tensor]


def algorithms(layer: Layer, batch: int) -> dict[str, Convolve]:
    """The algorithms to compare; "whole" is im2col without chunks, loops only where they end within seconds."""
    chosen: dict[str, Convolve] = {"torch": convolve_by_torch, "im2col": convolve_by_im2col}
    chosen["whole"] = lambda *arguments: convolve_by_im2col(*arguments, memory_budget=2**40)
    if layer.responses * batch <= LOOPS_FORWARD:
        chosen["loops"] = convolve_by_loops
    return chosen


def measure(layer: Layer, batch: int, dtype: torch.dtype, device: torch.device, repeats: int) -> dict[str, object]:
    """Median milliseconds of torch and median ratios to it, forwards and backwards."""
    dd = {"dtype": dtype, "device": device}
    first = layer.channels == (1 if "LeNet" in layer.names else 3)  # nobody asks a photograph for its gradient
    image = torch.randn(batch, layer.channels, layer.size, layer.size, **dd).requires_grad_(not first)
    weight = torch.randn(layer.filters, layer.channels, layer.kernel, layer.kernel, **dd).requires_grad_()
    bias = torch.randn(layer.filters, **dd).requires_grad_()
    direction = torch.randn_like(convolve_by_torch(image, weight, bias, layer.stride, layer.padding))
    taken: dict[str, list[tuple[float, float]]] = {}
    for repeat in range(repeats + 1):
        for name, function in algorithms(layer, batch).items():
            if name == "loops" and repeat > 2:
                continue
            backwards = name != "loops" or layer.responses * batch <= LOOPS_BACKWARD
            before = now(device)
            output = function(image, weight, bias, layer.stride, layer.padding)
            between = now(device)
            if backwards:
                output.backward(direction)
            pair = (between - before, now(device) - between if backwards else float("nan"))
            del output  # here, because letting go of a long graph takes time too
            if repeat:  # the first round warms up
                taken.setdefault(name, []).append(pair)
    return {
        "layer": layer.names,
        "geometry": str(layer),
        "dtype": str(dtype).removeprefix("torch."),
        "batch": batch,
        "column_bytes": batch * column_bytes(layer, dtype),
        **summary(taken),
    }


def summary(taken: dict[str, list[tuple[float, float]]]) -> dict[str, object]:
    """Medians of torch's milliseconds and of the others' ratios within one repeat; `None` where there is none."""
    found: dict[str, object] = {}
    for index, way in enumerate(("forward", "backward")):
        found[f"torch_{way}_ms"] = round(1000 * statistics.median(pair[index] for pair in taken["torch"]), 3)
        for name in ("im2col", "whole", "loops"):
            pairs = zip(taken.get(name, []), taken["torch"], strict=False)
            ratios = [mine[index] / theirs[index] for mine, theirs in pairs if mine[index] == mine[index]]
            found[f"{name}_{way}"] = round(statistics.median(ratios), 2) if ratios else None
    return found


def column_bytes(layer: Layer, dtype: torch.dtype) -> int:
    """Bytes of the whole column matrix of one image."""
    shape = (layer.channels, layer.size, layer.size)
    return column_matrix_bytes(shape, layer.kernel, layer.stride, layer.padding, bytes_per_value=dtype.itemsize)


def now(device: torch.device) -> float:
    """Seconds on the clock that the docstring above names, when the device has done its work."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    elif device.type == "mps":
        torch.mps.synchronize()
    return time.process_time() if clock(device) == "processor" else time.perf_counter()


def clock(device: torch.device) -> str:
    """Which clock is read."""
    return "processor" if device.type == "cpu" and torch.get_num_threads() == 1 else "wall"


def circumstances(device: torch.device, repeats: int) -> dict[str, object]:
    """What the figures depend on."""
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else platform.machine()
    return {
        "device": f"{device.type}: {name}",
        "described": describe_device(device),
        "threads": torch.get_num_threads(),
        "cores": os.cpu_count(),
        "instructions": torch.backends.cpu.get_cpu_capability(),
        "load": round(os.getloadavg()[0], 1),
        "torch": torch.__version__,
        "python": platform.python_version(),
        "seed": SEED,
        "repeats": repeats,
        "clock": clock(device),
        "im2col_budget_bytes": default_memory_budget(device),
        "tf32": False,
    }


HEADER = (
    f"{'layer':20} {'geometry':24} {'columns':>9}   {'torch ms':>15}   {'im2col':>11}   {'whole':>11}   {'loops':>13}\n"
    f"{'':45} {'MiB':>9}   {'fwd':>7} {'bwd':>7}   "
    f"{'fwd':>5} {'bwd':>5}   {'fwd':>5} {'bwd':>5}   {'fwd':>6} {'bwd':>6}"
)


def line(row: dict[str, object]) -> str:
    """One row of the table."""

    def ratio(key: str, width: int) -> str:
        value = row[key]
        return f"{'n/a' if value is None else format(value, '.0f' if key.startswith('loops') else '.2f'):>{width}}"

    parts = [f"{ratio(f'{name}_forward', w)} {ratio(f'{name}_backward', w)}" for name, w in
             (("im2col", 5), ("whole", 5), ("loops", 6))]  # fmt: skip
    times = f"{row['torch_forward_ms']:>7} {row['torch_backward_ms']:>7}"
    return f"{row['layer']:20} {row['geometry']:24} {row['column_bytes'] / 2**20:>9.1f}   {times}   {'   '.join(parts)}"


def main() -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--device", default=None)
    parser.add_argument("--batches", type=int, nargs="+", default=[1, 4])
    parser.add_argument("--dtypes", nargs="+", default=["float32", "float64"])
    parser.add_argument("--repeats", type=int, default=9)
    options = parser.parse_args()
    device = best_device(options.device)
    torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = False
    set_seed(SEED)
    about, rows = circumstances(device, options.repeats), []
    print("\n".join(f"{key}: {value}" for key, value in about.items()))
    for dtype in options.dtypes:
        for batch in options.batches:
            print(f"\n{dtype}, batch {batch}: ratios to torch, smaller is better\n{HEADER}")
            for layer in LAYERS:
                rows.append(measure(layer, batch, getattr(torch, dtype), device, options.repeats))
                print(line(rows[-1]), flush=True)
    above = [row for row in rows if max(row["im2col_forward"], row["im2col_backward"]) > 2]
    print(f"\n{len(rows) - len(above)} of {len(rows)} rows have im2col within twice torch's time, both ways")
    for row in above:
        print(f"  not: {row['dtype']}, batch {row['batch']}, {row['layer']}")
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"convolution-{device.type}.json"
    path.write_text(json.dumps({"about": about, "ratios": rows}, indent=1, ensure_ascii=False) + "\n")
    print(f"written: {path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path}")


if __name__ == "__main__":
    main()
