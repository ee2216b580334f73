"""Moments and lengths in the words of a song: `8beats`, `2bars`, `bar 33 beat 2`, `drop`, `drop+2beats`."""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from types import MappingProxyType

from vqanim.scene.sound import Clock
from vqanim.scene.times import Time, TimeBase, parse_time

MARKER = re.compile(r"[A-Za-z][\w-]{0,63}", re.ASCII)
"""The name of a marker."""

_AMOUNT = r"(\d{1,6}(?:\.\d{0,9})?|\.\d{1,9})"
_LENGTH = re.compile(rf"{_AMOUNT}\s*(beats?|bars?)", re.ASCII)
_BAR = re.compile(rf"bar\s*{_AMOUNT}(?:\s+beat\s*{_AMOUNT})?", re.ASCII)
_OFFSET = re.compile(r"(.+?)\s*([+-])\s*([\d.][^+-]*)", re.ASCII)
"""From the last sign on; `line-1` is a marker, and several may follow one another."""
_NO_BASE = TimeBase(0.0, Fraction(1))
_NEAR = 1e-6
"""Seconds by which a moment may miss the end of a song, through rounding."""


@dataclass(frozen=True)
class SongTimes:
    """What times in the words of a song mean, in seconds of the film."""

    clock: Clock | None
    """None where no beats are known."""
    markers: Mapping[str, float] = field(default_factory=lambda: MappingProxyType({}))
    end: float = math.inf
    """When the song ends."""
    why_no_clock: str = "no beats are known"
    """For a message."""

    def has_form(self, text: str) -> bool:
        """Whether a text is one of these times, right or wrong."""
        known = text in self.markers or _LENGTH.fullmatch(text) or _BAR.fullmatch(text)
        return bool(known) or self._offset(text) is not None

    def length(self, text: str, start: float) -> float | None:
        """Seconds that `8beats` or `2bars` last from a moment of the film on; None for other texts.

        Raises ValueError where no beats are known.
        """
        match = _LENGTH.fullmatch(text)
        if match is None:
            return None
        clock = self._known_clock()
        beats = float(match[1]) * (clock.meter if match[2].startswith("bar") else 1)
        return clock.after(start, beats)

    def moment(self, text: str) -> float | None:
        """The moment of the film that `bar 33`, a marker or one of them with an offset is; None for others.

        Raises ValueError with a reason for people where there is no such moment.
        """
        found = self._moment(text)
        if found is not None and found > self.end + _NEAR:
            raise ValueError(f"which lies past the end of the song ({self._where(self.end)})")
        return found

    def _moment(self, text: str) -> float | None:
        if text in self.markers:
            return self.markers[text]
        if match := _BAR.fullmatch(text):
            return self._bar(float(match[1]), float(match[2]) if match[2] else 1.0)
        if (parts := self._offset(text)) is None:
            return None
        place, sign, by = parts
        start = self._moment(place)
        assert start is not None
        length = self.length(by, start) if sign == "+" else self._before(by, start)
        if length is None:
            written = parse_time(by)
            if written.unit != "s":
                raise ValueError(f"allowed after {sign} are beats, bars or seconds")
            length = written.seconds(_NO_BASE)
        return start + length if sign == "+" else start - length

    def _before(self, text: str, end: float) -> float | None:
        """Seconds that a length lasts up to a moment."""
        if (match := _LENGTH.fullmatch(text)) is None:
            return None
        clock = self._known_clock()
        beats = float(match[1]) * (clock.meter if match[2].startswith("bar") else 1)
        return -clock.after(end, -beats)

    def _bar(self, bar: float, beat: float) -> float:
        clock = self._known_clock()
        if bar < 1:
            raise ValueError("bars are counted from 1")
        if not 1 <= beat < clock.meter + 1:
            raise ValueError(f"a bar has {clock.meter} beats, counted from 1")
        return clock.second_of_bar(bar, beat)

    def _offset(self, text: str) -> tuple[str, str, str] | None:
        match = _OFFSET.fullmatch(text)
        if match is None or not (
            match[1] in self.markers or _BAR.fullmatch(match[1]) or self._offset(match[1])
        ):
            return None
        return match[1], match[2], match[3]

    def _known_clock(self) -> Clock:
        if self.clock is None:
            raise ValueError(f"{self.why_no_clock}; say when they are with soundtrack.bpm and .first_beat")
        return self.clock

    def _where(self, second: float) -> str:
        if self.clock is None:
            return f"{second:.6g} s"
        bar = self.clock.beat_at(second) / self.clock.meter
        return f"{second:.6g} s, bar {math.floor(bar) + 1}"

    def hint(self, word: str) -> str:
        """The nearest marker, for a message, or what there is."""
        near = difflib.get_close_matches(word, self.markers, n=1)
        if near:
            return f"there is no marker {word!r}, did you mean {near[0]!r}?"
        some = ", ".join(list(self.markers)[:6])
        return f"there is no marker {word!r}" + (f", there are {some}" if some else ", add it to markers")


def exact(seconds: float, text: str, *, of_song: bool = False) -> Time:
    """A time that was worked out, so rounded that it can be written down exactly."""
    return Time(Fraction(round(seconds * 10**9), 10**9), "s", text, of_song)
