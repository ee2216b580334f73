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

from vqanim.scene.expressions import EvaluationError, ExpressionError, evaluate, parse_expression
from vqanim.scene.functions import FUNCTIONS

MAX_TEXT = 2000
"""Characters of a formula that is looked at."""
MAX_NESTING = 30

# How a function of theirs is written here; _0, _1 ... are its arguments.
_REWRITTEN: Mapping[str, tuple[int, str]] = {
    "where": (3, "_1 if _0 else _2"),
    "arcsin": (1, "asin(_0)"),
    "arccos": (1, "acos(_0)"),
    "arctan": (1, "atan(_0)"),
    "fabs": (1, "abs(_0)"),
    "absolute": (1, "abs(_0)"),
    "log10": (1, "log(_0) / 2.302585092994046"),
    "log2": (1, "log(_0) / 0.6931471805599453"),
    "log1p": (1, "log(1 + _0)"),
    "expm1": (1, "exp(_0) - 1"),
    "sinh": (1, "(exp(_0) - exp(-(_0))) / 2"),
    "cosh": (1, "(exp(_0) + exp(-(_0))) / 2"),
    "tanh": (1, "1 - 2 / (exp(2 * _0) + 1)"),
    "hypot": (2, "sqrt(_0 ** 2 + _1 ** 2)"),
    "radians": (1, "_0 * pi / 180"),
    "degrees": (1, "_0 * 180 / pi"),
    "sqrt": (1, "sqrt(max(_0, 0))"),  # seconds make of a frame's 0 what may lie a hair below
}
_KEPT = frozenset(
    ("abs", "acos", "asin", "atan", "ceil", "cos", "exp", "floor", "log", "max", "min", "pow", "round", "sin")
) | {"tan"}
_BITS: Mapping[type[ast.operator], ast.boolop] = {ast.BitAnd: ast.And(), ast.BitOr: ast.Or()}
_MATH = frozenset(("pi", "e", "tau"))
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
    known = {**names, **{signal: signal for signal in signals}}
    return tidied(translate_freely(text, known), signals)


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
    """The same, of any length."""
    tree = _parse(text)
    found = _Translator(names).visit(tree)
    assert isinstance(found, ast.expr)
    return ast.unparse(ast.fix_missing_locations(found))


def constant(text: str) -> float | None:
    """The value of an expression of ours without variables, else None. Raises Untranslatable."""
    used = {node.id for node in ast.walk(ast.parse(text, mode="eval")) if isinstance(node, ast.Name)}
    if used - _MATH - set(FUNCTIONS):
        return None
    return float(values_at(text, np.zeros(1))[0])


def values_at(text: str, seconds: NDArray[np.float64]) -> NDArray[np.float64]:
    """Values [N] of an expression of ours at moments [N]. Raises Untranslatable without a value."""
    try:
        return evaluate(text, {"t": seconds})
    except EvaluationError as error:
        raise Untranslatable(f"{error.reason} at {seconds[error.index]:.6g} s") from None
    except ExpressionError as error:
        raise Untranslatable(str(error)) from None


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


def shortened(text: str, most: int = 60) -> str:
    """A text in quotes on one line, cut when long."""
    line = " ".join(text.split())
    return repr(line if len(line) <= most else line[: most - 3] + "...")


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
            return self._name(node.id)
        if isinstance(node, ast.Call):
            return self._call(node)
        if isinstance(node, ast.BinOp) and type(node.op) in _BITS:
            # Comparisons are joined by & and | in numexpr.
            return ast.BoolOp(_BITS[type(node.op)], [self._part(node.left), self._part(node.right)])
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Invert):
            return ast.UnaryOp(ast.Not(), self._part(node.operand))
        if not isinstance(node, (*_KNOWN, ast.operator, ast.unaryop, ast.boolop, ast.cmpop)):
            raise Untranslatable(f"there is nothing like {type(node).__name__.lower()} in a formula here")
        return self.generic_visit(node)

    def _part(self, node: ast.expr) -> ast.expr:
        found = self.visit(node)
        assert isinstance(found, ast.expr)
        return found

    def _name(self, name: str) -> ast.expr:
        if name in self._names:
            return _read(self._names[name])
        if name in _MATH:
            return ast.Name(name, ast.Load())
        raise Untranslatable(f"{name!r} is not known here")

    def _call(self, node: ast.Call) -> ast.expr:
        name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        if isinstance(node.func, ast.Attribute) and getattr(node.func.value, "id", "") not in ("np", "math"):
            raise Untranslatable("a dot after a name means nothing here")
        if node.keywords or (name not in _KEPT and name not in _REWRITTEN):
            raise Untranslatable(f"there is no function {name}() here")
        arguments = [self._part(argument) for argument in node.args]
        if name in _KEPT:
            return ast.Call(ast.Name(name, ast.Load()), arguments, [])
        count, template = _REWRITTEN[name]
        if len(arguments) != count:
            raise Untranslatable(f"{name}() takes {count} values, not {len(arguments)}")
        return _Filler(arguments).visit(_read(template))


class _Filler(ast.NodeTransformer):
    """Puts arguments in the place of _0, _1 ..."""

    def __init__(self, arguments: list[ast.expr]) -> None:
        self._arguments = arguments

    def visit_Name(self, node: ast.Name) -> ast.expr:
        """One name of the template."""
        return self._arguments[int(node.id[1:])] if node.id.startswith("_") else node


def _read(text: str) -> ast.expr:
    """A new tree each time, because trees are changed."""
    return ast.parse(text, mode="eval").body
