"""One style and one script for a page, instead of thirty requests one after the other on a slow connection."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

# The widgets' style stays alone, so that every page shares one bundle.
_STYLE = re.compile(
    r'<link(?=[^>]*rel="stylesheet")(?=[^>]*href="(?P<address>[^"]*_static/(?!widgets/|bundles/)[^"?]*)[^"]*")[^>]*>\s*'
)
_SCRIPT = re.compile(r'<script(?P<attributes>(?![^>]*\btype=)[^>]*)\bsrc="(?P<address>[^"?]+)[^"]*"[^>]*></script>\s*')
_PRELOAD = re.compile(r'<link rel="preload" as="script"[^>]*>\s*')
_IMPORT = re.compile(r'@import (?:url\()?"(?P<address>[^"]*)"\)?;')
_ADDRESS = re.compile(r"""url\((?P<quote>["']?)(?!data:|/)(?P<address>[^)"']+)(?P=quote)\)""")
_COMMENT = re.compile(r"/\*(?!!).*?\*/", re.DOTALL)
_SEARCH = ("searchtools.js", "language_data.js", "searchindex.js")
# The page is coloured before it is painted, and tabs ask for their own script element.
_ALONE = ("/inline/first.js", "design-tabs.js")


def one_style(html: str, root: str, static: Path) -> str:
    """Put the page's styles, in their order, into one file under `_static/bundles`."""
    files = [_file(found["address"], static) for found in _STYLE.finditer(html)]
    if len(files) < 2:
        return html
    name = _write("\n".join(style_of(file, static) for file in files), ".css", static)
    link = f'<link rel="stylesheet" href="{root}_static/{name}">\n'
    return _STYLE.sub(lambda found: link if found.start() == _first(_STYLE, html) else "", html)


def style_of(file: Path, static: Path) -> str:
    """A style with what it imports, without comments, its addresses seen from `_static/bundles`."""
    text = file.read_text(encoding="utf-8")
    imported = _IMPORT.finditer(text)
    before = "".join(style_of((file.parent / found["address"]).resolve(), static) for found in imported)
    place = file.parent.relative_to(static.resolve()).as_posix()
    prefix = "../" if place == "." else f"../{place}/"
    text = _ADDRESS.sub(lambda found: f'url("{prefix}{found["address"]}")', text)
    return before + _COMMENT.sub("", _IMPORT.sub("", text))


def one_script(html: str, root: str, static: Path) -> str:
    """Put the page's scripts, in their order, into one deferred file, without those that only the search page needs.

    MathJax comes after it, because its settings are among those scripts.
    """
    taken: list[Path] = []
    last: list[str] = []

    def take(found: re.Match[str]) -> str:
        address = found["address"]
        if any(name in address for name in _ALONE):
            return found[0] if "design-tabs" not in address or "sd-tab-set" in html else ""
        if address.endswith(_SEARCH):
            return ""
        if "/mathjax/" in address:
            last.append(found[0])
            return ""
        taken.append(_file(address, static))
        return ""

    rest = _SCRIPT.sub(take, _PRELOAD.sub("", html))
    if len(taken) < 2:
        return html
    name = _write(";\n".join(path.read_text(encoding="utf-8") for path in taken), ".js", static)
    bundle = f'<script defer src="{root}_static/{name}"></script>\n'
    return rest.replace("</head>", bundle + "".join(last) + "</head>", 1)


def _first(pattern: re.Pattern[str], html: str) -> int:
    found = pattern.search(html)
    return found.start() if found else -1


def _file(address: str, static: Path) -> Path:
    inside = address.partition("_static/")[2]
    path = (static / inside) if inside else static.parent / address.lstrip("./")
    return path.resolve()


def _write(text: str, suffix: str, static: Path) -> str:
    name = f"bundles/{hashlib.sha256(text.encode()).hexdigest()[:12]}{suffix}"
    (static / "bundles").mkdir(exist_ok=True)
    (static / name).write_text(text, encoding="utf-8")
    return name
