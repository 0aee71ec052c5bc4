"""``{progress}``: a table of the chapters that `course.js` fills with what this browser remembers.

Nothing is sent: what is remembered can be exported to a file, read back from it, and erased.
"""

from __future__ import annotations

import html
from typing import Any

from docutils import nodes
from quiz import quiz
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective


class progress_table(nodes.General, nodes.Element):  # noqa: N801  docutils nodes are lower case
    """Stands for the table until all pages have been read."""


class Progress(SphinxDirective):
    """``{progress}``, the reader's own record."""

    def run(self) -> list[nodes.Node]:
        """Return the place of the table."""
        return [progress_table()]


def chapters(app: Sphinx) -> list[tuple[str, str, int]]:
    """Page, title and number of questions of each chapter, in reading order."""
    order = [page for pages in app.env.toctree_includes.values() for page in pages if "/" in page]
    return [(page, app.env.titles[page].astext(), len(list(app.env.get_doctree(page).findall(quiz)))) for page in order]


def as_html(app: Sphinx, here: str) -> str:
    """The table and its buttons as a reader finds them who has done nothing yet; the script fills in what was done."""
    rows = "".join(
        f'<tr data-page="{page}" data-quizzes="{questions}">'
        f'<td><a href="{app.builder.get_relative_uri(here, page)}">{html.escape(title)}</a></td>'
        f'<td class="cnn-done">not yet</td><td class="cnn-quizzes">0 of {questions}</td></tr>'
        for page, title, questions in chapters(app)
    )
    return (
        "<noscript><p>This page needs scripts: your browser keeps the record, not we.</p></noscript>"
        '<div class="cnn-progress"><table class="table"><thead><tr><th>Chapter</th><th>Read</th>'
        f"<th>Questions right</th></tr></thead><tbody>{rows}</tbody></table>"
        '<p><button type="button" data-do="export">Export to a file</button> '
        '<button type="button" data-do="erase">Erase everything</button></p>'
        '<p><label>Read back from a file: <input type="file" accept="application/json" data-do="import"></label></p>'
        '<p role="status"></p></div>'
    )


def fill(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    """Put the table in its place."""
    for node in list(doctree.findall(progress_table)):
        node.replace_self(nodes.raw("", as_html(app, docname), format="html"))


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the directive and what fills it."""
    app.add_node(progress_table)
    app.add_directive("progress", Progress)
    app.connect("doctree-resolved", fill)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
