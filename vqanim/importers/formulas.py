"""Formulas of other tools as expressions of ours: numexpr's (Deforum) and those of Python's math (pytti).

The text becomes Python's syntax tree, which runs nothing, and is rebuilt node by node from what is known
here.
"""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from vqanim.scene.expressions import (
    EvaluationError,
    ExpressionError,
    evaluate,
    parse_expression,
)
from vqanim.scene.functions import CONSTANTS
from vqanim.scene.tree import quoted

MAX_TEXT = 2000
"""Characters of a formula that is looked at."""
MAX_NESTING = 30
MAX_WRITTEN = 5000
"""Characters of a function's arguments, of which some stand twice in what is written here."""

# How many arguments a function of theirs has, and how it is written here.
_REWRITTEN: Mapping[str, tuple[int, str]] = {
    "where": (3, "{1} if {0} else {2}"),
    "arcsin": (1, "asin({0})"),
    "arccos": (1, "acos({0})"),
    "arctan": (1, "atan({0})"),
    "fabs": (1, "abs({0})"),
    "absolute": (1, "abs({0})"),
    "log10": (1, "log({0}) / 2.302585092994046"),
    "log2": (1, "log({0}) / 0.6931471805599453"),
    "log1p": (1, "log(1 + {0})"),
    "expm1": (1, "exp({0}) - 1"),
    "sinh": (1, "(exp({0}) - exp(-{0})) / 2"),
    "cosh": (1, "(exp({0}) + exp(-{0})) / 2"),
    "tanh": (1, "1 - 2 / (exp(2 * {0}) + 1)"),
    "hypot": (2, "sqrt({0} ** 2 + {1} ** 2)"),
    "radians": (1, "{0} * pi / 180"),
    "degrees": (1, "{0} * 180 / pi"),
    "sqrt": (1, "sqrt(max({0}, 0))"),  # seconds make of a frame's 0 what may lie a hair below
}
_KEPT = frozenset("abs acos asin atan ceil cos exp floor log max min pow round sin tan".split())
_BITS: Mapping[type[ast.operator], ast.boolop] = {ast.BitAnd: ast.And(), ast.BitOr: ast.Or()}
_KNOWN = (ast.BinOp, ast.UnaryOp, ast.BoolOp, ast.Compare, ast.IfExp)


class Untranslatable(ValueError):
    """A formula that has no equal here; its message says why."""


class TooLong(Untranslatable):
    """A formula that has an equal, longer than an expression may be."""


def translate(text: str, names: Mapping[str, str], signals: frozenset[str] = frozenset()) -> str:
    """A formula as an expression of ours.

    names: what stands here for each variable, as in {"t": "(t * 15)", "max_f": "119"}.
    signals: names of a soundtrack, which stay as they are.
    Raises Untranslatable; TooLong where only the length is the trouble.
    """
    return tidied(translate_freely(text, {**names, **{signal: signal for signal in signals}}), signals)


def tidied(text: str, signals: frozenset[str] = frozenset()) -> str:
    """An expression of ours without needless brackets. Raises Untranslatable, TooLong."""
    try:
        written = ast.unparse(ast.parse(text, mode="eval").body)
        parse_expression(written, signals)
    except ExpressionError as error:
        long = "at most" in str(error) or "nested more" in str(error)
        raise (TooLong if long else Untranslatable)(str(error)) from None
    except (SyntaxError, RecursionError, MemoryError):
        raise TooLong("it is too deeply nested") from None
    return written


def translate_freely(text: str, names: Mapping[str, str]) -> str:
    """The same, of nearly any length."""
    return ast.unparse(_Translator(names).visit(_parse(text)))


def values_at(text: str, seconds: NDArray[np.float64]) -> NDArray[np.float64]:
    """Values [N] of an expression of ours at moments [N]. Raises Untranslatable without a value."""
    try:
        return evaluate(text, {"t": seconds})
    except EvaluationError as error:
        raise Untranslatable(f"{error.reason} at {seconds[error.index]:.6g} s") from None
    except ExpressionError as error:
        raise Untranslatable(str(error)) from None


def shortened(text: str) -> str:
    """A text in quotes on one line, cut when long."""
    return quoted(" ".join(text.split()))


def _parse(text: str) -> ast.expr:
    written = " ".join(text.split())
    if not written:
        raise Untranslatable("it is empty")
    depth = max((written[:i].count("(") - written[:i].count(")") for i in range(len(written))), default=0)
    signs = max((len(run.replace(" ", "")) for run in re.findall(r"[-+~ ]+", written)), default=0)
    if len(written) > MAX_TEXT or max(depth, signs, written.count("**")) > MAX_NESTING:
        raise Untranslatable("it is too long or too deeply nested")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.parse(written, mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise Untranslatable(f"{shortened(written)} cannot be read as a formula") from None


class _Translator(ast.NodeTransformer):
    """Rebuilds a tree in our words."""

    def __init__(self, names: Mapping[str, str]) -> None:
        self._names = names

    def visit(self, node: ast.AST) -> ast.AST:
        """What is not known has no equal."""
        if isinstance(node, ast.Constant):
            if type(node.value) not in (int, float):
                raise Untranslatable(f"{shortened(str(node.value))} is no number")
            return node
        if isinstance(node, ast.Name):
            if node.id not in self._names and node.id not in CONSTANTS:
                raise Untranslatable(f"{node.id!r} is not known here")
            return _expression(self._names.get(node.id, node.id))
        if isinstance(node, ast.Call):
            return self._call(node)
        if not isinstance(node, (*_KNOWN, ast.operator, ast.unaryop, ast.boolop, ast.cmpop)):
            raise Untranslatable(f"there is nothing like {type(node).__name__.lower()} in a formula here")
        node = self.generic_visit(node)
        # numexpr joins comparisons by & and |.
        if isinstance(node, ast.BinOp) and type(node.op) in _BITS:
            return ast.BoolOp(_BITS[type(node.op)], [node.left, node.right])
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Invert):
            return ast.UnaryOp(ast.Not(), node.operand)
        return node

    def _call(self, node: ast.Call) -> ast.AST:
        name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        if isinstance(node.func, ast.Attribute) and getattr(node.func.value, "id", "") not in ("np", "math"):
            raise Untranslatable("a dot after a name means nothing here")
        if node.keywords or (name not in _KEPT and name not in _REWRITTEN):
            raise Untranslatable(f"there is no function {name}() here")
        arguments = [f"({ast.unparse(self.visit(argument))})" for argument in node.args]
        if sum(map(len, arguments)) > MAX_WRITTEN:
            raise TooLong("it is too long")
        if name in _KEPT:
            return _expression(f"{name}({', '.join(arguments)})")
        count, template = _REWRITTEN[name]
        if len(arguments) != count:
            raise Untranslatable(f"{name}() takes {count} values, not {len(arguments)}")
        return _expression(template.format(*arguments))


def _expression(text: str) -> ast.expr:
    return ast.parse(text, mode="eval").body
