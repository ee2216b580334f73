"""Formulas of other tools, computed at every frame as the tool computes them.

A tool's formula may have no value at some frames, or be longer than an expression of ours may be. Here it is
computed all the same, by a walk over Python's syntax tree that runs nothing: what it gives is what our curve
has to be. numexpr differs from Python: whole numbers stay whole, so that 2 ** -1 is 0, and `^` is its
exclusive or.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vqanim.importers.curves import Untranslatable, parse_formula, shortened
from vqanim.scene.functions import CONSTANTS, FUNCTIONS

Floats = NDArray[np.float64]

_CALLS: Mapping[str, tuple[int, Callable[..., Any]]] = {
    **{name: (function.fewest, function.call) for name, function in FUNCTIONS.items()},
    **{
        name: (1, getattr(np, name))
        for name in (
            "sin cos tan arcsin arccos arctan sinh cosh tanh arcsinh arccosh arctanh log log10 log1p log2 exp"
            " expm1 sqrt abs fabs absolute floor ceil round trunc sign conj real ones_like radians degrees"
        ).split()
    },
    **{name: (2, getattr(np, name)) for name in ("arctan2", "fmod", "hypot", "minimum", "maximum")},
    **{f"a{name}h": (1, getattr(np, f"arc{name}h")) for name in ("sin", "cos", "tan")},
    "atan2": (2, np.arctan2),
    "where": (3, lambda test, yes, no: np.where(test != 0, yes, no)),
}
"""Functions by name: the fewest arguments, and what they do with arrays."""
_OPERATORS: Mapping[type[ast.AST], Callable[..., Any]] = {
    ast.Add: np.add,
    ast.Sub: np.subtract,
    ast.Mult: np.multiply,
    ast.Div: np.divide,
    ast.FloorDiv: np.floor_divide,
    ast.Mod: np.mod,
    ast.Pow: np.float_power,
    ast.Lt: np.less,
    ast.LtE: np.less_equal,
    ast.Gt: np.greater,
    ast.GtE: np.greater_equal,
    ast.Eq: np.equal,
    ast.NotEq: np.not_equal,
    ast.USub: np.negative,
    ast.UAdd: np.positive,
    ast.Not: np.logical_not,
}
_BITWISE: Mapping[type[ast.AST], Callable[..., Any]] = {
    ast.BitAnd: np.bitwise_and,
    ast.BitOr: np.bitwise_or,
    ast.BitXor: np.bitwise_xor,
}
_MODULES = ("np", "numpy", "math", "numexpr", "ne")
_LARGEST = 2.0**53  # whole numbers up to here are exact


def values_of(text: str, variables: Mapping[str, NDArray[Any]], *, numexpr: bool = False) -> Floats:
    """Values [N] of a formula for variables [N] each; NaN where it has none. numexpr: with its rules for
    whole numbers, which those variables are whose type is. Raises Untranslatable for what is no formula."""
    tree = parse_formula(text)
    count = len(next(iter(variables.values())))
    walk = _Walk(variables, numexpr=numexpr)
    try:
        with np.errstate(all="ignore"):
            found = np.broadcast_to(np.asarray(walk.value(tree), dtype=np.float64), (count,)).copy()
    except (RecursionError, OverflowError):
        raise Untranslatable("it is too deeply nested, or a number without end") from None
    found[~np.isfinite(found)] = np.nan
    return found


class _Walk:
    def __init__(self, variables: Mapping[str, NDArray[Any]], *, numexpr: bool) -> None:
        self._variables = variables
        self._numexpr = numexpr

    def value(self, node: ast.expr) -> Any:
        """The value of a node: a number or an array."""
        match node:
            case ast.Constant(value=bool() | int() | float() as value):
                is_whole = self._numexpr and isinstance(value, int) and abs(value) <= _LARGEST
                return np.int64(value) if is_whole else np.float64(value)
            case ast.Constant(value=value):
                raise Untranslatable(f"{shortened(str(value))} is no number")
            case ast.Name(id=name) if name in self._variables:
                return self._variables[name]
            case ast.Name(id=name) if name in CONSTANTS:
                return np.float64(CONSTANTS[name])
            case ast.Name(id=name):
                raise Untranslatable(f"{name!r} is not known here")
            case ast.BinOp():
                return self._chain(node)
            case ast.UnaryOp(op=ast.Invert(), operand=operand):
                value = self.value(operand)
                return _number(np.logical_not(value)) if _is_test(operand) else -value - 1
            case ast.UnaryOp(op=op, operand=operand):
                return _number(_OPERATORS[type(op)](self.value(operand)))
            case ast.BoolOp(op=op, values=parts):
                tests = [self.value(part) != 0 for part in parts]
                join = np.logical_and if isinstance(op, ast.And) else np.logical_or
                found = tests[0]
                for test in tests[1:]:
                    found = join(found, test)
                return _number(found)
            case ast.Compare():
                return self._compared(node)
            case ast.IfExp(test=test, body=yes, orelse=no):
                return np.where(self.value(test) != 0, self.value(yes), self.value(no))
            case ast.Call():
                return self._called(node)
        raise Untranslatable(f"there is nothing like {type(node).__name__.lower()} in a formula here")

    def _chain(self, node: ast.BinOp) -> Any:
        """a + b - c ... is a tree as deep as it is long: walked in a loop."""
        links = [node]
        while isinstance(links[-1].left, ast.BinOp):
            links.append(links[-1].left)
        value = self.value(links[-1].left)
        for link in reversed(links):
            value = self._operated(link.op, value, self.value(link.right))
        return value

    def _operated(self, op: ast.operator, left: Any, right: Any) -> Any:
        whole = self._numexpr and all(np.asarray(side).dtype.kind == "i" for side in (left, right))
        if isinstance(op, ast.Pow) and whole:
            powers = np.power(left, np.maximum(right, 0))
            return np.where(right < 0, np.trunc(np.float_power(left, right)), powers)
        if type(op) in _BITWISE:
            if _is_whole(left) and _is_whole(right):
                bits = _BITWISE[type(op)](np.asarray(left, np.int64), np.asarray(right, np.int64))
                return bits if self._numexpr else np.asarray(bits, np.float64)
            if isinstance(op, ast.BitXor):  # no tool computes this; a power is meant
                return np.float_power(left, right)
        if type(op) not in _OPERATORS:
            raise Untranslatable(
                f"the operator {type(op).__name__.lower()!r} means nothing in a formula here"
            )
        return _OPERATORS[type(op)](left, right)

    def _compared(self, node: ast.Compare) -> Any:
        values = [self.value(part) for part in (node.left, *node.comparators)]
        held: Any = np.int64(1)
        for place, op in enumerate(node.ops):
            if type(op) not in _OPERATORS:
                raise Untranslatable(f"{type(op).__name__.lower()!r} means nothing in a formula here")
            held = held * _OPERATORS[type(op)](values[place], values[place + 1])
        return held

    def _called(self, node: ast.Call) -> Any:
        name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        if isinstance(node.func, ast.Attribute) and getattr(node.func.value, "id", "") not in _MODULES:
            raise Untranslatable("a dot after a name means nothing here")
        if node.keywords or name not in _CALLS:
            raise Untranslatable(f"there is no function {name}() here")
        fewest, call = _CALLS[name]
        most = FUNCTIONS[name].most if name in FUNCTIONS else fewest
        if not fewest <= len(node.args) <= max(most, fewest):
            raise Untranslatable(f"{name}() takes {fewest} values, not {len(node.args)}")
        found = call(*[self.value(argument) for argument in node.args])
        return found if name == "where" else np.asarray(found, np.float64)


def _number(values: Any) -> Any:
    """True and false as 1 and 0."""
    return values * np.int64(1) if np.asarray(values).dtype == np.bool_ else values


def _is_test(node: ast.expr) -> bool:
    """Whether a node is true or false, so that ~ turns it around."""
    if isinstance(node, ast.BinOp):
        return type(node.op) in _BITWISE and _is_test(node.left) and _is_test(node.right)
    return isinstance(node, ast.Compare | ast.BoolOp) or (
        isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not | ast.Invert) and _is_test(node.operand)
    )


def _is_whole(values: Any) -> bool:
    return bool(np.all((np.floor(values) == values) & (np.abs(values) <= _LARGEST)))
