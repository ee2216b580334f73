"""Films in one stream of video: H.264, ProRes, VP9, animated PNG."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

from vqanim.ffmpeg import BITEXACT, BITEXACT_FLAGS, LOCAL, encoding, raw_input
from vqanim.files import staged
from vqanim.film.probe import check_video
from vqanim.film.reel import Film, Format, Output, Reel, Sink, play_into
from vqanim.film.sound import RATES, sound_digest, write_sound
from vqanim.leftovers import scratch_folder
from vqanim.timeline.plan import Chapter, SoundPlan

WITH_CHAPTERS = ("mp4", "mov", "webm")  # containers that can name parts of a film
THREADS = 4  # x264's bytes depend on its thread count, so it is the same on every machine

# RGB of the frames to limited-range BT.709. Without a word ffmpeg converts by BT.601 and tags nothing, and
# players, which take large pictures for BT.709, show greens and reds shifted.
_COLOR = (
    "scale=in_range=full:out_range=limited:out_color_matrix=bt709:flags=bicubic+accurate_rnd+full_chroma_int,"
    "format={pixels},"
    "setparams=range=limited:color_primaries=bt709:color_trc=bt709:colorspace=bt709"
)


@dataclass(frozen=True)
class VideoFormat(Format):
    """A container with its encoder and the encoder's settings."""

    ending: str  # what comes after the film's name
    format: str  # name of the container for ffmpeg
    encoder: str
    options: tuple[str, ...] = ()
    pixels: str = "yuv420p"  # pixel format; `rgb24` is not converted
    crf: int | None = None
    highest_crf: int = 51
    keyframe_seconds: Fraction | None = None
    """A picture that stands for itself at least so often; None leaves it to the encoder."""
    audio: tuple[str, ...] = ()  # ffmpeg's options for sound; a container without them has none
    fit: str = ""  # a filter that fits the picture into what a place wants
    least_fps: int = 0
    """Frames of slower films are shown twice, or more often, until there are so many a second."""

    def output(self, name: str, film: Film) -> Output:
        """The whole film. Quality is what is asked for; of `web`, which a render makes, the scene's; else the
        format's own."""
        timeline, path = film.timeline, film.path(self.ending)
        crf = timeline.crf if name == "web" else self.crf
        if film.options.crf is not None and self.crf is not None:
            crf = film.options.crf
        settings = VideoSettings(self, crf, timeline.title, timeline.chapters, film.options.upscale)
        # A change of these three needs no new file.
        kind = {name: value for name, value in vars(self).items() if name not in ("ending", "audio")}
        contents: dict[str, Any] = film.shown | asdict(settings) | {"kind": kind}
        sound = timeline.sound if self.audio else None
        if sound is not None:
            contents["sound"] = [*self.audio, sound_digest(sound)]
        label = "mp4" if name == "web" else name
        frames = range(film.reel.count)
        return Output(label, path, contents, frames, lambda: open_video(film.reel, path, settings, sound))


_FITTED_WIDTH = 1080
# As small as Instagram shows a wide picture, and as tall as it shows an upright one.
_INSTAGRAM = (
    "pad=w='max(iw,ih*4/5)':h='max(ih,iw*100/191)':x=(ow-iw)/2:y=(oh-ih)/2,"
    f"scale={_FITTED_WIDTH}:-2:flags=lanczos+accurate_rnd+full_chroma_int"
)
_AAC = ("-c:a", "aac", "-b:a")
_FAST_START = ("-movflags", "+faststart")

WEB = VideoFormat(
    ending=".mp4",
    format="mp4",
    encoder="libx264",
    options=("-preset", "medium", *_FAST_START),
    crf=17,
    audio=(*_AAC, "192k"),
)
YOUTUBE = replace(
    WEB,
    ending="-youtube.mp4",
    options=("-preset", "slow", "-profile:v", "high", "-bf", "2", *_FAST_START),
    crf=14,
    keyframe_seconds=Fraction(1, 2),
    audio=(*_AAC, "320k"),
)
INSTAGRAM = replace(
    WEB,
    ending="-instagram.mp4",
    options=("-preset", "faster", *_FAST_START),  # encoded once more there: a smaller file is not worth it
    crf=18,
    keyframe_seconds=Fraction(1),
    fit=_INSTAGRAM,
    least_fps=23,
)
FULL_COLOR = replace(WEB, ending="-444.mp4", pixels="yuv444p", crf=14)
PRORES = VideoFormat(
    ending=".mov",
    format="mov",
    encoder="prores_ks",
    options=("-profile:v", "3", "-vendor", "apl0"),
    pixels="yuv422p10le",
    audio=("-c:a", "pcm_s16le"),
)
WEBM = VideoFormat(
    ending=".webm",
    format="webm",
    encoder="libvpx-vp9",
    options=("-b:v", "0", "-deadline", "good", "-cpu-used", "4", "-row-mt", "1"),
    crf=30,
    highest_crf=63,
    audio=("-c:a", "libopus", "-b:a", "160k"),
)
APNG = VideoFormat(".apng", "apng", "apng", ("-plays", "0"), "rgb24")


@dataclass(frozen=True)
class VideoSettings:
    """What is asked of one file."""

    kind: VideoFormat = WEB
    crf: int | None = None
    title: str = ""
    chapters: tuple[Chapter, ...] = ()
    upscale: int = 1


def write_video(reel: Reel, path: Path, settings: VideoSettings, sound: SoundPlan | None = None) -> None:
    """Encode a film, as `open_video` does. Raises OutputError and BadSong."""
    with open_video(reel, path, settings, sound) as sink:
        play_into(reel, [(range(reel.count), sink)])


@contextmanager
def open_video(
    reel: Reel, path: Path, settings: VideoSettings, sound: SoundPlan | None = None
) -> Iterator[Sink]:
    """Encode the pictures of a film, all of them in order, each shown for 1 / fps seconds, with its sound
    where the container takes one.

    The file appears at `path` whole or not at all; the same pictures and settings give the same bytes.
    Raises OutputError, and BadSong for a song that cannot be read.
    """
    kind = settings.kind
    title = " ".join("".join(c if c.isprintable() else " " for c in settings.title).split())
    with scratch_folder() as scratch, staged(path) as temporary:
        heard = sound if kind.audio else None
        chapters = _chapters(settings, reel, Path(scratch) / "chapters.txt")
        song, heard_as = _audio(heard, kind, reel, Path(scratch) / "sound.wav", 2 if chapters else 1)
        arguments = [
            *raw_input(reel.width, reel.height, reel.fps, even=True),
            *(("-f", "ffmetadata", "-i", str(chapters)) if chapters else ()),
            *song,
            *(("-map", "0:v") if chapters or heard else ()),
            *heard_as,
            *(("-map_chapters", "1", "-map_metadata", "1") if chapters else ()),
            *("-vf", _filters(settings, reel), "-c:v", kind.encoder, "-threads", str(THREADS)),
            *_quality(settings, reel.fps),
            *(BITEXACT if not chapters else BITEXACT_FLAGS),
            *("-metadata", f"title={title}"),
            *kind.options,
            *("-f", kind.format),
        ]
        with encoding(arguments, temporary, even=True, film=path) as encoder:
            yield encoder
        check_video(temporary, kind.format, reel.count / reel.fps, path)


def _audio(
    sound: SoundPlan | None, kind: VideoFormat, reel: Reel, wav: Path, number: int
) -> tuple[list[str], list[str]]:
    """Input `number` of ffmpeg, and how it is encoded. The muxer's edit list hides the encoder's delay."""
    if sound is None:
        return [], []
    rate = write_sound(sound, reel.count / reel.fps, wav)
    resample = [] if rate in RATES else ["-ar", str(RATES[-1])]
    encoded = ["-map", f"{number}:a", *kind.audio, *resample, "-flags:a", "+bitexact"]
    return [*LOCAL, "-i", str(wav)], encoded


def _filters(settings: VideoSettings, reel: Reel) -> str:
    kind, times = settings.kind, math.ceil(settings.kind.least_fps / reel.fps)
    factor = settings.upscale
    if kind.fit and reel.crisp:  # what is fitted is only shrunk, so that borders stay where they are
        factor *= math.ceil(_FITTED_WIDTH / (factor * reel.width))
    upscale = upscale_filter(factor, reel.crisp) if factor > 1 else ""
    double = f"fps={times * reel.fps}:eof_action=pass" if times > 1 else ""
    pixels = "format=rgb24" if kind.pixels == "rgb24" else color_filter(kind.pixels)
    return ",".join(filter(None, (upscale, kind.fit, double, pixels)))


def color_filter(pixels: str) -> str:
    """The ffmpeg filter that turns RGB into a pixel format of video, and tags it."""
    return _COLOR.format(pixels=pixels)


def upscale_filter(factor: int, crisp: bool) -> str:
    """The ffmpeg filter that enlarges by Lanczos resampling, or shows every pixel as a square."""
    how = "neighbor" if crisp else "lanczos"
    return f"scale=iw*{factor}:ih*{factor}:flags={how}+accurate_rnd+full_chroma_int"


def _quality(settings: VideoSettings, fps: Fraction) -> list[str]:
    kind = settings.kind
    crf = kind.crf if settings.crf is None else settings.crf
    arguments = [] if kind.crf is None else ["-crf", str(crf)]
    if kind.keyframe_seconds is not None:
        arguments += ["-g", str(max(1, round(fps * kind.keyframe_seconds)))]
    return arguments


def _chapters(settings: VideoSettings, reel: Reel, notes: Path) -> Path | None:
    """The file of a second input that holds the chapters; one alone says nothing."""
    chapters = settings.chapters
    if len(chapters) < 2 or settings.kind.format not in WITH_CHAPTERS:
        return None
    ends = [*(chapter.first for chapter in chapters[1:]), reel.count]
    base = f"TIMEBASE={reel.fps.denominator}/{reel.fps.numerator}"
    lines = [";FFMETADATA1"]
    for chapter, end in zip(chapters, ends, strict=True):
        lines += ["[CHAPTER]", base, f"START={chapter.first}", f"END={end}", f"title={chapter.name}"]
    notes.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return notes
