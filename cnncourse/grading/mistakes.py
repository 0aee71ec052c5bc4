"""The small mistakes of programming, each as a function from a node of the syntax tree to nodes that could replace it.

Offutt and others: An experimental determination of sufficient mutant operators (1996). Chapter: `teaching`.
"""

from __future__ import annotations

import ast
import copy
from collections.abc import Callable, Iterator
from typing import TypeVar

Node = TypeVar("Node", bound=ast.AST)

_ARITHMETIC: dict[type[ast.operator], tuple[type[ast.operator], ...]] = {
    ast.Add: (ast.Sub,),
    ast.Sub: (ast.Add,),
    ast.Mult: (ast.FloorDiv, ast.Add),
    ast.Div: (ast.Mult, ast.FloorDiv),
    ast.FloorDiv: (ast.Mult, ast.Div),
    ast.Mod: (ast.FloorDiv,),
    ast.Pow: (ast.Mult,),
    ast.MatMult: (ast.Mult,),
}
_COMPARISONS: dict[type[ast.cmpop], tuple[type[ast.cmpop], ...]] = {  # the other boundary, the opposite
    ast.Lt: (ast.LtE, ast.GtE),
    ast.LtE: (ast.Lt, ast.Gt),
    ast.Gt: (ast.GtE, ast.LtE),
    ast.GtE: (ast.Gt, ast.Lt),
    ast.Eq: (ast.NotEq,),
    ast.NotEq: (ast.Eq,),
    ast.Is: (ast.IsNot,),
    ast.IsNot: (ast.Is,),
    ast.In: (ast.NotIn,),
    ast.NotIn: (ast.In,),
}
_COMMUTING = (ast.Add, ast.Mult)
_PAIRS = "sum mean, max min, amax amin, argmax argmin, all any, floor ceil, zeros ones, zeros_like ones_like"
_PAIRS += ", new_zeros new_ones, append extend"
_AXES = "height width, high wide, rows columns, row column, top left, bottom right, left right, i j, u v, x y"
_UNWRAPPED = {"flip", "transpose", "abs", "sqrt", "round", "relu", "reversed", "sorted", "bool", "int"}
_ORDERLESS = {"flip", "transpose", "swapaxes", "sum", "mean", "amax", "amin", "max", "min", "equal"}  # (a, b) as (b, a)
_MODULES = {"torch", "F", "np", "math"}


def _partners(pairs: str) -> dict[str, tuple[str, ...]]:
    both = [pair.split() for pair in pairs.split(",")]
    names = {name for pair in both for name in pair}
    return {name: tuple(b if name == a else a for a, b in both if name in (a, b)) for name in names}


_FUNCTIONS, _VARIABLES = _partners(_PAIRS), _partners(_AXES)


def other_operators(node: ast.AST) -> Iterator[ast.AST]:
    """``a + b`` becomes ``a - b``; so do ``+=`` and the others."""
    if isinstance(node, ast.BinOp | ast.AugAssign):
        for operator in _ARITHMETIC.get(type(node.op), ()):
            yield _changed(node, op=operator())


def dropped_terms(node: ast.AST) -> Iterator[ast.AST]:
    """``a + b`` becomes ``a`` or ``b``, ``a and b`` too, ``-a`` becomes ``a``, and ``a += b`` ``a = b``."""
    if isinstance(node, ast.BinOp):
        yield node.left
        if isinstance(node.op, _COMMUTING):
            yield node.right
    elif isinstance(node, ast.BoolOp):
        yield from node.values
    elif isinstance(node, ast.Compare) and len(node.ops) == 2:
        yield _changed(node, ops=node.ops[:1], comparators=node.comparators[:1])
        yield _changed(node, left=node.comparators[0], ops=node.ops[1:], comparators=node.comparators[1:])
    elif isinstance(node, ast.UnaryOp):
        yield node.operand
    elif isinstance(node, ast.AugAssign):
        yield ast.Assign([node.target], node.value, lineno=node.lineno)


def other_comparisons(node: ast.AST) -> Iterator[ast.AST]:
    """``<`` becomes ``<=`` and ``>=``, ``==`` becomes ``!=``, ``and`` becomes ``or``."""
    if isinstance(node, ast.Compare):
        for number, old in enumerate(node.ops):
            for new in _COMPARISONS[type(old)]:
                yield _changed(node, ops=[*node.ops[:number], new(), *node.ops[number + 1 :]])
    elif isinstance(node, ast.BoolOp):
        yield _changed(node, op=ast.And() if isinstance(node.op, ast.Or) else ast.Or())


def other_conditions(node: ast.AST) -> Iterator[ast.AST]:
    """A condition is negated, or always or never holds."""
    if isinstance(node, ast.If | ast.IfExp | ast.While):
        if not isinstance(node.test, ast.Compare):  # its opposite is an other comparison
            yield _changed(node, test=ast.UnaryOp(ast.Not(), node.test))
        yield _changed(node, test=ast.Constant(False))
        if not isinstance(node, ast.While):
            yield _changed(node, test=ast.Constant(True))
    elif isinstance(node, ast.comprehension) and node.ifs:
        yield _changed(node, ifs=node.ifs[1:])


def other_constants(node: ast.AST) -> Iterator[ast.AST]:
    """A number is one more or one less; ``True`` becomes ``False``."""
    if isinstance(node, ast.Constant):
        if isinstance(node.value, bool):
            yield ast.Constant(not node.value)
        elif isinstance(node.value, int | float):
            yield ast.Constant(node.value + 1)
            yield ast.Constant(node.value - 1)


def off_by_one(node: ast.AST) -> Iterator[ast.AST]:
    """A range or a slice begins or ends one place earlier or later."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "range":
        for number, bound in enumerate(node.args[:2]):
            for moved in _moved(bound):
                yield _changed(node, args=[*node.args[:number], moved, *node.args[number + 1 :]])
        if len(node.args) == 1:
            yield _changed(node, args=[ast.Constant(1), *node.args])
    elif isinstance(node, ast.Slice):
        for moved in _moved(node.lower) if node.lower else [ast.Constant(1)]:
            yield _changed(node, lower=moved)
        for moved in _moved(node.upper) if node.upper else [ast.Constant(-1)]:
            yield _changed(node, upper=moved)


def swapped(node: ast.AST) -> Iterator[ast.AST]:
    """Neighbours change places: operands, arguments, elements of tuples and lists."""
    if isinstance(node, ast.BinOp) and not isinstance(node.op, _COMMUTING):
        yield _changed(node, left=node.right, right=node.left)
    elif isinstance(node, ast.Tuple | ast.List) and not hasattr(node, "orderless"):
        yield from (_changed(node, elts=elements) for elements in _neighbours_swapped(node.elts))
    elif isinstance(node, ast.Call) and not _is_orderless(node):
        yield from (_changed(node, args=arguments) for arguments in _neighbours_swapped(node.args))


def other_axes(node: ast.AST) -> Iterator[ast.AST]:
    """``height`` becomes ``width``, ``i`` becomes ``j``, wherever such a pair of names exists."""
    if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
        yield from (_changed(node, id=name) for name in _VARIABLES.get(node.id, ()))


def other_functions(node: ast.AST) -> Iterator[ast.AST]:
    """``sum`` becomes ``mean``, ``max`` becomes ``min``; ``x.flip(2)``, ``sorted(x)`` and their like become ``x``."""
    if not isinstance(node, ast.Call):
        return
    name = _name_of(node)
    for partner in _FUNCTIONS.get(name, ()):
        yield _changed(node, func=_changed(node.func, **{_field(node.func): partner}))
    if name in _UNWRAPPED:
        method = isinstance(node.func, ast.Attribute) and not _is_module(node.func.value)
        yield from [node.func.value] if method else node.args[:1]  # type: ignore[attr-defined]


def missing_arguments(node: ast.AST) -> Iterator[ast.AST]:
    """A keyword argument is left out, and so is the last of several others."""
    if isinstance(node, ast.Call):
        for number in range(len(node.keywords)):
            yield _changed(node, keywords=[*node.keywords[:number], *node.keywords[number + 1 :]])
        if len(node.args) > 1:
            yield _changed(node, args=node.args[:-1])


def removed_statements(node: ast.AST) -> Iterator[ast.AST]:
    """A statement that does something and binds no new name is left out; ``break`` becomes ``continue``."""
    writes = isinstance(node, ast.Assign) and not isinstance(node.targets[0], ast.Name | ast.Tuple)
    docstring = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    if writes or (isinstance(node, ast.AugAssign | ast.Expr | ast.Raise) and not docstring):
        yield ast.Pass()
    elif isinstance(node, ast.Break | ast.Continue):
        yield ast.Continue() if isinstance(node, ast.Break) else ast.Break()


MISTAKES: tuple[Callable[[ast.AST], Iterator[ast.AST]], ...] = (
    other_operators,
    dropped_terms,
    other_comparisons,
    other_conditions,
    other_constants,
    off_by_one,
    swapped,
    other_axes,
    other_functions,
    missing_arguments,
    removed_statements,
)


def mark_orderless(tree: ast.AST) -> None:
    """Mark the tuples in which the order says nothing, as in ``x.sum((2, 3))``: their swap is no mistake."""
    for call in ast.walk(tree):
        if isinstance(call, ast.Call) and _is_orderless(call):
            for value in (*call.args, *(keyword.value for keyword in call.keywords)):
                value.orderless = True  # type: ignore[attr-defined]


def _changed(node: Node, **fields: object) -> Node:
    other = copy.copy(node)
    for name, value in fields.items():
        setattr(other, name, value)
    return other


def _moved(bound: ast.expr) -> Iterator[ast.expr]:
    """One more and one less; nothing for an expression that ends in a number, which is another operator's."""
    last = bound.right if isinstance(bound, ast.BinOp) and isinstance(bound.op, ast.Add | ast.Sub) else bound
    if not isinstance(last.operand if isinstance(last, ast.UnaryOp) else last, ast.Constant):
        yield ast.BinOp(bound, ast.Add(), ast.Constant(1))
        yield ast.BinOp(bound, ast.Sub(), ast.Constant(1))


def _neighbours_swapped(items: list[ast.expr]) -> Iterator[list[ast.expr]]:
    if not any(isinstance(item, ast.Starred) for item in items):
        for n in range(len(items) - 1):
            yield [*items[:n], items[n + 1], items[n], *items[n + 2 :]]


def _is_orderless(call: ast.Call) -> bool:
    return _name_of(call) in _ORDERLESS


def _name_of(call: ast.Call) -> str:
    return str(getattr(call.func, _field(call.func), ""))


def _field(function: ast.expr) -> str:
    return "attr" if isinstance(function, ast.Attribute) else "id"


def _is_module(node: ast.expr) -> bool:
    return isinstance(node, ast.Name) and node.id in _MODULES
