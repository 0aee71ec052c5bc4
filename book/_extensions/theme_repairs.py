"""Repairs of theme and extensions: no request to another host, no script error, no dead weight.

* MathJax comes from the installed package `sphinx-mathjax-offline`: one component and its fonts.
* sphinx-thebe and sphinx-togglebutton write their inline scripts twice, which is an error on every page;
  thebe would also load a script from another host.
* Source maps are of no use to a reader.
"""

from __future__ import annotations

import importlib.util
import shutil
from pathlib import Path
from typing import Any

from sphinx.application import Sphinx


def mathjax_source() -> Path:
    """Folder of the installed MathJax distribution."""
    spec = importlib.util.find_spec("sphinx-mathjax-offline")
    if spec is None or spec.origin is None:
        raise FileNotFoundError("sphinx-mathjax-offline is not installed; run pip install -r requirements.txt")
    return Path(spec.origin).parent / "static" / "mathjax"


def copy_mathjax(app: Sphinx, exception: Exception | None) -> None:
    """Copy what formulas in HTML need: the combined component and its fonts."""
    if exception is not None or app.builder.format != "html":
        return
    source, target = mathjax_source(), Path(app.outdir) / "_static" / "vendor" / "mathjax"
    if target.exists():
        return
    fonts = Path("output") / "chtml" / "fonts" / "woff-v2"
    shutil.copytree(source / fonts, target / fonts)
    shutil.copy(source / "tex-chtml.js", target)


def drop_source_maps(app: Sphinx, exception: Exception | None) -> None:
    """Delete `*.map`: 3.5 MB that only the theme's authors need."""
    if exception is None and app.builder.format == "html":
        for path in (Path(app.outdir) / "_static").rglob("*.map"):
            path.unlink()


def tidy_scripts(app: Sphinx, pagename: str, templatename: str, context: dict[str, Any], doctree: Any) -> None:
    """Take out thebe's scripts and every inline script that has been written before."""
    seen: set[str] = set()
    kept = []
    for script in context.get("script_files", []):
        body = (getattr(script, "attributes", None) or {}).get("body") or ""
        address = str(getattr(script, "filename", None) or script)
        if "THEBE_JS_URL" in body or "thebe" in address.lower():
            continue
        if body and body in seen:
            continue
        seen.add(body)
        kept.append(script)
    context["script_files"] = kept


def setup(app: Sphinx) -> dict[str, Any]:
    """Connect to the build; the scripts are tidied after every other extension has added its own."""
    app.connect("html-page-context", tidy_scripts, priority=900)
    app.connect("build-finished", copy_mathjax)
    app.connect("build-finished", drop_source_maps, priority=900)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
