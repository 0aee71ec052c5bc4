"""Anchors over objects to drag in a real browser: drag, keys, switch, words."""

import re

import pytest
from playwright.sync_api import expect

from cnncourse.widgets import Anchors

pytestmark = pytest.mark.site


def chosen(page):
    label = page.get_by_role("application").first.get_attribute("aria-label")
    return [int(number) for number in re.findall(r"\d+", label)[:4]]


def positive(page):
    frames = page.locator(".an-hit").all()
    return sorted(
        (frame.get_attribute("x"), frame.get_attribute("y"), frame.get_attribute("width")) for frame in frames
    )


def test_dragging_an_object_changes_which_anchors_answer_for_it(show):
    page = show(Anchors(low=0.3, high=0.5))
    before = positive(page)
    x1, y1, x2, y2 = chosen(page)
    box = page.locator(".bx-pane").bounding_box()
    pixel = box["width"] / 96
    page.mouse.move(box["x"] + (x1 + x2) / 2 * pixel, box["y"] + (y1 + y2) / 2 * pixel)
    page.mouse.down()
    page.mouse.move(box["x"] + (x1 + x2) / 2 * pixel + 40, box["y"] + (y1 + y2) / 2 * pixel + 40, steps=5)
    page.mouse.up()
    assert chosen(page) != [x1, y1, x2, y2]
    assert positive(page) != before


def test_keys_move_the_chosen_object_and_are_announced(show):
    page = show(Anchors(low=0.3, high=0.5))
    x1, y1, x2, y2 = chosen(page)
    page.get_by_role("application").press("ArrowLeft")
    assert chosen(page) == [x1 - 1, y1, x2 - 1, y2]
    page.get_by_role("application").press("Shift+ArrowLeft")
    assert chosen(page) == [x1 - 1, y1, x2 - 2, y2]
    for _ in range(12):
        page.get_by_role("application").press("Shift+ArrowLeft")
    expect(page.get_by_role("status")).to_contain_text("Of 324 anchors")


def test_without_force_no_anchor_is_good_enough_for_a_strict_threshold(show):
    page = show(Anchors(), viewport={"width": 390, "height": 800})
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.get_by_role("slider", name="Positive from IoU").press("End")
    page.get_by_role("switch").press("Space")
    expect(page.locator(".cnn-say").first).to_contain_text(re.compile(r"positive are:( the \w+ 0,?)+\."))
