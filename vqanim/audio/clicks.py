"""A song with a click on every beat, to hear whether they are right."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vqanim.audio.reading import Song, read_blocks
from vqanim.files import staged, writing

_LEVEL = 0.5
_SONG = 0.6
"""The song is that much softer under the clicks."""
_SECONDS = 0.05


def write_clicks(song: Song, beats: Sequence[float], downbeat: int, path: Path, meter: int = 4) -> None:
    """Write a wav of two channels at the song's rate; the first beat of a bar is higher.

    Raises BadSong and OutputError.
    """
    import soundfile

    bar, beat = _click(song.rate, 1760.0), _click(song.rate, 1174.7)
    starts = [
        (round(second * song.rate), bar if (number - downbeat) % meter == 0 else beat)
        for number, second in enumerate(beats)
    ]
    with (
        writing(path),
        staged(path) as temporary,
        soundfile.SoundFile(str(temporary), "w", song.rate, 2, "PCM_16", format="WAV") as file,
    ):
        first = 0
        for block in read_blocks(song):
            mixed = np.repeat(block.mean(axis=1, keepdims=True), 2, axis=1) if block.shape[1] != 2 else block
            mixed = mixed * np.float32(_SONG)
            for start, click in starts:
                _add(mixed, start - first, click)
            file.write(np.clip(mixed, -1, 1))
            first += len(block)


def _click(rate: int, pitch: float) -> NDArray[np.float32]:
    t = np.arange(round(_SECONDS * rate)) / rate
    return np.asarray(_LEVEL * np.sin(2 * np.pi * pitch * t) * np.exp(-t / 0.01), np.float32)


def _add(block: NDArray[np.float32], at: int, click: NDArray[np.float32]) -> None:
    """Add the part of a click that lies in a block; `at` may be below 0 or beyond its end."""
    first, last = max(0, at), min(len(block), at + len(click))
    if first < last:
        block[first:last] += click[first - at : last - at, None]
