"""What a scene knows of its soundtrack, as plain data: a clock of beats, and signals over time.

Whoever listens to the song makes these; nothing here reads a file.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

_NEAR = 1e-6  # seconds
BEAT = "beat"
"""The signal that every clock has: a continuous count of beats from the first one."""


@dataclass(frozen=True)
class Clock:
    """Beats and moments of the film. Beat 0 is the first beat of bar 1; the count goes below 0 before it."""

    beats: tuple[float, ...]
    """Numbers of beats, ascending; two or more. Between them, and beyond, the tempo stays."""
    seconds: tuple[float, ...]  # moments of the film at which they are, ascending
    meter: int = 4  # beats in a bar
    heard: bool = False
    """True for beats that were heard or tapped: beyond them the count goes on, but nothing beats."""

    @classmethod
    def steady(cls, bpm: float, first_beat: float, meter: int = 4) -> Clock:
        """One tempo for all time."""
        return cls((0.0, 1.0), (first_beat, first_beat + 60.0 / bpm), meter)

    def second_of(self, beat: float) -> float:
        """The moment of a beat, or of a part of one."""
        return _along(beat, self.beats, self.seconds)

    def beat_at(self, second: float) -> float:
        """How many beats there have been at a moment, a continuous count."""
        return _along(second, self.seconds, self.beats)

    def counts(self, seconds: Floats) -> Floats:
        """`beat_at` for moments of any shape."""
        numbers, moments = np.asarray(self.beats), np.asarray(self.seconds)
        index = np.clip(np.searchsorted(moments, seconds, side="right") - 1, 0, len(moments) - 2)
        slope = np.diff(numbers) / np.diff(moments)
        return np.asarray(numbers[index] + (seconds - moments[index]) * slope[index])

    def second_of_bar(self, bar: float, beat: float = 1.0) -> float:
        """The moment of a bar, counted from 1, or of a beat in it, counted from 1."""
        return self.second_of((bar - 1) * self.meter + beat - 1)

    def after(self, second: float, beats: float) -> float:
        """Seconds for which so many beats last from a moment on."""
        return self.second_of(self.beat_at(second) + beats) - second

    def later(self, seconds: float) -> Clock:
        """The same beats, `seconds` later."""
        return replace(self, seconds=tuple(moment + seconds for moment in self.seconds))

    def moments(self, first: float, last: float, every: float, offset: float = 0.0) -> tuple[float, ...]:
        """Every so many beats, counted from the beat `offset`, from one moment up to another."""
        if self.heard:
            first, last = max(first, self.seconds[0] - _NEAR), min(last, self.seconds[-1] + _NEAR)
        start = math.ceil((self.beat_at(first) - offset) / every - 1e-6)
        end = math.floor((self.beat_at(last) - offset) / every + 1e-6)
        return tuple(self.second_of(offset + number * every) for number in range(start, end + 1))


def _along(x: float, xs: tuple[float, ...], ys: tuple[float, ...]) -> float:
    """y at x on straight lines through points, the first and last of which go on."""
    index = min(max(bisect_right(xs, x) - 1, 0), len(xs) - 2)
    slope = (ys[index + 1] - ys[index]) / (xs[index + 1] - xs[index])
    return ys[index] + (x - xs[index]) * slope


@dataclass(frozen=True, eq=False)
class Signal:
    """A number over the time of a film, 0..1."""

    rate: float  # values per second
    values: Floats  # [N]
    start: float = 0.0
    """Seconds of the film at the first value; below 0 where the film begins within the song."""

    def at(self, seconds: Floats) -> Floats:
        """The signal at moments of any shape; 0 before its beginning and after its end."""
        places = (seconds - self.start) * self.rate
        index = np.arange(len(self.values))
        return np.asarray(np.interp(places, index, self.values, left=0.0, right=0.0))

    def mean(self, first: Floats, last: Floats) -> Floats:
        """The mean over intervals, each longer than 0; of any one shape."""
        sums = np.concatenate([[0.0], np.cumsum((self.values[1:] + self.values[:-1]) / 2)])
        index = np.arange(len(sums))
        begin, end = ((seconds - self.start) * self.rate for seconds in (first, last))
        return np.asarray((np.interp(end, index, sums) - np.interp(begin, index, sums)) / (end - begin))

    def rises(self, above: float) -> Floats:
        """Moments at which it peaks after having risen above a level, ascending.

        It must fall a fifth of the level below it before it can rise again, so that a tremble is one hit.
        """
        low = above * 0.8
        state = np.where(self.values >= above, 1, np.where(self.values < low, 0, -1))
        known = np.maximum.accumulate(np.where(state >= 0, np.arange(len(state)), -1))
        held = np.where(known >= 0, state[np.clip(known, 0, None)], 0)
        begins = np.flatnonzero(np.diff(held, prepend=0) == 1)
        reach = max(1, round(0.06 * self.rate))
        peaks = [first + int(np.argmax(self.values[first : first + reach])) for first in begins.tolist()]
        return np.asarray(self.start + np.array(peaks, np.float64) / self.rate)


@dataclass(frozen=True)
class Sound:
    """A soundtrack on the time of the film."""

    clock: Clock | None = None  # None where no beat was found or said
    signals: Mapping[str, Signal] = field(default_factory=lambda: MappingProxyType({}))
    """Those that the scene uses, by the name that expressions say: `bass`, `drums.onset`."""

    def __contains__(self, name: object) -> bool:
        return name in self.signals or (name == BEAT and self.clock is not None)

    def values(self, name: str, seconds: Floats) -> Floats:
        """A signal or `beat` at moments of the film. Raises KeyError for one that nobody listened to."""
        if name == BEAT and self.clock is not None:
            return self.clock.counts(seconds)
        return self.signals[name].at(seconds)


SILENT = Sound()  # a film without a soundtrack
