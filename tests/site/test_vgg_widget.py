"""The stack builder in a real browser: mouse, keys, words, and a narrow page."""

import pytest
from playwright.sync_api import expect

from cnncourse.widgets import Vgg

pytestmark = pytest.mark.site


def test_a_preset_builds_a_stack(show):
    page = show(Vgg())
    page.get_by_role("button", name="two 3×3").click()
    expect(page.locator(".cnn-panel")).to_contain_text("The top unit sees 5×5 pixels")
    expect(page.locator(".vg-table")).to_contain_text("73,728")


def test_a_stack_is_built_by_keyboard_alone(show):
    page = show(Vgg(layers=[[3, 1]]))
    expect(page.get_by_role("button", name="Take the top one away")).to_be_disabled()
    page.get_by_role("button", name="Add a layer").press("Enter")
    kernel = page.get_by_role("combobox", name="Kernel of layer 2")
    kernel.focus()
    page.keyboard.press("ArrowDown")
    expect(kernel).to_have_value("5×5")
    expect(page.locator(".cnn-panel")).to_contain_text("The top unit sees 7×7 pixels")
    page.keyboard.press("Tab")
    page.keyboard.press("ArrowDown")
    expect(page.locator(".cnn-panel")).to_contain_text("every 2 pixels")


def test_results_are_announced_in_words(show):
    page = show(Vgg())
    page.get_by_role("radio", name="256").check(force=True)
    page.get_by_role("button", name="Add a layer").click()
    expect(page.get_by_role("status")).to_contain_text("Beside one 9×9 layer the stack has 56 % fewer weights")


def test_the_largest_stack_fits_a_narrow_page(show):
    page = show(Vgg(layers=[[11, 4]] * 5, channels=256), viewport={"width": 390, "height": 800})
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    expect(page.get_by_role("button", name="Add a layer")).to_be_disabled()


def test_two_instances_do_not_disturb_each_other(show):
    page = show(Vgg(), Vgg(layers=[[5, 1]]))
    page.get_by_role("combobox", name="Kernel of layer 1").nth(1).select_option("9×9")
    expect(page.locator(".cnn-panel").nth(0)).to_contain_text("sees 7×7 pixels")
    expect(page.locator(".cnn-panel").nth(1)).to_contain_text("sees 9×9 pixels")
