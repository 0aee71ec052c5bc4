"""Every page of the built site in a real browser: no other host, nothing missing, no error, no sideways scrolling."""

from pathlib import Path

import pytest
from site_pages import PAGES

pytestmark = pytest.mark.site


def test_the_book_was_built():
    assert "index.html" in PAGES, "run `make book` first"


@pytest.mark.parametrize("page_name", PAGES)
def test_a_page_asks_no_stranger_and_reports_no_error(context, address, page_name):
    page = context.new_page()
    requests, failures, messages = [], [], []
    page.on("request", lambda request: requests.append(request.url))
    page.on("response", lambda response: failures.append(response.url) if response.status >= 400 else None)
    page.on("console", lambda message: messages.append(message.text) if message.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: messages.append(str(error)))
    page.goto(f"{address}/{page_name}", wait_until="networkidle")
    page.mouse.wheel(0, 20_000)
    page.wait_for_timeout(300)
    strangers = [url for url in requests if not url.startswith((address, "data:", "blob:"))]
    assert strangers == []
    assert failures == []
    assert messages == []


@pytest.mark.parametrize("page_name", PAGES)
def test_a_phone_needs_no_sideways_scrolling(context, address, page_name):
    page = context.new_page()
    page.set_viewport_size({"width": 390, "height": 800})
    page.goto(f"{address}/{page_name}", wait_until="networkidle")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_numbers_lead_to_their_row_of_the_ledger(context, address):
    page = context.new_page()
    page.goto(f"{address}/layers/stride_arithmetic.html")
    number = page.locator("a.ledger-number").last
    target = number.get_attribute("href")
    assert "numbers.html#number-" in target
    page.goto(f"{address}/layers/{target}")
    assert page.locator("tr:target").count() == 1


EXERCISES = sorted((Path(__file__).parents[2] / "exercises").glob("*/*.ipynb"))


@pytest.mark.parametrize("exercise", EXERCISES, ids=lambda path: path.stem)
def test_a_chapter_offers_its_exercise_for_download(context, address, exercise):
    pages = [name for name in PAGES if Path(name).name == f"{exercise.stem}.html"]
    if not pages:
        pytest.skip("its chapter is not written yet")
    page = context.new_page()
    page.goto(f"{address}/{pages[0]}")
    with page.expect_download() as download:
        page.locator(f'a.download[href$="/{exercise.name}"]').click()
    assert Path(download.value.path()).read_bytes() == exercise.read_bytes()
