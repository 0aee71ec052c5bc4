"""Settings of every test: properties have no time limit, and CI tries the same examples each time. One browser."""

import os

import pytest
from find_chromium import find_chromium
from hypothesis import settings

settings.register_profile("course", deadline=None, derandomize=bool(os.environ.get("CI")))
settings.load_profile("course")


@pytest.fixture(scope="session")
def browser():
    """Chromium, started once for the website and for JupyterLab."""
    from playwright.sync_api import expect, sync_playwright  # most tests need no browser

    executable = find_chromium()
    assert executable, "Chromium was not found; run `make test`, which says how to get it"
    expect.set_options(timeout=30_000)  # the machine may be busy
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=["--no-sandbox"])
        yield browser
        browser.close()
