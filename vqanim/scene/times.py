"""Moments and durations as they are written: `2s`, `500ms`, `36f`, `1:02.5`, `50%` or a plain number; and in
the words of a song: `8beats`, `2bars`, `bar 33 beat 2`, `drop`, `drop+2beats`.

A time keeps its unit, because what `36f` and `50%` mean is known only with a frame rate and a duration.
"""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from types import MappingProxyType
from typing import Literal

from vqanim.scene.sound import SILENT, Clock, Sound

Unit = Literal["s", "f", "%"]

SAME_MOMENT = 1e-9
"""Seconds. Two times closer than this are one; far below a frame, far above the rounding of a float."""

FRAME_DIGITS = 6
"""Of a number of frames: what differs behind them is one place between two frames."""

TIME_FORMS = "a time such as 2s, 500ms, 36f, 1:02.5 or 50%"
MUSICAL = "bars, beats and markers need a soundtrack: add `soundtrack: {file: song.mp3}`"

# So few decimals that every time can be written down exactly again.
_NUMBER = r"(?:\d{1,12}(?:\.\d{0,9})?|\.\d{1,9})(?:[eE]\+?\d)?"
_WITH_UNIT = re.compile(rf"([+-]?)({_NUMBER})\s*(s|ms|f|%)?", re.ASCII)
_CLOCK = re.compile(r"([+-]?)(?:(\d{1,4}):)?(\d{1,6}):(\d{1,2}(?:\.\d{0,9})?)", re.ASCII)
_MUSICAL = re.compile(
    r"[+-]?[\d.]*\s*(?:beats?|bars?)|bar\s*[\d.]+(?:\s+beat\s*[\d.]+)?|[A-Za-z][\w-]*\s*[+-].*(?:beats?|bars?|s)",
    re.ASCII,
)
_WORD = re.compile(r"[A-Za-z][\w-]*", re.ASCII)


@dataclass(frozen=True)
class TimeBase:
    """What `%` and `f` are measured against."""

    duration: float  # seconds; 100 % of it
    fps: Fraction  # frames per second of the film
    start: float = 0.0
    """Seconds of the film at which it begins: where signals are heard."""
    sound: Sound = field(default=SILENT, compare=False, repr=False)  # what is heard
    late: float = 0.0
    """Seconds by which its first moment is seen later than written, or, below 0, earlier: shots begin on
    frames. What is on a beat does not move with them."""
    frame: float = 0.0
    """Seconds from one moment that is looked at to the next, where one stands for those around it; else 0."""


@dataclass(frozen=True)
class Time:
    """A moment or a duration, in the unit in which it was written."""

    value: Fraction
    unit: Unit
    """s: seconds, f: frames, %: per cent of the duration of the time base."""
    text: str = field(default="", compare=False)  # as it was written
    of_song: bool = field(default=False, compare=False)
    """True for a moment that is counted in beats or named by a marker."""

    @classmethod
    def of_seconds(cls, seconds: Fraction | float) -> Time:
        """A time in seconds."""
        value = Fraction(seconds)
        return cls(value, "s", decimal_text(value) + "s")

    def seconds(self, base: TimeBase) -> float:
        """Seconds on a base."""
        if self.unit == "s":
            return float(self.value) - (base.late if self.of_song else 0.0)
        if self.unit == "f":
            return float(self.value / base.fps)
        return float(self.value / 100 * Fraction(base.duration))

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True)
class Span:
    """Where one shot lies: as it is painted, and in the film, which may repeat and hold it."""

    duration: float  # seconds of its take, not rounded to frames
    painted: Fraction  # seconds that are painted before it
    lag: float
    """Seconds by which the film comes to it later, as written, for what is repeated and held before it."""
    first: int  # number of its first painted frame among those of all shots
    count: int  # its painted frames
    begins: Fraction
    """Seconds of the film at which it begins, with what is repeated as long as its painted frames."""
    played: Fraction  # seconds of film before its last picture is held
    freeze: Fraction  # seconds for which its last picture is held in the film

    @property
    def written(self) -> float:
        """Seconds of the film at which it begins as written."""
        return float(self.painted) + self.lag

    @property
    def ends(self) -> Fraction:
        """Seconds of the film at which it ends."""
        return self.begins + self.played + self.freeze


def nearest_frame(seconds: Fraction | float, rate: Fraction) -> int:
    """Number of the frame that is nearest to a moment, at `rate` frames a second; of two the later.

    This is the one rule for all that happens at a moment: cuts, hits, steps of keyframes, parts of a film.
    """
    # Half a frame counts as one, whatever the rounding of a float says about the half.
    return math.floor(round(Fraction(seconds) * rate, FRAME_DIGITS) + Fraction(1, 2))


def around(frame: float) -> float:
    """Seconds before a frame, which is `frame` seconds long, in which a moment is nearest to it."""
    return max(0.0, (0.5 - 0.5 * 10**-FRAME_DIGITS) * frame)


def decimal_text(value: Fraction) -> str:
    """A number in decimals, exact to 12 of them."""
    whole, rest = divmod(round(abs(value) * 10**12), 10**12)
    digits = f"{whole}.{rest:012d}".rstrip("0").rstrip(".")
    return f"-{digits}" if value < 0 else digits


def parse_time(text: str) -> Time:
    """Time from its source text. Raises ValueError with a reason for people when the text is no time."""
    written = text.strip()
    if match := _WITH_UNIT.fullmatch(written):
        sign, number, unit = match.groups()
        value = Fraction(sign + number)
        if unit == "ms":
            return Time(value / 1000, "s", written)
        return Time(value, unit or "s", written)  # type: ignore[arg-type]
    if match := _CLOCK.fullmatch(written):
        sign, hours, minutes, rest = match.groups()
        if Fraction(rest) >= 60 or (hours is not None and int(minutes) >= 60):
            raise ValueError("minutes and seconds after a colon are below 60")
        total = int(hours or 0) * 3600 + int(minutes) * 60 + Fraction(rest)
        return Time(-total if sign == "-" else total, "s", written)
    if _MUSICAL.fullmatch(written):
        raise ValueError(MUSICAL)
    raise ValueError(
        f"allowed {TIME_FORMS}; {MUSICAL}" if _WORD.fullmatch(written) else f"allowed {TIME_FORMS}"
    )


def is_plain_number(text: str) -> bool:
    """True for a time without a unit, as in `30`."""
    match = _WITH_UNIT.fullmatch(text.strip())
    return match is not None and match.group(3) is None


MARKER = re.compile(r"[A-Za-z][\w-]{0,63}", re.ASCII)  # the name of a marker

_AMOUNT = r"(\d{1,6}(?:\.\d{0,9})?|\.\d{1,9})"
_LENGTH = re.compile(rf"{_AMOUNT}\s*(beats?|bars?)", re.ASCII)
_BAR = re.compile(rf"bar\s*{_AMOUNT}(?:\s+beat\s*{_AMOUNT})?", re.ASCII)
_OFFSET = re.compile(r"(.+?)\s*([+-])\s*([\d.][^+-]*)", re.ASCII)
"""From the last sign on; `line-1` is a marker, and several may follow one another."""
_NEAR = 1e-6
"""Seconds by which a moment may miss the end of a song, through rounding."""


@dataclass(frozen=True)
class SongTimes:
    """What times in the words of a song mean, in seconds of the film."""

    clock: Clock | None  # None where no beats are known
    markers: Mapping[str, float] = field(default_factory=lambda: MappingProxyType({}))
    end: float = math.inf  # when the song ends
    why_no_clock: str = "no beats are known"  # for a message

    def has_form(self, text: str) -> bool:
        """Whether a text is one of these times, right or wrong."""
        known = text in self.markers or _LENGTH.fullmatch(text) or _BAR.fullmatch(text)
        return bool(known) or self._offset(text) is not None

    def length(self, text: str, start: float) -> float | None:
        """Seconds that `8beats` or `2bars` last from a moment of the film on; None for other texts.

        Raises ValueError where no beats are known.
        """
        return self._lasts(text, start, 1.0)

    def _lasts(self, text: str, moment: float, sign: float) -> float | None:
        """Seconds that a length lasts from a moment on, or up to it."""
        if (match := _LENGTH.fullmatch(text)) is None:
            return None
        clock = self._known_clock()
        beats = float(match[1]) * (clock.meter if match[2].startswith("bar") else 1)
        return sign * clock.after(moment, sign * beats)

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
        start, way = self._moment(place) or 0.0, 1.0 if sign == "+" else -1.0
        if (length := self._lasts(by, start, way)) is None:
            written = parse_time(by)
            if written.unit != "s":
                raise ValueError(f"allowed after {sign} are beats, bars or seconds")
            length = float(written.value)
        return start + way * length

    def _bar(self, bar: float, beat: float) -> float:
        clock = self._known_clock()
        if bar < 1:
            raise ValueError("bars are counted from 1")
        if not 1 <= beat < clock.meter + 1:
            raise ValueError(f"a bar has {clock.meter} beats, counted from 1")
        return clock.second_of_bar(bar, beat)

    def _offset(self, text: str) -> tuple[str, str, str] | None:
        if (match := _OFFSET.fullmatch(text)) is None:
            return None
        place = match[1]
        known = place in self.markers or _BAR.fullmatch(place) or self._offset(place)
        return (place, match[2], match[3]) if known else None

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
        missing, some = f"there is no marker {word!r}", ", ".join(list(self.markers)[:6])
        if near := difflib.get_close_matches(word, self.markers, n=1):
            return f"{missing}, did you mean {near[0]!r}?"
        return f"{missing}, there are {some}" if some else f"{missing}, add it to markers"


def exact(seconds: float, text: str, *, of_song: bool = False) -> Time:
    """A time that was worked out, so rounded that it can be written down exactly."""
    return Time(Fraction(round(seconds * 10**9), 10**9), "s", text, of_song)
