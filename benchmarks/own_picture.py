"""How fast the page answers a picture, in headless Chromium, on the built site.

python benchmarks/own_picture.py [--repeats 5]

Build the book first. Prints a table and writes benchmarks/results/own_picture-chromium.json: for each photograph the
milliseconds that the worker needs from the pixels to the answer (best and median of the repeats), and the load of the
machine meanwhile.
"""

from __future__ import annotations

import argparse
import functools
import http.server
import json
import os
import platform
import re
import statistics
import sys
import threading
import time
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

ROOT = Path(__file__).parents[1]
SITE = ROOT / "_build" / "html"
RESULT = Path(__file__).parent / "results" / "own_picture-chromium.json"
CHAPTER = "applications/own_picture.html"


class Quiet(http.server.SimpleHTTPRequestHandler):
    """Serves without a word."""

    def log_message(self, *_: object) -> None:
        """Nothing."""


def main() -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    if not (SITE / CHAPTER).exists():
        raise SystemExit("the site is not built; run `make book`")
    sys.path.insert(0, str(ROOT / "tools"))
    from find_chromium import find_chromium

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(SITE)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1280, "height": 1000})
        page.set_default_timeout(120_000)
        page.goto(f"http://127.0.0.1:{server.server_port}/{CHAPTER}")
        page.locator("[data-widget='own_picture.mjs']").scroll_into_view_if_needed()
        page.locator(".op-thumb").first.wait_for()
        rows = measure(page, options.repeats)
        about = {
            "chromium": browser.version,
            "processors": os.cpu_count(),
            "machine": platform.machine(),
            "load": [round(load, 2) for load in os.getloadavg()],
            "date": time.strftime("%Y-%m-%d"),
        }
        browser.close()
    server.shutdown()
    RESULT.parent.mkdir(exist_ok=True)
    RESULT.write_text(json.dumps({"about": about, "photographs": rows}, indent=1) + "\n", encoding="utf-8")
    for name, row in rows.items():
        print(f"{name:>14}: best {row['best_ms']:>6} ms, median {row['median_ms']:>6} ms")
    print("load", about["load"])


def measure(page: Page, repeats: int) -> dict[str, dict[str, float]]:
    """Milliseconds of each photograph, as the page itself says."""
    times: dict[str, list[float]] = {}
    for _ in range(repeats + 1):  # the first round warms up
        for thumb in page.locator(".op-thumb").all():
            name = str(thumb.get_attribute("title"))
            thumb.click()
            page.get_by_role("img", name=f"{name}, as the network sees it").wait_for()
            words = page.locator(".op-small", has_text="Answered in").inner_text()
            times.setdefault(name, []).append(float(re.sub(r"\D", "", words)))
    return {
        name: {"best_ms": min(values[1:]), "median_ms": statistics.median(values[1:])} for name, values in times.items()
    }


if __name__ == "__main__":
    main()
