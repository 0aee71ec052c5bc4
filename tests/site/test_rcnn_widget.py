"""Selective search in a real browser: slider, buttons, keys, words."""

import pytest
from playwright.sync_api import expect

from cnncourse.widgets import Rcnn

pytestmark = pytest.mark.site


def test_the_slider_merges_by_keyboard_and_the_boxes_appear(show):
    page = show(Rcnn())
    panel = page.locator(".cnn-panel")
    expect(panel).to_contain_text("Before the first merge")
    slider = page.get_by_role("slider", name="Merges done")
    slider.press("ArrowRight")
    expect(panel).to_contain_text("After 1 of")
    expect(panel).to_contain_text("Last merge")
    slider.press("End")
    expect(panel).to_contain_text("1 regions are left")
    expect(panel).to_contain_text("recall 1.00")


def test_buttons_step_by_mouse(show):
    page = show(Rcnn(merges=4))
    page.get_by_role("button", name="One merge").click()
    expect(page.locator(".cnn-panel")).to_contain_text("After 5 of")
    page.get_by_role("button", name="One back").click()
    expect(page.locator(".cnn-panel")).to_contain_text("After 4 of")


def test_leaving_a_similarity_out_changes_the_merge(show):
    page = show(Rcnn(merges=20))
    before = page.locator(".rc-bars").text_content()
    page.get_by_text("colour", exact=True).first.click()
    expect(page.locator(".rc-bars")).not_to_have_text(before)
    expect(page.locator(".rc-bars")).to_contain_text("left out")


def test_results_are_announced_and_it_fits_a_phone(show):
    page = show(Rcnn(), viewport={"width": 390, "height": 800}, has_touch=True)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.get_by_role("button", name="One merge").tap()
    expect(page.get_by_role("status")).to_contain_text("After 1 of")


def test_two_instances_do_not_disturb_each_other(show):
    page = show(Rcnn(), Rcnn(merges=3))
    expect(page.locator(".cnn-panel").nth(0)).to_contain_text("Before the first merge")
    expect(page.locator(".cnn-panel").nth(1)).to_contain_text("After 3 of")
