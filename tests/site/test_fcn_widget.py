"""A segmentation painted in a real browser: mouse, keys, touch, presets, words."""

import re

import pytest
from playwright.sync_api import expect

from cnncourse.widgets import Fcn

pytestmark = pytest.mark.site


def said(page):
    return page.locator(".cnn-say").first.text_content()


def test_painting_with_the_mouse_changes_the_measures(show):
    page = show(Fcn())
    before = said(page)
    box = page.locator(".fcn-pane").bounding_box()
    page.mouse.move(box["x"] + 0.4 * box["width"], box["y"] + 0.4 * box["height"])
    page.mouse.down()
    page.mouse.move(box["x"] + 0.6 * box["width"], box["y"] + 0.5 * box["height"], steps=4)
    page.mouse.up()
    expect(page.locator(".cnn-say").first).not_to_have_text(before)
    expect(page.locator(".fcn-table").nth(1)).to_contain_text("disc")


def test_arrow_keys_move_the_brush_and_space_paints(show):
    page = show(Fcn())
    before = said(page)
    pane = page.get_by_role("application")
    pane.press("Shift+ArrowLeft")
    expect(pane).to_have_attribute("aria-label", re.compile("row 49, column 44"))
    expect(page.locator(".cnn-say").first).to_have_text(before)
    pane.press("Space")
    expect(page.locator(".cnn-say").first).not_to_have_text(before)


def test_the_presets_compare_the_rungs(show):
    page = show(Fcn())
    expect(page.locator(".cnn-panel")).to_contain_text("Most pixels are background")
    seen = set()
    for name in ("FCN-32s", "FCN-16s", "FCN-8s"):
        page.get_by_role("button", name=name).press("Enter")
        page.wait_for_timeout(100)
        seen.add(said(page))
    assert len(seen) == 3
    page.get_by_role("button", name="The truth").click()
    expect(page.locator(".cnn-say").first).to_have_text(
        "Pixel accuracy 1.00, mean accuracy 1.00, mean IU 1.00, frequency-weighted IU 1.00, outlines 1.00."
    )


def test_a_wider_tolerance_forgives_more(show):
    page = show(Fcn(mask="FCN-8s", tolerance=0))
    strict = float(said(page).split("outlines ")[1][:4])
    page.get_by_role("slider", name="Outlines within").press("End")
    expect(page.locator(".cnn-say").first).not_to_contain_text(f"outlines {strict:.2f}")
    assert float(said(page).split("outlines ")[1][:4]) > strict


def test_a_finger_paints_on_a_phone(show):
    page = show(Fcn(), viewport={"width": 390, "height": 800}, has_touch=True)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    before = said(page)
    pane = page.locator(".fcn-pane")
    pane.evaluate("e => { e.setPointerCapture = () => {}; }")  # a made-up pointer cannot be captured
    box = pane.bounding_box()
    send = """(e, [type, x, y]) => e.dispatchEvent(new PointerEvent(type,
        { pointerId: 1, pointerType: "touch", clientX: x, clientY: y, bubbles: true }))"""
    for kind, part in (("pointerdown", 0.3), ("pointermove", 0.5), ("pointerup", 0.5)):
        pane.evaluate(send, [kind, box["x"] + part * box["width"], box["y"] + part * box["height"]])
    expect(page.locator(".cnn-say").first).not_to_have_text(before)


def test_results_are_announced_in_words(show):
    page = show(Fcn())
    page.get_by_role("application").press("Enter")
    expect(page.get_by_role("status")).to_contain_text("Pixel accuracy 0.")


def test_two_instances_do_not_disturb_each_other(show):
    page = show(Fcn(), Fcn(mask="The truth"))
    expect(page.locator(".cnn-panel").nth(0)).not_to_contain_text("mean IU 1.00")
    expect(page.locator(".cnn-panel").nth(1)).to_contain_text("mean IU 1.00")
