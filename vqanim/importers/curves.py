"""Numbers over time as a scene writes them: a number, keyframes in seconds, or an expression of `t`."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from typing import TypeAlias

import numpy as np

from vqanim.importers.formulas import Untranslatable, tidied, translate, values_at
from vqanim.scene.expressions import names_used
from vqanim.scene.times import decimal_text

DIGITS = 9
"""Of the seconds of a key, behind the point: as exact as a scene tells moments apart."""
FIGURES = 7
"""Of a value, altogether."""
CLOSE = 1e-3
"""How far a power of a straight line may be from the line between its keys, as a part of it."""
HALVINGS = 6
WIDTH = 100
"""Columns of keyframes on several lines."""


@dataclass(frozen=True)
class Point:
    """A keyframe."""

    second: Fraction
    value: float
    step: bool = False
    """Whether the value jumps there, instead of being approached in a straight line."""


@dataclass(frozen=True)
class Keys:
    """Keyframes, ascending; at least one."""

    points: tuple[Point, ...]


@dataclass(frozen=True)
class Formula:
    """An expression of ours over `t`, in seconds."""

    text: str


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
    return mapped(curve, lambda value: min(max(value, low), high), template)


def power(curve: Curve, exponent: float) -> Curve:
    """The curve to a power, as of a factor a frame that becomes one a second at so many frames a second.

    Between keys a straight line becomes several, none of them shorter than a frame.
    """
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
    if halvings and (after.second - before.second) * exponent >= 2 and abs(true - straight) > CLOSE * true:
        yield from _between(before, middle, exponent, halvings - 1)
        yield Point(middle.second, true)
        yield from _between(middle, after, exponent, halvings - 1)


def product(first: Curve, second: Curve, signals: frozenset[str] = frozenset()) -> Curve:
    """Both multiplied. Raises Untranslatable for what gets too long."""
    for curve, other in ((first, second), (second, first)):
        if (factor := constant_of(curve)) is not None:
            return scaled(other, factor)
    texts = [curve.text if isinstance(curve, Formula) else _as_text(curve) for curve in (first, second)]
    return Formula(tidied(f"({texts[0]}) * ({texts[1]})", signals))


def _as_text(curve: float | Keys) -> str:
    """Keyframes as an expression."""
    assert isinstance(curve, Keys)
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
    if first.second == 0:
        return text
    return f"({text}) if t > {float(first.second):.{DIGITS}g} else {number(first.value)}"


def simplified(points: Iterable[Point]) -> Curve:
    """Keyframes without those that change nothing; a number where all are the same.

    Of two at one moment the last one counts.
    """
    kept: list[Point] = []
    for point in points:
        if kept and time(kept[-1].second) == time(point.second):
            kept.pop()
        if len(kept) > 1 and _is_needless(kept[-2], kept[-1], point):
            kept.pop()
        kept.append(point)
    if len({point.value for point in kept}) == 1:
        return kept[0].value
    if len(kept) > 1 and kept[-1].value == kept[-2].value:
        kept.pop()
    return Keys(tuple(kept))


def _is_needless(before: Point, middle: Point, after: Point) -> bool:
    """Whether a key between two others lies where the line between them passes anyway."""
    if middle.step or after.step:
        return middle.value == before.value and (after.step or after.value == before.value)
    way = (middle.second - before.second) / (after.second - before.second)
    line_ = before.value + (after.value - before.value) * float(way)
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
