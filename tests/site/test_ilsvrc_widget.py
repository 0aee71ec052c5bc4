"""The chart of results in a real browser: mouse, keys, filters, words."""

import re

import pytest
from playwright.sync_api import expect

from cnncourse.widgets import Ilsvrc

pytestmark = pytest.mark.site
ALIKE = {"measured_on": "validation", "networks": "one", "crops": "one", "across": "multiply_adds"}


def chart(page):
    return page.get_by_role("application")


def test_the_chart_says_what_is_mixed_and_what_may_be_ranked(show):
    page = show(Ilsvrc())
    panel = page.locator(".cnn-panel")
    expect(panel).to_contain_text("do not rank them")
    page.get_by_role("radiogroup", name="Networks").get_by_role("radio", name="several").check(force=True)
    page.get_by_role("radiogroup", name="Data").get_by_role("radio", name="provided").check(force=True)
    expect(panel).to_contain_text("They differ in crops")
    page.get_by_role("radiogroup", name="Crops").get_by_role("radio", name="ten").check(force=True)
    expect(panel).to_contain_text("All were measured alike: these may be ranked.")


def test_arrow_keys_walk_from_point_to_point(show):
    page = show(Ilsvrc())
    chart(page).focus()
    page.keyboard.press("Home")
    expect(page.locator(".cnn-panel")).to_contain_text("NEC-UIUC, 2010: top-5 error 28.191 % on the test pictures")
    page.keyboard.press("ArrowRight")
    expect(chart(page)).to_have_attribute("aria-label", re.compile("XRCE, 2011"))
    page.keyboard.press("End")
    expect(page.locator(".cnn-panel")).to_contain_text("WMW (SENet), 2017")
    expect(page.locator(".il-ring[r='9']")).to_have_count(1)


def test_a_click_picks_the_nearest_point(show):
    page = show(Ilsvrc())
    box = page.locator(".il-chart svg").bounding_box()
    page.mouse.click(box["x"] + box["width"] - 15, box["y"] + box["height"] * 0.8)
    expect(page.locator(".cnn-panel")).to_contain_text("WMW (SENet), 2017")


def test_axes_and_the_front_can_be_chosen(show):
    page = show(Ilsvrc(**ALIKE))
    assert page.locator(".il-front").count() == 0
    page.get_by_role("switch", name="join who is not beaten").check(force=True)
    expect(page.locator(".il-front")).to_have_count(1)
    before = page.locator(".il-chart svg").inner_html()
    page.get_by_role("switch", name="log axis across").check(force=True)
    expect(page.locator(".il-front")).to_have_count(1)
    assert page.locator(".il-chart svg").inner_html() != before
    page.get_by_role("radiogroup", name="Across").get_by_role("radio", name="year").check(force=True)
    expect(page.get_by_role("switch", name="log axis across")).to_be_hidden()
    expect(page.locator(".il-front")).to_have_count(0)


def test_one_end_of_the_years_takes_the_other_with_it(show):
    page = show(Ilsvrc(first=2010, last=2012))
    page.get_by_role("slider", name="From year").press("End")
    expect(page.get_by_role("slider", name="To year")).to_have_value("2017")
    expect(page.locator(".cnn-panel")).to_contain_text("One result.")


def test_the_same_stands_in_a_table(show):
    page = show(Ilsvrc(measured_on="test", data="more"))
    page.get_by_text("The same as a table").click()
    expect(page.get_by_role("row")).to_have_count(3)
    expect(page.get_by_role("row").nth(1)).to_contain_text("11.197")


def test_it_fits_a_phone(show):
    page = show(Ilsvrc(), viewport={"width": 390, "height": 800})
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_results_are_announced_in_words(show):
    page = show(Ilsvrc())
    page.get_by_role("radiogroup", name="Data").get_by_role("radio", name="more").check(force=True)
    expect(page.get_by_role("status")).to_contain_text("2 results, errors from 11.2 to 15.31 %.")


def test_two_instances_do_not_disturb_each_other(show):
    page = show(Ilsvrc(), Ilsvrc(**ALIKE))
    chart(page).nth(0).focus()
    page.keyboard.press("End")
    expect(page.locator(".cnn-panel").nth(0)).to_contain_text("SENet")
    expect(page.locator(".cnn-panel").nth(1)).to_contain_text("Click a point")
