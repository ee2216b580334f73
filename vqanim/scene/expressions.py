"""Formulas of time such as `10 * sin(t)`: parsed over a whitelist, evaluated with numpy.

Nothing that a user writes is ever compiled or run. The text becomes Python's syntax tree (that alone runs no
code), the tree is checked node by node against what is known here, and a small walk computes it.
"""

from __future__ import annotations

import ast
import difflib
import operator
import re
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import accumulate, pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vqanim.scene.functions import CONSTANTS, FUNCTIONS, SIGNALS, VARIABLES

Floats = NDArray[np.float64]

MAX_TEXT = 500  # characters
MAX_NODES = 200  # numbers, names, operations and calls
MAX_NESTING = 32  # brackets, signs and `not` within one another

_OPERATORS: dict[type[ast.AST], Callable[..., Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Mod: np.mod,
    ast.FloorDiv: np.floor_divide,
    ast.Pow: np.power,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.UAdd: operator.pos,
    ast.USub: operator.neg,
    ast.Not: lambda x: (x == 0) * 1.0,
}
_DIVIDING: dict[type[ast.AST], str] = {
    ast.Div: "division by zero",
    ast.FloorDiv: "division by zero",
    ast.Mod: "modulo by zero",
}
_REFUSED = {
    ast.Attribute: "a dot after a name",
    ast.Lambda: "lambda",
    ast.NamedExpr: ":=",
    ast.Tuple: "a comma outside a function",
    ast.Starred: "*",
    ast.GeneratorExp: "for",
}
_STRANGE = re.compile(r"[^A-Za-z0-9_ .,+\-*/%()<>=!]")
_NUMBER = re.compile(r"(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?", re.ASCII)

ADD_SOUNDTRACK = "add `soundtrack: {file: song.mp3}`"


class ExpressionError(ValueError):
    """A text that is no expression; its message says why, without the text."""


class EvaluationError(ArithmeticError):
    """An expression without a finite value at some moment."""

    def __init__(self, index: int, reason: str) -> None:
        self.index = index
        self.reason = reason
        super().__init__(reason)


@lru_cache(maxsize=1024)
def parse_expression(text: str, signals: frozenset[str] = frozenset()) -> ast.expr:
    """The checked syntax tree of an expression. `signals` are names of a soundtrack: `bass`, `drums.onset`.

    Raises ExpressionError with a reason for people.
    """
    written = " ".join(text.split())
    _check_text(written)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Python's advice on odd spellings such as `1if t else 2`
            tree = ast.parse(written, mode="eval").body
    except SyntaxError as error:
        raise ExpressionError(_syntax_reason(written, error)) from None
    except (ValueError, RecursionError, MemoryError):
        raise ExpressionError("too deeply nested") from None
    inner = {id(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
    inner |= {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    nodes = [n for n in ast.walk(tree) if isinstance(n, ast.expr) and id(n) not in inner]
    if len(nodes) > MAX_NODES:
        raise ExpressionError(f"{len(nodes)} numbers, names and operations, at most {MAX_NODES} are allowed")
    for node in nodes:
        _check_node(node, written, signals)
    return tree


def names_used(text: str, signals: frozenset[str] = frozenset()) -> frozenset[str]:
    """The variables and signals in an expression."""
    names = {_dotted(node) for node in ast.walk(parse_expression(text, signals))}
    return frozenset(name for name in names if name in VARIABLES or name in signals)


def evaluate(text: str, variables: Mapping[str, Floats]) -> Floats:
    """Values of an expression, float64 [N], for variables of shape [N] each.

    Raises EvaluationError with the first index that has no finite value.
    """
    tree = parse_expression(text, frozenset(variables).difference(VARIABLES))
    count = len(next(iter(variables.values())))
    moments = _Moments(dict(variables), np.arange(count))
    with np.errstate(all="ignore"):
        values = np.broadcast_to(np.asarray(_value(tree, moments), dtype=np.float64), (count,)).copy()
    moments.fail(~np.isfinite(values), "not a finite number")
    if faults := moments.faults:
        raise EvaluationError(min(faults), faults[min(faults)])
    return values


@dataclass
class _Moments:
    """The moments at which a part of an expression is needed."""

    variables: Mapping[str, Floats]
    index: NDArray[np.intp]  # which of the moments asked for
    faults: dict[int, str] = field(default_factory=dict)
    """Reason by moment; shared with every selection."""

    def where(self, chosen: NDArray[np.bool_]) -> _Moments:
        """Only the chosen moments."""
        picked = {name: values[chosen] for name, values in self.variables.items()}
        return _Moments(picked, self.index[chosen], self.faults)

    def fail(self, bad: Any, reason: str) -> None:
        """Note the first moment at which something has no value."""
        where = np.flatnonzero(np.broadcast_to(bad, self.index.shape))
        if where.size:
            self.faults.setdefault(int(self.index[where[0]]), reason)


def _check_text(text: str) -> None:
    if not text:
        raise ExpressionError("empty")
    if len(text) > MAX_TEXT:
        raise ExpressionError(f"{len(text)} characters, at most {MAX_TEXT} are allowed")
    if match := _STRANGE.search(text):
        hint = ", the power is written **" if match.group() == "^" else ""
        raise ExpressionError(f"the character {match.group()!r} means nothing in an expression{hint}")
    deepest = max(accumulate({"(": 1, ")": -1}.get(character, 0) for character in text))
    signs = max((len(run.replace(" ", "")) for run in re.findall(r"[-+ ]+", text)), default=0)
    if max(deepest, signs, text.count("**"), len(re.findall(r"\bnot\b", text))) > MAX_NESTING:
        raise ExpressionError(f"nested more than {MAX_NESTING} deep")


def _syntax_reason(text: str, error: SyntaxError) -> str:
    if text.count("(") != text.count(")"):
        return f"{text.count('(')} opening and {text.count(')')} closing brackets"
    if re.search(r"(?<![=<>!])=(?!=)", text):
        return "= means nothing in an expression, equality is written =="
    if re.search(r"(?:[-+*/%<>=!,]|\b(?:and|or|not|if|else))\s*$", text):
        return "it ends too early"
    rest = text[max(0, (error.offset or 1) - 1) :]
    return f"it cannot be read from {rest[:20]!r} on" if rest else "it cannot be read"


def _dotted(node: ast.AST) -> str | None:
    """`drums.onset` for such an expression, and a plain name as it is."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
        return f"{node.value.id}.{node.attr}"
    return None


def _check_node(node: ast.expr, text: str, signals: frozenset[str]) -> None:
    match node:
        case _ if (name := _dotted(node)) is not None:
            _check_name(name, signals)
        case ast.Constant():
            _check_constant(node, text)
        case ast.Call():
            _check_call(node)
        case ast.BinOp(op=op) | ast.UnaryOp(op=op):
            _check_operator(op)
        case ast.Compare(ops=ops):
            for each in ops:
                _check_operator(each)
        case ast.BoolOp() | ast.IfExp():
            pass
        case _:
            what = _REFUSED.get(type(node), type(node).__name__.lower())
            raise ExpressionError(f"{what} means nothing in an expression")


def _check_operator(op: ast.AST) -> None:
    if type(op) not in _OPERATORS:
        raise ExpressionError(f"the operator {type(op).__name__.lower()!r} means nothing in an expression")


def _check_constant(node: ast.Constant, text: str) -> None:
    written = ast.get_source_segment(text, node) or ""
    if type(node.value) not in (int, float) or not _NUMBER.fullmatch(written):
        raise ExpressionError(f"{written!r} is no number")
    if not np.isfinite(float(written)):
        raise ExpressionError(f"{written!r} is too large a number")


def _check_call(node: ast.Call) -> None:
    if not isinstance(node.func, ast.Name):
        raise ExpressionError("only a function's name can stand before (")
    name = node.func.id
    if node.keywords or any(isinstance(a, ast.Starred) for a in node.args):
        raise ExpressionError(f"{name}() takes plain values only")
    if name not in FUNCTIONS:
        raise ExpressionError(_unknown(name, "function"))
    known, given = FUNCTIONS[name], len(node.args)
    if not known.fewest <= given <= known.most:
        want = str(known.fewest) if known.fewest == known.most else f"{known.fewest} to {known.most}"
        raise ExpressionError(f"{name}() takes {want} value{'s' * (want != '1')}, not {given}")


def _check_name(name: str, signals: frozenset[str]) -> None:
    if name in signals:
        return
    if "." in name and name.partition(".")[0] in {*VARIABLES, *CONSTANTS, *FUNCTIONS}:
        raise ExpressionError(f"{_REFUSED[ast.Attribute]} means nothing in an expression")
    if not signals and (name in SIGNALS or "." in name):
        raise ExpressionError(f"{name!r} is heard in a soundtrack, and there is none: {ADD_SOUNDTRACK}")
    if "." in name and name.partition(".")[0] not in {signal.partition(".")[0] for signal in signals}:
        stem = name.partition(".")[0]
        raise ExpressionError(f"{name!r} needs a stem: add `stems: {{{stem}: {stem}.wav}}`")
    if name in FUNCTIONS:
        raise ExpressionError(f"{name!r} is a function, its values stand in brackets after it: {name}(t)")
    if name not in VARIABLES and name not in CONSTANTS:
        raise ExpressionError(_unknown(name, "name", signals))


def _unknown(name: str, what: str, signals: frozenset[str] = frozenset()) -> str:
    functions = sorted(FUNCTIONS)
    names = functions if what == "function" else [*VARIABLES, *CONSTANTS, *sorted(signals)]
    near = difflib.get_close_matches(name.lower(), dict.fromkeys([*names, *functions]), n=1)
    hint = f"did you mean {near[0]!r}?" if near else f"allowed {', '.join(names)}"
    return f"unknown {what} {name!r}, {hint}"


def _value(node: ast.expr, at: _Moments) -> Any:
    """Value of a checked node: a float or an array of the shape of the moments."""
    if (name := _dotted(node)) is not None:
        return at.variables[name] if name in at.variables else np.float64(CONSTANTS[name])
    match node:
        case ast.Constant(value=value):
            return np.float64(value)  # type: ignore[arg-type]
        case ast.UnaryOp(op=op, operand=operand):
            return _OPERATORS[type(op)](_value(operand, at))
        case ast.BinOp(op=op):
            left, right = _value(node.left, at), _value(node.right, at)
            if reason := _DIVIDING.get(type(op)):
                at.fail(right == 0, reason)
            return _OPERATORS[type(op)](left, right)
        case ast.Call(func=ast.Name(id=name)):
            function, values = FUNCTIONS[name], [_value(argument, at) for argument in node.args]
            if function.outside is not None:
                at.fail(function.outside(*values), function.fault)
            return function.call(*values)
        case ast.Compare():
            values = [_value(part, at) for part in (node.left, *node.comparators)]
            held: Any = np.float64(1.0)
            for test, (left, right) in zip(node.ops, pairwise(values), strict=True):
                held = held * _OPERATORS[type(test)](left, right)
            return held
        case ast.BoolOp():
            return _both_or_either(node, at)
        case ast.IfExp(body=yes, orelse=no):
            # Each branch is computed only where it is taken, so `1 / t if t > 0 else 0` divides by no zero.
            chosen, result = _full(node.test, at) != 0, np.empty(at.index.shape)
            result[chosen] = _full(yes, at.where(chosen))
            result[~chosen] = _full(no, at.where(~chosen))
            return result
    raise AssertionError(node)  # checked before


def _full(node: ast.expr, at: _Moments) -> Floats:
    return np.broadcast_to(_value(node, at), at.index.shape)


def _both_or_either(node: ast.BoolOp, at: _Moments) -> Floats:
    """1 or 0. A part is computed only where those before it leave the answer open."""
    wanted = isinstance(node.op, ast.And)
    result = np.full(at.index.shape, wanted)
    for part in node.values:
        is_open = result == wanted
        result[is_open] = _full(part, at.where(is_open)) != 0
    return result * 1.0
