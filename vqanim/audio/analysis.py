"""What is heard in a song: tempo, beats, sections and signals, each found once and kept in the cache."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field, fields
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vqanim.audio import signals
from vqanim.audio.beats import find_beats
from vqanim.audio.reading import SILENCE, BadSong, Samples, Song, open_song, read_mono
from vqanim.audio.spectrum import RATE, heavy_strength, log_mels, onset_strength
from vqanim.audio.structure import Section, find_downbeat, find_sections
from vqanim.audio.tempo import FASTEST, SLOWEST
from vqanim.cache import cache_folder
from vqanim.errors import InputError, OutputError
from vqanim.files import make_folder, sha256_of, write_atomic
from vqanim.own_files import MAX_BYTES, Damaged, drop, read_array, read_cache
from vqanim.scene.fields.music import Band
from vqanim.scene.model import Scene
from vqanim.scene.sound import BEAT, Signal
from vqanim.scene.soundtrack import Heard

Floats = NDArray[np.float64]

VERSION = 6  # bumped by hand whenever the same song would give other beats or sections
WHOLE = 0.5  # seconds by which a remembered signal may differ from its song
_BEATS = {
    **dict.fromkeys(("tempo", "confidence", "octave", "octave_confidence"), float),
    "beats": [float],
    "downbeat": int,
    "sections": [{"start": float, "end": float, "label": str, "loudness": float}],
    "method": str,
}
"""What the cache holds of the time of a song."""
CLEAR = 0.25  # confidence below which there is hardly a beat


@dataclass(frozen=True)
class Beats:
    """What was found out about the time of a song."""

    tempo: float  # beats per minute: of most of the song
    confidence: float  # 0..1
    octave: float  # beats per minute that it might be instead: half or double
    octave_confidence: float  # 0..1
    beats: tuple[float, ...]  # seconds, ascending; empty where nothing can be heard
    downbeat: int  # index of the first beat that begins a bar
    sections: tuple[Section, ...]
    method: str = "onsets and dynamic programming"

    @property
    def first_beat(self) -> float | None:
        """Seconds at which bar 1 begins."""
        return self.beats[self.downbeat] if self.beats else None


@dataclass(frozen=True)
class SongAnalysis:
    """One song and what was found out about it. What the cache holds is not looked for again; a cache that
    cannot be written is done without."""

    song: Song
    digest: str  # SHA-256 of the song's file

    @classmethod
    def of(cls, path: Path) -> SongAnalysis:
        """Raises BadSong, and InputError when the song cannot be read."""
        song = open_song(path)
        try:
            return cls(song, sha256_of(path))
        except OSError as error:
            raise InputError(f"{path}: cannot be read ({error.strerror})") from error

    def beats(self, meter: int = 4, near: float | None = None) -> Beats:
        """Tempo, beats and sections. near: the tempo, in beats per minute, where it is known. Raises BadSong
        for a silent song."""
        tempo = "" if near is None else f"-t{near:.6g}"
        path = self._path(f"beats-v{VERSION}-m{meter}{tempo}.json")
        about = {"song": self.digest, "key": path.stem, "seconds": round(self.song.seconds, 3)}
        known = read_cache(path, _BEATS)
        if known is not None:
            beats = _known_beats(known)
            if all(known.get(name) == value for name, value in about.items()) and _is_whole(
                beats, self.song.seconds
            ):
                return beats
            drop(path, "is of another song")
        found = _find_beats(self._mono, self.song, meter, near)
        _keep(path, json.dumps({**about, **asdict(found)}).encode())
        return found

    def signal(self, name: str, own: Band | None = None) -> Floats:
        """A signal, [T] at RATE, 0..1. own: the band, for a name that is none of NAMES. Raises BadSong."""
        key = name if own is None else f"{own.low:.6g}-{own.high:.6g}-{own.attack:.6g}-{own.release:.6g}"
        path = self._path(f"signal-v{signals.VERSION}-{key}.npy")
        try:
            known = read_array(path, 64 * MAX_BYTES)
        except Damaged as error:
            drop(path, error)
        else:
            if known is not None and self._fits(known):
                return np.asarray(known, np.float64)
            if known is not None:
                drop(path, "is no signal of this song")
        rounded = np.asarray(signals.signal(self._mono, name, own), np.float32)
        buffer = io.BytesIO()
        np.save(buffer, rounded, allow_pickle=False)
        _keep(path, buffer.getvalue())
        return np.asarray(rounded, np.float64)

    def _fits(self, known: NDArray[Any]) -> bool:
        """Whether what the cache holds can be a signal of all of this song."""
        if known.dtype != np.float32 or known.ndim != 1:
            return False
        whole = abs(len(known) / RATE - self.song.seconds) < WHOLE
        return whole and bool(((known >= 0) & (known <= 1)).all())

    @cached_property
    def _mono(self) -> Samples:
        return read_mono(self.song)

    def _path(self, name: str) -> Path:
        return cache_folder() / "sound" / self.digest[:32] / name


def _known_beats(known: Mapping[str, Any]) -> Beats:
    sections = tuple(
        Section(**{one.name: section[one.name] for one in fields(Section)}) for section in known["sections"]
    )
    own = {one.name: known[one.name] for one in fields(Beats) if one.name in known}
    return Beats(**{**own, "beats": tuple(known["beats"]), "sections": sections})


def _is_whole(beats: Beats, seconds: float) -> bool:
    """Whether these can be the beats of a song that is so long."""
    times = np.asarray(beats.beats, np.float64)
    numbers = [beats.tempo, beats.confidence, beats.octave, beats.octave_confidence]
    edges = np.asarray([(part.start, part.end, part.loudness) for part in beats.sections], np.float64)
    return (
        bool(np.isfinite(numbers).all() and beats.tempo > 0)
        and times.ndim == 1
        and bool((np.diff(times) > 0).all() and ((times >= -WHOLE) & (times <= seconds + WHOLE)).all())
        and type(beats.downbeat) is int
        and 0 <= beats.downbeat < max(1, len(times))
        and bool(np.isfinite(edges).all())
        and (not beats.sections or abs(beats.sections[-1].end - seconds) < 4 * WHOLE)
    )


def _keep(path: Path, content: bytes) -> None:
    with suppress(OutputError):
        make_folder(path.parent)
        write_atomic(path, content)


@dataclass(frozen=True)
class SceneSongs:
    """Listens to the songs of a scene, for what it asks for; implements vqanim.scene.soundtrack.Ear."""

    remembered: Mapping[tuple[str, int], Heard] = field(default_factory=dict)
    """Beats that are known, by the first 16 digits of the SHA-256 of the song and the meter."""
    _songs: dict[str, SongAnalysis] = field(default_factory=dict)

    def seconds(self, file: str) -> float:
        """How long a sound file is. Raises BadSong."""
        return self._song(file).song.seconds

    def note(self, file: str) -> str | None:
        """What is odd about a sound file that can be played, as it goes on after its name. Raises BadSong."""
        return self._song(file).song.note

    def beats(self, file: str, meter: int, bpm: float | None) -> Heard:
        """The beats of a song: those that are remembered, or those that are heard. Raises BadSong."""
        song = self._song(file)
        if bpm is None and (known := self.remembered.get((song.digest[:16], meter))):
            return known
        found = song.beats(meter, bpm)
        return Heard(found.beats, found.first_beat, found.confidence)

    def signals(self, scene: Scene) -> dict[str, Signal]:
        """Every signal that a scene names, on the time of its film. Raises BadSong."""
        track = scene.soundtrack
        if track is None:
            return {}
        files = {"": track.file, **{stem.name: stem.file for stem in scene.stems}}
        own = dict(scene.bands)
        found = {}
        for name in sorted(scene.heard - {BEAT}):
            stem, _, signal = name.rpartition(".")
            values = self._song(files[stem]).signal(signal, own.get(signal))
            found[name] = Signal(RATE, values, -track.start)
        return found

    def _song(self, file: str) -> SongAnalysis:
        if file not in self._songs:
            self._songs[file] = SongAnalysis.of(Path(file))
        return self._songs[file]


def _find_beats(mono: Samples, song: Song, meter: int, near: float | None) -> Beats:
    if np.abs(mono).max(initial=0.0) < SILENCE:
        raise BadSong(song.path, "is silent: nothing in it is louder than -80 dB")
    mels = log_mels(mono)
    onsets = onset_strength(mels)
    heavy = heavy_strength(mels)
    path, beats = find_beats(onsets, heavy, near)
    tempo = _tempo_of(beats) or float(np.median(path.bpm))
    half, double = path.confidence(0.5), path.confidence(2.0)
    half_is_likelier = (half >= double and tempo / 2 >= SLOWEST) or tempo * 2 > FASTEST
    downbeat = find_downbeat(beats, mono, heavy, meter)
    return Beats(
        tempo=round(tempo, 3),
        confidence=round(path.confidence(), 3),
        octave=round(tempo / 2 if half_is_likelier else tempo * 2, 3),
        octave_confidence=round(half if half_is_likelier else double, 3),
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
