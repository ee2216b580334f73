"""Parseq's formulas, such as `S + sin(p=4b) * 0.5` and `bez(0,0.6,1,0.4)`, as numbers at a frame.

Own words: `L`, `C`, `P` and `S` are straight lines, a cubic spline, a polynomial and steps between a field's
keyframes; `f`, `s`, `b` and `k` are the frame, seconds, beats, and frames since the keyframe; `2s` and `4b`
are lengths in frames. Operators of one level bind from the right, so that `5 - 2 - 1` is 4, as there.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from typing import TypeAlias

from vqanim.importers.curves import Untranslatable, shortened
from vqanim.importers.manifests.functions import FUNCTIONS
from vqanim.importers.manifests.moment import Moment, Value

MAX_TEXT = 2000  # characters
MAX_NESTING = 40
_TOKEN = re.compile(
    r"\s*(?:(?P<number>\d+(?:\.\d+)?)(?P<unit>[fsb](?!\w))?|(?P<name>[A-Za-z_]\w*)|(?P<text>\"[^\"\n]*\")"
    r"|(?P<sign><=|>=|==|!=|&&|\|\||[-+*/%:^<>=(),]))",
    re.ASCII,
)
_LEVELS: tuple[tuple[str, ...], ...] = (
    ("and", "or"),
    (">", ">=", "<", "<=", "==", "!=", "&&", "||"),
    ("+", "-"),
    ("*", "/", "%", ":", "^"),
)


Node: TypeAlias = Callable[[Moment], Value]
_NAMES: Mapping[str, Callable[[Moment], float]] = {
    "L": lambda at: at.keyed.linear(at.frame),
    "C": lambda at: at.keyed.spline(at.frame),
    "P": lambda at: at.keyed.polynomial(at.frame),
    "S": lambda at: at.active_value,
    "f": lambda at: at.frame,
    "s": lambda at: at.frame / at.fps,
    "b": lambda at: at.frame / at.beat,
    "wb": lambda at: math.floor(at.frame / at.beat),
    "k": lambda at: at.frame - at.active_frame,
    "fps": lambda at: at.fps,
    "bpm": lambda at: at.bpm,
    "cadence": lambda at: at.cadence,
    **dict.fromkeys(("final_frame", "last_frame"), lambda at: at.last_frame),
    **dict.fromkeys(("prev_keyframe", "active_keyframe"), lambda at: at.active_frame),
    **dict.fromkeys(("prev_keyframe_value", "active_keyframe_value"), lambda at: at.active_value),
    "next_keyframe": lambda at: at.next_frame,
    "next_keyframe_value": lambda at: at.next_value,
    "prev_computed_value": lambda at: at.computed[-1] if at.computed else 0.0,
    "PI": lambda at: math.pi,
    "E": lambda at: math.e,
    "SQRT2": lambda at: math.sqrt(2),
    "SQRT1_2": lambda at: math.sqrt(0.5),
    "LN2": lambda at: math.log(2),
    "LN10": lambda at: math.log(10),
    "LOG2E": lambda at: 1 / math.log(2),
    "LOG10E": lambda at: 1 / math.log(10),
}


def parse(text: str) -> Node:
    """A formula as a function of the moment. Raises Untranslatable for what is not known; so does calling it
    where there is no value."""
    if len(text) > MAX_TEXT:
        raise Untranslatable(f"{shortened(text)} is longer than {MAX_TEXT} characters")
    reader = _Reader(text)
    node = reader.level(0)
    if reader.sign:
        raise Untranslatable(f"{shortened(text)} cannot be read: {reader.sign!r} is not expected")
    return node


def number_at(node: Node, at: Moment) -> float:
    """The value of a formula. Raises Untranslatable for a text, and for what has no value."""
    try:
        value = node(at)
    except (ArithmeticError, ValueError):
        raise Untranslatable(f"it has no value at frame {at.frame}") from None
    if isinstance(value, str | complex) or not math.isfinite(value):
        raise Untranslatable(f"it has no number at frame {at.frame}")
    return float(value)


class _Reader:
    """Reads a formula from left to right."""

    def __init__(self, text: str) -> None:
        self._text, self._tokens, self._depth = text, list(self._divided(text)), 0

    def _divided(self, text: str) -> list[tuple[str, str, str]]:
        text = re.sub(r"#[^\n]*", "", text).rstrip()
        tokens, place = [], 0
        while place < len(text):
            match = _TOKEN.match(text, place)
            if match is None:
                raise Untranslatable(f"{shortened(text)} cannot be read")
            kind = next(name for name in ("number", "name", "text", "sign") if match[name])
            tokens.append((kind, match[kind], match["unit"] or ""))
            place = match.end()
        return tokens[::-1]

    @property
    def sign(self) -> str:
        """What comes next; nothing at the end."""
        return self._tokens[-1][1] if self._tokens else ""

    def _take(self, expected: str = "") -> tuple[str, str, str]:
        if not self._tokens or (expected and self.sign != expected):
            raise Untranslatable(
                f"{shortened(self._text)} cannot be read: {expected or 'a value'} is missing"
            )
        return self._tokens.pop()

    def level(self, level: int) -> Node:
        """Operators of a level and of those that bind more tightly."""
        if level == len(_LEVELS):
            return self._negation()
        self._depth += 1
        if self._depth > MAX_NESTING * len(_LEVELS):
            raise Untranslatable("it is too deeply nested")
        left = self.level(level + 1)
        if self.sign in _LEVELS[level] and self._tokens[-1][0] != "text":
            sign = self._take()[1]
            left = _operation(sign, left, self.level(level))
        self._depth -= 1
        return left

    def _negation(self) -> Node:
        if self.sign != "-":
            return self._unary()
        self._take()
        node = self._unary()
        return lambda at: -_number(node(at))

    def _unary(self) -> Node:
        kind, text, unit = self._take()
        if kind == "number":
            return _length(float(text), unit)
        if kind == "text":
            return lambda at: text[1:-1]
        if text == "(":
            node = self.level(0)
            self._take(")")
            return node
        if text == "if":
            return self._choice()
        if kind != "name":
            raise Untranslatable(f"{shortened(self._text)} cannot be read: {text!r} is not expected")
        if self.sign == "(":
            return self._call(text)
        if text in ("true", "false"):
            return lambda at: float(text == "true")
        return _variable(text)

    def _choice(self) -> Node:
        condition, then, otherwise = self.level(0), self.level(0), None
        if self.sign == "else":
            self._take()
            otherwise = self.level(0)
        return lambda at: then(at) if _number(condition(at)) > 0 else otherwise(at) if otherwise else 0.0

    def _call(self, name: str) -> Node:
        self._take("(")
        given: dict[str | int, Node] = {}
        while self.sign != ")":
            if len(self._tokens) > 1 and self._tokens[-2][1] == "=" and self._tokens[-1][0] == "name":
                key: str | int = self._take()[1]
                self._take("=")
            else:
                key = len(given)
            given[key] = self.level(0)
            if self.sign != ")":
                self._take(",")
        self._take(")")
        return _function(name, given)


def _number(value: Value) -> float:
    if isinstance(value, str):
        raise Untranslatable(f"{shortened(value)} is no number")
    return value


def _length(value: float, unit: str) -> Node:
    if unit == "s":
        return lambda at: value * at.fps
    if unit == "b":
        return lambda at: value * at.beat
    return lambda at: value


def _variable(name: str) -> Node:
    if name in _NAMES:
        return _NAMES[name]

    def value(at: Moment) -> float:
        if at.fields is None or name not in at.fields:
            raise Untranslatable(f"{name!r} is not known here")
        return at.fields[name]

    return value


def _operation(sign: str, left: Node, right: Node) -> Node:
    if sign == ":":
        return lambda at: f"({_shown(left(at))}:{_shown(right(at))})"
    apply = _OPERATORS[sign]
    return lambda at: float(apply(_number(left(at)), _number(right(at))))


def _shown(value: Value) -> str:
    return value if isinstance(value, str) else f"{value:.5f}"


_OPERATORS: Mapping[str, Callable[[float, float], float]] = {
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": lambda a, b: a * b,
    "/": lambda a, b: a / b,
    "%": math.fmod,
    "^": lambda a, b: math.pow(a, b),
    "==": lambda a, b: a == b,
    "!=": lambda a, b: a != b,
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
    **dict.fromkeys(("and", "&&"), lambda a, b: a > 0 and b > 0),
    **dict.fromkeys(("or", "||"), lambda a, b: a > 0 or b > 0),
}


def _function(name: str, given: Mapping[str | int, Node]) -> Node:
    if name not in FUNCTIONS:
        raise Untranslatable(f"there is no function {name}() here")
    parameters, call = FUNCTIONS[name]
    if unknown := [
        key for key in given if isinstance(key, str) and not any(key in names for names in parameters)
    ]:
        raise Untranslatable(f"{name}() has no value {unknown[0]!r}")
    found: list[Node | None] = []
    for place, names in enumerate(parameters):
        keys: tuple[str | int, ...] = (place, *names)
        found.append(next((given[key] for key in keys if key in given), None))
    return lambda at: call(at, [node(at) if node else None for node in found])
