"""The threshold over pairs in a real browser: slider, groups, touch, words."""

import pytest
from playwright.sync_api import expect

from cnncourse.widgets import FaceVerification

pytestmark = pytest.mark.site


def test_the_threshold_moves_by_keyboard_and_changes_rates_and_pairs(show):
    page = show(FaceVerification())
    title = page.locator(".cnn-title b").nth(1)
    before = title.text_content()
    pairs = page.get_by_role("list", name="Pairs nearest to the threshold")
    first = pairs.text_content()
    slider = page.get_by_role("slider", name="Threshold")
    slider.focus()
    for _ in range(10):
        page.keyboard.press("ArrowRight")
    expect(title).not_to_have_text(before)
    expect(pairs).not_to_have_text(first)
    slider.press("End")
    expect(title).to_have_text("TAR 1.000, FAR 1.000")


def test_a_click_chooses_a_group_and_a_training_set(show):
    page = show(FaceVerification())
    say = page.locator(".cnn-say")
    everybody = say.text_content()
    page.get_by_role("radio", name="coast", exact=True).click()
    expect(say).not_to_have_text(everybody)
    even = say.text_content()
    page.get_by_role("radio", name="uneven", exact=True).click()
    expect(say).not_to_have_text(even)


def test_the_button_goes_to_the_equal_error_rate(show):
    page = show(FaceVerification(threshold=0.2))
    page.get_by_role("button", name="To the equal error rate").press("Enter")
    expect(page.get_by_role("slider", name="Threshold")).not_to_have_value("0.2")


def test_a_phone_shows_it_without_sideways_scrolling(show):
    page = show(FaceVerification(), viewport={"width": 390, "height": 800}, has_touch=True)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.get_by_role("radio", name="valley", exact=True).tap()
    expect(page.locator(".cnn-say")).to_contain_text("same pairs are refused")


def test_results_are_announced_in_words(show):
    page = show(FaceVerification())
    page.get_by_role("slider", name="Threshold").press("Home")
    expect(page.get_by_role("status")).to_contain_text("100.0 % of 300 same pairs are refused")


def test_two_instances_do_not_disturb_each_other(show):
    page = show(FaceVerification(), FaceVerification(threshold=2.0))
    expect(page.locator(".cnn-panel").nth(1)).to_contain_text("TAR 1.000, FAR 1.000")
    expect(page.locator(".cnn-panel").nth(0)).not_to_contain_text("TAR 1.000, FAR 1.000")
