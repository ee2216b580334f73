"""Where every shot begins and ends, in frames."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import accumulate

from vqanim.errors import Place, Problem, SceneError
from vqanim.scene.model import MAX_FRAMES, Scene, Shot
from vqanim.scene.times import SAME_MOMENT, TimeBase


@dataclass(frozen=True)
class Span:
    """One shot's place in the film."""

    shot: Shot
    first: int
    """Number of its first frame in the film."""
    count: int
    """Its frames; one or more."""
    start: float
    """Film time of its first frame, in seconds."""
    duration: float
    """Seconds as written, not rounded to frames."""
    blend: float
    """Seconds over which it is blended with the shot before; 0 for none."""


def lay_out(scene: Scene) -> tuple[Span, ...]:
    """The shots one after another. Borders are the cumulated time, rounded to the nearest frame.

    Raises SceneError with every shot that shows no frame or is shorter than its transition, or when the
    film is too long.
    """
    durations = _durations(scene)
    borders = _borders(durations, scene)
    spans = []
    for number, (shot, duration) in enumerate(zip(scene.shots, durations, strict=True)):
        first, blend = borders[number], _blend_seconds(shot, duration, scene.fps) if number else 0.0
        start = float(first / scene.fps)
        spans.append(Span(shot, first, borders[number + 1] - first, start, duration, blend))
    if problems := [problem for span in spans for problem in _problems(span, scene.fps)]:
        raise SceneError(problems)
    return tuple(spans)


def _problems(span: Span, fps: Fraction) -> list[Problem]:
    """What cannot be meant about a shot's times."""
    shot, lasts = span.shot, f"shot {span.shot.name} lasts {max(span.duration, 0.0):.6g} s"
    if span.count < 1:
        frame = f"{float(1 / fps):.3g} s at {float(fps):.6g} fps"
        return [Problem(shot.place, f"{lasts} and shows no frame: one is {frame}")]
    if span.blend > span.duration + SAME_MOMENT:
        message = f"{lasts} but its transition {span.blend:.6g} s, allowed is the shot's duration at most"
        return [Problem(shot.place, message)]
    return []


def _durations(scene: Scene) -> list[float]:
    """Seconds of every shot; the one without a duration takes what the others leave."""
    base = TimeBase(0.0, scene.fps)
    known = [None if shot.duration is None else shot.duration.seconds(base) for shot in scene.shots]
    taken = math.fsum(seconds for seconds in known if seconds is not None)
    total = taken if scene.duration is None else scene.duration.seconds(base)
    return [total - taken if seconds is None else seconds for seconds in known]


def _borders(durations: Sequence[float], scene: Scene) -> list[int]:
    """Number of the first frame of every shot, and of the film's end."""
    elapsed = list(accumulate(map(Fraction, durations), initial=Fraction(0)))
    # Half a frame counts as one, whatever the rounding of a float says about the half.
    borders = [math.floor(round(seconds * scene.fps, 6) + Fraction(1, 2)) for seconds in elapsed]
    if borders[-1] > MAX_FRAMES:
        message = f"found {borders[-1]} frames, allowed {MAX_FRAMES} in a film: shorten it or lower fps"
        raise SceneError([Problem(Place(scene.file, 0, "duration"), message)])
    return borders


def _blend_seconds(shot: Shot, duration: float, fps: Fraction) -> float:
    length = shot.transition.duration
    if shot.transition.kind != "carry" or length is None:
        return 0.0
    return length.seconds(TimeBase(duration, fps))
