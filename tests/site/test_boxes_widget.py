"""Boxes to drag in a real browser: drag, keys, touch, words."""

import re

import pytest
from playwright.sync_api import expect

from cnncourse.widgets import Boxes

pytestmark = pytest.mark.site


def chosen(page):
    label = page.get_by_role("application").first.get_attribute("aria-label")
    return [int(number) for number in re.findall(r"\d+", label)[:4]]


def test_dragging_a_box_away_changes_its_iou_and_the_average_precision(show):
    page = show(Boxes())
    before = page.locator(".cnn-title b").nth(1).text_content()
    x1, y1, x2, y2 = chosen(page)
    box = page.locator(".bx-pane").bounding_box()
    pixel = box["width"] / 96
    page.mouse.move(box["x"] + (x1 + 0.6) * pixel, box["y"] + (y1 + 0.6) * pixel)
    page.get_by_role("button", name="Choose").first.click()
    page.mouse.move(box["x"] + x2 * pixel, box["y"] + y2 * pixel)
    page.mouse.down()
    page.mouse.move(box["x"] + (x1 + 2) * pixel, box["y"] + (y1 + 2) * pixel, steps=5)
    page.mouse.up()
    assert chosen(page) == [x1, y1, x1 + 2, y1 + 2]
    expect(page.locator(".cnn-title b").nth(1)).not_to_have_text(before)


def test_arrow_keys_move_the_chosen_box_and_shift_changes_its_size(show):
    page = show(Boxes())
    x1, y1, x2, y2 = chosen(page)
    page.get_by_role("application").focus()
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowDown")
    assert chosen(page) == [x1 - 1, y1 + 1, x2 - 1, y2 + 1]
    page.keyboard.press("Shift+ArrowLeft")
    assert chosen(page) == [x1 - 1, y1 + 1, x2 - 2, y2 + 1]
    page.get_by_role("button", name="Back to the start").press("Enter")
    assert chosen(page) == [x1, y1, x2, y2]


def test_another_box_is_chosen_by_keyboard(show):
    page = show(Boxes())
    button = page.get_by_role("button", name="Choose").nth(2)
    button.press("Enter")
    expect(page.get_by_role("button", name="Choose").nth(2)).to_have_attribute("aria-pressed", "true")
    expect(page.get_by_role("button", name="Choose").nth(2)).to_be_focused()


def test_the_threshold_decides_which_boxes_survive(show):
    page = show(Boxes())
    panel = page.locator(".cnn-panel")
    page.get_by_role("slider", name="Suppress above IoU").press("End")
    expect(panel).to_contain_text("Suppression drops 0 of 10 boxes")
    page.get_by_role("slider", name="Hand in from score").press("End")
    expect(panel).to_contain_text("The cut hands in nothing")


def test_a_finger_drags_on_a_phone(show):
    page = show(Boxes(), viewport={"width": 390, "height": 800}, has_touch=True)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    x1, y1, x2, y2 = chosen(page)
    pane = page.locator(".bx-pane")
    pane.evaluate("e => { e.setPointerCapture = () => {}; }")  # a made-up pointer cannot be captured
    box = pane.bounding_box()
    pixel = box["width"] / 96
    send = """(e, [type, x, y]) => e.dispatchEvent(new PointerEvent(type,
        { pointerId: 1, pointerType: "touch", clientX: x, clientY: y, bubbles: true }))"""
    pane.evaluate(send, ["pointerdown", box["x"] + x2 * pixel, box["y"] + y2 * pixel])
    pane.evaluate(send, ["pointermove", box["x"] + (x2 - 3) * pixel, box["y"] + y2 * pixel])
    pane.evaluate(send, ["pointerup", box["x"], box["y"]])
    assert chosen(page) == [x1, y1, x2 - 3, y2]


def test_results_are_announced_in_words(show):
    page = show(Boxes())
    page.get_by_role("application").press("ArrowRight")
    expect(page.get_by_role("status")).to_contain_text("The chosen box, score 0.")
    expect(page.get_by_role("status")).to_contain_text("average precision of")


def test_two_instances_do_not_disturb_each_other(show):
    page = show(Boxes(), Boxes(suppression=1.0))
    expect(page.locator(".cnn-panel").nth(0)).not_to_contain_text("drops 0 of 10")
    expect(page.locator(".cnn-panel").nth(1)).to_contain_text("drops 0 of 10")
