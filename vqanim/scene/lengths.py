"""How long a film and each of its shots is, from durations and beginnings as they are written."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

from vqanim.errors import Place
from vqanim.scene.fields.base import options_of
from vqanim.scene.fields.context import Piece, Reader
from vqanim.scene.model import MAX_FRAMES, MAX_SECONDS, Shot
from vqanim.scene.times import Time, TimeBase
from vqanim.scene.tree import Mapping, is_given, place_of


@dataclass(frozen=True)
class Lengths:
    """What was found. Times are None where a mistake hides them."""

    painted: TimeBase | None
    """All takes one after another: the time of what is painted."""
    film: TimeBase | None
    """The film, with what it repeats and holds."""
    durations: tuple[Time | None, ...] = ()
    """Of the shots, as written or as the beginning of the next one says; None takes the rest."""
    seconds: tuple[float | None, ...] = ()
    """Of the shots, as they are painted."""
    pieces: tuple[Piece, ...] = ()
    """Where each shot lies; empty while that is not known."""


@dataclass(frozen=True)
class _Part:
    """The times of one shot."""

    node: Mapping
    duration: Time | None
    at: Time | None
    repeat: int
    freeze: float
    """Seconds."""

    def in_film(self, seconds: float) -> float:
        """How long it is in the film, from how long it is painted."""
        return seconds * self.repeat + self.freeze


def find_lengths(root: Mapping, nodes: Sequence[Mapping], total: Time | None, reader: Reader) -> Lengths:
    """The lengths of a film with the shots `nodes`, none for a scene without shots.

    total: the duration at the top level.
    """
    place = place_of("duration", root)
    seconds = None if total is None else total.seconds(_base(reader))
    if total is None and is_given("duration", root):
        return Lengths(None, None, (None,) * len(nodes), (None,) * len(nodes))  # its mistake is noted already
    if not nodes:
        return _one_take(root, seconds, place, reader)
    parts = _read_parts(nodes, reader)
    if any(part.duration is None and is_given("duration", part.node) for part in parts):
        unknown = (None,) * len(nodes)
        base = _film_base(seconds, place, reader)
        return Lengths(base, base, unknown, unknown)
    parts = _begun(parts, reader)
    return _several(parts, seconds, place, reader)


def _base(reader: Reader) -> TimeBase:
    return TimeBase(0.0, reader.fps)


def _read_parts(nodes: Sequence[Mapping], reader: Reader) -> list[_Part]:
    """The times of all shots. A length in beats is that of the beats where its shot begins."""
    parts: list[_Part] = []
    at: float | None = 0.0
    for node in nodes:
        begins = reader.field("at", options_of(Shot)["at"][1], node)
        if begins is not None:
            at = begins.seconds(_base(reader))
        reader.starts["shot"] = at
        part = _read_part(node, reader)
        parts.append(part)
        at = _end(part, at, reader)
    return parts


def _read_part(node: Mapping, reader: Reader, *, own: bool = True) -> _Part:
    """The times of a shot. own: False where the node is the whole scene, whose duration is the film's."""
    options = options_of(Shot)
    keys = ("duration", "at", "repeat", "freeze") if own else ("repeat", "freeze")
    found = {key: reader.field(key, options[key][1], node) for key in keys}
    freeze = found["freeze"].seconds(_base(reader)) if found["freeze"] else 0.0
    return _Part(node, found.get("duration"), found.get("at"), found["repeat"], freeze)


def _one_take(root: Mapping, seconds: float | None, place: Place, reader: Reader) -> Lengths:
    """A scene without shots: its duration is what is painted."""
    if seconds is None:
        if not is_given("shots", root):
            reader.refuse(place, "is missing, allowed a time above 0 such as 6s")
        return Lengths(None, None)
    part = _read_part(root, reader, own=False)
    film = _film_base(part.in_film(seconds), place, reader)
    return Lengths(TimeBase(seconds, reader.fps), film, pieces=(Piece(0.0, 0.0, seconds),))


def _begun(parts: Sequence[_Part], reader: Reader) -> list[_Part]:
    """The parts with durations where the next one says when it begins."""
    known: list[_Part] = []
    starts: list[float | None] = []
    for part in parts:
        start = _end(known[-1], starts[-1], reader) if known else 0.0
        if part.at is not None:
            start = part.at.seconds(_base(reader))
            if known:
                known[-1] = _ended(known[-1], starts[-1], part, reader)
            elif start != 0:
                said = f"found {part.at}, the first shot begins the film, allowed 0s"
                reader.refuse(place_of("at", part.node), said)
        known.append(part)
        starts.append(start)
    return known


def _end(part: _Part, start: float | None, reader: Reader) -> float | None:
    """When a shot ends in the film; None where that is not known."""
    if start is None or part.duration is None:
        return None
    return start + part.in_film(part.duration.seconds(_base(reader)))


def _ended(before: _Part, start: float | None, part: _Part, reader: Reader) -> _Part:
    """The shot before one that says when it begins, with a duration that fits."""
    assert part.at is not None
    begins, place = part.at.seconds(_base(reader)), place_of("at", part.node)
    somehow = replace(before, duration=Time.of_seconds(1))
    if before.duration is None:
        if start is None:
            reader.refuse(
                place, f"found {part.at}, but nothing says when the shot before begins: give it `at`"
            )
            return before
        painted = (begins - start - before.freeze) / before.repeat
        if painted * float(reader.fps) < 0.5:
            held = f" and is held for {before.freeze:.6g} s" if before.freeze else ""
            said = f"found {part.at}, but the shot before begins at {start:.6g} s{held}, allowed a later time"
            reader.refuse(place, said)
            return somehow
        return replace(before, duration=Time.of_seconds(Fraction(round(painted * 10**9), 10**9)))
    end = _end(before, start, reader)
    if end is not None and abs(end - begins) * float(reader.fps) > 0.5:
        what = "a gap" if begins > end else "an overlap"
        said = (
            f"found {part.at}, but the shot before ends at {end:.6g} s, {what} of {abs(end - begins):.6g} s"
        )
        reader.refuse(place, f"{said}: leave out its duration, or this")
    return before


def _several(parts: Sequence[_Part], total: float | None, place: Place, reader: Reader) -> Lengths:
    """The lengths of a scene with shots; one of them may take the rest."""
    durations = tuple(part.duration for part in parts)
    each = [None if time is None else time.seconds(_base(reader)) for time in durations]
    open_parts = [part for part in parts if part.duration is None]
    taken = sum(
        part.freeze if seconds is None else part.in_film(seconds)
        for part, seconds in zip(parts, each, strict=True)
    )
    if not open_parts:
        film = _film_base(_agreed(total, taken, place, reader), place, reader)
        return _found(film, durations, each, reader, parts)
    if total is None or len(open_parts) > 1:
        for part in open_parts[0 if total is None else 1 :]:
            reader.refuse(
                Place(part.node.file, part.node.line, f"{part.node.path}.duration"),
                "is missing, one shot may leave it out and takes the rest of the duration at the top level",
            )
        return _found(_film_base(total, place, reader), durations, each, reader)
    (one,) = open_parts
    if len(parts) == 1:  # its take is as long as the film's duration says; what the film holds comes on top
        film = _film_base(one.in_film(total), place, reader)
        return _found(film, durations, [total], reader, parts)
    rest = (total - taken) / one.repeat
    film = _film_base(total, place, reader)
    if rest * float(reader.fps) < 0.5:
        reader.refuse(
            one.node.place,
            f"the other shots take {taken:.6g} s of the film's {total:.6g} s, no time is left for this one",
        )
        return _found(film, durations, each, reader)
    each = [rest if seconds is None else seconds for seconds in each]
    return _found(film, durations, each, reader, parts)


def _found(
    film: TimeBase | None,
    durations: tuple[Time | None, ...],
    each: Sequence[float | None],
    reader: Reader,
    parts: Sequence[_Part] = (),
) -> Lengths:
    known = [seconds for seconds in each if seconds is not None]
    painted = film if film is None or len(known) < len(each) else TimeBase(sum(known), reader.fps)
    pieces = []
    at, elapsed = 0.0, 0.0
    for part, seconds in zip(parts, known, strict=False) if len(known) == len(each) else ():
        pieces.append(Piece(at, elapsed, seconds))
        at, elapsed = at + part.in_film(seconds), elapsed + seconds
    return Lengths(painted, film, durations, tuple(each), tuple(pieces))


def _agreed(total: float | None, taken: float, place: Place, reader: Reader) -> float:
    """The sum of the shots, which a duration of the film must not contradict."""
    if total is not None and abs(total - taken) * float(reader.fps) > 0.5:
        reader.refuse(
            place,
            f"found {total:.6g} s, but the shots add up to {taken:.6g} s: leave it out, or one of theirs",
        )
    return taken


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
