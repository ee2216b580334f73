"""What a scene says about its song."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from types import MappingProxyType

from vqanim.errors import Place
from vqanim.scene.curves import NOWHERE
from vqanim.scene.sound import BEAT, Clock

SLOWEST, FASTEST = 10, 1000
"""Beats per minute."""
MOST_METER = 32
MAX_BEATS = 20_000
MAX_STEMS = 16
MAX_MARKERS = 10_000
LOWEST, HIGHEST = 1, 12_000
"""Hz."""


@dataclass(frozen=True)
class Band:
    """A range of pitches that becomes a signal."""

    low: float
    """Hz."""
    high: float
    """Hz."""
    attack: float = 0.005
    """Seconds in which it rises."""
    release: float = 0.12
    """Seconds in which it dies away."""


BANDS: Mapping[str, Band] = MappingProxyType(
    {"bass": Band(20, 250), "mid": Band(250, 4000), "treble": Band(4000, 11_000)}
)
"""Signals that every song has, besides those of NAMES that are no bands."""
NAMES = ("loudness", *BANDS, "onset", "brightness")
"""Signals that every song and stem has."""


@dataclass(frozen=True)
class Stem:
    """A part of the song in a file of its own, beginning where the song does."""

    name: str
    file: str
    """Absolute path."""
    place: Place = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True)
class Soundtrack:
    """The song of a film, and what is known of its beats. Moments in it are those that a player shows."""

    file: str
    """Absolute path."""
    start: float = 0.0
    """Seconds of the song at which the film begins."""
    bpm: Fraction | None = None
    """None where it is found by listening, or follows from `beats` or `tempo`."""
    first_beat: float | None = None
    """Seconds of the song at which bar 1 begins; None where that is found by listening."""
    meter: int = 4
    """Beats in a bar."""
    tempo: tuple[tuple[float, Fraction], ...] = ()
    """Beats per minute from a moment of the song on."""
    beats: tuple[float, ...] = ()
    """Seconds of the song, tapped or found."""
    place: Place = field(default=NOWHERE, compare=False, repr=False)

    @property
    def needs_listening(self) -> bool:
        """Whether its beats are known only when somebody has listened to it."""
        if self.beats:
            return False
        return self.first_beat is None or (self.bpm is None and not self.tempo)

    def clock(self) -> Clock | None:
        """The beats on the time of the film; None where they are not known (yet)."""
        made = self._song_clock()
        return made.later(-self.start) if made is not None else None

    def _song_clock(self) -> Clock | None:
        if len(self.beats) > 1:
            first = 0 if self.first_beat is None else _nearest(self.beats, self.first_beat)
            numbers = tuple(float(number - first) for number in range(len(self.beats)))
            return Clock(numbers, self.beats, self.meter)
        if self.first_beat is None:
            return None
        if self.tempo:
            return self._by_tempo(self.first_beat)
        return None if self.bpm is None else Clock.steady(float(self.bpm), self.first_beat, self.meter)

    def _by_tempo(self, first_beat: float) -> Clock:
        """Beats along a tempo map, whose first tempo also holds before its moment."""
        starts = [start for start, _ in self.tempo]
        beats, seconds = [0.0], [starts[0]]
        for (start, bpm), end in zip(self.tempo, [*starts[1:], starts[-1] + 60.0], strict=True):
            beats.append(beats[-1] + (end - start) * float(bpm) / 60)
            seconds.append(end)
        counted = Clock(tuple(beats), tuple(seconds), self.meter)
        zero = counted.beat_at(first_beat)
        return Clock(tuple(beat - zero for beat in beats), tuple(seconds), self.meter)


def _nearest(beats: tuple[float, ...], moment: float) -> int:
    return min(range(len(beats)), key=lambda index: abs(beats[index] - moment))


def signal_names(own: Mapping[str, Band], stems: tuple[Stem, ...]) -> frozenset[str]:
    """Every name that an expression may say: of the song, and of each stem with its name before a dot."""
    names = (*NAMES, *own)
    return frozenset((*names, BEAT, *(f"{stem.name}.{name}" for stem in stems for name in names)))
