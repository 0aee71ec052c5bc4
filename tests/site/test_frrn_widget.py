"""The two streams in a real browser: mouse, keys, a phone, words."""

import pytest
from playwright.sync_api import expect

from cnncourse.widgets import Frrn

pytestmark = pytest.mark.site


def test_stepping_through_the_units_by_button_and_by_mouse(show):
    page = show(Frrn())
    say = page.locator(".cnn-say").first
    expect(say).to_contain_text("Where the streams part")
    page.get_by_role("button", name="Next unit").click()
    expect(say).to_contain_text("Behind unit 1 of 7")
    page.get_by_role("button", name="Next unit").press("Enter")
    expect(say).to_contain_text("Behind unit 2 of 7")
    page.locator(".fr-hit").nth(5).click()
    expect(say).to_contain_text("Behind unit 5 of 7")
    page.get_by_role("button", name="Previous unit").press("Enter")
    expect(say).to_contain_text("Behind unit 4 of 7")


def test_size_and_width_change_the_bytes_by_keyboard(show):
    page = show(Frrn(plan="A", side=248))
    say = page.locator(".cnn-say").first
    expect(say).to_contain_text("padded to 256×256")
    page.get_by_role("slider", name="Side of the picture").press("ArrowRight")
    expect(say).not_to_contain_text("padded")
    before = say.text_content()
    page.get_by_role("slider", name="Channels of the first layer").press("Home")
    expect(say).not_to_have_text(before)


def test_maps_belong_to_the_narrow_network_alone(show):
    page = show(Frrn())
    expect(page.locator(".fr-maps canvas")).to_have_count(5)
    page.get_by_role("radio", name="FRRN-B").check()
    expect(page.locator(".fr-maps canvas")).to_have_count(0)
    expect(page.locator(".fr-hit")).to_have_count(22)


def test_it_fits_a_phone_and_speaks(show):
    page = show(Frrn(), viewport={"width": 390, "height": 800}, has_touch=True)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.get_by_role("button", name="Next unit").tap()
    expect(page.get_by_role("status")).to_contain_text("Behind unit 1 of 7")


def test_two_instances_do_not_disturb_each_other(show):
    page = show(Frrn(), Frrn(plan="A"))
    page.get_by_role("button", name="Next unit").first.click()
    expect(page.locator(".cnn-panel").nth(0)).to_contain_text("Behind unit 1 of 7")
    expect(page.locator(".cnn-panel").nth(1)).to_contain_text("Where the streams part")
