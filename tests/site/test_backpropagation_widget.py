"""The backward-pass stepper on the built page: by mouse, by keyboard, and in words."""

import pytest
from playwright.sync_api import expect

pytestmark = pytest.mark.site


@pytest.fixture
def widget(context, address):
    page = context.new_page()
    page.goto(f"{address}/layers/backpropagation.html")
    place = page.locator(".cnn-widget").first
    place.scroll_into_view_if_needed()
    place.locator(".cnn-panel").wait_for()
    return place


def numbers(widget, grid):
    return widget.get_by_role("grid", name=grid).locator(".cnn-cell").all_inner_texts()


def test_a_step_adds_to_the_gradient_by_mouse(widget):
    before = numbers(widget, "The gradient of the kernel")
    widget.get_by_role("button", name="Step").click()
    assert set(before) == {"0"}
    assert numbers(widget, "The gradient of the kernel") != before
    assert "brings δ" in widget.locator(".cnn-say").first.inner_text()


def test_arrow_keys_walk_over_delta_and_the_result_is_announced(widget):
    grid = widget.get_by_role("grid", name="δ, what arrives")
    grid.locator("[tabindex='0']").focus()
    widget.page.keyboard.press("ArrowRight")
    widget.get_by_text("Output (1, 2) brings").first.wait_for()
    widget.page.keyboard.press("Control+End")
    widget.get_by_text("these are the gradients").first.wait_for()
    expect(widget.get_by_role("status").filter(has_text="these are").first).to_be_attached()


def test_choosing_another_weight_shows_its_terms(widget):
    widget.get_by_role("button", name="Step").click()
    equation = widget.locator(".cnn-formula")
    before = equation.inner_text()
    widget.get_by_role("grid", name="The gradient of the kernel").locator("[tabindex='0']").focus()
    widget.page.keyboard.press("ArrowDown")
    expect(equation).not_to_have_text(before)
    assert "row 2, column 1" in equation.inner_text()


def test_every_geometry_of_the_sliders_can_be_stepped_through(widget):
    for name, key in (("Padding", "End"), ("Stride", "End"), ("Kernel size", "Home"), ("Input size", "End")):
        widget.get_by_role("slider", name=name).focus()
        widget.page.keyboard.press(key)
    step = widget.get_by_role("button", name="Step")
    while step.is_enabled():
        step.click()
    assert "these are the gradients" in widget.locator(".cnn-say").first.inner_text()
