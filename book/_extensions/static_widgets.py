"""The second life of the widgets: the same ES modules, mounted on the static page without a kernel.

A widget's output carries `<div class="cnn-widget" data-widget="…">`. Pages that hold one get the host script
and the widgets' style; other pages get neither. A plain ipywidget would show nothing on the website, so it is
a warning, which fails the build.
"""

from __future__ import annotations

import hashlib
import shutil
from functools import cache
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.util import logging

from cnncourse import widgets
from cnncourse.widgets.base import page_files

WIDGETS = Path(widgets.__file__).parent
_WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"
_WIDGET_STATE = "application/vnd.jupyter.widget-state+json"
_logger = logging.getLogger(__name__)


def widget_files() -> list[Path]:
    """Every file that the page may load: modules and style."""
    return sorted([*WIDGETS.glob("*.mjs"), *WIDGETS.glob("*.css")])


@cache
def made_files() -> dict[str, bytes]:
    """Every file that is made for the pages, for example a trained network."""
    return page_files()


def fingerprint() -> str:
    """Short hash of all widget files, so that a browser never mixes old and new ones."""
    digest = hashlib.sha256()
    for path in widget_files():
        digest.update(path.read_bytes())
    for data in made_files().values():
        digest.update(data)
    return digest.hexdigest()[:12]


def has_widget(doctree: nodes.document) -> bool:
    """Tell whether a page holds a mounted widget."""
    return any('data-widget="' in node.astext() for node in doctree.findall(nodes.raw))


def add_host(app: Sphinx, pagename: str, templatename: str, context: dict[str, Any], doctree: Any) -> None:
    """Load host and style on pages that hold a widget."""
    if doctree is None or not has_widget(doctree):
        return
    folder = f"widgets/{fingerprint()}"
    app.add_js_file(f"{folder}/host.mjs", type="module")
    app.add_css_file(f"{folder}/widgets.css")


def drop_widget_state(app: Sphinx, pagename: str, templatename: str, context: dict[str, Any], doctree: Any) -> None:
    """Leave out the saved state of live widgets: no manager reads it here, and it holds every module once more."""
    context["script_files"] = [
        script
        for script in context.get("script_files", [])
        if (getattr(script, "attributes", None) or {}).get("type") != _WIDGET_STATE
    ]


def refuse_plain_ipywidgets(app: Sphinx, doctree: nodes.document) -> None:
    """Warn where an output has only a live widget view, which stays empty without a kernel."""
    for bundle in doctree.findall(nodes.container):
        if bundle.get("nb_element") != "mime_bundle":
            continue
        kinds = {child.get("mime_type") for child in bundle.findall(nodes.container)}
        if _WIDGET_VIEW in kinds and "text/html" not in kinds:
            _logger.warning(
                "a plain ipywidget shows nothing on the website; use a widget of cnncourse.widgets",
                location=bundle,
            )


def outdated(app: Sphinx, env: BuildEnvironment, added: set[str], changed: set[str], removed: set[str]) -> list[str]:
    """Write every page again after a widget file changed, because its address on the pages changed."""
    stamp = fingerprint()
    previous = getattr(env, "cnn_widget_fingerprint", None)
    env.cnn_widget_fingerprint = stamp  # type: ignore[attr-defined]
    return sorted(env.found_docs) if previous not in (None, stamp) else []


def copy_widgets(app: Sphinx, exception: Exception | None) -> None:
    """Put modules and style beside the pages, under an address that changes with their content."""
    if exception is not None or app.builder.format != "html":
        return
    shutil.rmtree(Path(app.outdir) / "_static" / "widgets", ignore_errors=True)
    target = Path(app.outdir) / "_static" / "widgets" / fingerprint()
    target.mkdir(parents=True)
    for path in widget_files():
        shutil.copy(path, target)
    for name, data in made_files().items():
        (target / name).write_bytes(data)


def setup(app: Sphinx) -> dict[str, Any]:
    """Connect to the build."""
    app.connect("doctree-read", refuse_plain_ipywidgets)
    app.connect("html-page-context", add_host, priority=400)
    app.connect("html-page-context", drop_widget_state, priority=900)
    app.connect("env-get-outdated", outdated)
    app.connect("build-finished", copy_widgets)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
