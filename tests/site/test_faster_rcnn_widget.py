"""The proposal network in a real browser: pointer, keys, touch, words."""

import pytest
from playwright.sync_api import expect

from cnncourse.widgets import FasterRcnn

pytestmark = pytest.mark.site


def test_a_click_chooses_a_position_and_its_anchors(show):
    page = show(FasterRcnn())
    expect(page.locator(".fr-anchor")).to_have_count(10)  # nine, and one in the legend
    before = page.locator(".fr-pane rect.fr-anchor").first.get_attribute("x")
    page.locator(".cnn-cell").nth(3).click()
    expect(page.locator(".cnn-say")).to_contain_text("Row 1, column 4")
    assert page.locator(".fr-pane rect.fr-anchor").first.get_attribute("x") != before


def test_the_mouse_shows_a_position_without_a_click(show):
    page = show(FasterRcnn())
    page.locator(".cnn-cell").nth(26).hover()
    expect(page.locator(".cnn-say")).to_contain_text("Row 3, column 3")


def test_arrow_keys_go_over_the_map(show):
    page = show(FasterRcnn(row=4, column=4))
    page.locator(".cnn-cell[aria-selected=true]").focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowDown")
    expect(page.locator(".cnn-say")).to_contain_text("Row 6, column 6")


def test_a_threshold_and_suppression_leave_fewer_proposals(show):
    page = show(FasterRcnn())
    title = page.locator(".cnn-title b").nth(1)
    expect(title).to_have_text(f"{len(FasterRcnn().proposals)} proposals")
    page.get_by_role("switch", name="Suppress").press("Space")
    left = FasterRcnn(suppressed=True).proposals
    expect(title).to_have_text(f"{len(left)} proposals")
    expect(page.locator("rect.fr-proposal")).to_have_count(len(left))
    page.get_by_role("slider", name="Objectness from").press("Home")
    expect(title).to_have_text(f"{len(FasterRcnn(suppressed=True, threshold=0.05).proposals)} proposals")


def test_an_empty_scene_has_no_proposals(show):
    page = show(FasterRcnn())
    page.get_by_role("radio").nth(3).check()
    expect(page.locator(".cnn-title b").nth(1)).to_have_text("0 proposals")


def test_a_finger_taps_a_position_on_a_phone(show):
    page = show(FasterRcnn(), viewport={"width": 390, "height": 800}, has_touch=True)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    cell = page.locator(".cnn-cell").nth(30)
    assert min(cell.bounding_box()[side] for side in ("width", "height")) >= 24
    cell.tap()
    expect(page.locator(".cnn-say")).to_contain_text("Row 3, column 7")


def test_results_are_announced_in_words(show):
    page = show(FasterRcnn())
    page.locator(".cnn-cell").nth(3).click()
    expect(page.get_by_role("status")).to_contain_text("the best of nine anchors is")


def test_two_instances_do_not_disturb_each_other(show):
    page = show(FasterRcnn(), FasterRcnn(scene=3))
    expect(page.locator(".cnn-panel").nth(1)).to_contain_text("0 proposals")
    expect(page.locator(".cnn-panel").nth(0)).not_to_contain_text("0 proposals before")
