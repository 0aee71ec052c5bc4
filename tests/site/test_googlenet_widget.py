"""The Inception builder in a real browser: presets, switches, keys, touch, words."""

import pytest
from playwright.sync_api import expect

from cnncourse.widgets import Googlenet

pytestmark = pytest.mark.site


def test_switching_the_reductions_off_makes_it_the_naive_module(show):
    page = show(Googlenet())
    panel = page.locator(".cnn-panel")
    expect(panel).to_contain_text("163,696 parameters, 128 M multiply-adds, 256 channels out.")
    page.get_by_role("button", name="None (naive)").click()
    expect(panel).to_contain_text("387,296 parameters, 303 M multiply-adds, 416 channels out. No reduction")
    expect(page.get_by_role("slider", name="Before 3×3")).to_be_disabled()
    page.get_by_role("switch", name="1×1 behind pool").check()
    expect(page.get_by_role("img", name="Four branches")).to_have_attribute(
        "aria-label",
        "Four branches, widths to scale: 192 channels in; out 1×1 64, 3×3 128, 5×5 32, pool 32; together 256.",
    )


def test_keys_alone_change_a_width(show):
    page = show(Googlenet())
    page.get_by_role("slider", name="3×3 filters").press("ArrowRight")
    expect(page.locator(".cnn-panel")).to_contain_text("257 channels out.")
    page.get_by_role("switch", name="1×1 before 5×5").press("Space")
    expect(page.get_by_role("slider", name="Before 5×5")).to_be_disabled()


def test_presets_are_marked_while_they_are_what_is_shown(show):
    page = show(Googlenet())
    five = page.get_by_role("button", name="Module 5b of GoogLeNet")
    expect(five).to_have_attribute("aria-pressed", "false")
    five.press("Enter")
    expect(five).to_have_attribute("aria-pressed", "true")
    expect(page.get_by_role("slider", name="Channels in")).to_have_value("832")
    expect(page.locator(".cnn-panel")).to_contain_text("1,024 channels out")
    page.get_by_role("slider", name="1×1 filters").press("ArrowLeft")
    expect(five).to_have_attribute("aria-pressed", "false")


def test_a_stack_of_naive_modules_explodes(show):
    page = show(Googlenet(times=1))
    page.get_by_role("slider", name="Modules").press("End")
    expect(page.locator(".cnn-panel")).to_contain_text("After 9 modules: naive 2,208 channels")
    assert page.locator(".gn-stack rect").count() == 1 + 2 * 9


def test_results_are_announced_in_words(show):
    page = show(Googlenet())
    region = page.get_by_role("status")
    page.get_by_role("slider", name="Before 5×5").press("End")
    expect(region).to_contain_text("The 1×1 layer before 5×5 reduces nothing")
    page.get_by_role("slider", name="Modules").press("Home")
    expect(region).to_contain_text("After one module")


def test_a_finger_taps_on_a_phone_and_nothing_scrolls_sideways(show):
    page = show(Googlenet(), viewport={"width": 390, "height": 800}, has_touch=True)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.get_by_role("button", name="Module 4e of GoogLeNet").tap()
    expect(page.locator(".cnn-panel")).to_contain_text("832 channels out")
    small = page.locator(".cnn-panel button").evaluate_all(
        "all => all.filter(e => e.getBoundingClientRect().height < 24 || e.getBoundingClientRect().width < 24).length"
    )
    assert small == 0


def test_two_instances_do_not_disturb_each_other(show):
    page = show(Googlenet(), Googlenet(ch1x1=10))
    page.get_by_role("slider", name="1×1 filters").nth(1).press("ArrowRight")
    expect(page.get_by_role("slider", name="1×1 filters").nth(0)).to_have_value("64")
    expect(page.locator(".cnn-panel").nth(1)).to_contain_text("203 channels out")
