"""Sphinx roles and directives for the ledger of numbers.

``{number}`key` `` puts a number of `book/ledger.yml` into the prose, linked to its row in the table that
``{ledger-table}`` makes on the page "Numbers".
"""

from __future__ import annotations

import functools
import html
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective, SphinxRole

from cnncourse.workbench.ledger import LEDGER_FILE, Entry, load_ledger

NUMBERS_PAGE = "numbers"


@functools.cache
def ledger() -> dict[str, Entry]:
    """The ledger, read once per build."""
    return load_ledger()


def anchor(key: str) -> str:
    """Identifier of an entry's row on the page of numbers."""
    return "number-" + key.replace(".", "-").replace("_", "-")


class number_reference(nodes.reference):  # noqa: N801  docutils nodes are lower case
    """A number in the prose that leads to its row in the ledger."""


class NumberRole(SphinxRole):
    """``{number}`layers.key` `` becomes the value of that entry."""

    def run(self) -> tuple[list[nodes.Node], list[nodes.system_message]]:
        """Return the linked number, or an error that fails the build."""
        try:
            entry = ledger()[self.text]
        except KeyError as error:
            message = self.inliner.reporter.error(str(error.args[0]), line=self.lineno)
            return [nodes.literal(text=self.text)], [message]
        self.env.note_dependency(str(LEDGER_FILE))
        link = number_reference(entry.text, entry.text, classes=["ledger-number"], key=self.text)
        link["reftitle"] = f"{entry.variant}{f' ({entry.unit})' if entry.unit else ''}"
        return [link], []


class LedgerTable(SphinxDirective):
    """All entries of the ledger as a table, with the source and the function that recomputes each."""

    def run(self) -> list[nodes.Node]:
        """Return the table."""
        self.env.note_dependency(str(LEDGER_FILE))
        header = ["Number", "What exactly", "Source", "Recomputed by"]
        table = nodes.table(classes=["ledger-table"])
        group = nodes.tgroup(cols=len(header))
        table += group
        group.extend(nodes.colspec(colwidth=width) for width in (2, 5, 2, 4))
        group += nodes.thead("", _row([nodes.paragraph(text=title) for title in header]))
        body = nodes.tbody()
        group += body
        for entry in ledger().values():
            row = _row([self._value(entry), self._variant(entry), self._source(entry), _function(entry)])
            row["ids"].append(anchor(entry.key))
            body += row
        return [table]

    def _value(self, entry: Entry) -> nodes.paragraph:
        return nodes.paragraph(text=f"{entry.text} {entry.unit}".strip())

    def _variant(self, entry: Entry) -> nodes.paragraph:
        return nodes.paragraph(text=entry.variant)

    def _source(self, entry: Entry) -> nodes.Node:
        if not entry.source:
            return nodes.paragraph(text="computed here")
        children, _ = self.state.inline_text(f"{{cite:t}}`{entry.source}`", self.lineno)
        return nodes.paragraph("", "", *children)


def _function(entry: Entry) -> nodes.Node:
    if not entry.function:
        return nodes.paragraph(text="not computable here")
    module, _, name = entry.function.partition(":")
    arguments = ", ".join(f"{key}={value!r}" for key, value in entry.arguments.items())
    return nodes.paragraph("", "", nodes.literal(text=f"{module.removeprefix('cnncourse.')}.{name}({arguments})"))


def _row(cells: list[nodes.Node]) -> nodes.row:
    row = nodes.row()
    for cell in cells:
        row += nodes.entry("", cell)
    return row


def resolve_numbers(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    """Give each number the relative address of its row."""
    for node in doctree.findall(number_reference):
        target = app.builder.get_relative_uri(docname, NUMBERS_PAGE)
        node["refuri"] = f"{target}#{anchor(node['key'])}"
        node["internal"] = True


def visit_number(translator: Any, node: number_reference) -> None:
    """Write the opening tag."""
    title = html.escape(node["reftitle"], quote=True)
    translator.body.append(f'<a class="ledger-number" href="{node["refuri"]}" title="{title}">')


def depart_number(translator: Any, node: number_reference) -> None:
    """Write the closing tag."""
    translator.body.append("</a>")


def setup(app: Sphinx) -> dict[str, Any]:
    """Register role, directive and the resolution of links."""
    app.add_node(number_reference, override=True, html=(visit_number, depart_number))
    app.add_role("number", NumberRole())
    app.add_directive("ledger-table", LedgerTable)
    app.connect("doctree-resolved", resolve_numbers)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
