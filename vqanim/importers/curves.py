"""Formulas of other tools as expressions of ours, and numbers over time as a scene writes them.

A formula of numexpr (Deforum) or of Python's math (pytti) becomes Python's syntax tree, which runs nothing,
and is rebuilt node by node from what is known here. A curve is a number, keyframes in seconds, or an
expression of `t`.
"""

from __future__ import annotations

import ast
import re
import textwrap
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import accumulate, pairwise
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from vqanim.scene.expressions import EvaluationError, ExpressionError, evaluate, names_used, parse_expression
from vqanim.scene.functions import CONSTANTS
from vqanim.scene.times import decimal_text
from vqanim.scene.tree import quoted

MAX_TEXT = 20_000  # characters of a formula that is looked at
MAX_NESTING = 80
MAX_WRITTEN = 5000  # characters of a function's arguments, of which some stand twice in what is written here

# How many arguments a function of theirs has, and how it is written here.
_REWRITTEN: Mapping[str, tuple[int, str]] = {
    "where": (3, "{1} if {0} else {2}"),
    **{f"arc{name}": (1, f"a{name}({{0}})") for name in ("sin", "cos", "tan")},
    **dict.fromkeys(("fabs", "absolute"), (1, "abs({0})")),
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
    """A formula as an expression of ours. names: what stands here for each variable, as in {"t": "(t * 15)",
    "max_f": "119"}. signals: names of a soundtrack, which stay as they are. Raises Untranslatable; TooLong
    where only the length is the trouble."""
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
    try:
        return ast.unparse(_Translator(names).visit(parse_formula(text)))
    except RecursionError:
        raise TooLong("it is too deeply nested") from None


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


def parse_formula(text: str) -> ast.expr:
    """The syntax tree of a formula of any tool, which may hold anything. Raises Untranslatable."""
    written = " ".join(text.split())
    if not written:
        raise Untranslatable("it is empty")
    if len(written) > MAX_TEXT:
        raise Untranslatable(f"it has {len(written)} characters, at most {MAX_TEXT} are read")
    depth = max(accumulate({"(": 1, ")": -1}.get(sign, 0) for sign in written))
    signs = max((len(run.replace(" ", "")) for run in re.findall(r"[-+~ ]+", written)), default=0)
    if max(depth, signs) > MAX_NESTING:
        raise Untranslatable("it is too deeply nested")
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


DIGITS = 9  # of the seconds of a key, behind the point: as exact as a scene tells moments apart
FIGURES = 7  # of a value, altogether
CLOSE = 5e-4  # how far a power of a straight line may be from the line between its keys, as a part of it
HALVINGS = 12
WIDTH = 100  # columns of keyframes on several lines


@dataclass(frozen=True)
class Point:
    """A keyframe."""

    second: Fraction
    value: float
    step: bool = False  # whether the value jumps there, instead of being approached in a straight line


@dataclass(frozen=True)
class Keys:
    """Keyframes, ascending; at least one."""

    points: tuple[Point, ...]


@dataclass(frozen=True)
class Formula:
    """An expression of ours over `t`, in seconds."""

    text: str
    holds: bool = False  # whether its value stands from frame to frame


Curve: TypeAlias = float | Keys | Formula


def parse_curve(text: str, names: Mapping[str, str], signals: frozenset[str] = frozenset()) -> Curve:
    """A formula, or the number that it is; see formulas.translate. Raises Untranslatable."""
    formula = Formula(translate(text, names, signals))
    return formula if names_used(formula.text, signals) else first_value(formula)


def mapped(curve: Curve, change: Callable[[float], float], template: str) -> Curve:
    """A curve with every value changed. template: the same in an expression, with {0} for the curve's."""
    if isinstance(curve, Formula):
        return Formula(template.format(curve.text))
    if isinstance(curve, Keys):
        return simplified(Point(point.second, change(point.value), point.step) for point in curve.points)
    return change(float(curve))


def scaled(curve: Curve, factor: float, offset: float = 0.0) -> Curve:
    """factor * curve + offset."""
    if (factor, offset) == (1.0, 0.0):
        return curve
    template = "{0}" if factor == 1 else f"{number(factor)} * ({{0}})"
    if offset != 0:
        template = f"{number(offset)} + {template}".replace("+ -", "- ")
    return mapped(curve, lambda value: factor * value + offset + 0.0, template)


def clamped(curve: Curve, low: float, high: float) -> Curve:
    """The curve, kept between two values."""
    template = f"clamp({{0}}, {number(low)}, {number(high)})"
    if isinstance(curve, Keys):
        curve = Keys(tuple(_with_crossings(curve.points, low, high)))
    return mapped(curve, lambda value: min(max(value, low), high), template)


def _with_crossings(points: Sequence[Point], *limits: float) -> Iterator[Point]:
    """With a key wherever a line crosses a limit: there the clamped line has a corner."""
    yield points[0]
    for before, after in pairwise(points):
        rise = after.value - before.value
        ways = sorted((limit - before.value) / rise for limit in limits) if rise and not after.step else []
        for way in ways:
            if 0 < way < 1:
                second = before.second + (after.second - before.second) * Fraction(way)
                yield Point(second, before.value + rise * way)
        yield after


def power(curve: Curve, exponent: float) -> Curve:
    """The curve to a power, as of a factor a frame that becomes one a second at so many frames a second.
    Between keys a straight line becomes several."""
    if isinstance(curve, Formula):
        return Formula(f"({curve.text}) ** {number(exponent)}")
    if isinstance(curve, float | int):
        return _power(float(curve), exponent)
    first = curve.points[0]
    points = [Point(first.second, _power(first.value, exponent), first.step)]
    for before, after in pairwise(curve.points):
        if not after.step:
            points += _between(before, after, exponent, HALVINGS)
        points.append(Point(after.second, _power(after.value, exponent), after.step))
    return Keys(tuple(points))


def _power(value: float, exponent: float) -> float:
    if value <= 0:
        raise Untranslatable(f"{value:g} is no factor to move by, allowed is a number above 0")
    try:
        return float(value**exponent)
    except OverflowError:
        raise Untranslatable(f"{value:g} grows beyond all bounds within a second") from None


def _between(before: Point, after: Point, exponent: float, halvings: int) -> Iterator[Point]:
    middle = Point((before.second + after.second) / 2, (before.value + after.value) / 2)
    true = _power(middle.value, exponent)
    straight = (_power(before.value, exponent) + _power(after.value, exponent)) / 2
    if halvings and abs(true - straight) > CLOSE * min(true, abs(after.value - before.value) * exponent):
        yield from _between(before, middle, exponent, halvings - 1)
        yield Point(middle.second, true)
        yield from _between(middle, after, exponent, halvings - 1)


def product(first: Curve, second: Curve, signals: frozenset[str] = frozenset()) -> Curve:
    """Both multiplied. Raises Untranslatable for what gets too long."""
    for curve, other in ((first, second), (second, first)):
        if (factor := constant_of(curve)) is not None:
            return scaled(other, factor)
    return Formula(tidied(f"({_as_text(first)}) * ({_as_text(second)})", signals))


def _as_text(curve: Curve) -> str:
    if not isinstance(curve, Keys):
        return curve.text if isinstance(curve, Formula) else number(curve)
    first, last = curve.points[0], curve.points[-1]
    text = number(last.value)
    for before, after in reversed(list(pairwise(curve.points))):
        begin, end = float(before.second), float(after.second)
        piece = number(before.value)
        if not after.step and after.value != before.value:
            way = f"(t - {begin:.{DIGITS}g}) / {end - begin:.{DIGITS}g}"
            piece = f"mix({piece}, {number(after.value)}, {way})"
        # A millisecond before the edge, where no rounding can tell the frames apart.
        text = f"({piece}) if t < {end - 0.001:.{DIGITS}g} else ({text})"
    late = f"({text}) if t > {float(first.second):.{DIGITS}g} else {number(first.value)}"
    return late if first.second else text


def simplified(points: Iterable[Point]) -> Curve:
    """Keyframes without those that change nothing; a number where all are the same. Of two at one moment the
    last one counts."""
    kept: list[Point] = []
    for point in points:
        if kept and _is_same_moment(kept[-1].second, point.second):
            kept.pop()
        if len(kept) > 1 and _is_needless(kept[-2], kept[-1], point):
            kept.pop()
        kept.append(point)
    if len({point.value for point in kept}) == 1:
        return kept[0].value
    if len(kept) > 1 and kept[-1].value == kept[-2].value:
        kept.pop()
    return Keys(tuple(kept))


def _is_same_moment(first: Fraction, second: Fraction) -> bool:
    """Whether two moments are written alike."""
    return abs(float(first) - float(second)) < 2 * 10**-DIGITS and time(first) == time(second)


def _is_needless(before: Point, middle: Point, after: Point) -> bool:
    """Whether a key between two others lies where the line between them passes anyway."""
    if middle.step or after.step:
        return middle.value == before.value and (after.step or after.value == before.value)
    begin, end = float(before.second), float(after.second)
    way = (float(middle.second) - begin) / (end - begin)
    line_ = before.value + (after.value - before.value) * way
    size = max(abs(before.value), abs(after.value), 1e-9)
    return abs(line_ - middle.value) <= 1e-9 * size


def constant_of(curve: Curve) -> float | None:
    """The number that a curve is, if it is one."""
    return float(curve) if isinstance(curve, float | int) else None


def first_value(curve: Curve) -> float:
    """What a curve is in the beginning. Raises Untranslatable where an expression has no value."""
    if isinstance(curve, Keys):
        return curve.points[0].value
    return float(values_at(curve.text, np.zeros(1))[0]) if isinstance(curve, Formula) else float(curve)


def number(value: float) -> str:
    """A number in digits, as short as it may be."""
    return f"{value + 0.0:.{FIGURES}g}"


def time(second: Fraction) -> str:
    """`2s`; at most nine digits behind the point."""
    return f"{decimal_text(round(second, DIGITS))}s"


def to_yaml(curve: Curve, indent: str = "  ") -> str:
    """How a scene writes it; many keyframes on several lines, indented deeper than `indent`."""
    if isinstance(curve, Formula):
        return f'"{curve.text}"'
    if not isinstance(curve, Keys):
        return number(float(curve))
    keys = []
    for place, point in enumerate(curve.points):
        value = f"[{number(point.value)}, step]" if point.step and place else number(point.value)
        keys.append(f"{time(point.second)}: {value}")
    short = "{" + ", ".join(keys) + "}"
    if len(short) <= WIDTH - 20:
        return short
    # A key and its value stay together: between them stands a space that is none.
    text = ", ".join(key.replace(" ", "\0") for key in keys)
    inside = f"{indent}  "
    lines = textwrap.fill(text, WIDTH, initial_indent=inside, subsequent_indent=inside)
    return "{\n" + lines.replace("\0", " ") + "}"
