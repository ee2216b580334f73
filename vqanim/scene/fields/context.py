"""Reads declared fields from a tree, gathers every mistake, and goes on with the default after each."""

from __future__ import annotations

import dataclasses
import difflib
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, Protocol, TypeVar

from vqanim.errors import Place, Problem
from vqanim.icons.spec import Figure
from vqanim.scene.curves import Base
from vqanim.scene.fields.base import Declared, FieldType, Option, keys_of, options_of
from vqanim.scene.times import MUSICAL, SongTimes, Span, Time, TimeBase, exact, parse_time
from vqanim.scene.tree import Mapping, Node, Scalar, quoted, shown

MANY = 20  # unknown keys of one mapping that are told one by one
NOT_YET = "comes in a later version, not yet"

T = TypeVar("T")


class Written(Protocol):
    """Something that knows where it was written."""

    @property
    def place(self) -> Place:
        """Where."""


class Refused(Exception):
    """A value that cannot be read; the problem is already noted."""


@dataclass
class Reader:
    """The mistakes so far, and what a value must know to be read."""

    file: str
    folder: Path
    homes: dict[str, str]
    """Key to the one path at which it belongs, for keys written elsewhere."""
    outside: bool = False  # whether files may lie outside the folder
    fps: Fraction = Fraction(12)  # frames per second of the film
    bases: dict[Base, TimeBase | None] = dataclasses.field(default_factory=dict)
    """Durations; None where they are unknown because of a mistake."""
    song: SongTimes | None = None
    """What bars, beats and markers mean; None without a soundtrack."""
    song_lost: bool = False
    """True where a mistake in the soundtrack hides what it means; what needs it is no mistake of its own."""
    signals: frozenset[str] = frozenset()  # names of signals that expressions may say
    starts: dict[Base, float | None] = dataclasses.field(default_factory=dict)
    """Seconds of the film at which each time begins; None where that is unknown because of a mistake."""
    spans: tuple[Span, ...] = ()  # where film time and painted time go apart
    slack: float = 1e-6
    """Seconds by which a moment may lie before its time begins, for the first frame of a shot."""
    lost: set[str] = dataclasses.field(default_factory=set)
    """Keys whose values had a mistake somewhere; what depends on one of them is no mistake of its own."""
    drawn: dict[Figure, str] = dataclasses.field(default_factory=dict)
    """Why a figure cannot be drawn; empty for one that can."""
    drawing: float = 0.0  # seconds that this took
    _problems: dict[tuple[Place, str], Problem] = dataclasses.field(default_factory=dict)
    _warnings: dict[str, None] = dataclasses.field(default_factory=dict)
    _read: dict[tuple[int, FieldType], tuple[Node, Any]] = dataclasses.field(default_factory=dict)
    """What was read already; the node is kept because its id is the key."""

    @property
    def problems(self) -> tuple[Problem, ...]:
        """Every mistake once."""
        return tuple(self._problems.values())

    @property
    def warnings(self) -> tuple[str, ...]:
        """One line each."""
        return tuple(self._warnings)

    def base_of(self, node: Node) -> TimeBase:
        """The time on which a curve written here runs; a second of it where a mistake hides the duration."""
        return self.bases.get(node.base) or TimeBase(1.0, self.fps)

    def refuse(self, at: Written | Place, message: str, *, about_file: bool = False) -> Refused:
        """Note a mistake. The result is there to be raised, or not."""
        place = at if isinstance(at, Place) else at.place
        self._problems.setdefault((place, message), Problem(place, message, about_file))
        return Refused(message)

    def wrong(self, node: Node, allowed: str, found: str = "") -> Refused:
        """Note that something else is allowed than what is written at a node, or than `found`."""
        return self.refuse(node, f"found {found or shown(node)}, allowed {allowed}")

    def warn(self, place: Place, message: str) -> None:
        """Note something odd that is no mistake."""
        self._warnings.setdefault(f"{place} {message}")

    def length(self, text: str, base: Base) -> Time:
        """A duration that begins where `base` does. Raises ValueError with a reason for people."""
        if self.song is None or not self.song.has_form(text):
            return self._plain_time(text)
        seconds = self.song.length(text, self.starts.get(base) or 0.0)
        if seconds is None:
            raise ValueError("which is a moment; allowed is a length such as 2s, 8beats or 2bars")
        return exact(seconds, text)

    def moment(self, text: str, base: Base) -> Time:
        """A moment on a time; beats and bars alone count from its beginning.

        Raises ValueError with a reason for people.
        """
        if self.song is None or not self.song.has_form(text):
            return self._plain_time(text)
        start = self.starts.get(base, 0.0)
        second = self.song.moment(text)
        if second is None:
            return exact(self.song.length(text, start or 0.0) or 0.0, text, of_song=True)
        if start is not None:
            second = self._painted(second) if base == "film" else second - start
            if second < -self.slack:
                raise ValueError(f"which is {-second:.6g} s before the {base} begins")
        return exact(max(second, 0.0), text, of_song=True)

    def is_time(self, text: str) -> bool:
        """Whether a key is a moment."""
        with suppress(ValueError):
            return bool(self.moment(text, "film"))
        return False

    def _plain_time(self, text: str) -> Time:
        try:
            return parse_time(text)
        except ValueError as error:
            if self.song_lost:
                raise Refused from None
            if self.song is None or not (reason := str(error)).endswith(MUSICAL):
                raise
            word = text.partition("+")[0].partition(" ")[0]
            raise ValueError(reason.removesuffix(MUSICAL) + self.song.hint(word)) from None

    def _painted(self, second: float) -> float:
        """The moment at which what is seen at a second of the film is painted."""
        here = [span for span in self.spans if span.written <= second + 1e-9][-1:]
        return float(here[0].painted) + min(second - here[0].written, here[0].duration) if here else second

    def mapping(self, node: Node, allowed: str) -> Mapping:
        """The node, which must be a mapping. Raises Refused."""
        if not isinstance(node, Mapping):
            raise self.wrong(node, allowed)
        return node

    def check_keys(self, node: Mapping, allowed: Iterable[str], later: Iterable[str] = ()) -> None:
        """Refuse keys that are not allowed here, each with the nearest one that is."""
        known = list(allowed)
        strange = [(key, value) for key, value in node.entries if key.text not in known]
        for key, value in strange[:MANY]:
            place = Place(key.file, key.line, value.path)
            self.refuse(place, self._strange_key(key.text, known, later))
        if len(strange) > MANY:
            self.refuse(node, f"there are {len(strange) - MANY} more unknown keys")

    def _strange_key(self, key: str, known: list[str], later: Iterable[str]) -> str:
        if key in later:
            return f"{quoted(key)} {NOT_YET}"
        unknown = f"unknown key {quoted(key)}"
        if home := self.homes.get(key):
            where = f"did you mean {home!r}?" if home != key else "it belongs to the top level of the scene"
            return f"{unknown} here, {where}"
        if near := nearest(key, known):
            return f"{unknown}, did you mean {near!r}?"
        if elsewhere := nearest(key, self.homes, likeness=0.8):
            return f"{unknown} here, did you mean {self.homes[elsewhere]!r}?"
        return f"{unknown}, allowed {', '.join(known)}"

    def values(self, part: type[Declared], node: Mapping) -> dict[str, Any]:
        """The declared fields of a part by name, read from a mapping."""
        return {name: self.field(key, option, node) for key, (name, option) in options_of(part).items()}

    def section(self, part: type[Declared], node: Node, allowed: str) -> Any:
        """A part from a mapping, with all its keys checked. Raises Refused."""
        found = self.mapping(node, allowed)
        self.check_keys(found, keys_of(part), part.later)
        self._check_groups(found, part)
        values = self.values(part, found)
        if any(option.required and not values[name] for name, option in options_of(part).values()):
            raise Refused
        return placed(part(**values), found)

    def _check_groups(self, node: Mapping, part: type[Declared]) -> None:
        """Refuse unknown keys in mappings such as the `gif` of `gif.width`."""
        groups = [key.partition(".") for key in options_of(part) if "." in key]
        for outer in dict.fromkeys(group[0] for group in groups):
            if isinstance(written := node.get(outer), Mapping):
                self.check_keys(written, [inner for name, _, inner in groups if name == outer])

    def read(self, type: FieldType, node: Node) -> Any:
        """A value of a type. Raises Refused."""
        if (known := self._read.get((id(node), type))) is not None:
            return known[1]
        value = type.parse(node, self)
        if node.base == "film":
            # Every shot asks again for what it inherits, a picture to be opened among it.
            self._read[id(node), type] = (node, value)
        return value

    def field(self, key: str, option: Option, node: Mapping) -> Any:
        """The value of a field; after a mistake its default, and None where there is none."""
        try:
            value = self._lookup(key, node)
            if value is None:
                place = Place(node.file, node.line, f"{node.path}.{key}" if node.path else key)
                if option.required:
                    raise self.refuse(place, f"is missing, allowed {option.type.allowed}")
                # Curves know where they would have been written.
                return option.type.absent(option.default, dataclasses.replace(place, line=0), self)
            if isinstance(value, Scalar) and value.is_none and not option.required:
                return option.make_none()
            return self.read(option.type, value)
        except Refused:
            self.lost.add(key)
            return option.make_default()

    def _lookup(self, key: str, node: Mapping) -> Node | None:
        """The value of a key; `gif.width` looks into the mapping `gif`."""
        outer, dot, inner = key.partition(".")
        value = node.get(outer)
        if not dot or value is None or (isinstance(value, Scalar) and value.is_none):
            return value
        return self.mapping(value, f"a mapping such as {{{inner}: 12}}").get(inner)


def read_all(items: Iterable[T], read: Callable[[T], Any]) -> list[Any]:
    """What each item says, all their mistakes noted. Raises Refused after one."""
    made, items = [], list(items)
    for item in items:
        with suppress(Refused):
            made.append(read(item))
    if len(made) < len(items):
        raise Refused
    return made


def placed(value: Any, node: Node) -> Any:
    """A value with the place where it is written, if it keeps one."""
    return dataclasses.replace(value, place=node.place) if hasattr(value, "place") else value


def nearest(word: str, known: Iterable[str], likeness: float = 0.65) -> str | None:
    """The known word that was probably meant."""
    found = difflib.get_close_matches(word.lower().replace("-", "_"), list(known), n=1, cutoff=likeness)
    return found[0] if found else None
