"""Deforum's schedules, `0:(1.02), 30:(1.0+0.04*sin(t/10))`, by its own rule.

The rule (get_inbetweens of the notebook and of the web UI's extension): a number stands at its own frame,
and frames up to the next key lie on the line to what that key has there; an expression is evaluated at every
frame until the next key. `t` is the frame, `max_f` the last frame, `s` the seed. Before the first key and
after the last one the value stays. Keys behind the last frame are never reached.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from fractions import Fraction
from itertools import pairwise
from typing import Any

import numpy as np

from vqanim.errors import UsageError
from vqanim.importers import curves
from vqanim.importers.curves import Curve, Formula, Point, Untranslatable, constant_of, number, shortened
from vqanim.importers.draft import Draft

MAX_KEYS = 5000  # keyframes of one schedule
MAX_FRAMES = 99_999
"""One less than a scene may have, whose length in seconds may be a little more when rounded."""
_NUMBER = re.compile(r"(?=.)[+-]?\d*(?:\.\d+)?", re.ASCII)
_FRAME = re.compile(r"\d{1,9}", re.ASCII)


class Clock:
    """What a schedule is measured by."""

    def __init__(self, fps: Fraction, frames: int, seed: int = 0) -> None:
        self.fps, self.frames = fps, frames
        self.fps_text = number(float(fps))
        self.names = {"t": f"(t * {self.fps_text})", "max_f": str(frames - 1), "s": str(seed)}
        """Deforum's variables here."""

    def second(self, frame: int) -> Fraction:
        """When a frame is shown."""
        return Fraction(frame) / self.fps


def parse_schedule(value: Any, clock: Clock) -> dict[int, str]:
    """Values as they are written by the frame from which they hold, ascending. Of two at one frame the last
    counts. Raises Untranslatable, UsageError."""
    if isinstance(value, bool) or value is None:
        raise Untranslatable(f"{value!r} is no schedule")
    if isinstance(value, int | float):
        return {0: repr(value)}
    pairs = list(value.items() if isinstance(value, Mapping) else _pairs(str(value)))
    if not pairs:
        raise Untranslatable("it is empty")
    if len(pairs) > MAX_KEYS:
        raise UsageError(f"a schedule has {len(pairs)} keyframes, allowed are at most {MAX_KEYS}")
    keys = {frame_of(str(frame), clock): str(text).strip() for frame, text in pairs}
    return dict(sorted(keys.items()))


def frame_of(text: str, clock: Clock) -> int:
    """The frame of a key such as `30` or `"max_f/2"`. Raises Untranslatable."""
    written = text.strip().strip("'\"").strip()
    if _FRAME.fullmatch(written):
        return int(written)
    found = constant_of(curves.parse_curve(written, {name: clock.names[name] for name in ("max_f", "s")}))
    if found is None or not 0 <= found <= MAX_FRAMES:
        raise Untranslatable(f"{shortened(written)} is no frame")
    return int(found)


def _pairs(text: str) -> Iterator[tuple[str, str]]:
    for part in split_outside_brackets(text, ","):
        if part.strip():
            frame, *rest = split_outside_brackets(part, ":", most=1)
            if not rest:
                raise Untranslatable(f"{shortened(part)} has no frame: allowed is `0: (1.02), 30: (1.05)`")
            yield frame, rest[0]


def split_outside_brackets(text: str, sign: str, most: int = -1) -> list[str]:
    """The parts between signs that stand in no brackets and quotes; at most `most` cuts."""
    parts: list[str] = []
    depth, begin, quote = 0, 0, ""
    for place, letter in enumerate(text):
        if quote:
            quote = "" if letter == quote else quote
        elif letter in "\"'":
            quote = letter
        elif letter in "([{":
            depth += 1
        elif letter in ")]}":
            depth = max(0, depth - 1)
        elif letter == sign and depth == 0 and len(parts) != most:
            parts.append(text[begin:place])
            begin = place + 1
    return [*parts, text[begin:]]


def curve_of(value: Any, clock: Clock) -> Curve:
    """A schedule as numbers over time; its value at every frame is Deforum's. Raises Untranslatable with the
    reason; UsageError for one beyond all measure."""
    keys = parse_schedule(value, clock)
    frames = [frame for frame in keys if frame < clock.frames] or list(keys)[:1]
    numbers = [number_in(keys[frame]) for frame in frames]
    if all(found is not None for found in numbers):
        points = zip(frames, numbers, strict=True)
        return curves.simplified(Point(clock.second(frame), found or 0.0) for frame, found in points)
    if len(frames) == 1:
        return curves.parse_curve(keys[frames[0]], clock.names)
    pairs = zip(frames, [*frames[1:], None], strict=True)
    return chained([_piece(keys, frame, after, clock) for frame, after in pairs], frames[1:], clock)


def number_in(text: str) -> float | None:
    """The number that a value is, if it is one."""
    written = text.replace("(", "").replace(")", "").strip(" '\"")
    return float(written) if _NUMBER.fullmatch(written) else None


def _piece(keys: Mapping[int, str], frame: int, after: int | None, clock: Clock) -> str:
    """What holds from a key to the next one, as an expression."""
    begin = number_in(keys[frame])
    if begin is None:
        return curves.translate_freely(keys[frame], clock.names)
    if after is None:
        return number(begin)
    if (end := number_in(keys[after])) is None:
        second = np.array([float(clock.second(after))])
        end = float(curves.values_at(curves.translate_freely(keys[after], clock.names), second)[0])
    if end == begin:
        return number(begin)
    passed = f"(t * {clock.fps_text} - {frame})" if frame else f"t * {clock.fps_text}"
    return f"mix({number(begin)}, {number(end)}, {passed} / {after - frame})"


def chained(pieces: Sequence[str], edges: Sequence[int], clock: Clock) -> Curve:
    """Expressions one after another: each holds up to the frame at the same place of `edges`."""
    text = pieces[-1]
    for place in range(len(pieces) - 2, -1, -1):
        if pieces[place] != pieces[place + 1]:
            # Half a frame before the edge, where no rounding can tell the frames apart.
            text = f"({pieces[place]}) if t * {clock.fps_text} < {edges[place] - 0.5:g} else ({text})"
    with suppress(curves.TooLong):
        return Formula(curves.tidied(text))
    if clock.frames > MAX_KEYS:
        raise Untranslatable(f"it is too long for an expression, and the film for {MAX_KEYS} keyframes")
    points: list[Point] = []
    for piece, (begin, end) in zip(pieces, pairwise([0, *edges, clock.frames]), strict=True):
        seconds = [clock.second(frame) for frame in range(begin, max(end, begin + 1))]
        values = curves.values_at(piece, np.array([float(second) for second in seconds]))
        points += [Point(second, float(value)) for second, value in zip(seconds, values, strict=True)]
    return curves.simplified(points)


def read_curves(draft: Draft, keys: Sequence[str], clock: Clock) -> dict[str, Curve]:
    """The schedules among some settings; those that cannot be read are left out, with the reason. Raises
    UsageError for one beyond all measure."""
    curves: dict[str, Curve] = {}
    for key in keys:
        if draft.settings.get(key) in (None, ""):
            continue
        try:
            curves[key] = curve_of(draft.settings[key], clock)
        except Untranslatable as error:
            draft.refuse(key, str(error))
        except UsageError as error:
            raise UsageError(f"{key}: {error}") from None
    return curves
