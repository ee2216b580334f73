"""Deforum's schedules, `0:(1.02), 30:(1.0+0.04*sin(t/10))`, by its own rule.

The rule (get_inbetweens of the notebook and of the web UI's extension): a number stands at its own frame,
and frames up to the next key lie on the line to what that key has there; an expression is evaluated at every
frame until the next key. `t` is the frame, `max_f` the last frame, `s` the seed. Before the first key and
after the last one the value stays. Keys behind the last frame are never reached. Where an expression has no
value, a line leads across the hole.

People write schedules in many ways, and some keys cannot be read: a schedule is lost only where none can.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vqanim.importers import curves
from vqanim.importers.clock import MAX_FRAMES, Clock, frames_text
from vqanim.importers.curves import Curve, Formula, Keys, Point, Untranslatable, number
from vqanim.importers.draft import Draft
from vqanim.importers.evaluation import values_of
from vqanim.importers.keys import balanced, frame_of, number_in, read_keys, split_outside_brackets
from vqanim.importers.sampling import KEYFRAMED, every_frame, says

__all__ = ["MAX_FRAMES", "Clock", "chained", "curve_of", "frame_of", "number_in", "read_curves"]
__all__ += ["read_schedule", "series_of", "split_outside_brackets"]

Floats = NDArray[np.float64]
MOST_PIECES = 40  # of one expression; more are keyframes
MOST_REMARKS = 4


@dataclass(frozen=True)
class Schedule:
    """A schedule that was read."""

    curve: Curve
    values: Floats  # at every frame, as the tool has them
    remarks: tuple[str, ...]  # what is not as it was written


def read_schedule(value: Any, clock: Clock) -> Schedule:
    """A schedule as numbers over time; its value at every frame is Deforum's. Raises Untranslatable where
    nothing of it can be read."""
    keys, remarks = read_keys(value, clock)
    reached = {frame: text for frame, text in keys.items() if frame < clock.frames}
    reached = reached or dict(list(keys.items())[:1])
    values, odd = series_of(reached, clock)
    if len(odd) == len(reached):
        raise Untranslatable(next(iter(odd.values())))
    remarks += [f"at frame {frame}: {reason}" for frame, reason in odd.items()]
    reached = {frame: text for frame, text in reached.items() if frame not in odd}
    values, holes = filled(values, reached)
    if holes:
        remarks.append(f"has no value at {frames_text(holes)}: a line leads across, as there")
    curve = _curve(reached, values, clock)
    if not holes and isinstance(curve, Keys) and any(number_in(text) is None for text in reached.values()):
        remarks.append(KEYFRAMED)
    return Schedule(curve, values, tuple(remarks))


def curve_of(value: Any, clock: Clock) -> Curve:
    """The curve of a schedule, see read_schedule."""
    return read_schedule(value, clock).curve


def series_of(keys: Mapping[int, str], clock: Clock) -> tuple[Floats, dict[int, str]]:
    """Values at every frame [frames], NaN where only the neighbors say them; and why keys cannot be read.
    keys: as they are written, ascending; the first one may lie behind the last frame."""
    values, odd = np.full(clock.frames, np.nan), dict[int, str]()
    edges = [*keys, clock.frames]
    for place, (frame, text) in enumerate(keys.items()):
        frame = min(frame, clock.frames - 1)
        found = number_in(text)
        if found is not None:
            values[frame] = found
            continue
        moments = np.arange(frame, max(min(edges[place + 1], clock.frames), frame + 1), dtype=np.float64)
        try:
            values[frame : frame + len(moments)] = formula_values(text, moments, clock)
        except Untranslatable as error:
            odd[list(keys)[place]] = str(error)
    return values, odd


def formula_values(text: str, frames: Floats, clock: Clock) -> Floats:
    """Values [N] of a formula at frames [N], NaN where it has none. Raises Untranslatable."""
    constants = {name: np.full(frames.shape, int(value)) for name, value in clock.constants.items()}
    return values_of(balanced(text), {"t": frames.astype(np.int64), **constants}, numexpr=True)


def filled(values: Floats, keys: Mapping[int, str]) -> tuple[Floats, list[int]]:
    """Values without holes, by Deforum's rule, and the frames at which a formula has none. Raises
    Untranslatable where there is no value at all."""
    known = np.flatnonzero(np.isfinite(values))
    if not known.size:
        raise Untranslatable("it has no value at any frame")
    holes: list[int] = []
    edges = [*keys, len(values)]
    for place, (frame, text) in enumerate(keys.items()):
        if number_in(text) is None:
            inside = np.arange(frame, min(edges[place + 1], len(values)))
            holes += inside[~np.isfinite(values[inside])].tolist() if inside.size else []
    return np.interp(np.arange(len(values)), known, values[known]), holes


def _curve(keys: Mapping[int, str], values: Floats, clock: Clock) -> Curve:
    """The curve that people read best, of those that say the same."""
    frames = list(keys)
    numbers = [number_in(text) for text in keys.values()]
    if all(found is not None for found in numbers):
        points = zip(frames, numbers, strict=True)
        return curves.simplified(Point(clock.second(frame), found or 0.0) for frame, found in points)
    with suppress(Untranslatable):
        curve = _readable(keys, values, clock)
        if isinstance(curve, float | int) and np.ptp(values) == 0:
            return float(curve)
        if isinstance(curve, Formula) and says(curve, values, clock):
            return curve
    return every_frame(values, clock)


def _readable(keys: Mapping[int, str], values: Floats, clock: Clock) -> Curve:
    """An expression for all of a schedule; it may be another one. Raises Untranslatable."""
    frames = list(keys)
    if len(frames) == 1:
        return curves.parse_curve(balanced(keys[frames[0]]), clock.names)
    if len(frames) > MOST_PIECES:
        raise Untranslatable("it is too long")
    pieces = []
    for place, frame in enumerate(frames):
        after = frames[place + 1] if place + 1 < len(frames) else None
        begin = number_in(keys[frame])
        if begin is None:
            pieces.append(curves.translate_freely(balanced(keys[frame]), clock.names))
        elif after is None or values[after] == begin:
            pieces.append(number(begin))
        else:
            passed = f"(t * {clock.fps_text} - {frame})" if frame else f"t * {clock.fps_text}"
            pieces.append(f"mix({number(begin)}, {number(float(values[after]))}, {passed} / {after - frame})")
    return Formula(curves.tidied(chain(pieces, frames[1:], clock)))


def chained(pieces: Sequence[str], edges: Sequence[int], clock: Clock) -> Curve:
    """Expressions one after another: each holds up to the frame at the same place of `edges`. Keyframes where
    that is too long for an expression. Raises Untranslatable."""
    values = np.full(clock.frames, np.nan)
    for piece, begin, end in zip(pieces, [0, *edges], [*edges, clock.frames], strict=True):
        values[begin:end] = values_of(piece, {"t": clock.seconds[begin:end]}) if begin < end else 0.0
    values, _ = filled(values, {})
    if len(pieces) <= MOST_PIECES:
        with suppress(Untranslatable):
            curve = Formula(curves.tidied(chain(pieces, edges, clock)))
            if says(curve, values, clock):
                return curve
    return every_frame(values, clock)


def chain(pieces: Sequence[str], edges: Sequence[int], clock: Clock) -> str:
    text = pieces[-1]
    for place in range(len(pieces) - 2, -1, -1):
        if pieces[place] != pieces[place + 1]:
            # Half a frame before the edge, where no rounding can tell the frames apart.
            text = f"({pieces[place]}) if t * {clock.fps_text} < {edges[place] - 0.5:g} else ({text})"
    return text


def read_curves(draft: Draft, keys: Sequence[str], clock: Clock) -> dict[str, Curve]:
    """The schedules among some settings; of what is not as it was written a word is said, and those of which
    nothing can be read are left out with the reason."""
    return {key: schedule.curve for key, schedule in read_schedules(draft, keys, clock).items()}


def read_schedules(draft: Draft, keys: Sequence[str], clock: Clock) -> dict[str, Schedule]:
    """The same with their values at every frame."""
    found: dict[str, Schedule] = {}
    for key in keys:
        if draft.settings.get(key) in (None, ""):
            continue
        try:
            found[key] = read_schedule(draft.settings[key], clock)
        except Untranslatable as error:
            draft.refuse(key, str(error))
            continue
        remarks = found[key].remarks
        if len(remarks) > MOST_REMARKS:
            remarks = (*remarks[:MOST_REMARKS], f"and {len(remarks) - MOST_REMARKS} keys more of the kind")
        if remarks:
            draft.near(key, "; ".join(remarks))
    return found
