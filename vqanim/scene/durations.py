"""How long a film and each of its shots is, from durations and beginnings as they are written."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import accumulate, pairwise
from typing import Any

from vqanim.errors import Place
from vqanim.scene.fields.base import options_of
from vqanim.scene.fields.context import Reader
from vqanim.scene.limits import MAX_FRAMES, MAX_SECONDS
from vqanim.scene.model import Shot
from vqanim.scene.times import Span, Time, TimeBase, nearest_frame
from vqanim.scene.tree import Mapping, is_given, place_of


@dataclass(frozen=True)
class Durations:
    """What was found. Times are None where a mistake hides them."""

    painted: TimeBase | None = None  # all takes one after another: the time of what is painted
    film: TimeBase | None = None  # the film, with what it repeats and holds
    written: tuple[Time | None, ...] = ()
    """Of the shots, as written or as the beginning of the next one says; None takes the rest."""
    seconds: tuple[float | None, ...] = ()  # of the shots, as they are painted
    spans: tuple[Span, ...] = ()  # where each shot lies; empty while that is not known


@dataclass(frozen=True)
class Written:
    """What a scene says about the times of one shot, in seconds."""

    duration: float | None  # None takes what the others leave
    repeat: int = 1
    freeze: float = 0.0

    def in_film(self, seconds: float) -> float:
        """How long a take of so many seconds is in the film."""
        return seconds * self.repeat + self.freeze


def lay_out(shots: Sequence[Written], total: float | None, rate: Fraction) -> tuple[Span, ...]:
    """The spans of shots that follow each other, one of which may have no duration.

    total: seconds of the film as written; without it the shots say how long it is. Of a film with one shot it
    is the duration of the take: what the film repeats and holds comes on top. rate: painted frames a second.
    Frames begin at the cumulated time, rounded to the nearest painted frame.
    """
    taken = math.fsum(shot.in_film(shot.duration) for shot in shots if shot.duration is not None)
    rest = (taken if total is None else total) - taken
    if len(shots) == 1 and total is not None:
        rest = shots[0].in_film(total)
    seconds = [
        (rest - shot.freeze) / shot.repeat if shot.duration is None else shot.duration for shot in shots
    ]
    painted = list(accumulate(map(Fraction, seconds), initial=Fraction(0)))
    lags = accumulate(
        (shot.freeze + (shot.repeat - 1) * each for shot, each in zip(shots, seconds, strict=True)),
        initial=0.0,
    )
    spans: list[Span] = []
    for shot, duration, (before, end), lag in zip(shots, seconds, pairwise(painted), lags, strict=False):
        first = nearest_frame(before, rate)
        count = nearest_frame(end, rate) - first
        # What repeats is as long as its painted frames; else its last time would end early or late.
        played = Fraction(duration) if shot.repeat == 1 else shot.repeat * max(count, 1) / rate
        begins = spans[-1].ends if spans else Fraction(0)
        spans.append(Span(duration, before, lag, first, count, begins, played, Fraction(shot.freeze)))
    return tuple(spans)


@dataclass(frozen=True)
class _Part:
    """The times of one shot."""

    node: Mapping
    start: float | None
    """Seconds of the film at which it begins; None while that is not known."""
    at: Time | None
    duration: Time | None
    seconds: Written

    @property
    def end(self) -> float | None:
        """Seconds of the film at which it ends; None while that is not known."""
        if self.start is None or self.seconds.duration is None:
            return None
        return self.start + self.seconds.in_film(self.seconds.duration)


def find_durations(
    root: Mapping, nodes: Sequence[Mapping], total: Time | None, rate: Fraction, reader: Reader
) -> Durations:
    """The durations of a film with the shots `nodes`, none for a scene without shots.

    total: the duration at the top level. rate: painted frames a second.
    """
    unknown = Durations(written=(None,) * len(nodes), seconds=(None,) * len(nodes))
    if total is None and is_given("duration", root):
        return unknown  # its mistake is noted already
    place, seconds = place_of("duration", root), _seconds(total, reader)
    if not nodes and seconds is not None:
        alone = _Part(root, 0.0, None, None, _written(root, None, reader))
        return replace(_found([alone], seconds, rate, place, reader), written=(), seconds=())
    if not nodes and not is_given("shots", root):
        reader.refuse(place, "is missing, allowed a time above 0 such as 6s")
    if not nodes:
        return unknown
    parts = _read_parts(nodes, reader)
    if any(part.duration is None and is_given("duration", part.node) for part in parts):
        base = _film_base(seconds, place, reader)
        return replace(unknown, painted=base, film=base)
    if parts[0].start != 0:
        message = f"found {parts[0].at}, the first shot begins the film, allowed 0s"
        reader.refuse(place_of("at", parts[0].node), message)
    parts = [*(_until(before, after, reader) for before, after in pairwise(parts)), parts[-1]]
    return _found(parts, seconds, rate, place, reader)


def _seconds(time: Time | None, reader: Reader) -> float | None:
    return None if time is None else time.seconds(TimeBase(0.0, reader.fps))


def _field(key: str, node: Mapping, reader: Reader) -> Any:
    return reader.field(key, options_of(Shot)[key][1], node)


def _written(node: Mapping, duration: Time | None, reader: Reader) -> Written:
    repeat, freeze = _field("repeat", node, reader), _seconds(_field("freeze", node, reader), reader)
    return Written(_seconds(duration, reader), repeat, freeze or 0.0)


def _read_parts(nodes: Sequence[Mapping], reader: Reader) -> list[_Part]:
    """The times of all shots. A length in beats is that of the beats where its shot begins."""
    parts: list[_Part] = []
    start: float | None = 0.0
    for node in nodes:
        at = _field("at", node, reader)
        start = start if at is None else _seconds(at, reader)
        reader.starts["shot"] = start
        duration = _field("duration", node, reader)
        parts.append(_Part(node, start, at, duration, _written(node, duration, reader)))
        start = parts[-1].end
    return parts


def _until(part: _Part, after: _Part, reader: Reader) -> _Part:
    """A shot with a duration where the one after it says when it begins."""
    if after.at is None or after.start is None:
        return part
    place, said = place_of("at", after.node), f"found {after.at}, but"
    if part.duration is not None:
        far = 0.0 if part.end is None else after.start - part.end
        if abs(far) * float(reader.fps) > 0.5:
            what = f"{'a gap' if far > 0 else 'an overlap'} of {abs(far):.6g} s"
            ends = f"the shot before ends at {part.end:.6g} s, {what}"
            reader.refuse(place, f"{said} {ends}: leave out its duration, or this")
        return part
    if part.start is None:
        reader.refuse(place, f"{said} nothing says when the shot before begins: give it `at`")
        return part
    freeze = part.seconds.freeze
    painted = (after.start - part.start - freeze) / part.seconds.repeat
    duration = Time.of_seconds(Fraction(round(painted * 10**9), 10**9))
    if painted * float(reader.fps) < 0.5:
        held = f" and is held for {freeze:.6g} s" if freeze else ""
        begins = f"the shot before begins at {part.start:.6g} s{held}"
        reader.refuse(place, f"{said} {begins}, allowed a later time")
        duration = Time.of_seconds(1)
    seconds = replace(part.seconds, duration=_seconds(duration, reader))
    return replace(part, duration=duration, seconds=seconds)


def _found(
    parts: Sequence[_Part], total: float | None, rate: Fraction, place: Place, reader: Reader
) -> Durations:
    """The durations of shots, one of which may take the rest."""
    shots = [part.seconds for part in parts]
    written = tuple(part.duration for part in parts)
    known = Durations(written=written, seconds=tuple(shot.duration for shot in shots))
    taken = math.fsum(shot.freeze if shot.duration is None else shot.in_film(shot.duration) for shot in shots)
    rests = [part for part in parts if part.duration is None]
    if rests and (total is None or len(rests) > 1):
        missing = "is missing, one shot may leave it out and takes the rest of the duration at the top level"
        for part in rests[0 if total is None else 1 :]:
            reader.refuse(replace(part.node.place, path=f"{part.node.path}.duration"), missing)
        return replace(known, film=_film_base(total, place, reader))
    if not rests and total is not None and abs(total - taken) * float(reader.fps) > 0.5:
        said = f"found {total:.6g} s, but the shots add up to {taken:.6g} s: leave it out, or one of theirs"
        reader.refuse(place, said)
    spans = lay_out(shots, total, rate)
    rest = spans[parts.index(rests[0])].duration if rests and len(parts) > 1 else math.inf
    if rest * float(reader.fps) < 0.5:
        said = f"the other shots take {taken:.6g} s of the film's {total:.6g} s, no time is left for this one"
        reader.refuse(rests[0].node.place, said)
        return replace(known, film=_film_base(total, place, reader))
    film = _film_base(float(spans[-1].ends), place, reader)
    painted = film and TimeBase(float(spans[-1].painted + Fraction(spans[-1].duration)), reader.fps)
    seconds = tuple(span.duration for span in spans)
    return replace(known, painted=painted, film=film, seconds=seconds, spans=spans)


def _film_base(seconds: float | None, place: Place, reader: Reader) -> TimeBase | None:
    """The film's time base, if it is neither too long nor too short."""
    if seconds is None:
        return None
    frames = Fraction(seconds) * reader.fps
    rate = f"{float(reader.fps):.6g} fps"
    if frames > MAX_FRAMES:
        found = f"found {seconds:.12g} s, which makes {round(frames)} frames at {rate}"
        reader.refuse(place, f"{found}, allowed {MAX_FRAMES} frames")
    elif seconds > MAX_SECONDS:
        reader.refuse(place, f"found {seconds:.12g} s, allowed at most a day, {MAX_SECONDS} s")
    elif frames < Fraction(1, 2):
        found = f"found {seconds:.6g} s, which is less than one frame at {rate}"
        reader.refuse(place, f"{found}, allowed at least {1 / float(reader.fps):.3g} s")
    return TimeBase(seconds, reader.fps)
