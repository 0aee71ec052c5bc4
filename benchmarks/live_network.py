"""How fast the trained networks of the page are, in headless Chromium, on the built site.

python benchmarks/live_network.py [--strokes 120] [--repeats 3]

Build the book first. Prints a table and writes benchmarks/results/live_network-chromium.json:

* `first_result_ms`: from the last byte of the network's file, over a connection of 20 Mbit/s and 40 ms, to the first
  answer painted; the best of the repeats counts, the median stands beside.
* `updates_per_second`: answers of the worker (a forward pass, the gradient of the answer, the projection of a unit)
  that were painted while the reader draws without a pause.
* `page`: what the whole chapter transfers, and what of it gzip leaves.
* `engine`: the same networks in Node alone, milliseconds for one pass forwards and one backwards (median of 40).
"""

from __future__ import annotations

import argparse
import functools
import gzip
import http.server
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

from playwright.sync_api import Browser, Locator, Page, Response, sync_playwright

ROOT = Path(__file__).parents[1]
SITE = ROOT / "_build" / "html"
RESULTS = Path(__file__).parent / "results"
CHAPTER = "visualization/activations.html"
NETWORKS = {"lenet_mnist": (0, 4), "vgg_cifar10": (1, 6)}  # place of the widget on the page, layers that it shows
COMPRESSED = (".html", ".js", ".mjs", ".css", ".svg", ".json", ".bin")
CONNECTION = {"offline": False, "latency": 40, "downloadThroughput": 2.5e6, "uploadThroughput": 2.5e6}
WORKER = """
globalThis.answers = [];
globalThis.Worker = class extends Worker {
  constructor(...options) {
    super(...options);
    this.addEventListener("message", ({ data }) => {
      if (data.type !== "seen") return;
      requestAnimationFrame(() => answers.push({ time: performance.now(), layers: data.maps.length }));
    });
  }
};
"""
ENGINE = """
import { readFileSync } from "node:fs";
const engine = await import(process.argv[1]);
const network = engine.readNetwork(new Uint8Array(readFileSync(process.argv[2])));
const tape = engine.newTape(network);
tape.maps[0].forEach((_, place, values) => { values[place] = Math.sin(place); });
const [there, back] = [[], []];
for (let run = 0; run < 45; run += 1) {
  const start = performance.now();
  engine.forward(network, tape);
  const middle = performance.now();
  engine.inputGradient(network, tape, network.layers.length, 3);
  there.push(middle - start);
  back.push(performance.now() - middle);
}
const median = (values) => values.slice(5).sort((one, other) => one - other)[20];
console.log(JSON.stringify({ forwards_ms: median(there), backwards_ms: median(back) }));
"""


def main() -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--strokes", type=int, default=120)
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    if not (SITE / CHAPTER).exists():
        raise SystemExit("the site is not built; run `make book`")
    sys.path.insert(0, str(ROOT / "tools"))
    from find_chromium import find_chromium

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(SITE)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    address = f"http://127.0.0.1:{server.server_port}/{CHAPTER}"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=["--no-sandbox"])
        rows = {name: measure(browser, address, name, options.strokes, options.repeats) for name in NETWORKS}
        page = weigh(browser, address)
        about = {
            "chromium": browser.version,
            "processors": os.cpu_count(),
            "machine": platform.machine(),
            "load": [round(load, 2) for load in os.getloadavg()],
            "date": time.strftime("%Y-%m-%d"),
        }
        browser.close()
    server.shutdown()
    for name, row in rows.items():
        row["engine"] = in_node(name)
    RESULTS.mkdir(exist_ok=True)
    file = RESULTS / "live_network-chromium.json"
    file.write_text(json.dumps({"about": about, "page": page, "networks": rows}, indent=1) + "\n", encoding="utf-8")
    report(rows, page, about)


class Quiet(http.server.SimpleHTTPRequestHandler):
    """Serves without a word."""

    def log_message(self, *_: object) -> None:
        """Nothing."""


def measure(browser: Browser, address: str, name: str, strokes: int, repeats: int) -> dict[str, object]:
    """First result and updates per second of one widget, each repeat on a fresh page."""
    (place, layers), firsts, rates = NETWORKS[name], [], []
    for _ in range(repeats):
        context = browser.new_context(viewport={"width": 1280, "height": 1000})
        context.add_init_script(WORKER)
        page = context.new_page()
        context.new_cdp_session(page).send("Network.emulateNetworkConditions", CONNECTION)
        page.goto(address)
        widget = page.locator("[data-widget='live_network.mjs']").nth(place)
        widget.scroll_into_view_if_needed()
        widget.locator(".cnn-panel .ln-bar[aria-pressed=true]").wait_for()
        firsts.append(first_result(page, name, layers))
        rates.append(draw(widget.locator(".sh-pad"), layers, strokes))
        context.close()
    return {
        "first_result_ms": round(min(firsts), 1),
        "first_result_ms_median": round(statistics.median(firsts), 1),
        "updates_per_second": round(max(rates), 1),
        "updates_per_second_median": round(statistics.median(rates), 1),
    }


def first_result(page: Page, name: str, layers: int) -> float:
    """Milliseconds from the arrival of the network's file to the first answer on the screen."""
    page.wait_for_function("(layers) => answers.some((one) => one.layers === layers)", arg=layers)
    return float(
        page.evaluate(
            """([file, layers]) => {
                const files = performance.getEntriesByType("resource");
                const arrived = files.find((one) => one.name.endsWith(file)).responseEnd;
                return answers.find((one) => one.layers === layers).time - arrived;
            }""",
            [f"/{name}.bin", layers],
        )
    )


def draw(sheet: Locator, layers: int, strokes: int) -> float:
    """Answers per second while the pen moves in the page without a pause; moves come with every frame."""
    return float(
        sheet.evaluate(
            """async (pad, [layers, strokes]) => {
                pad.setPointerCapture = () => {};
                const box = pad.getBoundingClientRect();
                const send = (type, part) => pad.dispatchEvent(new PointerEvent(type, {
                    pointerId: 1, bubbles: true,
                    clientX: box.left + box.width * (0.5 + 0.3 * Math.cos(part)),
                    clientY: box.top + box.height * (0.5 + 0.3 * Math.sin(1.7 * part)),
                }));
                send("pointerdown", 0);
                const start = performance.now();
                for (let step = 0; step < strokes; step += 1) {
                    send("pointermove", step / 9);
                    await new Promise((resume) => requestAnimationFrame(resume));
                }
                const end = performance.now();
                send("pointerup", 0);
                const inside = answers.filter((one) => one.layers === layers && one.time > start && one.time <= end);
                return (1000 * inside.length) / (end - start);
            }""",
            [layers, strokes],
        )
    )


def weigh(browser: Browser, address: str) -> dict[str, int]:
    """Bytes that the chapter transfers with both widgets live, as served and after gzip."""
    files: dict[str, bytes] = {}
    page = browser.new_page(viewport={"width": 1280, "height": 1000})
    page.on("response", lambda response: keep(files, response))
    page.goto(address)
    for widget in page.locator("[data-widget]").all():
        widget.scroll_into_view_if_needed()
        widget.locator(".cnn-panel").wait_for()
    page.wait_for_load_state("networkidle")
    page.close()
    packed = {
        url: len(gzip.compress(body)) if url.partition("?")[0].endswith(COMPRESSED) else len(body)
        for url, body in files.items()
    }
    networks = sum(size for url, size in packed.items() if url.endswith(".bin"))
    return {
        "requests": len(files),
        "bytes": sum(map(len, files.values())),
        "bytes_compressed": sum(packed.values()),
        "networks_compressed": networks,
    }


def keep(files: dict[str, bytes], response: Response) -> None:
    """Remember the body of an answer."""
    if response.url.startswith("http") and response.ok:
        files[response.url] = response.body()


def in_node(name: str) -> dict[str, float] | None:
    """The engine alone, or nothing where there is no Node."""
    from cnncourse.models import write_network

    with tempfile.NamedTemporaryFile(suffix=".bin") as file:
        file.write(write_network(name))
        file.flush()
        engine = (ROOT / "cnncourse" / "widgets" / "network.mjs").as_uri()
        command = ["node", "--input-type=module", "--eval", ENGINE, engine, file.name]
        try:
            done = subprocess.run(command, capture_output=True, text=True, check=True)
        except (OSError, subprocess.CalledProcessError):
            return None
    return {key: round(value, 2) for key, value in json.loads(done.stdout).items()}


def report(rows: dict[str, dict[str, object]], page: dict[str, int], about: dict[str, object]) -> None:
    """Print what was measured."""
    print(f"Chromium {about['chromium']}, {about['processors']} processors, load {about['load']}")
    for name, row in rows.items():
        first, rate, engine = row["first_result_ms"], row["updates_per_second"], row["engine"]
        print(f"{name:12} first result {first} ms after the data (median {row['first_result_ms_median']})")
        print(f"{'':12} {rate} updates a second (median {row['updates_per_second_median']}); in Node {engine}")
    sizes = [page[key] / 1e6 for key in ("bytes", "bytes_compressed")]
    print(f"page: {page['requests']} requests, {sizes[0]:.2f} MB, compressed {sizes[1]:.2f} MB")


if __name__ == "__main__":
    main()
