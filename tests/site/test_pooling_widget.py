"""The pooling pane in a real browser: drag, keys, touch, words."""

import pytest
from playwright.sync_api import expect

from cnncourse.widgets import Pooling

pytestmark = pytest.mark.site
PIXELS = "e => Array.from(e.getContext('2d').getImageData(0, 0, e.width, e.height).data)"


def canvas(page, which):
    return page.locator("canvas").nth(which).evaluate(PIXELS)


def test_dragging_moves_picture_and_response_while_the_pooled_peak_stays(show):
    page = show(Pooling(window=8))
    picture, response, pooled = (canvas(page, which) for which in range(3))
    box = page.locator(".po-drag").bounding_box()
    pixel = box["width"] / 44
    page.mouse.move(box["x"] + 60, box["y"] + 60)
    page.mouse.down()
    page.mouse.move(box["x"] + 60 + 5 * pixel, box["y"] + 60, steps=5)
    page.mouse.up()
    expect(page.get_by_role("slider", name="Move right")).to_have_value("5")
    expect(page.locator(".cnn-panel")).to_contain_text("Moved 5 to the right.")
    expect(page.locator(".cnn-panel")).to_contain_text("the pooled unit 1.")
    assert canvas(page, 0) != picture
    assert canvas(page, 1) != response
    assert max(canvas(page, 2)[0::4]) == max(pooled[0::4])


def test_arrow_keys_move_the_picture(show):
    page = show(Pooling())
    picture = page.get_by_role("application")
    picture.focus()
    for key in ("ArrowRight", "ArrowRight", "ArrowUp"):
        page.keyboard.press(key)
    expect(picture).to_have_attribute("aria-label", "The picture, moved 2 to the right and 1 up; arrow keys move it")
    expect(page.get_by_role("slider", name="Move down")).to_have_value("-1")
    for _ in range(12):
        page.keyboard.press("ArrowLeft")
    expect(page.get_by_role("slider", name="Move right")).to_have_value("-8")
    page.get_by_role("button", name="Back to the start").press("Enter")
    expect(picture).to_have_attribute("aria-label", "The picture, moved by nothing; arrow keys move it")


def test_window_and_kind_change_the_pooled_map(show):
    page = show(Pooling(window=8))
    expect(page.locator(".cnn-panel")).to_contain_text("Pooled to 4×4")
    page.get_by_role("slider", name="Window").press("ArrowLeft")
    page.get_by_role("slider", name="Window").press("ArrowLeft")
    expect(page.locator(".cnn-panel")).to_contain_text("Pooled to 5×5")
    before = canvas(page, 2)
    page.get_by_role("radio", name="average").check(force=True)
    expect(page.locator(".cnn-panel")).to_contain_text("the pooled unit 0.")
    assert canvas(page, 2) != before


def test_a_finger_drags_on_a_phone(show):
    page = show(Pooling(), viewport={"width": 390, "height": 800}, has_touch=True)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    box = page.locator(".po-drag").bounding_box()
    send = """(e, [type, x, y]) => e.dispatchEvent(new PointerEvent(type,
        { pointerId: 1, pointerType: "touch", clientX: x, clientY: y, bubbles: true }))"""
    picture = page.locator(".po-drag")
    picture.evaluate("e => { e.setPointerCapture = () => {}; }")  # a made-up pointer cannot be captured
    picture.evaluate(send, ["pointerdown", box["x"] + 20, box["y"] + 20])
    picture.evaluate(send, ["pointermove", box["x"] + 20, box["y"] + 20 + 3 * box["width"] / 44])
    picture.evaluate(send, ["pointerup", box["x"] + 20, box["y"] + 40])
    expect(page.get_by_role("slider", name="Move down")).to_have_value("3")


def test_results_are_announced_in_words(show):
    page = show(Pooling(window=4))
    region = page.get_by_role("status")
    page.get_by_role("slider", name="Move right").press("ArrowRight")
    expect(region).to_contain_text("Moved 1 to the right. Where the eye was at the start, the detector answers 0.")
    expect(region).to_contain_text("no multiple of 4")


def test_two_instances_do_not_disturb_each_other(show):
    page = show(Pooling(), Pooling(window=2))
    page.get_by_role("slider", name="Move right").nth(1).press("ArrowRight")
    expect(page.get_by_role("slider", name="Move right").nth(0)).to_have_value("0")
    expect(page.locator(".cnn-panel").nth(1)).to_contain_text("Pooled to 16×16")
