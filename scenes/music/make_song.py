"""Makes the songs of the scenes in this folder: drums, bass and melody, with a tempo that is known exactly.

    python scenes/music/make_song.py                 # both songs, beside this file
    python scenes/music/make_song.py --stems         # and each part in a file of its own
    python scenes/music/make_song.py --out FOLDER --ending wav

Beside each song stands NAME.txt with the seconds of its beats, one a line.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

Sound = NDArray[np.float64]

RATE = 44_100
BEATS = 4
"""In a bar."""
QUALITY = 0.75
"""Of OGG files for soundfile: 0 is the largest, 1 the smallest."""
PARTS = ("drums", "bass", "melody")

CHORDS = {
    "Am": (0, 3, 7),
    "F": (-4, 0, 3),
    "C": (3, 7, 10),
    "G": (-2, 2, 5),
    "Dm": (5, 8, 12),
    "Em": (-5, -2, 2),
}
"""Semitones above A."""


@dataclass(frozen=True)
class Section:
    """A part of a song."""

    name: str
    bars: int
    bpm: float
    chords: tuple[str, ...]
    """One a bar, again and again."""
    kick: bool = True
    snare: bool = True
    hats: int = 2
    """Strokes of the hi-hat in a beat; 0 for none."""
    bass: bool = True
    melody: bool = True


@dataclass(frozen=True)
class Song:
    """What is played."""

    name: str
    silence: float
    """Seconds before the first beat."""
    sections: tuple[Section, ...]
    seed: int


SONGS = (
    Song(
        "tide",
        0.35,
        (
            Section("intro", 4, 112, ("Am", "F"), kick=False, snare=False, hats=1),
            Section("verse", 4, 112, ("Am", "F", "C", "G"), melody=False),
            Section("chorus", 4, 112, ("F", "C", "G", "Am"), hats=4),
            Section("outro", 2, 112, ("Am",), kick=False, snare=False, hats=0, bass=False),
        ),
        3,
    ),
    Song(
        "ember",
        0.8,
        (
            Section("slow", 4, 92, ("Dm", "Am"), snare=False, hats=1),
            Section("rise", 4, 128, ("Dm", "Am", "C", "G"), hats=2, melody=False),
            Section("drop", 4, 128, ("F", "G", "Am", "Em"), hats=4),
        ),
        8,
    ),
)


def beat_times(song: Song) -> list[float]:
    """Seconds of every beat, and of the end of the last."""
    times = [song.silence]
    for section in song.sections:
        times += [times[-1] + 60 / section.bpm * (count + 1) for count in range(section.bars * BEATS)]
    return times


def section_times(song: Song) -> dict[str, float]:
    """Seconds at which each section begins."""
    times, found, beat = beat_times(song), {}, 0
    for section in song.sections:
        found[section.name] = times[beat]
        beat += section.bars * BEATS
    return found


def make_parts(song: Song) -> dict[str, Sound]:
    """Each part of a song, [N], together no louder than 1."""
    times = beat_times(song)
    length = round((times[-1] + 1.0) * RATE)
    parts = {name: np.zeros(length) for name in PARTS}
    rng = np.random.default_rng(song.seed)
    beat = 0
    for section in song.sections:
        for bar in range(section.bars):
            here = times[beat : beat + BEATS + 1]
            _play_drums(parts["drums"], section, here, rng)
            chord = CHORDS[section.chords[bar % len(section.chords)]]
            if section.bass:
                _play_bass(parts["bass"], chord, here)
            if section.melody:
                _play_melody(parts["melody"], chord, here, rng)
            beat += BEATS
    loudest = max(float(np.abs(sum(parts.values())).max()), 1e-9)
    return {name: part * (0.9 / loudest) for name, part in parts.items()}


def _add(track: Sound, second: float, sound: Sound, level: float = 1.0) -> None:
    first = round(second * RATE)
    part = track[first : first + len(sound)]
    part += level * sound[: len(part)]


def _time(seconds: float) -> Sound:
    return np.arange(round(seconds * RATE)) / RATE


def _play_drums(track: Sound, section: Section, times: Sequence[float], rng: np.random.Generator) -> None:
    for count in range(BEATS):
        length = times[count + 1] - times[count]
        if section.kick and count in (0, 2):
            _add(track, times[count], kick(), 0.9)
        if section.snare and count in (1, 3):
            _add(track, times[count], snare(rng), 0.6)
        for stroke in range(section.hats):
            _add(track, times[count] + stroke * length / section.hats, hat(rng), 0.25 if stroke else 0.35)


def _play_bass(track: Sound, chord: Sequence[int], times: Sequence[float]) -> None:
    for count, step in ((0, 0), (2, 0), (3, 7)):
        _add(track, times[count], note(55 * 2 ** ((chord[0] + step) / 12), times[1] - times[0], 3), 0.5)


def _play_melody(
    track: Sound, chord: Sequence[int], times: Sequence[float], rng: np.random.Generator
) -> None:
    for count in range(BEATS):
        for tone in chord if count == 0 else ():
            _add(track, times[0], note(220 * 2 ** (tone / 12), times[-1] - times[0], 2), 0.09)
        tone = int(rng.choice(chord)) + 12
        _add(
            track, times[count], note(220 * 2 ** (tone / 12), 0.9 * (times[count + 1] - times[count]), 5), 0.2
        )


def kick() -> Sound:
    """A drum whose pitch falls."""
    t = _time(0.3)
    phase = 2 * np.pi * (50 * t + 110 * 0.03 * (1 - np.exp(-t / 0.03)))
    return np.sin(phase) * np.exp(-t / 0.09) * np.minimum(1, t / 0.001)


def snare(rng: np.random.Generator) -> Sound:
    """Noise with a tone in it."""
    t = _time(0.22)
    return (0.7 * rng.standard_normal(len(t)) + 0.5 * np.sin(2 * np.pi * 190 * t)) * np.exp(-t / 0.05)


def hat(rng: np.random.Generator) -> Sound:
    """A short high noise."""
    t = _time(0.06)
    noise = rng.standard_normal(len(t) + 1)
    return np.diff(noise) * np.exp(-t / 0.015)


def note(pitch: float, seconds: float, overtones: int) -> Sound:
    """A plucked tone."""
    t = _time(seconds)
    wave = sum(np.sin(2 * np.pi * pitch * n * t) / n for n in range(1, overtones + 1))
    ends = np.minimum(1, t / 0.008) * np.minimum(1, (seconds - t) / 0.03)
    return np.asarray(wave * np.exp(-t / (0.6 * seconds)) * ends)


def write_song(song: Song, folder: Path, ending: str = "ogg", *, stems: bool = False) -> Path:
    """Write a song, the seconds of its beats and, if wanted, its parts. Gives the song's path."""
    parts = make_parts(song)
    path = folder / f"{song.name}.{ending}"
    _write(path, np.sum(list(parts.values()), axis=0), ending)
    times = "".join(f"{second:.4f}\n" for second in beat_times(song)[:-1])
    (folder / f"{song.name}.txt").write_text(times, encoding="utf-8")
    for name, part in parts.items() if stems else ():
        _write(folder / f"{song.name}-{name}.{ending}", part, ending)
    return path


def _write(path: Path, sound: Sound, ending: str) -> None:
    quality = {"compression_level": QUALITY} if ending in ("ogg", "mp3") else {}
    with soundfile.SoundFile(path, "w", RATE, 1, **quality) as file:
        # In parts: libsndfile puts all that an OGG is given at once onto the stack.
        for first in range(0, len(sound), RATE):
            file.write(sound[first : first + RATE].astype(np.float32))


def main() -> None:
    """Write what the command line asks for."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, default=Path(__file__).parent, help="Folder for the songs.")
    parser.add_argument("--ending", default="ogg", choices=("ogg", "mp3", "wav", "flac"))
    parser.add_argument("--stems", action="store_true", help="Each part in a file of its own, too.")
    wishes = parser.parse_args()
    for song in SONGS:
        print(write_song(song, wishes.out, wishes.ending, stems=wishes.stems))


if __name__ == "__main__":
    main()
