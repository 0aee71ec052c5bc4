"""Questions, progress, glossary, and the pages that lead into the chapters, in a real browser."""

import json
import tomllib
from pathlib import Path

import pytest
from playwright.sync_api import expect
from quiz import read
from site_pages import PAGES, SITE

pytestmark = pytest.mark.site
ROOT = Path(__file__).parents[2]
POOLING = "layers/pooling.html"


def question_of(page_name):
    text = (ROOT / "book" / page_name).with_suffix(".md").read_text()
    return read(text.partition("```{quiz}\n")[2].partition("```")[0])


@pytest.fixture
def page(context, address):
    page = context.new_page()
    page.goto(f"{address}/{POOLING}")
    return page


def test_every_answer_gets_its_own_words(page):
    quiz = page.locator(".cnn-quiz").first
    said = quiz.get_by_role("status")
    quiz.get_by_role("button", name="Answer").click()
    expect(said).to_have_text("Choose an answer first.")
    for answer in question_of(POOLING).answers:
        quiz.get_by_label(answer.text, exact=True).check()
        quiz.get_by_role("button", name="Answer").click()
        expect(said).to_have_text(("Right. " if answer.right else "Not so. ") + answer.says)


def test_a_question_is_answered_by_keyboard_alone(page):
    quiz = page.locator(".cnn-quiz").first
    quiz.get_by_role("radio").first.focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(quiz.get_by_role("status")).not_to_be_empty()


def test_progress_is_kept_exported_erased_and_read_back(page, address, tmp_path):
    quiz = page.locator(".cnn-quiz").first
    right = next(answer.text for answer in question_of(POOLING).answers if answer.right)
    quiz.get_by_label(right, exact=True).check()
    quiz.get_by_role("button", name="Answer").click()
    page.get_by_label("I have read this chapter").check()
    page.goto(f"{address}/progress.html")
    row = page.locator('[data-page="layers/pooling"]')
    expect(row).to_contain_text("1 of ")
    expect(row).to_contain_text("read on ")
    with page.expect_download() as download:
        page.get_by_role("button", name="Export to a file").click()
    kept = tmp_path / "progress.json"
    download.value.save_as(kept)
    assert json.loads(kept.read_text())["quizzes"] == {"layers/pooling#1": "right"}
    page.get_by_role("button", name="Erase everything").click()
    expect(row).to_contain_text("not yet")
    broken = tmp_path / "other.json"
    broken.write_text("[1]")
    page.get_by_label("Read back from a file").set_input_files(broken)
    expect(page.locator(".cnn-progress [role=status]")).to_contain_text("other.json holds no progress")
    page.get_by_label("Read back from a file").set_input_files(kept)
    expect(row).to_contain_text("1 of ")


def test_a_term_says_what_it_means(context, address):
    page = context.new_page()
    page.goto(f"{address}/layers/convolution.html")
    term = page.locator('a[href*="glossary.html#term-"]').first
    assert len(term.get_attribute("title")) > 20


@pytest.mark.parametrize("name", ["slides", "widgets"])
def test_a_page_of_tables_leads_into_the_chapters(context, address, name):
    page = context.new_page()
    page.goto(f"{address}/{name}.html")
    links = page.locator("article table a")
    assert links.count() >= 15
    assert all(".html#" in links.nth(number).get_attribute("href") for number in range(links.count()))


@pytest.mark.parametrize("name", PAGES)
def test_every_page_names_the_version(context, address, name):
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    assert f"Version {version}" in context.request.get(f"{address}/{name}").text()


def test_on_paper_a_chapter_is_text_and_stills_without_the_sides(context, address):
    page = context.new_page()
    page.goto(f"{address}/{POOLING}")
    page.emulate_media(media="print")
    for place in (".bd-sidebar-primary", ".bd-sidebar-secondary", ".bd-header-article", ".take-home"):
        for one in page.locator(place).all():
            expect(one).to_be_hidden()
    expect(page.locator("article h2").first).to_be_visible()


def test_from_a_folder_questions_work_and_the_page_says_what_does_not(context):
    page = context.new_page()
    page.goto((SITE / POOLING).as_uri())
    expect(page.locator(".cnn-folder").first).to_contain_text("python3 -m http.server")
    expect(page.locator(".cnn-widget svg, .cnn-widget img").first).to_be_visible()
    quiz = page.locator(".cnn-quiz").first
    quiz.get_by_role("radio").first.check()
    quiz.get_by_role("button", name="Answer").click()
    expect(quiz.get_by_role("status")).not_to_be_empty()
