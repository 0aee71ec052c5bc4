"""What a page sends: after the build, every page is made smaller and ready for a strict content-security policy.

* Font Awesome (1.5 MB of script and 0.3 MB of fonts for a dozen icons) becomes a style of the icons that the pages use,
  and a font of the few characters that the theme's style writes before its boxes.
* Inline scripts become files, and `onclick` becomes `data-action`, so that `script-src 'self'` is enough.
* MathJax (1.2 MB) goes from pages without a formula, to which Sphinx gives it too.
* Settings of thebe, which would start a kernel on another host, go.
* What axe-core finds in the theme's markup is mended: the logo outside a landmark, roles that ARIA has given up,
  header cells without text.

Each step leaves a page that was treated before as it is: a warm build writes only pages that changed.
"""

from __future__ import annotations

import hashlib
import io
import re
import shutil
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pydata_sphinx_theme
from fontTools import subset
from fontTools.ttLib import TTFont
from page_bundles import one_script, one_style
from sphinx.application import Sphinx

_INLINE = re.compile(r"<script(?P<attributes>(?![^>]*\b(?:src|type)=)[^>]*)>(?P<body>.*?)</script>\s*", re.DOTALL)
_THEBE = re.compile(r'<script type="text/x-thebe-config">.*?</script>\s*', re.DOTALL)
_ICON_SCRIPT = re.compile(r'<script[^>]*\bsrc="[^"]*fontawesome\.js[^"]*"[^>]*></script>\s*')
_UNUSED = ("kernelName", "DOCUMENTATION_OPTIONS.pagename")  # of thebe and of the theme's version switcher
_ICON_CLASS = re.compile(r"\bfa-([a-z][a-z-]*)")
_FONT_FACE = re.compile(r"@font-face\{[^}]*fontawesome[^}]*\}")
_SOLID_FACE = '@font-face{font-family:"Font Awesome 6 Free";font-weight:900;src:url(../icons.woff) format("woff")}'
_CHARACTER = re.compile(
    r"[\ue000-\uf8ff]|\\f[0-9a-f]{3}\b"
)  # of the private area, where icon fonts have their pictures
_ICON_RULE = re.compile(r"(?:\.fa-[a-z0-9-]+:{1,2}before,?)+\{content:[^}]*\}|(?:\.fa-[a-z0-9-]+,?)+\{--fa:[^}]*\}")
_MATHJAX = re.compile(r'<script[^>]*\bsrc="[^"]*/mathjax/[^"]*"[^>]*></script>\s*')
_EMPTY_HEADER = re.compile(r"<th(?P<attributes>[^>]*)>\s*(?:<p>\s*</p>)?\s*</th>")
_SIDEBAR = '<div id="pst-primary-sidebar" class='
_ACTIONS = {"window.print()": "print", "toggleFullScreen()": "full-screen"}
_ALWAYS = {"xmark"}  # the theme's script adds it when it shows an announcement


def pages(site: Path) -> list[Path]:
    """Every page of the built site."""
    return sorted(path for path in site.rglob("*.html") if "_static" not in path.parts)


def without_inline_scripts(html: str, root: str, static: Path) -> str:
    """Move inline scripts into files named by their hash; `root` leads from the page to the site's first folder."""

    def move(found: re.Match[str]) -> str:
        body = found["body"].strip()
        if body.startswith(_UNUSED):
            return ""
        digest = hashlib.sha256(body.encode()).hexdigest()[:12]
        name = f"inline/{'first' if 'dataset.theme' in body else digest}.js"
        (static / "inline").mkdir(exist_ok=True)
        (static / name).write_text(body, encoding="utf-8")
        return f'<script{found["attributes"]} src="{root}_static/{name}"></script>\n'

    return _INLINE.sub(move, _THEBE.sub("", html))


def without_inline_handlers(html: str) -> str:
    """Write `onclick="window.print()"` as `data-action="print"`, which `course.js` listens to."""
    for code, action in _ACTIONS.items():
        html = html.replace(f'onclick="{code}"', f'data-action="{action}"')
    return html


def without_idle_mathjax(html: str) -> str:
    """Leave MathJax out where there is no formula."""
    return html if 'class="math' in html else _MATHJAX.sub("", html)


def accessible(html: str) -> str:
    """Markup of the theme and of docutils without what axe-core finds in it."""
    html = html.replace(_SIDEBAR, _SIDEBAR.replace(" class=", ' role="region" aria-label="Course" class='))
    html = html.replace(' role="doc-biblioentry"', "").replace('<div role="list" class="citation-list">', "<div>")
    return _EMPTY_HEADER.sub(r"<td\g<attributes>></td>", html)


def lean(html: str, root: str, static: Path) -> str:
    """The page without icon script, inline scripts, inline handlers and barriers, and with the icons' style."""
    style = f'<link rel="stylesheet" href="{root}_static/icons.css">\n'
    html = _ICON_SCRIPT.sub(style, html)
    html = without_idle_mathjax(without_inline_scripts(html, root, static))
    return accessible(without_inline_handlers(html))


def icon_names(site: Path) -> set[str]:
    """Icons that the pages use, without the words that only style one."""
    used = {name for page in pages(site) for name in _ICON_CLASS.findall(page.read_text(encoding="utf-8"))}
    return (used | _ALWAYS) - {"solid", "regular", "brands", "lg", "fw", "sm", "xs", "xl"}


def outline(script: str, name: str) -> tuple[int, int, str]:
    """Width, height and path of an icon in Font Awesome's script, whose last package is the solid one.

    Raises
    ------
    ValueError
        If the script has no such icon.
    """
    entry = rf'[{{,]"?{re.escape(name)}"?:\[(\d+),(\d+),\[[^\]]*\],"[0-9a-f]+",(?:"([^"]*)"|\["[^"]*","([^"]*)"\])'
    found = re.findall(entry, script)
    if not found:
        raise ValueError(f"Font Awesome has no icon {name!r}; correct the name on the page that uses it")
    width, height, path, second = found[-1]
    return int(width), int(height), path or second


def icon_style(script: str, names: set[str]) -> str:
    """One rule per icon: its outline masks a box in the colour of the text (icons: Font Awesome Free, CC BY 4.0)."""
    rules = [
        "/* Icons: Font Awesome Free, https://fontawesome.com, CC BY 4.0 */",
        ':is(i, span)[class*="fa-"]::before { content: ""; display: inline-block; height: 1em;',
        "  vertical-align: -0.125em; background: currentColor; -webkit-mask: var(--icon) center / contain no-repeat;",
        "  mask: var(--icon) center / contain no-repeat; }",
        ":is(i, span).fa-lg { font-size: 1em; }",
        "@media (forced-colors: active) { :is(i, span)[class*='fa-']::before { background: CanvasText; } }",
    ]
    for name in sorted(names):
        width, height, path = outline(script, name)
        svg = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}"><path d="{path}"/></svg>'
        picture = f'--icon: url("data:image/svg+xml,{quote(svg)}")'
        rules.append(f":is(i, span).fa-{name}::before {{ {picture}; width: {width / height:.3f}em; }}")
    return "\n".join(rules) + "\n"


def without_icon_font(style: str) -> str:
    """The theme's style without Font Awesome's fonts and its 2,000 icons; where it had fonts, the small one."""
    small = _ICON_RULE.sub("", _FONT_FACE.sub("", style))
    return _SOLID_FACE + small if _FONT_FACE.search(style) else small


def icon_characters(styles: list[Path]) -> set[int]:
    """Code points of the icons that styles write before and after elements."""
    found = {text for path in styles for text in _CHARACTER.findall(path.read_text(encoding="utf-8"))}
    return {ord(text) if len(text) == 1 else int(text[1:], 16) for text in found}


def icon_font(font: Path, characters: set[int]) -> bytes:
    """Font Awesome's solid font cut down to some characters, as WOFF."""
    subsetter = subset.Subsetter(subset.Options(layout_features=[], hinting=False))
    small = TTFont(font)
    subsetter.populate(unicodes=characters)
    subsetter.subset(small)
    small.flavor = "woff"
    written = io.BytesIO()
    small.save(written)
    return written.getvalue()


def _rewrite(path: Path, text: str) -> None:
    if path.read_text(encoding="utf-8") != text:
        path.write_text(text, encoding="utf-8")


def finish(app: Sphinx, exception: Exception | None) -> None:
    """Treat every page of a finished HTML build."""
    if exception is not None or app.builder.format != "html":
        return
    site = Path(app.outdir)
    static = site / "_static"
    source = _theme_static() / "scripts" / "fontawesome.js"
    (static / "icons.css").write_text(icon_style(source.read_text(encoding="utf-8"), icon_names(site)))
    for style in (static / "styles").glob("*.css"):
        _rewrite(style, without_icon_font(style.read_text(encoding="utf-8")))
    font = _theme_static() / "vendor" / "fontawesome" / "webfonts" / "fa-solid-900.ttf"
    (static / "icons.woff").write_bytes(icon_font(font, icon_characters(sorted(static.rglob("*.css")))))
    for page in pages(site):
        root = "../" * (len(page.relative_to(site).parts) - 1)
        html = one_style(lean(page.read_text(encoding="utf-8"), root, static), root, static)
        _rewrite(page, html if page.name == "search.html" else one_script(html, root, static))
    _drop_icon_files(static)


def _theme_static() -> Path:
    return Path(pydata_sphinx_theme.__file__).parent / "theme" / "pydata_sphinx_theme" / "static"


def _drop_icon_files(static: Path) -> None:
    shutil.rmtree(static / "vendor" / "fontawesome", ignore_errors=True)
    for path in (static / "scripts").glob("fontawesome.js*"):
        path.unlink()


def setup(app: Sphinx) -> dict[str, Any]:
    """Connect to the end of the build, after every other extension."""
    app.connect("build-finished", finish, priority=950)
    app.add_js_file("course.js", defer="defer")
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
