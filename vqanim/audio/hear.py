"""Listening to a song: tempo, beats, sections and signals, each found once and kept in the cache."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vqanim.audio import signals
from vqanim.audio.beats import on_the_heavier, track_beats
from vqanim.audio.kept import Kept
from vqanim.audio.reading import SILENCE, BadSong, Samples, Song, open_song, read_mono
from vqanim.audio.spectrum import RATE, heavy_strength, log_mels, onset_strength
from vqanim.audio.structure import Section, find_downbeat, find_sections
from vqanim.audio.tempo import FASTEST, SLOWEST, find_tempo
from vqanim.scene.fields.music import Band
from vqanim.scene.soundtrack import NAMES

Floats = NDArray[np.float64]

VERSION = 4
"""Bumped by hand whenever the same song would give other beats or sections."""
METHOD = "onsets and dynamic programming"
CLEAR = 0.25
"""Confidence below which there is hardly a beat."""


@dataclass(frozen=True)
class Beats:
    """What was found out about the time of a song."""

    tempo: float
    """Beats per minute: of most of the song."""
    confidence: float
    """0..1."""
    octave: float
    """Beats per minute that it might be instead: half or double."""
    octave_confidence: float
    """0..1."""
    beats: tuple[float, ...]
    """Seconds, ascending; empty where nothing can be heard."""
    downbeat: int
    """Index of the first beat that begins a bar."""
    sections: tuple[Section, ...]
    method: str = METHOD

    @property
    def first_beat(self) -> float | None:
        """Seconds at which bar 1 begins."""
        return self.beats[self.downbeat] if self.beats else None


@dataclass(frozen=True)
class Listener:
    """One who listens to one song; what was heard before is not heard again."""

    song: Song
    kept: Kept
    _memory: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, path: Path) -> Listener:
        """Raises BadSong."""
        song = open_song(path)
        return cls(song, Kept.of(path))

    def beats(self, meter: int = 4, near: float | None = None) -> Beats:
        """Tempo, beats and sections.

        near: the tempo, in beats per minute, where it is known. Raises BadSong for a silent song.
        """
        name = f"beats-v{VERSION}-m{meter}" + (f"-t{near:.6g}" if near is not None else "")

        def find() -> str:
            return json.dumps(asdict(_find_beats(self._mono(), self.song, meter, near)))

        return _read_beats(self.kept.text(name, find, _is_beats))

    def signal(self, name: str, own: Band | None = None) -> Floats:
        """A signal, [T] at RATE, 0..1. own: the band, for a name that is none of NAMES. Raises BadSong."""
        assert own is not None or name in NAMES
        key = name if own is None else f"{own.low:.6g}-{own.high:.6g}-{own.attack:.6g}-{own.release:.6g}"
        return self.kept.numbers(
            f"signal-v{signals.VERSION}-{key}", lambda: signals.signal(self._mono(), name, own)
        )

    def _mono(self) -> Samples:
        if "mono" not in self._memory:
            self._memory["mono"] = read_mono(self.song)
        mono: Samples = self._memory["mono"]
        return mono


def _find_beats(mono: Samples, song: Song, meter: int, near: float | None) -> Beats:
    if not len(mono) or float(np.abs(mono).max()) < SILENCE:
        raise BadSong(song.path, "is silent: nothing in it is louder than -80 dB")
    mels = log_mels(mono)
    onsets = onset_strength(mels)
    path = find_tempo(onsets, RATE, near)
    beats = on_the_heavier(track_beats(onsets, RATE, path), onsets, heavy_strength(mels), RATE)
    tempo = _tempo_of(beats) or float(np.median(path.bpm))
    half_is_likelier = (path.half >= path.double and tempo / 2 >= SLOWEST) or tempo * 2 > FASTEST
    downbeat = find_downbeat(beats, mono, onsets, meter)
    return Beats(
        tempo=round(tempo, 3),
        confidence=round(path.confidence, 3),
        octave=round(tempo / 2 if half_is_likelier else tempo * 2, 3),
        octave_confidence=round(path.half if half_is_likelier else path.double, 3),
        beats=tuple(round(float(beat), 4) for beat in beats),
        downbeat=downbeat,
        sections=find_sections(beats, mono, mels, downbeat, meter),
    )


def _tempo_of(beats: Floats) -> float | None:
    """Beats per minute of most of a song: the slope of its beats where they are even."""
    if len(beats) < 2:
        return None
    steps = np.diff(beats)
    usual = float(np.median(steps))
    even = np.abs(steps - usual) < 0.04 * usual
    return 60.0 / float(steps[even].mean()) if even.any() else 60.0 / usual


def _is_beats(text: str) -> bool:
    try:
        _read_beats(text)
    except (ValueError, TypeError, KeyError):
        return False
    return True


def _read_beats(text: str) -> Beats:
    said = json.loads(text)
    sections = tuple(Section(**section) for section in said.pop("sections"))
    return Beats(**{**said, "beats": tuple(said["beats"]), "sections": sections})
