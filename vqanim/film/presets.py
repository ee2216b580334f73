"""What a film can be delivered as: a table of presets, and the files that they make."""

from __future__ import annotations

import re
import secrets
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from fractions import Fraction
from pathlib import Path
from types import MappingProxyType
from typing import Any

from vqanim.errors import OutputError, UsageError
from vqanim.files import TEMP_SUFFIX, make_folder, writing
from vqanim.film.compose import Find, make_reel
from vqanim.film.ffmpeg import encoding, raw_input
from vqanim.film.film import Output, poster
from vqanim.film.gif import MAX_FPS, choose_frames, open_gif
from vqanim.film.pictures import Reel, Sink
from vqanim.film.sound import sound_digest
from vqanim.film.video import MP4, VideoKind, VideoSettings, open_video, upscale_filter
from vqanim.timeline.plan import Timeline

_FRAME = re.compile(r"\d{6,}\.png")
MAX_SIDE = 16_384
"""Pixels of an enlarged film; x264 knows no larger ones."""

# As small as Instagram shows a wide picture, and as tall as it shows an upright one.
_INSTAGRAM = (
    "pad=w='max(iw,ih*4/5)':h='max(ih,iw*100/191)':x=(ow-iw)/2:y=(oh-ih)/2,"
    "scale=1080:-2:flags=lanczos+accurate_rnd+full_chroma_int"
)


@dataclass(frozen=True)
class Preset:
    """One way to deliver a film."""

    about: str
    """For people."""
    ending: str
    """What comes after the film's name."""
    video: VideoKind | None = None
    """None for GIFs and frames."""


PRESETS = MappingProxyType(
    {
        "web": Preset("H.264 for every player and browser", ".mp4", MP4),
        "youtube": Preset(
            "H.264 of high quality, a keyframe every half second",
            "-youtube.mp4",
            VideoKind(
                "mp4",
                "libx264",
                ("-preset", "slow", "-profile:v", "high", "-bf", "2", "-movflags", "+faststart"),
                crf=14,
                keyframe_seconds=Fraction(1, 2),
                audio=("-c:a", "aac", "-b:a", "320k"),
            ),
        ),
        "instagram": Preset(
            "H.264, 1080 pixels wide, 23 fps or more (frames are doubled), at most 4:5 upright",
            "-instagram.mp4",
            replace(
                MP4,
                # They encode it once more, so that a smaller file is not worth the time.
                options=("-preset", "faster", "-movflags", "+faststart"),
                crf=18,
                keyframe_seconds=Fraction(1),
                fit=_INSTAGRAM,
                least_fps=23,
            ),
        ),
        "prores": Preset(
            "ProRes 422 HQ for editing programs",
            ".mov",
            VideoKind(
                "mov",
                "prores_ks",
                ("-profile:v", "3", "-vendor", "apl0"),
                "yuv422p10le",
                audio=("-c:a", "pcm_s16le"),
            ),
        ),
        "webm": Preset(
            "VP9 for web pages",
            ".webm",
            VideoKind(
                "webm",
                "libvpx-vp9",
                ("-b:v", "0", "-deadline", "good", "-cpu-used", "4", "-row-mt", "1"),
                crf=30,
                highest_crf=63,
                audio=("-c:a", "libopus", "-b:a", "160k"),
            ),
        ),
        "gif": Preset("a looping GIF, bounded in size unless --gif-full", ".gif"),
        "apng": Preset(
            "an animated PNG without loss", ".apng", VideoKind("apng", "apng", ("-plays", "0"), "rgb24")
        ),
        "frames": Preset("every frame of the film as a PNG", "-frames"),
    }
)


@dataclass(frozen=True)
class Wishes:
    """What is asked of all files."""

    crf: int | None = None
    upscale: int = 1
    gif_full: bool = False


def outputs(
    names: Sequence[str], timeline: Timeline, find: Find, folder: Path, stem: str, wishes: Wishes
) -> list[Output]:
    """The files of some presets, or, where there are none, what a render makes: MP4, GIF and poster.

    Raises UsageError for wishes that a preset cannot fulfil.
    """
    largest = max(timeline.width, timeline.height) * wishes.upscale
    if largest > MAX_SIDE:
        raise UsageError(f"--upscale {wishes.upscale}: makes {largest} pixels a side, allowed {MAX_SIDE}")
    if wishes.crf is not None:
        _check_crf(names or ("web",), wishes.crf)
    name = stem if wishes.upscale == 1 else f"{stem}-{wishes.upscale}x"
    reel = make_reel(timeline, find)
    if not names:
        made = [_output(each, timeline, reel, folder, name, wishes) for each in ("web", "gif")]
        return [*made, poster(timeline, find, folder)]
    return [_output(each, timeline, reel, folder, name, wishes) for each in dict.fromkeys(names)]


def _output(preset: str, timeline: Timeline, reel: Reel, folder: Path, stem: str, wishes: Wishes) -> Output:
    kind = PRESETS[preset]
    fps = {"fps": str(timeline.fps), "upscale": wishes.upscale}
    frames = range(reel.count)
    path = folder / f"{stem}{kind.ending}"
    if kind.video is not None:
        settings = VideoSettings(
            kind.video,
            _crf(preset, kind.video, timeline, wishes),
            timeline.title,
            timeline.chapters,
            wishes.upscale,
        )
        label = "mp4" if preset == "web" else preset
        said: dict[str, Any] = fps | asdict(settings)
        del said["kind"]["audio"]
        sound = timeline.sound if kind.video.audio else None
        if sound is not None:
            said["sound"] = [*kind.video.audio, sound_digest(sound)]
        return Output(label, path, said, frames, lambda: open_video(reel, path, settings, sound))
    if preset == "frames":
        return Output("frames", path, fps, frames, lambda: open_frames(reel, path, wishes.upscale))
    gif_fps, width = timeline.gif_fps, timeline.gif_width
    if wishes.gif_full:
        gif_fps, width, path = min(timeline.fps, MAX_FPS), timeline.width, folder / f"{stem}-full.gif"
    return Output(
        "gif",
        path,
        fps | {"gif_fps": str(gif_fps), "width": width},
        choose_frames(reel.count, reel.fps, gif_fps)[0],
        lambda: open_gif(reel, path, gif_fps, width, wishes.upscale),
    )


def _crf(preset: str, kind: VideoKind, timeline: Timeline, wishes: Wishes) -> int | None:
    """Quality: what is asked for; of the film that a render makes, the scene's; else the preset's own."""
    if wishes.crf is None or kind.crf is None:
        return timeline.crf if preset == "web" else kind.crf
    return wishes.crf


def _check_crf(names: Sequence[str], crf: int) -> None:
    """Raises UsageError for a quality that no preset, or not each that has one, can take."""
    kinds = {name: video for name in names if (video := PRESETS[name].video) and video.crf is not None}
    if not kinds:
        raise UsageError(f"--crf: {' and '.join(names)} have no such number, leave it out")
    for name, kind in kinds.items():
        if crf > kind.highest_crf:
            raise UsageError(f"--crf {crf}: allowed for {name} are 0 to {kind.highest_crf}")


@contextmanager
def open_frames(reel: Reel, path: Path, upscale: int = 1) -> Iterator[Sink]:
    """Every picture of the film as 000000.png and so on, in a folder that appears whole or not at all.

    A folder of frames that is there is replaced; the caller knows that it was made here.
    Raises OutputError, also when there is anything else in it.
    """
    if others := [file.name for file in path.glob("*") if not _FRAME.fullmatch(file.name)]:
        raise OutputError(f"{path}: holds {others[0]}, which is no frame; move it, or choose another folder")
    staging = path.with_name(f".{path.name}.{secrets.token_hex(4)}{TEMP_SUFFIX}")
    make_folder(staging)
    fps = f"{reel.fps.numerator}/{reel.fps.denominator}"
    enlarge = ["-vf", upscale_filter(upscale)] if upscale > 1 else []
    arguments = [
        *raw_input(reel.width, reel.height, fps),
        *enlarge,
        "-pix_fmt",
        "rgb24",
        "-start_number",
        "0",
    ]
    try:
        with encoding(arguments, staging / "%06d.png") as encoder:
            yield encoder
        with writing(path):
            if path.exists():
                shutil.rmtree(path)
            staging.rename(path)
    finally:
        shutil.rmtree(staging, ignore_errors=True)
