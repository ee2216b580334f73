"""Functions of Parseq's formulas: waves, curves between keyframes, arithmetic.

What is random there, and what looks at labels of keyframes, has no equal.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias

from vqanim.importers.curves import Untranslatable
from vqanim.importers.manifests.moment import Moment, Value

Given: TypeAlias = Sequence[Value | None]
Call: TypeAlias = Callable[[Moment, Given], Value]


def _numbers(given: Given, *defaults: float | None) -> list[float]:
    """The arguments; a default of None says that one is needed."""
    found = []
    for value, default in zip(given, defaults, strict=True):
        value = default if value is None else value
        if value is None or isinstance(value, str):
            raise Untranslatable("a function lacks a number")
        found.append(float(value))
    return found


def _wave(shape: Callable[[float, float, float], float]) -> Call:
    """A wave around a center. shape: of the position, the period and the length of a pulse."""

    def call(at: Moment, given: Given) -> float:
        period, phase, amplitude, center, limit, pulse = _numbers(given, None, 0, 1, 0, 0, 5)
        if limit > 0 and at.frame - at.active_frame > limit * period:
            return 0.0
        return center + amplitude * shape(at.frame + phase, period, pulse)

    return call


def _turn(position: float, period: float) -> float:
    return math.sin(position * math.tau / period)


def _between(at: Moment, given: Given) -> tuple[float, float, float, float]:
    """Where a curve begins and ends, how many frames it takes, and the part of them that has passed; 2 where
    it is not said."""
    span = float(at.next_frame - at.active_frame)
    start, end, length, offset = _numbers(given, at.active_value, at.next_value, span, 2)
    return start, end, length, offset


def _slide(at: Moment, given: Given) -> float:
    start, end, length, offset = _between(at, given)
    passed = float(at.frame - at.active_frame)
    if length == 0:
        return start
    if passed >= length:
        return end
    return start + (end - start) / length * (offset * length if abs(offset) < 1 else passed)


_EASINGS: Mapping[str, tuple[float, float, float, float]] = {
    "linear": (0, 0, 1, 1),
    "ease": (0.25, 0.1, 0.25, 1),
    **dict.fromkeys(("ease-in", "easeIn"), (0.42, 0, 1, 1)),
    **dict.fromkeys(("ease-out", "easeOut"), (0, 0, 0.58, 1)),
    **dict.fromkeys(("ease-in-out", "easeInOut"), (0.42, 0, 0.58, 1)),
    **dict.fromkeys(("step-start", "stepStart"), (0, 0, 0, 1)),
    **dict.fromkeys(("step-end", "stepEnd"), (1, 0, 1, 1)),
}
"""Control points by the names that CSS has for them."""


def _bezier(at: Moment, given: Given) -> float:
    *points, start_given, end_given, span_given, offset_given, curve, delta = given
    x1, y1, x2, y2 = _numbers(points, 0.5, 0, 0.5, 1)
    if curve:
        if curve not in _EASINGS:
            raise Untranslatable(f"bez() has no curve {str(curve)[:40]!r} here")
        x1, y1, x2, y2 = _EASINGS[str(curve)]
    start, end, length, offset = _between(at, (start_given, end_given, span_given, offset_given))
    if delta:
        end = start + _numbers([delta], None)[0]
    if length == 0:
        return start
    position = offset if abs(offset) < 1 else (at.frame - at.active_frame) / length
    return end if position > 1 else start + _eased(position, x1, y1, x2, y2) * (end - start)


def _eased(position: float, x1: float, y1: float, x2: float, y2: float) -> float:
    """How far a cubic Bézier curve from (0, 0) to (1, 1) has come, by halving."""

    def on(first: float, second: float, way: float) -> float:
        return 3 * (1 - way) ** 2 * way * first + 3 * (1 - way) * way**2 * second + way**3

    low, high = 0.0, 1.0
    for _ in range(40):
        middle = (low + high) / 2
        low, high = (middle, high) if on(x1, x2, middle) < position else (low, middle)
    return on(y1, y2, (low + high) / 2)


def _rounded(rule: Callable[[float], float]) -> Call:
    def call(at: Moment, given: Given) -> float:
        value, digits = _numbers(given, None, 0)
        if not 0 <= digits <= 12:
            raise Untranslatable("numbers are rounded to 0 to 12 digits")
        return float(rule(value * 10**digits) / 10**digits)

    return call


def _plain(rule: Callable[..., float], count: int = 1) -> tuple[tuple[tuple[str, ...], ...], Call]:
    """A function of numbers alone."""
    names = (("v", "a"),) if count == 1 else (("a",), ("b",))
    return names, lambda at, given: float(rule(*_numbers(given, *[None] * count)))


def _computed_at(at: Moment, given: Given) -> float:
    frame, default = _numbers(given, at.active_frame, 0)
    if frame < 0:
        return default
    if int(frame) >= len(at.computed):
        raise Untranslatable("computed_at() looks ahead")
    return at.computed[int(frame)]


def _start_of_beat(at: Moment, given: Given) -> float:
    (frame,) = _numbers(given[:1], at.frame)
    rules = {"d": math.floor, "u": math.ceil, "r": lambda value: math.floor(value + 0.5)}
    rule = rules.get(str(given[1] or "r"))
    if rule is None:
        raise Untranslatable("start_of_beat() rounds by d, u or r")
    return float(rule(math.floor(frame / at.beat) * at.beat))


_WAVE = (("period", "p"), ("phase", "ps"), ("amp", "a"), ("centre", "c"), ("limit", "li"), ("pulse", "pw"))
_SPAN = (("from", "start", "s"), ("to", "end", "t"), ("span", "in"), ("offset", "os"))
_DIGITS = (("v",), ("p",))
FUNCTIONS: Mapping[str, tuple[tuple[tuple[str, ...], ...], Call]] = {
    "sin": (_WAVE, _wave(lambda x, period, _: _turn(x, period))),
    "tri": (_WAVE, _wave(lambda x, period, _: math.asin(_turn(x, period)) * 2 / math.pi)),
    "saw": (_WAVE, _wave(lambda x, period, _: math.fmod(x, period) / period)),
    "sq": (_WAVE, _wave(lambda x, period, _: 1.0 if _turn(x, period) >= 0 else -1.0)),
    "pulse": (_WAVE, _wave(lambda x, period, pulse: float(math.fmod(x, period) < pulse))),
    "slide": (_SPAN, _slide),
    "bez": ((("x1",), ("y1",), ("x2",), ("y2",), *_SPAN, ("curve", "c"), ("d", "delta")), _bezier),
    "min": _plain(min, 2),
    "max": _plain(max, 2),
    "abs": _plain(abs),
    "round": (_DIGITS, _rounded(lambda value: math.floor(value + 0.5))),
    "floor": (_DIGITS, _rounded(math.floor)),
    "ceil": (_DIGITS, _rounded(math.ceil)),
    **{
        f"_{name}": _plain(getattr(math, name))
        for name in """sin cos tan asin acos atan log exp sqrt expm1 log1p log10 log2
            sinh cosh tanh asinh acosh atanh""".split()
    },
    "_sign": _plain(lambda value: math.copysign(1.0, value) if value else 0.0),
    "_cbrt": _plain(lambda value: math.copysign(abs(value) ** (1 / 3), value)),
    "f2b": ((("v",),), lambda at, given: _numbers(given, None)[0] / at.beat),
    "f2s": ((("v",),), lambda at, given: _numbers(given, None)[0] / at.fps),
    "b2f": ((("v",),), lambda at, given: _numbers(given, None)[0] * at.beat),
    "s2f": ((("v",),), lambda at, given: _numbers(given, None)[0] * at.fps),
    "computed_at": ((("f",), ("d",)), _computed_at),
    "start_of_beat": ((("f",), ("round", "r")), _start_of_beat),
    "is_generation": ((("f",),), lambda at, given: float(_numbers(given, at.frame)[0] % at.cadence == 0)),
}
"""Names of the values by their order, and what is done with them."""
