"""The global names of the checks: their own, and behind these the names that the student's answers define.

A student cannot shadow `torch` or a helper of the check: only names that the instructor's own solution defines are
ever looked up in the student's process.
"""

from __future__ import annotations

import ast
import inspect
import random
from collections.abc import Callable
from functools import wraps
from typing import Any

import numpy as np
import torch

from cnncourse.grading.session import Session
from cnncourse.grading.standins import Standin


class Names(dict[str, Any]):
    """A namespace whose missing names are looked up in the student's process, anew each time."""

    def __init__(self, student_names: tuple[str, ...], session: Callable[[], Session]) -> None:
        super().__init__()
        self.student_names = frozenset(student_names)
        self._session = session

    def __missing__(self, name: str) -> Any:
        if name not in self.student_names:
            raise KeyError(name)
        return self._session().look(name)

    def __contains__(self, name: object) -> bool:
        if super().__contains__(name):
            return True
        if name not in self.student_names:
            return False
        try:
            self._session().look(str(name))
        except KeyError:
            return False
        return True

    def leave_to_student(self) -> None:
        """An answer has run: its names are the student's from now on, whatever a check called so before."""
        for name in self.student_names:
            self.pop(name, None)

    def ends_with_answer(self, source: str) -> bool:
        """Whether the last line of a check is nothing but something of the student's, as in `train()`.

        Its value is the student's to choose and must not be taken for points.
        """
        try:
            last = ast.parse(source).body[-1]
        except (SyntaxError, IndexError, ValueError):
            return False
        node = last.value if isinstance(last, ast.Expr) else None
        while isinstance(node, (ast.Call, ast.Attribute, ast.Subscript)):
            node = node.func if isinstance(node, ast.Call) else node.value
        return isinstance(node, ast.Name) and node.id in self.student_names and not super().__contains__(node.id)


def share_seeds(session: Callable[[], Session]) -> None:
    """Let `torch.manual_seed` and its like in a check reach the student's process with the next call.

    The state goes that way only; the student's process never sets the check's.
    """
    torch.manual_seed = _noting(torch.manual_seed, "torch", session)
    torch.random.manual_seed = torch.manual_seed
    np.random.seed = _noting(np.random.seed, "numpy", session)
    random.seed = _noting(random.seed, "python", session)


def show_sources(source_of: Callable[[str], str]) -> None:
    """Let `inspect.getsource` show the text of an answer, from the submission itself and not from its process."""
    original: Any = inspect.getsource

    @wraps(original)
    def getsource(thing: Any) -> str:
        if issubclass(type(thing), Standin):
            return source_of(thing._standin_label or thing._standin_facts[0])
        return str(original(thing))

    vars(inspect)["getsource"] = getsource


def definition(sources: list[str], name: str) -> str:
    """The text of the last definition of a function or class in these cells.

    Raises
    ------
    OSError
        If there is none, as `inspect.getsource` does.
    """
    for source in reversed(sources):
        try:
            tree = ast.parse(source)
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            continue
        for node in ast.walk(tree):
            if isinstance(node, (ast.FunctionDef, ast.ClassDef)) and node.name == name:
                return ast.get_source_segment(source, node) or ""
    raise OSError("could not get source code")


def _noting(function: Any, name: str, session: Callable[[], Session]) -> Any:
    @wraps(function)
    def seed(*arguments: Any, **keywords: Any) -> Any:
        session().seeded.add(name)
        return function(*arguments, **keywords)

    return seed
