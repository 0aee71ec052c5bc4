"""The built site, served on 127.0.0.1 to a real browser."""

import functools
import http.server
import threading
from pathlib import Path

import pytest
from find_chromium import find_chromium
from playwright.sync_api import sync_playwright

SITE = Path(__file__).parents[2] / "_build" / "html"


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


@pytest.fixture(scope="session")
def address():
    """Address of the served site; it must have been built."""
    assert (SITE / "index.html").exists(), "the site is not built; run `make book`"
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(SITE)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()


@pytest.fixture(scope="session")
def browser():
    executable = find_chromium()
    assert executable, "Chromium was not found; run `make test`, which says how to get it"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def context(browser):
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    context.set_default_timeout(15_000)
    yield context
    context.close()
