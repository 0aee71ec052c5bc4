"""Running the cells of a notebook in one namespace, with as much of IPython as notebooks use.

Magics and shell commands are understood and mostly ignored; `%%time` and its like run their code.
"""

from __future__ import annotations

import ast
import asyncio
import builtins
import contextlib
import inspect
import linecache
import re
import sys
import traceback
from collections.abc import Callable
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

_RUNNING_MAGICS = {"time", "timeit", "capture", "prun", "memit", "mprun"}
_OPTIONS = re.compile(r"^(\s*-\w+\s*\d*)*\s*")


class Notebook:
    """A namespace in which cells run one after the other, as the module ``__main__``."""

    def __init__(self, namespace: dict[str, Any] | None = None) -> None:
        self.module = ModuleType("__main__")
        self.names: dict[str, Any] = self.module.__dict__ if namespace is None else namespace
        if namespace is not None:
            self.module.__dict__["__getattr__"] = self._attribute  # `import __main__` sees the namespace
        self.names.update(
            __name__="__main__", __builtins__=builtins, display=_display, get_ipython=lambda: _Shell(self)
        )
        sys.modules["__main__"] = self.module  # classes made in a cell are looked up there by dataclasses and pickle

    def run(self, source: str, name: str) -> Any:
        """Run a cell and return the value of its last line, if that is an expression that would be shown."""
        text = _plain_python(source)
        linecache.cache[name] = (len(text), None, text.splitlines(keepends=True), name)
        tree = ast.parse(text, name)
        last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
        self._execute(tree, name)
        if not isinstance(last, ast.Expr):
            return None
        value = self._execute(ast.Expression(last.value), name)
        if value is not None:
            self.names["_"] = value
        return None if text.rstrip().endswith(";") else value

    def _attribute(self, name: str) -> Any:
        if name not in self.names:
            raise AttributeError(name)
        return self.names[name]

    def _execute(self, tree: ast.Module | ast.Expression, name: str) -> Any:
        mode = "exec" if isinstance(tree, ast.Module) else "eval"
        code = compile(tree, name, mode, ast.PyCF_ALLOW_TOP_LEVEL_AWAIT, dont_inherit=True)
        value = eval(code, self.names)  # noqa: S307 (this is what a notebook is)
        return asyncio.run(value) if code.co_flags & inspect.CO_COROUTINE else value


def line_of(error: BaseException, name: str) -> int:
    """The line of the cell `name` in which an error arose; 0 if it did not."""
    if isinstance(error, SyntaxError) and error.filename == name:
        return error.lineno or 0
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == name]
    return (lines[-1] or 0) if lines else 0


def prepare() -> None:
    """Import what transforms cells, so that it is there before processes are forked."""
    _transformer()("")


@cache
def _transformer() -> Callable[[str], str]:
    try:
        from IPython.core.inputtransformer2 import TransformerManager
    except ImportError:
        return lambda source: source

    transform: Callable[[str], str] = TransformerManager().transform_cell
    return transform


def _plain_python(source: str) -> str:
    """The source as Python; what is Python already needs no transformation, which takes longer than most cells."""
    with contextlib.suppress(SyntaxError, ValueError, RecursionError, MemoryError):
        ast.parse(source)
        return source
    try:
        return _transformer()(source)
    except (SyntaxError, ValueError):  # Python itself says best what is wrong
        return source


def _display(*values: Any, **_: Any) -> None:
    for value in values:
        print(repr(value))  # noqa: T201


class _Shell:
    """What `get_ipython()` returns: the methods that transformed magics call."""

    def __init__(self, notebook: Notebook) -> None:
        self._notebook = notebook

    def run_line_magic(self, name: str, line: str, *_: Any, **__: Any) -> None:
        """`%time f()` runs its line; other magics do nothing."""
        if name in _RUNNING_MAGICS:
            self._notebook.run(_OPTIONS.sub("", line), f"<{name}>")

    def run_cell_magic(self, name: str, line: str, cell: str) -> None:
        """`%%time` and its like run their cell, `%%writefile` writes it; other magics do nothing."""
        if name in _RUNNING_MAGICS:
            self._notebook.run(cell, f"<{name}>")
        elif name == "writefile":
            Path(line.split()[-1]).write_text(cell)

    def system(self, *_: Any) -> None:
        """`!command` does nothing."""

    def getoutput(self, *_: Any, **__: Any) -> list[str]:
        """`x = !command` gives no lines."""
        return []

    def __getattr__(self, name: str) -> Callable[..., None]:
        return lambda *_, **__: None
