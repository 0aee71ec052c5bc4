"""What a reader takes along: each chapter as a notebook to download, in Colab or in Binder, and the course's version.

Colab and Binder open the notebooks from the branch `notebooks`, which the publishing workflow writes.
"""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path
from typing import Any
from urllib.parse import quote

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.config import Config

BRANCH = "notebooks"


def has_code(app: Sphinx, docname: str) -> bool:
    """Whether a page is a chapter with cells, which `tools/notebooks.py` publishes as a notebook."""
    return "```{code-cell}" in Path(app.env.doc2path(docname)).read_text(encoding="utf-8")


def addresses(repository: str, docname: str) -> dict[str, str]:
    """Where Colab and Binder open the notebook of a page."""
    owner_and_name = repository.rstrip("/").removeprefix("https://github.com/")
    path = f"{docname}.ipynb"
    return {
        "Colab": f"https://colab.research.google.com/github/{owner_and_name}/blob/{BRANCH}/{path}",
        "Binder": f"https://mybinder.org/v2/gh/{owner_and_name}/{BRANCH}?labpath={quote(path, safe='')}",
    }


def offer(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    """End each chapter with the ways to take it home."""
    first = doctree.next_node(nodes.section)
    if app.builder.format != "html" or first is None or not has_code(app, docname):
        return
    up = "../" * docname.count("/")
    links = [_link("Download the notebook", f"{up}_sources/{docname}.ipynb")]
    repository = str(app.config.html_theme_options.get("repository_url", ""))
    links += [_link(f"Open in {name}", address) for name, address in addresses(repository, docname).items()]
    line = nodes.paragraph("", "Take it home: ", classes=["take-home"])
    for number, one in enumerate(links):
        line += [nodes.Text(" · "), one] if number else [one]
    first += line


def _link(text: str, address: str) -> nodes.reference:
    return nodes.reference(text, text, refuri=address, internal=True)


def show_version(app: Sphinx, config: Config) -> None:
    """Name the version at the foot of every page."""
    config.html_theme_options["extra_footer"] = f"<p>Version {version('cnncourse')}</p>"


def setup(app: Sphinx) -> dict[str, Any]:
    """Connect to the build."""
    app.connect("config-inited", show_version)
    app.connect("doctree-resolved", offer, priority=900)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
