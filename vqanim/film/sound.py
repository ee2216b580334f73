"""The sound of a film: the song from where the film begins, exactly as long as the pictures."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vqanim.audio.reading import BadSong, open_song, read_blocks
from vqanim.cache import sha256_of
from vqanim.files import writing
from vqanim.timeline.plan import SoundPlan

RATES = (44_100, 48_000)
"""Samples per second that every player knows; of others 48,000 are made."""


def sound_digest(sound: SoundPlan | None) -> list[str | float] | None:
    """What a film's sound depends on; None for none. Raises BadSong when the song cannot be read."""
    if sound is None:
        return None
    try:
        return [sha256_of(Path(sound.file)), sound.start]
    except OSError as error:
        raise BadSong(Path(sound.file), f"cannot be read ({error.strerror}); the film needs it") from error


def write_sound(sound: SoundPlan, seconds: Fraction, path: Path) -> int:
    """Write the part of a song that a film needs as a wav of two channels; gives its samples per second.

    It has exactly `seconds`, to the nearest sample: silence follows where the song ends before.
    Raises BadSong and OutputError.
    """
    import soundfile

    song = open_song(Path(sound.file))
    skipped, wanted = round(sound.start * song.rate), round(seconds * song.rate)
    with writing(path), soundfile.SoundFile(str(path), "w", song.rate, 2, "PCM_16", format="WAV") as file:
        for block in read_blocks(song):
            part = block[skipped : skipped + wanted]
            skipped = max(0, skipped - len(block))
            wanted -= len(part)
            file.write(_stereo(part))
            if wanted == 0:
                break
        while wanted > 0:
            count = min(wanted, song.rate)
            file.write(np.zeros((count, 2), np.float32))
            wanted -= count
    return song.rate


def _stereo(block: NDArray[np.float32]) -> NDArray[np.float32]:
    if block.shape[1] != 2:
        block = np.repeat(block.mean(axis=1, keepdims=True), 2, axis=1)
    return np.clip(block, -1.0, 1.0)
