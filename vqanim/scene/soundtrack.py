"""What a scene says about its song."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from types import MappingProxyType
from typing import Any, Protocol

from vqanim.errors import Place
from vqanim.scene.curves import NOWHERE
from vqanim.scene.fields.base import Declared, Writer, option, own
from vqanim.scene.fields.context import Reader
from vqanim.scene.fields.music import BPM, FIRST_BEAT, SONG_FILE, Band, BeatsType, Stem, Tempo, TempoType
from vqanim.scene.fields.numbers import whole
from vqanim.scene.fields.sections import Shorthand, dump_part
from vqanim.scene.fields.times import SONG_TIME
from vqanim.scene.sound import BEAT, Clock
from vqanim.scene.tree import Mapping, Node, Scalar

MOST_METER = 32

BANDS: MappingProxyType[str, Band] = MappingProxyType(
    {"bass": Band(20, 250), "mid": Band(250, 4000), "treble": Band(4000, 11_000)}
)
"""Signals that every song has, besides those of NAMES that are no bands."""
NAMES = ("loudness", *BANDS, "onset", "brightness")  # signals that every song and stem has


@dataclass(frozen=True)
class Heard:
    """What somebody found who listened to a song."""

    beats: tuple[float, ...]  # seconds of the song
    first_beat: float | None  # seconds of the song at which bar 1 begins
    confidence: float = 1.0  # 0..1


class Ear(Protocol):
    """Whoever can listen to a song. The scene itself never does."""

    def seconds(self, file: str) -> float:
        """How long a sound file is. Raises InputError for one that cannot be used."""

    def note(self, file: str) -> str | None:
        """What is odd about a sound file that can be played, as it goes on after its name."""

    def beats(self, file: str, meter: int, bpm: float | None) -> Heard:
        """The beats of a song, of which the tempo may be known. Raises InputError."""


@dataclass(frozen=True)
class Soundtrack(Declared):
    """The song of a film, and what is known of its beats. Moments in it are those that a player shows."""

    file: str = option(
        "The song: wav, flac, ogg, mp3 or what ffmpeg decodes, of at most 30 minutes",
        SONG_FILE.declare(example="song.mp3"),
    )
    start: float = option(
        "Moment of the song at which the film begins", SONG_TIME.declare(0.0, "time of the song")
    )
    bpm: Fraction | None = own(
        "The tempo; auto finds every beat by listening",
        BPM.declare(None, "beats per minute", default_text="auto", example="120"),
    )
    first_beat: float | None = own(
        "When bar 1 begins",
        FIRST_BEAT.declare(None, "time of the song", default_text="auto", example="0.35s"),
    )
    meter: int = option("Beats in a bar", whole(1, MOST_METER).declare(4, "beats"))
    tempo: tuple[Tempo, ...] = own(
        "A tempo that changes; instead of bpm",
        TempoType().declare((), "beats per minute", example='{0s: 90, "bar 17": 120}'),
    )
    beats: tuple[float, ...] = own(
        "Every beat, as it was tapped; instead of bpm",
        BeatsType().declare((), "time of the song", example="taps.txt"),
    )
    found: bool = field(default=False, compare=False)
    """True for beats that were found by listening, now or in the run that wrote the scene."""
    place: Place = field(default=NOWHERE, compare=False, repr=False)

    @property
    def needs_listening(self) -> bool:
        """Whether its beats are known only when somebody has listened to it."""
        if self.beats:
            return False
        return self.first_beat is None or (self.bpm is None and not self.tempo)

    def with_beats(self, heard: Heard) -> Soundtrack:
        """With what was found by listening in the place of what was left open."""
        if self.bpm is None and not self.tempo:
            first = heard.first_beat if self.first_beat is None else self.first_beat
            return replace(self, beats=heard.beats, first_beat=first, found=True)
        if heard.first_beat is None:
            return self
        period = 60 / float(self.bpm if self.bpm is not None else self.tempo[0].bpm)
        return replace(self, first_beat=_in_step(heard, period) if self.bpm else heard.first_beat)

    def clock(self) -> Clock | None:
        """The beats on the time of the film; None where they are not known (yet).

        Raises ValueError for a tempo map whose moments do not ascend.
        """
        beats, first = self.beats, self.first_beat
        if len(beats) > 1:
            near = beats[0] if first is None else min(beats, key=lambda beat: abs(beat - first))
            first_number = beats.index(near)
            numbers = tuple(float(number - first_number) for number in range(len(beats)))
            clock = Clock(numbers, beats, self.meter, heard=True)
        elif first is not None and self.tempo:
            clock = _along_map(self.tempo, first, self.meter)
        elif first is not None and self.bpm is not None:
            clock = Clock.steady(float(self.bpm), first, self.meter)
        else:
            return None
        return clock.later(-self.start)


@dataclass(frozen=True)
class SoundtrackType(Shorthand):
    """A file alone, or a mapping."""

    allowed: str = "the path of a song, or {file: song.mp3, start: 12.5s, bpm: auto, ...}"
    of: type[Declared] = Soundtrack
    main: str = "file"

    def parse(self, node: Node, reader: Reader) -> Soundtrack:
        made: Soundtrack = super().parse(node, reader)
        given = [key for key in ("bpm", "tempo", "beats") if getattr(made, key)]
        if len(given) > 1:
            raise reader.refuse(node, f"found {' and '.join(given)}, allowed is one of them")
        # A resolved scene says both: beats that were found where it said auto.
        bpm = node.get("bpm") if isinstance(node, Mapping) else None
        found = bool(made.beats) and isinstance(bpm, Scalar) and bpm.text.strip() == "auto"
        return replace(made, found=found, place=node.place)

    def dump(self, value: Soundtrack, writer: Writer) -> Any:
        """With its beats as they were found, so that nobody has to listen again."""
        return dump_part(value, writer) | ({"bpm": "auto"} if value.found else {})


def _in_step(heard: Heard, period: float) -> float:
    """The first beat, moved so that even beats from there on fit those that were heard best."""
    assert heard.first_beat is not None
    since = (beat - heard.first_beat for beat in heard.beats)
    off = sorted(seconds - period * round(seconds / period) for seconds in since)
    return round(heard.first_beat + off[len(off) // 2], 4)


def _along_map(tempo: Sequence[Tempo], first_beat: float, meter: int) -> Clock:
    """Beats along a tempo map, whose first tempo also holds before its moment. Raises ValueError."""
    seconds = [first_beat if tempo[0].second is None else tempo[0].second]
    beats = [(seconds[0] - first_beat) * float(tempo[0].bpm) / 60]
    for before, here in zip(tempo, [*tempo[1:], None], strict=True):
        speed = float(before.bpm) / 60
        if here is None:
            end = seconds[-1] + 60.0
        elif here.second is not None:
            end = here.second
        else:
            assert here.bar is not None
            end = seconds[-1] + ((here.bar - 1) * meter - beats[-1]) / speed
        if end <= seconds[-1]:
            raise ValueError("the moments of the tempos must follow one another")
        beats.append(beats[-1] + (end - seconds[-1]) * speed)
        seconds.append(end)
    zero = Clock(tuple(beats), tuple(seconds), meter).beat_at(first_beat)
    return Clock(tuple(beat - zero for beat in beats), tuple(seconds), meter)


def signal_names(own: dict[str, Band], stems: Sequence[Stem], *, beat: bool) -> frozenset[str]:
    """Every name that an expression may say: of the song, and of each stem with its name before a dot."""
    names = (*NAMES, *own)
    of_stems = (f"{stem.name}.{name}" for stem in stems for name in names)
    return frozenset((*names, *([BEAT] if beat else []), *of_stems))
