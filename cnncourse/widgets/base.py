"""One widget, two lives: the class that every widget of the course extends.

In JupyterLab it is an anywidget with its state in Python. On the website the same ES module is mounted on the HTML
that `_repr_mimebundle_` returns beside the live view; until then, and without JavaScript, a still picture stands there.
"""

from __future__ import annotations

import base64
import html
import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, ClassVar

import anywidget
import traitlets

from cnncourse.workbench.figures import DescribedFigure

FOLDER = Path(__file__).parent
_IMPORT = re.compile(r'^import \{([^}]*)\} from "\./(\w+\.mjs)";\n', re.MULTILINE)
_WORKER = re.compile(r'new URL\("\./(\w+\.mjs)", import\.meta\.url\)')
_EXPORT = re.compile(r"^export (?=(?:async )?function\*? (\w+)|const (\w+)|class (\w+))", re.MULTILINE)
_INTERNAL = frozenset(anywidget.AnyWidget.class_trait_names())


def self_contained(module: str, read: Callable[[str], str] | None = None) -> str:
    """Put the text of the modules beside it in the place of the lines that import them.

    anywidget loads a module from a Blob, where relative imports fail. Each imported module becomes the body of a
    function, so that its inner names cannot clash with others. A worker, ``new URL("./name.mjs", import.meta.url)``,
    becomes a Blob of its own.

    Raises
    ------
    ValueError
        If something is imported in another way, or a module does not export what is asked for.
    """
    parts: dict[str, str] = {}  # those that others need come first
    text = _inlined(module, parts, read or _read)
    return "".join(parts.values()) + text


def _inlined(module: str, parts: dict[str, str], read: Callable[[str], str]) -> str:
    def inline(match: re.Match[str]) -> str:
        wanted = [name.strip().replace(" as ", ": ") for name in match.group(1).split(",") if name.strip()]
        file = match.group(2)
        source = read(file)
        exported = {name for names in _EXPORT.findall(source) for name in names if name}
        unknown = {name.split(":")[0] for name in wanted} - exported
        if unknown:
            raise ValueError(f"{file} does not export {', '.join(sorted(unknown))}")
        part = f"${file.removesuffix('.mjs')}"
        if file not in parts:
            body = f"{_EXPORT.sub('', _inlined(source, parts, read))}\nreturn {{ {', '.join(sorted(exported))} }};"
            parts[file] = f"const {part} = (() => {{\n{body}\n}})();\n"
        return f"const {{ {', '.join(wanted)} }} = {part};\n"

    def start(match: re.Match[str]) -> str:
        source = json.dumps(self_contained(read(match.group(1)), read))
        return f'URL.createObjectURL(new Blob([{source}], {{ type: "text/javascript" }}))'

    text = _IMPORT.sub(inline, module)
    if re.search(r"^import\b", text, re.MULTILINE):
        raise ValueError('a widget may import only `import { … } from "./name.mjs";`, a module beside it')
    return _WORKER.sub(start, text)


class Widget(anywidget.AnyWidget):
    """A widget of the course; a subclass names its module and draws its still picture.

    ``class Pooling(Widget, stem="pooling")`` belongs to `pooling.mjs`. Its synced traits are all its state: numbers,
    texts, booleans, lists and dictionaries of these, and `bytes`. Large bytes can be files on the website: a subclass
    says in `page_files` how each is made, and in `files` which trait stands in which.
    """

    stem: str
    page_files: ClassVar[Mapping[str, Callable[[], bytes]]] = MappingProxyType({})
    fetched_later: ClassVar[frozenset[str]] = frozenset()  # traits whose file the module asks for when it needs it
    _shared: Mapping[str, str] = MappingProxyType({})

    def __init_subclass__(cls, stem: str = "", **options: Any) -> None:
        """Read the module of the subclass."""
        if stem:
            cls.stem = stem
            cls._esm = self_contained(_read(f"{stem}.mjs"))
            cls._css = _read("widgets.css")
        super().__init_subclass__(**options)

    def still(self) -> DescribedFigure:
        """Picture of the present state, with words: what stands on the page until the widget is live."""
        raise NotImplementedError(f"{type(self).__name__} has no still picture; define still()")

    def state(self) -> dict[str, Any]:
        """All synced traits of the widget itself, none of ipywidgets or anywidget."""
        names = [name for name in self.keys if name not in _INTERNAL and not name.startswith("_")]
        return {name: getattr(self, name) for name in sorted(names)}

    def files(self) -> Mapping[str, str]:
        """Traits that the website's page fetches from a file of `page_files` beside the modules: trait → file."""
        return {}

    def share(self, **channels: str) -> Widget:
        """Keep traits equal to those of other widgets on the website's page: ``share(stride="geometry")``.

        In JupyterLab `link` does that; on the page there is no kernel, and the host does it.
        """
        unknown = set(channels) - set(self.state())
        if unknown:
            raise ValueError(f"{', '.join(sorted(unknown))} is no trait; choose from {', '.join(self.state())}")
        self._shared = {**self._shared, **channels}
        return self

    def _page_state(self) -> dict[str, Any]:
        later = {trait: {"$later": True} for trait in self.fetched_later}
        return self.state() | {trait: {"$file": file} | later.get(trait, {}) for trait, file in self.files().items()}

    def _html(self) -> str:
        shared = html.escape(json.dumps(dict(self._shared), sort_keys=True))
        link = f' data-shared="{shared}"' if self._shared else ""
        return (
            f'<div class="cnn-widget" data-widget="{self.stem}.mjs"{link}>'
            f'<script type="application/json">{_script_safe(self._page_state())}</script>'
            f"{self.still()._repr_html_()}</div>"
        )

    def _repr_mimebundle_(self, **options: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        """The live view for Jupyter, and the mountable picture for the website."""
        data, metadata = super()._repr_mimebundle_(**options)
        return {**data, "text/html": self._html()}, metadata


def link(trait: str, *widgets: Widget) -> None:
    """Keep one trait of several widgets equal, in JupyterLab and on the website's page."""
    first, *others = widgets
    for other in others:
        traitlets.link((first, trait), (other, trait))
    for widget in widgets:
        widget.share(**{trait: trait})


def page_files() -> dict[str, bytes]:
    """All files that the website's pages may fetch for the widgets of the course, made now."""
    makers: dict[str, Callable[[], bytes]] = {}
    for widget in Widget.__subclasses__():
        makers |= widget.page_files
    return {name: make() for name, make in sorted(makers.items())}


def _read(name: str) -> str:
    return (FOLDER / name).read_text(encoding="utf-8")


def _script_safe(state: dict[str, Any]) -> str:
    """JSON that cannot end the script element it stands in; bytes become ``{"$bytes": base64}``."""
    text = json.dumps(state, default=_bytes, allow_nan=False, ensure_ascii=False, separators=(",", ":"))
    return text.replace("<", "\\u003c")


def _bytes(value: object) -> dict[str, str]:
    if isinstance(value, bytes | bytearray | memoryview):
        return {"$bytes": base64.b64encode(value).decode("ascii")}
    raise TypeError(f"{value!r} cannot be part of a widget's state; use numbers, texts, lists, dictionaries or bytes")
