"""Questions in the pages: complete, unreadable in the source until chosen, and with one right answer."""

import re
from pathlib import Path

import pytest
from quiz import Answer, Question, as_html, as_markdown, keystream, read, veil

BOOK = Path(__file__).parents[1] / "book"
PAGES = sorted(BOOK.glob("*/*.md"))
_QUIZ = re.compile(r"^```\{quiz\}\n(.*?)^```$", re.DOTALL | re.MULTILINE)
GOOD = "question: How many?\nanswers:\n- {text: One, says: Count again.}\n- {text: Two, says: Yes., right: true}\n"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_chapter_asks_something_and_says_something_to_each_answer(page):
    questions = [read(body) for body in _QUIZ.findall(page.read_text(encoding="utf-8"))]
    assert questions
    for question in questions:
        assert question.question.endswith("?")
        assert len(question.answers) >= 3
        assert all(len(answer.says) >= 15 for answer in question.answers)
        assert len({answer.text for answer in question.answers}) == len(question.answers)


def test_the_right_answers_do_not_all_stand_at_the_same_place():
    places = [
        next(number for number, answer in enumerate(read(body).answers) if answer.right)
        for page in PAGES
        for body in _QUIZ.findall(page.read_text(encoding="utf-8"))
    ]
    assert max(places.count(place) for place in set(places)) <= 0.6 * len(places)


def test_what_is_said_cannot_be_read_in_the_source():
    html = as_html(read(GOOD), "layers/x#1", 1)
    assert "Two" in html
    assert "Count again" not in html
    assert "right" not in html.replace("whether it is right", "")


def test_equal_words_are_veiled_differently_for_each_answer():
    answer = Answer("One", "Count again.")
    assert veil(answer, "a#1/0") != veil(answer, "a#1/1")
    assert keystream("a", 4) == keystream("a", 6)[:4]
    assert len(set(keystream("layers/pooling#1/0", 256))) > 128


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("- just a list", "question and answers"),
        ("question: [", "no YAML"),
        (GOOD.replace(", right: true", ""), "exactly one"),
        (GOOD.replace("text: One", "word: One"), "each answer has"),
        (GOOD.replace("text: One", "text: 1"), "numbers into quotes"),
    ],
)
def test_a_broken_question_stops_the_build_with_words(body, words):
    with pytest.raises(ValueError, match=words):
        read(body)


def test_a_notebook_unfolds_what_the_page_says():
    text = as_markdown(Question("Is <b> safe?", (Answer("Yes & no", "Quite."), Answer("No", "Right so.", True))))
    assert "<details><summary>Yes &amp; no</summary>No. Quite.</details>" in text
    assert "<details><summary>No</summary>Right. Right so.</details>" in text
