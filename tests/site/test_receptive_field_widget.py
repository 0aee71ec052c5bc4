"""The receptive field in a real browser: mouse, keys, touch, words."""

import pytest
from playwright.sync_api import expect

from cnncourse.widgets import ReceptiveField

pytestmark = pytest.mark.site
SMALL = {"kernel_size": 3}


def chosen(page):
    return page.locator(".rf-band[tabindex='0']")


def test_the_field_changes_when_a_slider_moves_by_mouse(show):
    page = show(ReceptiveField(layers=[SMALL, SMALL], input_size=15))
    expect(page.locator(".rf-size").nth(1)).to_have_text("5 px")
    slider = page.get_by_role("slider", name="Kernel size")
    box = slider.bounding_box()
    page.mouse.move(box["x"] + 10 + 0.2 * (box["width"] - 20), box["y"] + box["height"] / 2)
    page.mouse.down()
    page.mouse.move(box["x"] + 10 + 0.4 * (box["width"] - 20), box["y"] + box["height"] / 2, steps=4)
    page.mouse.up()
    expect(page.locator(".rf-size").nth(1)).to_have_text("7 px")
    expect(page.get_by_role("math")).to_have_attribute("aria-label", "size 3 plus 1 times 5 minus 1 times 1 is 7")


def test_layers_are_added_and_removed_by_keyboard_alone(show):
    page = show(ReceptiveField(layers=[SMALL, SMALL], input_size=15))
    add = page.get_by_role("button", name="Add a layer above this one")
    add.focus()
    page.keyboard.press("Enter")
    expect(page.locator(".rf-size").nth(1)).to_have_text("7 px")
    expect(page.locator(".cnn-panel")).to_contain_text("27 C²")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.locator(".rf-size").nth(1)).to_have_text("5 px")


def test_arrow_keys_walk_along_a_map_and_from_map_to_map(show):
    page = show(ReceptiveField(layers=[SMALL, SMALL], input_size=15))
    chosen(page).focus()
    expect(chosen(page)).to_have_attribute("aria-valuenow", "5")
    page.keyboard.press("ArrowRight")
    expect(page.locator(":focus")).to_have_attribute("aria-valuenow", "6")
    expect(page.locator(".cnn-say").first).to_have_text("Unit 6 of conv2 (0 to 10) sees 5 pixels, from 6 to 10.")
    page.keyboard.press("Home")
    expect(page.locator(":focus")).to_have_attribute("aria-valuenow", "0")
    page.keyboard.press("ArrowDown")
    expect(page.locator(":focus")).to_have_attribute("aria-label", "Unit of conv1")
    expect(page.locator(".cnn-say").first).to_contain_text("of conv1 (0 to 12) sees 3 pixels")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    expect(page.locator(":focus")).to_have_attribute("aria-label", "Unit of input")


def test_a_tap_chooses_a_unit(show):
    page = show(
        ReceptiveField(layers=[SMALL, SMALL], input_size=15), viewport={"width": 390, "height": 800}, has_touch=True
    )
    band = page.get_by_role("slider", name="Unit of conv1")
    box = band.bounding_box()
    band.tap(position={"x": box["width"] * 0.11, "y": box["height"] / 2})
    expect(page.locator(".cnn-say").first).to_have_text("Unit 0 of conv1 (0 to 12) sees 3 pixels, from 0 to 2.")


def test_a_preset_replaces_the_stack(show):
    page = show(ReceptiveField())
    page.get_by_role("combobox", name="Start from").select_option("AlexNet")
    expect(page.locator(".rf-size").nth(1)).to_have_text("195 px")
    expect(page.get_by_role("button", name="Choose conv5")).to_be_visible()
    page.get_by_role("button", name="Choose conv5").click()
    expect(page.locator(".cnn-say").first).to_contain_text("of conv5 (0 to 12) sees 163 pixels")
    page.get_by_role("slider", name="Padding").press("ArrowRight")
    expect(page.get_by_role("combobox", name="Start from")).to_have_value("")
    expect(page.locator(".cnn-say").first).to_contain_text("sees 163 pixels")


def test_results_are_announced_in_words(show):
    page = show(ReceptiveField(layers=[SMALL, {"kernel_size": 2, "stride": 2, "kind": "pool"}], input_size=12))
    page.get_by_role("slider", name="Kernel size").press("ArrowRight")
    expect(page.get_by_role("status")).to_have_text(
        "Unit 2 of pool1 (0 to 3) sees 5 pixels, from 4 to 8. Effective stride 2."
    )


def test_a_stack_that_does_not_fit_is_explained(show):
    page = show(ReceptiveField(layers=[SMALL, SMALL], input_size=5))
    page.get_by_role("slider", name="Dilation").press("ArrowRight")
    expect(page.locator(".cnn-trouble")).to_contain_text("conv2 needs 5 units along the axis, but has only 3.")
    page.get_by_role("slider", name="Padding").press("ArrowRight")
    expect(page.locator(".cnn-trouble")).to_have_count(0)
