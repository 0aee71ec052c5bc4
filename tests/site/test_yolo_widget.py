"""YOLO's grid in a real browser: cells by mouse and by keyboard, the threshold, the scenes."""

import pytest
from playwright.sync_api import expect

from cnncourse.widgets import Yolo

pytestmark = pytest.mark.site


def test_a_cell_is_chosen_by_pointing_and_by_arrow_keys(show):
    page = show(Yolo(row=0, column=0))
    say = page.locator(".cnn-say")
    expect(say).to_contain_text("row 1, column 1")
    page.get_by_role("gridcell", name="Cell in row 3, column 4").click()
    expect(say).to_contain_text("row 3, column 4")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowDown")
    expect(say).to_contain_text("row 4, column 5")
    expect(page.get_by_role("gridcell", name="Cell in row 4, column 5")).to_be_focused()


def test_the_threshold_decides_what_is_shown(show):
    page = show(Yolo(threshold=0.2))
    slider = page.get_by_role("slider", name="Show scores above")
    frames = page.locator(".yo-pane .yo-found")
    some = frames.count()
    slider.press("Home")
    expect(frames.nth(some)).to_be_attached()
    assert frames.count() > some
    for _ in range(10):
        slider.press("PageUp")
    slider.press("End")
    expect(page.locator(".yo-list")).to_contain_text("No detection")


def test_without_suppression_doubles_appear(show):
    page = show(Yolo(threshold=0.1))
    before = page.locator(".yo-pane .yo-found").count()
    page.get_by_role("switch", name="Suppress doubles").press("Space")
    expect(page.locator(".yo-pane .yo-found").nth(before)).to_be_attached()


def test_another_scene_has_other_detections(show):
    page = show(Yolo())
    before = page.locator(".yo-list").text_content()
    page.get_by_role("radiogroup", name="Scene").get_by_role("radio", name="2").check(force=True)
    expect(page.locator(".yo-list")).not_to_have_text(before)


def test_nothing_is_wider_than_a_phone(show):
    page = show(Yolo(), viewport={"width": 390, "height": 800})
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    size = page.get_by_role("gridcell").first.bounding_box()
    assert min(size["width"], size["height"]) >= 24
