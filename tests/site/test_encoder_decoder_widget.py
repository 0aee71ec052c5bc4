"""Skips and stamps in a real browser: mouse, keys, words."""

import pytest
from playwright.sync_api import expect

from cnncourse.widgets import EncoderDecoder

pytestmark = pytest.mark.site


def test_a_skip_is_switched_by_mouse_and_the_count_of_wrong_pixels_follows(show):
    page = show(EncoderDecoder())
    panel = page.locator(".cnn-panel")
    off, on = EncoderDecoder(), EncoderDecoder(fine=True)
    expect(panel).to_contain_text(f"No skip is on: {off.wrong} of 2304 pixels are wrong")
    page.get_by_role("switch", name="Fine skip").click()
    expect(panel).to_contain_text(f"On: fine: {on.wrong} of 2304 pixels are wrong")
    expect(panel).to_contain_text(f"Boundary F-score {on.boundary:.2f}")


def test_scene_and_network_are_chosen_by_keyboard(show):
    page = show(EncoderDecoder(fine=True, middle=True, coarse=True))
    panel = page.locator(".cnn-panel")
    page.get_by_role("radio", name="1", exact=True).focus()
    page.keyboard.press("ArrowRight")
    second = EncoderDecoder(scene=1, fine=True, middle=True, coarse=True)
    expect(panel).to_contain_text(f"{second.wrong} of 2304 pixels are wrong")
    page.get_by_role("radio", name="any skips").focus()
    page.keyboard.press("ArrowRight")
    other = EncoderDecoder(scene=1, network="skips", fine=True, middle=True, coarse=True)
    expect(panel).to_contain_text(f"{other.wrong} of 2304 pixels are wrong")


def test_stamps_follow_kernel_and_stride_and_are_announced(show):
    page = show(EncoderDecoder())
    expect(page.locator(".cnn-panel")).to_contain_text("so 1, 2 or 4 in the plane. A checkerboard.")
    page.get_by_role("slider", name="Kernel size").press("ArrowRight")
    expect(page.locator(".cnn-panel")).to_contain_text("every inner pixel gets 4 stamps")
    expect(page.get_by_role("status")).to_contain_text("No pattern from counting")
    page.get_by_role("slider", name="Stride").press("End")
    expect(page.locator(".cnn-panel")).to_contain_text("Kernel 4, stride 4: every inner pixel gets 1 stamp.")


def test_it_fits_a_phone(show):
    page = show(EncoderDecoder(), viewport={"width": 390, "height": 800})
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_two_instances_do_not_disturb_each_other(show):
    page = show(EncoderDecoder(), EncoderDecoder(fine=True))
    expect(page.locator(".cnn-panel").nth(0)).to_contain_text("No skip is on")
    expect(page.locator(".cnn-panel").nth(1)).to_contain_text("On: fine")
