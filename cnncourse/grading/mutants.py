"""Mutants of an answer: the small mistakes of programming, made one at a time, each of which a check should notice.

DeMillo, Lipton, Sayward: Hints on test data selection (1978). Chapter: `teaching`.
"""

from __future__ import annotations

import ast
import builtins
import copy
import difflib
import re
from dataclasses import dataclass

from cnncourse.grading.mistakes import MISTAKES, mark_orderless


@dataclass(frozen=True)
class Mutant:
    """An answer with one mistake; `diff` shows it, line by line and without indentation."""

    source: str
    diff: str


def mutants_of(source: str) -> list[Mutant]:
    """All mutants of a cell, without doubles, in an order that only the source decides.

    In a cell with marks only what lies between ``BEGIN SOLUTION`` and ``END SOLUTION`` is changed.
    """
    tree = ast.parse(source)
    mark_orderless(tree)
    inside, original = _solution_lines(source), ast.unparse(tree)
    names = _names(tree) | set(dir(builtins))
    seen, diffs, found = {original}, list[str](), []
    for node in [node for node in ast.walk(tree) if _line(node) in inside]:
        for changed in (changed for mistake in MISTAKES for changed in mistake(node)):
            mutated = _with(tree, node, changed)
            if mutated in seen or not _names(ast.parse(mutated)) <= names:
                continue
            seen.add(mutated)
            diff = _diff(original, mutated)
            diffs.append(diff)
            again = diffs.count(diff)
            found.append(Mutant(mutated, diff if again == 1 else f"{diff}\n({again})"))
    return found


class _Swap(ast.NodeTransformer):
    def __init__(self, old: ast.AST, new: ast.AST) -> None:
        self.old, self.new = old, new

    def visit(self, node: ast.AST) -> ast.AST:
        return self.new if node is self.old else self.generic_visit(node)


def _with(tree: ast.Module, node: ast.AST, changed: ast.AST) -> str:
    """The code of the tree with one node changed; the tree itself stays as it is."""
    other = _Swap(node, changed).visit(copy.deepcopy(tree, {id(node): node}))
    return ast.unparse(other)


def _names(tree: ast.AST) -> set[str]:
    nodes = list(ast.walk(tree))
    return {n.id for n in nodes if isinstance(n, ast.Name)} | {n.arg for n in nodes if isinstance(n, ast.arg)}


def _line(node: ast.AST) -> int:
    return getattr(node.target if isinstance(node, ast.comprehension) else node, "lineno", 0)


def _solution_lines(source: str) -> set[int]:
    lines = source.split("\n")
    if "BEGIN SOLUTION" not in source:
        return set(range(1, len(lines) + 1))
    inside, found = False, set()
    for number, line in enumerate(lines, 1):
        inside = (inside or "BEGIN SOLUTION" in line) and "END SOLUTION" not in line
        if inside:
            found.add(number)
    return found


def _diff(original: str, mutated: str) -> str:
    lines = difflib.unified_diff(original.split("\n"), mutated.split("\n"), n=0, lineterm="")
    return "\n".join(re.sub(r"^([-+])\s*", r"\1 ", line) for line in list(lines)[2:] if not line.startswith("@@"))
