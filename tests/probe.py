"""What is in a film file. imageio-ffmpeg brings no ffprobe, so ffmpeg itself is asked."""

from __future__ import annotations

import re
import subprocess
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np

from vqanim.errors import InputError
from vqanim.ffmpeg import executable
from vqanim.pictures import Picture

_STREAM = re.compile(r"Stream #0:\d+.*?: Video: (\w+).*?, (\w+)(?:\(([^)]*)\))?, (\d+)x(\d+)")


@dataclass(frozen=True)
class VideoInfo:
    """The first video stream of a file."""

    codec: str
    pix_fmt: str
    color: str
    """Range and color space as ffmpeg words them, as in `tv, bt709, progressive`; may be empty."""
    width: int
    height: int
    frames: int
    """Frames that can be decoded."""
    duration: Fraction
    """Seconds: the durations of all frames, added."""

    @property
    def fps(self) -> Fraction:
        """Frames a second, on average; exact where the container's clock is."""
        return Fraction(self.frames) / self.duration if self.duration else Fraction(0)


def probe(path: Path) -> VideoInfo:
    """Read what a film file holds, decoding all of it. Raises InputError when it is no whole film."""
    decoded, words = _run(path, "-map", "0:v:0", "-fps_mode", "passthrough", "-f", "framecrc", "-")
    packets, _ = _run(path, "-map", "0:v:0", "-c", "copy", "-f", "framecrc", "-")
    match = _STREAM.search(words)
    if match is None:
        raise InputError(f"{path}: no video stream in it")
    codec, pix_fmt, color, width, height = match.groups()
    return VideoInfo(
        codec=codec,
        pix_fmt=pix_fmt,
        color=color or "",
        width=int(width),
        height=int(height),
        frames=len(_rows(decoded)),
        duration=sum((row * _clock(packets) for row in _rows(packets)), Fraction(0)),
    )


def decode_frame(path: Path, index: int) -> Picture:
    """Frame `index` (from 0) as uint8 [H, W, 3]. Raises InputError when there is none."""
    select = f"select=eq(n\\,{index}),scale=flags=bicubic+accurate_rnd+full_chroma_int,format=rgb24"
    arguments = ["-map", "0:v:0", "-vf", select, "-fps_mode", "passthrough", "-frames:v", "1"]
    packed, _ = _run_bytes(path, *arguments, "-c:v", "ppm", "-f", "image2pipe", "-")
    header = re.match(rb"P6\s+(\d+)\s+(\d+)\s+255\s", packed)
    if header is None:
        raise InputError(f"{path}: there is no frame {index} in it")
    width, height = int(header[1]), int(header[2])
    picture: Picture = np.frombuffer(packed[header.end() :], np.uint8).reshape(height, width, 3)
    return picture.copy()


def _clock(framecrc: str) -> Fraction:
    """Seconds a tick of a framecrc listing."""
    match = re.search(r"^#tb 0: (\d+)/(\d+)", framecrc, re.MULTILINE)
    return Fraction(int(match[1]), int(match[2])) if match else Fraction(0)


def _rows(framecrc: str) -> list[int]:
    """Duration in ticks of each frame of a framecrc listing."""
    lines = (line for line in framecrc.split("\n") if line and not line.startswith("#"))
    return [int(line.split(",")[3]) for line in lines]


def _run(path: Path, *arguments: str) -> tuple[str, str]:
    output, words = _run_bytes(path, *arguments)
    return output.decode("utf-8", "replace"), words


def _run_bytes(path: Path, *arguments: str) -> tuple[bytes, str]:
    """Standard output and messages of ffmpeg reading a file. Raises InputError when it cannot."""
    command = [executable(), "-hide_banner", "-nostdin", "-xerror", "-i", str(path), *arguments]
    done = subprocess.run(command, capture_output=True, check=False)
    words = done.stderr.decode("utf-8", "replace")
    if done.returncode != 0:
        last = words.strip().split("\n")[-1]
        raise InputError(f"{path}: ffmpeg cannot read this film ({last})")
    return done.stdout, words
