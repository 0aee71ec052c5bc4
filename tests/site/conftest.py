"""The built site, served on 127.0.0.1 to a real browser."""

import functools
import http.server
import threading
from pathlib import Path

import pytest

import cnncourse.widgets  # noqa: F401 - its classes say which files there are
from cnncourse.widgets.base import FOLDER, Widget

FILES = {name: make for widget in Widget.__subclasses__() for name, make in widget.page_files.items()}
SITE = Path(__file__).parents[2] / "_build" / "html"


POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; "
    "font-src 'self'; connect-src 'self'; worker-src 'self' blob:; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)


class StrictServer(http.server.SimpleHTTPRequestHandler):
    """A silent server that sends the content-security policy that the README recommends."""

    def log_message(self, *_):
        pass

    def end_headers(self):
        self.send_header("Content-Security-Policy", POLICY)
        super().end_headers()


@pytest.fixture(scope="session")
def address():
    """Address of the served site; it must have been built."""
    assert (SITE / "index.html").exists(), "the site is not built; run `make book`"
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(StrictServer, directory=str(SITE)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()


@pytest.fixture
def context(browser):
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    context.set_default_timeout(15_000)
    yield context
    context.close()


BARE = "http://bare.test/"  # answered by the test itself, so it needs neither network nor a built book


@pytest.fixture
def show(context):
    """A function that shows widgets on a bare page, as the website does but without the book around them.

    Options of the browser's context (`java_script_enabled`, `reduced_motion`, `has_touch`, …) make a context of their
    own. At the end of the test no page may have reported an error.
    """
    errors, opened = [], []

    def show(*widgets, live=True, **options):
        place = context.browser.new_context(**options) if options else context
        if options:
            place.set_default_timeout(15_000)
            opened.append(place)
        page = place.new_page()
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
        page.route(f"{BARE}**", lambda route: answer(route, widgets))
        page.goto(BARE)
        if live and options.get("java_script_enabled", True):
            page.locator(".cnn-panel").nth(len(widgets) - 1).wait_for()
        return page

    show.errors = errors
    yield show
    for place in opened:
        place.close()
    assert errors == []


def answer(route, widgets):
    """Answer a request of the bare page: the page itself, a module, the style."""
    name = route.request.url.removeprefix(BARE)
    if name:
        kind = "text/css" if name.endswith(".css") else "text/javascript"
        if name in FILES:
            return route.fulfill(body=FILES[name](), content_type="application/octet-stream")
        found = (FOLDER / name).exists()
        return route.fulfill(path=FOLDER / name, content_type=kind) if found else route.fulfill(status=404)
    outputs = "".join(widget._repr_mimebundle_()[0]["text/html"] for widget in widgets)
    head = '<meta charset="utf-8"><meta name="viewport" content="width=device-width"><link rel="icon" href="data:,">'
    head += '<link rel="stylesheet" href="widgets.css"><script type="module" src="host.mjs"></script>'
    return route.fulfill(
        body=f"<!doctype html><html lang=en><head>{head}</head><body>{outputs}", content_type="text/html"
    )
