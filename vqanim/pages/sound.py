"""The waveform of a film's song, as one row among the curves."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vqanim.audio.reading import open_song, read_blocks
from vqanim.pages.curves import HEIGHT, WIDTH, plot_row
from vqanim.timeline.plan import SoundPlan

COLUMNS = 800


def wave_row(sound: SoundPlan, seconds: float) -> str:
    """The row. Raises BadSong."""
    peaks = waveform(sound, seconds, COLUMNS)
    loudest = float(np.abs(peaks).max()) or 1.0
    middle, half = HEIGHT / 2, HEIGHT / 2 - 2
    step = WIDTH / COLUMNS
    above = [
        f"{(i + 0.5) * step:.1f},{middle - half * high / loudest:.1f}" for i, (_, high) in enumerate(peaks)
    ]
    below = [
        f"{(i + 0.5) * step:.1f},{middle - half * low / loudest:.1f}" for i, (low, _) in enumerate(peaks)
    ]
    drawn = f'<polygon class="wave" points="{" ".join([*above, *reversed(below)])}"/>'
    return plot_row("waveform", "sound", drawn)


def waveform(sound: SoundPlan, seconds: float, columns: int) -> NDArray[np.float64]:
    """Smallest and largest sample [columns, 2], -1..1, of each part of what a film hears of its song; 0 where
    the song has ended. Raises BadSong."""
    song = open_song(Path(sound.file))
    first, count = round(sound.start * song.rate), max(1, round(seconds * song.rate))
    peaks = np.zeros((columns, 2))
    place = -first
    for block in read_blocks(song):
        mono = block.mean(axis=1)
        here = np.arange(place, place + len(mono))
        inside = (here >= 0) & (here < count)
        if inside.any():
            column = here[inside] * columns // count
            np.minimum.at(peaks[:, 0], column, mono[inside])
            np.maximum.at(peaks[:, 1], column, mono[inside])
        place += len(mono)
        if place >= count:
            break
    return peaks
