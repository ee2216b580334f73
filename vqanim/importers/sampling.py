"""Curves as their values at every frame, and values at every frame as keyframes.

What no expression of ours can say becomes keyframes: as few as keep near every value. Between two frames a
value flows on in a straight line. A factor that jumps does not: a straight line from 1 to 50 is far more than
half of the way for what multiplies, so it is held up to the middle between the frames, and the way that adds
up is that of the factors at the frames.

Where a factor changes so much that half a frame makes the film arrive elsewhere, its value is held for the
whole frame that leads to it, as the tools do: then the camera is at every frame where theirs is.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from fractions import Fraction
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from vqanim.importers.clock import Clock, frames_text
from vqanim.importers.curves import (
    Curve,
    Formula,
    Keys,
    Point,
    Untranslatable,
    number,
    parse_curve,
    simplified,
    tidied,
)
from vqanim.importers.evaluation import values_of
from vqanim.scene.expressions import ExpressionError, parse_expression

Floats = NDArray[np.float64]

NEAR = 5e-4  # how far a keyframed value may be from the true one, as a part of it
FAR = 5e-3  # beyond this it is told
JUMP = 0.2  # change of a factor's logarithm from one frame to the next that is a jump
LATE = 0.01  # of how far is flown: beyond this a value is held for its whole frame
_AFTER = Fraction(1, 1000)  # of a frame: so soon after a frame the way to the next one begins
_COARSE = 0.1  # a tolerance beyond which only the size of a curve counts
KEYFRAMED = "written as keyframes, as no expression says the same in as few words"
_SAME = 1e-5  # how far an expression may be from the true value, as a part of the largest one
_BETWEEN = 4  # parts of a frame at which an expression is looked at
_HALF_A_FRAME = 0.5  # of what a value changes: by so much the way may differ, as values flow here
_PART = 3e-3  # of the whole way, by which it may differ besides


def frame_values(curve: Curve, clock: Clock) -> Floats:
    """The values of a curve at every frame, [frames]; NaN where it has none. Raises Untranslatable for one
    with signals."""
    if isinstance(curve, Keys):
        return _key_values(curve, clock.seconds)
    if isinstance(curve, Formula):
        return _formula_values(curve.text, clock.seconds, clock)
    return np.full(clock.frames, float(curve))


def curve_of_formula(
    text: str, names: Mapping[str, str], clock: Clock | None, signals: frozenset[str] = frozenset()
) -> tuple[Curve, str]:
    """A formula of `t`, in seconds, as a curve, and what is to be said about it.

    Where no expression says the same, it is keyframes, with a line across frames without a value.
    names, signals: see curves.translate. Raises Untranslatable.
    """
    reason, curve = "", None
    try:
        curve = parse_curve(text, names, signals)
    except Untranslatable as error:
        reason = str(error)
    try:
        values = None if clock is None else values_of(text, {"t": clock.seconds})
    except Untranslatable:  # of signals, whose values are heard later
        values = None
    if clock is None or values is None:
        if curve is None:
            raise Untranslatable(reason)
        return curve, ""
    known = np.flatnonzero(np.isfinite(values))
    if not known.size:
        raise Untranslatable("it has no value at any frame")
    if curve is not None and known.size == len(values) and says(curve, values, clock):
        return curve, ""
    remark = KEYFRAMED
    if known.size < len(values):
        remark = f"has no value at {frames_text(np.flatnonzero(~np.isfinite(values)).tolist())}"
        remark += ": a line leads across"
    return every_frame(np.interp(np.arange(len(values)), known, values[known]), clock), remark


def every_frame(values: Floats, clock: Clock) -> Curve:
    """A key at every frame that changes anything. values: [frames]."""
    return simplified(Point(clock.second(frame), value) for frame, value in enumerate(values.tolist()))


def _formula_values(text: str, seconds: Floats, clock: Clock) -> Floats:
    progress = np.clip(seconds * float(clock.fps) / clock.frames, 0.0, 1.0)
    return values_of(text, {"t": seconds, "frame": seconds * float(clock.fps), "progress": progress})


def _key_values(keys: Keys, seconds: Floats) -> Floats:
    times = np.array([float(point.second) for point in keys.points])
    heights = np.array([point.value for point in keys.points])
    held = np.array([False, *(point.step for point in keys.points[1:]), True])
    passed = np.searchsorted(times, seconds + 1e-9, side="right")
    before, after = np.clip(passed - 1, 0, None), np.clip(passed, None, len(times) - 1)
    span = np.where(after > before, times[after] - times[before], 1.0)
    way = np.where(held[passed] | (after == before), 0.0, (seconds - times[before]) / span)
    return np.asarray(heights[before] + (heights[after] - heights[before]) * np.clip(way, 0.0, 1.0))


def says(curve: Curve, values: Floats, clock: Clock) -> bool:
    """Whether a curve, as a scene may have it, has these values [frames] at the frames; and an expression
    nothing between them that adds up to another way."""
    try:
        if isinstance(curve, Formula):
            parse_expression(curve.text)
        found = frame_values(curve, clock)
    except (ExpressionError, Untranslatable):
        return False
    size = float(np.max(np.abs(values), initial=1e-9))
    if not np.allclose(found, values, rtol=_SAME, atol=1e-6 * size):
        return False
    return not isinstance(curve, Formula) or curve.holds or _flows(curve.text, values, clock)


def _flows(text: str, values: Floats, clock: Clock) -> bool:
    """Whether an expression is between the frames what it is at them. One that is high at some frames only,
    such as t % 15 == 0, would lead nowhere."""
    if len(values) < 2:
        return True
    parts = np.arange((len(values) - 1) * _BETWEEN + 1) / _BETWEEN / float(clock.fps)
    fine = _formula_values(text, parts, clock)
    if not np.isfinite(fine).all():
        return False
    inner = (fine[:-1] + fine[1:]) / 2
    flow = inner.reshape(-1, _BETWEEN).mean(axis=1)
    lines = (values[:-1] + values[1:]) / 2
    way = np.abs(np.cumsum(flow - lines)).max()
    whole = np.abs(lines - np.median(values)).sum()
    return bool(way <= _HALF_A_FRAME * np.abs(np.diff(values)).max() + _PART * whole + 1e-9)


def is_late(factors: Floats, clock: Clock) -> bool:
    """Whether a camera whose factors a second [frames] flow from frame to frame is elsewhere than one that
    holds each for the frame that leads to it."""
    logs = np.log(np.maximum(factors, 1e-12)) / float(clock.fps)
    return bool(np.abs(logs - logs[0]).max() / 2 > LATE)


def held(values: Floats, readable: Curve | None, clock: Clock) -> Curve:
    """Values [frames] of which each holds from just after the frame before up to its own. readable: an
    expression of them, taken where it can be."""
    if isinstance(readable, Formula):
        frame = f"ceil(t * {clock.fps_text} - {number(float(_AFTER))})"
        words = rf"\bt \* {re.escape(clock.fps_text)}(?![\d.])|\bt\b"
        with suppress(Untranslatable, ExpressionError):
            text = re.sub(
                words,
                lambda m: f"({frame})" if " " in m[0] else f"({frame} / {clock.fps_text})",
                readable.text,
            )
            curve = Formula(tidied(text), holds=True)
            parts = _formula_values(curve.text, clock.seconds[1:] - 0.5 / float(clock.fps), clock)
            inside = np.allclose(parts, values[1:], rtol=_SAME)
            if inside and np.allclose(frame_values(curve, clock), values, rtol=_SAME):
                return curve
    later = (
        Point(clock.second(at + _AFTER), value, step=True) for at, value in enumerate(values[1:].tolist())
    )
    return simplified([Point(Fraction(0), float(values[0])), *later])


def keyframes(
    values: Floats, clock: Clock, tolerance: float = NEAR, *, factors: bool = False
) -> tuple[Curve, float]:
    """Keyframes near to values [frames], and how far from them a frame is at most, as a part of its value.
    factors: whether the values multiply, as those of a zoom."""
    span = float(np.ptp(values))
    # A curve that changes by little has to keep that little.
    coarse = tolerance >= _COARSE and not factors
    allowed = np.full(values.shape, span) if coarse else np.minimum(np.abs(values), span)
    borders = [0, *(_jumps(values) if factors and tolerance < _COARSE else ()), len(values)]
    limits = tolerance * allowed + 1e-7 * span
    curve = simplified(_points(values.tolist(), limits.tolist(), borders, clock))
    off = np.abs(frame_values(curve, clock) - values) / np.maximum(allowed, 1e-3 * span + 1e-12)
    return curve, float(off.max(initial=0.0))


def _jumps(values: Floats) -> Iterator[int]:
    """The frames at which a factor jumps."""
    logs = np.log(np.maximum(values, 1e-12))
    yield from (np.flatnonzero(np.abs(np.diff(logs)) > JUMP) + 1).tolist()


def _points(
    values: Sequence[float], limits: Sequence[float], borders: Sequence[int], clock: Clock
) -> Iterator[Point]:
    for begin, end in pairwise(borders):
        if begin:
            yield Point(clock.second(begin - Fraction(1, 2)), values[begin], step=True)
        if not begin or end - begin > 1:
            for frame in _kept(values, limits, begin, end - 1):
                yield Point(clock.second(frame), values[frame])


def _kept(values: Sequence[float], limits: Sequence[float], first: int, last: int) -> list[int]:
    """The frames from first to last at which a line has a corner, so that at every frame it is within its
    limit of the value: a line is as long as some line from its beginning to its end fits (Reumann-Witkam's
    cone, ending at a value)."""
    kept, begin, low, high = [first], first, -math.inf, math.inf
    frame = first + 1
    while frame <= last:
        way, rise = frame - begin, values[frame] - values[begin]
        if low <= rise / way <= high:
            low = max(low, (rise - limits[frame]) / way)
            high = min(high, (rise + limits[frame]) / way)
            frame += 1
        else:
            begin, low, high = frame - 1, -math.inf, math.inf
            kept.append(begin)
    return kept if last == first else [*kept, last]
