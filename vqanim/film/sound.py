"""The sound of a film: the song from where the film begins, exactly as long as the pictures."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import numpy as np

from vqanim.audio.reading import BadSong, Samples, open_song, read_blocks, write_wav
from vqanim.files import sha256_of, writing
from vqanim.timeline.plan import SoundPlan

RATES = (44_100, 48_000)  # samples per second that every player knows; of others 48,000 are made


def sound_digest(sound: SoundPlan | None) -> list[str | float] | None:
    """What a film's sound depends on; None for none. Raises BadSong when the song cannot be read."""
    if sound is None:
        return None
    try:
        return [sha256_of(Path(sound.file)), sound.start]
    except OSError as error:
        raise BadSong(Path(sound.file), f"cannot be read ({error.strerror}); the film needs it") from error


def write_sound(sound: SoundPlan, seconds: Fraction, path: Path) -> int:
    """Write the part of a song that a film needs as a wav of two channels, exactly `seconds` to the nearest
    sample, in the end silent if need be; gives its samples per second. Raises BadSong and OutputError."""
    song = open_song(Path(sound.file))
    skipped, wanted = round(sound.start * song.rate), round(seconds * song.rate)

    def part() -> Iterator[Samples]:
        skip, left = skipped, wanted
        for block in read_blocks(song):
            shown = block[skip : skip + left]
            skip, left = max(0, skip - len(block)), left - len(shown)
            yield shown
            if left == 0:
                return
        while left > 0:
            count = min(left, song.rate)
            yield np.zeros((count, 2), np.float32)
            left -= count

    with writing(path):
        write_wav(path, song.rate, part())
    return song.rate
