"""What holds for every widget, shown without a kernel on a bare page of a real browser."""

import importlib

import pytest
from playwright.sync_api import expect

from cnncourse import widgets
from cnncourse.widgets.base import FOLDER

pytestmark = pytest.mark.site

MODULES = [path.stem for path in sorted(FOLDER.glob("*.py")) if path.with_suffix(".mjs").exists()]
CLASSES = [
    value
    for stem in MODULES
    for value in vars(importlib.import_module(f"cnncourse.widgets.{stem}")).values()
    if isinstance(value, type) and issubclass(value, widgets.Widget) and vars(value).get("stem") == stem
]
every_widget = pytest.mark.parametrize("kind", CLASSES, ids=lambda kind: kind.stem)


@every_widget
def test_without_javascript_a_described_picture_stands_there(show, kind):
    page = show(kind(), java_script_enabled=False)
    picture = page.locator(".cnn-widget [role=img]").first
    assert picture.is_visible()
    assert len(picture.get_attribute("aria-label").split()) >= 5
    assert page.locator(".cnn-panel").count() == 0


@every_widget
def test_a_live_widget_takes_the_place_of_its_still_picture(show, kind):
    page = show(kind())
    assert page.locator(".cnn-widget > .cnn-figure").count() == 0
    assert page.locator(".cnn-panel").get_attribute("aria-label")
    assert page.locator(".cnn-panel [role=status][aria-live=polite]").count() == 1


@every_widget
def test_a_widget_fits_a_phone_and_can_be_touched(show, kind):
    page = show(kind(), viewport={"width": 390, "height": 800}, has_touch=True)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    controls = page.locator(".cnn-panel :is(button:not(.cnn-cell), input, select)")
    assert controls.count() > 0
    for index in range(controls.count()):
        box = controls.nth(index).bounding_box()
        assert box is None or min(box["width"], box["height"]) >= 24, controls.nth(index).evaluate("e => e.outerHTML")


@every_widget
def test_every_control_has_a_name(show, kind):
    page = show(kind())
    nameless = page.evaluate(
        """() => [...document.querySelectorAll(".cnn-panel :is(button, input, select, [tabindex])")].filter((e) =>
            !(e.ariaLabel || e.labels?.[0]?.textContent.trim() || e.textContent.trim())).map((e) => e.outerHTML)"""
    )
    assert nameless == []


@every_widget
def test_nothing_moves_by_itself_when_the_reader_asked_for_less_motion(show, kind):
    page = show(kind(), reduced_motion="reduce")
    moving = page.evaluate(
        """() => [...document.querySelectorAll(".cnn-panel, .cnn-panel *")].filter((e) => {
            const style = getComputedStyle(e);
            const lasting = style.transitionDuration.split(", ").some((seconds) => parseFloat(seconds) > 0);
            return style.animationName !== "none" || lasting;
        }).map((e) => e.outerHTML.slice(0, 80))"""
    )
    assert moving == []


@every_widget
def test_instances_on_one_page_share_no_identifier(show, kind):
    page = show(kind(), kind())
    doubled = page.evaluate(
        """() => {
            const ids = [...document.querySelectorAll("[id]")].map((e) => e.id);
            const groups = [...document.querySelectorAll(".cnn-widget")].map((w) =>
                new Set([...w.querySelectorAll("input[type=radio]")].map((e) => e.name)));
            return [...ids.filter((id, at) => ids.indexOf(id) !== at), ...groups[0].intersection(groups[1])];
        }"""
    )
    assert doubled == []


def test_a_widget_that_cannot_be_loaded_says_so_and_keeps_its_picture(show):
    class Lost(widgets.StrideArithmetic):
        stem = "lost"

    page = show(Lost(), live=False)
    assert "could not be brought to life" in page.get_by_role("alert").inner_text()
    assert page.locator(".cnn-widget .cnn-figure").is_visible()
    show.errors.clear()


def test_shared_traits_stay_equal_across_widgets_of_one_page(show):
    first, second = widgets.StrideArithmetic(), widgets.StrideArithmetic()
    widgets.link("stride", first, second)
    page = show(first, second)
    page.get_by_role("slider", name="Stride").first.press("ArrowRight")
    page.get_by_role("slider", name="Padding").first.press("ArrowRight")
    expect(page.get_by_role("slider", name="Stride").nth(1)).to_have_value("2")
    expect(page.get_by_role("slider", name="Padding").first).to_have_value("1")
    expect(page.get_by_role("slider", name="Padding").nth(1)).to_have_value("0")
