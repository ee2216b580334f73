"""Moments and durations, mappings whose keys are moments, and how a shot begins."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from typing import Any, Literal, TypeVar

from vqanim.errors import Place
from vqanim.scene.expressions import ADD_SOUNDTRACK
from vqanim.scene.fields.base import FieldType, ScalarType, Schema, Writer, text_of
from vqanim.scene.fields.context import Reader, Refused
from vqanim.scene.fields.sections import closed_schema
from vqanim.scene.fields.texts import one_of
from vqanim.scene.times import MUSICAL, SAME_MOMENT, Time, decimal_text, exact, is_plain_number, parse_time
from vqanim.scene.tree import Mapping, Node, Scalar, quoted

T = TypeVar("T")
MOST_NAMED = 5  # moments past the end that are named

MOMENT: tuple[Schema, ...] = (
    {"type": "number", "minimum": 0},
    {"type": "string", "examples": ["2s", "500ms", "36f", "1:02.5", "50%", "8beats", "bar 33"]},
)


@dataclass(frozen=True)
class TimeType(FieldType):
    """A duration, or a moment of the film."""

    zero: bool = False  # True when 0 is allowed
    percent: bool = False  # True when a part of the whole is allowed
    moment: bool = False
    """True for a moment of the film, which may be a bar or a marker."""
    song: bool = False
    """True when the word `soundtrack` is allowed, for the length of the song."""

    def parse(self, node: Node, reader: Reader) -> Time:
        text = text_of(node, self.allowed, reader)
        if self.song and text == "soundtrack":
            return _length_of_song(node, reader)
        try:
            value = reader.moment(text, "film") if self.moment else reader.length(text, node.base)
        except ValueError as error:
            musical = str(error) == MUSICAL or (reader.song is not None and reader.song.has_form(text))
            reason = str(error) if musical else f"allowed {self.allowed}"
            raise reader.refuse(node, f"found {quoted(text)}, {reason}") from None
        in_range = value.value > 0 or (value.value == 0 and self.zero)
        if not in_range or (value.unit == "%" and not self.percent):
            raise reader.wrong(node, self.allowed)
        return value

    def dump(self, value: Time | None, writer: Writer) -> Any:
        return time_text(value)

    def schema(self) -> list[Schema]:
        return list(MOMENT)


def time(*, zero: bool = False, percent: bool = False, moment: bool = False, song: bool = False) -> TimeType:
    """A duration, or a moment of the film."""
    allowed = "a time " + ("from 0 up" if zero else "above 0") + " such as 2s, 500ms or 36f"
    return TimeType(allowed, zero, percent, moment, song)


def _length_of_song(node: Node, reader: Reader) -> Time:
    if reader.song is None and reader.song_lost:
        raise Refused
    if reader.song is None:
        raise reader.refuse(node, f"found 'soundtrack', but there is none: {ADD_SOUNDTRACK}")
    if reader.song.end <= 0 or reader.song.end == math.inf:
        raise Refused  # the song could not be read, which is noted already
    return exact(reader.song.end, "soundtrack")


@dataclass(frozen=True)
class OrAuto(FieldType):
    """A value, or the word auto."""

    type: FieldType
    auto: Any  # what the word stands for

    def parse(self, node: Node, reader: Reader) -> Any:
        is_auto = isinstance(node, Scalar) and node.text.strip() == "auto"
        return self.auto if is_auto else self.type.parse(node, reader)

    def dump(self, value: Any, writer: Writer) -> Any:
        return "auto" if value == self.auto else self.type.dump(value, writer)

    def schema(self) -> list[Schema]:
        return [*self.type.schema(), {"const": "auto"}]


def _song_second(text: str) -> float:
    time = parse_time(text)
    if time.unit != "s" or time.value < 0:
        raise ValueError
    return float(time.value)


def second_text(second: float) -> str:
    """Seconds of the song as they are written."""
    return f"{decimal_text(Fraction(round(second * 10**9), 10**9))}s"


def song_time(allowed: str = "a time of the song such as 12.5s or 1:02.4") -> ScalarType:
    """Seconds of the song."""
    return ScalarType(allowed, _song_second, lambda: list(MOMENT), second_text)


SONG_TIME = song_time()


def time_text(time: Time | None) -> str | None:
    """A time as it is written; None for none."""
    if time is None:
        return None
    # What is on a beat says so again, because seconds of a shot begin with its first frame.
    return time.text if time.of_song else f"{decimal_text(time.value)}{time.unit}"


def read_moment(name: Scalar, at: Node, reader: Reader) -> Time:
    """The time that is a key of the mapping `at`, or an entry of the list `at`. Raises Refused."""
    place = Place(name.file, name.line, at.path)
    try:
        time = reader.moment(name.text.strip(), at.base)
    except ValueError as error:
        raise reader.refuse(place, f"found the key {quoted(name.text)}, {error}") from None
    if time.value < 0:
        raise reader.refuse(place, f"found the key {quoted(name.text)}, allowed a time from 0s up")
    base, text = reader.bases.get(at.base), name.text
    if base is not None and is_plain_number(text) and time.value > Fraction(base.duration):
        where = f"lies past the end of the {at.base} ({base.duration:.6g} s)"
        reader.warn(place, f"the key {text} means {text} s, which {where}: did you mean {text}f?")
    return time


def warn_of_late(times: Sequence[tuple[Scalar, Time]], at: Node, reader: Reader) -> None:
    """Note moments of a mapping or list that are never reached because they lie past the end."""
    base = reader.bases.get(at.base)
    if base is None:
        return
    end = base.duration + max(reader.slack, SAME_MOMENT)
    late = [name for name, time in times if time.seconds(base) > end and not is_plain_number(name.text)]
    if late:
        place = Place(late[0].file, late[0].line, at.path)
        lie = "lies" if len(late) == 1 else "lie"
        names = ", ".join(name.text.strip() for name in late[:MOST_NAMED]) + ", ..." * (
            len(late) > MOST_NAMED
        )
        end_of = f"{lie} past the end of the {at.base} ({base.duration:.6g} s)"
        reader.warn(place, f"{names} {end_of}: make the {at.base} longer, or the time earlier")


def read_timed(
    node: Mapping, allowed: str, read: Callable[[Scalar, Time, Node], T], reader: Reader
) -> list[T]:
    """What is said at the times of a mapping, ascending, all mistakes noted. Raises Refused after one."""
    if not node.entries:
        raise reader.refuse(node, f"found an empty mapping, allowed {allowed}")
    made: list[tuple[Scalar, Time, T]] = []
    for name, value in node.entries:
        with suppress(Refused):
            time = read_moment(name, node, reader)
            made.append((name, time, read(name, time, value)))
    warn_of_late([(name, time) for name, time, _ in made], node, reader)
    base = reader.base_of(node)
    made.sort(key=lambda one: one[1].seconds(base))
    if not _all_differ(made, node, reader) or len(made) < len(node.entries):
        raise Refused
    return [value for _, _, value in made]


def _all_differ(placed: Sequence[tuple[Scalar, Time, Any]], node: Mapping, reader: Reader) -> bool:
    """False, and a mistake noted, where two keys are the same moment in different words."""
    base = reader.base_of(node)
    good = True
    for (first, earlier, _), (second, later, _) in pairwise(placed):
        # Without a known duration only what does not depend on it can be compared.
        comparable = reader.bases.get(node.base) is not None or "%" not in (earlier.unit, later.unit)
        if comparable and later.seconds(base) - earlier.seconds(base) < SAME_MOMENT:
            place = Place(second.file, max(first.line, second.line), node.path)
            seconds = f"{round(later.seconds(base), 6):.12g} s"
            found = f"found {first.text} and {second.text}, which are the same moment ({seconds})"
            reader.refuse(place, f"{found}, allowed is one value for it")
            good = False
    return good


TRANSITIONS = ("carry", "cut", "dissolve")
DEFAULT_DISSOLVE = Time(Fraction(1), "s", "1s")
_LENGTH = time(zero=True, percent=True)


@dataclass(frozen=True)
class Transition:
    """How a shot begins: `carry` goes on from the last frame before it, the others from its own start.

    With `dissolve` the shot before goes on under it, and both are blended in the film.
    """

    kind: Literal["carry", "cut", "dissolve"] = "carry"
    duration: Time | None = None
    """Carry: for so long weights and camera are blended; None is 0 s. Dissolve: so long both are seen."""


@dataclass(frozen=True)
class TransitionType(FieldType):
    """carry, cut, dissolve, {kind: dissolve, duration: 1s} or {dissolve: 1s}."""

    allowed: str = "carry, cut, dissolve or {kind: dissolve, duration: 1s}"

    def parse(self, node: Node, reader: Reader) -> Transition:
        kind = one_of(TRANSITIONS, self.allowed)
        if isinstance(node, Scalar):
            return self._alone(kind.parse(node, reader))
        found = reader.mapping(node, self.allowed)
        if len(found.entries) == 1 and (short := found.entries[0][0].text) in ("carry", "dissolve"):
            return Transition(short, _LENGTH.parse(found.entries[0][1], reader))  # type: ignore[arg-type]
        reader.check_keys(found, ("kind", "duration"))
        name, written = found.get("kind"), found.get("duration")
        which: Any = kind.parse(name, reader) if name else "carry"
        if written and which == "cut":
            raise reader.refuse(written, "found a duration, a cut has none: it happens at once")
        return Transition(which, _LENGTH.parse(written, reader)) if written else self._alone(which)

    def _alone(self, kind: Any) -> Transition:
        """Without a length that is written."""
        return Transition(kind, DEFAULT_DISSOLVE if kind == "dissolve" else None)

    def dump(self, value: Transition, writer: Writer) -> Any:
        duration = {} if value.duration is None else {"duration": time_text(value.duration)}
        return {"kind": value.kind} | duration

    def schema(self) -> list[Schema]:
        moment: Schema = {"anyOf": list(MOMENT)}
        kinds: Schema = {"enum": list(TRANSITIONS)}
        keys = {"kind": kinds, "duration": moment, "carry": moment, "dissolve": moment}
        return [kinds, closed_schema(keys)]
