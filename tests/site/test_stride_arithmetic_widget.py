"""The widget on sizes in a real browser: mouse, keys, touch, words, and its place in the chapter."""

import pytest
from playwright.sync_api import expect

from cnncourse.widgets import StrideArithmetic

pytestmark = pytest.mark.site
CHAPTER = "layers/stride_arithmetic.html"


def output(page, which=0):
    return page.get_by_role("grid").nth(which)


def test_the_output_changes_when_a_slider_moves_by_mouse(show):
    page = show(StrideArithmetic(input_size=7, kernel_size=3, stride=1))
    expect(output(page)).to_have_attribute("aria-label", "Output, 5 by 5")
    slider = page.get_by_role("slider", name="Stride")
    box = slider.bounding_box()
    middle = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + 10, middle)
    page.mouse.down()
    page.mouse.move(box["x"] + 10 + 0.5 * (box["width"] - 20), middle, steps=4)
    page.mouse.up()
    expect(output(page)).to_have_attribute("aria-label", "Output, 2 by 2")
    expect(page.get_by_role("math")).to_have_attribute("aria-label", "Output size: floor of 4 divided by 3, plus 1; 2")
    expect(page.locator(".cnn-panel")).to_contain_text("13 of 49 input pixels are never read.")
    assert page.locator(".sa-lost").first.is_visible()


def test_the_output_changes_by_keyboard_alone(show):
    page = show(StrideArithmetic(input_size=7, kernel_size=3, stride=1))
    for _ in range(3):
        page.keyboard.press("Tab")
    page.keyboard.press("ArrowRight")
    expect(output(page)).to_have_attribute("aria-label", "Output, 3 by 3")
    page.keyboard.press("Tab")
    page.keyboard.press("ArrowRight")
    expect(output(page)).to_have_attribute("aria-label", "Output, 4 by 4")


def test_arrow_keys_walk_over_the_output_and_the_kernel_follows(show):
    page = show(StrideArithmetic(input_size=7, kernel_size=3, stride=2))
    page.get_by_role("gridcell", name="Output row 1, column 1", exact=True).focus()
    for key in ("ArrowRight", "ArrowDown", "End"):
        page.keyboard.press(key)
    expect(page.locator(":focus")).to_have_attribute("aria-label", "Output row 2, column 3")
    expect(page.locator(".sa-now")).to_have_attribute("aria-label", "Output row 2, column 3")
    expect(page.locator(".sa-done")).to_have_count(5)
    assert page.locator(".sa-kernel").first.evaluate("e => e.style.transform") == "translate(128px, 64px)"
    page.keyboard.press("Tab")
    expect(page.locator(":focus")).to_have_text("Back")


def test_a_tap_on_the_input_moves_the_kernel_there(show):
    page = show(StrideArithmetic(input_size=7), viewport={"width": 390, "height": 800}, has_touch=True)
    picture = page.locator(".sa-input")
    box = picture.bounding_box()
    picture.tap(position={"x": box["width"] * 0.93, "y": box["height"] * 0.5})
    expect(page.locator(".sa-now")).to_have_attribute("aria-label", "Output row 3, column 5")


def test_play_walks_to_the_end_and_stops(show):
    page = show(StrideArithmetic(input_size=5, kernel_size=3, stride=2))
    page.get_by_role("button", name="Play").click()
    expect(page.get_by_role("button", name="Pause")).to_be_visible()
    expect(page.get_by_role("button", name="Play")).to_be_visible()
    expect(page.locator(".sa-done")).to_have_count(3)
    page.get_by_role("button", name="One step on").click()
    expect(page.locator(".sa-done")).to_have_count(0)
    page.get_by_role("button", name="One step back").click()
    expect(page.locator(".sa-done")).to_have_count(3)


def test_results_are_announced_in_words(show):
    page = show(StrideArithmetic(input_size=7, kernel_size=3))
    region = page.get_by_role("status")
    expect(region).to_have_text("")
    page.get_by_role("slider", name="Padding").press("ArrowRight")
    expect(region).to_have_text("Output 7 by 7. Every input pixel is read.")
    page.get_by_role("button", name="One step on").click()
    expect(region).to_have_text("Output row 1, column 2 reads 6 input pixels and 3 zeros of padding.")


def test_impossible_geometry_is_explained_with_its_remedy(show):
    page = show(StrideArithmetic(input_size=3, kernel_size=3))
    page.get_by_role("slider", name="Dilation").press("ArrowRight")
    expect(page.locator(".cnn-trouble")).to_contain_text(
        "Use a smaller kernel, less dilation, or padding of at least 1."
    )
    expect(page.get_by_role("button", name="Play")).to_be_disabled()
    expect(page.get_by_role("status")).to_contain_text("No output: A kernel that covers 5 pixels")
    page.get_by_role("slider", name="Padding").press("ArrowRight")
    expect(output(page)).to_have_attribute("aria-label", "Output, 1 by 1")


def test_two_instances_do_not_disturb_each_other(show):
    page = show(StrideArithmetic(input_size=7), StrideArithmetic(input_size=9, padding=1))
    page.get_by_role("slider", name="Stride").nth(1).press("ArrowRight")
    expect(output(page, 0)).to_have_attribute("aria-label", "Output, 5 by 5")
    expect(output(page, 1)).to_have_attribute("aria-label", "Output, 5 by 5")
    page.get_by_role("slider", name="Stride").nth(1).press("ArrowRight")
    expect(output(page, 0)).to_have_attribute("aria-label", "Output, 5 by 5")
    expect(output(page, 1)).to_have_attribute("aria-label", "Output, 3 by 3")


def test_the_chapter_s_widget_follows_light_and_dark(context, address):
    page = context.new_page()
    grounds = {}
    for mode in ("light", "dark"):
        page.goto(f"{address}/{CHAPTER}")
        page.evaluate("mode => { localStorage.setItem('mode', mode); localStorage.setItem('theme', mode); }", mode)
        page.reload()
        panel = page.locator(".cnn-panel")
        panel.scroll_into_view_if_needed()
        style = "e => [getComputedStyle(e).backgroundColor, getComputedStyle(e).color]"
        grounds[mode] = [sum(map(int, rgb[4:-1].split(","))) for rgb in panel.evaluate(style)]
    assert grounds["light"][0] > grounds["light"][1]
    assert grounds["dark"][0] < grounds["dark"][1]


def test_the_chapter_loads_no_widget_manager(context, address):
    page = context.new_page()
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(f"{address}/{CHAPTER}", wait_until="networkidle")
    page.locator(".cnn-widget").scroll_into_view_if_needed()
    page.locator(".cnn-panel").wait_for()
    loaded = {url.split("?")[0].rsplit("/", 1)[1] for url in asked if "/widgets/" in url}
    assert loaded == {"host.mjs", "widgets.css", "stride_arithmetic.mjs", "kit.mjs"}
    assert not [url for url in asked if "require" in url or "html-manager" in url]
    assert page.locator("script[type='application/vnd.jupyter.widget-state+json']").count() == 0
