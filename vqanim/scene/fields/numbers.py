"""Numbers: whole ones, ratios, and curves, which change over time."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

import numpy as np

from vqanim.errors import CurveError, Place
from vqanim.scene import tree
from vqanim.scene.curves import EASINGS, Constant, Curve, Formula, Key, Keyframes, Range
from vqanim.scene.expressions import ExpressionError, names_used, parse_expression
from vqanim.scene.fields.base import FieldType, Flow, Option, Quoted, ScalarType, Schema, Writer, text_of
from vqanim.scene.fields.context import Reader, Refused
from vqanim.scene.fields.sections import closed_schema, merge_by_key
from vqanim.scene.fields.texts import did_you_mean
from vqanim.scene.fields.times import read_timed, time_text
from vqanim.scene.numbers import is_number, number_hint, parse_number, parse_ratio, parse_whole
from vqanim.scene.times import Time, TimeBase
from vqanim.scene.tree import Mapping, Node, Scalar, quoted, shown

_WORD = re.compile(r"[^\W\d]\w*")
_SECONDS = TimeBase(1.0, Fraction(1))
_QUOTED_NUMBER: Schema = {"type": "string", "pattern": r"^\s*[+-]?[\d.]+([eE][+-]?\d+)?\s*$"}
_RATIO = r"^\s*[+-]?[\d.]+([eE][+-]?\d+)?\s*(/\s*[+-]?\d+\s*)?$"


@dataclass(frozen=True)
class Number(ScalarType):
    """A number that does not change over time."""

    low: float = -math.inf
    high: float = math.inf


def _number(
    allowed: str, parse: Callable[[str], Any], low: float, high: float, forms: list[Schema]
) -> Number:
    def read(text: str) -> Any:
        if not low <= (value := parse(text)) <= high:
            raise ValueError
        return value

    return Number(allowed, read, lambda: forms, hint=_hint, low=low, high=high)


def _hint(text: str) -> str:
    return f", {hint}" if (hint := number_hint(text)) else ""


def whole(low: float, high: float, allowed: str = "") -> Number:
    """A whole number from `low` to `high`."""
    forms = [bounds(low, high) | {"type": "integer"}, _QUOTED_NUMBER]
    allowed = allowed or f"a whole number from {low} to {high}"
    return _number(allowed, parse_whole, low, high, forms)


def number(low: float, high: float, allowed: str = "") -> Number:
    """A number from `low` to `high`."""
    forms = [bounds(low, high), _QUOTED_NUMBER]
    allowed = allowed or f"a number from {low:g} to {high:g}"
    return _number(allowed, parse_number, low, high, forms)


def ratio(low: float, high: float, example: str = "", allowed: str = "", exact: bool = True) -> Number:
    """A number from `low` to `high` that may be written as a ratio; exact: it is kept as a Fraction."""
    forms = [bounds(low, high), {"type": "string", "pattern": _RATIO}]
    allowed = allowed or f"a number from {low} to {high}, or a ratio such as {example}"
    made = _number(allowed, parse_ratio, low, high, forms)
    if exact:
        return replace(made, text=ratio_text)
    return replace(made, read=lambda text: float(made.read(text)))


def ratio_text(value: Fraction) -> Any:
    """A ratio as it is written."""
    return value.numerator if value.denominator == 1 else Quoted(f"{value.numerator}/{value.denominator}")


def bounds(low: float, high: float, above: bool = False) -> Schema:
    """A JSON schema of a number in limits; above: `low` itself is not allowed."""
    least = {"exclusiveMinimum" if above else "minimum": low} if low > -math.inf else {}
    return {"type": "number", **least, **({"maximum": high} if high < math.inf else {})}


@dataclass(frozen=True)
class CurveType(FieldType):
    """A number, keyframes or an expression."""

    range: Range

    def default(self, value: Any) -> Any:
        """A constant; None stays None."""
        return None if value is None else Curve.constant(value, range=self.range)

    def absent(self, value: Any, place: Place, reader: Reader) -> Any:
        return None if value is None else replace(self.default(value), place=place)

    def curves(self, value: Curve) -> Iterator[Curve]:
        yield value

    def parse(self, node: Node, reader: Reader) -> Curve:
        if isinstance(node, Mapping):
            return self._keyframes(node, reader)
        text = " ".join(text_of(node, self.allowed, reader).split())
        return self.constant(text, node, reader) if is_number(text) else self._formula(node, text, reader)

    def constant(self, text: str, node: Node, reader: Reader) -> Constant:
        """A number, written at a node. Raises Refused."""
        return Constant(self._checked(text, node.place, reader), **self._common(node, text))

    def dump(self, curve: Curve, writer: Writer) -> Any:
        if isinstance(curve, Constant):
            return curve.value
        if isinstance(curve, Formula):
            return Quoted(curve.expression)
        assert isinstance(curve, Keyframes)
        return {time_text(key.time): Flow([key.value, key.easing]) for key in curve.keys}

    def schema(self) -> list[Schema]:
        number = bounds(self.range.minimum, self.range.maximum, self.range.exclusive_minimum)
        expression: Schema = {"type": "string"}
        items = [{"anyOf": [number, expression]}, {"enum": list(EASINGS)}]
        eased: Schema = {"type": "array", "items": items, "minItems": 1, "maxItems": 2}
        each = {"anyOf": [number, expression, eased]}
        return [number, expression, {"type": "object", "additionalProperties": each, "minProperties": 1}]

    def _common(self, node: Node, text: str) -> dict[str, Any]:
        # The base of a constant would mean nothing, and would make equal curves unequal.
        return {"range": self.range, "text": text, "place": node.place}

    def _checked(self, text: str, place: Place, reader: Reader, when: str = "") -> float:
        """A finite number in the range of the curve."""
        if not is_number(text):
            raise reader.refuse(place, f"{when}found {quoted(text)}, allowed {self.range}{_hint(text)}")
        value = parse_number(text)
        if value not in self.range:
            raise reader.refuse(place, when + self.range.refuse(value))
        return value

    def _formula(self, node: Node, text: str, reader: Reader) -> Formula:
        try:
            parse_expression(text, reader.signals)
        except ExpressionError as error:
            if reader.song_lost and re.search("soundtrack|stem|unknown name", str(error)):
                raise Refused from None
            raise reader.refuse(node, f"found {quoted(text)}, {self._fault(text, error)}") from None
        names = names_used(text, reader.signals)
        made = Formula(text, names & reader.signals, base=node.base, **self._common(node, text))
        if not names:  # what never changes can be checked at once
            try:
                made.sample(np.zeros(1), _SECONDS)
            except CurveError as error:
                raise reader.refuse(made, f"found {quoted(made.text)}: {error.reason}") from None
        return made

    def _fault(self, text: str, error: ExpressionError) -> str:
        """What was probably meant: a number, something that is no curve at all, or an expression."""
        unknown = "unknown name" in str(error) and "did you mean" not in str(error)
        if (hint := _hint(text)) or (unknown and _WORD.fullmatch(text)):
            return f"allowed {self.allowed}{hint}"
        return f"which is no expression: {error}"

    def _keyframes(self, node: Mapping, reader: Reader) -> Keyframes:
        def read(name: Scalar, time: Time, value: Node) -> Key:
            return self._key(time, name, value, node.path, reader)

        keys = tuple(read_timed(node, self.allowed, read, reader))
        text = ", ".join(f"{key.time}: {key.value:.12g}" for key in keys)
        return Keyframes(keys, base=node.base, **self._common(node, f"{{{text}}}"))

    def _key(self, time: Time, name: Scalar, value: Node, path: str, reader: Reader) -> Key:
        place = Place(value.file, value.line, path)
        when = f"at {name.text}: "
        parts: Sequence[Node] = value.items if isinstance(value, tree.Sequence) else [value]
        texts = [part.text.strip() if isinstance(part, Scalar) else None for part in parts]
        number, easing = texts[0] if texts else None, texts[1] if len(texts) == 2 else "linear"
        if not number or easing is None or len(texts) > 2:
            raise reader.refuse(place, f"{when}found {shown(value)}, allowed a number or [number, easing]")
        checked = self._checked(number, place, reader, when)
        if easing not in EASINGS:
            hint = did_you_mean(easing.replace("_", "-"), EASINGS)
            found = f"{when}found the easing {quoted(easing)}"
            raise reader.refuse(place, f"{found}, allowed {', '.join(EASINGS)}{hint}")
        return Key(time, checked, easing)


def curve(
    low: float = -math.inf, high: float = math.inf, *, above: float | None = None, why: str = ""
) -> CurveType:
    """A curve whose values lie from `low`, or above `above`, to `high`."""
    limits = Range(low if above is None else above, high, above is not None, why)
    return CurveType(f"{limits}, keyframes such as {{0s: 1, 2s: 1.5}} or an expression of t", limits)


@dataclass(frozen=True)
class XY:
    """One curve for each direction."""

    x: Curve
    y: Curve


@dataclass(frozen=True)
class Pair(FieldType):
    """A mapping of two curves, x and y; a shot's is merged into the scene's."""

    each: CurveType
    value: float  # of either, when nobody writes it

    def default(self, value: Any) -> XY:
        return XY(*(self.each.default(self.value) for _ in "xy"))

    def absent(self, value: Any, place: Place, reader: Reader) -> XY:
        places = (replace(place, path=f"{place.path}.{axis}") for axis in "xy")
        return XY(*(self.each.absent(self.value, place, reader) for place in places))

    def parse(self, node: Node, reader: Reader) -> XY:
        if isinstance(node, tree.Sequence) and len(node.items) == 2:
            raise reader.wrong(node, f"{self.allowed}: each of the two is a curve", "a list")
        found = reader.mapping(node, self.allowed)
        reader.check_keys(found, ("x", "y"))
        return XY(*(reader.field(axis, Option(self.each, "", self.value), found) for axis in "xy"))

    def write(self, value: XY, writer: Writer) -> Any:
        both = {axis: self.each.write(getattr(value, axis), writer) for axis in "xy"}
        return {axis: written for axis, written in both.items() if written is not None}

    def schema(self) -> list[Schema]:
        each: Schema = {"anyOf": [*self.each.schema(), {"const": "none"}]}
        return [closed_schema({"x": each, "y": each})]

    def curves(self, value: XY) -> Iterator[Curve]:
        yield from (value.x, value.y)

    merge = staticmethod(merge_by_key)


def pair(farthest: float, value: float) -> Pair:
    """Two curves from -farthest to farthest that are `value` when nobody writes them."""
    return Pair("a mapping such as {x: 0.1, y: 0}", curve(-farthest, farthest), value)
