"""Where every shot begins and ends, in frames."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import accumulate

from vqanim.errors import Place, Problem, SceneError
from vqanim.scene.model import MAX_FRAMES, Scene, Shot
from vqanim.scene.times import SAME_MOMENT, TimeBase, nearest_frame


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
    """Seconds over which it is blended with the shot before as it is painted; 0 for none."""
    dissolve: float = 0.0
    """Seconds over which the shot before dissolves into it in the film; 0 for none."""
    overhang: int = 0
    """Frames that are painted past its end, for the dissolve that follows."""
    freeze: Fraction = Fraction(0)
    """Seconds for which its last picture is held in the film."""
    lag: float = 0.0
    """Seconds by which the film comes to it later than it is painted, for what is repeated and held."""
    written: float = 0.0
    """Film time at which it begins as written, not rounded to frames."""
    seen: float | None = None
    """Film time for which its first frame is painted; None while nobody has cut the film."""
    shown: int = 0
    """Painted frames by which the film comes to its frames later than they are painted."""

    @property
    def seen_at(self) -> float:
        """Film time for which its first frame is painted, as well as it is known."""
        return self.start + self.lag if self.seen is None else self.seen


def lay_out(scene: Scene) -> tuple[Span, ...]:
    """The shots one after another, as they are painted: without what the film holds and repeats.

    Borders are the cumulated time, rounded to the nearest painted frame.
    Raises SceneError with every shot that shows no frame or is shorter than its transition, or when the
    film is too long.
    """
    durations = _durations(scene)
    elapsed = list(accumulate(map(Fraction, durations), initial=Fraction(0)))
    borders = _borders(elapsed, scene)
    longer = (
        float(_freeze(shot, scene)) + (shot.repeat - 1) * seconds
        for shot, seconds in zip(scene.shots, durations, strict=True)
    )
    lags = list(accumulate(longer, initial=0.0))
    spans = []
    for number, (shot, duration) in enumerate(zip(scene.shots, durations, strict=True)):
        first, base = borders[number], TimeBase(duration, scene.fps)
        over = shot.transition.duration.seconds(base) if number and shot.transition.duration else 0.0
        kind, start = shot.transition.kind, float(first / scene.rate)
        spans.append(
            Span(
                shot,
                first,
                borders[number + 1] - first,
                start,
                duration,
                blend=over if kind == "carry" else 0.0,
                dissolve=over if kind == "dissolve" else 0.0,
                overhang=_overhang(shot, scene.shots[number + 1 :], durations[number + 1 :], scene),
                freeze=_freeze(shot, scene),
                lag=lags[number],
                written=float(elapsed[number]) + lags[number],
            )
        )
    if problems := [problem for span in spans for problem in _problems(span, scene)]:
        raise SceneError(problems)
    return tuple(spans)


def _overhang(shot: Shot, later: Sequence[Shot], durations: Sequence[float], scene: Scene) -> int:
    """Frames past a shot's end, whatever fps is; none where the film has no need of them."""
    goes_on = shot.freeze is None and not shot.reverse and not shot.loop
    if not later or later[0].transition.kind != "dissolve" or not goes_on:
        return 0
    length = later[0].transition.duration
    seconds = length.seconds(TimeBase(durations[0], scene.fps)) if length else 0.0
    return math.ceil(round(Fraction(seconds) * scene.rate, 6))


def _freeze(shot: Shot, scene: Scene) -> Fraction:
    return Fraction(shot.freeze.seconds(TimeBase(0.0, scene.fps))) if shot.freeze else Fraction(0)


def _problems(span: Span, scene: Scene) -> list[Problem]:
    """What cannot be meant about a shot's times."""
    shot, lasts = span.shot, f"shot {span.shot.name} lasts {max(span.duration, 0.0):.6g} s"
    if span.count < 1:
        rate = f"{float(scene.rate):.6g}"
        said = f"{rate} fps" if scene.rate == scene.fps else f"{rate} painted frames a second"
        frame = f"{float(1 / scene.rate):.3g} s at {said}"
        return [Problem(shot.place, f"{lasts} and shows no frame: one is {frame}")]
    if span.blend > span.duration + SAME_MOMENT:
        message = f"{lasts} but its transition {span.blend:.6g} s, allowed is the shot's duration at most"
        return [Problem(shot.place, message)]
    length = span.duration * shot.repeat + float(span.freeze)
    if span.dissolve > length + SAME_MOMENT:
        lasts = f"shot {shot.name} lasts {length:.6g} s"
        message = f"{lasts} but its dissolve {span.dissolve:.6g} s, allowed is the shot's duration at most"
        return [Problem(shot.place, message)]
    return []


def _durations(scene: Scene) -> list[float]:
    """Seconds of every shot; the one without a duration takes what the others leave."""
    base = TimeBase(0.0, scene.fps)
    known = [None if shot.duration is None else shot.duration.seconds(base) for shot in scene.shots]
    if len(scene.shots) == 1 and known[0] is None and scene.duration is not None:
        return [scene.duration.seconds(base)]  # what is painted; the film holds and repeats it besides
    held = [float(_freeze(shot, scene)) for shot in scene.shots]
    taken = math.fsum(
        seconds * shot.repeat + freeze
        for shot, seconds, freeze in zip(scene.shots, known, held, strict=True)
        if seconds is not None
    )
    total = taken if scene.duration is None else scene.duration.seconds(base)
    return [
        (total - taken - freeze) / shot.repeat if seconds is None else seconds
        for shot, seconds, freeze in zip(scene.shots, known, held, strict=True)
    ]


def _borders(elapsed: Sequence[Fraction], scene: Scene) -> list[int]:
    """Number of the first frame of every shot, and of the film's end, from the seconds before each."""
    borders = [nearest_frame(seconds, scene.rate) for seconds in elapsed]
    if borders[-1] > MAX_FRAMES:
        message = f"found {borders[-1]} frames, allowed {MAX_FRAMES} in a film: shorten it or lower fps"
        raise SceneError([Problem(Place(scene.file, 0, "duration"), message)])
    return borders
