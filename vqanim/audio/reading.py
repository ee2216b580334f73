"""Sound files, read in blocks: wav, flac, ogg, mp3, aiff by soundfile, everything else by ffmpeg."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vqanim.audio.whole import cut_short
from vqanim.errors import InputError
from vqanim.ffmpeg import LOCAL, FfmpegError, decode

Samples = NDArray[np.float32]

MAX_SECONDS = 1800
LEAST_SECONDS = 0.1
MAX_CHANNELS = 64
BLOCK = 1 << 16
"""Sample frames that are read at once."""
DECODED_RATE = 48_000
"""Samples per second of what ffmpeg decodes."""
ANALYSIS_RATE = 24_000
"""Samples per second of what is listened to; nothing above 12 kHz is needed."""
SILENCE = 1e-4
"""A song that is never louder than this (-80 dB) is silent."""

# Of the many formats that ffmpeg knows, some are lists that name other files.
_FORMATS = (
    "mov,matroska,asf,aac,ac3,eac3,amr,ape,wv,tta,caf,mpegts,mpeg,avi,flv,mp3,wav,w64,aiff,flac,ogg,au,dsf"
)
_FFMPEG_CHANNELS = 2


class BadSong(InputError):
    """A sound file that cannot be used."""

    def __init__(self, path: Path, reason: str) -> None:
        self.reason = reason
        """As it goes on after the file's name."""
        super().__init__(f"{path}: {reason}")


@dataclass(frozen=True)
class Song:
    """A sound file that is there and whole."""

    path: Path
    rate: int
    """Samples per second."""
    channels: int
    frames: int
    """Samples of each channel."""
    decoder: str
    """soundfile or ffmpeg."""

    @property
    def seconds(self) -> float:
        """Its length."""
        return self.frames / self.rate


def open_song(path: Path) -> Song:
    """Look at a sound file. Raises BadSong for one that is missing, cut short, too long or no sound."""
    if wrong := _no_file(path):
        raise BadSong(path, wrong)
    if path.stat().st_size == 0:
        raise BadSong(path, "the file is empty")
    if reason := cut_short(path):
        raise BadSong(path, f"is cut short: {reason}; get it whole, or save it anew as wav")
    import soundfile

    try:
        with warnings_off():
            info = soundfile.info(str(path))
        song = Song(path, int(info.samplerate), int(info.channels), int(info.frames), "soundfile")
    except (soundfile.SoundFileError, OSError, ValueError, TypeError):  # the last for a .raw without a header
        song = _probe_by_ffmpeg(path)
    if song.channels > MAX_CHANNELS or song.rate < 1000:
        raise BadSong(path, f"has {song.channels} channels at {song.rate} Hz, which is no music")
    if song.seconds > MAX_SECONDS:
        raise BadSong(path, _too_long(song.seconds))
    if song.seconds < LEAST_SECONDS:
        held = f"{song.frames} sample" + "s" * (song.frames != 1)
        raise BadSong(path, f"holds {held} ({song.seconds:.2g} s), at least {LEAST_SECONDS} s are needed")
    return song


def read_blocks(song: Song) -> Iterator[Samples]:
    """The whole song in blocks float32 [n, channels], in -1..1. Raises BadSong."""
    blocks = _by_soundfile(song) if song.decoder == "soundfile" else _by_ffmpeg(song.path)
    for block in blocks:
        if not np.isfinite(block).all():
            raise BadSong(song.path, "holds numbers that are no sound (not finite); save it anew")
        yield block


def read_mono(song: Song) -> Samples:
    """All channels as one at ANALYSIS_RATE, float32 [N].

    In memory at once is only this: 170 MB for the longest song. Raises BadSong.
    """
    ratio = Fraction(ANALYSIS_RATE, song.rate)
    parts = [part.copy() for part in resampled(mixed_down(song), ratio.numerator, ratio.denominator)]
    return np.concatenate(parts) if parts else np.zeros(0, np.float32)


def mixed_down(song: Song) -> Iterator[Samples]:
    """The mean of all channels in blocks [n]; with two that cancel each other, the first. Raises BadSong."""
    for block in read_blocks(song):
        yield block[:, 0] if block.shape[1] == 1 else block.mean(axis=1, dtype=np.float32)


def resampled(blocks: Iterator[Samples], up: int, down: int) -> Iterator[Samples]:
    """Blocks of one channel at another rate, `up / down` times as many samples, without any delay.

    The filter is symmetric, and blocks overlap by more than its length, so that borders cannot be heard.
    """
    if up == down:
        yield from blocks
        return
    from scipy.signal import firwin, resample_poly

    half = 10 * max(up, down)
    taps = firwin(2 * half + 1, 1 / max(up, down), window=("kaiser", 5.0)).astype(np.float32)
    margin = down * math.ceil((half / up + 1) / down)
    # Blocks begin at multiples of `down`, where both grids of samples meet.
    step = down * max(1, round(4 * BLOCK / down))
    held = np.zeros(margin, np.float32)  # `margin` samples of the past, then what is to be converted
    for block in blocks:
        held = np.concatenate([held, block])
        while len(held) >= 2 * margin + step:
            yield _middle(
                resample_poly(held[: 2 * margin + step], up, down, window=taps), margin, step, up, down
            )
            held = held[step:]
    rest = len(held) - margin
    if rest > 0:
        padded = np.concatenate([held, np.zeros(margin, np.float32)])
        yield _middle(resample_poly(padded, up, down, window=taps), margin, rest, up, down)


def _middle(converted: Any, margin: int, count: int, up: int, down: int) -> Samples:
    first = margin * up // down
    return np.asarray(converted[first : first + math.ceil(count * up / down)], np.float32)


@contextmanager
def warnings_off() -> Iterator[None]:
    """libsndfile's binding warns about odd tags that change nothing."""
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def _no_file(path: Path) -> str | None:
    try:
        if path.is_file():
            return None
        return "is no file" if path.exists() else "there is no such file"
    except (OSError, ValueError):
        return "there is no such file"


def _too_long(seconds: float) -> str:
    long = f"{int(seconds) // 60}:{int(seconds) % 60:02} minutes"
    return f"lasts {long}, allowed are {MAX_SECONDS // 60}: cut out the part that you need"


def _by_soundfile(song: Song) -> Iterator[Samples]:
    import soundfile

    try:
        with warnings_off(), soundfile.SoundFile(str(song.path)) as file:
            while len(block := file.read(BLOCK, dtype="float32", always_2d=True)):
                yield block
    except (soundfile.SoundFileError, OSError, ValueError) as error:
        reason = str(error).rpartition(": ")[2] or "unknown"
        raise BadSong(song.path, f"cannot be decoded ({reason}); save it anew") from error


def _probe_by_ffmpeg(path: Path) -> Song:
    """Decode all of it once to know how long it is."""
    frames = sum(len(block) for block in _by_ffmpeg(path))
    return Song(path, DECODED_RATE, _FFMPEG_CHANNELS, frames, "ffmpeg")


def _by_ffmpeg(path: Path) -> Iterator[Samples]:
    """Two channels at DECODED_RATE. Raises BadSong."""
    sound = ("-f", "f32le", "-ac", str(_FFMPEG_CHANNELS), "-ar", str(DECODED_RATE), "pipe:1")
    command = [
        *("-hide_banner", "-loglevel", "error", "-nostdin", "-format_whitelist", _FORMATS, "-xerror", *LOCAL),
        *("-i", f"file:{path}", "-map", "0:a:0", "-t", str(MAX_SECONDS + 1), *sound),
    ]
    size = 4 * _FFMPEG_CHANNELS
    try:
        for data in decode(command, size * BLOCK):
            whole = len(data) // size * size
            yield np.frombuffer(data[:whole], "<f4").reshape(-1, _FFMPEG_CHANNELS)
    except FfmpegError as error:
        if error.hung is not None:
            raise BadSong(
                path,
                f"ffmpeg did nothing for {error.hung:g} s while it was read; save it as wav or flac "
                "(VQANIM_FFMPEG_PATIENCE says how long to wait)",
            ) from error
        raise BadSong(path, _why_no_sound(error.words, path)) from error


def _why_no_sound(words: str, path: Path) -> str:
    last = words.rpartition("; ")[2].replace(f"file:{path}", path.name) or "ffmpeg said nothing"
    if "matches no streams" in words:
        return "has no sound in it"
    if "moov atom not found" in words or "partial file" in words or "Truncated" in words:
        return "is cut short; get it whole"
    if "Format not on whitelist" in words or "Invalid data found" in words:
        return "is no sound that can be read, allowed are wav, flac, ogg, mp3, m4a and what ffmpeg decodes"
    return f"cannot be read ({last[-200:]})"
