"""The sheet that LeNet reads, in a real browser: the page's numbers are Python's, by mouse, keys and finger."""

import json

import pytest
from playwright.sync_api import expect
from vectors.lenet import FILE

from cnncourse.widgets import Lenet
from cnncourse.widgets.lenet import stencil

pytestmark = pytest.mark.site


def say(page):
    return page.locator(".cnn-say")


@pytest.mark.parametrize("case", json.loads(FILE.read_text(encoding="utf-8")), ids=lambda case: str(case["digit"]))
def test_the_page_computes_the_network_s_own_answer(show, case):
    widget = Lenet(ink=stencil(case["digit"]), right=case["right"], down=case["down"])
    page = show(widget)
    shown = page.locator(".le-bars > span:nth-child(3n)").all_text_contents()
    expected = [f"{100 * value:.0f} %" for value in widget.probabilities.tolist()]
    for one, other in zip(shown, expected, strict=True):
        assert abs(int(one.split()[0]) - int(other.split()[0])) <= 1


def test_a_stroke_of_the_mouse_is_read(show):
    page = show(Lenet(ink=[0] * 784))
    expect(say(page)).to_have_text("The paper is empty. Draw a digit.")
    box = page.locator(".sh-pad").bounding_box()
    x = box["x"] + box["width"] / 2
    page.mouse.move(x, box["y"] + 0.2 * box["height"])
    page.mouse.down()
    page.mouse.move(x, box["y"] + 0.8 * box["height"], steps=8)
    page.mouse.up()
    expect(say(page)).to_contain_text("LeNet reads a 1")


def test_keys_draw_too(show):
    page = show(Lenet(ink=[0] * 784))
    sheet = page.get_by_role("application")
    sheet.focus()
    for _ in range(8):
        page.keyboard.press("ArrowUp")
    for _ in range(16):
        page.keyboard.press("Shift+ArrowDown")
    expect(say(page)).to_contain_text("LeNet reads a 1")
    page.get_by_role("button", name="Clean sheet").press("Enter")
    expect(say(page)).to_have_text("The paper is empty. Draw a digit.")


def test_begin_with_a_digit_and_move_it_away(show):
    page = show(Lenet())
    page.get_by_role("button", name="Begin with a 7").click()
    expect(say(page)).to_contain_text("LeNet reads a 7")
    slider = page.get_by_role("slider", name="Move right")
    slider.focus()
    slider.press("End")
    expect(slider).to_have_value("10")
    expect(say(page)).not_to_contain_text("reads a 7, with 100 %")


def test_a_finger_draws_on_a_phone(show):
    page = show(Lenet(ink=[0] * 784), viewport={"width": 390, "height": 900}, has_touch=True)
    box = page.locator(".sh-pad").bounding_box()
    page.touchscreen.tap(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    expect(say(page)).not_to_contain_text("empty")
