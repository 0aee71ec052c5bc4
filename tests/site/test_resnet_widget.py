"""The depth slider in a real browser: mouse, keys, finger, words."""

import pytest
from playwright.sync_api import expect

from cnncourse.widgets import Resnet

pytestmark = pytest.mark.site


def say(page):
    return page.locator(".cnn-say").first


def test_the_page_says_what_python_says(show):
    widget = Resnet(rung=2, kind="residual", moment="after")
    page = show(widget)
    expect(say(page)).to_have_text(widget.words)
    expect(page.locator(".cnn-say").nth(1)).to_contain_text("After training")


def test_the_slider_changes_depth_by_keys_and_all_three_charts_follow(show):
    page = show(Resnet())
    before = page.locator(".rn-chart").evaluate_all("charts => charts.map(chart => chart.outerHTML)")
    page.get_by_role("slider", name="Depth").press("Home")
    expect(say(page)).to_have_text(Resnet(rung=0).words)
    after = page.locator(".rn-chart").evaluate_all("charts => charts.map(chart => chart.outerHTML)")
    assert all(one != other for one, other in zip(before, after, strict=True))


def test_kind_and_moment_are_chosen_by_keyboard(show):
    page = show(Resnet())
    page.get_by_role("radio", name="plain").focus()
    page.keyboard.press("ArrowRight")
    expect(say(page)).to_have_text(Resnet(kind="residual").words)
    page.get_by_role("radio", name="untrained").focus()
    page.keyboard.press("ArrowRight")
    expect(page.locator(".cnn-say").nth(1)).to_contain_text("After training")


def test_a_click_into_the_chart_of_depths_chooses_one(show):
    page = show(Resnet())
    page.locator(".rn-hit").nth(1).click()
    expect(say(page)).to_have_text(Resnet(rung=1).words)
    expect(page.get_by_role("slider", name="Depth")).to_have_attribute("aria-valuetext", "14 layers")


def test_a_finger_chooses_on_a_phone(show):
    page = show(Resnet(), viewport={"width": 390, "height": 800}, has_touch=True)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    box = page.locator(".rn-hit").first.bounding_box()
    assert box["width"] >= 24
    page.locator(".rn-hit").first.tap()
    expect(say(page)).to_have_text(Resnet(rung=0).words)


def test_changes_are_announced_in_words(show):
    page = show(Resnet())
    page.get_by_role("radio", name="residual").check(force=True)
    expect(page.get_by_role("status")).to_contain_text("Residual, 56 layers")


def test_two_instances_do_not_disturb_each_other(show):
    page = show(Resnet(), Resnet(rung=0))
    page.get_by_role("slider", name="Depth").nth(1).press("End")
    page.get_by_role("radio", name="residual").nth(1).check(force=True)
    expect(page.locator(".cnn-say").nth(0)).to_have_text(Resnet().words)
