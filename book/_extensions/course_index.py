"""Pages that lead into the chapters: where each slide of the lecture went, and where each widget is.

``{slide-index}`` reads `slides.yml`; a section that is gone fails the build. ``{widget-list}`` finds the widgets by
itself, in the order of the book. Terms that lead to the glossary also say there and then what they mean.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml
from docutils import nodes
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective

from cnncourse.widgets.base import Widget
from cnncourse.workbench import provenance

SLIDES = Path(__file__).parents[1] / "slides.yml"
GLOSSARY = "glossary"
_WIDGET = re.compile(r'data-widget="(\w+)\.mjs"')
_logger = logging.getLogger(__name__)


class slide_index(nodes.General, nodes.Element):  # noqa: N801  docutils nodes are lower case
    """Stands for the table of slides until all pages have been read."""


class widget_list(nodes.General, nodes.Element):  # noqa: N801
    """Stands for the list of widgets until all pages have been read."""


class SlideIndex(SphinxDirective):
    """All slides of the lecture, with the sections that compute what each says."""

    def run(self) -> list[nodes.Node]:
        """Return the place of the table."""
        self.env.note_dependency(str(SLIDES))
        return [slide_index()]


class WidgetList(SphinxDirective):
    """All widgets of the book, with the sections they stand in."""

    def run(self) -> list[nodes.Node]:
        """Return the place of the list."""
        return [widget_list()]


class ProvenanceTable(SphinxDirective):
    """How each result was made that the book does not compute anew."""

    def run(self) -> list[nodes.Node]:
        """Return the table."""
        rows = []
        for log in provenance.logs():
            self.env.note_dependency(str(log))
            one = provenance.read(log)
            seeds = ", ".join(map(str, one.seeds))
            texts = [one.name, one.data, seeds, f"{one.device}, torch {one.torch}", provenance.duration(one.seconds)]
            rows.append(_row([[nodes.Text(text)] for text in texts]))
        return [_table(["Result", "Data", "Seeds", "Made on", "Took"], rows)]


def section_of(doctree: nodes.document, identifier: str) -> nodes.section | None:
    """The section of a page that has an identifier, as it stands in the page's address."""
    return next((section for section in doctree.findall(nodes.section) if identifier in section["ids"]), None)


def link(app: Sphinx, here: str, page: str, section: nodes.section) -> nodes.reference:
    """A link to a section, "Chapter: section", or to a chapter if it is the first section."""
    chapter = app.env.titles[page].astext()
    title = section.next_node(nodes.title)
    own = title.astext() if title else ""
    text = chapter if own == chapter else f"{chapter}: {own}"
    address = f"{app.builder.get_relative_uri(here, page)}#{section['ids'][0]}"
    return nodes.reference(text, text, refuri=address, internal=True)


def slide_table(app: Sphinx, here: str) -> list[nodes.Node]:
    """One table for each part of the lecture."""
    parts = yaml.safe_load(SLIDES.read_text(encoding="utf-8"))
    result: list[nodes.Node] = []
    for part, slides in parts.items():
        rows = [_row([[nodes.Text(slide)], _links(app, here, places)]) for slide, places in slides.items()]
        result += [nodes.rubric(part, part), _table(["Slide", "Computed in"], rows)]
    return result


def _links(app: Sphinx, here: str, places: list[str]) -> list[nodes.Node]:
    found: list[nodes.Node] = []
    for place in places:
        page, _, identifier = place.partition("#")
        if page not in app.env.found_docs:
            _logger.warning("slides.yml leads to the page %s, which is not in the book", page)
            continue
        doctree = app.env.get_doctree(page)
        section = section_of(doctree, identifier) if identifier else doctree.next_node(nodes.section)
        if section is None:
            _logger.warning("slides.yml leads to the section %s, which is not there", place)
            continue
        found += [nodes.Text("; ")] if found else []
        found.append(link(app, here, page, section))
    return found


def widgets_of(doctree: nodes.document) -> Iterator[tuple[str, nodes.section]]:
    """Module and section of each widget that a page shows, once for each section."""
    seen = set()
    for raw in doctree.findall(nodes.raw):
        section = next((node for node in _ancestors(raw) if isinstance(node, nodes.section)), None)
        for stem in _WIDGET.findall(raw.astext()):
            if section is not None and (stem, section["ids"][0]) not in seen:
                seen.add((stem, section["ids"][0]))
                yield stem, section


def widget_table(app: Sphinx, here: str) -> list[nodes.Node]:
    """The widgets in the order of the book, each with what it shows and where it stands."""
    classes = {widget.stem: widget for widget in Widget.__subclasses__()}
    places: dict[str, list[nodes.Node]] = {}
    for page in _in_order(app.env):
        for stem, section in widgets_of(app.env.get_doctree(page)):
            links = places.setdefault(stem, [])
            links += [nodes.Text("; ")] if links else []
            links.append(link(app, here, page, section))
    rows = [_row([[nodes.Text(first_sentence(classes[stem]))], links]) for stem, links in places.items()]
    return [_table(["What you can do", "Where"], rows)]


def first_sentence(widget: type[Widget]) -> str:
    """What a widget is for, from the first paragraph of its class, without what its traits are called in Python."""
    text = " ".join(inspect.cleandoc(widget.__doc__ or widget.__name__).split("\n\n")[0].split())
    return re.sub(r"`([^`]*)`", r"\1", text.partition(";")[0]).rstrip(".") + "."


def define_terms(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    """Put the definition into the title of each link to the glossary, where a reader's pointer finds it."""
    links = [node for node in doctree.findall(nodes.reference) if "#term-" in node.get("refuri", "")]
    if not links or GLOSSARY not in app.env.found_docs:
        return
    known = definitions(app.env.get_doctree(GLOSSARY))
    for node in links:
        identifier = node["refuri"].partition("#")[2]
        if identifier in known:
            node["reftitle"] = known[identifier]


def definitions(glossary: nodes.document) -> dict[str, str]:
    """The definition of each term of the glossary, by its identifier, on one line."""
    found = {}
    for item in glossary.findall(nodes.definition_list_item):
        body = item.next_node(nodes.definition)
        for term in item.findall(nodes.term):
            for identifier in term["ids"]:
                found[identifier] = " ".join(body.astext().split()) if body else ""
    return found


def fill(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    """Put the tables in their places."""
    for node in list(doctree.findall(slide_index)):
        node.replace_self(slide_table(app, docname))
    for node in list(doctree.findall(widget_list)):
        node.replace_self(widget_table(app, docname))


def outdated(app: Sphinx, env: BuildEnvironment, added: set[str], changed: set[str], removed: set[str]) -> list[str]:
    """The pages of tables are read again whenever any page was, since they tell what stands there."""
    return [page for page in ("slides", "widgets", "progress") if page in env.found_docs and added | changed | removed]


def _in_order(env: BuildEnvironment) -> list[str]:
    order: list[str] = []
    pending = [str(env.config.root_doc)]
    while pending:
        page = pending.pop(0)
        order.append(page)
        pending = [child for child in env.toctree_includes.get(page, []) if child not in order] + pending
    return order


def _ancestors(node: nodes.Node) -> Iterator[nodes.Node]:
    while node.parent is not None:
        node = node.parent
        yield node


def _table(header: list[str], rows: list[nodes.row]) -> nodes.table:
    table = nodes.table(classes=["index-table"])
    group = nodes.tgroup("", *(nodes.colspec(colwidth=1) for _ in header), cols=len(header))
    group += nodes.thead("", _row([[nodes.Text(title)] for title in header]))
    group += nodes.tbody("", *rows)
    table += group
    return table


def _row(cells: list[list[nodes.Node]]) -> nodes.row:
    return nodes.row("", *(nodes.entry("", nodes.paragraph("", "", *cell)) for cell in cells))


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the directives and what fills them."""
    app.add_node(slide_index)
    app.add_node(widget_list)
    app.add_directive("slide-index", SlideIndex)
    app.add_directive("widget-list", WidgetList)
    app.add_directive("provenance-table", ProvenanceTable)
    app.connect("doctree-resolved", fill)
    app.connect("doctree-resolved", define_terms)
    app.connect("env-get-outdated", outdated)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
