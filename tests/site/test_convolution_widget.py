"""The widget on convolution in a real browser: mouse, keys, touch, words."""

import pytest
from playwright.sync_api import expect

from cnncourse import widgets

pytestmark = pytest.mark.site


def pixels(page, which=0):
    """A checksum of the drawn output."""
    canvas = page.get_by_role("application").nth(which).locator("canvas")
    return canvas.evaluate(
        """c => c.getContext("2d").getImageData(0, 0, c.width, c.height).data
            .reduce((sum, byte, at) => sum + byte * (at % 97), 0)"""
    )


def size(page, which=0):
    label = page.get_by_role("application").nth(which).get_attribute("aria-label")
    return label.removeprefix("Output, ").split(";")[0]


def test_a_preset_changes_the_output_by_mouse(show):
    page = show(widgets.Convolution())
    before = pixels(page)
    page.get_by_role("button", name="Blur").click()
    expect(page.get_by_role("button", name="Blur")).to_have_attribute("aria-pressed", "true")
    expect(page.get_by_label("Divide the sum by")).to_have_value("16")
    assert pixels(page) != before


def test_a_weight_is_edited_by_keyboard_and_the_output_follows(show):
    page = show(widgets.Convolution(kernel=[0, 0, 0, 0, 1, 0, 0, 0, 0], display="grey"))
    before = pixels(page)
    page.get_by_label("Weight in row 2, column 2").focus()
    page.keyboard.press("ArrowUp")
    expect(page.get_by_label("Weight in row 2, column 2")).to_have_value("2")
    expect(page.get_by_role("button", name="Identity")).to_have_attribute("aria-pressed", "false")
    assert pixels(page) != before
    page.keyboard.press("Tab")
    page.keyboard.type("-2.5")
    expect(page.get_by_label("Weight in row 2, column 3")).to_have_value("-2.5")


def test_half_a_number_is_waited_for_and_then_forgotten(show):
    page = show(widgets.Convolution())
    weight = page.get_by_label("Weight in row 1, column 1")
    weight.fill("")
    page.keyboard.press("Tab")
    expect(weight).to_have_value("-1")


def test_geometry_changes_the_size_by_keyboard(show):
    page = show(widgets.Convolution(size=64))
    assert size(page) == "62 by 62"
    page.get_by_role("slider", name="Padding").press("ArrowRight")
    page.get_by_role("slider", name="Stride").press("ArrowRight")
    expect(page.get_by_role("application")).to_have_attribute(
        "aria-label", "Output, 32 by 32; arrow keys move the window"
    )


def test_the_numbers_of_the_window_are_python_s(show):
    widget = widgets.Convolution(photograph="coffee", padding=1, position=[0, 0])
    page = show(widget)
    page.get_by_role("application").focus()
    for key in ("ArrowDown", "ArrowDown", "ArrowRight", "End"):
        page.keyboard.press(key)
    value = f"{widget.output[2, 111]:g}".replace("-", "−")
    expect(page.locator(".cv-total b")).to_have_text(value)
    expect(page.locator(".cnn-say")).to_have_text(f"Output row 3, column 112 is {value}, the sum of 9 products.")
    corner = page.get_by_role("img", name="Pixels in the window")
    expected = [int(number) for number in widget.image[0, 0, 1:4, 110:112].flatten()]
    shown = [int(text) for text in corner.locator("span:not(.cv-zero)").all_inner_texts()]
    assert shown == expected
    assert corner.locator(".cv-zero").count() == 3


def test_hovering_shows_another_window(show):
    page = show(widgets.Convolution())
    before = page.locator(".cnn-say").inner_text()
    page.get_by_role("application").hover(position={"x": 30, "y": 30})
    expect(page.locator(".cnn-say")).not_to_have_text(before)


def test_a_tap_on_the_photograph_moves_the_window_there(show):
    page = show(widgets.Convolution(), viewport={"width": 390, "height": 800}, has_touch=True)
    page.get_by_role("img", name="The photograph with the window on it").tap(position={"x": 1, "y": 1})
    expect(page.locator(".cnn-say")).to_contain_text("Output row 1, column 1 is")


def test_a_flipped_kernel_is_another_map_unless_it_is_symmetric(show):
    page = show(widgets.Convolution())
    before = pixels(page)
    page.get_by_label("Flip the kernel").check()
    assert pixels(page) != before
    page.get_by_role("button", name="Laplacian").click()
    flipped = pixels(page)
    page.get_by_label("Flip the kernel").uncheck()
    assert pixels(page) == flipped


def test_the_kernel_grows_to_five_by_five_and_back(show):
    page = show(widgets.Convolution())
    page.get_by_role("button", name="5×5").click()
    expect(page.locator("input[type=number]:not([aria-label^=Divide])")).to_have_count(25)
    expect(page.get_by_role("button", name="Vertical edges")).to_have_attribute("aria-pressed", "true")
    page.get_by_role("button", name="3×3").click()
    expect(page.get_by_label("Weight in row 2, column 1")).to_have_value("-2")


def test_results_are_announced_in_words(show):
    page = show(widgets.Convolution(size=64))
    region = page.get_by_role("status")
    page.get_by_role("button", name="Laplacian").click()
    expect(region).to_contain_text("Laplacian. Output 62 by 62, values from −")
    page.get_by_role("application").press("ArrowLeft")
    expect(region).to_contain_text("Output row 41, column 52 is ")


def test_two_instances_do_not_disturb_each_other(show):
    page = show(widgets.Convolution(), widgets.Convolution(photograph="chelsea"))
    first, second = pixels(page, 0), pixels(page, 1)
    page.get_by_role("button", name="Sharpen").nth(1).click()
    page.get_by_label("signed").nth(1).check()
    page.get_by_label("Photograph", exact=True).nth(1).select_option("coffee")
    assert pixels(page, 1) != second
    assert pixels(page, 0) == first
    expect(page.get_by_label("signed").first).to_be_checked()
    expect(page.get_by_label("Photograph", exact=True).first).to_have_value("camera")
