"""Questions in the page: ``{quiz}`` asks, the reader chooses, and the page says what the choice means.

The body is YAML: ``question``, and ``answers``, each with its ``text``, what the page ``says`` to it, and
``right: true`` for the right one. What is said stands veiled in the page's source, so that looking for the answer is
more work than thinking; it is no secret. `course.js` lifts the veil of the answer that was chosen, and keeps the
outcome in the reader's own browser.
"""

from __future__ import annotations

import base64
import html
from dataclasses import dataclass
from typing import Any

import yaml
from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective


@dataclass(frozen=True)
class Answer:
    """One answer to choose, what the page says to it, and whether it is right."""

    text: str
    says: str
    right: bool = False


@dataclass(frozen=True)
class Question:
    """A question with its answers, exactly one of which is right."""

    question: str
    answers: tuple[Answer, ...]


def read(body: str) -> Question:
    """The question that stands in the body of a directive.

    Raises
    ------
    ValueError
        If something is missing, or not exactly one answer is right.
    """
    try:
        content = yaml.safe_load(body)
    except yaml.YAMLError as error:
        raise ValueError(f"the quiz is no YAML: {error}") from error
    if not isinstance(content, dict) or set(content) != {"question", "answers"}:
        raise ValueError("a quiz has a question and answers, and nothing else")
    try:
        answers = tuple(Answer(**{"right": False, **answer}) for answer in content["answers"])
    except TypeError as error:
        raise ValueError(f"each answer has text, says, and perhaps right: {error}") from error
    if len(answers) < 2 or sum(answer.right for answer in answers) != 1:
        raise ValueError(f"{content['question']!r} needs at least two answers, exactly one of them right")
    if any(not isinstance(part, str) for answer in answers for part in (answer.text, answer.says)):
        raise ValueError(f"answers to {content['question']!r} are texts; put numbers into quotes")
    return Question(str(content["question"]), answers)


def keystream(key: str, length: int) -> bytes:
    """Bytes that `course.js` makes again from the same key: FNV-1a as the seed of a linear congruence, 32 bits each."""
    state = 2166136261
    for byte in key.encode():
        state = ((state ^ byte) * 16777619) & 0xFFFFFFFF
    stream = bytearray()
    for _ in range(length):
        state = (state * 1664525 + 1013904223) & 0xFFFFFFFF
        stream.append(state >> 24)
    return bytes(stream)


def veil(answer: Answer, key: str) -> str:
    """What is said to an answer, with ``+`` or ``-`` before it, unreadable without the key."""
    text = f"{'+' if answer.right else '-'}{answer.says}".encode()
    return base64.b64encode(bytes(a ^ b for a, b in zip(text, keystream(key, len(text)), strict=True))).decode()


class quiz(nodes.General, nodes.Element):  # noqa: N801  docutils nodes are lower case
    """A question in the page."""


class Quiz(SphinxDirective):
    """``{quiz}``, a question with answers to choose from."""

    has_content = True

    def run(self) -> list[nodes.Node]:
        """Return the question, or an error that fails the build."""
        try:
            asked = read("\n".join(self.content))
        except ValueError as error:
            return [self.state.document.reporter.error(str(error), line=self.lineno)]
        number = self.env.new_serialno("quiz") + 1
        return [quiz("", asked=asked, name=f"{self.env.docname}#{number}", number=number)]


def as_html(asked: Question, name: str, number: int) -> str:
    """The question as a group of choices and a button; without scripts, as a list to think about."""
    choices = "".join(
        f'<label><input type="radio" name="quiz-{number}" value="{place}"'
        f' data-says="{veil(answer, f"{name}/{place}")}"> <span>{html.escape(answer.text)}</span></label>'
        for place, answer in enumerate(asked.answers)
    )
    return (
        f'<form class="cnn-quiz" id="quiz-{number}" data-quiz="{html.escape(name, quote=True)}">'
        f"<fieldset><legend>{html.escape(asked.question)}</legend>{choices}</fieldset>"
        '<button type="submit" hidden>Answer</button><p role="status"></p>'
        "<noscript><p>With scripts on, this page says to each answer whether it is right, and why.</p></noscript>"
        "</form>"
    )


def as_markdown(asked: Question) -> str:
    """The question for a notebook, where what is said to each answer can be unfolded."""
    parts = [f"**{asked.question}**", ""]
    for answer in asked.answers:
        verdict = "Right. " if answer.right else "No. "
        parts.append(
            f"<details><summary>{html.escape(answer.text)}</summary>{verdict}{html.escape(answer.says)}</details>"
        )
    return "\n".join(parts)


def visit_quiz(translator: Any, node: quiz) -> None:
    """Write the form."""
    translator.body.append(as_html(node["asked"], node["name"], node["number"]))


def depart_quiz(translator: Any, node: quiz) -> None:
    """Nothing is left to write."""


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the directive."""
    app.add_node(quiz, html=(visit_quiz, depart_quiz))
    app.add_directive("quiz", Quiz)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
