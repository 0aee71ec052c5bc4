"""The sharing counter in a real browser: mouse, keys, touch, words."""

import pytest
from playwright.sync_api import expect

from cnncourse.widgets import Connectivity

pytestmark = pytest.mark.site


def test_the_counts_change_when_a_slider_moves_by_mouse(show):
    page = show(Connectivity())
    expect(page.locator(".cy-bar").nth(2)).to_contain_text("10,000 weights, 40 kB")
    slider = page.get_by_role("slider", name="Kernel size")
    box = slider.bounding_box()
    page.mouse.click(box["x"] + box["width"] - 10, box["y"] + box["height"] / 2)
    expect(page.locator(".cy-bar").nth(2)).to_contain_text("96,100 weights")
    expect(page.locator(".cy-bar").nth(0)).to_contain_text("100 trillion weights")


def test_the_counts_change_by_keyboard_alone(show):
    page = show(Connectivity())
    for _ in range(5):
        page.keyboard.press("Tab")
    page.keyboard.press("Space")
    expect(page.locator(".cy-bar").nth(2)).to_contain_text("10,100 weights")
    page.keyboard.press("Tab")
    page.keyboard.press("ArrowLeft")
    expect(page.locator(".cy-now")).to_contain_text("Local")
    expect(page.locator(".cnn-panel")).to_contain_text("81 different weights")


def test_arrow_keys_choose_a_unit_and_the_picture_follows(show):
    page = show(Connectivity(regime="local"))
    page.get_by_role("gridcell", name="Unit row 2, column 2").focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowDown")
    expect(page.locator(":focus")).to_have_attribute("aria-label", "Unit row 3, column 3")
    expect(page.locator(".cy-pixels text").first).to_have_text("73")
    expect(page.locator(".cy-pixels text")).to_have_count(9)


def test_a_tap_on_a_phone_chooses_a_unit(show):
    page = show(Connectivity(), viewport={"width": 390, "height": 800}, has_touch=True)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.get_by_role("gridcell", name="Unit row 1, column 1").tap()
    expect(page.locator(".cnn-panel")).to_contain_text("The unit at row 1, column 1 sees 9 pixels")
    expect(page.locator(".cy-pixels text").first).to_have_text("1")


def test_results_are_announced_in_words(show):
    page = show(Connectivity())
    region = page.get_by_role("status")
    page.get_by_role("slider", name="Filters").press("ArrowRight")
    expect(region).to_contain_text("Full: 101 trillion weights. Local: 10.1 billion weights. Shared: 10,100 weights.")
    page.get_by_role("gridcell", name="Unit row 2, column 2").press("ArrowLeft")
    expect(region).to_have_text("The unit at row 2, column 1 sees 9 pixels, through 9 weights that all 9 units use.")


def test_two_instances_do_not_disturb_each_other(show):
    page = show(Connectivity(), Connectivity(filters=1))
    page.get_by_role("radio", name="Full").nth(1).check(force=True)
    expect(page.locator(".cy-now").nth(0)).to_contain_text("Shared")
    expect(page.locator(".cy-now").nth(1)).to_contain_text("Full")
