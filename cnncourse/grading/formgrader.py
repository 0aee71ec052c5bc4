"""Formgrader shows students' text on the instructor's own server: it is shown as text, and nothing of it runs.

nbconvert's `sanitize_html` does not reach formgrader's template; a filter does. Chapter: `teaching`.
"""

from __future__ import annotations

import re
from typing import Any

from jinja2 import pass_context

# commands by which MathJax would make a live link or load code
_LIVE_TEX = re.compile(r"\\(href|require|class|cssId|style)\b")


@pass_context
def safe_markdown(context: Any, source: str) -> str:
    """Markdown as HTML in which a student's own HTML is escaped and no link runs a script."""
    from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath

    attachments = (context.get("cell") or {}).get("attachments", {})
    renderer = IPythonRenderer(escape=True, allow_harmful_protocols=False, attachments=attachments)
    html: str = MarkdownWithMath(renderer=renderer).render(_LIVE_TEX.sub(r"\\text{\1 }", source))
    return html


def show_text_only(c: Any) -> None:
    """Set nbgrader's configuration so that formgrader shows students' text only."""
    c.HTMLExporter.sanitize_html = True
    c.HTMLExporter.filters = {"markdown2html": safe_markdown}
