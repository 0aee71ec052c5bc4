"""The book on paper: every page of the built site, printed by Chromium, in one PDF.

Each widget is its still picture with its caption, because the script that would make it live is not loaded.
"""

from __future__ import annotations

import functools
import http.server
import io
import os
import sys
import threading
from pathlib import Path

import yaml
from build_book import BOOK, ROOT, SITE
from find_chromium import find_chromium
from playwright.sync_api import Browser, sync_playwright
from pypdf import PdfReader, PdfWriter

TARGET = ROOT / "_build" / "course.pdf"
_MARGIN = {"top": "18mm", "bottom": "18mm", "left": "16mm", "right": "16mm"}
_FOOT = '<div style="font-size:8px;width:100%;text-align:center"><span class="title"></span></div>'
_WIDGETS = "**/_static/widgets/**"


class _Silent(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        """Say nothing."""


def _sandbox() -> list[str]:
    """Chromium refuses its sandbox to root; what it prints are our own pages."""
    return ["--no-sandbox"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []


def names() -> list[str]:
    """Every page of the table of contents, in reading order; the record of one reader is not printed."""
    toc = yaml.safe_load((BOOK / "_toc.yml").read_text(encoding="utf-8"))
    pages = [toc["root"], *(c["file"] for part in toc["parts"] for c in part["chapters"])]
    return [page for page in pages if page != "progress"]


def print_page(browser: Browser, address: str) -> bytes:
    """One page as PDF, A4, in light colours, its widgets as stills."""
    page = browser.new_page(color_scheme="light")
    page.route(_WIDGETS, lambda route: route.abort())
    page.goto(address, wait_until="networkidle")
    page.emulate_media(media="print", color_scheme="light")
    page.locator("details").evaluate_all("all => all.forEach((one) => { one.open = true; })")
    paper = page.pdf(
        format="A4",
        margin=_MARGIN,  # type: ignore[arg-type]
        display_header_footer=True,
        header_template="<span></span>",
        footer_template=_FOOT,
    )
    page.close()
    return paper


def serve(folder: Path) -> http.server.ThreadingHTTPServer:
    """Serve a folder on 127.0.0.1 in the background."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(_Silent, directory=str(folder)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


def print_book(pages: list[str], target: Path) -> int:
    """Print pages of the built site into one PDF with an outline; return the number of sheets.

    Raises
    ------
    FileNotFoundError
        If a page has not been built.
    """
    missing = [page for page in pages if not (SITE / f"{page}.html").exists()]
    if missing:
        raise FileNotFoundError(f"{', '.join(missing)} is not built; run `make book` first")
    server, book = serve(SITE), PdfWriter()
    try:
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=find_chromium(), args=_sandbox())
            for page in pages:
                sheets = PdfReader(
                    io.BytesIO(print_page(browser, f"http://127.0.0.1:{server.server_port}/{page}.html"))
                )
                book.append(sheets, outline_item=page, import_outline=False)
            browser.close()
    finally:
        server.shutdown()
    partial = target.with_suffix(".part")
    with partial.open("wb") as file:
        book.write(file)
    partial.replace(target)
    return len(book.pages)


if __name__ == "__main__":
    chosen = sys.argv[1:] or names()
    print(f"{print_book(chosen, TARGET)} sheets: {TARGET}")
