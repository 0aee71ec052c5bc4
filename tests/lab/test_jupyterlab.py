"""A student's afternoon in a real JupyterLab: run chapters, move their widgets, do an exercise, validate it."""

import pytest
from playwright.sync_api import expect

pytestmark = pytest.mark.lab


@pytest.mark.parametrize("chapter", ["layers/stride_arithmetic", "models/lenet"])
def test_a_chapter_runs_from_top_to_bottom_and_its_widgets_live(open_notebook, chapter):
    notebook = open_notebook(f"{chapter}.ipynb")
    notebook.run_all()
    assert notebook.errors() == []
    expect(notebook.page.locator(".cnn-panel").first).to_be_visible()


def test_a_slider_moves_by_keyboard_without_jupyterlab_s_shortcuts(open_notebook):
    notebook = open_notebook("layers/stride_arithmetic.ipynb")
    notebook.run_all()
    panel = notebook.page.locator(".cnn-panel").first
    slider = panel.get_by_role("slider").first
    before = panel.inner_text()
    slider.focus()
    notebook.page.keyboard.press("ArrowRight")
    expect(panel).not_to_have_text(before)
    assert notebook.errors() == []


def test_an_assignment_says_what_is_missing_and_validates_with_nbgrader_s_button(open_notebook):
    notebook = open_notebook("exercises/stride_arithmetic/stride_arithmetic.ipynb")
    notebook.run_all()
    assert "NotImplementedError" in " ".join(notebook.errors())
    notebook.page.get_by_text("Validate", exact=True).first.click()
    dialog = notebook.page.locator(".jp-Dialog")
    expect(dialog).to_contain_text("failed", timeout=180_000)
