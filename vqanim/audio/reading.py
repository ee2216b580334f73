"""Sound files, read in blocks: wav, flac, ogg, mp3, aiff by soundfile, everything else by ffmpeg."""

from __future__ import annotations

import errno
import math
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vqanim.audio import channels
from vqanim.audio.headers import Headers, look
from vqanim.errors import InputError
from vqanim.ffmpeg import LOCAL, FfmpegError, decode
from vqanim.files import check_file, no_file, staged, warnings_off, writing

Samples = NDArray[np.float32]

MAX_SECONDS = 1800
LEAST_SECONDS = 0.1
MAX_CHANNELS = 64
LEAST_RATE, MAX_RATE = 1000, 768_000  # samples per second
MOST_PARTS, SIMPLE_PARTS = 100_000, 2000
"""Of the numbers in a ratio of two rates, and of one that stands for a ratio with larger ones: a filter has
twenty times as many taps."""
_UNKNOWN = 1 << 48  # samples that a header without a length is said to have
BLOCK = 1 << 16  # sample frames that are read at once
DECODED_RATE = 48_000  # samples per second of what ffmpeg decodes
ANALYSIS_RATE = 24_000  # samples per second of what is listened to; nothing above 12 kHz is needed
LOUDEST = 1e10  # 1 is full scale; some files hold whole numbers as fractions, of up to 32 bits
SILENCE = 1e-4  # a song that is never louder than this (-80 dB) is silent

# Of the many formats that ffmpeg knows, some are lists that name other files.
_FORMATS = (
    "mov,matroska,asf,aac,ac3,eac3,amr,ape,wv,tta,caf,mpegts,mpeg,avi,flv,mp3,wav,w64,aiff,flac,ogg,au,dsf"
)
_FFMPEG_CHANNELS = 2
_FFMPEG_MEMORY = 800 * 2**20
"""Bytes of addresses; a header that claims absurd rates would make it take gigabytes."""


_NOTHING = re.compile("Invalid data found|Nothing was written|does not contain any stream")


class BadSong(InputError):
    """A sound file that cannot be used."""

    def __init__(self, path: Path, reason: str) -> None:
        self.reason = reason  # as it goes on after the file's name
        super().__init__(f"{path}: {reason}")


@dataclass(frozen=True)
class Song:
    """A sound file that is there and whole."""

    path: Path
    rate: int  # samples per second
    channels: int
    frames: int  # samples of each channel
    decoder: str  # soundfile or ffmpeg
    tolerant: bool = False  # whether ffmpeg goes on where songs were joined
    input_options: tuple[str, ...] = ()  # of ffmpeg
    note: str | None = None  # what is odd about it, as it goes on after the file's name

    @property
    def seconds(self) -> float:
        """Its length."""
        return self.frames / self.rate


def open_song(path: Path) -> Song:
    """Look at a sound file. Where its headers cannot be believed, all of it is decoded once, to know how long
    it is. Raises BadSong for one that is missing, cut short, too long or no sound."""
    if wrong := no_file(path, "there is no such file"):
        raise BadSong(path, wrong)
    if path.stat().st_size == 0:
        raise BadSong(path, "the file is empty")
    headers = look(path)
    if headers.trouble:
        raise BadSong(path, headers.trouble)
    song = _by_its_header(path, headers) or _by_decoding(path, headers)
    song = replace(song, note=headers.note)
    if song.channels > MAX_CHANNELS or not LEAST_RATE <= song.rate <= MAX_RATE:
        raise BadSong(path, f"has {song.channels} channels at {song.rate} Hz, which is no music")
    if song.seconds > MAX_SECONDS:
        long = f"{int(song.seconds) // 60}:{int(song.seconds) % 60:02} minutes"
        raise BadSong(path, f"lasts {long}, allowed are {MAX_SECONDS // 60}: cut out the part that you need")
    if song.seconds < LEAST_SECONDS:
        held = f"{song.frames} sample" + "s" * (song.frames != 1)
        raise BadSong(path, f"holds {held} ({song.seconds:.2g} s), at least {LEAST_SECONDS} s are needed")
    return song


@contextmanager
def quiet() -> Iterator[None]:
    """Decoders write to the standard error, past Python, about what they skip in an mp3."""
    try:
        kept = os.dup(2)
    except OSError:  # there is none
        yield
        return
    try:
        with Path(os.devnull).open("wb") as nothing:
            os.dup2(nothing.fileno(), 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)


def _by_its_header(path: Path, headers: Headers) -> Song | None:
    """The song as soundfile sees it; None where it cannot read it, or guesses how long it is."""
    if headers.joined or headers.input_options or (headers.framed and headers.note):
        return None
    import soundfile

    try:
        with warnings_off(), quiet():
            info = soundfile.info(str(path))
    except (soundfile.SoundFileError, OSError, ValueError, TypeError):  # the last for a .raw without a header
        return None
    song = Song(path, int(info.samplerate), int(info.channels), int(info.frames), "soundfile")
    # Decoders leave out a frame or two at the borders of a song.
    guessed = (
        headers.seconds is not None and abs(headers.seconds - song.seconds) > 2.5 * headers.frame_seconds
    )
    unknown = song.frames >= _UNKNOWN or song.frames == 0
    return None if guessed or unknown else song


def _by_decoding(path: Path, headers: Headers) -> Song:
    tolerant, options = headers.framed, headers.input_options
    frames = sum(len(block) for block in _by_ffmpeg(path, tolerant, options))
    return Song(path, DECODED_RATE, _FFMPEG_CHANNELS, frames, "ffmpeg", tolerant, options)


def read_blocks(song: Song) -> Iterator[Samples]:
    """The whole song in blocks float32 [n, channels], in -1..1. Raises BadSong."""
    if song.decoder == "soundfile":
        blocks = _by_soundfile(song)
    else:
        blocks = _by_ffmpeg(song.path, song.tolerant, song.input_options)
    for block in blocks:
        if not (np.abs(block) <= LOUDEST).all():
            raise BadSong(
                song.path, "holds numbers that are no sound (not finite, or far too large); save it anew"
            )
        yield block


def read_mono(song: Song) -> Samples:
    """One channel at ANALYSIS_RATE, float32 [N]; 170 MB for the longest song. It is the mean of all channels,
    or the loudest where they cancel each other. Raises BadSong."""
    found = [np.zeros(1 + song.channels)]

    def mean(block: Samples) -> Samples:
        found.append(channels.energies(block))
        return np.asarray(block.mean(axis=1, dtype=np.float32))

    mono = _at_analysis_rate(map(mean, read_blocks(song)), song.rate)
    shares = channels.find_shares(np.stack(found)[1:])
    if shares is None:
        return mono
    blocks = (channels.mix(block, shares, number) for number, block in enumerate(read_blocks(song)))
    return _at_analysis_rate(blocks, song.rate)


def _at_analysis_rate(blocks: Iterator[Samples], rate: int) -> Samples:
    ratio = _simple(Fraction(ANALYSIS_RATE, rate))
    parts = [part.copy() for part in resampled(blocks, ratio.numerator, ratio.denominator)]
    return np.concatenate(parts) if parts else np.zeros(0, np.float32)


def _simple(ratio: Fraction) -> Fraction:
    """A ratio of small numbers, within half a millisecond in half an hour of one that has larger ones."""
    if max(ratio.numerator, ratio.denominator) <= MOST_PARTS:
        return ratio
    return (
        ratio.limit_denominator(SIMPLE_PARTS)
        if ratio < 1
        else 1 / (1 / ratio).limit_denominator(SIMPLE_PARTS)
    )


def resampled(blocks: Iterator[Samples], up: int, down: int) -> Iterator[Samples]:
    """Blocks of one channel at another rate, `up / down` times as many samples, without any delay: the filter
    is symmetric, and blocks overlap by more than its length, so that borders cannot be heard."""
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

    def middle(count: int) -> Samples:
        converted = resample_poly(held[: 2 * margin + count], up, down, window=taps)
        first = margin * up // down
        return np.asarray(converted[first : first + math.ceil(count * up / down)], np.float32)

    for block in blocks:
        held = np.concatenate([held, block])
        while len(held) >= 2 * margin + step:
            yield middle(step)
            held = held[step:]
    if (rest := len(held) - margin) > 0:
        held = np.concatenate([held, np.zeros(margin, np.float32)])
        yield middle(rest)


def _by_soundfile(song: Song) -> Iterator[Samples]:
    import soundfile

    try:
        with warnings_off(), quiet():
            check_file(song.path)
            opened = soundfile.SoundFile(str(song.path))
        with opened as file:
            while len(block := file.read(BLOCK, dtype="float32", always_2d=True)):
                yield block
    except (soundfile.SoundFileError, OSError, ValueError) as error:
        reason = str(error).rpartition(": ")[2] or "unknown"
        raise BadSong(song.path, f"cannot be decoded ({reason}); save it anew") from error


def _by_ffmpeg(path: Path, tolerant: bool, options: tuple[str, ...] = ()) -> Iterator[Samples]:
    """Two channels at DECODED_RATE. tolerant: what lies between two songs is no mistake. Raises BadSong."""
    strict = () if tolerant else ("-xerror",)
    sound = ("-f", "f32le", "-ac", str(_FFMPEG_CHANNELS), "-ar", str(DECODED_RATE), "pipe:1")
    command = [
        *("-hide_banner", "-loglevel", "error", "-nostdin", "-format_whitelist", _FORMATS, *strict, *LOCAL),
        *(*options, "-i", f"file:{path}", "-map", "0:a:0", "-t", str(MAX_SECONDS + 1), *sound),
    ]
    size = 4 * _FFMPEG_CHANNELS
    frames = 0
    try:
        for data in decode(command, size * BLOCK, memory=_FFMPEG_MEMORY):
            whole = len(data) // size * size
            frames += len(data) // size
            yield np.frombuffer(data[:whole], "<f4").reshape(-1, _FFMPEG_CHANNELS)
    except FfmpegError as error:
        raise BadSong(path, _why_no_sound(error, path, frames / DECODED_RATE)) from error


def _why_no_sound(error: FfmpegError, path: Path, seconds: float) -> str:
    """seconds: what was decoded before."""
    words = error.words
    last = words.rpartition("; ")[2].replace(f"file:{path}", path.name) or "ffmpeg said nothing"
    if error.hung is not None:
        how = "save it as wav or flac (VQANIM_FFMPEG_PATIENCE says how long to wait)"
        return f"ffmpeg did nothing for {error.hung:g} s while it was read; {how}"
    if "matches no streams" in words:
        return "has no sound in it"
    if "moov atom not found" in words or "partial file" in words or "Truncated" in words:
        return "is cut short; get it whole"
    if "Invalid data found" in words and seconds:
        return f"is damaged or cut short after {seconds:.1f} s; get it whole, or save it anew as wav"
    if "Format not on whitelist" in words or _NOTHING.search(words):
        return "is no sound that can be read, allowed are wav, flac, ogg, mp3, m4a and what ffmpeg decodes"
    return f"cannot be read ({last[-200:]})"


def write_wav(path: Path, rate: int, blocks: Iterable[Samples]) -> None:
    """Write blocks float32 [n, channels] as a wav of two channels. Raises OSError, and what they raise."""
    import soundfile

    try:
        with soundfile.SoundFile(str(path), "w", rate, 2, "PCM_16", format="WAV") as file:
            for block in blocks:
                file.write(np.clip(_stereo(block), -1.0, 1.0))
    except soundfile.LibsndfileError as error:  # which names no reason: mostly the disk is full
        raise OSError(errno.EIO, "the sound library could not write it", str(path)) from error


def _stereo(block: Samples) -> Samples:
    return block if block.shape[1] == 2 else np.repeat(block.mean(axis=1, keepdims=True), 2, axis=1)


def write_clicks(song: Song, beats: Sequence[float], downbeat: int, path: Path, meter: int = 4) -> None:
    """Write the song with a click on every beat as a wav, to hear whether they are right; the first beat of a
    bar is higher. Raises BadSong and OutputError."""
    bar, beat = _click(song.rate, 1760.0), _click(song.rate, 1174.7)

    def mixed() -> Iterator[Samples]:
        first = 0
        for block in read_blocks(song):
            block = _stereo(block) * np.float32(0.6)  # softer under the clicks
            for number, second in enumerate(beats):
                click = bar if (number - downbeat) % meter == 0 else beat
                at = round(second * song.rate) - first
                start, end = max(0, at), min(len(block), at + len(click))
                if start < end:
                    block[start:end] += click[start - at : end - at, None]
            yield block
            first += len(block)

    with writing(path), staged(path) as temporary:
        write_wav(temporary, song.rate, mixed())


def _click(rate: int, pitch: float) -> Samples:
    t = np.arange(round(0.05 * rate)) / rate
    return np.asarray(0.5 * np.sin(2 * np.pi * pitch * t) * np.exp(-t / 0.01), np.float32)
